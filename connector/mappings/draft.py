"""A set in the making: what was built so far, each thing with the node that it was built from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from connector.mappings.calendar import Calendar
from connector.mappings.diagnostics import Findings, did_you_mean
from connector.mappings.document import Kind, Node
from connector.mappings.placed import Expressions
from connector.mappings.policies import FalloutRow, Queue, RetryPolicy
from connector.mappings.salesforce import Intake, RecordMapping
from connector.mappings.set import (
    AttributeDefinition,
    InboundEvent,
    Interface,
    ItemDefinition,
    PlanDefinition,
    Product,
    Rule,
    Scenario,
    System,
)
from connector.mappings.timing import Alarm
from connector.model.json import Json
from connector.model.mark import RecordKind

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Made(Generic[T]):
    """Something of the set, and where it was written."""

    value: T
    node: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """A class of products: `line` is itself and its ancestors, nearest first; `attributes` those of all of them."""

    name: str
    line: tuple[str, ...]
    attributes: Mapping[str, AttributeDefinition]


@dataclass(slots=True)
class Names:
    """Every name that the set defines, gathered before anything is built, broken definitions included."""

    products: dict[str, str] = field(default_factory=dict)
    """Code → kind, as written."""
    classes: dict[str, Node] = field(default_factory=dict)
    lists: dict[str, Node] = field(default_factory=dict)
    plans: dict[str, dict[str, Node]] = field(default_factory=dict)
    """Plan → item key → the item."""
    item_keys: set[str] = field(default_factory=set)
    """The keys of all items of all plans."""
    systems: set[str] = field(default_factory=set)
    interfaces: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    queues: dict[str, str] = field(default_factory=dict)
    """Name → kind, as written."""
    retry_policies: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Draft:
    """The parts of a set, as far as they could be built, and everything found on the way."""

    findings: Findings
    expressions: Expressions
    documents: Mapping[str, tuple[Node, ...]]
    """By part (`plans`): the documents of all its files, in the order of the files."""
    names: Names = field(default_factory=Names)
    unread: frozenset[str] = frozenset()
    """Parts of which a file could not be read: whatever is not known may stand there."""
    complete: bool = True
    """False: something could not be built, so whether something is missing or unused can't be said."""
    classes: dict[str, Class] = field(default_factory=dict)
    products: dict[str, Made[Product]] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    """Class → the codes of its products, those of the classes below it included."""
    lists: dict[str, Made[Mapping[str, Json]]] = field(default_factory=dict)
    rules: list[Made[Rule]] = field(default_factory=list)
    scenarios: list[Made[Scenario]] = field(default_factory=list)
    plans: dict[str, Made[PlanDefinition]] = field(default_factory=dict)
    items: dict[tuple[str, str], Made[ItemDefinition]] = field(default_factory=dict)
    systems: dict[str, Made[System]] = field(default_factory=dict)
    interfaces: dict[str, Made[Interface]] = field(default_factory=dict)
    """By full name."""
    events: dict[str, Made[InboundEvent]] = field(default_factory=dict)
    """By full name."""
    queues: dict[str, Made[Queue]] = field(default_factory=dict)
    retry_policies: dict[str, Made[RetryPolicy]] = field(default_factory=dict)
    fallout: list[Made[FalloutRow]] = field(default_factory=list)
    fallout_queue: str = ""
    calendars: dict[str, Calendar] = field(default_factory=dict)
    alarm: Alarm = field(default_factory=Alarm)
    intake: Made[Intake] | None = None
    writeback: dict[RecordKind, Made[RecordMapping]] = field(default_factory=dict)

    def usable(self, nodes: Iterable[Node]) -> Iterator[Node]:
        """Those of the nodes of which something can be made."""
        for node in nodes:
            if node.kind is Kind.MAPPING and node not in self.findings.spoiled:
                yield node
            else:
                self.complete = False

    def known(
        self, node: Node, names: Iterable[str], code: str, what: str, *, word: str = "", inside: str = ""
    ) -> bool:
        """Whether a named thing exists (`inside` another); a finding when it does not."""
        name = word or node.text
        pool = names if isinstance(names, (set, dict, frozenset)) else set(names)
        if name in pool:
            return True
        if _PART_OF.get(code) in self.unread:
            return False
        node.report(
            self.findings,
            code,
            f"There is no {what} `{name}`{f' {inside}' if inside else ''}.",
            hint=did_you_mean(name, pool),
        )
        return False


_PART_OF = {
    **dict.fromkeys(("MAP030", "MAP031", "MAP032", "MAP033"), "products"),
    **dict.fromkeys(("MAP034", "MAP040"), "plans"),
    **dict.fromkeys(("MAP035", "MAP036", "MAP037"), "systems"),
    "MAP038": "queues",
    "MAP039": "fallout",
    "MAP042": "set",
}
"""Where the things are defined whose absence a code tells of."""


def items_of(node: Node | None) -> tuple[Node, ...]:
    """The entries of a list; none of anything else."""
    return tuple(node.items) if node is not None and node.kind is Kind.LIST else ()


def one_or_more(node: Node | None) -> tuple[Node, ...]:
    """The entries of a list, or a single value that stands for a list of itself."""
    if node is None:
        return ()
    return tuple(node.items) if node.kind is Kind.LIST else (node,)


def awaited(entry: Node) -> Node:
    """What an entry of `after` waits for: itself, or what is under `start`."""
    return entry["start"] if entry.kind is Kind.MAPPING else entry


def waits_for(node: Node, key: str) -> Node:
    """What an item (its node) waits for under a key; the item itself when there is no such entry."""
    entries = map(awaited, one_or_more(node.get("after")))
    return next((entry for entry in entries if entry.text.partition("@")[0].rpartition("/")[2] == key), node)


def entries_of(node: Node | None) -> tuple[tuple[Node, Node], ...]:
    """The entries of a mapping; none of anything else."""
    return tuple(node.entries) if node is not None and node.kind is Kind.MAPPING else ()


def word(node: Node, key: str, default: str = "") -> str:
    """The text under a key."""
    value = node.get(key)
    return default if value is None else value.text
