"""YAML text → trees of nodes that know where they stand.

Deliberately less than YAML: no tags, anchors, aliases, directives or complex keys, no duplicate keys,
bounded depth and size, and the scalars of YAML 1.2 (`on` and `no` are text). Nothing here builds Python
objects from what a file says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from connector.mappings.diagnostics import Findings
from connector.mappings.expression import Source
from connector.mappings.text import FileText
from connector.model.json import Json

MAX_DEPTH = 24
"""Deepest nesting accepted."""

MAX_NODES = 200_000
"""Most values accepted in one file."""


class Kind(StrEnum):
    """What a node is; the values are the words of the messages."""

    TEXT = "text"
    INTEGER = "a whole number"
    NUMBER = "a number"
    BOOLEAN = "true or false"
    NULL = "nothing"
    LIST = "a list"
    MAPPING = "a mapping"


SCALARS = frozenset({Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.BOOLEAN, Kind.NULL})


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of a file. `text` is a scalar's text as written, `style` its quoting (`'`, `"`, `|`, `>`).

    `start` and `end` are offsets in the file. Equality is identity: the same text at two places is two.
    """

    kind: Kind
    file: FileText
    start: int
    end: int
    text: str = ""
    style: str | None = None
    items: Sequence[Node] = ()
    entries: Sequence[tuple[Node, Node]] = ()

    @property
    def source(self) -> Source:
        """Where it stands."""
        return self.file.source(self.start)

    @property
    def is_scalar(self) -> bool:
        """It is neither list nor mapping."""
        return self.kind in SCALARS

    def get(self, key: str) -> Node | None:
        """The value under a key of a mapping (the first, where it was written twice)."""
        return next((value for name, value in self.entries if name.text == key), None)

    def key(self, key: str) -> Node | None:
        """The node of the key itself."""
        return next((name for name, _ in self.entries if name.text == key), None)

    def __getitem__(self, key: str) -> Node:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    @property
    def plain(self) -> Json:
        """The value as JSON."""
        if self.kind is Kind.MAPPING:
            return {name.text: value.plain for name, value in self.entries}
        if self.kind is Kind.LIST:
            return [item.plain for item in self.items]
        return _PLAIN[self.kind](self.text)

    def report(self, findings: Findings, code: str, message: str, *, hint: str = "") -> None:
        """Note a finding at this node."""
        findings.add(code, self.file, self.start, message, hint=hint, end=self.end)


_NULL = re.compile(r"null|Null|NULL|~|")
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}|0o[0-7]{1,30}|0x[0-9a-fA-F]{1,30}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,2})?")


def _integer(text: str) -> int:
    return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)


_PLAIN: Mapping[Kind, Callable[[str], Json]] = {
    Kind.TEXT: str,
    Kind.INTEGER: _integer,
    Kind.NUMBER: float,
    Kind.BOOLEAN: lambda text: text.lower() == "true",
    Kind.NULL: lambda _: None,
}


def _scalar_kind(text: str, style: str | None) -> Kind:
    if style is not None:
        return Kind.TEXT
    if _NULL.fullmatch(text):
        return Kind.NULL
    if _BOOLEAN.fullmatch(text):
        return Kind.BOOLEAN
    if _INTEGER.fullmatch(text):
        return Kind.INTEGER
    if _NUMBER.fullmatch(text):
        return Kind.NUMBER
    return Kind.TEXT


class _Yaml(YAML):
    """The parser of ruamel.yaml, which without this would look through its folder for plug-ins each time."""

    def official_plug_ins(self) -> list[str]:
        """None."""
        return []


class _Refused(Exception):
    """The file can't be read on: a finding says why."""


def parse(file: FileText, findings: Findings) -> tuple[Node, ...]:
    """The documents of a file; empty documents are left out. None at all when the text is not YAML."""
    try:
        return tuple(_documents(file, findings))
    except _Refused:
        return ()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        offset = mark.index if mark is not None else 0
        parts = [part for part in (error.context, error.problem) if part]
        findings.add(
            "MAP006",
            file,
            offset,
            f"This is not YAML: {', '.join(parts) or 'malformed'}.",
            hint=_hint(file, offset, str(error.problem)),
        )
    except ReaderError as error:
        offset = error.position if isinstance(error.position, int) else 0
        findings.add("MAP002", file, offset, "A character is not allowed in YAML.")
    except (YAMLError, ValueError, OverflowError) as error:
        findings.add("MAP006", file, 0, f"This is not YAML: {error}.")
    return ()


def _hint(file: FileText, offset: int, problem: str) -> str:
    line, _ = file.place(offset)
    text = file.line(line)
    if "\t" in text[: len(text) - len(text.lstrip())]:
        return "Indent with spaces, never with tabs."
    if "expected ',' or" in problem:
        return "Between `{…}` or `[…]` of YAML an expression with brackets, braces or commas must be quoted."
    if re.match(r"\s*(- )?[\w.-]+:\s+[^'\"\s|>{\[].*(: | #)", text):
        return "An expression that holds `: ` or ` #` must be quoted, or stand below in a block (`|`)."
    return ""


def _documents(file: FileText, findings: Findings) -> Iterator[Node]:
    open_nodes: list[_Building] = []
    count = 0
    for event in _Yaml(typ="safe", pure=True).parse(file.text):
        finished: Node | None = None
        match event:
            case MappingStartEvent() | SequenceStartEvent():
                _refuse_extras(file, event, findings)
                open_nodes.append(_Building(isinstance(event, MappingStartEvent), event.start_mark.index))
            case MappingEndEvent() | SequenceEndEvent():
                finished = open_nodes.pop().finish(file, event, findings)
            case ScalarEvent() | AliasEvent():
                finished = _scalar(file, event, findings)
            case DocumentStartEvent() if event.version is not None or event.tags:
                findings.add("MAP008", file, event.start_mark.index, "YAML directives are not used in mapping sets.")
            case _:
                pass
        count += finished is not None
        _refuse_excess(file, event, findings, depth=len(open_nodes), count=count)
        if finished is not None and open_nodes:
            open_nodes[-1].children.append(finished)
        elif finished is not None and finished.kind is not Kind.NULL:
            yield finished


def _refuse_excess(file: FileText, event: Any, findings: Findings, *, depth: int, count: int) -> None:
    if depth > MAX_DEPTH:
        findings.add("MAP009", file, event.start_mark.index, f"Nested deeper than {MAX_DEPTH} levels.")
        raise _Refused
    if count > MAX_NODES:
        findings.add("MAP009", file, event.start_mark.index, f"More than {MAX_NODES} values in one file.")
        raise _Refused


class _Building:
    """A list or mapping whose end has not been read."""

    __slots__ = ("children", "is_mapping", "start")

    def __init__(self, is_mapping: bool, start: int) -> None:  # noqa: FBT001 - a private pair of values
        self.is_mapping = is_mapping
        self.start = start
        self.children: list[Node] = []

    def finish(self, file: FileText, event: Any, findings: Findings) -> Node:
        last = self.children[-1].end if self.children else event.end_mark.index
        end = max(last, min(event.end_mark.index, last + 1)) if self.children else last
        if not self.is_mapping:
            return Node(Kind.LIST, file, self.start, end, items=tuple(self.children))
        entries = list(zip(self.children[::2], self.children[1::2], strict=True))
        first: dict[str, Node] = {}
        kept = []
        for key, value in entries:
            if not key.is_scalar:
                key.report(findings, "MAP012", "A key must be text.")
            elif key.text in first:
                line, _ = file.place(first[key.text].start)
                key.report(findings, "MAP007", f"The key `{key.text}` is written twice; first in line {line}.")
            else:
                first[key.text] = key
                kept.append((key, value))
        return Node(Kind.MAPPING, file, self.start, end, entries=tuple(kept))


def _scalar(file: FileText, event: Any, findings: Findings) -> Node:
    _refuse_extras(file, event, findings)
    start, end = event.start_mark.index, event.end_mark.index
    text = str(event.value)
    if any("\ud800" <= character <= "\udfff" for character in text):
        findings.add("MAP002", file, start, "Half of a surrogate pair is no character.")
        text = ""
    style = event.style or None
    if style is None and not text:
        end = start
    return Node(_scalar_kind(text, style), file, start, end, text=text, style=style)


def _refuse_extras(file: FileText, event: Any, findings: Findings) -> None:
    alias = isinstance(event, AliasEvent)
    extras = (("aliases", alias or None), ("anchors", event.anchor), ("tags", None if alias else event.tag))
    for what, extra in extras:
        if extra is not None:
            hint = "Write the value again." if alias else ""
            findings.add(
                "MAP008", file, event.start_mark.index, f"YAML {what} are not used in mapping sets.", hint=hint
            )
            raise _Refused
