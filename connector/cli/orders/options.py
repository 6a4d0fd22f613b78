"""Values that people give on the command line, and what they mean."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from connector.errors import UsageError
from connector.model.forecast import Jeopardy
from connector.model.order import Priority
from connector.sf.record_ids import canonical_id

_AGO = re.compile(r"(\d{1,6})\s*(s|min|h|d|w)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def point_in_time(text: str, now: datetime) -> datetime:
    """A time: `2026-03-31`, `2026-03-31T09:00` (UTC where no zone is given), or how long ago: `30min`, `2h`, `3d`.

    Raises:
        UsageError: it is none of these.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is no time.", hint="Give one such as 2026-03-31, 2026-03-31T09:00Z, or how long ago: 2h, 3d."
        ) from None


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


def record_id(text: str | None) -> str | None:
    """The canonical form of a Salesforce Id; None for any other text."""
    if text is None:
        return None
    try:
        return canonical_id(text)
    except ValueError:
        return None


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
