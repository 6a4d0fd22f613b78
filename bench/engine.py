"""How fast the engine alone is: real plans through intake, turns, worker and machine; systems that answer at once.

    python -m bench.engine [--seconds 5] [--repetitions 3] [--in-flight 50 200 500] [--only throughput latency workers]
    python -m bench.engine --profile        # where the worker's time goes

An order is ten callouts (1 → 2,3,4 → 5 → 6,7 → 8 → 9 → 10). PostgreSQL runs on the same processors with fsync and
synchronous_commit on. What is committed for each item: its state and progress, its request before it is sent, history,
the record of the call, and the marks of the records in Salesforce that are behind (nobody writes them here).

*whole*: an order begins as an event in its inbox, is decomposed and planned: what an installation does.
*plans only*: the orders were decomposed before; measured is from the first answer to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from bench.machine import Spread, cpu_seconds, load_average, percentile
from bench.orders import ITEMS_A_LINE, LEVELS, order, order_id
from bench.quiet import quiet
from bench.rig import Count, Rig, durable_server, engine, fresh_database
from bench.stall import Stalls, watching
from connector.localdb import LocalDatabase
from connector.model.ids import OrderId

WARM_UP_SECONDS = 1.5
_ANY_OPEN = "select exists (select from orders where finished_at is null)"
PLACED_TOGETHER = 100
"""Most orders that the load generator delivers in one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """One measurement."""

    shape: str
    in_flight: int
    items_per_second: float
    worker_ms_per_item: float
    """Processor time of the worker's process; of the shape *whole* the load generator's is part."""
    database_ms_per_item: float
    items_per_commit: float
    longest_stall_ms: float
    stall_own_ms: float
    stall_p999_ms: float
    load: float


class _Meter:
    """Processor time, turns and stalls between two moments."""

    def __init__(self, rig: Rig, server: LocalDatabase) -> None:
        self._rig, self._server = rig, server
        self._count = Count(**asdict(rig.count))
        self._database = cpu_seconds(server.pid)
        self._own = time.process_time()
        self._start = time.perf_counter()

    def read(self, shape: str, in_flight: int, stalls: Stalls) -> Throughput:
        seconds = time.perf_counter() - self._start
        own = time.process_time() - self._own
        database = cpu_seconds(self._server.pid) - self._database
        items = self._rig.count.items - self._count.items
        return Throughput(
            shape=shape,
            in_flight=in_flight,
            items_per_second=items / seconds,
            worker_ms_per_item=own * 1000 / items,
            database_ms_per_item=database * 1000 / items,
            items_per_commit=items / (self._rig.count.turns - self._count.turns),
            longest_stall_ms=stalls.longest * 1000,
            stall_own_ms=stalls.own * 1000,
            stall_p999_ms=stalls.usual() * 1000,
            load=load_average(),
        )


async def _closed_loop(rig: Rig, numbers: Iterator[int], in_flight: int, stop: asyncio.Event) -> None:
    """Keep so many orders in flight: whenever some are done, as many new ones are placed."""
    room = asyncio.Semaphore(in_flight)
    while not stop.is_set():
        await room.acquire()
        orders = [order(order_id("W", next(numbers)))]
        while not room.locked() and len(orders) < PLACED_TOGETHER:
            await room.acquire()
            orders.append(order(order_id("W", next(numbers))))
        for each in orders:
            rig.done(each.id).add_done_callback(lambda _: room.release())
        await rig.place(orders)
    for _ in range(in_flight):
        await room.acquire()


async def whole(server: LocalDatabase, in_flight: int, seconds: float) -> Throughput:
    """Orders from their inbox to their last item."""
    async with engine(await fresh_database(server, "engine")) as rig:
        stop = asyncio.Event()
        loading = asyncio.create_task(_closed_loop(rig, count(1), in_flight, stop))
        await asyncio.sleep(WARM_UP_SECONDS)
        with watching() as stalls:
            meter = _Meter(rig, server)
            await asyncio.sleep(seconds)
            found = meter.read("whole", in_flight, stalls)
        stop.set()
        await loading
        await _all_completed(rig)
    return found


async def plans_only(server: LocalDatabase, in_flight: int, seconds: float) -> Throughput:
    """Orders that wait for the answers to their first requests, to their last items."""
    number = int(max(in_flight * 4, 400 * seconds))
    async with engine(await fresh_database(server, "engine")) as rig:
        rig.callouts.hold = True
        for start in range(0, number, PLACED_TOGETHER):
            batch = [order(order_id("P", no)) for no in range(start, min(number, start + PLACED_TOGETHER))]
            for each in batch:
                rig.done(each.id)
            await rig.place(batch)
        while len(rig.callouts.held) < number:  # noqa: ASYNC110 - a thousand answers are not worth an event each
            await asyncio.sleep(0.01)
        rig.callouts.hold = False
        await asyncio.sleep(0.2)
        gc.collect()
        futures = list(rig.waiting.values())
        for future in futures:
            future.add_done_callback(lambda _: rig.callouts.release())
        with watching() as stalls:
            meter = _Meter(rig, server)
            for _ in range(in_flight):
                rig.callouts.release()
            await asyncio.gather(*futures)
            found = meter.read("plans only", in_flight, stalls)
        await _all_completed(rig)
    return found


async def _all_completed(rig: Rig) -> None:
    """What was measured has happened: every order is finished, with all of its items completed."""
    async with rig.database.connection() as connection:
        open_orders = await connection.fetchval("select count(*) from orders where state <> 'Completed'")
        open_items = await connection.fetchval("select count(*) from items where state <> 'Completed'")
    if open_orders or open_items:
        raise AssertionError(f"{open_orders} orders and {open_items} items are not completed")


async def lone(server: LocalDatabase, orders: int) -> dict[str, float]:
    """One order at a time on an idle system: milliseconds for a whole order, and for each of its levels."""
    async with engine(await fresh_database(server, "engine")) as rig:
        totals: list[float] = []
        steps: list[float] = []
        for no in range(-20, orders):
            await asyncio.sleep(0.02)
            each = order(order_id("L", no + 20))
            submits: list[tuple[float, OrderId]] = []
            rig.callouts.submits = submits
            done = rig.done(each.id)
            begin = time.perf_counter()
            await rig.place([each])
            await done
            end = time.perf_counter()
            if no >= 0:
                totals.append((end - begin) * 1000)
                steps.append((end - submits[0][0]) * 1000 / LEVELS)
    return {
        "order_p50_ms": percentile(totals, 0.5),
        "order_p99_ms": percentile(totals, 0.99),
        "item_p50_ms": percentile(steps, 0.5),
        "item_p99_ms": percentile(steps, 0.99),
    }


async def workers(server: LocalDatabase, processes: int, orders: int) -> dict[str, float]:
    """A backlog of orders in their inboxes, worked off by so many processes; the clock runs until the last is done."""
    url = await fresh_database(server, "engine")
    async with engine(url, name="loader", at_once=False) as rig:
        for start in range(0, orders, PLACED_TOGETHER):
            await rig.place([order(order_id("B", no)) for no in range(start, min(orders, start + PLACED_TOGETHER))])
        started = [_worker_process(url, f"w{no}") for no in range(processes)]
        try:
            for process in started:
                await asyncio.to_thread(_line_of, process)
            database = cpu_seconds(server.pid)
            own = sum(cpu_seconds(process.pid) for process in started)
            begin = time.perf_counter()
            for process in started:
                _tell(process, "go")
            async with rig.database.connection() as connection:
                while await connection.fetchval(_ANY_OPEN):  # noqa: ASYNC110 - known to the database only
                    await asyncio.sleep(0.02)
            seconds = time.perf_counter() - begin
            await _all_completed(rig)
            items = orders * ITEMS_A_LINE
            return {
                "processes": processes,
                "items_per_second": items / seconds,
                "worker_ms_per_item": (sum(cpu_seconds(process.pid) for process in started) - own) * 1000 / items,
                "database_ms_per_item": (cpu_seconds(server.pid) - database) * 1000 / items,
                "load": load_average(),
            }
        finally:
            for process in started:
                process.kill()
                process.wait()


def _worker_process(url: str, name: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "bench.engine", "--serve", url, "--name", name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - ourselves


def _line_of(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


def _tell(process: subprocess.Popen[bytes], word: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n".encode())
    process.stdin.flush()


async def _serve(url: str, name: str) -> None:
    """One process of `workers`: says when it is ready, works when it is told to, until it is killed."""
    async with engine(url, name=name, at_once=False) as rig:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        rig.begin.set()
        await asyncio.Event().wait()


def medians(found: Sequence[Throughput]) -> dict[str, Any]:
    """The median of every figure, and the extremes of the first."""
    items = Spread.of([each.items_per_second for each in found])
    figures = {name: Spread.of([getattr(each, name) for each in found]).median for name in _FIGURES}
    figures["longest_stall_ms"] = max(each.longest_stall_ms for each in found)
    head = {"shape": found[0].shape, "in_flight": found[0].in_flight, "repetitions": len(found)}
    return head | figures | {"items_per_second_least": items.least, "items_per_second_most": items.most}


_FIGURES = (
    "items_per_second",
    "worker_ms_per_item",
    "database_ms_per_item",
    "items_per_commit",
    "stall_p999_ms",
    "longest_stall_ms",
    "stall_own_ms",
    "load",
)


def measure(
    *,
    seconds: float,
    repetitions: int,
    in_flight: Sequence[int],
    only: Sequence[str],
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Everything that `only` names; the repetitions of different sizes are interleaved."""
    results: dict[str, Any] = {}
    with durable_server() as server:
        if "throughput" in only:
            runs: dict[tuple[str, int], list[Throughput]] = {}
            for _ in range(repetitions):
                for size in in_flight:
                    for shape in (whole, plans_only):
                        found = asyncio.run(shape(server, size, seconds))
                        runs.setdefault((found.shape, size), []).append(found)
                        say(_line(asdict(found)))
            results["throughput"] = [medians(each) for each in runs.values()]
        if "latency" in only:
            results["latency"] = asyncio.run(lone(server, int(60 * seconds)))
            say(_line(results["latency"]))
        if "workers" in only:
            by_number: dict[int, list[dict[str, float]]] = {}
            for _ in range(repetitions):
                for processes in (1, 2):
                    each = asyncio.run(workers(server, processes, int(400 * seconds)))
                    by_number.setdefault(processes, []).append(each)
                    say(_line(each))
            results["workers"] = [
                {name: Spread.of([each[name] for each in found]).median for name in found[0]}
                for found in by_number.values()
            ]
    return results


def _line(figures: dict[str, Any]) -> str:
    return "  ".join(
        f"{name} {value:,.2f}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()
    )


def profile(seconds: float, in_flight: int, lines: int) -> None:
    """Where the time of the worker's process goes; the profiler itself slows everything down."""
    with durable_server() as server:
        plain = asyncio.run(whole(server, in_flight, seconds))
        profiler = cProfile.Profile(time.process_time)
        found = profiler.runcall(asyncio.run, whole(server, in_flight, seconds))
    print(_line(asdict(plain)))
    print(f"under the profiler: {_line(asdict(found))}")
    stats = pstats.Stats(profiler).strip_dirs()
    stats.sort_stats("tottime").print_stats(lines)
    stats.sort_stats("cumulative").print_stats(lines)


def main() -> None:
    parts = ("throughput", "latency", "workers")
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description="How fast the engine alone is.")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[50, 200, 500])
    parser.add_argument("--only", choices=parts, nargs="+", default=parts)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--lines", type=int, default=45, help="lines of the profile")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--name", default="bench", help=argparse.SUPPRESS)
    options = parser.parse_args()
    quiet()
    if options.serve:
        asyncio.run(_serve(options.serve, options.name))
    elif options.profile:
        profile(options.seconds, options.in_flight[0] if len(options.in_flight) == 1 else 200, options.lines)
    else:
        found = measure(
            seconds=options.seconds,
            repetitions=options.repetitions,
            in_flight=options.in_flight,
            only=options.only,
        )
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
