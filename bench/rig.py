"""The engine without its outsides: the real intake, turns, worker and machine on PostgreSQL, and systems that answer at
once. Nothing of the connector is replaced but the port of callouts.
"""

from __future__ import annotations

import asyncio
import platform
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bench.orders import LAST, read, ten_set
from connector.localdb import LocalDatabase, local_database
from connector.mappings.set import MappingSet
from connector.model.attempt import AttemptRecord
from connector.model.events import CalloutCompleted, Event
from connector.model.ids import ItemNo, OrderId
from connector.model.json import JsonObject
from connector.model.order import Order, Priority
from connector.model.work import Work
from connector.orchestrator.beginning import Beginning
from connector.orchestrator.holding import Holding
from connector.orchestrator.sets import MappingSets
from connector.orchestrator.turn import Turner, TurnResult
from connector.orchestrator.worker import Worker
from connector.store.database import Database
from connector.store.held import HeldTable
from connector.store.intake import Heard, Intake
from connector.store.migrate import migrate
from connector.store.rates import RateTable
from connector.store.sets import SetTable
from connector.store.signals import INBOX, listen
from connector.store.turns import Turns
from connector.store.work import WorkTable

SERVER_OPTIONS = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
"""As an installation with this load would have it; every commit waits for the disk (fsync, synchronous_commit: on)."""

OUTPUTS: Mapping[str, str] = {
    "/v1/reserve": "reservationId",
    "/v1/activate": "activationId",
    "/v1/register": "registrationId",
}


@contextmanager
def durable_server() -> Iterator[LocalDatabase]:
    """A PostgreSQL server of the benchmark's own, empty, that loses nothing in a crash."""
    with local_database(durable=True, options=SERVER_OPTIONS) as server:
        yield server


async def fresh_database(server: LocalDatabase, name: str) -> str:
    """An empty database of that name in the present schema; gives its URL."""
    async with await Database.connect(server.url(), size=1) as database, database.connection() as connection:
        await connection.execute(f'drop database if exists "{name}" with (force)')
        await connection.execute(f'create database "{name}"')
        await connection.execute("checkpoint")
    async with await Database.connect(server.url(name), size=1) as database:
        await migrate(database)
    return server.url(name)


class Answering:
    """Callouts that nobody has to make: each is answered in the event loop's next round.

    With `hold` the answers are kept until they are released, order by order.
    """

    def __init__(self, answered: Callable[[OrderId, CalloutCompleted, AttemptRecord], None]) -> None:
        self._answered = answered
        self.submitted = 0
        self.hold = False
        self.held: deque[Work] = deque()
        self.finishing: dict[OrderId, int] = {}
        """How many answers to last items an order has been given that no turn has taken yet."""
        self.submits: list[tuple[float, OrderId]] | None = None
        """When requests came, if somebody wants to know."""

    def submit(self, work: Work) -> bool:
        self.submitted += 1
        if self.submits is not None:
            self.submits.append((time.perf_counter(), work.order))
        if self.hold:
            self.held.append(work)
        else:
            asyncio.get_running_loop().call_soon(self._answer, work)
        return True

    def withdraw(self, order: OrderId, item: ItemNo) -> int:  # noqa: ARG002 - the port's names
        return 0  # an item's answer withdraws what is left of its requests: nothing

    @property
    def full(self) -> frozenset[Priority]:
        return frozenset()

    def set_aside(self, matches: Callable[[Work], bool]) -> list[Work]:  # noqa: ARG002
        return []  # nothing is paused

    @property
    def room(self) -> int:
        return 1_000

    def release(self) -> bool:
        """Answer the request that has been held longest."""
        if not self.held:
            return False
        self._answer(self.held.popleft())
        return True

    def _answer(self, work: Work) -> None:
        path = work.request.path
        name = OUTPUTS.get(path)
        outputs: JsonObject = {name: f"{name}-{work.item}"} if name else {}
        if path == LAST:
            self.finishing[work.order] = self.finishing.get(work.order, 0) + 1
        self._answered(
            work.order,
            CalloutCompleted(item=work.item, epoch=work.epoch, attempt=work.attempt, outputs=outputs),
            AttemptRecord(
                order=work.order,
                item=work.item,
                epoch=work.epoch,
                attempt=work.attempt,
                interface=work.interface,
                started_at=datetime.now(UTC),
                seconds=0.0,
                method="POST",
                path=path,
                status=200,
                outcome="completed",
                code=None,
                idempotency_key=work.idempotency_key,
                bytes=0,
                sendings=1,
            ),
        )


@dataclass
class Count:
    """What turns have committed."""

    turns: int = 0
    items: int = 0
    """Callouts whose answers were committed."""
    orders: int = 0
    """Lines whose last items were committed."""


class CountingTurner(Turner):
    """The real turner, with a count of what it committed."""

    count: Count
    on_done: Callable[[OrderId], None]
    callouts: Answering

    async def turn(
        self,
        answers: Mapping[OrderId, Sequence[Event]],
        orders: Sequence[OrderId],
        records: Sequence[AttemptRecord] = (),
    ) -> TurnResult:
        open_ends = self.callouts.finishing
        finishing = {order: open_ends.pop(order) for order in answers if order in open_ends}
        result = await super().turn(answers, orders, records)
        missed = set(result.missed)
        self.count.turns += 1
        self.count.items += sum(len(events) for order, events in answers.items() if order not in missed)
        for order, lines in finishing.items():
            if order in missed:
                open_ends[order] = open_ends.get(order, 0) + lines
            else:
                self.count.orders += lines
                self.on_done(order)
        return result


@dataclass(kw_only=True)
class Rig:
    """An engine at work."""

    database: Database
    intake: Intake
    mappings: MappingSet
    worker: Worker
    turns: Turns
    callouts: Answering
    count: Count
    begin: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: dict[OrderId, asyncio.Future[None]] = field(default_factory=dict)

    async def place(self, orders: Sequence[Order]) -> None:
        """Hear of the orders and deliver them as read, in the two transactions in which the intake does it."""
        now = datetime.now(UTC)
        await self.intake.heard([Heard(kind="order", id=order.id, received_at=now) for order in orders])
        await self.intake.deliver([read(order, self.mappings.hash) for order in orders])
        self.worker.look()

    def now(self) -> datetime:
        """The time, as the engine sees it."""
        return datetime.now(UTC)

    def done(self, order: OrderId) -> asyncio.Future[None]:
        """Done when a last item of the order has been committed."""
        future = self.waiting[order] = asyncio.get_running_loop().create_future()
        return future

    def finished(self, order: OrderId) -> None:
        future = self.waiting.pop(order, None)
        if future is not None:
            future.set_result(None)


@asynccontextmanager
async def engine(url: str, *, name: str = "bench", at_once: bool = True) -> AsyncIterator[Rig]:
    """An engine at work on the database while the block runs; with `at_once=False` from `rig.begin` on."""
    mappings = ten_set()
    async with await Database.connect(url) as database:
        sets = await MappingSets.publish([mappings], SetTable(database))
        turns = Turns(database, name)
        turner = CountingTurner(turns, sets, lambda: datetime.now(UTC))
        worker = Worker(
            turner=turner,
            turns=turns,
            work=WorkTable(database, name, platform.node()),
            sets=sets,
            beginning=Beginning(turns=turns, rates=RateTable(database), per_second={}, clock=time.monotonic),
            holding=Holding(table=HeldTable(database, name), rates=RateTable(database)),
            on_marked=lambda: None,
            on_reread=lambda: None,
        )
        callouts = Answering(worker.answered)
        rig = Rig(
            database=database,
            intake=Intake(database, name),
            mappings=mappings,
            worker=worker,
            turns=turns,
            callouts=callouts,
            count=Count(),
        )
        turner.count, turner.callouts, turner.on_done = rig.count, callouts, rig.finished
        if at_once:
            rig.begin.set()
        async with asyncio.TaskGroup() as group:  # whose failure ends the block too
            task = group.create_task(_work(rig))
            try:
                yield rig
            finally:
                task.cancel()


async def _work(rig: Rig) -> None:
    await rig.begin.wait()
    async with asyncio.TaskGroup() as group:
        group.create_task(rig.worker.run(rig.callouts))
        group.create_task(listen(rig.database, {INBOX: rig.worker.look}))
