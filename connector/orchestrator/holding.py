"""Requests that this worker is not to send now: given to the database, and taken from there when their time has come.

A request whose system is paused waits in the database, not in the memory of whoever made it: so it outlives the
worker, takes no place from others, and whoever has room sends it afterwards. So do the requests that a worker
which is asked to end has not sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from connector.model.ids import ItemNo, OrderId
from connector.model.pauses import NO_PAUSES, Pauses
from connector.model.work import Work
from connector.store.database import may_pass
from connector.store.held import Held, HeldTable, Why
from connector.store.pauses import RESUMED_PER_SECOND
from connector.store.rates import RateTable

log = structlog.get_logger()

SWEEP_SECONDS = 5.0
"""Longest time between two looks for requests to take: what a lost notification costs."""

BATCH = 100
"""Most requests that are put away, or taken, at once."""

RESUMED = "resumed"
"""The name of the rate at which what was paused starts again."""

_RETRY_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Holding:
    """One worker's way to the held requests.

    `on_taken` is given requests to send, each with whether another worker may have sent it before; `on_held` is
    told when people have to be told. `pauses` are those that count now.
    """

    table: HeldTable
    rates: RateTable
    pauses: Callable[[], Pauses] = lambda: NO_PAUSES
    per_second: float = RESUMED_PER_SECOND
    on_taken: Callable[[Sequence[Held]], None] = lambda _taken: None
    on_held: Callable[[], None] = lambda: None
    on_doubt: Callable[[], None] = lambda: None
    """A statement failed: it may have had its effect."""
    leaving: bool = False
    """The worker is about to end: it sends nothing new, and takes nothing."""
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while requests are this worker's by the database's word, and not yet in its memory."""
    _waiting: dict[tuple[OrderId, ItemNo], Held] = field(default_factory=dict)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def may_concern(self) -> bool:
        """Whether there is any request at all that is not to be sent now."""
        return self.leaving or bool(self.pauses())

    def concerns(self, work: Work) -> bool:
        """Whether this request is not to be sent now."""
        return self.leaving or self.pauses().of_callout(work.interface) is not None

    def keeps(self, work: Work, *, sent_before: bool = False) -> bool:
        """Whether this request is not to be sent now; it is put away then. A question how far a callout is goes: the
        next one follows.
        """
        if not self.concerns(work):
            return False
        why: Why = "left" if self.pauses().of_callout(work.interface) is None else "paused"
        if work.poll is None:
            self._waiting[work.order, work.item] = Held(work=work, why=why, sent_before=sent_before)
            self._wake.set()
        return True

    def drop(self, order: OrderId, item: ItemNo) -> None:
        """The item's request needs no sending any more."""
        self._waiting.pop((order, item), None)

    def known(self) -> Iterator[Work]:
        """Requests that are still this worker's, about to be put away."""
        return (held.work for held in self._waiting.values())

    def look(self) -> None:
        """A pause may have ended, or a worker may have left requests."""
        self._wake.set()

    async def put_away(self) -> None:
        """Give away what is not to be sent now."""
        while self._waiting:
            some = list(self._waiting.items())[:BATCH]
            await self.table.hold([held for _, held in some])
            for key, held in some:
                if self._waiting.get(key) is held:
                    del self._waiting[key]
            self.on_held()

    async def run(self) -> None:
        """Put away and take until cancelled."""
        while True:
            self._wake.clear()
            delay = SWEEP_SECONDS
            try:
                await self.put_away()
                if not self.leaving:
                    delay = await self._take()
            except Exception as error:
                if not may_pass(error):
                    raise
                log.warning("database_away", error=str(error))
                self.on_doubt()
                delay = _RETRY_SECONDS
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _take(self) -> float:
        """Take what may be sent; gives the seconds until the next look."""
        waiting = await self.table.waiting(self.pauses(), BATCH)
        if waiting.get("left"):
            await self._take_some("left", waiting["left"])
            return 0.0
        if not waiting.get("paused"):
            return SWEEP_SECONDS
        grant = await self.rates.draw(RESUMED, waiting["paused"], self.per_second)
        if grant.count:
            await self._take_some("paused", grant.count)
            self.on_held()
        return grant.seconds

    async def _take_some(self, why: Why, count: int) -> None:
        async with self.taking:
            taken = await self.table.take(self.pauses(), count, why)
            self.on_taken(taken)
