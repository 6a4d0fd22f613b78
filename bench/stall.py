"""A watch on an event loop: how late it comes to what was due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.machine import percentile

TICK = 0.001


@dataclass
class Stalls:
    """Seconds by which the loop was late, tick by tick; `own` is the part in which it was computing itself."""

    late: list[float] = field(default_factory=list)
    longest: float = 0.0
    own: float = 0.0
    """Processor time of this thread during the longest one: the rest, somebody else had the processor."""

    def usual(self, part: float = 0.999) -> float:
        return percentile(self.late, part)


@contextmanager
def watching() -> Iterator[Stalls]:
    """Watch the running loop."""
    loop = asyncio.get_running_loop()
    stalls = Stalls()
    handle: asyncio.TimerHandle | None = None
    before, used = time.perf_counter(), time.thread_time()

    def tick() -> None:
        nonlocal handle, before, used
        now, now_used = time.perf_counter(), time.thread_time()
        late = now - before - TICK
        stalls.late.append(late)
        if late > stalls.longest:
            stalls.longest, stalls.own = late, now_used - used
        before, used = now, now_used
        handle = loop.call_later(TICK, tick)

    handle = loop.call_later(TICK, tick)
    try:
        yield stalls
    finally:
        handle.cancel()
