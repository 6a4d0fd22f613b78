"""What the commands about orders share: the database, the screen, the complaints."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import msgspec
import typer

from connector.cli import work as shared

if TYPE_CHECKING:
    from rich.console import Console

    from connector.display.lines import Line
    from connector.store.database import Database

PLAIN_WIDTH = 200
"""Columns when the output goes to a file or another program."""


class Sight(Protocol):
    """What was seen in one look."""

    @property
    def is_over(self) -> bool:
        """Nothing will change any more."""

    def lines(self, width: int, height: int | None = None) -> Iterable[Line]:
        """For people: all of it, or what matters most on a screen so high."""

    def document(self) -> str:
        """For programs: JSON in one line."""


LOOK_SECONDS = 1.0
"""How often `--watch` looks whether something has changed."""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def console() -> Console:
    """The standard output: as wide as the terminal, or wide enough for a file."""
    from rich.console import Console

    with contextlib.suppress(AttributeError):  # a stream of another kind takes everything
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def complaints(command: str) -> AbstractContextManager[None]:
    """What goes wrong inside is told in one line, and ends the program."""
    return shared.complaints(f"orders {command}")


def run(work: Callable[[Database], Coroutine[None, None, None]]) -> None:
    """Do something with the database, until it is done or Ctrl-C, SIGTERM or a closed terminal ends it.

    Raises:
        ConnectorError: the settings or the database keep it from being done.
    """
    asyncio.run(_until_told(work))


async def _until_told(work: Callable[[Database], Coroutine[None, None, None]]) -> None:
    async with shared.opened() as (database, _):
        task = asyncio.create_task(work(database))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await task


_UNPRINTABLE = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""What JSON leaves as it is and a terminal may take for a command."""


def to_json(told: object) -> str:
    """JSON in one line; times in ISO 8601, priorities by name."""
    return _UNPRINTABLE.sub(lambda mark: f"\\u{ord(mark[0]):04x}", msgspec.json.encode(told, enc_hook=str).decode())


def show(sight: Sight, *, as_json: bool) -> None:
    """Print what was seen."""
    if as_json:
        typer.echo(msgspec.json.format(sight.document(), indent=2))
    else:
        screen = console()
        _print(screen, sight)


def _print(screen: Console, sight: Sight) -> None:
    from connector.display.lines import Lines, plain

    lines = sight.lines(screen.width)
    if screen.color_system is None:
        typer.echo(plain(lines, screen.width))
    else:
        screen.print(Lines(lines), crop=False, end="")


async def watch(look: Callable[[], Awaitable[Sight]], *, as_json: bool) -> None:
    """Show what is seen, and look again every second until nothing will change any more or somebody ends it.

    On a terminal the picture is drawn anew, and the last one stays. Elsewhere each that differs from the one before is
    printed after it; as JSON, one line each.
    """
    screen = console()
    if screen.is_terminal and not as_json:
        await _watch_on(screen, look)
        return
    told = ""
    while True:
        sight = await look()
        document = sight.document()
        if document != told:
            told = document
            typer.echo(document) if as_json else _print(screen, sight)
        if sight.is_over:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _watch_on(screen: Console, look: Callable[[], Awaitable[Sight]]) -> None:
    from rich.live import Live

    from connector.display.lines import Lines

    sight: Sight | None = None
    try:
        with Live(console=screen, screen=True, auto_refresh=False, vertical_overflow="crop") as display:
            while True:
                sight = await look()
                display.update(Lines(sight.lines(screen.width, screen.height)), refresh=True)
                if sight.is_over:
                    break
                await asyncio.sleep(LOOK_SECONDS)
    finally:
        if sight is not None:
            _print(screen, sight)
