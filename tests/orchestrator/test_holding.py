"""Pauses and workers that end, on a real PostgreSQL: what is not to be sent now waits there, and is sent once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.bridges.salesforce import OutboxBridge
from connector.decomposition import decompose
from connector.errors import RefusedError
from connector.model.events import Addressed, CalloutCompleted, Operation, OperatorCommanded, OrderRead
from connector.model.ids import CommandId, ItemNo, OrderId
from connector.model.mark import RecordKind
from connector.model.order import Order, Priority
from connector.model.pauses import PauseKind
from connector.model.states import ItemState, ItemType
from connector.model.work import Work
from connector.orchestrator.beginning import Beginning
from connector.orchestrator.holding import Holding
from connector.orchestrator.pauseboard import PauseBoard
from connector.orchestrator.present import Variables
from connector.orchestrator.turn import Turner
from connector.orchestrator.worker import Worker
from connector.sf.ports import Mark
from connector.store.asking import Asking
from connector.store.database import Database
from connector.store.held import Held, HeldTable
from connector.store.intake import Heard
from connector.store.outbox import Outbox
from connector.store.pauses import PauseTable
from connector.store.rates import RateTable
from connector.store.signals import INBOX, PAUSES, listen
from connector.store.turns import Turns
from connector.store.work import WorkTable
from connector.store.workers import WorkerTable
from tests.callouts.test_runner import record_of
from tests.orchestrator.test_revision_turns import second
from tests.orchestrator.turning import NOW, Bench, infiwave, mobile, order_id

RESERVE, ESIM = "network.reserveNumber", "network.provisionEsim"


@dataclass
class Systems:
    """Takes requests, and answers them when the test lets go."""

    name: str
    waiting: list[Work] = field(default_factory=list)
    """Submitted and not begun."""
    begun: list[Work] = field(default_factory=list)
    places: int = 1_000
    full_lanes: frozenset[Priority] = frozenset()

    def submit(self, work: Work) -> bool:
        (self.begun if len(self.begun) < self.places else self.waiting).append(work)
        return True

    def withdraw(self, order: OrderId, item: ItemNo) -> int:
        return len(self.set_aside(lambda work: (work.order, work.item) == (order, item)))

    def set_aside(self, matches: Callable[[Work], bool]) -> list[Work]:
        gone = [work for work in self.waiting if matches(work)]
        self.waiting = [work for work in self.waiting if work not in gone]
        return gone

    @property
    def room(self) -> int:
        return 1_000

    @property
    def full(self) -> frozenset[Priority]:
        return self.full_lanes

    @property
    def interfaces(self) -> list[str]:
        return sorted(work.interface for work in self.begun)


@dataclass
class Member:
    """One worker at work."""

    worker: Worker
    systems: Systems
    board: PauseBoard

    def answer(self, work: Work) -> None:
        outputs = {"msisdn": "+447700900001", "reservationId": "R1", "iccid": "89", "activationCode": "LPA:1"}
        event = CalloutCompleted(item=work.item, epoch=work.epoch, attempt=work.attempt, outputs=outputs)
        self.worker.answered(work.order, event, record_of(work))


class Site:
    """An installation: a database, and workers that come and go."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.database = bench.database
        self.pauses = PauseTable(bench.database, resumed_per_second=1_000.0)
        self.per_second: dict[Priority, float] = {}

    @asynccontextmanager
    async def member(
        self, name: str, *, places: int = 1_000, full: frozenset[Priority] = frozenset()
    ) -> AsyncIterator[Member]:
        """A worker, at work while the block runs."""
        turns, systems = Turns(self.database, name), Systems(name, places=places, full_lanes=full)
        board = PauseBoard(self.pauses)
        holding = Holding(
            table=HeldTable(self.database, name),
            rates=RateTable(self.database),
            pauses=lambda: board.now,
            per_second=1_000.0,
        )
        work = WorkTable(self.database, name, "test")
        worker = Worker(
            turner=Turner(turns, self.bench.sets, lambda: datetime.now(UTC), pauses=lambda: board.now),
            turns=turns,
            work=work,
            sets=self.bench.sets,
            holding=holding,
            beginning=Beginning(
                turns=turns, rates=RateTable(self.database), per_second=self.per_second, clock=time.monotonic
            ),
            on_marked=lambda: None,
            on_reread=lambda: None,
        )
        board.on_change = worker.pauses_changed
        await board.load()

        def heard() -> None:
            board.look()
            holding.look()

        async def run() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(worker.run(systems))
                group.create_task(board.run())
                group.create_task(listen(self.database, {INBOX: worker.look, PAUSES: heard}))

        running = asyncio.create_task(run())
        try:
            yield Member(worker, systems, board)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            await work.leave()

    async def submit(self, number: int = 1) -> OrderId:
        """An order whose first requests are both for the network."""
        order = mobile(number)
        await self.bench.intake.heard([Heard(kind="order", id=order.id, received_at=NOW)])
        await self.bench.put(Addressed(order=order.id, event=OrderRead(order=order)))
        return order.id

    async def number(self, sql: str, *arguments: object) -> int:
        async with self.database.connection() as connection:
            return int(await connection.fetchval(sql, *arguments))

    async def held(self) -> int:
        return await self.number("select count(*) from held_requests")

    async def shown(self, order: OrderId) -> tuple[str, str]:
        """Status and message as they would be written to Salesforce."""
        plan = (await self.present("plan", order, order))["plan"]
        return plan["status"], plan["message"]

    async def present(self, kind: RecordKind, order: OrderId, key: str) -> Variables:
        """What would be written to one record."""
        bridge = OutboxBridge(Outbox(self.database, "reader"), self.bench.sets)
        (present,) = await bridge.load([Mark(lane=order, order=order, kind=kind, key=key, seq=0)])
        assert present.variables is not None
        return present.variables


async def until(what: Callable[[], Awaitable[bool] | bool], named: str = "") -> None:
    """Wait for a condition."""
    try:
        async with asyncio.timeout(30):
            while True:
                found = what()
                if found if isinstance(found, bool) else await found:
                    return
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"this did not happen: {named}") from None


@pytest.fixture
async def site(migrated_url: str) -> AsyncIterator[Site]:
    async with await Database.connect(migrated_url, size=20) as database:
        yield Site(await infiwave(database))


async def test_nothing_is_sent_to_a_paused_system_and_all_of_it_afterwards(site: Site) -> None:
    await site.pauses.pause(PauseKind.SYSTEM, "network", reason="they move house", by="Eva", until=None)
    async with site.member("worker-1") as member:
        order = await site.submit()

        async def waits() -> bool:
            return await site.held() == 2

        await until(waits, "both requests are held")
        assert member.systems.begun == []
        status, message = await site.shown(order)
        assert status == "Waiting"
        assert message.startswith("System network is paused by Eva since ")
        assert message.endswith(": they move house.")
        assert await site.number("select count(*) from outbox where kinds = array['order', 'plan']") >= 1
        (row,) = await site.pauses.rows()
        assert (row.pause.name, row.waiting) == ("network", 2)

        await site.pauses.resume(PauseKind.SYSTEM, "network")
        await until(lambda: len(member.systems.begun) == 2, "both are sent")
        assert [(work.attempt, work.epoch) for work in member.systems.begun] == [(1, 1), (1, 1)]
        assert await site.shown(order) == ("In Progress", "")
        assert await site.held() == 0


async def test_a_revision_that_waits_for_requests_that_are_held_names_the_pause(site: Site) -> None:
    await site.pauses.pause(PauseKind.SYSTEM, "network", reason="they move house", by="Eva", until=None)
    async with site.member("worker-1"):
        order = await site.submit()

        async def waits() -> bool:
            return await site.held() == 2

        await until(waits, "both requests are held")
        await site.bench.submit(second(2, of=1, tier="L"))

        async def freezes() -> bool:
            return (await site.shown(order))[0] == "Freezing"

        await until(freezes, "the revision waits")
        _, message = await site.shown(order)
        told = message.splitlines()
        assert told[0] == "Order 00000002 waits for requests that are being sent."
        assert told[1].startswith("System network is paused by Eva since ")
        supplemental = await site.present("order", order, order_id(2))
        assert supplemental["plan"]["message"] == message
        await site.pauses.resume(PauseKind.SYSTEM, "network")


async def test_the_order_that_is_in_fulfillment_now_says_too_that_it_waits_for_a_pause(site: Site) -> None:
    async with site.member("worker-1") as member:
        order = await site.submit()
        await until(lambda: len(member.systems.begun) == 2, "the first requests are sent")
        await site.bench.submit(second(2, of=1, tier="L"))

        async def freezes() -> bool:
            return (await site.shown(order))[0] == "Freezing"

        await until(freezes, "the revision waits")
        await site.pauses.pause(PauseKind.SYSTEM, "network", reason="they move house", by="Eva", until=None)
        await until(lambda: bool(member.board.now), "the worker knows of the pause")
        for work in list(member.systems.begun):
            member.answer(work)

        async def waits() -> bool:
            return await site.held() >= 1

        await until(waits, "the next request is held")
        marked = "select count(*) from outbox where kinds = array['order', 'plan', 'order'] and keys[3] = $1"
        assert await site.number(marked, order_id(2)) >= 1, "people look at the newest version"
        assert (await site.present("order", order, order_id(2)))["plan"]["status"] == "Waiting"
        await site.pauses.resume(PauseKind.SYSTEM, "network")


async def test_a_paused_interface_holds_up_no_other(site: Site) -> None:
    await site.pauses.pause(PauseKind.INTERFACE, RESERVE, reason="", by="", until=None)
    async with site.member("worker-1") as member:
        order = await site.submit()
        await until(lambda: member.systems.interfaces == [ESIM])
        status, _ = await site.shown(order)
        assert status == "In Progress", "the other one is under way"


async def test_a_pause_is_noticed_by_every_worker_and_holds_back_what_has_not_begun(site: Site) -> None:
    async with site.member("worker-1", places=1) as first, site.member("worker-2", places=1) as second:
        await site.submit(1)
        await site.submit(2)
        members = (first, second)
        await until(lambda: sum(len(one.systems.begun) + len(one.systems.waiting) for one in members) == 4)
        begun = sum(len(one.systems.begun) for one in members)
        await site.pauses.pause(PauseKind.SYSTEM, "network", reason="", by="", until=None)
        await until(lambda: all(one.board.now.systems == ["network"] for one in members), "both know")

        async def given_away() -> bool:
            return await site.held() == 4 - begun

        await until(given_away, "what had not begun is held")
        assert [one.systems.waiting for one in members] == [[], []]
        for one in members:
            for work in one.systems.begun:
                one.answer(work)
        running = "select count(*) from items where state = 'Running'"

        async def taken() -> bool:
            return (
                await site.number(running) >= 4 - begun
                and await site.number("select count(*) from items where state = 'Completed'") >= begun
            )

        await until(taken, "answers are still taken")


async def test_what_waits_for_a_pause_outlives_the_worker_that_made_it(site: Site) -> None:
    await site.pauses.pause(PauseKind.SYSTEM, "network", reason="", by="", until=None)
    async with site.member("worker-1"):
        await site.submit()

        async def held() -> bool:
            return await site.held() == 2

        await until(held)
    async with site.member("worker-2") as member:
        await site.pauses.resume(PauseKind.SYSTEM, "network")
        await until(lambda: len(member.systems.begun) == 2)
        for work in list(member.systems.begun):
            member.answer(work)
        await until(lambda: len(member.systems.begun) > 2, "the plan goes on")


async def test_a_pause_ends_by_itself(site: Site) -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=300)
    await site.pauses.pause(PauseKind.SYSTEM, "network", reason="", by="", until=soon)
    async with site.member("worker-1") as member:
        await site.submit()
        await until(lambda: len(member.systems.begun) == 2)
    assert await site.pauses.rows() == []


async def test_items_of_a_paused_plan_wait_and_start_when_it_is_resumed(site: Site) -> None:
    made = decompose(mobile(), (), site.bench.sets.current()[0], NOW)
    plan = next(item.definition for item in made.items if item.type is ItemType.CALLOUT and not item.after)
    await site.pauses.pause(PauseKind.PLAN, plan, reason="new prices", by="Eva", until=None)
    async with site.member("worker-1") as member:
        order = await site.submit()

        async def waits() -> bool:
            return (await site.number("select count(*) from timers where kind = 'pause'")) > 0

        await until(waits)
        status, message = await site.shown(order)
        assert "new prices" in message
        if status != "Waiting":  # something else of the order could start: that is sent after the commit that shows it
            await until(lambda: bool(member.systems.begun), "what is not paused is sent")
        (row,) = await site.pauses.rows()
        assert row.waiting > 0
        await site.pauses.resume(PauseKind.PLAN, plan)
        await until(lambda: len(member.systems.begun) == 2, "they start")
    assert await site.number("select count(*) from timers where kind = 'pause'") == 0


async def test_what_waited_is_woken_when_every_worker_has_had_the_time_to_hear_of_it(site: Site) -> None:
    made = decompose(mobile(), (), site.bench.sets.current()[0], NOW)
    plan = next(item.definition for item in made.items if item.type is ItemType.CALLOUT and not item.after)
    await site.pauses.pause(PauseKind.PLAN, plan, reason="new prices", by="Eva", until=None)
    async with site.member("worker-1"):
        await site.submit()

        async def waits() -> bool:
            return (await site.number("select count(*) from timers where kind = 'pause'")) > 0

        await until(waits)
    before = await site.number("select extract(epoch from clock_timestamp()) * 1000")
    await site.pauses.resume(PauseKind.PLAN, plan)
    due = await site.number("select extract(epoch from min(due)) * 1000 from timers where kind = 'pause'")
    assert due >= before + 500


async def test_an_order_that_is_paused_before_it_begins_does_not_begin(site: Site) -> None:
    order = mobile()
    await site.bench.intake.heard([Heard(kind="order", id=order.id, received_at=NOW)])
    asking = Asking(site.database)
    pause = OperatorCommanded(command=CommandId("a0C000000000001AAA"), operation=Operation.PAUSE, by="Ann")
    await site.bench.put(Addressed(order=order.id, event=pause))
    await site.submit()
    async with site.member("worker-1") as member:

        async def paused() -> bool:
            return await site.number("select count(*) from orders where paused_at is not null") == 1

        await until(paused)
        assert member.systems.begun == []
        (row,) = await site.pauses.rows()
        assert (row.pause.by, row.order) == ("Ann", order.id)
        assert await asking.find(order.number) == order.id
        asked = await asking.ask(order.id, Operation.RESUME, by="Eva", outputs={})
        answer = await asking.answer(order.id, asked, 30.0)
        assert answer is not None
        assert (answer.done, answer.message) == (True, "Order 00000001 goes on.")
        await until(lambda: len(member.systems.begun) == 2)
    marked = "select count(*) from outbox, unnest(keys) as key where key like 'local-%'"
    assert await site.number(marked) == 0, "there is no record of that command in Salesforce"


async def test_the_held_requests_of_a_paused_order_wait_for_both(site: Site) -> None:
    await site.pauses.pause(PauseKind.SYSTEM, "network", reason="", by="", until=None)
    asking = Asking(site.database)
    async with site.member("worker-1") as member:
        order = await site.submit()

        async def held() -> bool:
            return await site.held() == 2

        await until(held)
        asked = await asking.ask(order, Operation.PAUSE, by="", outputs={"reason": "wait"})
        assert await asking.answer(order, asked, 30.0)
        await site.pauses.resume(PauseKind.SYSTEM, "network")
        await until(lambda: not member.board.now)
        taken = await HeldTable(site.database, "other").waiting(member.board.now, 100)
        assert taken == {}
        asked = await asking.ask(order, Operation.RESUME, by="", outputs={})
        assert await asking.answer(order, asked, 30.0)
        await until(lambda: len(member.systems.begun) == 2)


# -- a worker that ends ---------------------------------------------------------------------------------


async def test_what_a_worker_has_not_begun_when_it_ends_goes_to_others_at_once(site: Site) -> None:
    async with site.member("worker-1", places=0) as first:
        await site.submit()
        await until(lambda: len(first.systems.waiting) == 2)
        async with site.member("worker-2") as second:
            first.worker.retire()
            await first.worker.drain()
            await until(lambda: len(second.systems.begun) == 2, "the other one sends them")
            assert first.systems.waiting == []
            assert await site.number("select count(*) from work where owner = 'worker-1'") == 0
            assert [work.attempt for work in second.systems.begun] == [1, 1]
            states = "select count(*) from items where state = 'FatallyFailed'"
            assert await site.number(states) == 0, "nobody takes them for sent"


async def test_a_worker_that_ends_applies_its_answers_and_begins_nothing(site: Site) -> None:
    async with site.member("worker-1") as first:
        await site.submit(1)
        await until(lambda: len(first.systems.begun) == 2)
        first.worker.retire()
        await site.submit(2)
        for work in list(first.systems.begun):
            first.answer(work)
        await first.worker.drain()
        assert len(first.systems.begun) == 2
        plan = await site.bench.plan(order_id(1))
        assert sum(item.state is ItemState.COMPLETED for item in plan.items.values()) >= 2
        assert await site.number("select count(*) from inbox") == 1, "the new order waits for another worker"
        assert await site.held() > 0, "and so do the requests that followed"
    async with site.member("worker-2") as second:
        orders = {order_id(1), order_id(2)}
        await until(lambda: {work.order for work in second.systems.begun} == orders)


# -- the tables -----------------------------------------------------------------------------------------


async def test_what_is_paused_is_not_paused_again_and_only_that_is_resumed(site: Site) -> None:
    await site.pauses.pause(PauseKind.SYSTEM, "network", reason="one", by="Eva", until=None)
    with pytest.raises(RefusedError, match=r"System network is paused by Eva since .*: one\. Resume it first"):
        await site.pauses.pause(PauseKind.SYSTEM, "network", reason="two", by="", until=None)
    with pytest.raises(RefusedError, match=r"Interface network\.x is not paused"):
        await site.pauses.resume(PauseKind.INTERFACE, "network.x")


async def test_a_request_that_is_not_its_owners_any_more_is_not_put_away(site: Site) -> None:
    await site.submit()
    result = await site.bench.turn()
    other = HeldTable(site.database, "worker-2")
    await other.hold([Held(work=work, why="paused") for work in result.work])
    assert await site.held() == 0
    mine = HeldTable(site.database, "worker-1")
    await mine.hold([Held(work=work, why="left", sent_before=True) for work in result.work])
    taken = await other.take(PauseBoard(site.pauses).now, 10, "left")
    assert sorted((held.work.interface, held.sent_before) for held in taken) == [(ESIM, True), (RESERVE, True)]
    assert await mine.take(PauseBoard(site.pauses).now, 10, "left") == []


async def test_a_rate_is_shared_and_what_was_not_used_can_be_given_back(site: Site) -> None:
    one, other = RateTable(site.database), RateTable(site.database)
    grant = await one.draw("x", 3, 2.0)
    assert grant.count == 2
    assert 0 < grant.seconds <= 0.5
    assert (await other.draw("x", 3, 2.0)).count == 0
    await one.give_back("x", 2)
    assert (await other.draw("x", 1, 2.0)).count == 1
    assert (await other.draw("y", 5, 0.01)).count == 1, "a slow rate too begins with one"


async def test_workers_are_listed_with_what_they_own(site: Site) -> None:
    await site.bench.work.beat()
    await site.submit()
    await site.bench.turn()
    table = WorkerTable(site.database)
    (row,) = await table.rows()
    assert (row.worker, row.state, row.requests, row.lanes, row.notices) == ("worker-1", "working", 2, 0, 0)
    assert not await table.is_draining("worker-1")
    await table.drain("worker-1")
    (row,) = await table.rows()
    assert row.state == "draining"
    assert await table.is_draining("worker-1")
    with pytest.raises(RefusedError, match="There is no worker worker-9"):
        await table.drain("worker-9")


# -- lanes ----------------------------------------------------------------------------------------------


def _of(priority: Priority, number: int) -> Order:
    return replace(mobile(number), priority=priority)


async def test_no_more_orders_of_a_lane_begin_than_its_rate_allows_whoever_begins_them(site: Site) -> None:
    site.per_second = {Priority.BULK: 0.001}
    bulk, urgent = [_of(Priority.BULK, n) for n in range(1, 31)], [_of(Priority.HIGH, n) for n in range(31, 41)]
    await site.bench.submit(*bulk, *urgent)
    async with site.member("worker-1") as first, site.member("worker-2") as second:

        def begun() -> set[OrderId]:
            return {work.order for member in (first, second) for work in member.systems.begun}

        await until(lambda: begun().issuperset(order.id for order in urgent), "urgent ones have no rate")
        assert len(begun() - {order.id for order in urgent}) == 1
        later = _of(Priority.HIGH, 50)
        await site.bench.submit(later)
        await until(lambda: later.id in begun(), "nor do those that come later wait behind the others")
        assert await site.number("select count(*) from inbox where rank = 3") == 29


async def test_every_order_of_a_lane_with_a_rate_begins_in_the_end(site: Site) -> None:
    site.per_second = {Priority.BULK: 40.0, Priority.HIGH: 40.0}
    orders = [_of(priority, n) for n, priority in enumerate((Priority.BULK, Priority.HIGH, Priority.DEFAULT) * 20, 1)]
    await site.bench.submit(*orders)
    async with site.member("worker-1") as first, site.member("worker-2") as second:
        wanted = {order.id for order in orders}
        await until(lambda: {work.order for one in (first, second) for work in one.systems.begun} == wanted)


async def test_a_lane_that_has_no_room_holds_up_no_other(site: Site) -> None:
    await site.bench.submit(*[_of(Priority.BULK, n) for n in range(1, 80)], _of(Priority.DEFAULT, 80))
    async with site.member("worker-1", full=frozenset({Priority.BULK})) as member:
        await until(lambda: {work.order for work in member.systems.begun} == {order_id(80)})
        assert await site.number("select count(*) from inbox where rank = 3") == 79
