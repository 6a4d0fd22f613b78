"""What is seen of orders, shown once or again and again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Protocol

import msgspec
import typer

from connector.cli.output import console

if TYPE_CHECKING:
    from rich.console import Console

    from connector.display.lines import Line


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
