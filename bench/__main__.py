"""Run the benchmarks and write the results: `python -m bench [--full] [--only engine growth pipeline overload]`.

The short form takes some minutes; the full one is what the target figures are stated for (five minutes each of pipeline
and overload, 100,000 waiting orders).
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import engine, growth, overload, pipeline
from bench.quiet import quiet
from bench.report import write


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How much is measured."""

    seconds: float
    repetitions: int
    in_flight: tuple[int, ...]
    sizes: tuple[int, ...]
    waiting: tuple[int, ...]
    pipeline_seconds: float
    overload_seconds: float


SHORT = Extent(
    seconds=3,
    repetitions=3,
    in_flight=(50, 200, 500),
    sizes=(10, 100, 1_000, 10_000),
    waiting=(1_000, 20_000),
    pipeline_seconds=60,
    overload_seconds=20,
)
FULL = Extent(
    seconds=8,
    repetitions=5,
    in_flight=(50, 200, 500),
    sizes=(10, 100, 1_000, 10_000),
    waiting=(1_000, 100_000),
    pipeline_seconds=300,
    overload_seconds=300,
)
PARTS = ("engine", "growth", "pipeline", "overload")


def measure(part: str, extent: Extent, rate: float, say: Callable[[str], None]) -> dict[str, Any]:
    """One part; gives its tables by title."""
    match part:
        case "engine":
            found = engine.measure(
                seconds=extent.seconds,
                repetitions=extent.repetitions,
                in_flight=extent.in_flight,
                only=("throughput", "latency", "workers"),
                say=say,
            )
            return {f"Engine: {name}": each for name, each in found.items()}
        case "growth":
            found = growth.measure(sizes=extent.sizes, items=4_000, numbers=extent.waiting, say=say)
            return {f"Growth: {name}": each for name, each in found.items()}
        case "pipeline":
            progress = _counting("orders completed", say)
            return {"Pipeline": asyncio.run(pipeline.run(rate=rate, seconds=extent.pipeline_seconds, say=progress))}
        case _:
            progress = _counting("orders completed", say)
            return {"Overload": asyncio.run(overload.run(seconds=extent.overload_seconds, say=progress))}


def _counting(what: str, say: Callable[[str], None]) -> Callable[[int], None]:
    return lambda count: say(f"{count:,} {what}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Run the benchmarks and write the results.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--full", action="store_true", help="as long as the target figures are stated for")
    parser.add_argument("--rate", type=float, default=42.0, help="orders a second of the pipeline")
    options = parser.parse_args()
    quiet()
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("benchmarks", total=len(options.only))
        for part in options.only:
            progress.update(task, description=f"{part}…")

            def say(text: str, part: str = part) -> None:
                progress.update(task, description=f"{part}: {text[:70]}")

            found = measure(part, FULL if options.full else SHORT, options.rate, say)
            page = write("bench", found)
            progress.advance(task)
            console.print(f"Written: bench/results/{page.name}")


if __name__ == "__main__":
    main()
