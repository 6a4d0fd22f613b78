"""Run many seeds, or replay one: `python -m tests.simulation --seeds 10000`, `python -m tests.simulation --seed 42`."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.simulation.run import Outcome, run

SHOWN = 5
"""Failing seeds that are shown one by one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """0: every invariant held in every seed; 1: not."""
    parser = argparse.ArgumentParser(prog="make simulate", description="The connector in a simulated world.")
    parser.add_argument("--seeds", type=int, default=300, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="replay one seed, and show what happened in it")
    parser.add_argument("--jobs", type=int, default=1, help="processes to run them in")
    given = parser.parse_args(arguments)
    console = Console()
    if given.seed is not None:
        return replay(console, given.seed)
    failed: list[Outcome] = []
    ran, events = 0, 0
    with _progress(console) as progress:
        task = progress.add_task("seeds", total=given.seeds, failed="")
        for outcome in _outcomes(range(given.first, given.first + given.seeds), given.jobs):
            ran, events = ran + 1, events + outcome.steps
            if outcome.violation is not None:
                failed.append(outcome)
                if len(failed) <= SHOWN:
                    progress.console.print(f"seed {outcome.seed}: {outcome.violation}", markup=False)
            progress.update(task, advance=1, failed=f"{len(failed)} failed" if failed else "")
    console.print(f"{ran} seeds, {events:,} steps, {len(failed)} failed", markup=False)
    for outcome in failed[:SHOWN]:
        console.print(f"replay: make simulate SEED={outcome.seed}", markup=False)
    return 1 if failed else 0


def replay(console: Console, seed: int) -> int:
    """One seed with all that happened in it."""
    outcome = run(seed, keep_trace=True)
    console.print("\n".join(outcome.trace), markup=False, highlight=False, soft_wrap=True)
    verdict = f"FAILED: {outcome.violation}" if outcome.violation else "every invariant held"
    console.print(
        f"seed {seed}, {outcome.seconds:.0f} simulated seconds, run {outcome.digest}: {verdict}", markup=False
    )
    return 1 if outcome.violation else 0


def _outcomes(seeds: range, jobs: int) -> Iterator[Outcome]:
    if jobs <= 1:
        yield from map(run, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap(run, seeds, chunksize=8)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("[red]{task.fields[failed]}"),
        console=console,
        disable=not console.is_terminal,
    )


if __name__ == "__main__":
    sys.exit(main())
