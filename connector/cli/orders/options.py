"""Values that people give on the command line, and what they mean."""

from __future__ import annotations

from connector.errors import UsageError
from connector.model.forecast import Jeopardy
from connector.model.order import Priority


def priority(text: str) -> Priority:
    """A priority by its name.

    Raises:
        UsageError: there is no such priority.
    """
    try:
        return Priority[text.strip().upper()]
    except KeyError:
        raise UsageError(f"There is no priority {text!r}.", hint="There are High, Default and Bulk.") from None


def jeopardy(text: str) -> Jeopardy:
    """A jeopardy by its name, with a space or `-` in it.

    Raises:
        UsageError: there is no such jeopardy.
    """
    try:
        return Jeopardy(text.strip().replace("-", " ").title())
    except ValueError:
        raise UsageError(f"There is no jeopardy {text!r}.", hint="There are On Track, At Risk and Late.") from None


def number_or_all(text: str) -> int | None:
    """A number, or None for `all`.

    Raises:
        UsageError: it is neither.
    """
    if text == "all":
        return None
    if not text.isascii() or not text.isdigit():
        raise UsageError(f"{text!r} is neither a number nor `all`.")
    return min(int(text), 10**9)
