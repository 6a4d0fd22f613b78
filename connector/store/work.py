"""Who sends which request: heartbeats, and take-over from dead workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.model.ids import ItemNo, OrderId
from connector.model.order import Priority
from connector.model.work import Work
from connector.store import codec
from connector.store.database import Database
from connector.store.queries import queries

SILENT_SECONDS = 4.0
"""A worker that was heard of this long before the one heard of last is taken for dead."""

GAP_SECONDS = 1.5
"""A worker that could not say for this long that it lives supposes that the others could not either."""


class WorkTable:
    """The requests to send, as one worker sees them."""

    def __init__(self, database: Database, worker: str, host: str) -> None:
        self._database = database
        self._worker = worker
        self._host = host
        self._sql = queries("work")

    async def beat(self) -> None:
        """Say that this worker is alive."""
        async with self._database.connection() as connection:
            await connection.execute(self._sql["beat"], self._worker, self._host, GAP_SECONDS)

    async def adopt(self, limit: int) -> list[Work]:
        """Take over up to `limit` requests of workers that are dead; nobody knows whether they were sent."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["adopt"], self._worker, SILENT_SECONDS, limit)
        return [work_of(row) for row in rows]

    async def mine(self) -> list[Work]:
        """The requests that this worker has to send, or has sent and not had an answer to."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["mine"], self._worker)
        return [work_of(row) for row in rows]

    async def leave(self) -> None:
        """Say that this worker stops, so that others need not wait for its silence."""
        async with self._database.connection() as connection:
            await connection.execute(self._sql["leave"], self._worker)
            await connection.execute(self._sql["bury"])


def work_of(row: Mapping[str, Any]) -> Work:
    """A piece of work from its row."""
    return Work(
        order=OrderId(row["order_id"]),
        item=ItemNo(row["item_no"]),
        epoch=row["epoch"],
        attempt=row["attempt"],
        interface=row["interface"],
        set_hash=row["set_hash"],
        request=codec.request(row["request"]),
        awaits_event=row["awaits_event"],
        priority=Priority(row["priority"]),
    )
