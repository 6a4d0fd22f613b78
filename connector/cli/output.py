"""The standard output of commands: as wide as the terminal, or wide enough for a file."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PLAIN_WIDTH = 200
"""Columns when the output goes to a file or another program."""


def console(plain_width: int = PLAIN_WIDTH) -> Console:
    """The standard output, so wide where it is no terminal."""
    from rich.console import Console

    with contextlib.suppress(AttributeError):  # a stream of another kind takes everything
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=plain_width)


def table(*titles: str, right: int = 0) -> Table:
    """A table without lines, the last columns (`right`) of numbers; what is too long for its column is folded."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="dim")
    for place, title in enumerate(titles):
        made.add_column(title, overflow="fold", justify="left" if place < len(titles) - right else "right")
    return made
