"""Supplemental orders on a real PostgreSQL: which plan they reach, what is kept of them, what survives."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connector.model.events import Addressed, Operation, OperatorCommanded, OrderRead, OrderUnreadable
from connector.model.failure import Problem
from connector.model.ids import CommandId, LineId, OrderId
from connector.model.order import Order
from connector.model.plan import Plan
from connector.model.revision import VersionState
from connector.model.states import ItemState, PlanState
from connector.orchestrator.turn import Turner, TurnResult
from connector.store.intake import Heard
from connector.store.retention import Retention
from tests.orchestrator.turning import NOW, Bench, answers, finish, mobile, order_id


def second(number: int = 2, *, of: int = 1, action: str = "Amend", **attributes: object) -> Order:
    """The next version of an order, with other attributes."""
    first = mobile(of)
    (line,) = first.lines
    changed = replace(
        line,
        id=LineId(f"802{number:012d}AAA"),
        supersedes=line.id,
        attributes={**line.attributes, **attributes},  # type: ignore[dict-item]
    )
    return replace(
        first,
        id=order_id(number),
        number=f"{number:08d}",
        lines=(changed,),
        supersedes=order_id(of),
        supplemental_action=action,
    )


def states(plan: Plan) -> dict[OrderId, VersionState]:
    return {each.order: each.state for each in plan.versions}


async def forget(bench: Bench) -> None:
    """Nothing is left in memory: another worker goes on."""
    bench.turner = Turner(bench.turns, bench.sets, lambda: bench.now)


async def to_the_end(bench: Bench, *results: TurnResult) -> None:
    """Answer everything, each time by a worker that has to load the plan."""
    work = [work for result in results for work in result.work]
    while work:
        await forget(bench)
        work = list((await bench.turn(answers(work))).work)


async def test_a_revision_reaches_the_plan_of_its_original_and_what_was_changed_survives(bench: Bench) -> None:
    await bench.submit(mobile())
    begun = await bench.turn()
    await bench.submit(second(tier="L"))
    waiting = await bench.turn()
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.FREEZING
    assert [each.order.id for each in plan.revisions] == [order_id(2)]
    assert states(plan) == {order_id(2): VersionState.WAITING}
    await to_the_end(bench, begun, waiting)
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.COMPLETED
    assert plan.order.id == order_id(2)
    assert states(plan) == {order_id(1): VersionState.ACCEPTED, order_id(2): VersionState.ACCEPTED}
    profiles = [line.attributes["profile"] for line in plan.lines.values() if line.product == "MOBILE-ACCESS"]
    assert len(profiles) == 1
    assert plan.lines[next(no for no, line in plan.lines.items() if line.product == "MOBILE-CFS")].attributes[
        "tier"
    ] == ("L")
    assert await bench.count("orders") == 1
    assert await bench.count("revisions") == 1


async def test_a_revision_that_comes_before_its_original_waits_for_it(bench: Bench) -> None:
    await bench.submit(second(tier="L"))
    assert (await bench.turn()).orders == ()
    async with bench.database.connection() as connection:
        asked = await connection.fetch("select record_id, reason, done_at from intake order by record_id")
    assert [(row["record_id"], row["done_at"] is None) for row in asked] == [
        (order_id(1), True),
        (order_id(2), False),
    ]
    await bench.put(Addressed(order=order_id(1), event=OrderRead(order=mobile())))
    await to_the_end(bench, await bench.turn())
    plan = await bench.plan(order_id(1))
    assert (plan.state, plan.order.id) == (PlanState.COMPLETED, order_id(2))


async def test_revisions_of_a_revision_that_came_in_the_wrong_order_find_the_same_plan(bench: Bench) -> None:
    third = replace(second(3, of=1, tier="S"), supersedes=order_id(2))
    await bench.submit(third)
    await bench.submit(second(tier="L"))
    await bench.submit(mobile())
    await to_the_end(bench, await bench.turn())
    plan = await bench.plan(order_id(1))
    assert (plan.state, plan.order.id) == (PlanState.COMPLETED, order_id(3))
    assert states(plan) == dict.fromkeys((order_id(1), order_id(2), order_id(3)), VersionState.ACCEPTED)


async def test_an_unknown_original_is_never_made_of_its_revision(bench: Bench) -> None:
    await bench.submit(second(tier="L"))
    problem = Problem(code="ORDER_NOT_FOUND", message="Salesforce has no such order.")
    empty = replace(mobile(), lines=())
    await bench.put(Addressed(order=order_id(1), event=OrderUnreadable(order=empty, problems=(problem,))))
    await bench.turn()
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.REJECTED
    assert states(plan) == {order_id(2): VersionState.REJECTED}
    assert plan.items == {}


async def test_the_amendment_of_a_rejected_order_takes_its_place(bench: Bench) -> None:
    await bench.submit(mobile(tier="Z"))
    await bench.turn()
    assert (await bench.plan(order_id(1))).state is PlanState.REJECTED
    await bench.submit(second(tier="L"))
    await to_the_end(bench, await bench.turn())
    plan = await bench.plan(order_id(1))
    assert (plan.state, plan.order.id) == (PlanState.COMPLETED, order_id(2))
    assert states(plan) == {order_id(1): VersionState.REJECTED, order_id(2): VersionState.ACCEPTED}
    async with bench.database.connection() as connection:
        assert await connection.fetchval("select count(*) from fallouts where resolved_at is null") == 0


async def test_a_rejected_order_can_be_cancelled(bench: Bench) -> None:
    await bench.submit(mobile(tier="Z"))
    await bench.turn()
    await bench.submit(second(action="Cancel"))
    await bench.turn()
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.CANCELED
    async with bench.database.connection() as connection:
        assert await connection.fetchval("select count(*) from fallouts where resolved_at is null") == 0


async def test_a_revision_of_an_archived_order_is_told_so(bench: Bench) -> None:
    await bench.submit(mobile())
    await finish(bench, await bench.turn())
    async with bench.database.connection() as connection:
        await connection.execute("delete from outbox")
    bench.now = NOW + timedelta(days=40)
    await Retention(bench.database, lambda: bench.now, hot=timedelta(days=30), keep=None).once()
    assert await bench.count("archived_orders") == 1
    await bench.submit(second(tier="L"))
    await bench.turn()
    plan = await bench.plan(order_id(2))
    assert plan.state is PlanState.REJECTED
    assert "finished and archived" in plan.message


async def test_what_names_a_version_reaches_its_plan(bench: Bench) -> None:
    await bench.submit(mobile())
    begun = await bench.turn()
    await bench.submit(second(tier="L"))
    later = await bench.turn()
    held = OperatorCommanded(command=CommandId("a0X1"), operation=Operation.HOLD, by="Bo", item=None)
    await bench.put(Addressed(order=order_id(2), event=held))
    await bench.turn()
    async with bench.database.connection() as connection:
        answered = await connection.fetchrow("select order_id, answer from command_answers")
    assert (answered["order_id"], answered["answer"]) == (order_id(1), "Refused")
    await bench.intake.heard([Heard(kind="order", id=order_id(2), received_at=NOW)])
    assert await bench.count("orders") == 1, "a version is no order of its own, however often it is heard of"
    await to_the_end(bench, begun, later)


async def test_an_order_that_supersedes_itself_is_rejected(bench: Bench) -> None:
    await bench.submit(replace(mobile(), supersedes=order_id(1), supplemental_action="Amend"))
    await bench.turn()
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.REJECTED
    assert "supersedes itself" in plan.message


async def test_a_cancelled_plan_ends_and_its_records_are_all_marked(bench: Bench) -> None:
    await bench.submit(mobile())
    begun = await bench.turn()
    under_way = await bench.turn(answers(begun.work))
    await bench.submit(second(action="Cancel"))
    await to_the_end(bench, under_way, await bench.turn())
    plan = await bench.plan(order_id(1))
    assert plan.is_canceling
    assert plan.state is PlanState.CANCELED
    assert not any(item.state is ItemState.COMPLETED and item.undoes is None for item in plan.items.values())
    async with bench.database.connection() as connection:
        keys = {key for row in await connection.fetch("select keys from outbox") for key in row["keys"]}
    assert {order_id(1), order_id(2)} <= keys
