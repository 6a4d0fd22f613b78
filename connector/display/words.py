"""Times, durations, states and priorities as people read them. Times are UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from connector.model.states import ItemState

STATUS_STYLES: Mapping[str, str] = {
    "Fallout": "bold red",
    "Rejected": "bold red",
    "Waiting": "yellow",
    "In Progress": "cyan",
    "Freezing": "blue",
    "Frozen": "blue",
    "Completed": "green",
    "Canceled": "dim",
    "Superseded": "dim",
}
"""How the status of an order is coloured; it is always told in words too."""


JEOPARDY_STYLES: Mapping[str, str] = {"On Track": "green", "At Risk": "bold yellow", "Late": "bold red"}

_WHOLE_FROM = 9.95
"""Seconds from which on tenths are not told."""


def span(duration: timedelta) -> str:
    """A duration in at most two units: `0.3 s`, `42 s`, `3 min 5 s`, `2 h 5 min`, `3 d 4 h`."""
    seconds = duration.total_seconds()
    if seconds < 0:
        return f"-{span(-duration)}"
    if seconds < _WHOLE_FROM:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, whole = divmod(rest, 60)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (whole, "s")]
    while not units[0][0] and len(units) > 1:
        units.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in units[:2] if number) or "0 s"


def short_span(duration: timedelta) -> str:
    """A duration in one unit, for a column: `42 s`, `3 min`, `2 h`, `12 d`."""
    seconds = max(0, round(duration.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def moment(at: datetime) -> str:
    """A time in full: `2026-03-01 12:00:05`."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def clock(at: datetime, now: datetime) -> str:
    """A time, short: `12:00:05` on the day of `now`, else `03-05 12:00`, in another year `2027-03-05`."""
    if at.date() == now.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%m-%d %H:%M}" if at.year == now.year else f"{at:%Y-%m-%d}"


def ago(at: datetime, now: datetime) -> str:
    """How long ago, or how soon: `3 min ago`, `in 4 d`."""
    return f"in {short_span(at - now)}" if at > now else f"{short_span(now - at)} ago"


SYMBOLS: Mapping[ItemState, str] = {
    ItemState.PENDING: "·",
    ItemState.SCHEDULED: "◷",
    ItemState.READY: "○",
    ItemState.RUNNING: "►",
    ItemState.ON_HOLD: "‖",
    ItemState.COMPLETED: "✓",
    ItemState.SKIPPED: "-",
    ItemState.FAILED: "↻",
    ItemState.FATALLY_FAILED: "✗",
    ItemState.FROZEN: "≡",
    ItemState.AMENDED: "~",
    ItemState.CANCELED: "⊘",
    ItemState.DISCARDED: "⊘",
    ItemState.FAILED_DISCARDED: "⊘",
}
"""A sign for each state; the state is always told in words too."""

STATE_STYLES: Mapping[ItemState, str] = {
    ItemState.PENDING: "dim",
    ItemState.SCHEDULED: "yellow",
    ItemState.READY: "cyan",
    ItemState.RUNNING: "cyan",
    ItemState.ON_HOLD: "yellow",
    ItemState.COMPLETED: "green",
    ItemState.SKIPPED: "dim",
    ItemState.FAILED: "red",
    ItemState.FATALLY_FAILED: "bold red",
    ItemState.FROZEN: "blue",
    ItemState.AMENDED: "magenta",
    ItemState.CANCELED: "magenta",
    ItemState.DISCARDED: "dim strike",
    ItemState.FAILED_DISCARDED: "dim strike",
}
