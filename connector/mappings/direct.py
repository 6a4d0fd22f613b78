"""Expressions that are mostly look-ups, evaluated in Python: without a copy of the variables being made for CEL.

Most of what people write in a mapping is a path, a text, a body of these, or a comparison of one with a
constant. For those CEL's answer is known; to ask CEL for it costs ten times as much, most of it for handing
values over and back. There is one rule: **a direct answer is CEL's answer, or there is none.** Whatever CEL
could see differently (a wrong type, an absent key, whole numbers beyond 64 bits, or those beyond 53 bits
beside floating point) is left to CEL, and so is every error but one: where a path leads to nothing, what to
say is known.

What the variables may hold is promised by whoever brings values in (intake and callouts): JSON made of `dict`
and `list`, texts without the character NUL and without halves of surrogate pairs. Only what is read is looked
at: a value that CEL can't take, beside it, is not noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from operator import ge, gt, le, lt
from types import NoneType
from typing import Any, TypeAlias, TypeGuard, cast

from connector.mappings.tree import Call, Constant, Elements, Entries, Ident, Node, Select
from connector.model.json import Json

Read: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""Gives the value for these variables, or raises one of `LEFT_TO_CEL`."""


class NotSure(Exception):
    """CEL may see it differently."""


LEFT_TO_CEL = (NotSure, KeyError, TypeError)
"""What a direct reader raises when only CEL knows."""


def direct(root: Node, variables: frozenset[str]) -> Read | None:
    """A reader of the expression's value as JSON; None: the expression is for CEL alone."""
    return _Reader(variables).json(root)


def path_of(root: Node, variables: frozenset[str]) -> tuple[str, ...]:
    """The steps of an expression that is nothing but a path from a variable; else none."""
    return _Reader(variables).path(root)


def absent(path: tuple[str, ...], variables: Mapping[str, Any]) -> str:
    """The step of the path at which there is nothing, where that is surely all that is wrong; else empty."""
    value = variables.get(path[0]) if path else None
    for step in path[1:]:
        if value.__class__ is not dict:
            break
        if step not in value:
            return step if step.isidentifier() else ""
        value = value[step]
    return ""


# -- values ---------------------------------------------------------------------------------------------

_ABSENT: Any = object()
_INT64 = range(-(2**63), 2**63)
_EXACT = 2**53
"""Up to here every whole number is also a floating point number."""
_NUMBERS = frozenset({int, float})
_SIMPLE = frozenset({str, int, float, bool, NoneType})


def _copy(value: Any) -> Json:
    """The value as CEL would give it back: maps in the order of their keys."""
    kind = value.__class__
    if kind in _SIMPLE:
        if kind is int and value not in _INT64:
            raise NotSure
        return cast(Json, value)
    if kind is dict:
        if not all(key.__class__ is str for key in value):
            raise NotSure
        return {key: _copy(value[key]) for key in sorted(value)}
    if kind is list:
        return [_copy(inner) for inner in value]
    raise NotSure


def _map(value: Any) -> dict[str, Any]:
    if value.__class__ is not dict:
        raise NotSure
    return cast(dict[str, Any], value)


def _equal(one: Any, other: Any) -> bool:
    kind, second = one.__class__, other.__class__
    if kind not in _SIMPLE or second not in _SIMPLE:
        raise NotSure
    if kind is second and kind is not int:
        return bool(one == other)
    if kind in _NUMBERS and second in _NUMBERS:
        return bool(_exact(one) == _exact(other))
    return False


def _exact(number: Any) -> Any:
    """The number, if comparing it with another kind of number needs no rounding."""
    if number.__class__ is int and not -_EXACT <= number <= _EXACT:
        raise NotSure
    return number


# -- readers --------------------------------------------------------------------------------------------


class _Reader:
    """Makes readers of nodes; None where there is none.

    What `raw` gives is a value as it stands in the variables, what `json` gives is a copy for others.
    """

    def __init__(self, variables: frozenset[str]) -> None:
        self._variables = variables

    def json(self, node: Node) -> Read | None:
        made: Read | None
        match node:
            case Ident(name="now"):
                made = _now if "now" in self._variables else None
            case Elements(parts=parts):
                made = self._list(parts) if node.is_plain else None
            case Entries():
                made = self._object(node)
            case Call(target=None, function="_?_:_", arguments=(condition, first, second)):
                made = self._choice(condition, self.json(first), self.json(second))
            case Call(target=None, function="dyn", arguments=(inner,)):
                made = self.json(inner)
            case Constant():
                made = self.raw(node)
            case _:
                made = _copied(self.raw(node))
        return made

    def raw(self, node: Node) -> Read | None:
        made: Read | None
        match node:
            case Constant(value=value, is_json=is_json):
                made = _constant(value) if is_json and not _holds_nul(value) else None
            case Select(is_test=True, operand=operand, field=field):
                made = _has(self.raw(operand), field)
            case Call(target=None, function="_?_:_", arguments=(condition, first, second)):
                made = self._choice(condition, self.raw(first), self.raw(second))
            case Call(target=None, function="dyn", arguments=(inner,)):
                made = self.raw(inner)
            case Call(target=None, function="_&&_" | "_||_", arguments=(left, right)):
                made = self._decided(left, right, by=node.function == "_||_")
            case Call(target=None, function="@in", arguments=(member, Elements(parts=parts, is_plain=True))):
                made = _among(self.raw(member), parts)
            case Call(target=None, function=function, arguments=arguments) if function in _OPERATORS:
                operands = [self.raw(argument) for argument in arguments]
                made = _OPERATORS[function](*operands) if _complete(operands) else None
            case Call(target=target, function="orValue", arguments=(default,)) if target is not None:
                made = _or_value(self._optional(target), self.raw(default))
            case _:
                path = self.path(node)
                made = _path(path) if path else None
        return made

    def path(self, node: Node) -> tuple[str, ...]:
        """The names of a path from a variable; none, if it is no such path."""
        match node:
            case Ident(name=name) if name in self._variables and name != "now":
                return (name,)
            case Select(operand=operand, field=field, is_test=False):
                step: Any = field
            case Call(target=None, function="_[_]", arguments=(operand, Constant(value=str() as step))):
                pass
            case _:
                return ()
        above = self.path(operand)
        return (*above, step) if above else ()

    def _optional(self, node: Node) -> Read | None:
        """A reader of something that may be absent."""
        match node:
            case Call(target=None, function="_?._" | "_[?_]", arguments=(operand, Constant(value=str() as field))):
                return _maybe(self._optional(operand) or self.raw(operand), field)
            case Select(operand=operand, field=field, is_test=False):
                return _maybe(self._optional(operand), field)
            case _:
                return None

    def _list(self, parts: tuple[Node, ...]) -> Read | None:
        members = [self.json(part) for part in parts]
        if not _complete(members):
            return None
        return lambda variables: [member(variables) for member in members]

    def _object(self, node: Entries) -> Read | None:
        always: dict[str, Read] = {}
        perhaps: dict[str, Read] = {}
        for entry in node.parts:
            value = _copied(self._optional(entry.value)) if entry.is_optional else self.json(entry.value)
            key = entry.key.value if isinstance(entry.key, Constant) else None
            if not isinstance(key, str) or key in always or key in perhaps or value is None or _holds_nul(key):
                return None
            (perhaps if entry.is_optional else always)[key] = value
        members = sorted((always | perhaps).items())
        if not perhaps:
            return lambda variables: {name: value(variables) for name, value in members}

        def read(variables: Mapping[str, Any]) -> Any:
            values = ((name, value(variables)) for name, value in members)
            return {name: value for name, value in values if value is not _ABSENT}

        return read

    def _choice(self, condition: Node, first: Read | None, second: Read | None) -> Read | None:
        test = self.raw(condition)
        if test is None or first is second is None:
            return None
        one, other = first or _not_sure, second or _not_sure

        def read(variables: Mapping[str, Any]) -> Any:
            holds = test(variables)
            if holds is True:
                return one(variables)
            if holds is False:
                return other(variables)
            raise NotSure

        return read

    def _decided(self, left: Node, right: Node, *, by: bool) -> Read | None:
        """`&&` and `||`: a left side that decides is the answer, whatever the right side would be."""
        first, second = self.raw(left), self.raw(right) or _not_sure
        if first is None:
            return None

        def read(variables: Mapping[str, Any]) -> Any:
            value = first(variables)
            if value is (not by):
                value = second(variables)
            if value.__class__ is not bool:
                raise NotSure
            return value

        return read


def _complete(readers: list[Read | None]) -> TypeGuard[list[Read]]:
    return None not in readers


def _not_sure(_: Mapping[str, Any]) -> Any:
    raise NotSure


def _now(variables: Mapping[str, Any]) -> Any:
    now = variables["now"]
    if now.__class__ is not datetime or now.tzinfo is not UTC:
        raise NotSure
    return f"{now.isoformat()[:-6]}Z"


def _holds_nul(value: Json) -> bool:
    return isinstance(value, str) and "\0" in value


def _constant(value: Json) -> Read:
    return lambda _: value


def _path(path: tuple[str, ...]) -> Read:
    match path:
        case (one,):
            return lambda variables: variables[one]
        case (one, two):
            return lambda variables: variables[one][two]
        case (one, two, three):
            return lambda variables: variables[one][two][three]

    def read(variables: Mapping[str, Any]) -> Any:
        value: Any = variables
        for step in path:
            value = value[step]
        return value

    return read


def _copied(read: Read | None) -> Read | None:
    if read is None:
        return None

    def copied(variables: Mapping[str, Any]) -> Any:
        value = read(variables)
        return value if value.__class__ is str or value is _ABSENT else _copy(value)

    return copied


def _has(operand: Read | None, field: str) -> Read | None:
    return None if operand is None else lambda variables: field in _map(operand(variables))


def _maybe(operand: Read | None, field: str) -> Read | None:
    if operand is None:
        return None

    def read(variables: Mapping[str, Any]) -> Any:
        value = operand(variables)
        return _ABSENT if value is _ABSENT else _map(value).get(field, _ABSENT)

    return read


def _or_value(optional: Read | None, default: Read | None) -> Read | None:
    if optional is None or default is None:
        return None

    def read(variables: Mapping[str, Any]) -> Any:
        value, instead = optional(variables), default(variables)
        return instead if value is _ABSENT else value

    return read


def _among(member: Read | None, parts: tuple[Node, ...]) -> Read | None:
    texts = {part.value for part in parts if isinstance(part, Constant) and isinstance(part.value, str)}
    if member is None or len(texts) < len(parts):
        return None

    def read(variables: Mapping[str, Any]) -> Any:
        value = member(variables)
        if value.__class__ not in _SIMPLE:
            raise NotSure
        return value in texts

    return read


def _not(operand: Read) -> Read:
    def read(variables: Mapping[str, Any]) -> Any:
        value = operand(variables)
        if value.__class__ is not bool:
            raise NotSure
        return not value

    return read


def _string(operand: Read) -> Read:
    def read(variables: Mapping[str, Any]) -> Any:
        value = operand(variables)
        if value.__class__ is str:
            return value
        if value.__class__ is int and value in _INT64:
            return str(value)
        raise NotSure

    return read


def _joined(left: Read, right: Read) -> Read:
    def read(variables: Mapping[str, Any]) -> Any:
        one, other = left(variables), right(variables)
        if one.__class__ is str and other.__class__ is str:
            return one + other
        raise NotSure

    return read


def _order(holds: Callable[[Any, Any], Any]) -> Callable[[Read, Read], Read]:
    def operator(left: Read, right: Read) -> Read:
        def read(variables: Mapping[str, Any]) -> Any:
            one, other = left(variables), right(variables)
            if one.__class__ in _NUMBERS and other.__class__ in _NUMBERS:
                return holds(_exact(one), _exact(other))
            raise NotSure

        return read

    return operator


_OPERATORS: Mapping[str, Callable[..., Read]] = {
    "_==_": lambda left, right: lambda variables: _equal(left(variables), right(variables)),
    "_!=_": lambda left, right: lambda variables: not _equal(left(variables), right(variables)),
    "_<_": _order(lt),
    "_<=_": _order(le),
    "_>_": _order(gt),
    "_>=_": _order(ge),
    "_+_": _joined,
    "!_": _not,
    "string": _string,
}
