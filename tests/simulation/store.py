"""The store's classes on simulated tables: the same promises as those that speak to PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs

from connector.model.attempt import AttemptRecord
from connector.model.commands import (
    AnswerCommand,
    Assetize,
    ClearTimers,
    DropCallout,
    InvokeCallout,
    PollCallout,
    RaiseFallout,
    ReadOrderAgain,
    ResolveFallout,
    SetTimer,
    TellOrder,
)
from connector.model.dossier import CommandAnswer, FalloutEpisode
from connector.model.events import (
    Addressed,
    Event,
    OperatorCommanded,
    OrderRead,
    OrderUnreadable,
    RevisionRead,
    TimerDue,
    TimerKind,
)
from connector.model.ids import CommandId, ItemNo, OrderId
from connector.model.mark import RecordKind
from connector.model.order import InventoryItem
from connector.model.pauses import Pause, Pauses
from connector.model.plan import Plan
from connector.model.work import Work
from connector.store.alone import WAIT_SECONDS, Alone
from connector.store.intake import Heard, Intake, Malformed, NoticeKind, rank
from connector.store.outbox import Delay, Outbox, OutboxRow, Snapshot, _merged, _up_to
from connector.store.saving import Change
from connector.store.signals import INBOX, INTAKE
from connector.store.turns import LockedOrder, Turn, Turns
from connector.store.work import GAP_SECONDS, SILENT_SECONDS, WorkTable
from tests.simulation.checker import Checker
from tests.simulation.database import READINGS, Late, MarksRow, NoticeRow, OrderRow, Tables, Transaction
from tests.simulation.salesforce import CALL_SECONDS


def plan_of(order: OrderId, tables: Tables) -> Plan | None:
    """The plan in an order's rows; None when it has not been read."""
    row = tables.orders.get(order)
    if row is None or row.document is None:
        return None
    return Plan(
        order=row.document,
        state=row.state,
        set_hash=row.set_hash,
        items=dict(sorted(row.items.items())),
        lines=dict(sorted(row.lines.items())),
        unclaimed=row.unclaimed,
        deliveries=row.deliveries,
        forecast=row.forecast,
        waits_for=row.waits_for,
        followers=row.followers,
        parked=row.rules,
        late=row.late,
        problems=row.problems,
        message=row.message,
        pause=row.pause,
        versions=row.versions,
        revisions=row.revisions,
        blocked=row.blocked,
        alarmed=row.alarmed,
        revision=row.revision,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def is_silent(tables: Tables, worker: str | None, seconds: float = SILENT_SECONDS) -> bool:
    """No heartbeat of this worker for a while in which others were heard, or none at all."""
    beat = tables.workers.get(worker or "")
    return beat is None or beat < max(tables.workers.values()) - timedelta(seconds=seconds)


def add_marks(
    tables: Tables, lane: str, order: OrderId, marks: Sequence[tuple[RecordKind, str]], late: Late | None = None
) -> None:
    """These records of one lane are behind, or were put off."""
    now = tables.world.now()
    tables.outbox[tables.number()] = MarksRow(
        lane=lane,
        order=order,
        kinds=[kind for kind, _ in marks],
        keys=[key for _, key in marks],
        marked=now,
        due=late.until if late else now,
        attempts=late.attempts if late else 0,
        problem=late.problem if late else None,
    )


class SimulatedTurns(Turns):
    """`Turns` on the tables."""

    def __init__(self, tables: Tables, worker: str, checker: Checker) -> None:
        self._tables = tables
        self._worker = worker
        self._checker = checker

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Turn]:
        async with self._tables.transaction() as transaction:
            turn = SimulatedTurn(self._tables, transaction, self._worker, self._checker)
            yield turn
            # Everything that the turn wrote is in the transaction's effects by now.
            transaction.effects.append(turn.committed)

    async def waiting(self, now: datetime, limit: int, begin: int) -> list[OrderId]:
        def found() -> list[OrderId]:
            events = [(rank(event), seq, order) for seq, (order, event) in sorted(self._tables.inbox.items())]
            going_on = [order for place, _, order in events if place == 0 and self._tables.is_read(order)]
            beginning = [order for place, _, order in events if place > 0]
            urgent = [order for place, _, order in sorted(events) if place > 0]
            due = sorted((due, order) for (order, _, _), (_, due) in self._tables.timers.items() if due <= now)
            chosen = (
                going_on[: limit - limit // 3],
                [order for _, order in due[: limit // 3]],
                urgent[: begin - begin // 4],
                beginning[: begin // 4],
            )
            orders = dict.fromkeys(order for some in chosen for order in some)
            return [order for order in orders if self._is_taken(order)]

        return await self._tables.read(found)

    def _is_taken(self, order: OrderId) -> bool:
        row = self._tables.orders.get(order)
        return row is not None and row.parked is None

    async def next_due(self) -> datetime | None:
        def found() -> datetime | None:
            dues = [due for (order, _, _), (_, due) in self._tables.timers.items() if self._is_taken(order)]
            return min(dues, default=None)

        return await self._tables.read(found)

    async def park(self, order: OrderId, reason: str) -> None:
        self._tables.orders[order].parked = reason
        self._tables.world.violated("no turn fails by a bug", f"order {order} was parked: {reason}")


class SimulatedTurn(Turn):
    """`Turn` on the tables: reads see what is committed, writes happen at the commit."""

    def __init__(self, tables: Tables, transaction: Transaction, worker: str, checker: Checker) -> None:
        self._tables = tables
        self._transaction = transaction
        self._worker = worker
        self._checker = checker
        self._took: dict[OrderId, list[Event]] = {}
        self._changes: Sequence[Change] = ()

    async def lock(self, orders: Sequence[OrderId]) -> list[LockedOrder]:
        await self._tables.step(self._transaction)
        locked = []
        for order in sorted(orders):
            row = self._tables.orders.get(order)
            if row is None or row.parked is not None or self._tables.is_locked(order):
                continue
            self._transaction.locked.add(order)
            locked.append(LockedOrder(id=order, revision=row.revision, set_hash=row.set_hash))
        return locked

    async def take_events(
        self, orders: Sequence[OrderId], unread: Sequence[OrderId], now: datetime
    ) -> dict[OrderId, list[Event]]:
        await self._tables.step(self._transaction)
        taken: dict[OrderId, list[Event]] = {order: [] for order in orders}
        for seq, (order, event) in sorted(self._tables.inbox.items()):
            if order in taken and (order not in unread or self._tables.is_being_read(order)):
                taken[order].append(event)
                self._remove_event(seq)
        for order in set(unread).intersection(taken):
            taken[order].sort(key=self._place_of_unread)
        self._took = {order: list(events) for order, events in taken.items()}
        timers = [
            (due, item, key, epoch)
            for key, (epoch, due) in self._tables.timers.items()
            if (item := key[1]) >= 0 and key[0] in taken and due <= now
        ]
        for _, item, key, epoch in sorted(timers):
            taken[key[0]].append(TimerDue(item=item, kind=TimerKind(key[2]), epoch=epoch))
            self._transaction.effects.append(lambda key=key: self._tables.timers.pop(key, None))  # type: ignore[misc]
        return taken

    def _place_of_unread(self, event: Event) -> int:
        return not isinstance(event, READINGS)

    def _remove_event(self, seq: int) -> None:
        self._transaction.effects.append(lambda: self._tables.inbox.pop(seq, None))

    async def load(self, orders: Sequence[OrderId]) -> dict[OrderId, Plan]:
        await self._tables.step(self._transaction)
        plans = {order: plan_of(order, self._tables) for order in orders}
        return {order: plan for order, plan in plans.items() if plan is not None}

    async def load_as_is(self, orders: Sequence[OrderId]) -> dict[OrderId, tuple[InventoryItem, ...]]:
        await self._tables.step(self._transaction)
        return {order: self._tables.orders[order].as_is for order in orders}

    async def save(self, changes: Sequence[Change], now: datetime, records: Sequence[AttemptRecord] = ()) -> list[Work]:
        if not changes:
            return []
        await self._tables.step(self._transaction)
        self._changes = changes
        work: list[Work] = []
        for change in changes:
            work += self._plan_of(change, now)
        return work

    def _plan_of(self, change: Change, now: datetime) -> list[Work]:  # noqa: C901, PLR0912 - a table of commands
        """Effects of one change; gives the requests to send."""
        plan, tables, do = change.plan, self._tables, self._transaction.effects.append
        do(lambda: self._save_plan(change, now))
        # What was commanded, brought together as the real turn does.
        timers: dict[tuple[ItemNo, TimerKind], SetTimer] = {}
        cleared: dict[ItemNo, None] = {}
        new: dict[ItemNo, Work] = {}
        again: dict[ItemNo, int] = {}
        dropped: dict[ItemNo, None] = {}
        polls: list[Work] = []
        for command in change.commands:
            match command:
                case ClearTimers():
                    cleared[command.item] = None
                    timers = {key: timer for key, timer in timers.items() if key[0] != command.item}
                case SetTimer():
                    timers[command.item, command.kind] = command
                case DropCallout():
                    dropped[command.item] = None
                    new.pop(command.item, None)
                    again.pop(command.item, None)
                case InvokeCallout() if command.request is None:
                    again[command.item] = command.attempt
                case InvokeCallout() if command.request is not None:
                    new[command.item] = Work(
                        order=plan.id,
                        item=command.item,
                        epoch=command.epoch,
                        attempt=command.attempt,
                        interface=command.interface,
                        set_hash=plan.set_hash,
                        request=command.request,
                        awaits_event=command.awaits_event,
                        priority=plan.priority,
                    )
                case PollCallout():
                    polls.append(
                        Work(
                            order=plan.id,
                            item=command.item,
                            epoch=command.epoch,
                            attempt=command.poll,
                            interface=command.interface,
                            set_hash=plan.set_hash,
                            request=command.request,
                            priority=plan.priority,
                            poll=(command.definition, command.key),
                        )
                    )
                case RaiseFallout():
                    do(lambda command=command: self._raise(plan.id, command, now))  # type: ignore[misc]
                case ResolveFallout():
                    do(lambda command=command: self._resolve(plan.id, command, now))  # type: ignore[misc]
                case AnswerCommand():
                    answer = CommandAnswer(
                        command=command.command,
                        answer=command.answer,
                        message=command.message,
                        at=now,
                        result=command.result,
                    )
                    do(lambda answer=answer: self._answer(plan.id, answer))  # type: ignore[misc]
                case Assetize():
                    for no in command.lines:
                        line = plan.lines[no]
                        do(lambda no=no, line=line: tables.inventory.__setitem__((plan.id, no), line))  # type: ignore[misc]
                case ReadOrderAgain():
                    do(lambda command=command: self._read_again(plan.order.id, command.after))  # type: ignore[misc]
                case TellOrder():
                    do(lambda command=command: self._tell(command))  # type: ignore[misc]
                case _:
                    pass
        do(lambda: self._set_timers(plan.id, cleared, timers))
        resent = self._own_work(plan, new, again, dropped)
        for lane, records in change.marks.items():
            do(lambda lane=lane, records=records: add_marks(tables, lane, plan.id, records))  # type: ignore[misc]
        return [*new.values(), *resent, *polls]

    def _save_plan(self, change: Change, now: datetime) -> None:
        plan, row = change.plan, self._tables.orders[change.plan.id]
        self._checker.plan_saved(row, change)
        if change.fresh:
            row.items, row.lines, row.as_is = {}, {}, plan.as_is or ()
        if change.fresh or plan.changed_order:
            row.document = plan.order
        row.versions, row.revisions, row.blocked = plan.versions, plan.revisions, plan.blocked
        row.alarmed = plan.alarmed
        row.state, row.set_hash, row.message = plan.state, plan.set_hash, plan.message
        row.pause = plan.pause if plan.finished_at is None else None
        row.problems, row.unclaimed, row.deliveries = plan.problems, plan.unclaimed, plan.deliveries
        row.waits_for, row.followers = plan.waits_for, plan.followers
        row.created_at, row.finished_at = plan.created_at or now, plan.finished_at
        row.forecast, row.rules, row.late = plan.forecast, plan.parked, plan.late
        row.revision += 1
        for item in plan.changed_items:
            row.items[item] = plan.items[item]
        for line in plan.changed_lines:
            row.lines[line] = plan.lines[line]

    def _set_timers(
        self,
        order: OrderId,
        cleared: dict[ItemNo, None],
        timers: dict[tuple[ItemNo, TimerKind], SetTimer],
    ) -> None:
        for key in [key for key in self._tables.timers if key[0] == order and key[1] in cleared]:
            del self._tables.timers[key]
        for (item, kind), timer in timers.items():
            self._tables.timers[order, item, kind.value] = (timer.epoch, timer.due)

    def _own_work(
        self, plan: Plan, new: dict[ItemNo, Work], again: dict[ItemNo, int], dropped: dict[ItemNo, None]
    ) -> list[Work]:
        table, resent = self._tables.work, []
        for item, attempt in again.items():
            stored = table.get((plan.id, item))
            if stored is not None and item not in dropped:
                resent.append(structs.replace(stored[0], attempt=attempt))
        at_rest = [no for no in plan.changed_items if no not in dropped and no not in new]

        def keep() -> None:
            for item in dropped:
                table.pop((plan.id, item), None)
            for item in at_rest:
                if (plan.id, item) in table:
                    table[plan.id, item] = (table[plan.id, item][0], None)
            for work in (*new.values(), *resent):
                table[plan.id, work.item] = (work, self._worker)

        self._transaction.effects.append(keep)
        return resent

    def _raise(self, order: OrderId, command: RaiseFallout, now: datetime) -> None:
        self._tables.fallouts[order, command.item, command.episode] = FalloutEpisode(
            item=command.item,
            episode=command.episode,
            failure=command.failure,
            queue=command.queue,
            severity=command.severity,
            suggestions=tuple(command.suggestions),
            attempts=command.attempts,
            raised_at=now,
        )

    def _resolve(self, order: OrderId, command: ResolveFallout, now: datetime) -> None:
        key = (order, command.item, command.episode)
        row = self._tables.fallouts.get(key)
        if row is not None and row.resolved_at is None:
            resolved = replace(row, resolved_at=now, resolution=command.how, resolved_by=command.by)
            self._tables.fallouts[key] = resolved

    def _answer(self, order: OrderId, answer: CommandAnswer) -> None:
        self._tables.answers[order, answer.command] = answer

    def _tell(self, command: TellOrder) -> None:
        self._tables.inbox[self._tables.number()] = (command.order, command.event)
        self._tables.notify(INBOX)

    def _read_again(self, order: OrderId, after: str) -> None:
        notice = self._tables.intake.get(("order", order))
        if notice is None:
            notice = NoticeRow(due=self._tables.world.now(), number=self._tables.number())
        notice.done, notice.attempts, notice.owner = False, 0, None
        notice.due, notice.after = self._tables.world.now(), after or notice.after
        self._tables.intake["order", order] = notice

    def committed(self) -> None:
        """The turn is committed: the last of its effects."""
        self._checker.turn_committed(self._took, self._changes)


class SimulatedWork(WorkTable):
    """`WorkTable` on the tables."""

    def __init__(self, tables: Tables, worker: str) -> None:
        self._tables = tables
        self._worker = worker

    async def beat(self) -> None:
        def beat() -> None:
            now, beats = self._tables.world.now(), self._tables.workers
            silent = self._worker in beats and beats[self._worker] < now - timedelta(seconds=GAP_SECONDS)
            for worker in [*beats] if silent else [self._worker]:
                beats[worker] = now

        await self._tables.statement(beat)

    async def adopt(self, limit: int) -> list[Work]:
        def take() -> list[Work]:
            taken: list[Work] = []
            for key, (work, owner) in self._tables.work.items():
                orphan = owner is not None and owner != self._worker and is_silent(self._tables, owner)
                if orphan and len(taken) < limit and not self._tables.is_locked(work.order):
                    taken.append(work)
                    self._tables.work[key] = (work, self._worker)
            return taken

        return await self._tables.statement(take)

    async def mine(self) -> list[Work]:
        rows = self._tables.work
        return await self._tables.read(lambda: [work for work, owner in rows.values() if owner == self._worker])

    async def leave(self) -> None:
        await self._tables.statement(lambda: self._tables.workers.pop(self._worker, None))


class SimulatedOutbox(Outbox):
    """`Outbox` on the tables."""

    def __init__(self, tables: Tables, worker: str) -> None:
        self._tables = tables
        self._worker = worker
        self._silence = SILENT_SECONDS + CALL_SECONDS
        self._claimed = {}

    def _is_taken(self, lane: str, now: datetime) -> bool:
        held = self._tables.lanes.get(lane)
        return held is not None and held[1] > now and not is_silent(self._tables, held[0], self._silence)

    async def claim(
        self, lanes: int, records: int, lease: timedelta, kinds: Sequence[RecordKind] | None
    ) -> list[OutboxRow]:
        def take() -> list[dict[str, Any]]:
            now, table = self._tables.world.now(), self._tables.outbox
            since: dict[str, datetime] = {}
            for row in table.values():
                wanted = kinds is None or any(kind in kinds for kind in row.kinds)
                if row.due <= now and wanted and not self._is_taken(row.lane, now):
                    since[row.lane] = min(since.get(row.lane, row.marked), row.marked)
            chosen = sorted(since, key=lambda lane: (since[lane], lane))[:lanes]
            for lane in chosen:
                self._tables.lanes[lane] = (self._worker, now + lease)
            due = sorted(
                (row.lane, seq)
                for seq, row in table.items()
                if row.lane in since and row.lane in chosen and row.due <= now
            )
            rows = [table[seq].as_read(seq) for _, seq in due]
            taken: list[dict[str, Any]] = [dict(row) for row in _up_to(records, rows)]
            given = {row["lane"] for row in taken}
            self._release([lane for lane in chosen if lane not in given])
            return taken

        rows = await self._tables.statement(take)
        for row in rows:
            self._claimed[row["lane"]] = []
        for row in rows:
            self._claimed[row["lane"]].append(row["seq"])
        return _merged(rows)

    def _release(self, lanes: Sequence[str]) -> None:
        for lane in lanes:
            if self._tables.lanes.get(lane, ("",))[0] == self._worker:
                del self._tables.lanes[lane]

    async def snapshot(self, orders: Sequence[OrderId]) -> Snapshot:
        return await self._tables.read(lambda: snapshot_of(self._tables, orders))

    async def settle(
        self,
        delayed: Sequence[Delay],
        notes: Sequence[tuple[OrderId, str, str]],
        missing: Sequence[tuple[str, RecordKind, str, OrderId]],
        lanes: Sequence[str],
    ) -> None:
        done = [seq for lane in lanes for seq in self._claimed.get(lane, ())]

        def settle() -> None:
            for seq in done:
                self._tables.outbox.pop(seq, None)
            for delay in delayed:
                row = delay.row
                late = Late(until=delay.until, attempts=row.attempts + delay.failed, problem=delay.problem)
                add_marks(self._tables, row.lane, row.order, [(row.kind, row.key)], late)
            for lane, kind, key, order in missing:
                add_marks(self._tables, lane, order, [(kind, key)])
            self._release(lanes)
            if any(notice.after in lanes and not notice.done for notice in self._tables.intake.values()):
                self._tables.notify(INTAKE)

        await self._tables.statement(settle)
        for lane in lanes:
            self._claimed.pop(lane, None)

    async def let_go(self) -> None:
        held = self._tables.lanes
        await self._tables.statement(
            lambda: self._release([lane for lane, (owner, _) in held.items() if owner == self._worker])
        )

    async def next_due(self) -> datetime | None:
        return await self._tables.read(lambda: min((row.due for row in self._tables.outbox.values()), default=None))


def snapshot_of(tables: Tables, orders: Sequence[OrderId]) -> Snapshot:
    """The present state of these orders; each says how many commits it has seen."""
    plans = {}
    for order in orders:
        plan = plan_of(order, tables)
        if plan is not None:
            plan.order = replace(plan.order, attributes={**plan.order.attributes, "seen": tables.commits})
            plans[order] = plan
    wanted = set(orders)
    fallouts: dict[OrderId, list[FalloutEpisode]] = {}
    for (order, _, _), row in tables.fallouts.items():
        if order in wanted:
            fallouts.setdefault(order, []).append(row)
    return Snapshot(
        plans=plans,
        fallouts=fallouts,
        answers={CommandId(key): row for (order, key), row in tables.answers.items() if order in wanted},
        inventory={
            order: [line for (owner, _), line in tables.inventory.items() if owner == order] for order in orders
        },
        held=_held_back(tables, wanted),
    )


def _held_back(tables: Tables, orders: set[OrderId]) -> dict[OrderId, dict[int, Pause]]:
    pauses, found = Pauses(tables.pauses.values()), dict[OrderId, dict[int, Pause]]()
    for (order, item), row in tables.held.items():
        pause = pauses.of_callout(row.work.interface)
        if order in orders and pause is not None and tables.is_held((order, item), row):
            found.setdefault(order, {})[item] = pause
    return found


class SimulatedIntake(Intake):
    """`Intake` on the tables."""

    def __init__(self, tables: Tables, worker: str, checker: Checker) -> None:
        self._tables = tables
        self._worker = worker
        self._checker = checker

    async def position(self, topic: str) -> bytes | None:
        return await self._tables.read(lambda: self._tables.positions.get(topic))

    async def heard(
        self,
        notices: Sequence[Heard],
        malformed: Sequence[Malformed] = (),
        topic: str | None = None,
        position: bytes | None = None,
    ) -> None:
        def hear() -> None:
            now = self._tables.world.now()
            for notice in notices:
                self._hear(notice, now)
            if topic is not None and position is not None:
                self._tables.positions[topic] = position
            if notices:
                self._tables.notify(INTAKE)

        await self._tables.statement(hear)

    def _hear(self, notice: Heard, now: datetime) -> None:
        if (notice.kind, notice.id) not in self._tables.intake:
            order = notice.id if notice.kind == "order" else None
            row = NoticeRow(due=now, number=self._tables.number(), order=order)
            self._tables.intake[notice.kind, notice.id] = row
        if notice.kind == "order" and notice.id not in self._tables.families:
            self._tables.orders.setdefault(OrderId(notice.id), OrderRow())
        self._checker.noticed(notice.kind, notice.id)

    async def claim(self, kind: NoticeKind, limit: int, lease: timedelta) -> list[tuple[str, int]]:
        def take() -> list[tuple[str, int]]:
            now = self._tables.world.now()
            waiting = sorted(
                (row.due, row.number, key[1])
                for key, row in self._tables.intake.items()
                if key[0] == kind
                and not row.done
                and (row.due <= now or (row.owner is not None and is_silent(self._tables, row.owner)))
                and not any(marks.lane == row.after for marks in self._tables.outbox.values())
            )
            taken = []
            for _, _, record in waiting[:limit]:
                row = self._tables.intake[kind, record]
                row.due, row.owner = now + lease, self._worker
                taken.append((record, row.attempts))
            return taken

        return await self._tables.statement(take)

    async def let_go(self) -> None:
        def let_go() -> None:
            for row in self._tables.intake.values():
                if row.owner == self._worker and not row.done:
                    row.due, row.owner = self._tables.world.now(), None

        await self._tables.statement(let_go)

    async def next_due(self, kind: NoticeKind) -> datetime | None:
        rows = self._tables.intake.items()
        return await self._tables.read(
            lambda: min((r.due for k, r in rows if k[0] == kind and not r.done), default=None)
        )

    async def deliver(self, events: Sequence[Addressed]) -> None:
        def deliver() -> None:
            for addressed in events:
                self._put(self._routed(addressed))
                match addressed.event:
                    case OrderRead() | OrderUnreadable():
                        self._finish("order", addressed.order, addressed.order)
                    case OperatorCommanded():
                        self._finish("command", addressed.event.command, addressed.order)
                    case _:
                        pass

        if events:
            await self._tables.statement(deliver)

    def _routed(self, addressed: Addressed) -> Addressed:
        """A supplemental order is a revision of the plan that it belongs to; it has none of its own."""
        tables, event, order = self._tables, addressed.event, addressed.order
        if not isinstance(event, OrderRead | OrderUnreadable) or event.order.supersedes is None:
            return addressed
        plan = tables.families.get(event.order.supersedes, event.order.supersedes)
        if tables.orders[order].document is not None if order in tables.orders else False:
            return addressed
        if plan not in tables.orders:
            tables.orders[plan] = OrderRow()
            self._hear(
                Heard(kind="order", id=plan, reason="superseded", received_at=tables.world.now()), tables.world.now()
            )
        tables.families[order] = plan
        tables.families.update({each: plan for each, of in tables.families.items() if of == order})
        for seq, (owner, waiting) in list(tables.inbox.items()):
            if owner == order:
                tables.inbox[seq] = (plan, waiting)
        tables.orders.pop(order, None)
        problems = event.problems if isinstance(event, OrderUnreadable) else ()
        inventory = event.inventory if isinstance(event, OrderRead) else ()
        revision = RevisionRead(order=event.order, inventory=inventory, problems=problems, set_hash=event.set_hash)
        return Addressed(order=plan, event=revision)

    def _put(self, addressed: Addressed) -> None:
        order = self._tables.families.get(addressed.order, addressed.order)
        self._tables.inbox[self._tables.number()] = (order, addressed.event)
        self._tables.notify(INBOX)

    def _finish(self, kind: NoticeKind, record: str, order: str | None) -> None:
        row = self._tables.intake.get((kind, record))
        if row is not None:
            row.done, row.owner, row.order = True, None, order or row.order

    async def put(self, event: Addressed) -> None:
        await self._tables.statement(lambda: self._put(event))

    async def finish(self, kind: NoticeKind, ids: Sequence[str], reason: str) -> None:
        def finish() -> None:
            for record in ids:
                self._finish(kind, record, None)

        await self._tables.statement(finish)

    async def postpone(self, kind: NoticeKind, ids: Sequence[str], until: datetime, reason: str) -> None:
        def postpone() -> None:
            for record in ids:
                row = self._tables.intake[kind, record]
                if not row.done:
                    row.due, row.attempts, row.owner = until, row.attempts + 1, None

        await self._tables.statement(postpone)

    async def refuse_command(self, command: CommandId, message: str, order: OrderId | None) -> None:
        lane = order or OrderId(command)
        now = self._tables.world.now()
        answer = CommandAnswer(command=command, answer="Refused", message=message, at=now)

        def refuse() -> None:
            self._tables.answers[lane, command] = answer
            add_marks(self._tables, lane, lane, [("command", command)])
            self._finish("command", command, order)
            self._tables.notify(INBOX)

        await self._tables.statement(refuse)

    async def plans_of(self, ids: Sequence[OrderId]) -> dict[OrderId, OrderId]:
        families = self._tables.families
        return await self._tables.read(lambda: {each: families[each] for each in ids if each in families})

    async def unknown_orders(self, ids: Sequence[OrderId]) -> list[OrderId]:
        def unknown(order: OrderId) -> bool:
            row = self._tables.orders.get(order)
            is_read = order in self._tables.families or (row is not None and row.document is not None)
            return ("order", order) not in self._tables.intake and not is_read

        return await self._tables.read(lambda: [order for order in ids if unknown(order)])

    async def unknown_commands(self, ids: Sequence[CommandId]) -> list[CommandId]:
        known = self._tables.intake
        return await self._tables.read(lambda: [command for command in ids if ("command", command) not in known])

    async def has_begun(self) -> bool:
        return await self._tables.read(lambda: bool(self._tables.intake))

    async def exists(self, order: OrderId, item: ItemNo | None) -> bool:
        def found() -> bool:
            row = self._tables.orders.get(order)
            return row is not None and (item is None or item in row.items)

        return await self._tables.read(found)


class SimulatedAlone(Alone):
    """`Alone` on the tables' advisory locks, which end with their holder's connection."""

    def __init__(self, tables: Tables, number: int) -> None:
        self._tables = tables
        self._number = number

    async def run(self, task: Callable[[], Awaitable[None]]) -> None:
        while True:
            if await self._tables.alone_try(self._number):
                try:
                    await task()
                finally:
                    self._tables.alone_release(self._number)
            await asyncio.sleep(WAIT_SECONDS)
