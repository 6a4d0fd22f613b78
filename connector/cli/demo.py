"""`connector demo`: the whole story on this machine, with nothing but this package."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.errors import ConnectorError

if TYPE_CHECKING:
    from rich.console import Console

    from connector.demo.runner import Demo
    from connector.demo.state import DemoState

DATA = Path(".demo")
LIVE_SPEED = 1.0
ONCE_SPEED = 5.0


def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Run to the end without a live screen, sum up, and end.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print the summary as JSON.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget earlier runs and start with empty hands.")] = False,
    crash: Annotated[
        bool, typer.Option("--crash", help="Kill the connector (-9) in the middle and start it again.")
    ] = False,
    data: Annotated[Path, typer.Option(help="Folder of everything that the demo keeps.")] = DATA,
    speed: Annotated[
        float | None, typer.Option(min=0.1, max=100, help="How many times faster than life the systems are.")
    ] = None,
    limit: Annotated[float, typer.Option(min=5, help="With --once: give up after so many seconds.")] = 120,
) -> None:
    """Show the main job, end to end: orders, systems, people, failures, and what Salesforce shows of it.

    Starts an embedded PostgreSQL, a local Salesforce org, simulated fulfillment systems and the connector,
    places five orders in the org, and looks on. Everything runs on this machine; Ctrl-C stops it all, and
    the next start goes on from there. With --once the exit code is 0 only if every order is in its expected
    final state as read back from the org.
    """
    from rich.console import Console

    from connector.demo.runner import Demo
    from connector.demo.stage import prepare
    from connector.demo.summary import print_summary, summary
    from connector.localdb import local_database

    if as_json and not once:
        raise typer.BadParameter("--json goes with --once")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # the demo itself tells of a database that is away
    console = Console(highlight=False)
    chosen = speed or (ONCE_SPEED if once else LIVE_SPEED)
    try:
        folder = prepare(data, fresh=fresh)
        with contextlib.ExitStack() as stack:
            with console.status("starting the database") if console.is_terminal else contextlib.nullcontext():
                database = stack.enter_context(local_database(folder))
            course = Demo(data=data, database=database, speed=chosen, crash=crash)
            with _shown(course, console, quiet=as_json, live=console.is_terminal and not once):
                state = _run(course, until_over=once, limit=limit if once else float("inf"))
    except ConnectorError as error:
        typer.echo(f"connector demo: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(summary(state), indent=2))
    else:
        print_summary(console, state, stopped=not once)
    raise typer.Exit(0 if state.is_over or not once else 1)


def _run(course: Demo, *, until_over: bool, limit: float) -> DemoState:
    """Run until the end, or until Ctrl-C, SIGTERM or a closed terminal ask for it."""

    async def main() -> DemoState:
        task = asyncio.create_task(course.run(until_over=until_over, limit=limit))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return course.state

    return asyncio.run(main())


@contextlib.contextmanager
def _shown(course: Demo, console: Console, *, quiet: bool, live: bool) -> Iterator[None]:
    """Show the course: as a live screen, as lines, or not at all."""
    from rich.live import Live

    from connector.demo.screen import render

    if quiet:
        yield
    elif live:
        with Live(console=console, screen=False, auto_refresh=False, transient=True) as display:
            course.show = lambda state: display.update(render(state, height=console.size.height), refresh=True)
            yield
    else:
        course.show = _Lines(console)
        yield


class _Lines:
    """What happens, line by line, for output that is no terminal."""

    def __init__(self, console: Console) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, width=200) if not sys.stdout.isatty() else console
        self._stage = ""
        self._trouble = ""
        self._looked = False
        self._printed = 0

    def __call__(self, state: DemoState) -> None:
        if state.stage != self._stage:
            self._stage = state.stage
            self._console.print(f"{state.seconds:6.1f} s  {state.stage}")
            if state.look and not self._looked:
                self._looked = True
                self._console.print(f"{state.seconds:6.1f} s  look closer: {state.look} list", markup=False)
        if state.trouble != self._trouble:
            self._trouble = state.trouble
            self._console.print(f"{state.seconds:6.1f} s  {state.trouble or 'All can be seen again.'}", markup=False)
        from connector.demo.screen import print_line

        new = state.told - self._printed
        for one in list(state.happenings)[-new:] if new else []:
            print_line(self._console, one)
        self._printed = state.told
