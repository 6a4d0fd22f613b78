"""Dates on a real PostgreSQL: the one timer of a plan, items that start later, and what outlives a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connector.mappings.compile import compile_set
from connector.mappings.load import check
from connector.model.forecast import Jeopardy
from connector.model.order import Priority
from connector.model.states import ItemState, PlanState
from connector.orchestrator.sets import MappingSets
from connector.store.database import Database
from connector.store.retention import Retention
from connector.store.sets import SetTable
from tests.orchestrator.turning import NOW, SETS, Bench, answers, finish, mobile, order_id

HOUR = timedelta(hours=1)
JEOPARDY = """
jeopardy:
  margin: PT1H
  at_risk: {priority: High}
  late: {case: Order_Fallout}
"""


@pytest.fixture
async def bench(migrated_url: str) -> AsyncIterator[Bench]:
    files = dict(check(SETS / "infiwave").files)
    files["set.yaml"] = files["set.yaml"].partition("jeopardy:")[0] + JEOPARDY
    activate = "    not_before: order.?requested_at.orValue(null)\n"
    assert files["plans/mobile.yaml"].count(activate) == 1
    later = "    not_before: order.attributes.?start.orValue(null)\n"
    files["plans/mobile.yaml"] = files["plans/mobile.yaml"].replace(activate, later)
    before, reserve, after = files["plans/mobile.yaml"].partition("    interface: network.reserveNumber\n")
    files["plans/mobile.yaml"] = before + reserve + after.replace("{likely: PT1S}", "{likely: PT1H}", 1)
    mappings = compile_set(files).require()
    async with await Database.connect(migrated_url) as database:
        yield Bench(database, await MappingSets.publish([mappings], SetTable(database)))


async def timers(bench: Bench) -> list[tuple[int, str, datetime]]:
    async with bench.database.connection() as connection:
        rows = await connection.fetch("select item_no, kind, due from timers order by due")
    return [(row["item_no"], row["kind"], row["due"]) for row in rows]


async def told(bench: Bench) -> list[str]:
    async with bench.database.connection() as connection:
        rows = await connection.fetch(
            "select what, detail from history where what like any (array['jeopardy', 'priority%'])"
        )
    return [f"{row['what']}: {row['detail']}" for row in rows]


async def test_a_forecast_outlives_the_worker(bench: Bench) -> None:
    await bench.submit(mobile(1))
    await bench.turn()
    plan = await bench.plan(order_id(1))
    assert plan.forecast is not None
    assert plan.forecast.completion == NOW + HOUR
    assert await timers(bench) == [(0, "forecast", plan.forecast.check)]


async def test_the_timer_of_a_plan_finds_that_it_gets_late(bench: Bench) -> None:
    await bench.submit(replace(mobile(1), requested_at=NOW + 3 * HOUR))
    result = await bench.turn()
    assert result.earliest_timer is not None
    levels = []
    while (plan := await bench.plan(order_id(1))).forecast and plan.forecast.jeopardy is not Jeopardy.LATE:
        levels.append(plan.forecast.jeopardy)
        ((no, kind, due),) = await timers(bench)
        assert (no, kind) == (0, "forecast")
        bench.now = due
        await bench.turn()
    assert levels[-1] is Jeopardy.AT_RISK
    assert len(levels) < 10
    assert plan.priority is Priority.HIGH
    async with bench.database.connection() as connection:
        assert await connection.fetchval("select priority from orders") == Priority.HIGH
        assert await connection.fetchval("select failure ->> 'code' from fallouts where item_no = 0") == "JEOPARDY"
    assert [line.partition(" expected")[0] for line in await told(bench)] == [
        "jeopardy: At Risk:",
        "priority raised: to High",
        "jeopardy: Late:",
    ]


async def test_an_item_starts_when_its_time_has_come(bench: Bench) -> None:
    wanted = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)  # nine in the time zone of the set
    await bench.submit(replace(mobile(1), attributes={"start": "2026-03-03T09:00"}))
    result = await bench.turn()
    await finish(bench, result)
    plan = await bench.plan(order_id(1))
    (item,) = [item for item in plan.items.values() if item.state is ItemState.SCHEDULED]
    assert (item.key, item.due_at, item.started_at) == ("activate", wanted, None)
    assert (item.no, "start", wanted) in await timers(bench)
    assert plan.forecast is not None
    assert plan.forecast.completion is not None
    assert plan.forecast.completion >= wanted
    bench.now = wanted - timedelta(seconds=1)
    assert (await bench.turn()).work == ()
    bench.now = wanted
    result = await bench.turn()
    assert [work.interface for work in result.work] == ["network.activate"]
    await finish(bench, result)
    assert (await bench.plan(order_id(1))).state is PlanState.COMPLETED


async def test_nothing_is_left_of_a_plan_that_is_done(bench: Bench) -> None:
    await bench.submit(replace(mobile(1), requested_at=NOW - HOUR))
    result = await bench.turn()
    assert await bench.count("fallouts") == 1
    while result.work:
        result = await bench.turn(answers(result.work))
    plan = await bench.plan(order_id(1))
    assert plan.state is PlanState.COMPLETED
    assert plan.forecast is not None
    assert (plan.forecast.jeopardy, plan.forecast.completion) == (Jeopardy.LATE, plan.finished_at)
    assert await timers(bench) == []
    async with bench.database.connection() as connection:
        assert await connection.fetchval("select count(*) from fallouts where resolved_at is null") == 0
        await connection.execute("delete from outbox")
        await connection.execute("update intake set done_at = now()")
    bench.now += timedelta(days=40)
    kept = await Retention(bench.database, lambda: bench.now, hot=timedelta(days=30), keep=None, pause=0).once()
    assert kept.archived == 1
