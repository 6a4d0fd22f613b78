"""Metadata XML, read without namespaces and without surprises."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # the files are the project's own; they never come over a wire
from collections.abc import Iterable
from pathlib import Path


class MetadataError(Exception):
    """A metadata file that can't be read, or says something that can't be. Names the file."""


class Node:
    """One element: its children by local name, its text, and the file for error messages."""

    __slots__ = ("_children", "content", "file")

    def __init__(self, element: ET.Element, file: Path) -> None:
        self.file = file
        self.content = (element.text or "").strip()
        self._children: dict[str, list[Node]] = {}
        for child in element:
            self._children.setdefault(child.tag.rpartition("}")[2], []).append(Node(child, file))

    def text(self, name: str, default: str = "") -> str:
        """The text of a child element."""
        child = self.get(name)
        return child.content if child else default

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
        found = self._children.get(name)
        return found[0] if found else None

    def all(self, name: str) -> Iterable[Node]:
        """All child elements of that name."""
        return self._children.get(name, ())

    def names(self) -> Iterable[str]:
        """The local names of all child elements."""
        return self._children

    def has(self, name: str) -> bool:
        """Whether there is such a child."""
        return name in self._children


def read(file: Path) -> Node:
    """The root element of a metadata file.

    Raises:
        MetadataError: the file is not well-formed XML.
    """
    try:
        return Node(ET.parse(file).getroot(), file)  # noqa: S314 -- see the import
    except ET.ParseError as error:
        raise MetadataError(f"{file}: {error}") from None
