"""Marks of records in Salesforce that are behind, and the present state that they are to be brought to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.model.failure import Failure
from connector.model.ids import CommandId, ItemNo, OrderId
from connector.model.mark import RecordKind
from connector.model.plan import Plan
from connector.model.technical import TechnicalLine
from connector.store import codec
from connector.store.database import Database, columns
from connector.store.plans import load_plans
from connector.store.queries import queries
from connector.store.work import SILENT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One mark. `seq` grows whenever the record is marked again."""

    lane: str
    order: OrderId
    kind: RecordKind
    key: str
    seq: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """A mark that is not to be claimed before `until`; `failed` counts it as an attempt."""

    row: OutboxRow
    until: datetime
    problem: str
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FalloutRow:
    """One episode of fallout."""

    order: OrderId
    item: ItemNo
    episode: int
    failure: Failure
    queue: str
    severity: str
    suggestions: tuple[str, ...]
    attempts: int
    raised_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    resolved_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """What became of one command."""

    order: OrderId
    command: CommandId
    answer: str
    message: str
    answered_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All of some orders that is written to Salesforce, read in one transaction."""

    plans: dict[OrderId, Plan]
    fallouts: dict[OrderId, list[FalloutRow]]
    answers: dict[CommandId, AnswerRow]
    inventory: dict[OrderId, list[TechnicalLine]]


class Outbox:
    """The marks, as one worker sees them."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database = database
        self._worker = worker
        self._sql = queries("outbox")

    async def claim(
        self, lanes: int, records: int, lease: timedelta, kinds: Sequence[RecordKind] | None
    ) -> list[OutboxRow]:
        """Marks of up to `lanes` lanes that are this worker's until released or the lease is over.

        `kinds` chooses lanes that have a mark of one of these kinds; what else they have comes with it.
        """
        wanted = None if kinds is None else list(kinds)
        async with self._database.transaction() as connection:
            claimed = await connection.fetch(
                self._sql["claim_lanes"], lanes, self._worker, lease, wanted, SILENT_SECONDS
            )
            if not claimed:
                return []
            names = [row["lane"] for row in claimed]
            rows = await connection.fetch(self._sql["marks"], names, records)
            empty = set(names) - {row["lane"] for row in rows}
            if empty:
                await connection.execute(self._sql["release"], list(empty), self._worker)
        return [
            OutboxRow(
                lane=row["lane"],
                order=OrderId(row["order_id"]),
                kind=row["kind"],
                key=row["key"],
                seq=row["seq"],
                attempts=row["attempts"],
            )
            for row in rows
        ]

    async def snapshot(self, orders: Sequence[OrderId]) -> Snapshot:
        """The present state of these orders."""
        ids = list(orders)
        async with self._database.transaction() as connection:
            await connection.execute("set transaction isolation level repeatable read, read only")
            plans = await load_plans(connection, ids)
            fallouts = await connection.fetch(self._sql["fallouts"], ids)
            answers = await connection.fetch(self._sql["answers"], ids)
            inventory = await connection.fetch(self._sql["inventory"], ids)
        by_order: dict[OrderId, list[FalloutRow]] = {}
        for row in fallouts:
            by_order.setdefault(row["order_id"], []).append(
                FalloutRow(
                    order=OrderId(row["order_id"]),
                    item=ItemNo(row["item_no"]),
                    episode=row["episode"],
                    failure=codec.failure(row["failure"]),
                    queue=row["queue"],
                    severity=row["severity"],
                    suggestions=tuple(row["suggestions"]),
                    attempts=row["attempts"],
                    raised_at=row["raised_at"],
                    resolved_at=row["resolved_at"],
                    resolution=row["resolution"],
                    resolved_by=row["resolved_by"],
                )
            )
        installed: dict[OrderId, list[TechnicalLine]] = {}
        for row in inventory:
            installed.setdefault(row["order_id"], []).append(codec.technical_line(row["body"]))
        return Snapshot(
            plans=plans,
            fallouts=by_order,
            answers={
                row["command_id"]: AnswerRow(
                    order=OrderId(row["order_id"]),
                    command=CommandId(row["command_id"]),
                    answer=row["answer"],
                    message=row["message"],
                    answered_at=row["answered_at"],
                )
                for row in answers
            },
            inventory=installed,
        )

    async def settle(
        self,
        written: Sequence[OutboxRow],
        delayed: Sequence[Delay],
        notes: Sequence[tuple[OrderId, str, str]],
        missing: Sequence[tuple[str, RecordKind, str, OrderId]],
        lanes: Sequence[str],
    ) -> None:
        """Remove what was written, put off what was not, note (order, what, detail) for people, mark missing
        parents (lane, kind, key, order), and let go of the lanes.
        """
        async with self._database.transaction() as connection:
            if written:
                rows = [(row.lane, row.kind, row.key, row.seq) for row in written]
                await connection.execute(self._sql["written"], *columns(rows))
            if delayed:
                put_off = [
                    (d.row.lane, d.row.kind, d.row.key, d.row.seq, d.until, int(d.failed), d.problem) for d in delayed
                ]
                await connection.execute(self._sql["postpone"], *columns(put_off))
            if notes:
                await connection.execute(self._sql["note"], *columns(notes))
            if missing:
                await connection.execute(self._sql["mark_missing"], *columns(missing))
            if lanes:
                await connection.execute(self._sql["release"], list(lanes), self._worker)

    async def let_go(self) -> None:
        """End every claim of this worker: it writes nothing any more of what it had claimed."""
        async with self._database.connection() as connection:
            await connection.execute(self._sql["let_go"], self._worker)

    async def next_due(self) -> datetime | None:
        """When the next mark may be claimed; None when there is none."""
        async with self._database.connection() as connection:
            due: datetime | None = await connection.fetchval(self._sql["next_due"])
        return due
