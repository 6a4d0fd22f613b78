"""Finished orders out of the tables that turns work on, and after the time for which they are kept, out of all.

Everything is done in bounded batches, each one transaction that holds nothing but the rows of finished orders:
it may run at any time, on any number of workers, and be killed at any moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connector.model.events import Addressed
from connector.model.ids import OrderId
from connector.store import codec
from connector.store.database import Connection, Database
from connector.store.intake import refuse_late
from connector.store.queries import queries

log = structlog.get_logger()

BATCH = 100
"""Most orders that one transaction moves or deletes."""

PAUSE_SECONDS = 0.1
"""Rest between two batches: orders in flight go before."""

INTERVAL_SECONDS = 3600.0

_ALONE = (6_820_417, 3)
"""The advisory lock of this task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one run did: orders that were archived, and archived orders that were deleted."""

    archived: int
    deleted: int


class Retention:
    """Archives orders `hot` after they were finished, and deletes them `keep` after that moment (None: never)."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        *,
        hot: timedelta,
        keep: timedelta | None,
        batch: int = BATCH,
        interval: float = INTERVAL_SECONDS,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._database = database
        self._clock = clock
        self._hot = hot
        self._keep = keep
        self._batch = batch
        self._interval = interval
        self._pause = pause
        self._sql = queries("retention")

    async def run(self) -> None:
        """Do it now and every hour, until cancelled."""
        while True:
            kept = await self.once()
            if kept.archived or kept.deleted:
                log.info("orders_archived", archived=kept.archived, deleted=kept.deleted)
            await asyncio.sleep(self._interval)

    async def once(self) -> Kept:
        """Do all that is to be done; what another worker is doing at the moment is left to it."""
        return Kept(archived=await self._batches(self._archive), deleted=await self._batches(self._delete))

    async def _batches(self, one: Callable[[Connection], Awaitable[tuple[int, bool]]]) -> int:
        total, more = 0, True
        while more:
            async with self._database.transaction() as connection:
                if not await connection.fetchval(self._sql["alone"], *_ALONE):
                    return total
                done, more = await one(connection)
            total += done
            if more:
                await asyncio.sleep(self._pause)
        return total

    async def _archive(self, connection: Connection) -> tuple[int, bool]:
        """One batch; how many orders it was, and whether there may be more."""
        before = self._clock() - self._hot
        await connection.execute(queries("families")["bring_strays"])
        ripe = [row["order_id"] for row in await connection.fetch(self._sql["ripe"], before, self._batch)]
        rows = await connection.fetch(self._sql["archive"], ripe, before) if ripe else []
        archived = [row["order_id"] for row in rows]
        if archived:
            await connection.execute(self._sql["clear"], archived)
        more = len(archived) == self._batch
        for row in [] if more else await connection.fetch(self._sql["late"]):
            late = Addressed(order=OrderId(row["order_id"]), event=codec.event(row["kind"], row["body"]))
            await refuse_late(connection, late)
        return len(archived), more

    async def _delete(self, connection: Connection) -> tuple[int, bool]:
        """One batch; how many orders it was, and whether there may be more."""
        if self._keep is None:
            return 0, False
        rows = await connection.fetch(self._sql["expired"], self._clock() - self._keep, self._batch)
        expired = [row["order_id"] for row in rows]
        if expired:
            await connection.execute(self._sql["forget"], expired)
            await connection.execute(queries("families")["forget"], expired)
        return len(expired), len(expired) == self._batch
