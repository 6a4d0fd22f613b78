"""Long computations that let others have the event loop now and then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

STALL_SECONDS = 0.001
"""Longest that a turn computes without letting others have the event loop. Several turns may, one after another."""


class Pause:
    """One computation's."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def now_and_then(self) -> None:
        """Let others have the event loop, if it is time."""
        if time.perf_counter() - self._since > STALL_SECONDS:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


LARGE = 500
"""Items (or rows) from which on a computation that can't pause is made beside the event loop."""


async def beside(size: int, compute: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a computation over so many items. A large one is made in a thread: it takes as long, but the event
    loop has its turn every few milliseconds. What it works on must be nobody else's meanwhile.
    """
    if size < LARGE:
        return compute(*args, **kwargs)
    return await asyncio.to_thread(compute, *args, **kwargs)
