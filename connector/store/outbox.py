"""Marks of records in Salesforce that are behind, and the present state that they are to be brought to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from connector.model.dossier import CommandAnswer, FalloutEpisode
from connector.model.ids import CommandId, OrderId
from connector.model.mark import RecordKind
from connector.model.pauses import Pause
from connector.model.plan import Plan
from connector.model.technical import TechnicalLine
from connector.store import codec
from connector.store.database import Database, columns
from connector.store.fallouts import episode_of
from connector.store.pauses import held_back
from connector.store.plans import load_plans
from connector.store.queries import queries
from connector.store.work import SILENT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """One record that is behind. `seq` grows whenever it is marked again."""

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
class Snapshot:
    """All of some orders that is written to Salesforce, read in one transaction."""

    plans: dict[OrderId, Plan]
    fallouts: dict[OrderId, list[FalloutEpisode]]
    answers: dict[CommandId, CommandAnswer]
    inventory: dict[OrderId, list[TechnicalLine]]
    held: dict[OrderId, dict[int, Pause]] = field(default_factory=dict)
    """By order and item: the pause whose end a request waits for."""


CALL_SECONDS = 120.0
"""How long a call to Salesforce may take, unless the settings say otherwise."""


class Outbox:
    """The marks, as one worker sees them.

    The lanes of a dead worker are left alone for as long as its last call may take (`call_seconds`) after its
    silence shows that it is dead. Salesforce may still be working on that call, and no fence keeps a late write
    out there: whoever took the lane earlier could see its newer state overwritten by the older one, for good.
    """

    def __init__(self, database: Database, worker: str, call_seconds: float = CALL_SECONDS) -> None:
        self._database = database
        self._worker = worker
        self._silence = SILENT_SECONDS + call_seconds
        self._sql = queries("outbox")
        self._claimed: dict[str, list[int]] = {}
        """Rows that this worker has read of each lane that it holds."""

    async def claim(
        self, lanes: int, records: int, lease: timedelta, kinds: Sequence[RecordKind] | None
    ) -> list[OutboxRow]:
        """Marks of up to `lanes` lanes that are this worker's until released or the lease is over.

        `kinds` chooses lanes that have a mark of one of these kinds; what else they have comes with it.
        """
        wanted = None if kinds is None else list(kinds)
        async with self._database.transaction() as connection:
            claimed = await connection.fetch(
                self._sql["claim_lanes"], lanes, self._worker, lease, wanted, self._silence
            )
            if not claimed:
                return []
            names = [row["lane"] for row in claimed]
            rows = _up_to(records, await connection.fetch(self._sql["rows"], names, records))
            empty = set(names) - {row["lane"] for row in rows}
            if empty:
                await connection.execute(self._sql["release"], list(empty), self._worker)
        self._claimed.update({lane: [] for lane in names})
        for row in rows:
            self._claimed[row["lane"]].append(row["seq"])
        return _merged(rows)

    async def snapshot(self, orders: Sequence[OrderId]) -> Snapshot:
        """The present state of these orders."""
        ids = list(orders)
        async with self._database.transaction() as connection:
            await connection.execute("set transaction isolation level repeatable read, read only")
            plans = await load_plans(connection, ids)
            fallouts = await connection.fetch(self._sql["fallouts"], ids)
            answers = await connection.fetch(self._sql["answers"], ids)
            inventory = await connection.fetch(self._sql["inventory"], ids)
            held = await connection.fetch(queries("held")["held_back"], ids)
        by_order: dict[OrderId, list[FalloutEpisode]] = {}
        for row in fallouts:
            by_order.setdefault(row["order_id"], []).append(episode_of(row))
        installed: dict[OrderId, list[TechnicalLine]] = {}
        for row in inventory:
            installed.setdefault(row["order_id"], []).append(codec.technical_line(row["body"]))
        return Snapshot(
            plans=plans,
            fallouts=by_order,
            answers={
                row["command_id"]: CommandAnswer(
                    command=CommandId(row["command_id"]),
                    answer=row["answer"],
                    message=row["message"],
                    at=row["answered_at"],
                    result=codec.json_object(row["result"]),
                )
                for row in answers
            },
            inventory=installed,
            held=held_back(held),
        )

    async def settle(
        self,
        delayed: Sequence[Delay],
        notes: Sequence[tuple[OrderId, str, str]],
        missing: Sequence[tuple[str, RecordKind, str, OrderId]],
        lanes: Sequence[str],
    ) -> None:
        """End the claims of these lanes: all that was claimed in them is dealt with, but for what is delayed.

        Notes (order, what, detail) are for people; missing parents (lane, kind, key, order) are marked.
        """
        later: list[dict[str, object]] = [
            {
                "lane": one.row.lane,
                "order_id": one.row.order,
                "kind": one.row.kind,
                "key": one.row.key,
                "due_at": one.until,
                "attempts": one.row.attempts + one.failed,
                "problem": one.problem,
            }
            for one in delayed
        ]
        later += [
            {"lane": lane, "order_id": order, "kind": kind, "key": key, "attempts": 0}
            for lane, kind, key, order in missing
        ]
        done = [(lane, seq) for lane in lanes for seq in self._claimed.get(lane, ())]
        async with self._database.transaction() as connection:
            if done:
                await connection.execute(self._sql["remove"], *columns(done))
            if later:
                await connection.execute(self._sql["add"], codec.to_json(later))
            if notes:
                await connection.execute(self._sql["note"], *columns(notes))
            if lanes:
                await connection.execute(self._sql["release"], list(lanes), self._worker)
        for lane in lanes:
            self._claimed.pop(lane, None)

    async def let_go(self) -> None:
        """End every claim of this worker: it writes nothing any more of what it had claimed."""
        async with self._database.connection() as connection:
            await connection.execute(self._sql["let_go"], self._worker)
        self._claimed.clear()

    async def next_due(self) -> datetime | None:
        """When the next mark may be claimed; None when there is none."""
        async with self._database.connection() as connection:
            due: datetime | None = await connection.fetchval(self._sql["next_due"])
        return due


_ORDER: tuple[RecordKind, ...] = ("request", "plan", "line", "item")
"""Parents before children; the other kinds come after these."""


def _up_to(records: int, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first rows, until they name so many different records."""
    taken: list[Mapping[str, Any]] = []
    named: set[tuple[str, str]] = set()
    for row in rows:
        if len(named) >= records:
            break
        taken.append(row)
        named.update(zip(row["kinds"], row["keys"], strict=True))
    return taken


def _merged(rows: Sequence[Mapping[str, Any]]) -> list[OutboxRow]:
    """Each record once, as it was marked last; parents first. Being marked anew forgives earlier failures."""
    latest: dict[tuple[str, str, RecordKind], Mapping[str, Any]] = {}
    for row in rows:
        lane = row["lane"]
        for kind, key in zip(row["kinds"], row["keys"], strict=True):
            latest[lane, key, kind] = row
    found = [
        OutboxRow(
            lane=lane, order=OrderId(row["order_id"]), kind=kind, key=key, seq=row["seq"], attempts=row["attempts"]
        )
        for (lane, key, kind), row in latest.items()
    ]
    rank = {kind: place for place, kind in enumerate(_ORDER)}
    return sorted(found, key=lambda one: (rank.get(one.kind, len(rank)), one.seq))
