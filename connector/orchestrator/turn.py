"""The turn: take the orders that have something waiting, apply it with the machine, commit once for all.

    lock rows ─▶ take events ─▶ load plans ─▶ machine ─▶ save changes ─▶ commit ─▶ send, wake, remember

A turn that fails leaves no trace. When it fails by a bug of ours, its orders are tried one by one, and
the one that can't be handled is parked with the reason, so that it holds up no other.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from connector.errors import InvariantBroken
from connector.mappings.set import MappingSet
from connector.model.attempt import AttemptRecord
from connector.model.commands import DropCallout, InvokeCallout, RaiseFallout, ReadOrderAgain, Record, SetTimer
from connector.model.events import (
    Event,
    MigrationAsked,
    Operation,
    OperatorCommanded,
    OrderRead,
    OrderUnreadable,
    RevisionRead,
)
from connector.model.ids import ItemNo, OrderId
from connector.model.pauses import NO_PAUSES, Pauses
from connector.model.plan import Plan
from connector.model.states import PlanState
from connector.model.work import Work
from connector.orchestrator.advance import PLAN_STUCK
from connector.orchestrator.dates import NOTHING_OBSERVED, Observed
from connector.orchestrator.forecast import follow, looks
from connector.orchestrator.inflight import instead_of_unbegun, take_the_place
from connector.orchestrator.machine import begin, go_over, handle, may_revise
from connector.orchestrator.marks import marks
from connector.orchestrator.status import order_status
from connector.store.database import may_pass
from connector.store.pause import LARGE, Pause, beside
from connector.store.saving import Change
from connector.store.turns import LockedOrder, Turn, Turns

log = structlog.get_logger()

_ITEMS_A_LINE = 10
"""A guess, before an order is decomposed."""

CACHED_ITEMS = 50_000
"""Plans are kept in memory up to this many items together."""


class Sets(Protocol):
    """The compiled mapping sets."""

    def current(self) -> Sequence[MappingSet]:
        """The sets that new orders get, the default one first; never empty."""
        ...

    async def by_hash(self, set_hash: str) -> MappingSet:
        """The set that an order was started with."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnResult:
    """What came of a turn: orders changed, those that another worker held, events applied, requests to send."""

    orders: tuple[OrderId, ...] = ()
    missed: tuple[OrderId, ...] = ()
    events: int = 0
    items: int = 0
    work: tuple[Work, ...] = ()
    dropped: tuple[tuple[OrderId, ItemNo], ...] = ()
    """Items whose requests are not to be sent any more, unless they are in `work`."""
    marked: bool = False
    reread: bool = False
    is_logged: bool = False
    """The records of attempts were kept with it."""
    earliest_timer: datetime | None = None


@dataclass(slots=True)
class _Applied:
    changes: list[Change] = field(default_factory=list)
    events: int = 0


class Turner:
    """Makes turns."""

    def __init__(
        self,
        turns: Turns,
        sets: Sets,
        clock: Callable[[], datetime],
        observed: Callable[[], Observed] = lambda: NOTHING_OBSERVED,
        pauses: Callable[[], Pauses] = lambda: NO_PAUSES,
    ) -> None:
        self._turns = turns
        self._sets = sets
        self._clock = clock
        self._observed = observed
        self._pauses = pauses
        self._plans = _PlanCache()

    async def turn(
        self,
        answers: Mapping[OrderId, Sequence[Event]],
        orders: Sequence[OrderId],
        records: Sequence[AttemptRecord] = (),
    ) -> TurnResult:
        """One turn: over `answers`, events that this worker holds in memory, and over what the database holds for
        `orders`, their inboxes and timers. `records` of attempts are kept with it, if it changes anything.

        Answers of an order that could not be locked stay the caller's (it is in `missed`).
        """
        wanted = list(dict.fromkeys([*answers, *orders]))
        try:
            return await self._attempt(answers, orders, wanted, records)
        except Exception as error:
            if may_pass(error):
                raise
            log.exception("turn_failed", orders=len(wanted))
            if len(wanted) == 1:
                await self._turns.park(wanted[0], f"{type(error).__name__}: {error}"[:1000])
                return TurnResult(orders=(wanted[0],))
        looked = set(orders)
        results = [
            await self.turn({order: answers[order]} if order in answers else {}, [order] if order in looked else [])
            for order in wanted
        ]
        return _together(results)

    async def _attempt(
        self,
        answers: Mapping[OrderId, Sequence[Event]],
        orders: Sequence[OrderId],
        wanted: Sequence[OrderId],
        records: Sequence[AttemptRecord],
    ) -> TurnResult:
        now = self._clock()
        try:
            async with self._turns.begin() as turn:
                locked = await turn.lock(wanted)
                held = {order.id for order in locked}
                looked = [order for order in orders if order in held]
                unread = [order.id for order in locked if not order.set_hash]
                taken = await turn.take_events(looked, unread, now) if looked else {}
                events = {order: [*taken.get(order, ()), *answers.get(order, ())] for order in held}
                busy = [order for order in locked if events[order.id]]
                plans = await self._load(turn, busy)
                await self._load_as_is(turn, events, plans)
                applied = await self._apply(busy, events, plans, now)
                work = await turn.save(applied.changes, now, records)
        except BaseException:
            self._plans.forget(wanted)
            raise
        await asyncio.sleep(0)  # what the commit's answer took, and what follows, are a stall together
        for change in applied.changes:
            change.plan.revision += 1
            change.plan.as_is = None
            self._plans.keep(change.plan)
        return _result(applied, work, [order for order in wanted if order not in events])

    async def _load(self, turn: Turn, orders: Sequence[LockedOrder]) -> dict[OrderId, Plan]:
        plans = {order.id: plan for order in orders if (plan := self._plans.get(order)) is not None}
        absent = [order.id for order in orders if order.id not in plans]
        if absent:
            plans.update(await turn.load(absent))
        return plans

    async def _load_as_is(
        self,
        turn: Turn,
        events: Mapping[OrderId, Sequence[Event]],
        plans: Mapping[OrderId, Plan],
    ) -> None:
        """Give plans that are about to be revised, or may grow, what was installed when they began: nobody else needs
        it.
        """
        revising = {order for order, happened in events.items() for event in happened if may_revise(event)}
        revised = [
            plan
            for plan in plans.values()
            if plan.as_is is None and (plan.revisions or plan.parked or (revising and plan.id in revising))
        ]
        if revised:
            found = await turn.load_as_is([plan.id for plan in revised])
            for plan in revised:
                plan.as_is = found.get(plan.id, ())

    async def _apply(
        self,
        orders: Sequence[LockedOrder],
        events: Mapping[OrderId, Sequence[Event]],
        plans: Mapping[OrderId, Plan],
        now: datetime,
    ) -> _Applied:
        applied = _Applied()
        observed, pause = self._observed(), Pause()
        for order in orders:
            await pause.now_and_then()
            happened = events[order.id]
            change, mappings = await self._change(order.id, happened, plans.get(order.id), now)
            plan = change.plan
            if len(plan.items) >= LARGE and looks(plan, now, mappings):
                change.commands += await beside(LARGE, follow, plan, now, mappings, observed)
            else:
                change.commands += follow(plan, now, mappings, observed)
            change.status = order_status(plan)
            change.marks = marks(plan, change.commands, new=change.fresh)
            applied.changes.append(change)
            applied.events += len(happened)
        return applied

    async def _change(
        self, order: OrderId, happened: Sequence[Event], plan: Plan | None, now: datetime
    ) -> tuple[Change, MappingSet]:
        """What all that has happened to an order does to it; gives the set that it goes on with, too."""
        change = Change(plan=plan, status="") if plan is not None else None
        mappings = await self._sets.by_hash(plan.set_hash) if plan is not None else self._sets.current()[0]
        pauses, later = self._pauses(), deque(happened)
        while later:
            event = later.popleft()
            if (reading := _reading(event, plan)) is not None:
                change = await self._begin(reading, event, change, later, now)
                plan = change.plan
                mappings = await self._sets.by_hash(plan.set_hash)
                continue
            if change is None or plan is None:
                raise InvariantBroken(f"{type(event).__name__} was taken before order {order} was read.")
            if isinstance(event, MigrationAsked):
                change.commands += go_over(plan, event, now, mappings, await self._sets.by_hash(event.set_hash))
                mappings = await self._sets.by_hash(plan.set_hash)
            elif plan.parked and len(plan.items) >= LARGE:  # it may grow: that takes as long as making it
                change.commands += await beside(LARGE, handle, plan, event, now, mappings, pauses)
            else:
                change.commands += handle(plan, event, now, mappings, pauses)
        if change is None:
            raise InvariantBroken(f"Order {order} was taken though nothing has happened to it.")
        return change, mappings

    async def _begin(
        self,
        reading: OrderRead | OrderUnreadable,
        event: Event,
        before: Change | None,
        later: deque[Event],
        now: datetime,
    ) -> Change:
        """Make the plan of an order that was read; `event` is the reading, or the amendment that takes its place."""
        earlier = before.plan if before is not None else None
        mappings = await self._sets.by_hash(reading.set_hash) if reading.set_hash else self._sets.current()[0]
        size = len(reading.order.lines) * _ITEMS_A_LINE
        waits = _is_paused_by(later)
        made, commands, explanation = await beside(
            size, begin, reading, now, mappings, earlier=earlier, pauses=self._pauses(), waits=waits
        )
        if earlier is not None:
            made.revision = earlier.revision
            if isinstance(event, RevisionRead):
                take_the_place(made, earlier, event.order, now)
            # what has waited to be decided on comes anew: it is about another plan now
            later.extend(RevisionRead(order=each.order, set_hash=made.set_hash) for each in earlier.revisions)
        if before is not None:
            commands = before.commands + commands
        return Change(plan=made, status="", commands=commands, explanation=explanation, fresh=True)


def _reading(event: Event, plan: Plan | None) -> OrderRead | OrderUnreadable | None:
    """What makes the plan, of an order that has none or whose plan has not begun."""
    if plan is not None and plan.has_begun:
        return None
    if plan is not None and isinstance(event, RevisionRead):
        return instead_of_unbegun(plan, event)
    return event if isinstance(event, (OrderRead, OrderUnreadable)) else None


def _is_paused_by(events: Iterable[Event]) -> bool:
    """Somebody has paused the order before it began."""
    return any(
        isinstance(event, OperatorCommanded) and event.operation is Operation.PAUSE and not event.item
        for event in events
    )


def _result(applied: _Applied, work: Sequence[Work], missed: Sequence[OrderId]) -> TurnResult:
    dropped: list[tuple[OrderId, ItemNo]] = []
    timers: list[datetime] = []
    items, marked, reread = 0, False, False
    for change in applied.changes:
        plan = change.plan
        items += len(plan.changed_items)
        marked = marked or bool(change.marks)
        for command in change.commands:
            if isinstance(command, (Record, InvokeCallout)):  # nobody else's business, and what most of them are
                continue
            if isinstance(command, DropCallout):
                dropped.append((plan.id, command.item))
            elif isinstance(command, SetTimer):
                timers.append(command.due)
            elif isinstance(command, ReadOrderAgain):
                reread = True
            elif isinstance(command, RaiseFallout) and command.failure.code == PLAN_STUCK:
                log.error("plan_stuck", order=plan.id, reason=command.failure.message)
        plan.saved()
    return TurnResult(
        orders=tuple(change.plan.id for change in applied.changes),
        missed=tuple(missed),
        events=applied.events,
        items=items,
        work=tuple(work),
        dropped=tuple(dropped),
        marked=marked,
        reread=reread,
        is_logged=bool(applied.changes),
        earliest_timer=min(timers, default=None),
    )


def _together(results: Sequence[TurnResult]) -> TurnResult:
    timers = [result.earliest_timer for result in results if result.earliest_timer]
    return TurnResult(
        orders=tuple(order for result in results for order in result.orders),
        missed=tuple(order for result in results for order in result.missed),
        events=sum(result.events for result in results),
        items=sum(result.items for result in results),
        work=tuple(work for result in results for work in result.work),
        dropped=tuple(item for result in results for item in result.dropped),
        marked=any(result.marked for result in results),
        reread=any(result.reread for result in results),
        earliest_timer=min(timers, default=None),
    )


class _PlanCache:
    """The plans used last, by order, true while the row has the revision that they were saved with."""

    def __init__(self) -> None:
        self._plans: OrderedDict[OrderId, Plan] = OrderedDict()
        self._sizes: dict[OrderId, int] = {}
        """Items, as they were counted: a plan may have grown since."""
        self._items = 0

    def get(self, order: LockedOrder) -> Plan | None:
        plan = self._plans.get(order.id)
        if plan is None or plan.revision != order.revision:
            return None
        self._plans.move_to_end(order.id)
        return plan

    def keep(self, plan: Plan) -> None:
        if plan.state in (PlanState.COMPLETED, PlanState.CANCELED, PlanState.REJECTED):
            self.forget([plan.id])
            return
        self._plans[plan.id] = plan
        self._plans.move_to_end(plan.id)
        self._items += len(plan.items) - self._sizes.get(plan.id, 0)
        self._sizes[plan.id] = len(plan.items)
        while self._items > CACHED_ITEMS and len(self._plans) > 1:
            self.forget([next(iter(self._plans))])

    def forget(self, orders: Sequence[OrderId]) -> None:
        for order in orders:
            if self._plans.pop(order, None) is not None:
                self._items -= self._sizes.pop(order)
