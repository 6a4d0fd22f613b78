"""Requests that nobody sends now: they wait for a pause to end, or were left by a worker that ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from connector.model.ids import ItemNo, OrderId
from connector.model.pauses import Pauses
from connector.model.work import Work
from connector.store import codec
from connector.store.database import Database
from connector.store.queries import queries
from connector.store.signals import PAUSES, notify
from connector.store.work import work_of

Why = Literal["paused", "left"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One request: why it is not sent, and whether another worker may have sent it before."""

    work: Work
    why: Why
    sent_before: bool = False


class _Row(msgspec.Struct, gc=False):
    order_id: OrderId
    item_no: ItemNo
    epoch: int
    attempt: int
    why: Why
    sent_before: bool


class HeldTable:
    """The held requests, as one worker sees them."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database = database
        self._worker = worker
        self._sql = queries("held")

    async def hold(self, requests: Sequence[Held]) -> None:
        """These requests of this worker are nobody's from now on. One that is not its any more is left alone."""
        rows = [
            _Row(one.work.order, one.work.item, one.work.epoch, one.work.attempt, one.why, one.sent_before)
            for one in requests
        ]
        async with self._database.transaction() as connection:
            await connection.execute(self._sql["hold"], self._worker, codec.to_json(rows))
            if any(one.why == "left" for one in requests):
                await notify(connection, PAUSES)

    async def waiting(self, pauses: Pauses, most: int) -> dict[Why, int]:
        """How many requests, counted up to `most`, are held for each reason, without those that `pauses` concern."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["waiting"], pauses.systems, pauses.interfaces, most)
        return {row["why"]: row["waiting"] for row in rows}

    async def take(self, pauses: Pauses, limit: int, why: Why) -> list[Held]:
        """Up to `limit` held requests that none of `pauses` concerns: they are this worker's to send now."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                self._sql["take"], self._worker, why, pauses.systems, pauses.interfaces, limit
            )
        return [Held(work=work_of(row), why=row["why"], sent_before=row["sent_before"]) for row in rows]
