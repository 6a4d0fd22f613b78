"""Grammar: element names, nesting, repetition, enums and literals as Salesforce's type definitions say.

Element order is not checked: the platform does not mind it, but it does refuse a list whose elements are apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from .derive import TYPES_FILE
from .findings import Code, Finding
from .markup import METADATA, Element
from .project import KINDS, Project, Source

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grammar:
    """The types that metadata is written in. See `derive` for how an element's type is spelled."""

    types: Mapping[str, Mapping[str, str]]
    enums: Mapping[str, frozenset[str]]

    @classmethod
    def load(cls) -> Self:
        """The types of `types.json`."""
        content = json.loads(TYPES_FILE.read_text(encoding="utf-8"))
        return cls(types=content["types"], enums={name: frozenset(values) for name, values in content["enums"].items()})

    def check(self, project: Project) -> Iterator[Finding]:
        """What is wrong with the grammar of the project's files."""
        for source in project.sources:
            expected = KINDS[source.kind][0]
            if source.root.tag != expected:
                yield source.finding(Code.ROOT_TYPE, f"the root is {source.root.tag}, it should be {expected}")
            else:
                yield from self._foreign(source)
                yield from self._structure(source, source.root, expected)

    def _foreign(self, source: Source) -> Iterator[Finding]:
        for element in source.root.walk():
            if element.namespace != METADATA:
                yield source.finding(Code.NAMESPACE, f"{element.tag} is not in the namespace {METADATA}", element.line)
                return

    def _structure(self, source: Source, element: Element, type_name: str) -> Iterator[Finding]:
        elements = self.types[type_name]
        if element.text:
            yield source.finding(Code.STRAY_TEXT, f"text inside {element.tag}: {element.text[:40]!r}", element.line)
        seen: list[str] = []
        for child in element.children:
            spelled = elements.get(child.tag)
            if spelled is None:
                yield source.finding(Code.UNKNOWN_ELEMENT, f"{child.tag} is no element of {type_name}", child.line)
                continue
            if child.tag in seen and not spelled.endswith("[]"):
                yield source.finding(Code.GIVEN_TWICE, f"{child.tag} is given twice", child.line)
            elif child.tag in seen and seen[-1] != child.tag:
                yield source.finding(
                    Code.SPLIT_LIST, f"the {child.tag} elements are not next to each other", child.line
                )
            seen.append(child.tag)
            yield from self._content(source, child, spelled.rstrip("?[]"))
        for name, spelled in elements.items():
            if spelled[-1] not in "?]" and name not in seen:
                yield source.finding(
                    Code.MISSING_ELEMENT, f"{element.tag} lacks {name}, which {type_name} must have", element.line
                )

    def _content(self, source: Source, element: Element, type_name: str) -> Iterator[Finding]:
        if type_name in self.types:
            yield from self._structure(source, element, type_name)
        elif element.children:
            yield source.finding(
                Code.NOT_SCALAR, f"{element.tag} is a {type_name} and can't hold elements", element.line
            )
        elif type_name in self.enums and element.text not in self.enums[type_name]:
            yield source.finding(
                Code.NOT_IN_ENUM, f"{element.tag} is {element.text!r}, no value of {type_name}", element.line
            )
        elif type_name == "boolean" and element.text not in {"true", "false"}:
            yield source.finding(Code.NOT_BOOLEAN, f"{element.tag} is {element.text!r}, not a boolean", element.line)
        elif type_name == "number" and not _NUMBER.fullmatch(element.text):
            yield source.finding(Code.NOT_NUMBER, f"{element.tag} is {element.text!r}, not a number", element.line)
