"""What was observed of items that are done, for estimates: counted now and then, and kept at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from connector.mappings.calendar import Calendar
from connector.mappings.set import MappingSet
from connector.orchestrator.dates import NOTHING_OBSERVED, Observed, Seen
from connector.store.durations import DurationTable, Took

log = structlog.get_logger()

INTERVAL_SECONDS = 600.0
PAUSE_SECONDS = 0.1
"""Rest between two batches: orders in flight go before."""


class LoadedSets(Protocol):
    """The mapping sets that are in memory."""

    def loaded(self, set_hash: str) -> MappingSet | None:
        """The set of that hash, if it is in memory."""
        ...


class Observing:
    """Counts how long items took, and has the outcome at hand. Every worker has its own; one at a time counts."""

    def __init__(
        self,
        table: DurationTable,
        sets: LoadedSets,
        clock: Callable[[], datetime],
        *,
        interval: float = INTERVAL_SECONDS,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._table = table
        self._sets = sets
        self._clock = clock
        self._interval = interval
        self._pause = pause
        self._observed: Observed = NOTHING_OBSERVED

    def observed(self) -> Observed:
        """What is known: another object when there is more of it."""
        return self._observed

    async def run(self) -> None:
        """Do it now and every ten minutes, until cancelled."""
        while True:
            counted = await self.once()
            if counted:
                log.info("durations_observed", orders=counted, kinds=len(self._observed))
            await asyncio.sleep(self._interval)

    async def once(self) -> int:
        """Count the orders that were finished since the last time, here or elsewhere; how many it was here."""
        total = 0
        while counted := await self._table.count(self._clock(), self._measure):
            total += counted
            await asyncio.sleep(self._pause)
        known = await self._table.known()
        self._observed = {kind: Seen(each.observations, each.p50, each.p90) for kind, each in known.items()}
        return total

    def _measure(self, took: Sequence[Took]) -> list[float]:
        return [self._seconds(one) for one in took]

    def _seconds(self, one: Took) -> float:
        """By the clock, or in the time of the item's calendar."""
        calendar = self._calendar(one)
        start, end = one.started_at.timestamp(), one.finished_at.timestamp()
        try:
            return calendar.seconds_between(start, end) if calendar is not None else end - start
        except OverflowError:
            return end - start

    def _calendar(self, one: Took) -> Calendar | None:
        mappings = self._sets.loaded(one.set_hash)
        plan = mappings.plans.get(one.kind[0]) if mappings is not None else None
        item = plan.items.get(one.kind[1]) if plan is not None else None
        return item.calendar if item is not None else None
