"""What grows with the size of a plan, and with the number of plans that wait. Nothing should.

    python -m bench.growth [--sizes 10 100 1000 10000] [--items 4000] [--waiting 100000]

*Size*: the cost of an item in plans of so many items (ten to an order line): processor time of worker and PostgreSQL.
*Waiting*: so many orders, each waiting for an event, and then a new process: how long it takes to start and to complete
its first order, what memory it has, how soon it wakes one of them, and what a look at the timers takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.engine import PLACED_TOGETHER
from bench.machine import cpu_seconds, load_average, percentile, resident
from bench.orders import ITEMS_A_LINE, order, order_id
from bench.quiet import quiet
from bench.rig import Rig, durable_server, engine, fresh_database
from connector.localdb import LocalDatabase
from connector.model.events import Addressed, ExternalEventArrived
from connector.model.ids import OrderId

_STATE = "select state from orders where order_id = $1"
PROBES = 200
"""Waiting orders that are woken."""


async def size(server: LocalDatabase, items: int, total: int) -> dict[str, float]:
    """Milliseconds of processor time for each item, in plans of so many items: planning, and carrying out."""
    lines = items // ITEMS_A_LINE
    count = max(1, total // items)
    async with engine(await fresh_database(server, "growth")) as rig:
        rig.callouts.hold = True
        given = [order(order_id("G", no), lines=lines) for no in range(count)]
        own, database = time.process_time(), cpu_seconds(server.pid)
        for start in range(0, count, PLACED_TOGETHER):
            await rig.place(given[start : start + PLACED_TOGETHER])
        while len(rig.callouts.held) < count * lines:  # noqa: ASYNC110 - thousands of answers, one condition
            await asyncio.sleep(0.005)
        planned, planned_database = time.process_time(), cpu_seconds(server.pid)
        begin = time.perf_counter()
        rig.callouts.hold = False
        while rig.callouts.release():
            pass
        while rig.count.orders < count * lines:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - begin
        await _all_completed(rig)
        made = count * items
        return {
            "items_a_plan": items,
            "plans": count,
            "planning_ms_per_item": (planned - own + planned_database - database) * 1000 / made,
            "worker_ms_per_item": (time.process_time() - planned) * 1000 / made,
            "database_ms_per_item": (cpu_seconds(server.pid) - planned_database) * 1000 / made,
            "items_per_second": made / seconds,
            "load": load_average(),
        }


async def _all_completed(rig: Rig) -> None:
    async with rig.database.connection() as connection:
        open_items = await connection.fetchval("select count(*) from items where state <> 'Completed'")
    if open_items:
        raise AssertionError(f"{open_items} items are not completed")


async def fill(url: str, number: int, say: Callable[[str], None]) -> dict[str, float]:
    """Let so many orders come to where they wait for an event."""
    async with engine(url, name="filler") as rig:
        before = resident(os.getpid())
        begin = time.perf_counter()
        for start in range(0, number, PLACED_TOGETHER):
            numbers = range(start, min(number, start + PLACED_TOGETHER))
            await rig.place([order(order_id("Q", no), product="WAITING") for no in numbers])
            while await _inbox(rig) > 10 * PLACED_TOGETHER:  # noqa: ASYNC110 - known to the database only
                await asyncio.sleep(0.01)
        while await _inbox(rig):  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
        seconds = time.perf_counter() - begin
        say(f"{number:,} orders wait")
        return {"fill_seconds": seconds, "mib_before": before, "mib_after": resident(os.getpid())}


async def _inbox(rig: Rig) -> int:
    async with rig.database.connection() as connection:
        return int(await connection.fetchval("select count(*) from inbox"))


async def probe(url: str, waiting: int) -> dict[str, float]:
    """A new process on a database with so many waiting orders."""
    begin = time.perf_counter()
    async with engine(url, name="probe") as rig:
        first = order(order_id("S", waiting))
        done = rig.done(first.id)
        await rig.place([first])
        await done
        started = time.perf_counter() - begin
        wakes, looks = [], []
        for no in range(min(PROBES, waiting)):
            identity = order_id("Q", no * (waiting // min(PROBES, waiting)))
            at = time.perf_counter()
            event = ExternalEventArrived(name="stub.said", payload={"said": "go"})
            await rig.intake.put(Addressed(order=identity, event=event))
            rig.worker.look()
            await _completed(rig, identity)
            wakes.append((time.perf_counter() - at) * 1000)
        for _ in range(10):
            at = time.perf_counter()
            await rig.turns.next_due()
            await rig.turns.waiting(rig.now(), 100, 100)
            looks.append((time.perf_counter() - at) * 1000)
        return {
            "waiting": waiting,
            "start_and_first_order_s": started,
            "mib": resident(os.getpid()),
            "wake_p50_ms": percentile(wakes, 0.5),
            "wake_p99_ms": percentile(wakes, 0.99),
            "look_p50_ms": percentile(looks, 0.5),
        }


async def _completed(rig: Rig, identity: OrderId) -> None:
    async with rig.database.connection() as connection:
        while await connection.fetchval(_STATE, identity) != "Completed":  # noqa: ASYNC110 - known to the database only
            await asyncio.sleep(0.001)


def waiting(server: LocalDatabase, number: int, say: Callable[[str], None]) -> dict[str, float]:
    """Fill a database, then look at it with a new process."""
    url = asyncio.run(fresh_database(server, "growth"))
    filled = asyncio.run(fill(url, number, say))
    command = [sys.executable, "-m", "bench.growth", "--probe", url, "--waiting", str(number)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - ourselves
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found | filled


def measure(
    *, sizes: Sequence[int], items: int, numbers: Sequence[int], say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Both."""
    with durable_server() as server:
        by_size = []
        for each in sizes:
            by_size.append(asyncio.run(size(server, each, max(items, each))))
            say("  ".join(f"{name} {value:,.3f}" for name, value in by_size[-1].items()))
        by_number = []
        for number in numbers:
            by_number.append(waiting(server, number, say))
            say("  ".join(f"{name} {value:,.2f}" for name, value in by_number[-1].items()))
    return {"size": by_size, "waiting": by_number}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description="What grows, and what should not.")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1_000, 10_000])
    parser.add_argument("--items", type=int, default=4_000, help="items measured at each size, at least")
    parser.add_argument("--waiting", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--probe", help=argparse.SUPPRESS)
    options = parser.parse_args()
    quiet()
    if options.probe:
        print(json.dumps(asyncio.run(probe(options.probe, options.waiting[0]))))
    else:
        print(json.dumps(measure(sizes=options.sizes, items=options.items, numbers=options.waiting), indent=1))


if __name__ == "__main__":
    main()
