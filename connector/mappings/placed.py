"""Expressions at their places in YAML: compiled, with every error and every name found again in the file.

A scalar's text is not what stands in the file: quotes, escapes, folding and indentation are gone.
`offsets` finds the way back, so that an error in the third line of a block points into the third line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from connector.mappings.complaint import complaints
from connector.mappings.diagnostics import Findings
from connector.mappings.document import Kind, Node
from connector.mappings.expression import MAX_LENGTH, CompileError, Environment, Expression
from connector.mappings.syntax import Reference

MAX_TREE_LENGTH = 40_000
"""Longest expression made from a tree, in characters."""

Gives = Literal["anything", "condition", "text", "list"]


# -- from a scalar's text back to the file ---------------------------------------------------------------

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)", re.DOTALL)
_HEADER = re.compile(r"[|>][^\r\n]*(?:\r\n|\n|\r)?")
_SPACE = " \t\r\n"


def offsets(node: Node) -> tuple[int, ...]:
    """For every character of a scalar's text its offset in the file, and one more for the end."""
    raw = node.file.text
    start, end = node.start, node.end
    if node.style in {"'", '"'}:
        start, end = start + 1, max(start + 1, end - 1)
    elif node.style in {"|", ">"}:
        header = _HEADER.match(raw, start)
        start = header.end() if header else start
    elif raw.startswith(node.text, start):
        return tuple(range(start, start + len(node.text) + 1))
    found: list[int] = []
    at = start
    position = 0
    while position < len(node.text):
        if node.text[position] in _SPACE and not (node.style == '"' and raw.startswith("\\", at)):
            width = _run(node.text, position, len(node.text))
            gap = _run(raw, at, end)
            found += (min(at + step, at + max(gap - 1, 0)) for step in range(width))
            position, at = position + width, at + gap
            continue
        if node.style != '"' or not raw.startswith("\\", at):
            at += _run(raw, at, end)
        found.append(min(at, end))
        if node.style == '"' and raw.startswith("\\", at):
            escape = _ESCAPE.match(raw, at)
            at = escape.end() if escape else at + 1
            if escape and escape.group()[1] in "\r\n":
                found.pop()
                at += _run(raw, at, end)
                continue
        elif node.style == "'" and raw.startswith("''", at):
            at += 2
        else:
            at += 1
        position += 1
    return (*found, min(at, end))


def _run(text: str, at: int, end: int) -> int:
    start = at
    while at < end and text[at] in _SPACE:
        at += 1
    return at - start


# -- expressions with their places -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A stretch of an expression's text that was written in one scalar."""

    start: int
    end: int
    node: Node
    places: Sequence[int]

    def find(self, offset: int) -> int:
        """The offset in the file of an offset in the expression."""
        return self.places[max(0, min(offset - self.start, len(self.places) - 1))]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """An expression and where its text came from: one scalar, or many leaves of a tree."""

    expression: Expression
    node: Node
    pieces: Sequence[Piece]

    @property
    def references(self) -> tuple[Reference, ...]:
        """What it reads."""
        return self.expression.references

    def report(self, findings: Findings, code: str, offset: int, width: int, message: str, *, hint: str = "") -> None:
        """Note a finding about a stretch of the expression's text."""
        piece = next((piece for piece in self.pieces if piece.start <= offset <= piece.end), None)
        if piece is None:
            self.node.report(findings, code, message, hint=hint)
            return
        start = piece.find(offset)
        findings.add(code, self.node.file, start, message, hint=hint, end=max(piece.find(offset + width), start + 1))


@dataclass(slots=True)
class Expressions:
    """Compiles the expressions of a set. One that is refused is reported, and a stand-in is given back, so
    that the rest of the set can still be checked; the set as a whole is refused anyway.
    """

    findings: Findings
    placed: dict[int, Placed] = field(default_factory=dict)
    """By the identity of the expression."""
    _kept: list[Expression] = field(default_factory=list)

    def scalar(self, node: Node, environment: Environment, gives: Gives = "anything") -> Expression:
        """The expression in a scalar."""
        text = node.text if node.kind is not Kind.BOOLEAN else node.text.lower()
        piece = Piece(0, len(text), node, offsets(node))
        return self._compile(text, environment, node, pieces=(piece,), gives=gives)

    def tree(self, node: Node, environment: Environment) -> Expression:
        """The expression that gives the whole of a YAML tree whose leaves are expressions."""
        if node.is_scalar:
            return self.scalar(node, environment) if node.text.strip() else environment.compile("null", node.source)
        text: list[str] = []
        pieces: list[Piece] = []
        length = 0
        usable = True
        for part in _parts(node):
            if isinstance(part, str):
                piece_text = part
            else:
                usable &= self._leaf(part, environment)
                piece_text = _leaf_text(part.node)
                pieces.append(Piece(length, length + len(piece_text), part.node, offsets(part.node)))
            text.append(piece_text)
            length += len(piece_text)
        if not usable:
            return environment.compile("null", node.source)
        return self._compile("".join(text), environment, node, pieces=pieces, longest=MAX_TREE_LENGTH)

    def of(self, expression: Expression) -> Placed | None:
        """Where an expression was written; None for those that nobody wrote."""
        return self.placed.get(id(expression))

    def _leaf(self, leaf: _Leaf, environment: Environment) -> bool:
        """Check a leaf by itself: its errors are its own, and it can't reach beyond its place."""
        text = _leaf_text(leaf.node)
        piece = Piece(0, len(text), leaf.node, offsets(leaf.node))
        try:
            found = environment.result_type(text)
        except CompileError as error:
            self._refuse(error, text, environment, leaf.node, (piece,))
            return False
        if leaf.optional != ("optional_type" in found.lower()):
            message, hint = (
                ("This always gives a value, so its key needs no `?`.", "Write `a.?b` for a value that may be absent.")
                if leaf.optional
                else (
                    "This may give nothing.",
                    "End it with `.orValue(...)`, or end the key with `?` to leave it out then.",
                )
            )
            leaf.node.report(self.findings, "MAP023", message, hint=hint)
            return False
        return True

    def _compile(
        self,
        text: str,
        environment: Environment,
        node: Node,
        *,
        pieces: Sequence[Piece],
        gives: Gives = "anything",
        longest: int = MAX_LENGTH,
    ) -> Expression:
        try:
            expression = environment.compile(text, node.source, longest=longest)
        except CompileError as error:
            self._refuse(error, text, environment, node, pieces)
            return environment.compile("true" if gives == "condition" else "null", node.source)
        found = expression.result_type
        if not _fits(found, gives):
            wanted = {"condition": "true or false", "text": "text", "list": "a list", "anything": "a JSON value"}[gives]
            node.report(self.findings, "MAP024", f"Here belongs {wanted}, and this gives {_TYPES.get(found, found)}.")
        self.placed[id(expression)] = Placed(expression, node, pieces)
        self._kept.append(expression)
        return expression

    def _refuse(
        self, error: CompileError, text: str, environment: Environment, node: Node, pieces: Sequence[Piece]
    ) -> None:
        stand_in = Placed(environment.compile("null", node.source), node, pieces)
        for fault in complaints(error, text, environment, node):
            stand_in.report(self.findings, fault.code, fault.offset, fault.width, fault.message, hint=fault.hint)


_TYPES = {
    "BOOL": "true or false",
    "INT": "a whole number",
    "UINT": "a whole number",
    "DOUBLE": "a number",
    "STRING": "text",
    "TIMESTAMP": "a time",
    "DURATION": "a duration",
    "BYTES": "bytes",
    "NULL": "nothing",
}


def _fits(found: str, gives: Gives) -> bool:
    if gives == "condition":
        return found in {"BOOL", "DYN"}
    if gives == "text":
        return found in {"STRING", "DYN", "TIMESTAMP"}
    if gives == "list":
        return found not in _TYPES
    return found not in {"BYTES", "TYPE"}


# -- trees -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Leaf:
    node: Node
    optional: bool = False


def _parts(node: Node) -> Iterator[str | _Leaf]:
    """The text of the expression for a tree, with its leaves in their places."""
    if node.is_scalar:
        # the line break ends a comment that the leaf may end in
        yield from ("(", _Leaf(node), "\n)") if node.text.strip() else ("null",)
    elif node.kind is Kind.LIST:
        yield "["
        for index, item in enumerate(node.items):
            yield ", " if index else ""
            yield from _parts(item)
        yield "]"
    else:
        yield "{"
        for index, (key, value) in enumerate(node.entries):
            yield ", " if index else ""
            optional = key.text.endswith("?")
            yield f"{'?' if optional else ''}{json.dumps(key.text.removesuffix('?'), ensure_ascii=False)}: "
            yield from ("(", _Leaf(value, optional=True), "\n)") if optional and value.text.strip() else _parts(value)
        yield "}"


def _leaf_text(node: Node) -> str:
    """A leaf as CEL: numbers and booleans of YAML by their value, all else as it was written."""
    if node.kind in {Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN}:
        return json.dumps(node.plain)
    return "null" if node.kind is Kind.NULL else node.text
