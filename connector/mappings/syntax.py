"""What a compiled expression reads, found in its syntax tree, with the place of every name.

CEL hands out the tree as a serialized `cel.expr.CheckedExpr`
(https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto and `syntax.proto`);
the few fields that matter here are read straight from the wire format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

ELEMENT = "[]"
"""The step in a path that stands for any element of a list, any key or value of a map."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A path that an expression reads: `("line", "attributes", "tier")`, and where in its text each step stands."""

    path: tuple[str, ...]
    offsets: tuple[int, ...]


def references(program: bytes, text: str) -> tuple[Reference, ...]:
    """The paths that a serialized program reads, each place once, in the order of the text.

    Variables of macros (`line.children.exists(c, c.product == "X")`) are followed to what they stand for.
    """
    checked = _first(_fields(program), 2, b"")
    fields = list(_fields(_bytes(checked)))
    tree = _bytes(_first(fields, 4, b""))
    info = list(_fields(_bytes(_first(fields, 5, b""))))
    positions = {}
    for number, value in info:
        if number == _POSITIONS:
            entry = list(_fields(_bytes(value)))
            positions[_int(_first(entry, 1, 0))] = _int(_first(entry, 2, 0))
    walk = _Walk(text, positions)
    walk.visit(_node(tree), {})
    return tuple(sorted(walk.found, key=lambda reference: reference.offsets))


# -- the wire format ------------------------------------------------------------------------------------

_Wire: TypeAlias = int | bytes
_POSITIONS = 4
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def _fields(data: bytes) -> Iterator[tuple[int, _Wire]]:
    """The fields of one message: (number, value)."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif kind == _LENGTH:
            length, at = _varint(data, at)
            yield number, data[at : at + length]
            at += length
        elif kind in {_FIXED64, _FIXED32}:
            width = 8 if kind == _FIXED64 else 4
            yield number, data[at : at + width]
            at += width
        else:
            raise ValueError(f"wire type {kind} is not known")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return value, at
        shift += 7


def _first(fields: Iterator[tuple[int, _Wire]] | list[tuple[int, _Wire]], number: int, default: _Wire) -> _Wire:
    return next((value for found, value in fields if found == number), default)


def _bytes(value: _Wire) -> bytes:
    return value if isinstance(value, bytes) else b""


def _int(value: _Wire) -> int:
    return value if isinstance(value, int) else 0


def _str(value: _Wire) -> str:
    return _bytes(value).decode()


# -- the tree -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Constant:
    id: int
    text: str | None


@dataclass(frozen=True, slots=True)
class _Ident:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class _Select:
    id: int
    operand: _Expr
    field: str


@dataclass(frozen=True, slots=True)
class _Call:
    id: int
    function: str
    target: _Expr | None
    arguments: tuple[_Expr, ...]


@dataclass(frozen=True, slots=True)
class _Collection:
    id: int
    parts: tuple[_Expr, ...]


@dataclass(frozen=True, slots=True)
class _Loop:
    id: int
    variable: str
    second: str
    over: _Expr
    total: str
    start: _Expr
    rest: tuple[_Expr, ...]


_Expr: TypeAlias = _Constant | _Ident | _Select | _Call | _Collection | _Loop

_Fields: TypeAlias = list[tuple[int, _Wire]]

_ENTRIES = 2
_STRING_CONSTANT = 6


def _node(data: bytes) -> _Expr:
    identity, kind, body = 0, 0, b""
    for number, value in _fields(data):
        if number == 2:  # noqa: PLR2004 - Expr.id
            identity = _int(value)
        else:
            kind, body = number, _bytes(value)
    make = _KINDS.get(kind)
    return make(identity, list(_fields(body))) if make is not None else _Constant(identity, None)


def _constant(identity: int, fields: _Fields) -> _Expr:
    text = next((_str(value) for number, value in fields if number == _STRING_CONSTANT), None)
    return _Constant(identity, text)


def _ident(identity: int, fields: _Fields) -> _Expr:
    return _Ident(identity, _str(_first(fields, 1, b"")).lstrip("."))


def _select(identity: int, fields: _Fields) -> _Expr:
    return _Select(identity, _node(_bytes(_first(fields, 1, b""))), _str(_first(fields, 2, b"")))


def _call(identity: int, fields: _Fields) -> _Expr:
    target = _bytes(_first(fields, 1, b""))
    return _Call(identity, _str(_first(fields, 2, b"")), _node(target) if target else None, _nodes(fields, 3))


def _list(identity: int, fields: _Fields) -> _Expr:
    return _Collection(identity, _nodes(fields, 1))


def _struct(identity: int, fields: _Fields) -> _Expr:
    entries = [list(_fields(_bytes(value))) for number, value in fields if number == _ENTRIES]
    return _Collection(identity, tuple(part for entry in entries for part in _nodes(entry, 3, 4)))


def _comprehension(identity: int, fields: _Fields) -> _Expr:
    return _Loop(
        identity,
        variable=_str(_first(fields, 1, b"")),
        second=_str(_first(fields, 8, b"")),
        over=_node(_bytes(_first(fields, 2, b""))),
        total=_str(_first(fields, 3, b"")),
        start=_node(_bytes(_first(fields, 4, b""))),
        rest=_nodes(fields, 5, 6, 7),
    )


def _nodes(fields: _Fields, *numbers: int) -> tuple[_Expr, ...]:
    return tuple(_node(_bytes(value)) for number, value in fields if number in numbers)


_KINDS: Mapping[int, Callable[[int, _Fields], _Expr]] = {
    3: _constant,
    4: _ident,
    5: _select,
    6: _call,
    7: _list,
    8: _struct,
    9: _comprehension,
}
"""By the field of `cel.expr.Expr` that is set."""


# -- the walk -------------------------------------------------------------------------------------------

_Bound: TypeAlias = Mapping[str, Reference | None]


_INDEXING = frozenset({"_?._", "_[_]", "_[?_]"})


class _Walk:
    def __init__(self, text: str, positions: Mapping[int, int]) -> None:
        self.text = text
        self.positions = positions
        self.found: set[Reference] = set()

    def visit(self, expr: _Expr, bound: _Bound) -> None:
        path = self.path(expr, bound)
        if path is not None:
            self.found.add(path)
            return
        match expr:
            case _Select(operand=operand):
                self.visit(operand, bound)
            case _Call(target=target, arguments=arguments):
                for part in (*((target,) if target else ()), *arguments):
                    self.visit(part, bound)
            case _Collection(parts=parts):
                for part in parts:
                    self.visit(part, bound)
            case _Loop():
                self.loop(expr, bound)
            case _:
                pass

    def loop(self, expr: _Loop, bound: _Bound) -> None:
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

    def path(self, expr: _Expr, bound: _Bound) -> Reference | None:
        """The path that an expression is, if it is nothing but a path; index expressions inside it are visited."""
        if isinstance(expr, _Ident):
            unbound = Reference((expr.name,), (self.positions.get(expr.id, 0),))
            return bound.get(expr.name, unbound)
        if isinstance(expr, _Select):
            return self.step(self.path(expr.operand, bound), expr.field, expr.id)
        if isinstance(expr, _Call) and expr.function in _INDEXING and len(expr.arguments) == 2:  # noqa: PLR2004
            return self.element(expr, bound)
        if isinstance(expr, _Call) and expr.function == "value" and expr.target is not None:
            return self.path(expr.target, bound)
        return None

    def element(self, expr: _Call, bound: _Bound) -> Reference | None:
        operand, index = expr.arguments
        base = self.path(operand, bound)
        if base is None:
            return None
        if isinstance(index, _Constant) and index.text is not None:
            return self.step(base, index.text, expr.id)
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
