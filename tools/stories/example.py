"""The worked examples of docs/changing-orders.md as data, and how one is played.

An example (docs/changes/*.yaml) names a case of a mapping set, the moment at which the order is revised, what the
supplemental order wants, and who says what about it:

    set: infiwave
    case: mobile-with-phone
    begins: 2026-03-02T09:00:00Z
    wanted: 2026-03-09T08:00:00Z                  # optional: the date that the order is wanted for
    when: {ship: Completed}                       # the first moment at which these items have come to these states
    wait: 3                                       # optional: and so many hours later
    action: Amend
    lines:
      plan: {tier: L}                             # by line of the case: the attributes that differ
      handset: Cancel
    moved_to: 2026-03-16T08:00:00Z                # optional: the date that is wanted now
    then:
      - {approve: Sam Rivera}                     # or reject, override: an hour after the one before
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

from connector.mappings.load import load
from connector.mappings.orderfile import read
from connector.mappings.set import MappingSet
from connector.model.events import Event, Operation, OperatorCommanded, RevisionRead
from connector.model.ids import CommandId, LineId, OrderId
from connector.model.order import InventoryItem, Order, OrderLine
from connector.model.plan import Plan
from connector.model.revision import Assessment
from connector.model.states import ItemState, ItemType, PlanState
from connector.orchestrator.outlook import is_busy
from connector.orchestrator.preview import foresee
from tools.stories.world import World, world

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "docs" / "changes"

FIRST, SECOND = "00000101", "00000102"
"""Numbers of the order and of the one that supersedes it."""

_OPERATIONS = {"approve": Operation.APPROVE, "reject": Operation.REJECT, "override": Operation.OVERRIDE}
_OVER = (PlanState.COMPLETED, PlanState.CANCELED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One worked example."""

    name: str
    set: str
    case: str
    begins: datetime
    when: Mapping[str, ItemState]
    wait: float = 0
    """Hours."""
    action: Literal["Amend", "Cancel"]
    lines: Mapping[str, Mapping[str, Any] | Literal["Cancel"]] = field(default_factory=dict)
    wanted: datetime | None = None
    moved_to: datetime | None = None
    then: tuple[tuple[Operation, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What became of an example."""

    example: Example
    before: Order
    given: Order
    stands: Plan
    """The plan just before it was revised."""
    revised_at: datetime
    seen: int
    """How many lines of history there were then."""
    assessment: Assessment
    preview: str
    world: World
    """At the end."""


def examples() -> Iterator[Example]:
    """All of them, by name."""
    for file in sorted(FOLDER.glob("*.yaml")):
        yield example(file.stem)


def example(name: str) -> Example:
    """The example of that name."""
    told = YAML(typ="safe").load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return Example(
        name=name,
        set=told["set"],
        case=told["case"],
        begins=_utc(told["begins"]),
        when={key: ItemState(state) for key, state in told["when"].items()},
        wait=told.get("wait", 0),
        action=told["action"],
        lines=told.get("lines", {}),
        wanted=_utc(told["wanted"]) if "wanted" in told else None,
        moved_to=_utc(told["moved_to"]) if "moved_to" in told else None,
        then=tuple((_OPERATIONS[what], who) for each in told.get("then", ()) for what, who in each.items()),
    )


@contextmanager
def playing(one: Example) -> Iterator[Played]:
    """Play an example to its end."""
    mappings, order, inventory = case_of(one)
    with world(order, inventory, mappings, one.begins, clerk) as stage:
        stage.play(lambda plan: _has_come_to(plan, one.when))
        stage.wait(stage.now + timedelta(hours=one.wait))
        before, stands = stage.plan.order, deepcopy(stage.plan)
        seen, revised_at = len(stage.history), stage.now
        given = supplemental(order, one)
        prospect = foresee(stage.plan, given, mappings, stage.now)
        preview = prospect.text()
        stage.happen(RevisionRead(order=given))
        for number, (operation, who) in enumerate(one.then, 1):
            stage.wait(stage.now + timedelta(hours=1))
            stage.happen(OperatorCommanded(command=CommandId(f"a{number:02}"), operation=operation, by=who))
        stage.play(lambda plan: plan.state in _OVER)
        yield Played(
            example=one,
            before=before,
            given=given,
            stands=stands,
            revised_at=revised_at,
            seen=seen,
            assessment=prospect.assessment,
            preview=preview,
            world=stage,
        )


def supplemental(order: Order, one: Example) -> Order:
    """The order that supersedes the example's."""
    lines = tuple(_next(line, one.lines.get(line.id.removesuffix("-101"), {})) for line in order.lines)
    return replace(
        order,
        id=OrderId(f"801{SECOND}"),
        number=SECOND,
        lines=lines,
        supersedes=order.id,
        supplemental_action=one.action,
        requested_at=one.moved_to or order.requested_at,
    )


def _next(line: OrderLine, wanted: Mapping[str, Any] | Literal["Cancel"]) -> OrderLine:
    def renamed(name: LineId) -> LineId:
        return LineId(name.replace("-101", "-102"))

    parent = renamed(line.parent) if line.parent else None
    made = replace(line, id=renamed(line.id), parent=parent, supersedes=line.id)
    if isinstance(wanted, str):
        return replace(made, supplemental_action=wanted)
    return replace(made, attributes={**line.attributes, **wanted})


def case_of(one: Example) -> tuple[MappingSet, Order, tuple[InventoryItem, ...]]:
    """The set, the order and what is installed, under the names that the example gives them."""
    folder = REPOSITORY / "mappings" / one.set
    given = read((folder / "cases" / f"{one.case}.json").read_text(encoding="utf-8"))
    lines = tuple(
        replace(line, id=LineId(f"{line.id}-101"), parent=LineId(f"{line.parent}-101") if line.parent else None)
        for line in given.order.lines
    )
    order = replace(given.order, id=OrderId(f"801{FIRST}"), number=FIRST, lines=lines, requested_at=one.wanted)
    return _mappings(folder), order, given.inventory


@cache
def _mappings(folder: Path) -> MappingSet:
    return load(folder)


def _has_come_to(plan: Plan, when: Mapping[str, ItemState]) -> bool:
    """A callout that runs counts when it has been accepted."""
    found = {item.key: item for item in plan.items.values()}
    return all(found[key].state is wanted and not is_busy(found[key]) for key, wanted in when.items())


def clerk(stage: World) -> Iterator[Event]:
    """The credit clerk approves whatever comes."""
    for item in stage.plan.items.values():
        if item.type is ItemType.MANUAL and item.state is ItemState.RUNNING:
            yield OperatorCommanded(
                command=CommandId("a00"),
                operation=Operation.COMPLETE,
                by="Ines Vogel",
                item=item.no,
                outcome="Approved",
                outputs={"creditScore": 712},
            )


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
