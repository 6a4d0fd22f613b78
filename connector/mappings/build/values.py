"""JSON values against the types of attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime

from connector.mappings.set import AttributeDefinition
from connector.model.json import Json

KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date (`2026-03-31`)",
    "datetime": "a time with its zone (`2026-03-31T09:00:00Z`)",
    "object": "a mapping",
    "list": "a list",
    "any": "anything",
}


def is_of(value: Json, kind: str) -> bool:
    """A value is of an attribute's type."""
    return _FITS[kind](value)


def misfit(value: Json, attribute: AttributeDefinition) -> str:
    """What is wrong with a value for an attribute, as the end of a sentence; empty when it fits."""
    if value is None:
        return ""
    if not is_of(value, attribute.type):
        return f"is not {KINDS[attribute.type]}, as `{attribute.name}` wants it"
    if attribute.values and not any(value == allowed and type(value) is type(allowed) for allowed in attribute.values):
        return (
            f"is none of the values of `{attribute.name}`: {', '.join(repr(allowed) for allowed in attribute.values)}"
        )
    return ""


def _is_date(text: Json) -> bool:
    if not isinstance(text, str):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-03-31")


def _is_datetime(text: Json) -> bool:
    if not isinstance(text, str):
        return False
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


_FITS: Mapping[str, Callable[[Json], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "date": _is_date,
    "datetime": _is_datetime,
    "object": lambda value: isinstance(value, Mapping),
    "list": lambda value: isinstance(value, list),
    "any": lambda _: True,
}
