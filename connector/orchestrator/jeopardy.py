"""On Track, At Risk, Late: the rules. Pure.

By date: what is expected to be done after the order's requested date is Late. It is At Risk when less than the
set's margin is left, or when one case of ten would be late. An order without a requested date can't be late.

By limits: an item that has run for longer than its definition's limits is At Risk, then Late, whatever the date.
An order with such an item is At Risk at least: somebody should look at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connector.mappings.calendar import LAST_YEAR
from connector.mappings.set import ItemDefinition, MappingSet
from connector.model.forecast import Jeopardy
from connector.model.order import Order
from connector.model.plan import Item

FOREVER = float("inf")

GRACE_SECONDS = 60.0
"""Nobody calls an order late by less: what starts at the requested time ends a few seconds after it."""

_NEVER = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """An order's requested date and the moment from which on it is tight, in seconds of the epoch."""

    tight: float = FOREVER
    requested: float = FOREVER

    def level(self, finish: float, p90: float = 0.0) -> Jeopardy:
        """How something does that is expected to be done at `finish`, in nine cases of ten by `p90`."""
        if finish > self.requested:
            return Jeopardy.LATE
        return Jeopardy.AT_RISK if finish > self.tight or p90 > self.requested else Jeopardy.ON_TRACK


NO_DEADLINE = Deadline()


def deadline(order: Order, mappings: MappingSet) -> Deadline:
    """The deadline of everything in the order."""
    requested, alarm = order.requested_at, mappings.alarm
    if requested is None:
        return NO_DEADLINE
    try:
        tight = alarm.calendar.back(requested, alarm.margin) if alarm.calendar else requested - alarm.margin
    except OverflowError:
        tight = requested
    return Deadline(tight=tight.timestamp() + GRACE_SECONDS, requested=requested.timestamp() + GRACE_SECONDS)


def moments(item: Item, definition: ItemDefinition, begin: datetime | None = None) -> tuple[datetime, datetime] | None:
    """When an item gets At Risk, and Late, by its limits; None when it has none, has not begun, or is done.

    `begin` is when one begins that has not begun.
    """
    begin = item.started_at or begin
    if definition.limits is None or begin is None or item.is_final:
        return None
    return _after(definition, begin, definition.limits.at_risk), _after(definition, begin, definition.limits.late)


def by_limits(item: Item, definition: ItemDefinition, now: datetime) -> Jeopardy:
    """How an item does by its own limits."""
    found = moments(item, definition)
    if found is None or now < found[0]:
        return Jeopardy.ON_TRACK
    return Jeopardy.AT_RISK if now < found[1] else Jeopardy.LATE


def _after(definition: ItemDefinition, begin: datetime, length: timedelta) -> datetime:
    try:
        return definition.calendar.add(begin, length) if definition.calendar else begin + length
    except OverflowError:
        return _NEVER
