"""The syntax tree of a compiled expression, as nodes, with the place of every one in its text.

CEL hands out the tree as a serialized `cel.expr.CheckedExpr`
(https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto and `syntax.proto`);
the few fields that matter here are read straight from the wire format.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

# -- nodes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal; `is_json` is false of those that have no JSON form (bytes, unsigned numbers)."""

    id: int
    value: str | float | bool | None
    is_json: bool = True


@dataclass(frozen=True, slots=True)
class Ident:
    """A name: of a variable, or of a type."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or with `is_test` `has(operand.field)`."""

    id: int
    operand: Node
    field: str
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator (`_+_`, `_?_:_`), with what it is called on where it is called as a method."""

    id: int
    function: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Elements:
    """A list; `is_plain` is false where one of the elements may be left out."""

    id: int
    parts: tuple[Node, ...]
    is_plain: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """A key and its value; one that is optional is left out when the value is absent."""

    key: Node
    value: Node
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Entries:
    """A map."""

    id: int
    parts: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """What a macro such as `exists` stands for."""

    id: int
    variable: str
    second: str
    over: Node
    total: str
    start: Node
    rest: tuple[Node, ...]


Node: TypeAlias = Constant | Ident | Select | Call | Elements | Entries | Loop


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole expression. `positions` says where in its text each node stands, by the node's id."""

    root: Node
    positions: Mapping[int, int]


def tree(program: bytes) -> Tree:
    """The tree of a serialized program."""
    checked = _first(_fields(program), 2, b"")
    fields = list(_fields(_bytes(checked)))
    positions = {}
    for number, value in _fields(_bytes(_first(fields, 5, b""))):
        if number == _POSITIONS:
            entry = list(_fields(_bytes(value)))
            positions[_int(_first(entry, 1, 0))] = _int(_first(entry, 2, 0))
    return Tree(_node(_bytes(_first(fields, 4, b""))), positions)


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


# -- from the wire to nodes ------------------------------------------------------------------------------

_Fields: TypeAlias = list[tuple[int, _Wire]]

_OTHER = 0
_ENTRY = 2


def _node(data: bytes) -> Node:
    identity, kind, body = 0, _OTHER, b""
    for number, value in _fields(data):
        if number == 2:  # noqa: PLR2004 - Expr.id
            identity = _int(value)
        else:
            kind, body = number, _bytes(value)
    make = _KINDS.get(kind)
    return make(identity, list(_fields(body))) if make is not None else Constant(identity, None, is_json=False)


def _constant(identity: int, fields: _Fields) -> Constant:
    for number, value in fields:
        if number in _LITERALS:
            return Constant(identity, _LITERALS[number](value))
    return Constant(identity, None, is_json=False)


def _whole(value: _Wire) -> int:
    number = _int(value)
    return number - 2**64 if number >= 2**63 else number


def _double(value: _Wire) -> float:
    number: float = struct.unpack("<d", _bytes(value))[0]
    return number


_LITERALS: Mapping[int, Callable[[_Wire], str | float | bool | None]] = {
    1: lambda _: None,
    2: bool,
    3: _whole,
    5: _double,
    6: _str,
}
"""By the field of `cel.expr.Constant` that is set."""


def _ident(identity: int, fields: _Fields) -> Ident:
    return Ident(identity, _str(_first(fields, 1, b"")).lstrip("."))


def _select(identity: int, fields: _Fields) -> Select:
    operand = _node(_bytes(_first(fields, 1, b"")))
    return Select(identity, operand, _str(_first(fields, 2, b"")), is_test=bool(_first(fields, 3, 0)))


def _call(identity: int, fields: _Fields) -> Call:
    target = _bytes(_first(fields, 1, b""))
    return Call(identity, _str(_first(fields, 2, b"")), _node(target) if target else None, _nodes(fields, 3))


def _list(identity: int, fields: _Fields) -> Elements:
    return Elements(identity, _nodes(fields, 1), is_plain=all(number == 1 for number, _ in fields))


def _map(identity: int, fields: _Fields) -> Entries:
    return Entries(identity, tuple(_entry(_bytes(value)) for number, value in fields if number == _ENTRY))


def _entry(data: bytes) -> Entry:
    fields = list(_fields(data))
    key, value = (_node(_bytes(_first(fields, number, b""))) for number in (3, 4))
    return Entry(key, value, is_optional=bool(_first(fields, 5, 0)))


def _comprehension(identity: int, fields: _Fields) -> Loop:
    return Loop(
        identity,
        variable=_str(_first(fields, 1, b"")),
        second=_str(_first(fields, 8, b"")),
        over=_node(_bytes(_first(fields, 2, b""))),
        total=_str(_first(fields, 3, b"")),
        start=_node(_bytes(_first(fields, 4, b""))),
        rest=_nodes(fields, 5, 6, 7),
    )


def _nodes(fields: _Fields, *numbers: int) -> tuple[Node, ...]:
    return tuple(_node(_bytes(value)) for number, value in fields if number in numbers)


_KINDS: Mapping[int, Callable[[int, _Fields], Node]] = {
    3: _constant,
    4: _ident,
    5: _select,
    6: _call,
    7: _list,
    8: _map,
    9: _comprehension,
}
"""By the field of `cel.expr.Expr` that is set."""
