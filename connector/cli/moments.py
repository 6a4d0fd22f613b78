"""Times that people give on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from connector.errors import UsageError

_SPAN = re.compile(r"(\d{1,6})\s*(s|min|h|d|w)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def point_in_time(text: str, now: datetime) -> datetime:
    """A time: `2026-03-31`, `2026-03-31T09:00` (UTC where no zone is given), or how long ago: `30min`, `2h`, `3d`.

    Raises:
        UsageError: it is none of these.
    """
    return _read(text, now, -1, "Give one such as 2026-03-31, 2026-03-31T09:00Z, or how long ago: 2h, 3d.")


def time_to_come(text: str, now: datetime) -> datetime:
    """A time later than `now`: `2026-03-31T18:00Z`, or after how long: `30min`, `2h`, `1d`.

    Raises:
        UsageError: it is none of these, or over.
    """
    found = _read(text, now, 1, "Give one such as 2026-03-31T18:00Z, or how long: 30min, 2h, 1d.")
    if found <= now:
        raise UsageError(f"{text} is over.")
    return found


def _read(text: str, now: datetime, direction: int, hint: str) -> datetime:
    span = _SPAN.fullmatch(text.strip())
    try:
        if span:
            return now + direction * timedelta(**{_UNITS[span[2]]: int(span[1])})
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is no time.", hint=hint) from None
