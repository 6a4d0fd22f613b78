"""The transaction of a turn: lock orders, take their events, load their plans, save what changed.

Every method is one or a few statements for all orders of the turn, whatever their number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from connector.model.attempt import AttemptRecord
from connector.model.events import Event, TimerDue, TimerKind
from connector.model.ids import OrderId
from connector.model.order import InventoryItem, Priority
from connector.model.plan import Plan
from connector.model.work import Work
from connector.store import codec
from connector.store.database import Connection, Database, columns
from connector.store.intake import put, refuse_late
from connector.store.pause import Pause, beside
from connector.store.plans import load_as_is, load_plans
from connector.store.queries import queries
from connector.store.saving import Change, Rows
from connector.store.work import work_of


class LockedOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order whose row this turn holds. `set_hash` is empty while the order has not been read."""

    id: OrderId
    revision: int
    set_hash: str


class Turns:
    """Where turns begin."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database = database
        self._worker = worker

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Turn]:
        """One turn: committed at the end of the block, rolled back by an exception."""
        async with self._database.transaction() as connection:
            yield Turn(connection, self._worker)

    async def waiting(self, now: datetime, limit: int, begin: int) -> list[OrderId]:
        """Up to `limit` orders that have events waiting or timers due, and up to `begin` that are to begin."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries("turns")["waiting"], now, limit, begin)
        return [OrderId(row["order_id"]) for row in rows]

    async def beginning(self, lanes: Sequence[Priority], most: int) -> dict[OrderId, Priority]:
        """Up to `most` orders of these lanes that are to begin, urgent ones first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries("turns")["beginning"], [1 + lane for lane in lanes], most)
        return {OrderId(row["order_id"]): Priority(row["rank"] - 1) for row in rows}

    async def next_due(self) -> datetime | None:
        """When the next timer is due; None when there is none."""
        async with self._database.connection() as connection:
            due: datetime | None = await connection.fetchval(queries("turns")["next_due"])
        return due

    async def park(self, order: OrderId, reason: str) -> None:
        """Take the order out of every turn until a person has looked at it."""
        async with self._database.connection() as connection:
            await connection.execute(queries("turns")["park"], order, reason)


class Turn:
    """The statements of one turn, on its connection."""

    def __init__(self, connection: Connection, worker: str) -> None:
        self._connection = connection
        self._worker = worker
        self._sql = queries("turns")

    async def lock(self, orders: Sequence[OrderId]) -> list[LockedOrder]:
        """Lock these orders' rows; those that another worker holds, or that are parked, are left out."""
        return [
            LockedOrder(id=row["order_id"], revision=row["revision"], set_hash=row["set_hash"])
            for row in await self._connection.fetch(self._sql["lock"], orders)
        ]

    async def take_events(
        self, orders: Sequence[OrderId], unread: Sequence[OrderId], now: datetime
    ) -> dict[OrderId, list[Event]]:
        """Take the events of these orders' inboxes in the order of arrival, then their timers that are due.

        Of orders that have not been read (`unread`) the reading comes first; until it has come nothing is taken.
        """
        events: dict[OrderId, list[Event]] = {order: [] for order in orders}
        for row in await self._connection.fetch(self._sql["take_inbox"], orders, unread):
            events[row["order_id"]].append(codec.event(row["kind"], row["body"]))
        for row in await self._connection.fetch(self._sql["take_timers"], orders, now):
            timer = TimerDue(item=row["item_no"], kind=TimerKind(row["kind"]), epoch=row["epoch"])
            events[row["order_id"]].append(timer)
        return events

    async def load(self, orders: Sequence[OrderId]) -> dict[OrderId, Plan]:
        """The plans of these orders, whole."""
        return await load_plans(self._connection, orders)

    async def load_as_is(self, orders: Sequence[OrderId]) -> dict[OrderId, tuple[InventoryItem, ...]]:
        """What the accounts of these orders had installed when the orders began."""
        return await load_as_is(self._connection, orders)

    async def save(self, changes: Sequence[Change], now: datetime, records: Sequence[AttemptRecord] = ()) -> list[Work]:
        """Save what changed and what was commanded, and keep the records of attempts with it; gives the requests that
        this worker has to send. Without a change nothing is saved.
        """
        if not changes:
            return []
        pause = Pause()
        rows = Rows(now)
        for change in changes:
            await beside(len(change.plan.changed_items), rows.add, change)
            await pause.now_and_then()
        if rows.made_again:
            await self._connection.execute(self._sql["clear"], rows.made_again)
        if rows.respecified:
            await self._connection.execute(self._sql["respecify"], codec.to_json(rows.respecified))
        added = rows.added_explanations
        if added:
            await self._connection.execute(self._sql["explain_more"], now, codec.to_json(added))
        tables: Sequence[Sequence[object]] = (
            rows.orders,
            rows.explanations,
            rows.lines,
            rows.new_items,
            rows.items,
            rows.dropped_work,
            rows.rested_work,
            rows.new_work,
            rows.resent_work,
            rows.cleared_timers,
            rows.timers,
            rows.history,
            rows.resolved,
            rows.raised,
            rows.answers,
            rows.inventory,
            rows.marks,
        )
        documents: list[str | None] = []
        for table in tables:
            documents.append(await beside(len(table), codec.to_json, table) if table else None)
            await pause.now_and_then()
        calls = codec.to_json(records) if records else None
        parameters = (now, self._worker, *documents, rows.read_again, calls)
        resent = await self._connection.fetch(self._sql["save"], *parameters)
        if rows.read_after:
            await self._connection.execute(self._sql["read_after"], *columns(rows.read_after))
        if rows.told:
            for late in await put(self._connection, rows.told):
                await refuse_late(self._connection, late)
        return [*rows.work, *map(work_of, resent), *rows.polls]
