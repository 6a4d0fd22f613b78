"""Orders that follow others, on a real PostgreSQL: who waits for whom, and what sets whom going."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.model.events import Addressed, ExternalEventArrived, Operation, OperatorCommanded, OrderRead
from connector.model.ids import CommandId, OrderId
from connector.model.order import Order
from connector.model.states import PlanState
from connector.orchestrator.turn import TurnResult
from connector.store.retention import Retention
from connector.store.signals import INTAKE, listen
from tests.orchestrator.turning import Bench, finish, mobile, order_id

PATIENCE = timedelta(days=1)
ACCOUNT = "001000000000001AAA"


def following(number: int, other: int | None) -> Order:
    return replace(mobile(number), follows=order_id(other) if other else None)


async def settled(bench: Bench) -> TurnResult:
    """Turn until the orders have nothing more to tell each other; gives the last turn that sent something."""
    sent = TurnResult()
    while (result := await bench.turn()).orders:
        sent = result if result.work else sent
    return sent


async def read(bench: Bench, *orders: Order) -> list[OrderId]:
    """Read what is to be read; gives what that was."""
    org: Mapping[OrderId, Order] = {order.id: order for order in orders}
    claimed = [OrderId(record) for record, _ in await bench.intake.claim("order", 100, timedelta(minutes=1))]
    await bench.put(*(Addressed(order=each, event=OrderRead(order=org[each])) for each in claimed))
    return claimed


async def write(bench: Bench) -> None:
    """Salesforce is told of everything."""
    marks = await bench.outbox.claim(100, 10_000, timedelta(minutes=1), None)
    await bench.outbox.settle([], [], [], list({mark.lane for mark in marks}))


async def complete(bench: Bench, *numbers: int) -> None:
    """Do all that these orders want, as their systems would."""
    for number in numbers:
        works = [work for work in await bench.work.mine() if work.order == order_id(number)]
        await finish(bench, TurnResult(work=tuple(works)))
        assert (await bench.plan(order_id(number))).state is PlanState.COMPLETED
    await settled(bench)


async def states(bench: Bench, *numbers: int) -> list[PlanState]:
    return [(await bench.plan(order_id(number))).state for number in numbers]


async def row(bench: Bench, sql: str) -> tuple[object, ...]:
    async with bench.database.connection() as connection:
        return tuple(await connection.fetchrow(sql))


async def test_an_order_waits_for_the_one_it_follows_and_is_then_read_anew(bench: Bench) -> None:
    first, second = mobile(1), following(2, 1)
    await bench.submit(first, second)
    await settled(bench)
    plan = await bench.plan(order_id(2))
    assert (plan.state, plan.items, plan.message) == (PlanState.NOT_STARTED, {}, "Waits for order 00000001.")
    assert await row(bench, f"select status from orders where order_id = '{order_id(2)}'") == ("Waiting",)
    assert {work.order for work in await bench.work.mine()} == {order_id(1)}

    await complete(bench, 1)
    assert "read again" in (await bench.plan(order_id(2))).message
    assert await read(bench, second) == [], "the inventory is not written yet"
    await write(bench)
    assert await read(bench, second) == [order_id(2)]
    await settled(bench)
    assert await states(bench, 2) == [PlanState.IN_PROGRESS]
    await complete(bench, 2)


async def test_those_who_wait_for_the_inventory_are_told_when_it_is_written(bench: Bench) -> None:
    await bench.submit(mobile(1), following(2, 1))
    await settled(bench)
    await complete(bench, 1)
    rung = asyncio.Event()
    listening = asyncio.create_task(listen(bench.database, {INTAKE: rung.set}))
    await rung.wait()  # as every listener does when it begins
    rung.clear()
    await write(bench)
    async with asyncio.timeout(30):
        await rung.wait()
    listening.cancel()


async def test_chains_and_several_followers(bench: Bench) -> None:
    orders = [mobile(1), following(2, 1), following(3, 2), following(4, 1), following(5, 3)]
    await bench.submit(*reversed(orders))
    await settled(bench)
    waiting = PlanState.NOT_STARTED
    assert await states(bench, 1, 2, 3, 4, 5) == [PlanState.IN_PROGRESS, waiting, waiting, waiting, waiting]
    for ended, next_ones in ((1, [2, 4]), (2, [3]), (3, [5])):
        await complete(bench, ended)
        await write(bench)
        assert sorted(await read(bench, *orders)) == [order_id(each) for each in next_ones]
        await settled(bench)
        assert set(await states(bench, *next_ones)) == {PlanState.IN_PROGRESS}
    await complete(bench, 4, 5)


async def test_the_other_one_may_come_later(bench: Bench) -> None:
    second = following(2, 1)
    await bench.submit(second)
    await settled(bench)
    assert (await bench.plan(order_id(2))).message == f"Waits for order {order_id(1)}, which has not come yet."
    await bench.submit(mobile(1))
    await settled(bench)
    assert (await bench.plan(order_id(2))).message == "Waits for order 00000001."
    bench.now += PATIENCE
    await settled(bench)
    assert await bench.count("fallouts") == 0, "it has come in time"
    await complete(bench, 1)
    await write(bench)
    await read(bench, second)
    await settled(bench)
    assert await states(bench, 2) == [PlanState.IN_PROGRESS]


async def test_one_that_never_comes_is_told_of_and_waited_for_all_the_same(bench: Bench) -> None:
    second = following(2, 1)
    await bench.submit(second)
    await settled(bench)
    bench.now += PATIENCE
    await settled(bench)
    plan = await bench.plan(order_id(2))
    assert plan.state is PlanState.NOT_STARTED
    assert [problem.code for problem in plan.problems] == ["FOLLOWED_ORDER_MISSING"]
    assert await row(bench, f"select status from orders where order_id = '{order_id(2)}'") == ("Fallout",)
    assert await row(bench, "select item_no, resolved_at from fallouts") == (0, None)

    await bench.submit(mobile(1))
    await settled(bench)
    plan = await bench.plan(order_id(2))
    assert (plan.problems, plan.message) == ((), "Waits for order 00000001.")
    assert (await row(bench, "select resolution from fallouts")) == ("Order 00000001 has come.",)


async def test_a_person_may_let_it_follow_nothing(bench: Bench) -> None:
    await bench.submit(following(2, 1))
    await settled(bench)
    retry = OperatorCommanded(command=CommandId("a0C000000000001AAA"), operation=Operation.RETRY, by="Ann")
    await bench.put(Addressed(order=order_id(2), event=retry))
    await settled(bench)
    assert await row(bench, "select answer from command_answers") == ("Done",)
    assert await read(bench, following(2, None)) == [order_id(2)]
    await settled(bench)
    assert await states(bench, 2) == [PlanState.IN_PROGRESS]


async def test_what_happens_to_it_meanwhile_is_kept(bench: Bench) -> None:
    second = following(2, 1)
    await bench.submit(mobile(1), second)
    await settled(bench)
    event = ExternalEventArrived(name="warehouse.delivered", payload={"shipmentId": "S1"}, delivery="D1")
    await bench.put(Addressed(order=order_id(2), event=event))
    await settled(bench)
    await complete(bench, 1)
    await write(bench)
    await read(bench, second)
    await settled(bench)
    assert [one.payload for one in (await bench.plan(order_id(2))).unclaimed] == [{"shipmentId": "S1"}]


async def test_one_that_has_ended_is_not_waited_for(bench: Bench) -> None:
    await bench.submit(mobile(1))
    await settled(bench)
    await complete(bench, 1)
    second = following(2, 1)
    await bench.submit(second)
    await settled(bench)
    assert await states(bench, 2) == [PlanState.NOT_STARTED], "what it was read with may be older than that end"
    await write(bench)
    await read(bench, second)
    await settled(bench)
    assert await states(bench, 2) == [PlanState.IN_PROGRESS]


async def test_nor_is_one_that_is_archived(bench: Bench) -> None:
    await bench.submit(mobile(1))
    await settled(bench)
    await complete(bench, 1)
    await write(bench)
    async with bench.database.connection() as connection:
        await connection.execute("update intake set done_at = now()")
    bench.now += timedelta(days=40)
    kept = Retention(bench.database, lambda: bench.now, hot=timedelta(days=30), keep=None, pause=0)
    assert (await kept.once()).archived == 1
    second = following(2, 1)
    await bench.submit(second)
    await settled(bench)
    assert await read(bench, second) == [order_id(2)]
    await settled(bench)
    assert await states(bench, 2) == [PlanState.IN_PROGRESS]


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_a_ring_is_refused_and_named(bench: Bench, size: int) -> None:
    ring = [following(number, number % size + 1) for number in range(1, size + 1)]
    for order in ring:
        await bench.submit(order)
        await settled(bench)
    plans = [await bench.plan(order.id) for order in ring]
    refused = [plan for plan in plans if plan.state is PlanState.REJECTED]
    assert refused
    for plan in refused:
        (problem,) = plan.problems
        assert problem.code == "FOLLOW_RING"
        assert problem.message.count(plan.order.number) == 2, "it begins and ends with the order itself"
        assert all(order.number in problem.message for order in ring)
    assert not await bench.work.mine()

    mended = replace(refused[0].order, follows=None)
    retry = OperatorCommanded(command=CommandId("a0C000000000001AAA"), operation=Operation.RETRY, by="Ann")
    await bench.put(Addressed(order=mended.id, event=retry))
    await settled(bench)
    await read(bench, mended)
    await settled(bench)
    assert (await bench.plan(mended.id)).state is PlanState.IN_PROGRESS


async def test_one_that_was_rejected_is_waited_for_until_it_is_mended(bench: Bench) -> None:
    broken, second = mobile(1, tier="Z"), following(2, 1)
    await bench.submit(second, broken)
    await settled(bench)
    assert (await bench.plan(order_id(2))).message == "Waits for order 00000001, which was rejected."
    await bench.put(Addressed(order=order_id(1), event=OrderRead(order=mobile(1))))
    await settled(bench)
    assert (await bench.plan(order_id(2))).message == "Waits for order 00000001."
    await complete(bench, 1)


async def test_an_order_that_waits_is_canceled_at_once_and_its_own_followers_go_on(bench: Bench) -> None:
    second, third = following(2, 1), following(3, 2)
    await bench.submit(mobile(1), second, third)
    await settled(bench)
    cancel = replace(mobile(9), supersedes=order_id(2), supplemental_action="Cancel")
    await bench.submit(cancel)
    await settled(bench)
    assert await states(bench, 1, 2) == [PlanState.IN_PROGRESS, PlanState.CANCELED]
    assert order_id(3) in await read(bench, second, third, cancel, mobile(1))
    await settled(bench)
    assert await states(bench, 3) == [PlanState.IN_PROGRESS]


async def test_an_order_that_waits_is_amended_and_goes_on_waiting(bench: Bench) -> None:
    await bench.submit(mobile(1), following(2, 1))
    await settled(bench)
    amended = replace(mobile(9, tier="L"), supersedes=order_id(2), supplemental_action="Amend")
    await bench.submit(amended)
    await settled(bench)
    plan = await bench.plan(order_id(2))
    assert (plan.state, plan.message) == (PlanState.NOT_STARTED, "Waits for order 00000001.")
    assert [(version.order, version.state.value) for version in plan.versions] == [
        (order_id(2), "Accepted"),
        (order_id(9), "Accepted"),
    ]
    await complete(bench, 1)
    await write(bench)
    assert order_id(9) in await read(bench, mobile(1), following(2, 1), amended), "the newest version is read again"
    await settled(bench)
    plan = await bench.plan(order_id(2))
    assert (plan.state, plan.order.id) == (PlanState.IN_PROGRESS, order_id(9))
    assert plan.order.lines[0].attributes["tier"] == "L"


async def test_two_workers_lose_no_word(bench: Bench) -> None:
    """Whoever has the one order tells whoever has the other: in any order of their commits."""
    other = Bench(bench.database, bench.sets, "worker-2")
    second = following(2, 1)
    await bench.submit(mobile(1), second)
    await bench.turner.turn({}, [order_id(1)])
    await other.turner.turn({}, [order_id(2)])
    await complete(bench, 1)
    await settled(other)
    await write(bench)
    assert await read(other, second) == [order_id(2)]
    await settled(other)
    assert await states(bench, 2) == [PlanState.IN_PROGRESS]
