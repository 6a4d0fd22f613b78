"""Salesforce record ids: 15 characters that mind case, or the same with three more that make up for it.

The canonical form is that of 18. How the three are made:
https://help.salesforce.com/s/articleView?id=000385585 (each is five capital-or-not bits).
"""

from __future__ import annotations

from functools import lru_cache

_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT, _LONG = 15, 18


def canonical_id(text: str) -> str:
    """The 18-character form of a record id.

    Raises:
        ValueError: the text is no record id (wrong length, wrong characters, or a suffix that doesn't fit).
    """
    if not (text.isascii() and text.isalnum()) or len(text) not in (_SHORT, _LONG):
        raise ValueError(f"not a Salesforce record id: {text[:40]!r}")
    full = text[:_SHORT] + _suffix(text[:_SHORT])
    if len(text) == _LONG and text[_SHORT:].upper() != full[_SHORT:]:
        raise ValueError(f"not a Salesforce record id (its last three characters don't fit): {text!r}")
    return full


def record_id(text: str | None) -> str | None:
    """The canonical form of a record id; None for any other text."""
    try:
        return canonical_id(text or "")
    except ValueError:
        return None


@lru_cache(maxsize=10_000)
def _suffix(short: str) -> str:
    groups = (short[start : start + 5] for start in range(0, _SHORT, 5))
    return "".join(_SUFFIX[sum(character.isupper() << bit for bit, character in enumerate(group))] for group in groups)
