"""Our engine beside others: same workload, same machine, one after another within each round, durability on.

    python -m bench.peers [--rounds 3] [--seconds 8] [--only restate dbos procrastinate]

The first run installs the others into `.peers/` (with pip and npm; telemetry off); nothing of that is committed. Each
gets what it is fastest with: Restate a workflow for each order, served by granian, 100 orders in flight; DBOS 30 orders
in flight; Procrastinate 40 jobs at once, 20 orders in flight. DBOS and Procrastinate use a PostgreSQL with the settings
that ours has. What the others do is less than what ours does: see docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.engine import lone, whole
from bench.machine import Spread, load_average
from bench.quiet import quiet
from bench.report import write
from bench.rig import durable_server
from connector.localdb import LocalDatabase
from connector.store.database import Database

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".peers"
PACKAGES = ("restate-sdk", "granian", "uvloop", "aiohttp", "dbos", "procrastinate", "psycopg[binary,pool]")
SERVER_PACKAGE = "@restatedev/restate-server"
QUIET = {"DO_NOT_TRACK": "1", "SCARF_ANALYTICS": "false"}
LATENCY_ORDERS = 100
OURS = "this connector"
IN_FLIGHT = {"restate": 100, "dbos": 30, "procrastinate": 20}


def install() -> None:
    """Make the environments of the others, once."""
    python = CACHE / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", CACHE / "venv"], check=True)  # noqa: S603 - our own command
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True, env=os.environ | QUIET)  # noqa: S603
    if not list(CACHE.glob(_SERVER)):
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(CACHE / "npm")]
        subprocess.run([*command, SERVER_PACKAGE], check=True, env=os.environ | QUIET)  # noqa: S603


_SERVER = "npm/node_modules/@restatedev/restate-server-*/bin/restate-server"


def versions() -> dict[str, str]:
    """What was installed."""
    found = {}
    for package in ("restate-sdk", "granian", "dbos", "procrastinate"):
        (folder,) = (CACHE / "venv").glob(f"lib/python*/site-packages/{package.replace('-', '_')}-*.dist-info")
        found[package] = folder.name.removesuffix(".dist-info").rpartition("-")[2]
    package_file = next(CACHE.glob(_SERVER)).parents[1] / "package.json"
    found["restate-server"] = json.loads(package_file.read_text())["version"]
    return found


def peer(name: str, server: LocalDatabase, seconds: float) -> dict[str, float]:
    """One measurement of another engine, in a process of its own."""
    python = CACHE / "venv" / "bin" / "python"
    tail = [str(IN_FLIGHT[name]), str(seconds), str(LATENCY_ORDERS)]
    if name == "restate":
        arguments = [str(next(CACHE.glob(_SERVER))), *tail]
    else:
        arguments = [asyncio.run(_empty(server, name)), str(server.pid), *tail]
    command = [str(python), str(HERE / f"{name}_run.py"), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | QUIET, timeout=300)  # noqa: S603
    if done.returncode != 0:
        raise RuntimeError(f"{name} failed: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


async def _empty(server: LocalDatabase, name: str) -> str:
    async with await Database.connect(server.url(), size=1) as database, database.connection() as connection:
        await connection.execute(f'drop database if exists "{name}" with (force)')
        await connection.execute(f'create database "{name}"')
    return server.url(name)


def ours(server: LocalDatabase, seconds: float) -> dict[str, float]:
    """One measurement of our engine, decomposition included."""
    found = asyncio.run(whole(server, 500, seconds))
    alone = asyncio.run(lone(server, LATENCY_ORDERS))
    return {
        "items_per_second": found.items_per_second,
        "worker_ms_per_item": found.worker_ms_per_item,
        "database_ms_per_item": found.database_ms_per_item,
        "order_p50_ms": alone["order_p50_ms"],
        "order_p99_ms": alone["order_p99_ms"],
    }


def compare(
    *, rounds: int, seconds: float, only: list[str], say: Callable[[str], None] = print
) -> dict[str, dict[str, float]]:
    """The median of every figure by engine, with the ratio of ours to it; the engines take turns within each round."""
    install()
    runs: dict[str, list[dict[str, float]]] = {}
    with durable_server() as server:
        for _ in range(rounds):
            for name in (OURS, *only):
                found = ours(server, seconds) if name == OURS else peer(name, server, seconds)
                found["load"] = load_average()
                runs.setdefault(name, []).append(found)
                say(f"{name}: " + "  ".join(f"{key} {value:,.2f}" for key, value in found.items()))
    result: dict[str, dict[str, float]] = {}
    for name, found_ones in runs.items():
        result[name] = {key: Spread.of([one[key] for one in found_ones]).median for key in found_ones[0]}
        rates = Spread.of([one["items_per_second"] for one in found_ones])
        result[name] |= {"items_per_second_least": rates.least, "items_per_second_most": rates.most}
        result[name]["ours_is_times"] = Spread.of(
            [
                mine["items_per_second"] / max(one["items_per_second"], 1.0)
                for mine, one in zip(runs[OURS], found_ones, strict=True)
            ]
        ).median
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Our engine beside others.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--only", nargs="+", choices=sorted(IN_FLIGHT), default=list(IN_FLIGHT))
    options = parser.parse_args()
    quiet()
    found: dict[str, Any] = compare(rounds=options.rounds, seconds=options.seconds, only=options.only)
    page = write("peers", {"Engines": found, "Versions": [versions()]})
    print(f"Written: bench/results/{page.name}")


if __name__ == "__main__":
    main()
