"""Waits between attempts, and being woken from one."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.sf.backoff import Backoff
from connector.sf.waking import Doorbell, tasks

BACKOFF = Backoff(first=1.0, factor=2.0, cap=60.0)


def test_waits_double_up_to_the_cap() -> None:
    assert [BACKOFF.wait(failures) for failures in range(9)] == [0, 1, 2, 4, 8, 16, 32, 60, 60]


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_the_spread_takes_at_most_half(failures: int, spread: float) -> None:
    assert BACKOFF.wait(failures) / 2 <= BACKOFF.wait(failures, spread) <= BACKOFF.wait(failures) <= 60


async def test_a_ring_while_nobody_waits_is_not_lost() -> None:
    bell = Doorbell()
    bell.ring()
    bell.ring()

    assert await bell.wait(3_600)
    assert not await bell.wait(0)


async def test_a_ring_wakes_whoever_waits() -> None:
    bell = Doorbell()
    waiting = asyncio.create_task(bell.wait(3_600))
    await asyncio.sleep(0)
    bell.ring()

    assert await waiting


async def test_tasks_fail_with_the_first_error_itself() -> None:
    async def fails() -> None:
        raise ConnectionError("away")

    async def both() -> None:
        async with tasks() as group:
            group.create_task(fails())
            await asyncio.Event().wait()

    with pytest.raises(ConnectionError, match="away"):
        await both()


async def test_tasks_that_are_cancelled_are_just_that() -> None:
    async def both() -> None:
        async with tasks() as group:
            group.create_task(asyncio.Event().wait())

    task = asyncio.create_task(both())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
