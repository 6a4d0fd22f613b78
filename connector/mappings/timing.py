"""What a mapping set says about time: how long things take, and when that is cause for alarm. Immutable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from connector.mappings.calendar import Calendar
from connector.model.order import Priority

DEVIATIONS = 6.0
"""PERT: from the optimistic to the pessimistic end lie six standard deviations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How long an item is expected to take. With only a likely length all three are the same."""

    optimistic: timedelta
    likely: timedelta
    pessimistic: timedelta

    @property
    def mean(self) -> timedelta:
        """The expected length, by PERT's weights: the likely one counts four times."""
        return (self.optimistic + 4 * self.likely + self.pessimistic) / DEVIATIONS

    @property
    def deviation(self) -> timedelta:
        """Its standard deviation, by PERT."""
        return (self.pessimistic - self.optimistic) / DEVIATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """For how long an item may run, from its start and in its calendar, before people should know."""

    at_risk: timedelta
    late: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What is done when an order gets into jeopardy, beside noting it in its history and its fields."""

    priority: Priority | None = None
    """Raised to this lane, unless it is in a faster one."""
    case: str | None = None
    """The queue of fallout whose people get a Case."""
    severity: Literal["Low", "Medium", "High"] = "Medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """When an order that has a requested date is in jeopardy, and what is done then."""

    margin: timedelta = timedelta()
    """How long before the requested date everything should be done; less is At Risk."""
    calendar: Calendar | None = None
    """In whose time the margin is."""
    at_risk: Measures = Measures()
    late: Measures = Measures()
