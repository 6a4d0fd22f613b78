"""What is expected of a plan: when it will be done, and whether that is in time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from connector.model.order import Priority


class Jeopardy(StrEnum):
    """Whether something is in time; the names are those that people see in Salesforce."""

    ON_TRACK = "On Track"
    AT_RISK = "At Risk"
    LATE = "Late"


_RANK = {Jeopardy.ON_TRACK: 0, Jeopardy.AT_RISK: 1, Jeopardy.LATE: 2}


def worst(levels: Iterable[Jeopardy]) -> Jeopardy:
    """The worst of these; On Track of none."""
    return max(levels, key=_RANK.__getitem__, default=Jeopardy.ON_TRACK)


def is_worse(level: Jeopardy, than: Jeopardy) -> bool:
    """The first is further from being in time."""
    return _RANK[level] > _RANK[than]


class Forecast(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a plan keeps of its last estimate. Times are as shown to people: rounded, see `forecast.shown`."""

    at: datetime
    """When it was worked out."""
    completion: datetime | None = None
    """When everything is expected to be done; once it is, when it was."""
    p90: datetime | None = None
    """By when it will be done in nine cases of ten; None while nothing is known of the spread."""
    jeopardy: Jeopardy = Jeopardy.ON_TRACK
    check: datetime | None = None
    """When it is worked out again at the latest: the plan's jeopardy may change by then though nothing happens."""
    cases: int = 0
    """How many Cases were raised for the jeopardy of the order."""
    has_case: bool = False
    """The last of them is open."""
    lane: Priority | None = None
    """The lane that the order was raised to."""
