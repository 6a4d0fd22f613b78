"""Record Ids: 15 case-sensitive characters, and the 18-character form that adds a check suffix.

The first three characters say which object the record belongs to. The suffix encodes which of the 15
characters are capitals, so that the long form survives tools that ignore case. The org stores and answers
the long form and accepts both, as Salesforce does.
"""

from __future__ import annotations

import string
from functools import lru_cache

SHORT = 15
LONG = 18

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SUFFIX = string.ascii_uppercase + "012345"
_ALLOWED = frozenset(_DIGITS)
_POD = "LO0"
"""Characters four to six: the instance that made the record. Says at a glance that an Id is from here."""


def suffix(short: str) -> str:
    """The three check characters of a 15-character Id."""
    letters = []
    for start in (0, 5, 10):
        bits = sum(1 << place for place, char in enumerate(short[start : start + 5]) if "A" <= char <= "Z")
        letters.append(_SUFFIX[bits])
    return "".join(letters)


@lru_cache(maxsize=200_000)
def normalise(text: str) -> str | None:
    """The 18-character form of an Id in either form, or None if the text is not an Id."""
    if len(text) not in (SHORT, LONG) or not _ALLOWED.issuperset(text):
        return None
    short = text[:SHORT]
    full = short + suffix(short)
    return full if len(text) == SHORT or text == full else None


def make(prefix: str, number: int) -> str:
    """The Id of the `number`-th record of the object with this key prefix. Ids sort in order of creation."""
    tail = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        tail = _DIGITS[digit] + tail
    short = prefix + _POD + tail.rjust(9, "0")
    return short + suffix(short)


def custom_prefix(first: str, number: int) -> str:
    """The key prefix of the `number`-th (from 0) custom object: `a00`, `a01`… `a0z`, `a10`…; events from `e00`."""
    base = len(_DIGITS)
    lower = string.digits + string.ascii_uppercase + string.ascii_lowercase
    return first + lower[number // base] + lower[number % base]
