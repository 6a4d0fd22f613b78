"""One order as people look at it: made of all that is known of it, the time, and what is expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connector.model.dossier import Dossier, FalloutEpisode
from connector.model.ids import ItemNo, LineId, TechnicalLineNo
from connector.model.order import OrderLine
from connector.model.plan import Item, Plan
from connector.model.revision import Version
from connector.model.states import ItemState, Phase
from connector.model.technical import TechnicalLine
from connector.orchestrator.marks import fallout_key, line_key
from connector.orchestrator.present import Present
from connector.orchestrator.status import order_status, version_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What is expected of a plan: when items begin and end, which are on the critical path, when all is done."""

    begins: Mapping[ItemNo, datetime] = field(default_factory=dict)
    ends: Mapping[ItemNo, datetime] = field(default_factory=dict)
    critical: frozenset[ItemNo] = frozenset()
    completion: datetime | None = None
    latest: datetime | None = None
    """By when it is done in nine cases of ten."""
    jeopardy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The items of one instance of a plan definition, in the order of their numbers.

    `parent` is the subplan item that it is an instance for.
    """

    definition: str
    scope: str
    parent: ItemNo | None
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One item that waits, and since when; `case` is the external key of its Case where it has an open one."""

    item: Item
    what: str
    since: datetime | None
    case: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSight:
    """One version of the order, and how it does."""

    version: Version
    status: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFallout:
    """Something that a person has to mend, and the external key of its Case."""

    episode: FalloutEpisode
    case: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSight:
    """A line of the order, or a technical line, so many steps below the topmost one."""

    line: OrderLine | TechnicalLine
    depth: int
    status: str
    progress: int


@dataclass(frozen=True, kw_only=True)
class OrderView:
    """One order at one moment."""

    dossier: Dossier
    now: datetime
    expected: Expected = field(default_factory=Expected)

    @property
    def plan(self) -> Plan | None:
        """Its plan; None while it has not been read."""
        return self.dossier.plan

    @property
    def status(self) -> str:
        """How it does, in the words that people see in Salesforce."""
        dossier = self.dossier
        return order_status(dossier.plan, len(dossier.held)) if dossier.plan and dossier.held else dossier.status

    @property
    def items(self) -> Mapping[ItemNo, Item]:
        """The items of its plan."""
        return self.plan.items if self.plan else {}

    @property
    def is_over(self) -> bool:
        """Nothing will change any more by itself."""
        if self.dossier.archived_at is not None:
            return True
        finished = self.plan is not None and self.plan.finished_at is not None
        return finished and not self.dossier.records_behind and not self.dossier.events_waiting

    def counts(self) -> Mapping[ItemState, int]:
        """How many items are in each state that there is one in, in the order of the states."""
        found = self.plan.items_by_state() if self.plan else {}
        return {state: found[state] for state in ItemState if state in found}

    def lanes(self) -> Sequence[Lane]:
        """The plan by instances of its definitions, in the order of their first items."""
        groups: dict[tuple[str, str, ItemNo | None], list[Item]] = {}
        for item in self.items.values():
            groups.setdefault((item.definition, item.scope_key, item.parent), []).append(item)
        names = self._names()
        return [
            Lane(definition=definition, scope=_named(scope, names), parent=parent, items=tuple(items))
            for (definition, scope, parent), items in groups.items()
        ]

    def _names(self) -> Mapping[str, str]:
        if self.plan is None:
            return {}
        order = self.plan.order
        return {self.plan.id: "the order", **{line.origin or line.id: f"line {line.number}" for line in order.lines}}

    def fallouts(self) -> Sequence[OpenFallout]:
        """What people are asked to mend, the newest first."""
        found = [
            OpenFallout(episode=episode, case=fallout_key(self.dossier.id, episode.item, episode.episode))
            for episode in self.dossier.fallouts
            if episode.resolved_at is None
        ]
        return found[::-1]

    def versions(self) -> Sequence[VersionSight]:
        """What became of each version of the order, the oldest first; none while there is but one."""
        plan = self.plan
        if plan is None:
            return []
        found = []
        for version in plan.versions:
            if version.order == plan.order.id and not plan.is_canceling:
                found.append(VersionSight(version=version, status=self.status, message=""))
            else:
                told = version_status(plan, version)
                found.append(VersionSight(version=version, status=told.status, message=told.message))
        return found

    def undoings(self) -> Mapping[ItemNo, ItemNo]:
        """Of each item that is taken back, or brought to new values, the item that does it."""
        return {
            item.undoes: item.no
            for item in self.items.values()
            if item.undoes is not None and item.state is not ItemState.DISCARDED
        }

    def waits(self) -> Sequence[Wait]:
        """What the order waits for: first what needs a person to mend it, then the longest wait."""
        open_cases = {fallout.episode.item: fallout for fallout in self.fallouts()}
        found = [self._wait(item, open_cases.get(item.no)) for item in self.items.values() if _waits(item)]
        return sorted(found, key=lambda wait: (not wait.case, wait.since or self.now, wait.item.no))

    def _wait(self, item: Item, fallout: OpenFallout | None) -> Wait:
        seen = fallout.episode.raised_at if fallout else self.dossier.last_seen.get(item.no)
        return Wait(
            item=item,
            what=self._what(item),
            since=seen or item.started_at or item.ready_at,
            case=fallout.case if fallout else None,
        )

    def _what(self, item: Item) -> str:
        pause = self.dossier.held.get(item.no)
        return pause.end if pause is not None else item.waiting_for or "its turn"

    def lines(self) -> Sequence[LineSight]:
        """The lines of the order from the top down; each is followed by the technical lines that came from it,
        with those decomposed from them, and by the lines below it in its bundle. What only earlier versions of the
        order wanted comes last.
        """
        return list(_lines(self.plan, self.dossier.set_name)) if self.plan else []


def _waits(item: Item) -> bool:
    return item.phase in (Phase.WAITING, Phase.FALLOUT) or (
        item.waiting_for is not None and item.phase is not Phase.DONE
    )


def _named(scope: str, names: Mapping[str, str]) -> str:
    """A scope key with the Ids in it told by name: `MSISDN:802…` is `MSISDN, line 1`."""
    return ", ".join(names.get(part, part) for part in scope.split(":"))


def _lines(plan: Plan, set_name: str) -> Iterator[LineSight]:
    present = Present(plan=plan, set_name=set_name)
    below, lost = _below(plan)
    known = {line.id for line in plan.order.lines}
    tops = [line for line in plan.order.lines if line.parent not in known]
    starts: list[OrderLine | TechnicalLine] = [*tops, *plan.order.lines, *lost]
    seen: set[LineId] = set()
    for start in starts:  # lines of the order come twice, for those whose parents form a ring
        waiting: list[tuple[OrderLine | TechnicalLine, int]] = [(start, 0)]
        while waiting:
            at, depth = waiting.pop()
            if isinstance(at, OrderLine):
                if at.id in seen:
                    continue
                seen.add(at.id)
            status, progress = _standing(present, at)
            yield LineSight(line=at, depth=depth, status=status, progress=progress)
            key = at.id if isinstance(at, OrderLine) else at.no
            waiting += [(each, depth + 1) for each in reversed(below.get(key, ()))]


def _below(
    plan: Plan,
) -> tuple[Mapping[LineId | TechnicalLineNo, Sequence[OrderLine | TechnicalLine]], Sequence[TechnicalLine]]:
    """What stands below each line; and the technical lines that come from none that the order still has."""
    below: dict[LineId | TechnicalLineNo, list[OrderLine | TechnicalLine]] = {}
    lost: list[TechnicalLine] = []
    known = {line.id for line in plan.order.lines}
    for technical in plan.lines.values():
        if technical.of is not None:
            continue  # how a line was before an amendment
        above = technical.parents or [source for source in technical.sources if source in known]
        if above:
            below.setdefault(above[0], []).append(technical)
        else:
            lost.append(technical)
    for line in plan.order.lines:
        if line.parent in known:
            below.setdefault(line.parent, []).append(line)
    return below, lost


def _standing(present: Present, line: OrderLine | TechnicalLine) -> tuple[str, int]:
    """Status and percent in the words that people see in Salesforce."""
    if isinstance(line, OrderLine):
        view = (present.variables("order_line", line.id, {}) or {}).get("source", {})
    else:
        view = (present.variables("line", line_key(present.plan.id, line.no), {}) or {}).get("line", {})
    return str(view.get("status", "")), int(view.get("progress", 0))
