"""JSON values: checked on the way in, compared strictly, shown in bounded space."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from json.encoder import encode_basestring

from connector.model.json import Json, JsonObject

MAX_DEPTH = 16
"""Deepest nesting of an attribute value."""

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_SHOWN_TEXT = 200
_SHOWN_MEMBERS = 10
_SHOWN_DEPTH = 3
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Unusable(Exception):
    """A value that can't travel through expressions, database and Salesforce unharmed; the text says why."""


def plain(value: object, depth: int = 0) -> Json:
    """A copy of `value` made of dict, list, text, numbers, booleans and None only.

    Raises:
        Unusable: it is nested too deeply, is no JSON, or holds a number or character that the
            expressions or the database would change or refuse.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if not _SMALLEST <= value <= _LARGEST:
            raise Unusable("a whole number needs more than 64 bits")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Unusable("a number is not finite")
        return value
    if depth >= MAX_DEPTH:
        raise Unusable(f"it is nested more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        return {_text(name): plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [plain(inner, depth + 1) for inner in value]
    raise Unusable(f"{type(value).__name__} is not a kind of JSON value")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Unusable("a name is not text")
    if "\x00" in value:
        raise Unusable("a text holds the character NUL")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unusable("a text holds half of a surrogate pair") from None
    return value


def same(one: Json, other: Json) -> bool:
    """Equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping):
        return (
            isinstance(other, Mapping)
            and one.keys() == other.keys()
            and all(same(inner, other[name]) for name, inner in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    return one == other


def fitted(value: Json, kind: str) -> Json:
    """`value` as one of an attribute of type `kind`: 5.0 becomes 5 where a whole number is wanted.

    Raises:
        Unusable: it is not of that type.
    """
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if not _FITS[kind](value):
        raise Unusable(f"{shown(value)} is not {_A_KIND[kind]}")
    return value


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_date(value: Json) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_datetime(value: Json) -> bool:
    if not isinstance(value, str) or not _DATE.match(value):
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_FITS: Mapping[str, Callable[[Json], bool]] = {
    "any": lambda value: value is not None,
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "date": _is_date,
    "datetime": _is_datetime,
    "object": lambda value: isinstance(value, Mapping),
    "list": lambda value: isinstance(value, list),
}

_A_KIND = {
    "any": "a value",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date such as 2026-01-31",
    "datetime": "a time with its zone such as 2026-01-31T09:00:00Z",
    "object": "an object",
    "list": "a list",
}


def allowed(value: Json, values: Sequence[Json]) -> bool:
    """Whether `value` (of a list, each of its members) is one of `values`; no values allow every one."""
    if not values:
        return True
    if value.__class__ is str:
        return value in values
    members = value if isinstance(value, list) else [value]
    return all(any(same(member, choice) for choice in values) for member in members)


def bounded(value: Json, depth: int = 0) -> Json:
    """`value`, cut so that it can be kept in an explanation: long texts, long lists, deep objects."""
    if isinstance(value, str):
        return value if len(value) <= _SHOWN_TEXT else value[: _SHOWN_TEXT - 1] + "…"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= _SHOWN_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return _bounded_object(value, depth)
    members = [bounded(inner, depth + 1) for inner in value[:_SHOWN_MEMBERS]]
    if len(value) > _SHOWN_MEMBERS:
        members.append(f"… {len(value) - _SHOWN_MEMBERS} more")
    return members


def _bounded_object(value: JsonObject, depth: int) -> JsonObject:
    if len(value) <= _SHOWN_MEMBERS:
        return {name: bounded(inner, depth + 1) for name, inner in value.items()}
    members: dict[str, Json] = {}
    for name in value:
        if len(members) == _SHOWN_MEMBERS:
            members["…"] = f"{len(value) - _SHOWN_MEMBERS} more"
            break
        members[name] = bounded(value[name], depth + 1)
    return members


def shown(value: Json, width: int = 80) -> str:
    """`value` as short JSON text for a sentence."""
    if value.__class__ is int:
        return str(value)
    kept = bounded(value)
    text = encode_basestring(kept) if isinstance(kept, str) else _ENCODER.encode(kept)
    return text if len(text) <= width else text[: width - 1] + "…"
