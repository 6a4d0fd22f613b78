"""Questions and subplans in turns on a real PostgreSQL: what is stored, and what survives a worker's death."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.model.attempt import AttemptRecord
from connector.model.events import (
    Addressed,
    CalloutAccepted,
    CalloutCompleted,
    CalloutPolled,
    Event,
    ExternalEventArrived,
    PollVerdict,
)
from connector.model.failure import Failure, FailureClass
from connector.model.ids import LineId, OrderId
from connector.model.order import Action, Order, OrderLine
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, PlanState
from connector.model.work import Work
from connector.orchestrator.sets import MappingSets
from connector.orchestrator.turn import TurnResult
from connector.store.database import Database
from connector.store.sets import SetTable
from tests.orchestrator.turning import Bench, mobile, order_id
from tests.simulation.mapping import mapping_sets

BUSY = Failure(failure_class=FailureClass.TRANSIENT, code="HTTP_503", message="Busy.", system="field")


@pytest.fixture
async def bench(database: Database) -> Bench:
    """With the set of the simulation: its visits are asked about, and have a subplan."""
    return Bench(database, await MappingSets.publish(mapping_sets(), SetTable(database)))


def home(number: int = 1) -> Order:
    line = OrderLine(
        id=LineId(f"802{number:012d}AAA"), number="1", product="HOME", action=Action.ADD, attributes={"tier": "S"}
    )
    return replace(mobile(number), lines=(line,))


def of(result: TurnResult, interface: str) -> list[Work]:
    return [work for work in result.work if work.interface == interface]


def only(*events: Event) -> dict[OrderId, list[Event]]:
    return {order_id(1): list(events)}


def item(plan: Plan, key: str) -> Item:
    (found,) = [each for each in plan.items.values() if each.key == key]
    return found


async def accepted(bench: Bench) -> Work:
    """An order whose visit is booked, and not yet confirmed; gives the request."""
    await bench.submit(home())
    (book,) = of(await bench.turn(), "field.book")
    assert book.awaits_event
    result = await bench.turn(only(CalloutAccepted(item=book.item, epoch=1, attempt=1)))
    assert not of(result, "field.status")
    assert result.earliest_timer is not None
    bench.now = result.earliest_timer
    return book


def told(question: Work, verdict: PollVerdict, failure: Failure | None = None) -> CalloutPolled:
    return CalloutPolled(
        item=question.item, epoch=question.epoch, poll=question.attempt, verdict=verdict, failure=failure
    )


async def test_a_question_is_no_work_to_be_kept_and_the_next_one_is_a_timer(bench: Bench) -> None:
    book = await accepted(bench)
    (question,) = of(await bench.turn(), "field.status")
    assert (question.poll, question.attempt, question.request.path) == (
        ("visit", "book"),
        1,
        f"/visits/{book.idempotency_key}",
    )
    async with bench.database.connection() as connection:
        stored = await connection.fetch("select item_no, interface, owner from work where interface like 'field.%'")
        timers = await connection.fetch("select kind from timers where item_no = $1 order by kind", book.item)
    assert [tuple(row) for row in stored] == [(book.item, "field.book", None)], "the request itself is kept, at rest"
    assert [row["kind"] for row in timers] == ["poll", "timeout"]


async def test_a_question_that_dies_with_its_worker_is_asked_again_by_another(bench: Bench) -> None:
    await accepted(bench)
    (first,) = of(await bench.turn(), "field.status")
    other = Bench(bench.database, bench.sets, "worker-2")
    due = await other.turns.next_due()
    assert due is not None
    other.now = due
    (second,) = of(await other.turn(), "field.status")
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.request == first.request
    await other.turn(only(told(second, PollVerdict.DONE)))
    plan = await other.plan(order_id(1))
    assert item(plan, "book").state is ItemState.COMPLETED
    async with bench.database.connection() as connection:
        assert await connection.fetchval("select count(*) from timers where item_no = $1", second.item) == 0
    late = await bench.turn(only(told(first, PollVerdict.PENDING)))
    assert late.work == ()


async def test_not_yet_writes_nothing_to_salesforce(bench: Bench) -> None:
    await accepted(bench)
    (question,) = of(await bench.turn(), "field.status")
    marks = await bench.count("outbox")
    record = AttemptRecord(
        order=question.order,
        item=question.item,
        epoch=1,
        attempt=1,
        interface=question.interface,
        started_at=bench.now,
        seconds=0.1,
        method="GET",
        path="/visits/x",
        status=200,
        outcome="pending",
        code=None,
        idempotency_key=question.idempotency_key,
        bytes=2,
        sendings=1,
    )
    await bench.turner.turn(only(told(question, PollVerdict.PENDING)), [], [record])
    assert await bench.count("outbox") == marks
    assert await bench.count("calls") == 1, "for people who look into it, the question is there"


async def test_failed_questions_are_counted_in_the_database(bench: Bench) -> None:
    await accepted(bench)
    (question,) = of(await bench.turn(), "field.status")
    await bench.turn(only(told(question, PollVerdict.UNKNOWN, BUSY)))
    assert item(await bench.plan(order_id(1)), "book").failed_polls == 1


async def test_the_items_of_a_subplan_are_rows_of_their_own_and_end_it(bench: Bench) -> None:
    await accepted(bench)
    (question,) = of(await bench.turn(), "field.status")
    result = await bench.turn(only(told(question, PollVerdict.DONE)))
    mounts = of(result, "field.mount")
    assert [work.request.body["room"] for work in mounts] == ["hall", "attic"]  # type: ignore[index, call-overload]
    cached = bench.turner._plans._plans[order_id(1)]
    loaded = await bench.plan(order_id(1))
    assert loaded.items == cached.items
    assert loaded.phases == cached.phases
    equip = item(loaded, "equip")
    assert [each.parent for each in loaded.items.values() if each.definition == "equip"] == [equip.no] * 4
    async with bench.database.connection() as connection:
        assert await connection.fetchval("select items_total from orders") == len(loaded.items)

    other = Bench(bench.database, bench.sets, "worker-2")
    for number, work in enumerate(mounts):
        outputs = {"mounted": f"M{number}"}
        await other.turn(only(CalloutCompleted(item=work.item, epoch=1, attempt=1, outputs=dict(outputs))))
    plan = await other.plan(order_id(1))
    assert item(plan, "equip").state is ItemState.COMPLETED
    (visit,) = [line for line in plan.lines.values() if line.product == "VISIT"]
    assert visit.attributes["equipped"] == [{"mounted": "M0", "tested": "M0"}, {"mounted": "M1", "tested": "M1"}]
    assert "mounted" not in visit.attributes
    assert plan.state is PlanState.IN_PROGRESS


async def test_what_waits_for_a_start_is_loaded_as_it_was(bench: Bench) -> None:
    await bench.submit(home())
    await bench.turn()
    plan = await bench.plan(order_id(1))
    assert item(plan, "charge").after_start == (item(plan, "pause").no,)
    assert item(plan, "fit").branch_skipped
    await bench.put(
        Addressed(order=order_id(1), event=ExternalEventArrived(name="field.visited", payload={"visit": 1}))
    )
    await bench.turn()
    assert (await bench.plan(order_id(1))).items == bench.turner._plans._plans[order_id(1)].items
