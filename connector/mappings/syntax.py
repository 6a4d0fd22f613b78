"""What a compiled expression reads, found in its syntax tree, with the place of every name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from connector.mappings.tree import Call, Constant, Elements, Entries, Ident, Loop, Node, Select, Tree

ELEMENT = "[]"
"""The step in a path that stands for any element of a list, any key or value of a map."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A path that an expression reads: `("line", "attributes", "tier")`, and where in its text each step stands."""

    path: tuple[str, ...]
    offsets: tuple[int, ...]


def references(tree: Tree, text: str) -> tuple[Reference, ...]:
    """The paths that an expression reads, each place once, in the order of the text.

    Variables of macros (`line.children.exists(c, c.product == "X")`) are followed to what they stand for.
    """
    walk = _Walk(text, tree.positions)
    walk.visit(tree.root, {})
    return tuple(sorted(walk.found, key=lambda reference: reference.offsets))


# -- the walk -------------------------------------------------------------------------------------------

_Bound: TypeAlias = Mapping[str, Reference | None]


_INDEXING = frozenset({"_?._", "_[_]", "_[?_]"})


class _Walk:
    def __init__(self, text: str, positions: Mapping[int, int]) -> None:
        self.text = text
        self.positions = positions
        self.found: set[Reference] = set()

    def visit(self, expr: Node, bound: _Bound) -> None:
        path = self.path(expr, bound)
        if path is not None:
            self.found.add(path)
            return
        match expr:
            case Select(operand=operand):
                self.visit(operand, bound)
            case Call(target=target, arguments=arguments):
                for part in (*((target,) if target else ()), *arguments):
                    self.visit(part, bound)
            case Elements(parts=parts):
                for part in parts:
                    self.visit(part, bound)
            case Entries(parts=entries):
                for entry in entries:
                    self.visit(entry.key, bound)
                    self.visit(entry.value, bound)
            case Loop():
                self.loop(expr, bound)
            case _:
                pass

    def loop(self, expr: Loop, bound: _Bound) -> None:
        self.visit(expr.over, bound)
        self.visit(expr.start, bound)
        over = self.path(expr.over, bound)
        element = Reference((*over.path, ELEMENT), (*over.offsets, over.offsets[-1])) if over else None
        inner = {**bound, expr.total: self.path(expr.start, bound)}
        if expr.second:
            inner |= {expr.variable: None, expr.second: element}
        else:
            inner[expr.variable] = element
        for part in expr.rest:
            self.visit(part, inner)

    def path(self, expr: Node, bound: _Bound) -> Reference | None:
        """The path that an expression is, if it is nothing but a path; index expressions inside it are visited."""
        if isinstance(expr, Ident):
            unbound = Reference((expr.name,), (self.positions.get(expr.id, 0),))
            return bound.get(expr.name, unbound)
        if isinstance(expr, Select):
            return self.step(self.path(expr.operand, bound), expr.field, expr.id)
        if isinstance(expr, Call) and expr.function in _INDEXING and len(expr.arguments) == 2:  # noqa: PLR2004
            return self.element(expr, bound)
        if isinstance(expr, Call) and expr.function == "value" and expr.target is not None:
            return self.path(expr.target, bound)
        return None

    def element(self, expr: Call, bound: _Bound) -> Reference | None:
        operand, index = expr.arguments
        base = self.path(operand, bound)
        if base is None:
            return None
        if isinstance(index, Constant) and isinstance(index.value, str):
            return self.step(base, index.value, expr.id)
        self.visit(index, bound)
        return Reference((*base.path, ELEMENT), (*base.offsets, self.positions.get(expr.id, 0)))

    def step(self, base: Reference | None, name: str, identity: int) -> Reference | None:
        if base is None:
            return None
        at = self.positions.get(identity, 0)
        word = re.escape(name)
        here = re.compile(rf"[\s.?\[\"'r]*?{word}").match(self.text, at)
        # `has(x.y)` stands at its parenthesis: the name is the next one after what it is a field of
        found = here or re.compile(rf"(?<!\w){word}(?!\w)").search(self.text, max(at, base.offsets[-1] + 1))
        return Reference((*base.path, name), (*base.offsets, found.end() - len(name) if found else at))
