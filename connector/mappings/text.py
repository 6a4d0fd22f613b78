"""The text of one file of a set: lines, and where an offset in it stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from connector.mappings.expression import Source

_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileText:
    """One file: its path inside the set's folder, its text, and the offsets at which its lines start."""

    path: str
    text: str
    starts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", (0, *(match.end() for match in _BREAK.finditer(self.text))))

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1; an offset beyond the text stands at its end."""
        bounded = max(0, min(offset, len(self.text)))
        line = bisect_right(self.starts, bounded)
        return line, bounded - self.starts[line - 1] + 1

    def source(self, offset: int) -> Source:
        """An offset as the `Source` that the compiled set keeps."""
        return Source(self.path, *self.place(offset))

    def line(self, number: int) -> str:
        """The text of one line, from 1, without its break; empty when there is no such line."""
        if not 1 <= number <= len(self.starts):
            return ""
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r\n")
