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

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from math import sqrt
from typing import NamedTuple, TypeAlias

from connector.mappings.calendar import Calendar
from connector.mappings.expression import EvaluationError
from connector.mappings.set import ItemDefinition, MappingSet
from connector.model.forecast import Jeopardy, worst
from connector.model.ids import ItemNo, LineId, TechnicalLineNo
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, ItemType
from connector.orchestrator.jeopardy import Deadline, by_limits, deadline
from connector.orchestrator.requests import RenderError
from connector.orchestrator.schedule import not_before, timer_end
from connector.orchestrator.step import Step

OVERRUN = 0.25
"""What is over its time lasts this much longer than it has lasted."""

ENOUGH = 20
"""So many observations go before what a definition expects."""

_Z90 = 1.2815515655446004
"""So many standard deviations above the mean lie nine tenths of a normal distribution."""


class Seen(NamedTuple):
    """What was observed of an item's kind, in seconds (of its calendar, where it has one)."""

    observations: int
    p50: float
    p90: float


Observed: TypeAlias = Mapping[tuple[str, str], Seen]
"""By plan definition and item key."""

NOTHING_OBSERVED: Observed = {}


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


class _Times(NamedTuple):
    """The pass over the open items, in seconds of the epoch; in the order in which they were looked at."""

    starts: dict[ItemNo, float]
    finishes: dict[ItemNo, float]
    last: dict[ItemNo, ItemNo | None]
    """What each item waits for longest; None: nothing that is open, or rather for its time."""
    variances: dict[ItemNo, float]
    """Of its finish, along what it waits for longest, in square seconds."""


class Estimate:
    """The dates of one plan at one moment; final items have none. What is not asked for is not worked out."""

    def __init__(self, plan: Plan, now: datetime, mappings: MappingSet, times: _Times) -> None:
        self.now = now
        self._plan = plan
        self._mappings = mappings
        self._times = times
        self._final = max(times.finishes, key=times.finishes.__getitem__, default=None)

    @property
    def finishes(self) -> Mapping[ItemNo, float]:
        """The expected finish of every open item, in seconds of the epoch."""
        return self._times.finishes

    @property
    def starts(self) -> Mapping[ItemNo, float]:
        """The expected start of every open item, or when it started, in seconds of the epoch."""
        return self._times.starts

    @cached_property
    def completion(self) -> datetime | None:
        """When the order is expected to be done (as likely sooner as later); once it is, when it was."""
        return self._plan.finished_at if self._final is None else _moment(self._times.finishes[self._final])

    @cached_property
    def p90(self) -> datetime | None:
        """By when the order is done in nine cases of ten; None when no spread is known on the way to there."""
        finishes, variances = self._times.finishes, self._times.variances
        spread = [finishes[no] + _Z90 * sqrt(variance) for no, variance in variances.items() if variance]
        return _moment(max([*spread, finishes[self._final]])) if spread and self._final is not None else None

    @cached_property
    def critical(self) -> tuple[ItemNo, ...]:
        """The open items that the order's completion hangs on, from the first to the last."""
        path: list[ItemNo] = []
        at = self._final
        while at is not None:
            path.append(at)
            at = self._times.last[at]
        return tuple(reversed(path))

    @cached_property
    def deadline(self) -> Deadline:
        """The order's requested date, and when it gets tight."""
        return deadline(self._plan.order, self._mappings)

    @cached_property
    def jeopardy(self) -> Jeopardy:
        """How the order does. One that is done was late or was not."""
        if self.completion is None:
            return Jeopardy.ON_TRACK
        if self._final is None:
            return Jeopardy.LATE if self.completion.timestamp() > self.deadline.requested else Jeopardy.ON_TRACK
        level = self.deadline.level(self.completion.timestamp(), self.p90.timestamp() if self.p90 else 0.0)
        return worst((level, Jeopardy.AT_RISK)) if self.troubled else level

    @cached_property
    def troubled(self) -> frozenset[ItemNo]:
        """The items that have run for longer than their own limits allow."""
        items, mappings = self._plan.items, self._mappings
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
            start=_moment(self._times.starts[no]),
            finish=_moment(finish),
            slack=timedelta(seconds=self.slack(no)),
            critical=no in self._on_path,
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
        return PartDates(completion=_moment(finish), jeopardy=level, is_open=True)

    @cached_property
    def _on_path(self) -> frozenset[ItemNo]:
        return frozenset(self.critical)

    @cached_property
    def _slacks(self) -> Mapping[ItemNo, float]:
        """Seconds by which each item may be later: the least of what its followers have and what lies between."""
        starts, finishes = self._times.starts, self._times.finishes
        end = finishes[self._final] if self._final is not None else 0.0
        slacks: dict[ItemNo, float] = {}
        for no in reversed(finishes):
            finish = finishes[no]
            rooms = [
                slacks[after] + max(0.0, starts[after] - finish)
                for after in self._plan.dependents(no)
                if after in slacks
            ]
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
    return Estimate(plan, now, mappings, _Pass(plan, now, mappings, observed).times())


def is_estimated(mappings: MappingSet) -> bool:
    """The set says something about time: how long an item takes, when it starts, when it has run too long."""
    known = mappings.memo.get("is_estimated")
    if known is None:
        known = mappings.memo["is_estimated"] = any(
            item.expected or item.duration or item.until or item.not_before or item.limits
            for plan in mappings.plans.values()
            for item in plan.items.values()
        )
    return bool(known)


class _Takes(NamedTuple):
    """How long items of one definition take, in seconds of its calendar, and what else matters to the pass."""

    definition: ItemDefinition
    mean: float
    deviation: float
    calendar: Calendar | None
    is_plain: bool
    """It has neither a condition nor a time before which it does not start."""


class _Way(NamedTuple):
    """What an item still has to go: from `begin` on for `length`, in seconds; it has started, or will, at `start`."""

    start: float
    begin: float
    length: float
    deviation: float


class _Pass:
    """One pass over the open items of a plan."""

    def __init__(self, plan: Plan, now: datetime, mappings: MappingSet, observed: Observed) -> None:
        self._plan = plan
        self._now = now.timestamp()
        self._step = Step(plan, now, mappings)
        self._mappings = mappings
        self._observed = observed
        self._takes: dict[tuple[str, str], _Takes] = {}

    def times(self) -> _Times:
        """The dates of every open item."""
        starts: dict[ItemNo, float] = {}
        finishes: dict[ItemNo, float] = {}
        last: dict[ItemNo, ItemNo | None] = {}
        variances: dict[ItemNo, float] = {}
        now, known = self._now, self._takes
        for item in _in_order(self._plan):
            no = item.no
            ready, before = now, None
            for earlier in item.after:
                finish = finishes.get(earlier)
                if finish is not None and finish > ready:
                    ready, before = finish, earlier
            takes = known.get((item.definition, item.key)) or self._learn(item)
            if takes.is_plain and item.state is ItemState.PENDING:
                start = begin = ready
                length, deviation = takes.mean, takes.deviation
            else:
                start, begin, length, deviation = self._way(item, takes, ready)
                if begin > ready:
                    before = None
            if takes.calendar is None:
                finish = begin + length
            else:
                finish, deviation = _in_calendar(takes.calendar, begin, length, deviation)
            starts[no], finishes[no], last[no] = start, finish, before
            variance = deviation * deviation
            variances[no] = variance + variances[before] if before is not None else variance
        return _Times(starts, finishes, last, variances)

    def _learn(self, item: Item) -> _Takes:
        definition = self._mappings.definition(item.definition, item.key)
        mean = deviation = 0.0
        seen = self._observed.get((item.definition, item.key))
        if definition.duration is not None:
            mean = definition.duration.total_seconds()
        elif seen is not None and seen.observations >= ENOUGH:
            mean, deviation = seen.p50, max(0.0, seen.p90 - seen.p50) / _Z90
        elif definition.expected is not None:
            mean, deviation = definition.expected.mean.total_seconds(), definition.expected.deviation.total_seconds()
        is_plain = definition.when is None and definition.not_before is None and definition.until is None
        takes = _Takes(definition, mean, deviation, definition.calendar, is_plain)
        self._takes[item.definition, item.key] = takes
        return takes

    def _way(self, item: Item, takes: _Takes, ready: float) -> _Way:
        """What an item has to go that does not simply start when it is ready."""
        match item.state:
            case ItemState.PENDING:
                return self._to_come(item, takes, ready)
            case ItemState.SCHEDULED | ItemState.FAILED:
                begin = max(ready, _seconds(item.due_at, ready))
                return _Way(begin, begin, takes.mean, takes.deviation)
            case ItemState.RUNNING if item.type is ItemType.TIMER:
                due = max(ready, _seconds(item.due_at, ready))
                return _Way(min(self._now, _seconds(item.started_at, ready)), due, 0.0, 0.0)
            case ItemState.RUNNING:
                return self._under_way(item, takes, ready, elapsed_counts=True)
            case ItemState.ON_HOLD | ItemState.FATALLY_FAILED | ItemState.FROZEN:
                return self._under_way(item, takes, ready, elapsed_counts=False)
            case _:
                return _Way(ready, ready, takes.mean, takes.deviation)

    def _to_come(self, item: Item, takes: _Takes, ready: float) -> _Way:
        definition = takes.definition
        self._step.now = _moment(ready)
        if definition.when is not None:
            with suppress(EvaluationError):  # it may hang on what is not known yet
                if not definition.when.is_true(self._step.activation(item, definition.when)):
                    return _Way(ready, ready, 0.0, 0.0)
        begin = ready
        if definition.not_before is not None:
            with suppress(EvaluationError, RenderError):
                begin = max(ready, _seconds(not_before(self._step, item), ready))
        if definition.until is not None:
            self._step.now = _moment(begin)
            with suppress(EvaluationError, RenderError):
                return _Way(begin, max(begin, timer_end(self._step, item).timestamp()), 0.0, 0.0)
        return _Way(begin, begin, takes.mean, takes.deviation)

    def _under_way(self, item: Item, takes: _Takes, ready: float, *, elapsed_counts: bool) -> _Way:
        """Without `elapsed_counts` all of it is still to be done, by somebody who has first to decide so."""
        started = item.started_at or item.ready_at
        if started is None:
            return _Way(ready, ready, takes.mean, takes.deviation)
        begun, calendar = started.timestamp(), takes.calendar
        elapsed = max(0.0, calendar.seconds_between(begun, self._now) if calendar else self._now - begun)
        rest = takes.mean - elapsed if elapsed_counts else takes.mean
        return _Way(min(begun, self._now), ready, max(rest, elapsed * OVERRUN), takes.deviation)


def _in_calendar(calendar: Calendar, begin: float, length: float, deviation: float) -> tuple[float, float]:
    """The finish, and the deviation as it is by the clock."""
    try:
        finish = calendar.add_seconds(begin, length)
        return finish, calendar.add_seconds(begin, length + deviation) - finish if deviation else 0.0
    except OverflowError:
        return begin + length, deviation


def _in_order(plan: Plan) -> Sequence[Item]:
    """The open items, each after all that it waits for.

    They are numbered like that when a plan is made; one that was revised may have to be sorted.
    """
    still = [item for item in plan.items.values() if not item.is_final]
    previous = 0
    for item in still:
        if item.no <= previous or (item.after and max(item.after) >= item.no):
            return _sorted(still)
        previous = item.no
    return still


def _sorted(still: Sequence[Item]) -> Sequence[Item]:
    by_no = {item.no: item for item in still}
    try:
        graph = {no: [before for before in by_no[no].after if before in by_no] for no in sorted(by_no)}
        return [by_no[no] for no in TopologicalSorter(graph).static_order()]
    except CycleError:  # the check of the set forbids it; there is no right answer, but there is one
        return sorted(still, key=lambda item: item.no)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(seconds, _LAST), UTC)


_LAST = datetime(2500, 1, 1, tzinfo=UTC).timestamp()


def _seconds(moment: datetime | None, otherwise: float) -> float:
    return otherwise if moment is None else moment.timestamp()
