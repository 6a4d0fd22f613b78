"""Metadata XML, read without namespaces and without surprises."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # the files are the project's own; they never come over a wire
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class MetadataError(Exception):
    """A metadata file that can't be read, or says something that can't be. Names the file."""


@dataclass(frozen=True, slots=True)
class Node:
    """One element: children by local name, text, and the file for error messages."""

    element: ET.Element
    file: Path

    def text(self, name: str, default: str = "") -> str:
        """The text of a child element."""
        child = self.get(name)
        return (child.element.text or "").strip() if child else default

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A child element that says true or false."""
        return self.text(name, str(default).lower()) == "true"

    def number(self, name: str, default: int = 0) -> int:
        """A child element that holds a whole number."""
        text = self.text(name)
        try:
            return int(text) if text else default
        except ValueError:
            raise MetadataError(f"{self.file}: <{name}> is {text!r}, not a whole number") from None

    def get(self, name: str) -> Node | None:
        """The first child element of that name."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Node]:
        """All child elements of that name."""
        return (Node(child, self.file) for child in self.element if _local(child) == name)

    def names(self) -> Iterator[str]:
        """The local names of all child elements."""
        return (_local(child) for child in self.element)

    def has(self, name: str) -> bool:
        """Whether there is such a child."""
        return self.get(name) is not None


def read(file: Path) -> Node:
    """The root element of a metadata file.

    Raises:
        MetadataError: the file is not well-formed XML.
    """
    try:
        return Node(ET.parse(file).getroot(), file)  # noqa: S314 -- see the import
    except ET.ParseError as error:
        raise MetadataError(f"{file}: {error}") from None


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
