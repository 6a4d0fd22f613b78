"""The transaction of a turn: lock orders, take their events, load their plans, save what changed.

Every method is one or a few statements for all orders of the turn, whatever their number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Container, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.model.commands import (
    AnswerCommand,
    Assetize,
    ClearTimers,
    Command,
    DropCallout,
    InvokeCallout,
    RaiseFallout,
    ReadOrderAgain,
    Record,
    ResolveFallout,
    SetTimer,
)
from connector.model.events import Event, TimerDue, TimerKind
from connector.model.ids import ItemNo, OrderId
from connector.model.mark import MarkKey
from connector.model.order import Priority
from connector.model.plan import Plan
from connector.model.states import PlanState
from connector.model.technical import Explanation
from connector.model.work import RenderedRequest, Work
from connector.store import codec
from connector.store.database import Connection, Database
from connector.store.plans import load_plans
from connector.store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedOrder:
    """An order whose row this turn holds. `set_hash` is empty while the order has not been read."""

    id: OrderId
    revision: int
    set_hash: str
    state: PlanState


@dataclass(slots=True, kw_only=True)
class Change:
    """What a turn did to one order. `fresh`: the plan was made in this turn, whatever was there before."""

    plan: Plan
    status: str
    commands: list[Command] = field(default_factory=list)
    marks: Sequence[MarkKey] = ()
    explanation: Explanation | None = None
    fresh: bool = False


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

    async def waiting(self, now: datetime, limit: int) -> list[OrderId]:
        """Orders that have events waiting or timers due."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries("turns")["waiting"], now, limit)
        return [OrderId(row["order_id"]) for row in rows]

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
            LockedOrder(
                id=row["order_id"],
                revision=row["revision"],
                set_hash=row["set_hash"],
                state=PlanState(row["state"]),
            )
            for row in await self._connection.fetch(self._sql["lock"], orders)
        ]

    async def take_events(self, orders: Sequence[OrderId], now: datetime) -> dict[OrderId, list[Event]]:
        """Take the events of these orders' inboxes in the order of arrival, then their timers that are due."""
        events: dict[OrderId, list[Event]] = {order: [] for order in orders}
        for row in await self._connection.fetch(self._sql["take_inbox"], orders):
            events[row["order_id"]].append(codec.event(row["kind"], row["body"]))
        for row in await self._connection.fetch(self._sql["take_timers"], orders, now):
            timer = TimerDue(item=row["item_no"], kind=TimerKind(row["kind"]), epoch=row["epoch"])
            events[row["order_id"]].append(timer)
        return events

    async def load(self, orders: Sequence[OrderId]) -> dict[OrderId, Plan]:
        """The plans of these orders, whole."""
        return await load_plans(self._connection, orders)

    async def save(self, changes: Sequence[Change], now: datetime) -> list[Work]:
        """Save what changed and what was commanded; gives the requests that this worker has to send."""
        if not changes:
            return []
        fresh = [change.plan.id for change in changes if change.fresh]
        if fresh:
            await self._connection.execute(self._sql["clear"], fresh)
        await self._many("save_orders", [_order_row(change, now) for change in changes], now)
        explained = [
            {"order_id": change.plan.id, "body": change.explanation} for change in changes if change.explanation
        ]
        await self._many("save_explanations", explained)
        await self._save_lines(changes)
        await self._save_items(changes)
        commands: list[tuple[OrderId, Command]] = [
            (change.plan.id, command) for change in changes for command in change.commands
        ]
        await self._keep_time(commands)
        work = await self._keep_work(changes)
        await self._tell_people(commands, now)
        await self._save_inventory(changes)
        await self._mark(changes)
        again = [order for order, command in commands if isinstance(command, ReadOrderAgain)]
        if again:
            await self._connection.execute(self._sql["read_again"], again)
        return work

    async def _many(self, name: str, rows: Sequence[Row], *more: object) -> None:
        """Run a statement over many rows, if there is any."""
        if rows:
            await self._connection.execute(self._sql[name], codec.to_json(rows), *more)

    async def _save_lines(self, changes: Sequence[Change]) -> None:
        rows: list[Row] = [
            {"order_id": change.plan.id, "line_no": no, "body": change.plan.lines[no]}
            for change in changes
            for no in sorted(change.plan.changed_lines)
        ]
        await self._many("save_lines", rows)

    async def _save_items(self, changes: Sequence[Change]) -> None:
        new: list[Row] = []
        old: list[Row] = []
        for change in changes:
            order, items = change.plan.id, change.plan.items
            for no, before in change.plan.changed_items.items():
                item = items[no]
                row: Row = {
                    "order_id": order,
                    "item_no": no,
                    "state": item.state,
                    "progress": codec.item_progress(item),
                }
                if before is None:
                    new.append({**row, "spec": codec.item_spec(item)})
                else:
                    old.append(row)
        await self._many("add_items", new)
        await self._many("save_items", old)

    async def _keep_time(self, commands: Sequence[tuple[OrderId, Command]]) -> None:
        timers: dict[ItemKey, dict[TimerKind, SetTimer]] = {}
        cleared: dict[ItemKey, None] = {}
        for order, command in commands:
            if isinstance(command, ClearTimers):
                cleared[order, command.item] = None
                timers.pop((order, command.item), None)
            elif isinstance(command, SetTimer):
                timers.setdefault((order, command.item), {})[command.kind] = command
        await self._many("clear_timers", _item_rows(cleared))
        rows: list[Row] = [
            {"order_id": order, "item_no": item, "kind": timer.kind, "epoch": timer.epoch, "due": timer.due}
            for (order, item), kinds in timers.items()
            for timer in kinds.values()
        ]
        await self._many("set_timers", rows)

    async def _keep_work(self, changes: Sequence[Change]) -> list[Work]:
        new: dict[ItemKey, Work] = {}
        again: dict[ItemKey, int] = {}
        dropped: dict[ItemKey, None] = {}
        for change in changes:
            for command in change.commands:
                if isinstance(command, DropCallout):
                    key = (change.plan.id, command.item)
                    dropped[key] = None
                    new.pop(key, None)
                    again.pop(key, None)
                elif isinstance(command, InvokeCallout):
                    key = (change.plan.id, command.item)
                    if command.request is None:
                        again[key] = command.attempt
                    else:
                        new[key] = _work(change.plan, command, command.request)
        await self._many("drop_work", _item_rows(dropped))
        await self._many("rest_work", _item_rows(_at_rest(changes, new, dropped)))
        await self._many("add_work", [_work_row(work) for work in new.values()], self._worker)
        resent: list[Work] = []
        if again:
            rows = [
                {"order_id": order, "item_no": item, "attempt": attempt} for (order, item), attempt in again.items()
            ]
            found = await self._connection.fetch(self._sql["resend_work"], codec.to_json(rows), self._worker)
            resent = [work_of(row) for row in found]
        return [*new.values(), *resent]

    async def _tell_people(self, commands: Sequence[tuple[OrderId, Command]], now: datetime) -> None:
        history: list[Row] = []
        raised: dict[tuple[OrderId, int, int], Row] = {}
        resolved: list[Row] = []
        answers: dict[tuple[OrderId, str], Row] = {}
        for order, command in commands:
            match command:
                case Record():
                    history.append(
                        {
                            "order_id": order,
                            "item_no": command.item,
                            "what": command.what,
                            "detail": command.detail,
                            "by_whom": command.by,
                        }
                    )
                case RaiseFallout():
                    raised[order, command.item, command.episode] = {
                        "order_id": order,
                        "item_no": command.item,
                        "episode": command.episode,
                        "failure": command.failure,
                        "queue": command.queue,
                        "severity": command.severity,
                        "suggestions": command.suggestions,
                        "attempts": command.attempts,
                    }
                case ResolveFallout():
                    resolved.append(
                        {
                            "order_id": order,
                            "item_no": command.item,
                            "episode": command.episode,
                            "how": command.how,
                            "by_whom": command.by,
                        }
                    )
                case AnswerCommand():
                    answers[order, command.command] = {
                        "order_id": order,
                        "command_id": command.command,
                        "answer": command.answer,
                        "message": command.message,
                    }
                case _:
                    pass
        await self._many("add_history", history, now)
        await self._many("resolve_fallouts", resolved, now)
        await self._many("raise_fallouts", list(raised.values()), now)
        await self._many("answer_commands", list(answers.values()), now)

    async def _save_inventory(self, changes: Sequence[Change]) -> None:
        rows: dict[tuple[OrderId, int], Row] = {}
        for change in changes:
            for command in change.commands:
                if isinstance(command, Assetize):
                    for no in command.lines:
                        line = change.plan.lines[no]
                        rows[change.plan.id, no] = {"order_id": change.plan.id, "line_no": no, "body": line}
        await self._many("save_inventory", list(rows.values()))

    async def _mark(self, changes: Sequence[Change]) -> None:
        lanes: dict[tuple[OrderId, str], dict[MarkKey, None]] = {}
        for change in changes:
            for mark in change.marks:
                lanes.setdefault((change.plan.id, mark.lane), {})[mark] = None
        rows: list[Row] = [
            {
                "lane": lane,
                "order_id": order,
                "kinds": [mark.kind for mark in marks],
                "keys": [mark.key for mark in marks],
            }
            for (order, lane), marks in lanes.items()
        ]
        await self._many("mark", rows)


Row = dict[str, Any]
ItemKey = tuple[OrderId, ItemNo]


def _item_rows(keys: Iterable[ItemKey]) -> list[Row]:
    return [{"order_id": order, "item_no": item} for order, item in keys]


def _at_rest(changes: Sequence[Change], new: Container[ItemKey], dropped: Container[ItemKey]) -> list[ItemKey]:
    """Callouts that changed and are neither sent now nor done with: accepted, failed, held."""
    return [
        (change.plan.id, no)
        for change in changes
        for no in change.plan.changed_items
        if change.plan.items[no].request_epoch
        and (change.plan.id, no) not in dropped
        and (change.plan.id, no) not in new
    ]


def _order_row(change: Change, now: datetime) -> Row:
    plan = change.plan
    return {
        "order_id": plan.id,
        "number": plan.order.number,
        "account_id": plan.order.account.id,
        "priority": plan.priority,
        "state": plan.state,
        "status": change.status,
        "message": plan.message,
        "set_hash": plan.set_hash,
        "items_total": len(plan.items),
        "items_done": len(plan.items) - plan.open_items,
        "document": plan.order if change.fresh else None,
        "head": codec.Head(problems=plan.problems, unclaimed=plan.unclaimed, deliveries=plan.deliveries),
        "created_at": plan.created_at or now,
        "finished_at": plan.finished_at,
    }


def _work_row(work: Work) -> Row:
    return {
        "order_id": work.order,
        "item_no": work.item,
        "epoch": work.epoch,
        "attempt": work.attempt,
        "interface": work.interface,
        "set_hash": work.set_hash,
        "priority": work.priority,
        "awaits_event": work.awaits_event,
        "request": work.request,
    }


def _work(plan: Plan, command: InvokeCallout, request: RenderedRequest) -> Work:
    return Work(
        order=plan.id,
        item=command.item,
        epoch=command.epoch,
        attempt=command.attempt,
        interface=command.interface,
        set_hash=plan.set_hash,
        request=request,
        awaits_event=command.awaits_event,
        priority=plan.priority,
    )


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
