"""When every open item of a plan, every line and the order are expected to be done. Pure, and linear in the items.

One pass in the order of the dependencies gives each open item its expected start and finish: it starts when what
it waits for is done and its time has come, and takes what its definition expects, or what was observed of its
kind. Nothing that is open is ever expected to be done in the past. The way back from the last finish along what
each item waited for longest is the critical path.

An item that runs longer than expected is taken to last a quarter longer than it has lasted already. So the
expectation grows with the overrun, in ever longer steps, and never by leaps. The same is thought of what waits
for a person's decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import sqrt

from connector.mappings.set import ItemDefinition, MappingSet
from connector.model.forecast import Jeopardy, worst
from connector.model.ids import ItemNo, LineId, TechnicalLineNo
from connector.model.plan import Plan
from connector.orchestrator.dates import NOTHING_OBSERVED, Z90, Observed, Pass, Times, moment
from connector.orchestrator.jeopardy import by_limits, deadline

_NO_SLACK = 1.0
"""An item that may not be later by a second is critical."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDates:
    """What is expected of one open item."""

    start: datetime
    """When it starts, or has started."""
    finish: datetime
    slack: timedelta
    """By how much it may be later without the order being later."""
    critical: bool
    """The order is later if this is."""
    jeopardy: Jeopardy


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDates:
    """What is expected of a part of the order. Without open items it is done, at `completion` where known."""

    completion: datetime | None
    jeopardy: Jeopardy
    is_open: bool


class Estimate:
    """The dates of one plan at one moment; final items have none. What is not asked for is not worked out."""

    def __init__(self, plan: Plan, now: datetime, mappings: MappingSet, times: Times) -> None:
        self.now = now
        self._plan = plan
        self._mappings = mappings
        self._times = times
        self._final = max(times.finishes, key=times.finishes.__getitem__, default=None)
        self.end = 0.0 if self._final is None else times.finishes[self._final]
        """The expected finish of the last open item, in seconds of the epoch; 0 when none is open."""
        self.deadline = deadline(plan.order, mappings)
        """The order's requested date, and when it gets tight."""

    @property
    def finishes(self) -> Mapping[ItemNo, float]:
        """The expected finish of every open item, in seconds of the epoch."""
        return self._times.finishes

    @property
    def starts(self) -> Mapping[ItemNo, float]:
        """The expected start of every open item, or when it started, in seconds of the epoch."""
        return self._times.starts

    @property
    def completion(self) -> datetime | None:
        """When the order is expected to be done (as likely sooner as later); once it is, when it was."""
        return self._plan.finished_at if self._final is None else moment(self.end)

    @property
    def p90(self) -> datetime | None:
        """By when the order is done in nine cases of ten; None when no spread is known on the way to there."""
        return moment(self.end90) if self.end90 else None

    @cached_property
    def end90(self) -> float:
        """The same in seconds of the epoch; 0 for None."""
        finishes, variances = self._times.finishes, self._times.variances
        spread = [finishes[no] + Z90 * sqrt(variance) for no, variance in variances.items() if variance]
        return max(*spread, self.end) if spread else 0.0

    @cached_property
    def critical(self) -> tuple[ItemNo, ...]:
        """The open items that the order's completion hangs on, from the first to the last."""
        path: list[ItemNo] = []
        at = self._final
        while at is not None:
            path.append(at)
            at = self._times.last[at]
        return tuple(reversed(path))

    @property
    def jeopardy(self) -> Jeopardy:
        """How the order does. One that is done was late or was not."""
        if self._final is None:
            done = self._plan.finished_at
            is_late = done is not None and done.timestamp() > self.deadline.requested
            return Jeopardy.LATE if is_late else Jeopardy.ON_TRACK
        level = self.deadline.level(self.end, self.end90)
        return worst((level, Jeopardy.AT_RISK)) if self.troubled else level

    @cached_property
    def troubled(self) -> frozenset[ItemNo]:
        """The items that have run for longer than their own limits allow."""
        items, mappings = self._plan.items, self._mappings
        if not has_limits(mappings):
            return frozenset()
        return frozenset(
            no
            for no in self._times.finishes
            if (item := items[no]).started_at is not None
            and by_limits(item, mappings.definition(item.definition, item.key), self.now) is not Jeopardy.ON_TRACK
        )

    def item(self, no: ItemNo) -> ItemDates | None:
        """The dates of an item; None when it is not open (it has its own then), or unknown."""
        finish = self._times.finishes.get(no)
        if finish is None:
            return None
        return ItemDates(
            start=moment(self._times.starts[no]),
            finish=moment(finish),
            slack=timedelta(seconds=self.slack(no)),
            critical=self.slack(no) < _NO_SLACK,
            jeopardy=self.item_jeopardy(no),
        )

    def item_jeopardy(self, no: ItemNo) -> Jeopardy:
        """How an open item does, by its own limits and by the order's date."""
        item = self._plan.items[no]
        own = by_limits(item, self._mappings.definition(item.definition, item.key), self.now)
        return worst((own, self.deadline.level(self._times.finishes[no])))

    def slack(self, no: ItemNo) -> float:
        """Seconds by which an open item may be later without the order being later."""
        return self._slacks[no]

    def line(self, no: TechnicalLineNo) -> PartDates:
        """A technical line, with what was decomposed from it."""
        return self._part(self._by_line.get(no, ()))

    def source(self, line: LineId) -> PartDates:
        """A commercial line."""
        return self._part(self._by_source.get(line, ()))

    def _part(self, numbers: Iterable[ItemNo]) -> PartDates:
        items, finishes = self._plan.items, self._times.finishes
        members = list(numbers)
        still = [no for no in members if no in finishes]
        if not still:
            done = [at for no in members if (at := items[no].finished_at) is not None]
            last = max(done, default=None)
            is_late = last is not None and last.timestamp() > self.deadline.requested
            level = Jeopardy.LATE if is_late else Jeopardy.ON_TRACK
            return PartDates(completion=last, jeopardy=level, is_open=False)
        finish = max(finishes[no] for no in still)
        level = self.deadline.level(finish)
        if not self.troubled.isdisjoint(still):
            level = worst((level, Jeopardy.AT_RISK))
        return PartDates(completion=moment(finish), jeopardy=level, is_open=True)

    @cached_property
    def _slacks(self) -> Mapping[ItemNo, float]:
        """Seconds by which each item may be later: the least of what its followers have and what lies between."""
        starts, finishes = self._times.starts, self._times.finishes
        end = finishes[self._final] if self._final is not None else 0.0
        items, dependents, begins = self._plan.items, self._plan.dependents, self._plan.start_dependents
        slacks: dict[ItemNo, float] = {}
        for no in reversed(finishes):
            finish = finishes[no]
            rooms = [slacks[each] + max(0.0, starts[each] - finish) for each in dependents(no) if each in slacks]
            rooms += [slacks[each] + max(0.0, starts[each] - starts[no]) for each in begins(no) if each in slacks]
            if (parent := items[no].parent) in slacks:
                rooms.append(slacks[parent] + finishes[parent] - finish)
            slacks[no] = min(rooms, default=end - finish)
        return slacks

    @cached_property
    def _by_source(self) -> Mapping[LineId, list[ItemNo]]:
        found: dict[LineId, list[ItemNo]] = {}
        for item in self._plan.items.values():
            for source in item.sources:
                found.setdefault(source, []).append(item.no)
        return found

    @cached_property
    def _by_line(self) -> Mapping[TechnicalLineNo, list[ItemNo]]:
        found: dict[TechnicalLineNo, list[ItemNo]] = {}
        above: dict[TechnicalLineNo, set[TechnicalLineNo]] = {}
        for item in self._plan.items.values():
            if item.line is not None:
                if item.line not in above:
                    above[item.line] = self._line_and_above(item.line)
                for no in above[item.line]:
                    found.setdefault(no, []).append(item.no)
        return found

    def _line_and_above(self, line: TechnicalLineNo) -> set[TechnicalLineNo]:
        found: set[TechnicalLineNo] = set()
        lines = {line}
        while lines:
            found |= lines
            lines = {parent for no in lines for parent in self._plan.lines[no].parents} - found
        return found


def estimate(plan: Plan, now: datetime, mappings: MappingSet, observed: Observed = NOTHING_OBSERVED) -> Estimate:
    """When the plan, its items and lines are expected to be done, seen from `now`.

    `mappings` is the set that the plan was made with; `observed` goes before what its definitions expect, where
    there is enough of it. The plan is not changed. Of conditions and start times what can't be told yet counts as
    true, and as no restriction.
    """
    return Estimate(plan, now, mappings, Pass(plan, now, mappings, observed).times())


def is_estimated(mappings: MappingSet) -> bool:
    """The set says something about time: how long an item takes, when it starts, when it has run too long."""
    return _any_item(
        mappings,
        "is_estimated",
        lambda item: bool(item.expected or item.duration or item.until or item.not_before or item.limits),
    )


def has_limits(mappings: MappingSet) -> bool:
    """Some item of the set has limits of its own."""
    return _any_item(mappings, "has_limits", lambda item: item.limits is not None)


def _any_item(mappings: MappingSet, name: str, holds: Callable[[ItemDefinition], bool]) -> bool:
    known = mappings.memo.get(name)
    if known is None:
        items = (item for plan in mappings.plans.values() for item in plan.items.values())
        known = mappings.memo[name] = any(map(holds, items))
    return known is True
