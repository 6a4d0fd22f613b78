"""The archive on a real PostgreSQL: what goes there and when, beside orders that run, twice at once, and killed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from connector.api.tracking import tracked
from connector.bridges.api import TrackingBridge
from connector.model.events import Addressed, Operation, OperatorCommanded
from connector.model.ids import CommandId
from connector.model.states import PlanState
from connector.store import codec
from connector.store.database import may_pass
from connector.store.intake import Heard
from connector.store.retention import Kept, Retention
from tests.orchestrator.turning import NOW, Bench, finish, mobile, order_id

HOT = timedelta(days=30)
KEEP = timedelta(days=365)
RETRY = OperatorCommanded(command=CommandId("a0C000000000001AAA"), operation=Operation.RETRY, by="ann")
TABLES = ("orders", "technical_lines", "items", "explanations", "history", "calls", "work", "inbox", "inventory")


def retention(bench: Bench, *, batch: int = 2, keep: timedelta | None = KEEP) -> Retention:
    return Retention(bench.database, lambda: bench.now, hot=HOT, keep=keep, batch=batch, pause=0)


async def finished(bench: Bench, *numbers: int, written: bool = True) -> None:
    """Orders that have come to their end, of which Salesforce knows all."""
    await bench.submit(*(mobile(number) for number in numbers))
    await finish(bench, await bench.turn())
    if written:
        await run_sql(bench, "delete from outbox")
    await run_sql(bench, "update intake set done_at = now()")


async def run_sql(bench: Bench, statement: str) -> None:
    async with bench.database.connection() as connection:
        await connection.execute(statement)


async def archived(bench: Bench) -> int:
    return await bench.count("archived_orders")


async def test_a_finished_order_is_archived_when_its_time_has_come_and_is_still_found(bench: Bench) -> None:
    await finished(bench, 1)
    before = tracked(await bench.plan(order_id(1)))
    assert before.state == PlanState.COMPLETED.value
    bench.now = NOW + HOT - timedelta(seconds=1)
    assert await retention(bench).once() == Kept(archived=0, deleted=0)
    bench.now = NOW + HOT + timedelta(seconds=1)
    assert await retention(bench).once() == Kept(archived=1, deleted=0)
    assert {table: await bench.count(table) for table in TABLES} == dict.fromkeys(TABLES, 0)
    assert await TrackingBridge(bench.database, bench.sets, lambda: bench.now).track(order_id(1)) == before
    async with bench.database.connection() as connection:
        kept = "select jsonb_array_length(body -> 'history') > 5 and body ? 'explanation' from archived_orders"
        assert await connection.fetchval(kept), "what happened, and why the plan is as it is, is kept"


async def test_what_somebody_still_waits_for_is_not_archived(bench: Bench) -> None:
    await finished(bench, 1, written=False)
    await bench.submit(mobile(2))
    await bench.turn()
    bench.now = NOW + 2 * HOT
    assert await retention(bench).once() == Kept(archived=0, deleted=0), "Salesforce is behind; the other one runs"
    await run_sql(bench, "delete from outbox")
    assert (await retention(bench).once()).archived == 1
    assert (await bench.plan(order_id(2))).state is PlanState.IN_PROGRESS


async def test_an_order_that_is_submitted_again_is_known(bench: Bench) -> None:
    await finished(bench, 1)
    bench.now = NOW + 2 * HOT
    await retention(bench).once()
    await bench.intake.heard([Heard(kind="order", id=order_id(1), received_at=bench.now)])
    assert await bench.intake.unknown_orders([order_id(1)]) == []
    assert await bench.intake.claim("order", 10, timedelta(minutes=1)) == []
    assert await bench.count("orders") == 0


async def test_a_command_for_an_archived_order_is_refused_and_a_late_message_is_taken(bench: Bench) -> None:
    await finished(bench, 1)
    bench.now = NOW + 2 * HOT
    await retention(bench).once()
    await bench.intake.deliver([Addressed(order=order_id(1), event=RETRY)])
    assert await bench.intake.exists(order_id(1), None)
    assert await bench.count("inbox") == 0
    (answer,) = (await bench.outbox.snapshot([order_id(1)])).answers.values()
    assert (answer.answer, answer.message) == ("Refused", "The order is finished and archived.")
    assert await bench.count("outbox") == 1


async def test_what_has_been_kept_for_long_enough_is_forgotten(bench: Bench) -> None:
    await finished(bench, 1, 2, 3)
    bench.now = NOW + 2 * HOT
    assert (await retention(bench).once()).archived == 3
    bench.now = NOW + KEEP + timedelta(days=1)
    assert await retention(bench, keep=None).once() == Kept(archived=0, deleted=0)
    assert await retention(bench).once() == Kept(archived=0, deleted=3)
    assert [await archived(bench), await bench.count("intake")] == [0, 0]


async def test_two_at_once_archive_everything_once(bench: Bench) -> None:
    await finished(bench, *range(1, 12))
    bench.now = NOW + 2 * HOT
    done = await asyncio.gather(*(retention(bench).once() for _ in range(4)))
    rest = await retention(bench).once()
    assert sum(one.archived for one in done) + rest.archived == 11
    assert [await archived(bench), await bench.count("orders")] == [11, 0]


async def test_it_runs_beside_orders_in_flight(bench: Bench) -> None:
    await finished(bench, *range(1, 12))
    bench.now = NOW + 2 * HOT
    archiving = asyncio.create_task(retention(bench, batch=1).once())
    await bench.submit(*(mobile(number) for number in range(20, 32)))
    await finish(bench, await bench.turn())
    assert (await archiving).archived == 11
    for number in range(20, 32):
        assert (await bench.plan(order_id(number))).state is PlanState.COMPLETED


async def test_killed_in_the_middle_it_has_done_whole_batches(bench: Bench) -> None:
    await finished(bench, *range(1, 10))
    bench.now = NOW + 2 * HOT
    statements = """
        create function fall_over() returns trigger language plpgsql as $$
        begin
            if (select count(*) from archived_orders) >= 4 then
                perform pg_terminate_backend(pg_backend_pid());
            end if;
            return old;
        end $$;
        create trigger fall_over before delete on orders for each row execute function fall_over();
    """
    await run_sql(bench, statements)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as died:
        await retention(bench).once()
    assert may_pass(died.value)
    assert [await archived(bench), await bench.count("orders")] == [2, 7]
    await run_sql(bench, "drop trigger fall_over on orders")
    assert (await retention(bench).once()).archived == 7
    assert [await archived(bench), await bench.count("orders"), await bench.count("items")] == [9, 0, 0]


async def test_a_command_that_came_in_the_very_moment_is_answered(bench: Bench) -> None:
    await finished(bench, 1)
    bench.now = NOW + 2 * HOT
    await retention(bench).once()
    async with bench.database.connection() as connection:
        row = (order_id(1), codec.event_kind(RETRY), codec.to_json(RETRY))
        await connection.execute("insert into inbox (order_id, kind, body) values ($1, $2, $3)", *row)
    await retention(bench).once()
    assert await bench.count("inbox") == 0
    assert RETRY.command in (await bench.outbox.snapshot([order_id(1)])).answers
