"""Who else wants the event loop gets it while a turn computes."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from connector.store import pause
from connector.store.pause import LARGE, Pause, beside


async def test_a_computation_lets_others_go_on_when_it_has_been_long(monkeypatch: pytest.MonkeyPatch) -> None:
    others = asyncio.create_task(asyncio.sleep(0))
    computation = Pause()

    await computation.now_and_then()
    assert not others.done()

    monkeypatch.setattr(pause, "STALL_SECONDS", -1.0)
    await computation.now_and_then()
    await computation.now_and_then()
    assert others.done()


async def test_a_small_computation_stays_in_the_event_loop() -> None:
    assert await beside(LARGE - 1, threading.get_ident) == threading.get_ident()


async def test_the_event_loop_goes_on_beside_a_large_computation() -> None:
    done, ticks = threading.Event(), 0

    def compute() -> str:
        limit = time.monotonic() + 30
        while not done.is_set() and time.monotonic() < limit:  # holds the interpreter, as a computation does
            pass
        return "made"

    computing = asyncio.create_task(beside(LARGE, compute))
    while ticks < 5:
        await asyncio.sleep(0.001)
        ticks += 1
    assert not computing.done()
    done.set()
    assert await computing == "made"


async def test_what_goes_wrong_beside_the_event_loop_is_raised_in_it() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await beside(LARGE, fail)
