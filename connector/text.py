"""Text of others, for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text that can't play tricks with a terminal: tabs as one space, other control characters as `�`."""
    if text.isprintable():
        return text
    return "".join(" " if mark == "\t" else mark if mark.isprintable() else "�" for mark in text)
