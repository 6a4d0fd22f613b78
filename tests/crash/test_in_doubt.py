"""The connection dies after a commit and before its word: what was committed is done, by whoever it was given to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest

from connector.model.attempt import AttemptRecord
from connector.model.events import CalloutFailed, Event
from connector.model.failure import Failure, FailureClass
from connector.model.ids import ItemNo, OrderId
from connector.model.order import Priority
from connector.model.states import ItemState
from connector.model.work import Work
from connector.orchestrator.beginning import Beginning
from connector.orchestrator.holding import Holding
from connector.orchestrator.turn import Turner, TurnResult
from connector.orchestrator.worker import Worker
from connector.store.held import HeldTable
from connector.store.rates import RateTable
from connector.store.work import SILENT_SECONDS, WorkTable
from tests.orchestrator.turning import NOW, Bench, mobile

FIRST = 2
"""Requests that the order begins with."""


class _Systems:
    """Takes every request, and answers none."""

    def __init__(self) -> None:
        self.submitted: list[Work] = []

    def submit(self, work: Work) -> bool:
        self.submitted.append(work)
        return True

    def withdraw(self, order: OrderId, item: ItemNo) -> int:
        del order, item
        return 0

    @property
    def full(self) -> frozenset[Priority]:
        return frozenset()

    def set_aside(self, matches: Callable[[Work], bool]) -> list[Work]:
        del matches
        return []

    @property
    def room(self) -> int:
        return 1_000

    async def until(self, count: int) -> list[Work]:
        async with asyncio.timeout(30):
            while len(self.submitted) < count:
                await asyncio.sleep(0.01)
        return self.submitted


class _Unheard(Turner):
    """Its turns are committed, but nobody hears of the first ones."""

    unheard = 1

    async def turn(
        self,
        answers: Mapping[OrderId, Sequence[Event]],
        orders: Sequence[OrderId],
        records: Sequence[AttemptRecord] = (),
    ) -> TurnResult:
        result = await super().turn(answers, orders, records)
        if self.unheard and result.work:
            self.unheard -= 1
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return result


@asynccontextmanager
async def _working(bench: Bench, systems: _Systems, *, unheard: int = 1) -> AsyncIterator[Worker]:
    turner = _Unheard(bench.turns, bench.sets, lambda: bench.now)
    turner.unheard = unheard
    worker = Worker(
        turner=turner,
        turns=bench.turns,
        work=bench.work,
        sets=bench.sets,
        beginning=Beginning(turns=bench.turns, rates=RateTable(bench.database), per_second={}, clock=time.monotonic),
        holding=Holding(table=HeldTable(bench.database, "worker-1"), rates=RateTable(bench.database)),
        on_marked=lambda: None,
        on_reread=lambda: None,
        clock=lambda: bench.now,
    )
    running = asyncio.create_task(worker.run(systems))
    try:
        yield worker
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_requests_of_a_turn_whose_commit_nobody_heard_of_are_sent(bench: Bench) -> None:
    systems = _Systems()
    await bench.submit(mobile())
    async with _working(bench, systems):
        sent = await systems.until(FIRST)
    assert {(work.interface, work.attempt) for work in sent} == {
        ("network.reserveNumber", 1),
        ("network.provisionEsim", 1),
    }


async def test_a_database_that_was_away_for_all_makes_nobody_take_the_work_of_others(bench: Bench) -> None:
    other = WorkTable(bench.database, "worker-2", "test")
    await bench.work.beat()
    await other.beat()
    await bench.submit(mobile())
    work = (await bench.turn()).work
    async with bench.database.connection() as connection:
        await connection.execute("update workers set heartbeat = now() - make_interval(secs => $1)", 60.0)
    assert await other.adopt(10) == [], "nobody was heard, so nobody is missed"
    await other.beat()
    assert await other.adopt(10) == [], "the silence of all counts from now on"
    async with bench.database.connection() as connection:
        silent = "update workers set heartbeat = now() - make_interval(secs => $1) where worker_id = 'worker-1'"
        await connection.execute(silent, SILENT_SECONDS + 1)
    taken = await other.adopt(10)
    assert {one.item for one in taken} == {one.item for one in work}, "he is missed who is silent while others speak"


@pytest.mark.parametrize(("taken_over", "sendings", "in_doubt"), [(True, 1, True), (False, 2, True), (False, 1, False)])
async def test_being_locked_out_says_nothing_of_what_was_sent_before(
    bench: Bench, *, taken_over: bool, sendings: int, in_doubt: bool
) -> None:
    systems = _Systems()
    await bench.submit(mobile())
    async with _working(bench, systems, unheard=int(taken_over)) as worker:
        work = (await systems.until(FIRST))[0]
        worker.answered(work.order, *locked_out(work, sendings))
        async with asyncio.timeout(30):
            while (item := (await bench.plan(work.order)).items[work.item]).state is not ItemState.FATALLY_FAILED:
                await asyncio.sleep(0.01)
    assert item.in_doubt is in_doubt


def locked_out(work: Work, sendings: int) -> tuple[CalloutFailed, AttemptRecord]:
    """The system answered 401 to the last of so many sendings."""
    failure = Failure(failure_class=FailureClass.CONFIGURATION, code="HTTP_401", message="no", http_status=401)
    record = AttemptRecord(
        order=work.order,
        item=work.item,
        epoch=work.epoch,
        attempt=work.attempt,
        interface=work.interface,
        started_at=NOW,
        seconds=0.1,
        method=work.request.method,
        path=work.request.path,
        status=401,
        outcome="configuration",
        code="HTTP_401",
        idempotency_key=work.idempotency_key,
        bytes=0,
        sendings=sendings,
    )
    return CalloutFailed(item=work.item, epoch=work.epoch, attempt=work.attempt, failure=failure), record
