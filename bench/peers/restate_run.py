# ruff: noqa: ASYNC220, ASYNC230, ASYNC240 - a script that starts two processes, and then measures
"""Measure Restate; starts its server and a service. `python restate_run.py SERVER_BINARY IN_FLIGHT SECONDS ORDERS`"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from workload import ITEMS, closed_loop, cpu_seconds, one_by_one

HERE = Path(__file__).parent
CONFIGURATION = """
node-name = "n1"
cluster-name = "bench"
default-num-partitions = 24
disable-telemetry = true
log-filter = "warn"
bind-ip = "127.0.0.1"
bind-port = {node}
base-dir = "{folder}/data"
listen-mode = "tcp"
[ingress]
bind-port = {ingress}
[admin]
bind-port = {admin}
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def until(session: aiohttp.ClientSession, method: str, url: str, **more: object) -> None:
    """Ask until the answer is good."""
    deadline = time.monotonic() + 60
    while True:
        try:
            async with session.request(method, url, **more) as answer:
                if answer.status < 300:
                    return
                said = await answer.text()
        except aiohttp.ClientError as error:
            said = str(error)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{url}: {said}")
        await asyncio.sleep(0.05)


async def main() -> None:
    binary, in_flight, seconds, latency_orders = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    node, ingress, admin, service = (free_port() for _ in range(4))
    environment = {**os.environ, "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory(prefix="bench-restate-") as folder:
        configuration = Path(folder, "restate.toml")
        configuration.write_text(CONFIGURATION.format(node=node, ingress=ingress, admin=admin, folder=folder))
        with Path(folder, "log").open("wb") as log:
            granian = Path(sys.executable).parent / "granian"
            serve = ["--interface", "asgi", "--http", "2", "--host", "127.0.0.1", "--port", str(service)]
            processes = [
                subprocess.Popen(  # noqa: S603 - our own command
                    [binary, "--no-logo", "-c", configuration],
                    env=environment,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                ),
                subprocess.Popen(  # noqa: S603 - likewise
                    [
                        granian,
                        "restate_service:app",
                        *serve,
                        "--workers",
                        "1",
                        "--loop",
                        "uvloop",
                        "--log-level",
                        "error",
                    ],
                    env=environment,
                    cwd=HERE,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                ),
            ]
        try:
            await measure(processes, ingress, admin, service, in_flight, seconds, latency_orders)
        except TimeoutError:
            sys.stderr.write(Path(folder, "log").read_text()[-2000:])
            raise
        finally:
            for process in processes:  # with their children, which would outlive them
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


async def measure(  # noqa: PLR0917 - what was started, and what was asked for
    processes: list[subprocess.Popen[bytes]],
    ingress: int,
    admin: int,
    service: int,
    in_flight: int,
    seconds: float,
    latency_orders: int,
) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=120)) as session:
        await until(session, "GET", f"http://127.0.0.1:{admin}/health")
        body = {"uri": f"http://127.0.0.1:{service}"}
        await until(session, "POST", f"http://127.0.0.1:{admin}/deployments", json=body)
        await until(session, "GET", f"http://127.0.0.1:{ingress}/restate/health")

        async def run_order(number: int) -> None:
            async with session.post(f"http://127.0.0.1:{ingress}/Order/o{number}/run", json=number) as answer:
                answer.raise_for_status()
                await answer.read()

        server, worker = (process.pid for process in processes)
        before = cpu_seconds(server), cpu_seconds(worker)
        counted = 0

        async def counting(number: int) -> None:
            nonlocal counted
            await run_order(number)
            counted += ITEMS

        found = await closed_loop(counting, in_flight, seconds)
        found["worker_ms_per_item"] = (cpu_seconds(worker) - before[1]) * 1000 / counted
        found["database_ms_per_item"] = (cpu_seconds(server) - before[0]) * 1000 / counted
        found |= await one_by_one(run_order, latency_orders)
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
