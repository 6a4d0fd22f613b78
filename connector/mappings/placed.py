"""Expressions at their places in YAML: compiled, with every error and every name found again in the file.

A scalar's text is not what stands in the file: quotes, escapes, folding and indentation are gone.
`offsets` finds the way back, so that an error in the third line of a block points into the third line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from connector.mappings.diagnostics import Findings, did_you_mean
from connector.mappings.document import Kind, Node
from connector.mappings.expression import MAX_LENGTH, CompileError, Environment, Expression
from connector.mappings.syntax import Reference

MAX_TREE_LENGTH = 40_000
"""Longest expression made from a tree, in characters."""

Gives = Literal["anything", "condition", "text"]


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
            wanted = {"condition": "true or false", "text": "text", "anything": "a JSON value"}[gives]
            node.report(self.findings, "MAP024", f"Here belongs {wanted}, and this gives {_TYPES.get(found, found)}.")
        self.placed[id(expression)] = Placed(expression, node, pieces)
        self._kept.append(expression)
        return expression

    def _refuse(
        self, error: CompileError, text: str, environment: Environment, node: Node, pieces: Sequence[Piece]
    ) -> None:
        stand_in = Placed(environment.compile("null", node.source), node, pieces)
        is_syntax = "yntax" in error.message  # what follows is only confused by it
        for fault in (error,) if is_syntax else (error, *error.others):
            code, message, hint, offset, width = _explain(fault, text, environment, node)
            stand_in.report(self.findings, code, offset, width, message, hint=hint)


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


# -- what CEL says, for people ---------------------------------------------------------------------------

_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '(.*)'")
_UNEXPECTED = re.compile(r"(?:mismatched|extraneous) input '(.*?)' expecting ?(.*)", re.DOTALL)
_UNKNOWN_TOKEN = re.compile(r"token recognition error at: '(.*)'", re.DOTALL)
_OPERATOR = re.compile(r"^!?_?(.*?)_?$")


def _explain(fault: CompileError, text: str, environment: Environment, node: Node) -> tuple[str, str, str, int, int]:
    """Code, message, hint, and the stretch of the text that a fault is about."""
    lines = text.split("\n")
    offset = sum(len(line) + 1 for line in lines[: fault.line - 1]) + fault.column - 1
    offset = max(0, min(offset, len(text)))
    message = fault.message
    if "characters;" in message:
        return "MAP027", f"T{message[1:]}.", "Take it apart: a list, a class, or an attribute of its own.", 0, 1
    if message == "the result may be absent":
        return "MAP023", "This may give nothing.", fault.hint, 0, len(text)
    if match := _UNDECLARED.search(message):
        return _undeclared(match.group(1), text, offset, environment, node)
    if match := _OVERLOAD.search(message):
        name = match.group(1)
        operator = _OPERATOR.sub(r"\1", name) if "_" in name else name
        operator = {"?_:": "? :", "[": "[ ]", "&&": "&&"}.get(operator, operator).replace("@", "")
        return "MAP021", f"`{operator}` can't be applied to ({match.group(2)[1:-1]}).", "", offset, len(operator)
    if "Syntax error" in message:
        return _syntax_error(message, text, offset, node)
    return ("MAP020" if "yntax" in message else "MAP021"), f"{message[:1].upper()}{message[1:]}.", "", offset, 1


def _undeclared(
    name: str, text: str, offset: int, environment: Environment, node: Node
) -> tuple[str, str, str, int, int]:
    head = name.lstrip(".").partition(".")[0]
    at = text.rfind(head, 0, offset + len(head))
    at = at if at >= 0 else offset
    if re.match(r"\s*\(", text[offset:]) and "." not in name:
        return (
            "MAP021",
            f"There is no function `{name}`.",
            did_you_mean(name, _FUNCTIONS, otherwise=False),
            at,
            len(head),
        )
    hint = did_you_mean(head, environment.variables)
    if text.strip() == name:
        quoted = f"'\"{name}\"'"
        hint = f"{hint} If it is text, it needs quotes of its own: {quoted}."
    elif node.style in {"'", '"'} and not re.search(r"[\"']", node.text):
        hint = f"{hint} YAML's own quotes are not part of the expression."
    return "MAP022", f"`{head}` is not known here.", hint, at, len(head)


def _syntax_error(message: str, text: str, offset: int, node: Node) -> tuple[str, str, str, int, int]:
    detail = message.partition("Syntax error: ")[2]
    said = f"This is not CEL: {detail}."
    width = 1
    if match := _UNEXPECTED.search(detail):
        found, width = match.group(1), max(1, len(match.group(1)))
        if found == "<EOF>":
            said, width = "The expression ends too early.", 1
        else:
            said = f"`{found}` is not expected here."
    elif match := _UNKNOWN_TOKEN.search(detail):
        found = match.group(1)
        said, width = f"`{found.strip()}` is not known in CEL.", max(1, len(found.strip()))
        if found.startswith(("'", '"')):
            said = "The text has no closing quote."
    hint = _syntax_hint(text, offset, node)
    return "MAP020", said, hint, offset, width


def _syntax_hint(text: str, offset: int, node: Node) -> str:
    rest = text[offset:]
    if re.match(r"=(?!=)", rest):
        return "Compare with `==`."
    if re.match(r"(and|or|not)\b", rest, re.IGNORECASE):
        return "CEL writes `&&`, `||` and `!`."
    if re.match(r"\?", rest) and ":" not in rest:
        return "A choice is `condition ? this : that`."
    bare = not re.search(r"[\"']", text)
    if bare and re.fullmatch(r"[\w ./-]+", text):
        return f"If it is text, it needs quotes of its own: '\"{text}\"'."
    if (node.style in {"'", '"'} and bare) or re.match(r"/", text):
        return "Text in an expression needs quotes of its own, inside those of YAML."
    return ""


_FUNCTIONS: Mapping[str, None] = dict.fromkeys(
    (
        *(
            "size",
            "has",
            "all",
            "exists",
            "exists_one",
            "map",
            "filter",
            "matches",
            "startsWith",
            "endsWith",
            "contains",
        ),
        *("int", "uint", "double", "string", "bool", "duration", "timestamp", "dyn", "type", "optional", "orValue"),
        *("getFullYear", "getMonth", "getDate", "getDayOfWeek", "getHours", "getMinutes", "getSeconds"),
        *(
            "charAt",
            "indexOf",
            "join",
            "lastIndexOf",
            "lowerAscii",
            "upperAscii",
            "replace",
            "split",
            "substring",
            "trim",
        ),
        *("digits", "slug", "days"),
    )
)
