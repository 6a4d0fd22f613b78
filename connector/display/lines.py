"""Lines of styled text that fit a width: the form in which long things are shown.

A plan may have ten thousand items; lines that are cut, not wrapped, cost a hundredth of text that is laid out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions
from rich.segment import Segment

from connector.text import printable


class Line:
    """One line, added to part by part. What is added may come from anywhere: it can't play tricks with a terminal."""

    __slots__ = ("cells", "parts")

    def __init__(self, text: str = "", style: str = "") -> None:
        self.parts: list[tuple[str, str]] = []
        self.cells = 0
        if text:
            self.add(text, style)

    def add(self, text: str, style: str = "") -> Self:
        """Add text at the end."""
        if text:
            text = printable(text)
            self.parts.append((text, style))
            self.cells += _cells(text)
        return self

    def column(self, text: str, cells: int, style: str = "", *, right: bool = False) -> Self:
        """Add text in exactly so many cells; too long a text ends with `…`."""
        text = fit(printable(text), cells)
        gap = " " * (cells - _cells(text))
        return self.add(f"{gap}{text}" if right else f"{text}{gap}", style)

    def within(self, other: Line, cells: int) -> Self:
        """Add another line in exactly so many cells; one that is too long is cut."""
        for text, style in other.cut(cells):
            self.add(text, style)
        return self.add(" " * (cells - other.cells))

    def join(self, other: Line) -> Self:
        """Add another line at the end."""
        self.parts += other.parts
        self.cells += other.cells
        return self

    @property
    def plain(self) -> str:
        """The text alone, without spaces at its end."""
        return "".join(text for text, _ in self.parts).rstrip()

    def cut(self, width: int) -> Sequence[tuple[str, str]]:
        """The parts as far as they fit; what is cut ends with `…`."""
        if self.cells <= width:
            return self.parts
        kept: list[tuple[str, str]] = []
        left = width
        for text, style in self.parts:
            cells = _cells(text)
            if cells >= left:
                kept.append((fit(f"{text} " if cells == left else text, left), style))
                break
            kept.append((text, style))
            left -= cells
        return kept


def flow(line: Line, width: int, indent: int = 3) -> Iterator[Line]:
    """The line as one or several that fit the width, broken between words; all but the first are indented."""
    if line.cells <= width:
        yield line
        return
    made = Line()
    for text, style in line.parts:
        for word in _WORD.findall(text):
            if made.cells > indent and made.cells + _cells(word) > width:
                yield made
                made = Line(" " * indent)
                word = word.lstrip(" ")  # noqa: PLW2901 - the space has become the end of a line
            made.add(word, style)
    yield made


_WORD = re.compile(r" *[^ ]+| +")
"""A word with the spaces before it."""


class Lines:
    """Lines as something that Rich can print."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.lines = list(lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        """As segments; each line is cut at the width."""
        end = Segment.line()
        for line in self.lines:
            for text, style in line.cut(options.max_width):
                yield Segment(text, console.get_style(style) if style else None)
            yield end


def fit(text: str, cells: int) -> str:
    """The text, or as much of it as fits into so many cells with a `…` at the end."""
    if _cells(text) <= cells:
        return text
    if cells <= 0:
        return ""
    return f"{text[: cells - 1] if text.isascii() else set_cell_size(text, cells - 1)}…"


def _cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def plain(lines: Iterable[Line], width: int) -> str:
    """The lines as text without styles."""
    return "\n".join("".join(text for text, _ in line.cut(width)).rstrip() for line in lines)
