"""What every peer runs: an order of ten items, 1 → 2,3,4 → 5 → 6,7 → 8 → 9 → 10, whose callouts answer at once.

Runs in the peers' own environment: nothing of the connector is imported here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

AFTER = {1: (), 2: (1,), 3: (1,), 4: (1,), 5: (2, 3, 4), 6: (5,), 7: (5,), 8: (6, 7), 9: (8,), 10: (9,)}
ITEMS = len(AFTER)


async def callout(order: int, item: int) -> dict[str, Any]:
    """The callout of an item: no work, one round of the event loop, a small result to keep."""
    await asyncio.sleep(0)
    return {"order": order, "item": item, "ok": True, "reference": f"svc-{item}"}


async def closed_loop(
    run_order: Callable[[int], Awaitable[object]], in_flight: int, seconds: float
) -> dict[str, float]:
    """Keep so many orders in flight for so long after a warm-up; what was completed within that time."""
    await asyncio.gather(*[run_order(-number) for number in range(1, in_flight + 1)])  # whatever is made at first use
    begin = time.perf_counter() + min(2.0, seconds / 2)
    end = begin + seconds
    number, done = 0, 0

    async def one() -> None:
        nonlocal number, done
        while time.perf_counter() < end:
            number += 1
            await run_order(number)
            done += begin <= time.perf_counter() < end

    await asyncio.gather(*[one() for _ in range(in_flight)])
    return {"items_per_second": done * ITEMS / seconds}


async def one_by_one(run_order: Callable[[int], Awaitable[object]], orders: int) -> dict[str, float]:
    """One order at a time; milliseconds for a whole order."""
    took = []
    for number in range(-10, orders):
        begin = time.perf_counter()
        await run_order(1_000_000 + number)
        if number >= 0:
            took.append((time.perf_counter() - begin) * 1000)
    took.sort()
    return {"order_p50_ms": took[len(took) // 2], "order_p99_ms": took[int(len(took) * 0.99)]}


def tell(figures: dict[str, Any]) -> None:
    """Give the figures to whoever started this process, and end it."""
    print(json.dumps(figures), flush=True)
    sys.stdout.flush()
    os._exit(0)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and all that descends from it."""
    total, todo = 0, [pid]
    while todo:
        each = todo.pop()
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            todo += [int(child) for child in children.read_text().split()]
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15] if each == pid else fields[11:13]))
    return total / os.sysconf("SC_CLK_TCK")
