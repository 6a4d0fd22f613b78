"""The database: tables in memory, row locks, transactions that commit whole or not at all, lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from connector.model.dossier import CommandAnswer, FalloutEpisode
from connector.model.events import Event, OrderRead, OrderUnreadable, TimerKind
from connector.model.failure import Problem
from connector.model.following import Followed, Follower
from connector.model.forecast import Forecast
from connector.model.ids import ItemNo, OrderId, TechnicalLineNo
from connector.model.json import JsonObject
from connector.model.mark import RecordKind
from connector.model.order import InventoryItem, Order
from connector.model.pauses import Pause, PauseKind
from connector.model.plan import Item, UnclaimedEvent
from connector.model.revision import Revision, Version
from connector.model.states import ItemState, PlanState
from connector.model.technical import ParkedRule, TechnicalLine
from connector.model.work import Work
from connector.store.held import Why
from tests.simulation.loop import RUNNING, Process
from tests.simulation.world import World

T = TypeVar("T")

READINGS = (OrderRead, OrderUnreadable)


class ConnectionLost(ConnectionError):
    """The database is away, or the connection to it is."""


@dataclass(slots=True, kw_only=True)
class OrderRow:
    """A row of `orders`, with what hangs below it."""

    state: PlanState = PlanState.NOT_STARTED
    revision: int = 0
    set_hash: str = ""
    document: Order | None = None
    message: str = ""
    problems: tuple[Problem, ...] = ()
    unclaimed: tuple[UnclaimedEvent, ...] = ()
    deliveries: tuple[str, ...] = ()
    forecast: Forecast | None = None
    waits_for: tuple[Followed, ...] = ()
    followers: tuple[Follower, ...] = ()
    rules: tuple[ParkedRule, ...] = ()
    late: Mapping[TechnicalLineNo, JsonObject] = field(default_factory=dict)
    as_is: tuple[InventoryItem, ...] = ()
    parked: str | None = None
    pause: Pause | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    versions: tuple[Version, ...] = ()
    revisions: tuple[Revision, ...] = ()
    blocked: Revision | None = None
    alarmed: bool = False
    items: dict[ItemNo, Item] = field(default_factory=dict)
    lines: dict[TechnicalLineNo, TechnicalLine] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class NoticeRow:
    """A row of `intake`."""

    due: datetime
    number: int
    order: str | None = None
    attempts: int = 0
    owner: str | None = None
    done: bool = False
    after: str = ""
    """Not read before nothing of this lane is behind."""


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A row of `held_requests`."""

    work: Work
    why: Why
    sent_before: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A record was put off."""

    until: datetime
    attempts: int
    problem: str


@dataclass(slots=True, kw_only=True)
class MarksRow:
    """A row of `outbox`: records of one lane that are behind."""

    lane: str
    order: OrderId
    kinds: list[RecordKind]
    keys: list[str]
    marked: datetime
    due: datetime
    attempts: int
    problem: str | None

    def as_read(self, seq: int) -> dict[str, Any]:
        """As a query gives it."""
        columns = {"lane": self.lane, "order_id": self.order, "kinds": self.kinds, "keys": self.keys}
        return {**columns, "seq": seq, "attempts": self.attempts}


@dataclass(eq=False, slots=True)
class Transaction:
    """One transaction: what it holds, and what it will do when it commits."""

    process: Process
    locked: set[OrderId] = field(default_factory=set)
    taken: list[int] = field(default_factory=list)
    """Inbox rows."""
    effects: list[Callable[[], object]] = field(default_factory=list)
    open: bool = True


class Tables:
    """One database. Methods of the store's simulated classes work on it; nobody else does."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.orders: dict[OrderId, OrderRow] = {}
        self.families: dict[OrderId, OrderId] = {}
        """By supplemental order: the one that its plan belongs to."""
        self.inbox: dict[int, tuple[OrderId, Event]] = {}
        self.timers: dict[tuple[OrderId, ItemNo, str], tuple[int, datetime]] = {}
        self.work: dict[tuple[OrderId, ItemNo], tuple[Work, str | None]] = {}
        self.held: dict[tuple[OrderId, ItemNo], HeldRow] = {}
        self.pauses: dict[tuple[PauseKind, str], Pause] = {}
        self.workers: dict[str, datetime] = {}
        self.fallouts: dict[tuple[OrderId, ItemNo, int], FalloutEpisode] = {}
        self.inventory: dict[tuple[OrderId, TechnicalLineNo], TechnicalLine] = {}
        self.answers: dict[tuple[OrderId, str], CommandAnswer] = {}
        self.outbox: dict[int, MarksRow] = {}
        self.lanes: dict[str, tuple[str, datetime]] = {}
        self.intake: dict[tuple[str, str], NoticeRow] = {}
        self.positions: dict[str, bytes] = {}
        self.alone: dict[int, Process] = {}
        self.commits = 0
        self.listeners: dict[Process, Callable[[str], None]] = {}
        self.closed = False
        self._open: list[Transaction] = []
        self._number = 0
        self._signals: list[str] = []
        world.on_kill.append(self._connection_gone)

    def number(self) -> int:
        """The next number of a sequence."""
        self._number += 1
        return self._number

    def is_read(self, order: OrderId) -> bool:
        """The order has a plan, be it one of a rejected order."""
        return order in self.orders and bool(self.orders[order].set_hash)

    def is_being_read(self, order: OrderId) -> bool:
        """What was read of the order is in its inbox."""
        return any(owner == order and isinstance(event, READINGS) for owner, event in self.inbox.values())

    # -- pauses ---------------------------------------------------------------------------------------------

    def is_held(self, key: tuple[OrderId, ItemNo], row: HeldRow) -> bool:
        """A held request is still its item's present one."""
        stored, owner = self.work.get(key, (None, None))
        present = stored is not None and (stored.epoch, stored.attempt) == (row.work.epoch, row.work.attempt)
        return present and owner is None and self.orders[key[0]].items[key[1]].state is ItemState.RUNNING

    def mark_head(self, order: OrderId) -> None:
        """Order and plan are behind in Salesforce."""
        now = self.world.now()
        self.outbox[self.number()] = MarksRow(
            lane=order,
            order=order,
            kinds=["order", "plan"],
            keys=[order, order],
            marked=now,
            due=now,
            attempts=0,
            problem=None,
        )

    def end_pause(self, kind: PauseKind, name: str) -> None:
        """A pause is over; items that waited for it are looked at again."""
        del self.pauses[kind, name]
        self.world.note("resumed", kind, name)
        for (order, item, timer), (epoch, _) in list(self.timers.items()):
            waits = kind is PauseKind.PLAN and timer == TimerKind.PAUSE and item
            if waits and self.orders[order].items[item].definition == name:
                self.timers[order, item, timer] = (epoch, self.world.now())

    # -- statements and transactions ------------------------------------------------------------------------

    async def statement(self, what: Callable[[], T]) -> T:
        """One statement that commits by itself."""
        await self._arrive()
        if self.world.strikes("crash_before_commit"):
            await self.world.die()
        result = what()
        await self._committed()
        return result

    async def read(self, what: Callable[[], T]) -> T:
        """One statement that changes nothing."""
        await self._arrive()
        return what()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """A transaction: all of its effects at the end of the block, or none."""
        await self._arrive()
        transaction = Transaction(RUNNING.get())
        self._open.append(transaction)
        try:
            yield transaction
            await self._arrive()
            if self.world.strikes("crash_before_commit"):
                await self.world.die()
            for effect in transaction.effects:
                effect()
        finally:
            self._end(transaction)
        await self._committed()

    async def step(self, transaction: Transaction) -> None:
        """A statement inside a transaction: time passes, and the connection may be lost."""
        await self._arrive()
        if not transaction.open:
            raise ConnectionLost("the connection was closed")

    async def _arrive(self) -> None:
        if self.closed:
            raise ConnectionLost("the world ends")
        await self.world.delay(0.0002, 0.004)
        if self.world.strikes("database_refuses"):
            raise ConnectionLost("the database is away")

    async def _committed(self) -> None:
        self.commits += 1
        signals, self._signals = self._signals, []
        for channel in dict.fromkeys(signals):
            self.tell(channel)
        if self.world.strikes("crash_after_commit"):
            await self.world.die()
        if self.world.strikes("commit_unheard"):
            raise ConnectionLost("the connection was lost while committing")

    def _end(self, transaction: Transaction) -> None:
        transaction.open = False
        if transaction in self._open:
            self._open.remove(transaction)

    def is_locked(self, order: OrderId) -> bool:
        """Some transaction holds the order's row."""
        return any(order in transaction.locked for transaction in self._open)

    # -- notifications ---------------------------------------------------------------------------------------

    def notify(self, channel: str) -> None:
        """Tell the workers when this commits."""
        self._signals.append(channel)

    def tell(self, channel: str) -> None:
        """Tell the workers now."""
        for process, hear in self.listeners.items():
            if process.alive and not self.world.strikes("signal_lost"):
                delay = self.world.rng.uniform(0.0, 0.02)
                self.world.loop.call_later(delay, hear, channel, context=process.context)

    # -- connections -----------------------------------------------------------------------------------------

    def _connection_gone(self, process: Process) -> None:
        """The server notices, sooner or later, that a client is dead: what it had open is rolled back."""
        self.listeners.pop(process, None)
        self.world.loop.outside(self.world.rng.choice((0.0, 0.1, 2.0)), lambda: self._roll_back(process))

    def _roll_back(self, process: Process) -> None:
        for transaction in [one for one in self._open if one.process is process]:
            self._end(transaction)
        for number in [number for number, holder in self.alone.items() if holder is process]:
            del self.alone[number]

    async def alone_try(self, number: int) -> bool:
        """Try to get an advisory lock."""
        await self._arrive()
        process = RUNNING.get()
        if number in self.alone and self.alone[number] is not process:
            return False
        self.alone[number] = process
        return True

    def alone_release(self, number: int) -> None:
        """Give an advisory lock back."""
        if self.alone.get(number) is RUNNING.get():
            del self.alone[number]


async def for_ever() -> None:
    """Wait until cancelled."""
    await asyncio.get_running_loop().create_future()
