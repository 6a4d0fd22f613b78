"""Turns on a real PostgreSQL: what is committed, what survives, what two workers make of one order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.mappings.set import MappingSet
from connector.model.events import (
    Addressed,
    CalloutFailed,
    Event,
    ExternalEventArrived,
    Operation,
    OperatorCommanded,
    OrderRead,
    OrderUnreadable,
)
from connector.model.failure import Failure, FailureClass, Problem
from connector.model.ids import CommandId, ItemNo, OrderId
from connector.model.order import Order, Priority
from connector.model.states import ItemState, PlanState
from connector.orchestrator.sets import MappingSets
from connector.orchestrator.turn import Turner
from connector.store.intake import Heard
from connector.store.outbox import Delay
from connector.store.turns import Turns
from connector.store.work import WorkTable
from tests.orchestrator.turning import NOW, Bench, answers, finish, mobile, order_id


async def test_an_order_goes_from_its_event_to_its_end(bench: Bench) -> None:
    await bench.submit(mobile())
    result = await bench.turn()
    assert result.orders == (order_id(1),)
    assert {work.interface for work in result.work} == {"network.reserveNumber", "network.provisionEsim"}
    assert all(work.idempotency_key.startswith(order_id(1)) for work in result.work)
    await finish(bench, result)
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.COMPLETED
    assert await bench.count("work") == 0
    assert await bench.count("timers") == 0
    assert await bench.count("inbox") == 0


async def test_what_is_loaded_is_what_was_saved(bench: Bench) -> None:
    await bench.submit(mobile())
    result = await bench.turn()
    await bench.turn(answers(result.work))
    cached = bench.turner._plans._plans[order_id(1)]
    loaded = await bench.plan(order_id(1))
    assert loaded.items == cached.items
    assert loaded.lines == cached.lines
    assert loaded.order == cached.order
    assert loaded.phases == cached.phases


async def test_many_orders_share_one_commit(bench: Bench) -> None:
    await bench.submit(*(mobile(number) for number in range(1, 51)))
    async with bench.database.connection() as connection:
        before = await connection.fetchval("select pg_current_xact_id()::text::bigint")
        result = await bench.turn()
        after = await connection.fetchval("select pg_current_xact_id()::text::bigint")
    assert len(result.orders) == 50
    assert after - before == 2, "one transaction for all of them, and the one that asked"


async def test_an_order_that_can_not_be_decomposed_is_rejected_with_its_problems(bench: Bench) -> None:
    await bench.submit(mobile(1, tier="Z", simType="paper"))
    await bench.turn()
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.REJECTED
    assert not plan.items
    assert "tier" in plan.message
    assert "simType" in plan.message
    assert await bench.count("fallouts") == 1


async def test_a_rejected_order_that_is_read_again_starts_afresh(bench: Bench) -> None:
    problem = Problem(code="BAD_JSON", message="Attributes are no JSON.")
    await bench.intake.heard([Heard(kind="order", id=order_id(1), received_at=NOW)])
    await bench.put(Addressed(order=order_id(1), event=OrderUnreadable(order=mobile(), problems=(problem,))))
    await bench.turn()
    assert (await bench.plan(order_id(1))).state is PlanState.REJECTED
    await bench.put(Addressed(order=order_id(1), event=OrderRead(order=mobile())))
    await finish(bench, await bench.turn())
    assert (await bench.plan(order_id(1))).state is PlanState.COMPLETED


async def test_what_happens_to_a_rejected_order_is_kept_for_when_it_is_read_again(bench: Bench) -> None:
    problem = Problem(code="BAD_JSON", message="Attributes are no JSON.")
    unreadable = Addressed(order=order_id(1), event=OrderUnreadable(order=mobile(), problems=(problem,)))
    await bench.intake.heard([Heard(kind="order", id=order_id(1), received_at=NOW)])
    message = ExternalEventArrived(name="warehouse.delivered", payload={"shipmentId": "S1"}, delivery="D1")
    await bench.put(unreadable)
    await bench.put(Addressed(order=order_id(1), event=message))
    await bench.put(unreadable)
    await bench.put(Addressed(order=order_id(1), event=OrderRead(order=mobile())))
    await bench.turn()
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.IN_PROGRESS
    assert [event.payload for event in plan.unclaimed] == [{"shipmentId": "S1"}]
    assert plan.deliveries == ("warehouse:D1",)


async def test_only_messages_about_orders_that_were_heard_of_are_taken(bench: Bench) -> None:
    assert not await bench.intake.exists(order_id(1), None)
    await bench.intake.heard([Heard(kind="order", id=order_id(1), received_at=NOW)])
    assert await bench.intake.exists(order_id(1), None)
    assert not await bench.intake.exists(order_id(1), ItemNo(1)), "nobody can know an item before there is a plan"
    await bench.submit(mobile())
    await bench.turn()
    assert await bench.intake.exists(order_id(1), ItemNo(1))
    assert not await bench.intake.exists(order_id(1), ItemNo(99))


async def test_what_happens_to_an_order_before_it_is_read_waits_for_that(bench: Bench) -> None:
    await bench.intake.heard([Heard(kind="order", id=order_id(1), received_at=NOW)])
    event = ExternalEventArrived(name="warehouse.delivered", delivery="D1")
    command = OperatorCommanded(command=CommandId("a0C000000000001AAA"), operation=Operation.RETRY, by="Ann")
    await bench.put(Addressed(order=order_id(1), event=event), Addressed(order=order_id(1), event=command))
    assert await bench.turns.waiting(NOW, 100, 100) == [], "nothing can be done, and nobody tries again and again"
    assert (await bench.turner.turn({}, [order_id(1)])).events == 0
    assert await bench.count("inbox") == 2

    await bench.put(Addressed(order=order_id(1), event=OrderRead(order=mobile())))
    assert (await bench.turn()).events == 3
    plan = await bench.plan(order_id(1))
    assert [one.name for one in plan.unclaimed] == ["warehouse.delivered"]
    async with bench.database.connection() as connection:
        answer, message = await connection.fetchrow("select answer, message from command_answers")
    assert (answer, message) == ("Refused", "Nothing of order 00000001 has failed.")


async def test_an_order_submitted_twice_is_fulfilled_once(bench: Bench) -> None:
    await bench.submit(mobile())
    result = await bench.turn()
    await bench.submit(mobile())
    again = await bench.turn()
    assert again.work == ()
    await finish(bench, result)
    assert (await bench.plan(order_id(1))).state is PlanState.COMPLETED


async def test_a_turn_that_dies_before_its_commit_leaves_no_trace(bench: Bench) -> None:
    await bench.submit(mobile())

    class Died(BaseException):
        pass

    async with bench.database.connection() as connection:
        with pytest.raises(Died):  # noqa: PT012 - the block is the turn that dies
            async with bench.turns.begin() as turn:
                await turn.lock([order_id(1)])
                await turn.take_events([order_id(1)], [order_id(1)], NOW)
                raise Died
        assert await connection.fetchval("select count(*) from inbox") == 1
    await finish(bench, await bench.turn())
    assert (await bench.plan(order_id(1))).state is PlanState.COMPLETED


async def test_an_order_that_another_worker_holds_is_left_to_it(bench: Bench) -> None:
    await bench.submit(mobile(1), mobile(2))
    other = Turns(bench.database, "worker-2")
    async with other.begin() as turn:
        assert [order.id for order in await turn.lock([order_id(1)])] == [order_id(1)]
        result = await bench.turn()
        assert result.orders == (order_id(2),)
        assert result.missed == (order_id(1),)
    assert (await bench.turn()).orders == (order_id(1),)


async def test_a_plan_in_memory_is_not_used_when_another_worker_has_changed_the_order(bench: Bench) -> None:
    await bench.submit(mobile())
    first = await bench.turn()
    other = Bench(bench.database, bench.sets, "worker-2")
    one, *rest = first.work
    await other.turn(answers([one]))
    result = await bench.turn(answers(rest))
    assert result.work, "the plan went on from what the other worker had saved"
    await finish(bench, result)
    assert (await bench.plan(order_id(1))).state is PlanState.COMPLETED


async def test_the_requests_of_a_dead_worker_are_taken_over(bench: Bench) -> None:
    await bench.work.beat()
    await bench.submit(mobile())
    sent = (await bench.turn()).work
    other = WorkTable(bench.database, "worker-2", "test")
    await other.beat()
    assert await other.adopt(10) == [], "its owner lives"
    async with bench.database.connection() as connection:
        await connection.execute("update workers set heartbeat = now() - interval '6 s' where worker_id = 'worker-1'")
    adopted = await other.adopt(10)
    assert sorted(adopted, key=lambda work: work.item) == sorted(sent, key=lambda work: work.item)
    assert await other.adopt(10) == []


async def test_a_retry_sends_the_request_that_was_stored(bench: Bench) -> None:
    await bench.submit(mobile())
    first = await bench.turn()
    work = next(work for work in first.work if work.interface == "network.reserveNumber")
    busy = Failure(
        failure_class=FailureClass.TRANSIENT, code="HTTP_503", message="busy", system="network", http_status=503
    )
    failed = CalloutFailed(item=work.item, epoch=1, attempt=1, failure=busy)
    result = await bench.turn({work.order: [failed]})
    assert result.earliest_timer is not None
    assert (await bench.turns.next_due()) == result.earliest_timer
    bench.now = result.earliest_timer + timedelta(seconds=1)
    (again,) = (await bench.turn()).work
    assert again.request == work.request
    assert again.idempotency_key == work.idempotency_key
    assert (again.attempt, work.attempt) == (2, 1)


class BrokenSets:
    """Sets of which one breaks the program."""

    def __init__(self, sets: MappingSets) -> None:
        self._sets = sets

    def current(self) -> Sequence[MappingSet]:
        return self._sets.current()

    async def by_hash(self, set_hash: str) -> MappingSet:
        if set_hash == "broken":
            raise ZeroDivisionError("a bug")
        return await self._sets.by_hash(set_hash)


async def test_an_order_that_breaks_the_program_is_parked_and_holds_up_no_other(bench: Bench) -> None:
    await bench.submit(mobile(1), mobile(3))
    await bench.put(Addressed(order=order_id(2), event=OrderRead(order=mobile(2), set_hash="broken")))
    await bench.intake.heard([Heard(kind="order", id=order_id(2), received_at=NOW)])
    bench.turner = Turner(bench.turns, BrokenSets(bench.sets), lambda: bench.now)
    result = await bench.turn()
    assert {order_id(1), order_id(3)} <= set(result.orders)
    async with bench.database.connection() as connection:
        reason = await connection.fetchval("select parked from orders where order_id = $1", order_id(2))
        assert reason == "ZeroDivisionError: a bug"
        assert await connection.fetchval("select count(*) from inbox") == 1, "its event is kept"
    assert (await bench.turn()).orders == ()


async def test_a_record_is_written_once_however_often_it_changed(bench: Bench) -> None:
    await bench.submit(mobile())
    result = await bench.turn()
    await finish(bench, result)
    await bench.work.beat()
    rows = await bench.outbox.claim(10, 1000, timedelta(seconds=30), None)
    assert len({(row.kind, row.key) for row in rows}) == len(rows)
    kinds = [row.kind for row in rows]
    assert kinds.count("item") == 10
    assert kinds.index("plan") < kinds.index("item")
    assert await bench.outbox.claim(10, 1000, timedelta(seconds=30), None) == [], "the lanes are taken"

    changed, refused, *_ = rows
    async with bench.database.connection() as connection:
        await connection.execute(
            "insert into outbox (lane, order_id, kinds, keys) values ($1, $2, array[$3], array[$4])",
            changed.lane,
            changed.order,
            changed.kind,
            changed.key,
        )
    delay = Delay(row=refused, until=NOW, problem="locked", failed=True)
    await bench.outbox.settle([delay], [], [], list({row.lane for row in rows}))
    left = {(row.kind, row.key): row for row in await bench.outbox.claim(10, 1000, timedelta(seconds=30), None)}
    assert set(left) == {(changed.kind, changed.key), (refused.kind, refused.key)}, "it had changed since it was read"
    assert left[refused.kind, refused.key].attempts == 1
    assert left[changed.kind, changed.key].attempts == 0


async def test_events_of_one_order_are_applied_in_the_order_of_their_arrival(bench: Bench) -> None:
    await bench.submit(mobile())
    first = await bench.turn()
    plan = await bench.plan(order_id(1))
    events = [Addressed(order=order_id(1), event=answers([work])[order_id(1)][0]) for work in first.work]
    await bench.put(*events)
    await bench.turn()
    plan = await bench.plan(order_id(1))
    states = {plan.items[work.item].state for work in first.work}
    assert states == {ItemState.COMPLETED}


def of(number: int, priority: Priority) -> Order:
    return replace(mobile(number), priority=priority)


async def test_what_goes_on_goes_first_then_the_urgent_and_the_oldest_are_not_forgotten(bench: Bench) -> None:
    bulk = [of(number, Priority.BULK) for number in range(1, 11)]
    await bench.submit(*bulk)
    await bench.submit(of(20, Priority.DEFAULT), of(21, Priority.HIGH))

    assert set(await bench.turns.waiting(NOW, 6, 4)) == {order_id(21), order_id(20), order_id(1)}
    assert await bench.turns.waiting(NOW, 6, 0) == []

    await bench.turner.turn({}, [order_id(10)])
    event = ExternalEventArrived(name="warehouse.delivered", delivery="D1")
    await bench.put(Addressed(order=order_id(10), event=event))

    assert await bench.turns.waiting(NOW, 6, 0) == [order_id(10)]
    assert set(await bench.turns.waiting(NOW, 6, 1)) == {order_id(10), order_id(21)}
    assert len(await bench.turns.waiting(NOW, 100, 100)) == 12


async def test_a_parked_order_is_in_nobodys_way(bench: Bench) -> None:
    await bench.submit(*(mobile(number) for number in range(1, 4)))
    await bench.turns.park(order_id(1), "a bug of ours")

    assert await bench.turns.waiting(NOW, 1, 1) == [order_id(2)]
    assert set(await bench.turns.waiting(NOW, 100, 100)) == {order_id(2), order_id(3)}


async def test_as_many_records_are_claimed_as_a_call_takes_however_often_each_was_marked(bench: Bench) -> None:
    await bench.submit(*(mobile(number) for number in range(1, 4)))
    await finish(bench, await bench.turn())

    claimed = await bench.outbox.claim(10, 20, timedelta(seconds=30), None)

    by_lane: dict[str, set[tuple[str, str]]] = {}
    for row in claimed:
        by_lane.setdefault(row.lane, set()).add((row.kind, row.key))
    assert len(claimed) >= 20
    assert len(claimed) == sum(map(len, by_lane.values())), "each record once"
    assert len(by_lane) < 3, "what no call has room for is left to others"


async def test_concurrent_workers_share_the_orders_and_lose_none(bench: Bench) -> None:
    await bench.submit(*(mobile(number) for number in range(1, 41)))
    workers = [Bench(bench.database, bench.sets, f"worker-{n}") for n in range(3)]

    async def work(one: Bench) -> None:
        pending: dict[OrderId, list[Event]] = {}
        while True:
            result = await one.turner.turn(pending, await one.turns.waiting(NOW, 7, 7))
            missed = {order: events for order, events in pending.items() if order in result.missed}
            pending = {**answers(result.work), **missed}
            if not pending and not await one.turns.waiting(NOW, 1, 1):
                return

    await asyncio.gather(*(work(one) for one in workers))
    for number in range(1, 41):
        assert (await bench.plan(order_id(number))).state is PlanState.COMPLETED
