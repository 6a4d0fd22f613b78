"""What one callout costs the connector's process: from `CalloutRunner.submit` to its answer, over real sockets, as
processor time. The system is `bench.stub`, a process of its own.

`python -m bench.callouts [--rounds 5] [--callouts 1000] [--in-flight 20] [--log] [--profile]`
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.machine import Spread
from bench.orders import ten_set
from bench.quiet import quiet
from connector.callouts.destination import Destination
from connector.callouts.runner import CalloutRunner
from connector.callouts.sender import CalloutSender
from connector.callouts.verdict import CalloutEvent
from connector.log import configure
from connector.mappings.set import MappingSet
from connector.model.attempt import AttemptRecord
from connector.model.events import CalloutCompleted
from connector.model.ids import ItemNo, OrderId
from connector.model.work import RenderedRequest, Work
from connector.settings import Settings


@contextmanager
def _stub() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        process = subprocess.Popen([sys.executable, "-m", "bench.stub", "--ready-file", str(ready)])  # noqa: S603
        try:
            while not ready.exists():
                time.sleep(0.01)
            yield json.loads(ready.read_text())["url"]
        finally:
            process.terminate()
            process.wait()


def _work(mappings: MappingSet, number: int) -> Work:
    order = OrderId(f"801{number:015}")
    body = {"reference": f"{order}-1", "orderId": order, "number": f"+49{order}", "tier": "M"}
    return Work(
        order=order,
        item=ItemNo(1),
        epoch=1,
        attempt=1,
        interface="stub.reserve",
        set_hash=mappings.hash,
        request=RenderedRequest(method="POST", path="/v1/reserve", body=body),
    )


async def _measure(
    url: str, *, rounds: int, callouts: int, in_flight: int, profiler: cProfile.Profile | None
) -> Spread:
    mappings = ten_set()
    destination = Destination(base_url=url)
    sender = CalloutSender(lambda _system: destination)
    left, running, done = 0, 0, asyncio.Event()
    number = 0

    def answered(_order: OrderId, event: CalloutEvent, _record: AttemptRecord) -> None:
        nonlocal running
        assert isinstance(event, CalloutCompleted), event
        running -= 1
        submit()

    def submit() -> None:
        nonlocal left, running, number
        while left and running < in_flight:
            left, running, number = left - 1, running + 1, number + 1
            assert runner.submit(_work(mappings, number))
        if not running:
            done.set()

    runner = CalloutRunner(sender, {mappings.hash: mappings}.get, answered)

    async def some(count: int) -> float:
        nonlocal left
        left = count
        done.clear()
        before = time.process_time()
        submit()
        await done.wait()
        return (time.process_time() - before) / count

    await some(10 * in_flight)
    if profiler:
        profiler.enable()
    costs = [await some(callouts) for _ in range(rounds)]
    if profiler:
        profiler.disable()
    await runner.close(1)
    await sender.close()
    return Spread.of(costs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.callouts", description="Processor time of one callout.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--callouts", type=int, default=1_000, help="of each round")
    parser.add_argument("--in-flight", type=int, default=20)
    parser.add_argument("--log", action="store_true", help="write the log as an installation does, to nowhere")
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    options = parser.parse_args()
    quiet()
    profiler = cProfile.Profile(time.process_time) if options.profile else None
    with _stub() as url, Path(os.devnull).open("w") as nowhere:
        if options.log:
            configure(Settings.model_validate({"log": {"format": "json"}}), stream=nowhere)
        cost = asyncio.run(
            _measure(
                url,
                rounds=options.rounds,
                callouts=options.callouts,
                in_flight=options.in_flight,
                profiler=profiler,
            )
        )
    print(f"{cost.median * 1e3:.3f} ms of processor time a callout ({cost.least * 1e3:.3f} to {cost.most * 1e3:.3f})")
    if profiler:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(40)


if __name__ == "__main__":
    main()
