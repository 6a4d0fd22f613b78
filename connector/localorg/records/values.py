"""What a field accepts, and the form in which it is stored: the very form in which answers show it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from connector.localorg import ids, times
from connector.localorg.errors import SalesforceError, cannot_deserialize, refused
from connector.localorg.schema.model import Field, Schema, Type

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_SHOWN = 255
"""How much of an oversized value an error repeats."""

Coerce = Callable[[Any], Any]
"""JSON value → stored value. Raises SalesforceError."""


def coercer(field: Field, schema: Schema) -> Coerce:
    """The conversion for one field, prepared once. The value is never None."""
    make = _MAKERS.get(field.type)
    if make is not None:
        return make(field)
    if field.type in (Type.REFERENCE, Type.ID):
        return _reference(field, schema)
    return _text(field)


def token(value: object) -> str:
    """What a JSON parser calls the value."""
    if isinstance(value, bool):
        return "VALUE_TRUE" if value else "VALUE_FALSE"
    if isinstance(value, int):
        return "VALUE_NUMBER_INT"
    if isinstance(value, float):
        return "VALUE_NUMBER_FLOAT"
    if isinstance(value, str):
        return "VALUE_STRING"
    return "START_ARRAY" if isinstance(value, list) else "START_OBJECT"


def _text(field: Field) -> Coerce:
    length = field.length

    def coerce(value: Any) -> str | None:
        if not isinstance(value, str):
            raise cannot_deserialize("string", token(value), value)
        text = value.strip()
        if length and len(text) > length:
            raise refused(
                "STRING_TOO_LONG",
                f"{field.label}: data value too large: {text[:_SHOWN]} (max length={length})",
                [field.name],
            )
        return text or None

    return coerce


def _email(field: Field) -> Coerce:
    as_text = _text(field)

    def coerce(value: Any) -> str | None:
        text: str | None = as_text(value)
        if text and not _EMAIL.fullmatch(text):
            raise refused("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {text}", [field.name])
        return text

    return coerce


def _picklist(field: Field) -> Coerce:
    as_text = _text(field)
    allowed = field.allowed
    many = field.type is Type.MULTIPICKLIST

    def coerce(value: Any) -> str | None:
        text: str | None = as_text(value)
        if text is None or not field.restricted:
            return text
        for each in text.split(";") if many else (text,):
            if each not in allowed:
                raise _bad_value(field, each)
        return text

    return coerce


def _bad_value(field: Field, value: str) -> SalesforceError:
    return refused(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        f"{field.label}: bad value for restricted picklist field: {value}",
        [field.name],
    )


def _number(field: Field) -> Coerce:
    whole_digits = field.precision - field.scale if field.precision else 0
    limit = 10**whole_digits if whole_digits > 0 else math.inf
    whole = field.type is Type.INT

    def coerce(value: Any) -> int | float | None:
        if value == "":
            return None
        try:
            number = math.nan if isinstance(value, (bool, list, dict)) else float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise cannot_deserialize(field.type.value, token(value), value)
        if abs(number) >= limit:
            raise refused(
                "NUMBER_OUTSIDE_VALID_RANGE",
                f"{field.label}: value outside of valid range on numeric field: {number}",
                [field.name],
            )
        if whole:
            if number != int(number):
                raise cannot_deserialize("int", token(value), value)
            return int(number)
        return number

    return coerce


def _boolean(_: Field) -> Coerce:
    def coerce(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        raise cannot_deserialize("boolean", token(value), value)

    return coerce


def _temporal(kind: str, read: Callable[[str], str | None]) -> Callable[[Field], Coerce]:
    def make(_: Field) -> Coerce:
        def coerce(value: Any) -> str | None:
            if value == "":
                return None
            stored = read(value) if isinstance(value, str) else None
            if stored is None:
                raise cannot_deserialize(kind, token(value), value)
            return stored

        return coerce

    return make


def _reference(field: Field, schema: Schema) -> Coerce:
    prefixes = frozenset(schema[target].prefix for target in field.to)

    def coerce(value: Any) -> str | None:
        if value == "":
            return None
        full = ids.normalise(value) if isinstance(value, str) else None
        if full is None or full[:3] not in prefixes:
            raise refused("MALFORMED_ID", f"{field.label}: id value of incorrect type: {value}", [field.name])
        return full

    return coerce


_MAKERS: dict[Type, Callable[[Field], Coerce]] = {
    Type.EMAIL: _email,
    Type.PICKLIST: _picklist,
    Type.MULTIPICKLIST: _picklist,
    Type.INT: _number,
    Type.DOUBLE: _number,
    Type.CURRENCY: _number,
    Type.PERCENT: _number,
    Type.BOOLEAN: _boolean,
    Type.DATE: _temporal("date", times.read_date),
    Type.DATETIME: _temporal("datetime", times.read_datetime),
    Type.TIME: _temporal("time", times.read_time),
}
