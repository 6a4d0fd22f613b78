"""XML as a tree of plain values that know their line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

METADATA = "http://soap.sforce.com/2006/04/metadata"
"""The namespace of all metadata."""


class NotWellFormed(Exception):
    """The text is no XML document."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(slots=True, kw_only=True)
class Element:
    """One element: its name without namespace, its text without white space around it, its children in order."""

    tag: str
    namespace: str
    line: int
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        """The children with this name."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str) -> Element | None:
        """The first child with this name."""
        return next((child for child in self.children if child.tag == tag), None)

    def value(self, tag: str) -> str | None:
        """The text of the first child with this name; None where there is none."""
        child = self.first(tag)
        return None if child is None else child.text

    def is_true(self, tag: str) -> bool:
        """Whether the child with this name says `true`."""
        return self.value(tag) == "true"

    def line_of(self, tag: str) -> int:
        """The line of the first child with this name, or of the element itself."""
        child = self.first(tag)
        return self.line if child is None else child.line

    def walk(self) -> Iterator[Element]:
        """The element and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse(text: bytes) -> Element:
    """The root element of a document.

    Raises:
        NotWellFormed: it is none.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    roots: list[Element] = []
    open_elements: list[Element] = []

    def start(name: str, _attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        element = Element(tag=tag, namespace=namespace, line=parser.CurrentLineNumber)
        (open_elements[-1].children if open_elements else roots).append(element)
        open_elements.append(element)

    def end(_name: str) -> None:
        element = open_elements.pop()
        element.text = element.text.strip()

    def characters(data: str) -> None:
        open_elements[-1].text += data

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    try:
        parser.Parse(text, True)  # noqa: FBT003 - expat takes it by position
    except expat.ExpatError as error:
        raise NotWellFormed(error.lineno, expat.ErrorString(error.code)) from error
    return roots[0]
