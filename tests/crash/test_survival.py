"""Workers, the database and its machine die in the middle of orders; nobody notices it by the result.

Every test ends with the same comparison: all orders, item by item as the org has them, and all effects, as the
systems have them in their books, are those of a run that nothing disturbed. `-s` shows what was killed when.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import asyncpg
import pytest

from connector.localdb import LocalDatabase, local_database
from connector.store.work import SILENT_SECONDS
from tests.crash.site import ORDERS, Outcome, Run, outcome, run

SEEDS = [int(seed) for seed in os.environ.get("CRASH_SEEDS", "1").split(",")]
"""What is killed when, by chance: others can be tried with `CRASH_SEEDS=2,3 make test`."""

KILLS = 4
ITEMS = 200
"""Fewer than the orders have; what is killed is killed before so many are done."""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalDatabase]:
    with local_database() as one:
        yield one


_undisturbed: list[Outcome] = []


@pytest.fixture
async def undisturbed(server: LocalDatabase, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What becomes of the orders when nothing happens; found out once."""
    if not _undisturbed:
        await _create_database(server, "undisturbed")
        async with run(tmp_path_factory.mktemp("undisturbed"), server.url("undisturbed")) as one:
            await one.place(ORDERS, Random(0))  # noqa: S311 - repeatable on purpose
            await one.until_finished(ORDERS)
            _undisturbed.append(await outcome(one))
            assert await one.take_overs() == []
    return _undisturbed[0]


async def _create_database(server: LocalDatabase, name: str) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(f"create database {name}")
    finally:
        await connection.close()


@asynccontextmanager
async def _placing(one: Run, seed: int) -> AsyncIterator[Random]:
    """Orders come in while the block runs; after it they all come to their end."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    one.note(f"seed {seed}: {ORDERS} orders")
    placing = asyncio.create_task(one.place(ORDERS, random))
    try:
        yield random
        await placing
    finally:
        placing.cancel()
    await one.until_finished(ORDERS)


async def _compare(one: Run, undisturbed: Outcome) -> None:
    found = await outcome(one)
    assert set(found.statuses.values()) == {"Completed"}
    for name, parts in undisturbed.orders.items():
        assert found.orders[name] == parts, name
    assert found.inventory == undisturbed.inventory
    assert found.effects == undisturbed.effects


@pytest.mark.parametrize("seed", SEEDS)
async def test_workers_killed_at_random_moments(
    server: LocalDatabase, tmp_path: Path, undisturbed: Outcome, seed: int
) -> None:
    await _create_database(server, f"workers_{seed}")
    async with run(tmp_path, server.url(f"workers_{seed}"), workers=3) as one:
        one.allowed = 0
        async with _placing(one, seed) as random, asyncio.TaskGroup() as replacing:
            for number in range(KILLS):
                one.allowed = (number + 1) * ORDERS // KILLS  # so that there is always something under way
                await one.until_done(random.randrange(number * ITEMS // KILLS + 5, (number + 1) * ITEMS // KILLS))
                slot = await one.any_at_work(random)
                await one.kill(slot)
                replacing.create_task(one.start(slot))
        taken = await one.take_overs()
        for dead in one.dead:
            silent = [each.silent for each in taken if each.old_owner == dead]
            one.note(f"{dead}: {len(silent)} requests taken over, {max(silent, default=0):.1f} s after it was heard of")
        assert {each.old_owner for each in taken} <= set(one.dead), "nobody's work is taken while he lives"
        assert all(each.silent >= SILENT_SECONDS for each in taken)
        await _compare(one, undisturbed)


async def test_the_database_killed_and_started_again(tmp_path: Path, undisturbed: Outcome) -> None:
    with local_database() as server:
        async with run(tmp_path, server.url()) as one:
            async with _placing(one, 2) as random:
                for moment, away in zip(sorted(random.sample(range(20, ITEMS), 3)), (0.0, 2.0, 7.0), strict=True):
                    await one.until_done(moment)
                    await asyncio.to_thread(server.kill)
                    one.note("database killed")
                    await asyncio.sleep(away)
                    server.restart()
                    one.note(f"database started again, {await one.done()} items done")
            assert await one.take_overs() == [], "all workers lived, though nobody could say so"
            await _compare(one, undisturbed)


async def test_fail_over_to_a_synchronous_standby(tmp_path: Path, undisturbed: Outcome) -> None:
    with local_database() as primary, local_database(follows=primary) as standby:
        await _execute(primary, "alter system set synchronous_standby_names = 'standby'")
        await _execute(primary, "select pg_reload_conf()")
        hosts = f"{primary.socket_folder},{standby.socket_folder}"
        url = f"postgresql://postgres@/postgres?host={hosts}&target_session_attrs=read-write"
        async with run(tmp_path, primary.url(), url=url) as one:
            async with _placing(one, 3) as random:
                await one.until_done(random.randrange(40, ITEMS // 2))
                await asyncio.to_thread(primary.kill)
                one.note("primary killed")
                await asyncio.sleep(1.0)
                await _execute(standby, "select pg_promote()")
                one.note(f"standby promoted, {await one.done()} items done")
                await one.until_done(ITEMS)
            assert await one.take_overs() == [], "all workers lived, though nobody could say so"
            await _compare(one, undisturbed)


async def _execute(server: LocalDatabase, statement: str) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
