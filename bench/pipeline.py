"""The whole pipeline on this machine: events in, orders read, decomposed, ten HTTP callouts each, written back.

    python -m bench.pipeline [--rate 42] [--minutes 5] [--connectors 1]

Drafts are made in the local org first; then orders are activated at the rate, and everything from there on is measured:
the org tells the connector by CometD, the connector reads, decomposes, calls a stub system by HTTP, and writes orders,
plans, items, lines and requests back. Every process runs on the same processors; each one's share is in the result.
The run ends when the org shows every order as completed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.machine import load_average, percentile
from bench.orders import ITEMS_A_LINE
from bench.rig import durable_server, fresh_database
from bench.site import Site, site

STEP_SECONDS = 0.25
"""Between two activations."""

CLIENT = "order-connector"
"""By what name the connector calls the org."""

PATIENCE = 120.0
"""Seconds without any order being completed after which a run has failed."""


@dataclass
class Load:
    """Orders that were activated, and when."""

    activated: dict[str, datetime] = field(default_factory=dict)
    behind: float = 0.0
    """Seconds that the generator was late at its worst: the org took so long to take an activation."""


async def activate_at(place: Site, orders: list[str], rate: float, load: Load) -> None:
    """Activate the orders at so many a second."""
    begin = time.perf_counter()
    done = 0
    while done < len(orders):
        due = min(len(orders), int((time.perf_counter() - begin) * rate) + 1)
        batch = orders[done:due]
        if batch:
            now = datetime.now(UTC)
            load.activated |= dict.fromkeys(batch, now)
            await place.activate(batch)
            done = due
            load.behind = max(load.behind, (time.perf_counter() - begin) - done / rate)
        await asyncio.sleep(STEP_SECONDS)


async def until_completed(
    place: Site, count: int, *, every: float = 1.0, say: Callable[[int], None] | None = None
) -> None:
    """Wait until the connector has completed so many orders, has nothing left to write, and the org shows them.

    Asks the connector's database, not the org, while there is something left: its answers cost the org nothing.
    """
    last, since = (-1, 0), time.monotonic()
    while True:
        place.check()
        done = int(await place.scalar("select count(*) from orders where state = 'Completed'"))
        behind = int(await place.scalar("select count(*) from outbox"))
        if say is not None:
            say(done)
        if done >= count and behind == 0 and await place.completed_count() >= count:
            return
        if (done, behind) != last:
            last, since = (done, behind), time.monotonic()
        elif time.monotonic() - since > PATIENCE:
            raise AssertionError(f"{done} of {count} orders are completed, {behind} records are not written")
        await asyncio.sleep(every)


async def sample(place: Site, into: list[list[float]], every: float) -> None:
    """Note the connectors' memory now and then."""
    while True:
        into.append(place.memory())
        await asyncio.sleep(every)


def shares(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Processors that each process kept busy."""
    return {name: (after[name] - before[name]) / seconds for name in after}


async def run(
    *, rate: float, seconds: float, connectors: int = 1, say: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """One run; gives its figures."""
    count = int(rate * seconds)
    with durable_server() as server:
        url = await fresh_database(server, "pipeline")
        async with site(server, url, connectors=connectors) as place:
            orders = await place.drafts(count)
            warm, orders = orders[:20], orders[20:]
            await place.activate(warm)
            await until_completed(place, len(warm), every=0.2)
            return await _measure(place, orders, len(warm), rate, say)


async def _measure(
    place: Site, orders: list[str], warm: int, rate: float, say: Callable[[int], None] | None
) -> dict[str, Any]:
    load, memory = Load(), list[list[float]]()
    counted = await place.statistics()
    used = place.processor_seconds()
    own = time.process_time()
    begin = time.perf_counter()
    sampling = asyncio.create_task(sample(place, memory, 1.0))
    loading = asyncio.create_task(activate_at(place, orders, rate, load))
    await asyncio.gather(loading, until_completed(place, warm + len(orders), say=say))
    seconds = time.perf_counter() - begin
    sampling.cancel()
    counted_after = await place.statistics()
    busy = shares(used, place.processor_seconds(), seconds) | {"load generator": (time.process_time() - own) / seconds}
    completed = dict(await place.completed())
    latency = [(completed[order] - load.activated[order]).total_seconds() for order in orders]
    items = int(await place.scalar("select count(*) from items where state = 'Completed'"))
    if items != (len(orders) + warm) * ITEMS_A_LINE:
        raise AssertionError(f"{items} items are completed, not {(len(orders) + warm) * ITEMS_A_LINE}")
    middle = memory[len(memory) // 2 :]
    return {
        "orders": len(orders),
        "rate": rate,
        "seconds_until_all_written": seconds,
        "orders_per_second": len(orders)
        / (max(completed[o] for o in orders) - min(load.activated.values())).total_seconds(),
        "completed_in_org": len(completed),
        "latency_p50_s": percentile(latency, 0.5),
        "latency_p95_s": percentile(latency, 0.95),
        "latency_max_s": max(latency),
        "processors_busy": busy,
        "connector_ms_per_order": sum(v for n, v in busy.items() if n.startswith("connector"))
        * seconds
        * 1000
        / len(orders),
        "connector_mib_start": memory[0],
        "connector_mib_half": middle[0],
        "connector_mib_end": memory[-1],
        "connector_mib_most": [max(each) for each in zip(*memory, strict=True)],
        "generator_behind_s": load.behind,
        "salesforce": _salesforce(counted_after, counted, len(orders)),
        "load": load_average(),
    }


def _salesforce(now: Mapping[str, Any], then: Mapping[str, Any], orders: int) -> dict[str, float]:
    """What the connector asked of the org; the generator's activations (an update of each order) are taken out."""
    calls = now["calls_by_client"][CLIENT] - then["calls_by_client"][CLIENT]
    writes = now["calls_by_kind"]["POST composite"] - then["calls_by_kind"]["POST composite"]
    records = sum(now["rows_written"].values()) - sum(then["rows_written"].values()) - orders
    return {
        "calls_per_order": calls / orders,
        "records_written_per_order": records / orders,
        "records_per_write_call": records / writes,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description="Orders a second, from end to end.")
    parser.add_argument("--rate", type=float, default=42.0, help="orders activated a second")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--connectors", type=int, default=1, help="connector processes")
    options = parser.parse_args()
    found = asyncio.run(run(rate=options.rate, seconds=options.minutes * 60, connectors=options.connectors))
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
