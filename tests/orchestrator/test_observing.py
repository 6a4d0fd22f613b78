"""How long items took, on a real PostgreSQL: each order counted once, quantiles, working time, and what estimates make of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from connector.mappings.set import MappingSet
from connector.orchestrator.dates import ENOUGH
from connector.orchestrator.estimate import estimate
from connector.orchestrator.observing import Observing
from connector.store.durations import NEWEST, DurationTable
from tests.mappings.test_calendar import OFFICE
from tests.orchestrator.turning import NOW, Bench, answers, mobile, order_id

HOUR = timedelta(hours=1)
RESERVE = ("reserve-number", "reserve-number")


def observing(bench: Bench, *, batch: int = 2) -> Observing:
    return Observing(DurationTable(bench.database, batch=batch), bench.sets, lambda: bench.now, pause=0)


async def done(bench: Bench, number: int, takes: timedelta) -> None:
    """An order each of whose callouts takes so long."""
    await bench.submit(mobile(number))
    result = await bench.turn()
    while result.work:
        bench.now += takes
        result = await bench.turn(answers(result.work))


async def test_every_finished_order_counts_once(bench: Bench) -> None:
    watch = observing(bench)
    assert (await watch.once(), watch.observed()) == (0, {})
    for number in range(1, 6):
        await done(bench, number, number * HOUR)
    assert await watch.once() == 4, "the last one may not be alone at its moment yet"
    bench.now += HOUR
    assert await watch.once() == 1
    assert await watch.once() == 0
    seen = watch.observed()[RESERVE]
    assert (seen.observations, seen.p50) == (5, 3 * 3600)
    assert seen.p90 == pytest.approx(4.6 * 3600)
    assert ("complete-order", "order-fulfilled") not in watch.observed(), "what takes no time is not observed"


async def test_another_worker_counts_beside_it(bench: Bench) -> None:
    for number in range(1, 6):
        await done(bench, number, HOUR)
    bench.now += HOUR
    one, other = observing(bench, batch=1), observing(bench, batch=1)
    counted = await asyncio.gather(one.once(), other.once())
    await other.once()
    await one.once()
    assert sum(counted) <= 5
    assert one.observed() == other.observed()
    assert one.observed()[RESERVE].observations == 5


async def test_only_the_newest_are_kept(bench: Bench) -> None:
    await done(bench, 1, HOUR)
    bench.now += HOUR
    watch = observing(bench)
    await watch.once()
    async with bench.database.connection() as connection:
        await connection.execute(
            "update observed_durations set recent = array_fill(7200.0::float8, array[$1::int])", NEWEST
        )
    await done(bench, 2, HOUR)
    bench.now += HOUR
    await watch.once()
    async with bench.database.connection() as connection:
        assert await connection.fetchval("select max(cardinality(recent)) from observed_durations") == NEWEST
        assert await connection.fetchval("select min(recent[1]) from observed_durations") == 3600


async def test_estimates_go_by_what_was_observed(bench: Bench) -> None:
    for number in range(1, ENOUGH + 1):
        await done(bench, number, HOUR)
    bench.now += HOUR
    watch = observing(bench, batch=100)
    assert await watch.once() == ENOUGH
    await bench.submit(mobile(100))
    await bench.turn()
    plan = await bench.plan(order_id(100))
    mappings = bench.sets.current()[0]
    said, seen = estimate(plan, bench.now, mappings), estimate(plan, bench.now, mappings, watch.observed())
    assert said.completion is not None
    assert seen.completion is not None
    assert said.completion < bench.now + HOUR < seen.completion


class _Sets:
    def __init__(self, mappings: MappingSet) -> None:
        self._mappings = mappings

    def loaded(self, set_hash: str) -> MappingSet | None:
        return self._mappings if set_hash == self._mappings.hash else None


async def test_working_time_is_observed_of_items_with_a_calendar(bench: Bench) -> None:

    mappings = bench.sets.current()[0]
    item = mappings.definition(*RESERVE)
    plan = replace(mappings.plans[RESERVE[0]], items={RESERVE[1]: replace(item, calendar=OFFICE)})
    sets = _Sets(replace(mappings, plans={**mappings.plans, RESERVE[0]: plan}))
    await done(bench, 1, timedelta(days=1))  # from Sunday noon to Monday noon in UTC: from 9 to 13 in Berlin
    bench.now += HOUR
    watch = Observing(DurationTable(bench.database), sets, lambda: bench.now, pause=0)
    assert await watch.once() == 1
    assert watch.observed()[RESERVE].p50 == 4 * 3600
    assert NOW.weekday() == 6
