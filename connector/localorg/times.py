"""Dates and times as Salesforce writes them: UTC, milliseconds, `+0000`.

Stored values have this very form: it sorts as text, and answers need no conversion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import lru_cache

Clock = Callable[[], datetime]
"""Where the org takes the time from; aware, UTC."""

_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def now() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """`2026-11-22T08:00:00.000+0000`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "+0000"


def zulu(moment: datetime) -> str:
    """`2026-11-22T08:00:00.000Z`, as events carry it."""
    return stamp(moment).replace("+0000", "Z")


@lru_cache(maxsize=10_000)
def read_datetime(text: str) -> str | None:
    """The stored form of an ISO 8601 time; without a zone it is UTC. None if it is not one."""
    if not _DATETIME.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return stamp(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


@lru_cache(maxsize=10_000)
def read_date(text: str) -> str | None:
    """The stored form of a date; a time is cut to its day. None if it is neither."""
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            return None
    moment = read_datetime(text)
    return moment and moment[:10]


def read_time(text: str) -> str | None:
    """The stored form of a time of day: `08:00:00.000Z`. None if it is not one."""
    try:
        parsed = time.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        return None
    return parsed.isoformat(timespec="milliseconds") + "Z"
