"""Strict reading of JSON that somebody else wrote."""

from __future__ import annotations

import math
from collections.abc import Mapping

import orjson

from connector.model.json import Json

MAX_DEPTH = 64
"""Deepest nesting accepted. CEL and the database both go deeper; no honest message does."""

_BOM = b"\xef\xbb\xbf"


class NotJson(ValueError):
    """The text is not JSON, or not JSON that can be worked with; the message says why."""


def parse(raw: bytes) -> Json:
    """The value of a JSON text in UTF-8; None when there is no text. Never NaN, never a NUL character.

    Raises:
        NotJson: it is none.
    """
    text = raw.removeprefix(_BOM)
    if not text or text.isspace():
        return None
    try:
        value: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotJson(str(error)) from None
    # CEL ends a text at its first NUL and PostgreSQL refuses one; only an escape can bring it in.
    _check(value, search_nul=b"\\u0000" in text)
    return value


def is_finite(value: Json) -> bool:
    """The value holds no infinity and no NaN, which have no form in JSON."""
    open_values: list[Json] = [value]
    while open_values:
        inner = open_values.pop()
        if isinstance(inner, float) and not math.isfinite(inner):
            return False
        if isinstance(inner, Mapping):
            open_values.extend(inner.values())
        elif isinstance(inner, list):
            open_values.extend(inner)
    return True


def _check(value: Json, *, search_nul: bool) -> None:
    level: list[Json] = [value]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise NotJson(f"nested more than {MAX_DEPTH} levels deep")
        below: list[Json] = []
        for inner in level:
            if isinstance(inner, Mapping):
                below.extend(inner.values())
                if search_nul and any("\0" in key for key in inner):
                    raise NotJson("a name holds a NUL character")
            elif isinstance(inner, list):
                below.extend(inner)
            elif search_nul and isinstance(inner, str) and "\0" in inner:
                raise NotJson("a text holds a NUL character")
        level = below
