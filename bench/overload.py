"""Three times what can be sustained: memory stays bounded, urgent orders overtake, the backlog drains.

    python -m bench.overload [--seconds 60] [--sustainable RATE]

First a burst tells what the installation sustains (or `--sustainable` does); then orders are activated at three times
that rate, one in five of high priority and the others of bulk priority; then the run waits until the org shows all as
completed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from bench.machine import load_average, percentile
from bench.pipeline import Load, activate_at, sample, until_completed
from bench.rig import durable_server, fresh_database
from bench.site import Site, site

BURST = 200
TIMES = 3
URGENT = 5
"""One order in so many is urgent."""


async def sustained(place: Site, orders: list[str], before: int) -> float:
    """Orders a second that come through when all are there at once."""
    begin = time.perf_counter()
    await place.activate(orders)
    await until_completed(place, before + len(orders), every=0.1)
    return len(orders) / (time.perf_counter() - begin)


async def run(
    *, seconds: float, sustainable: float | None = None, say: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """One run; gives its figures."""
    with durable_server() as server:
        async with site(server, await fresh_database(server, "overload")) as place:
            warm = await place.drafts(20)
            await sustained(place, warm, 0)
            before = len(warm)
            if sustainable is None:
                sustainable = await sustained(place, await place.drafts(BURST), before)
                before += BURST
            count = int(sustainable * TIMES * seconds)
            urgent = await place.drafts(count // URGENT, priority="High")
            bulk = await place.drafts(count - len(urgent), priority="Bulk")
            return await _measure(place, urgent, bulk, before, sustainable, say)


async def _measure(  # noqa: PLR0917 - a run's parts
    place: Site,
    urgent: list[str],
    bulk: list[str],
    before: int,
    sustainable: float,
    say: Callable[[int], None] | None,
) -> dict[str, Any]:
    mixed = [
        (urgent if no % URGENT == 0 else bulk)[no // URGENT if no % URGENT == 0 else no - no // URGENT - 1]
        for no in range(len(urgent) * URGENT)
    ]
    mixed += bulk[len(mixed) - len(urgent) :]
    load, memory = Load(), list[list[float]]()
    sampling = asyncio.create_task(sample(place, memory, 0.5))
    begin = time.perf_counter()
    await activate_at(place, mixed, sustainable * TIMES, load)
    loaded = time.perf_counter() - begin
    bulk_meanwhile = await place.scalar("select count(*) from orders where state = 'Completed' and priority = 2") or 0
    backlog = len(mixed) + before - int(await place.scalar("select count(*) from orders where state = 'Completed'"))
    await until_completed(place, before + len(mixed), say=say)
    sampling.cancel()
    completed = dict(await place.completed())

    def took(orders: list[str]) -> list[float]:
        return [(completed[order] - load.activated[order]).total_seconds() for order in orders]

    return {
        "sustainable": sustainable,
        "rate": sustainable * TIMES,
        "orders": len(mixed),
        "seconds_of_load": loaded,
        "seconds_until_drained": time.perf_counter() - begin,
        "backlog_when_load_ends": backlog,
        "bulk_completed_under_load": bulk_meanwhile,
        "high_p50_s": percentile(took(urgent), 0.5),
        "high_p95_s": percentile(took(urgent), 0.95),
        "bulk_p50_s": percentile(took(bulk), 0.5),
        "bulk_p95_s": percentile(took(bulk), 0.95),
        "connector_mib_start": memory[0],
        "connector_mib_most": [max(each) for each in zip(*memory, strict=True)],
        "connector_mib_end": memory[-1],
        "load": load_average(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.overload", description="Three times what can be sustained.")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--sustainable", type=float, default=None, help="orders a second; measured when not given")
    options = parser.parse_args()
    print(json.dumps(asyncio.run(run(seconds=options.seconds, sustainable=options.sustainable)), indent=1))


if __name__ == "__main__":
    main()
