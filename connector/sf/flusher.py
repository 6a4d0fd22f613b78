"""When to write: at once when there was nothing to do, in fuller groups under load, seldom on a tight budget."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence

from connector.model.mark import RecordKind
from connector.sf.batches import CALL_RECORDS
from connector.sf.budget import Budget, pace
from connector.sf.ports import Mark
from connector.sf.usage import UsageGauge
from connector.sf.waking import Doorbell, tasks
from connector.sf.writeback import Flushed, WriteBack

POLL_SECONDS = 5.0
"""How long it sleeps when nobody rings: marks that were put off, and other workers' marks, are found then."""

_PARALLEL = 4

_REST = 2.0
"""How many times as long as a flush takes nothing is written after it, unless more waits than a call takes."""

_MARGIN = 0.05
"""Seconds after which what is due is surely due by the database's clock too."""


class Flusher:
    """Runs flushes for ever: one at a time while they are small, several side by side while they are full."""

    def __init__(
        self,
        writeback: WriteBack,
        gauge: UsageGauge,
        budget: Budget,
        *,
        poll: float = POLL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._writeback = writeback
        self._gauge = gauge
        self._budget = budget
        self._poll = poll
        self._clock = clock
        self._bell = Doorbell()
        self._slots = asyncio.Semaphore(_PARALLEL)
        self._quiet_until = 0.0
        self._paused_until = 0.0
        self._again_at = math.inf
        self._broken: Exception | None = None

    def wake(self) -> None:
        """A record was marked."""
        self._bell.ring()

    async def run(self) -> None:
        """Flush until cancelled. Ends with an error of the store alone, after what is under way has ended: a call
        that Salesforce still works on would else come after that of the lanes' next writer.
        """
        self._broken = None
        async with tasks() as group:
            try:
                await self._run(group)
            except Exception:
                await self.close()
                for _ in range(_PARALLEL):
                    self._slots.release()
                raise

    async def close(self) -> None:
        """Begin nothing more, and wait until what is under way has ended."""
        for _ in range(_PARALLEL):
            await self._slots.acquire()

    async def _run(self, group: asyncio.TaskGroup) -> None:
        while self._broken is None:
            await self._wait_until(max(self._quiet_until, self._paused_until))
            now = pace(self._gauge.last, self._budget)
            self._quiet_until = self._clock() + now.interval
            await self._slots.acquire()
            marks = await self._claim(now.kinds)
            if not marks:
                # What was found empty at once may be full at once: an idle start costs no interval.
                self._quiet_until = 0.0
                await self._bell.wait(self._patience())
            elif len(marks) >= CALL_RECORDS:
                group.create_task(self._flush_aside(marks))
            else:
                # The longer a flush takes, the longer the next one waits: under load records change several times
                # before they are written, once. When a call can't take all that waits, nothing is gained by waiting.
                await self._flush(marks, rest=_REST)
        raise self._broken

    async def _claim(self, kinds: Sequence[RecordKind] | None) -> Sequence[Mark]:
        marks: Sequence[Mark] = ()
        try:
            marks = await self._writeback.claim(kinds)
        finally:
            if not marks:
                self._slots.release()
        return marks

    async def _flush_aside(self, marks: Sequence[Mark]) -> None:
        """One of several flushes side by side: its error ends the others only when they have ended."""
        try:
            await self._flush(marks)
        except Exception as error:  # noqa: BLE001 - raised again by the loop
            self._broken = error

    async def _flush(self, marks: Sequence[Mark], *, rest: float = 0.0) -> None:
        """Write; then, for `rest` times as long as that took, begin nothing."""
        begun = self._clock()
        try:
            flushed: Flushed = await self._writeback.write(marks)
        finally:
            self._slots.release()
            # The lanes are free again: what was marked in them meanwhile may go.
            self._bell.ring()
        now = self._clock()
        self._quiet_until = max(self._quiet_until, now + rest * (now - begun))
        if flushed.pause is not None:
            self._paused_until = max(self._paused_until, self._clock() + flushed.pause.total_seconds())
        if flushed.again is not None:
            self._again_at = min(self._again_at, self._clock() + flushed.again.total_seconds() + _MARGIN)

    def _patience(self) -> float:
        """How long to sleep when there is nothing to do: until what was put off is due, if that is soon."""
        now = self._clock()
        if self._again_at <= now:
            self._again_at = math.inf
        return min(self._poll, self._again_at - now)

    async def _wait_until(self, moment: float) -> None:
        delay = moment - self._clock()
        if delay > 0:
            await asyncio.sleep(delay)
