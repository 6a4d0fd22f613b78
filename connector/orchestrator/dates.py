"""One pass over the open items of a plan: when each starts and ends. Pure, and linear in the items.

An item starts when what it waits for is done (or has begun) and its time has come, and takes what its definition
expects, or what was observed of its kind. A subplan is done when its items are; one that has not begun takes
as long as the longest way through its definition.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple, TypeAlias

from connector.mappings.calendar import Calendar
from connector.mappings.expression import EvaluationError
from connector.mappings.set import ItemDefinition, MappingSet
from connector.model.ids import ItemNo
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, ItemType
from connector.orchestrator.before import is_on_skipped_branch
from connector.orchestrator.requests import RenderError
from connector.orchestrator.schedule import not_before, timer_end
from connector.orchestrator.step import Step

OVERRUN = 0.25
"""What is over its time lasts this much longer than it has lasted."""

ENOUGH = 20
"""So many observations go before what a definition expects."""

Z90 = 1.2815515655446004
"""So many standard deviations above the mean lie nine tenths of a normal distribution."""


class Seen(NamedTuple):
    """What was observed of an item's kind, in seconds (of its calendar, where it has one)."""

    observations: int
    p50: float
    p90: float


Observed: TypeAlias = Mapping[tuple[str, str], Seen]
"""By plan definition and item key."""

NOTHING_OBSERVED: Observed = {}


class Times(NamedTuple):
    """What came of the pass, in seconds of the epoch; in the order in which the items were looked at."""

    starts: dict[ItemNo, float]
    finishes: dict[ItemNo, float]
    last: dict[ItemNo, ItemNo | None]
    """What each item waits for longest; None: nothing that is open, or rather for its time."""
    variances: dict[ItemNo, float]
    """Of its finish, along what it waits for longest, in square seconds."""


def moment(seconds: float) -> datetime:
    """The moment, or the last one that there is."""
    return datetime.fromtimestamp(min(seconds, _LAST), UTC)


_LAST = datetime(2500, 1, 1, tzinfo=UTC).timestamp()


def _seconds(at: datetime | None, otherwise: float) -> float:
    return otherwise if at is None else at.timestamp()


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


class Pass:
    """One pass over the open items of a plan."""

    def __init__(self, plan: Plan, now: datetime, mappings: MappingSet, observed: Observed) -> None:
        self._plan = plan
        self._now = now.timestamp()
        self._step = Step(plan, now, mappings)
        self._mappings = mappings
        self._observed = observed
        self._takes = _known(mappings, observed)
        self._left_out: set[ItemNo] = set()
        """Open items that will be skipped together with their branch."""
        self._below = _below(plan)

    def times(self) -> Times:
        """The dates of every open item."""
        starts: dict[ItemNo, float] = {}
        finishes: dict[ItemNo, float] = {}
        last: dict[ItemNo, ItemNo | None] = {}
        variances: dict[ItemNo, float] = {}
        now, known, left_out = self._now, self._takes, self._left_out
        for item in _in_order(self._plan, self._below):
            no = item.no
            ready, before = now, None
            for earlier in item.after:
                finish = finishes.get(earlier)
                if finish is not None and finish > ready:
                    ready, before = finish, earlier
            for earlier in item.after_start:
                start = starts.get(earlier, ready)
                if start > ready:
                    ready, before = start, earlier
            takes = known.get((item.definition, item.key)) or self._learn(item)
            if takes.is_plain and item.state is ItemState.PENDING and not left_out:
                start = begin = ready
                length, deviation = takes.mean, takes.deviation
            elif item.type is ItemType.SUBPLAN and item.state is ItemState.RUNNING:
                below = [each for each in self._below.get(no, ()) if each in finishes]
                before = max(below, key=finishes.__getitem__, default=None)
                start, length, deviation = min(now, _seconds(item.started_at, now)), 0.0, 0.0
                begin = finishes[before] if before is not None else now
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
        return Times(starts, finishes, last, variances)

    def _learn(self, item: Item) -> _Takes:
        definition = self._mappings.definition(item.definition, item.key)
        mean = deviation = 0.0
        seen = self._observed.get((item.definition, item.key))
        if definition.duration is not None:
            mean = definition.duration.total_seconds()
        elif seen is not None and seen.observations >= ENOUGH:
            mean, deviation = seen.p50, max(0.0, seen.p90 - seen.p50) / Z90
        elif definition.expected is not None:
            mean, deviation = definition.expected.mean.total_seconds(), definition.expected.deviation.total_seconds()
        elif definition.subplan is not None:
            mean = self._length_of(definition.subplan)
        is_plain = definition.when is None and definition.not_before is None and definition.until is None
        takes = _Takes(definition, mean, deviation, definition.calendar, is_plain)
        self._takes[item.definition, item.key] = takes
        return takes

    def _length_of(self, plan: str) -> float:
        """The longest way through a definition, in seconds; its calendars are left aside."""
        ends: dict[str, float] = {}
        items = self._mappings.plans[plan].items

        def end(key: str) -> float:
            if key not in ends:
                ends[key] = 0.0  # no ring gets here
                definition = items[key]
                before = [end(each.key) for each in definition.after if each.key in items]
                own = definition.expected.mean.total_seconds() if definition.expected is not None else 0.0
                if definition.duration is not None:
                    own = definition.duration.total_seconds()
                elif definition.subplan is not None and definition.expected is None:
                    own = self._length_of(definition.subplan)
                ends[key] = max(before, default=0.0) + own
            return ends[key]

        return max(map(end, items), default=0.0)

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
        if self._left_out and is_on_skipped_branch(self._plan, item, self._left_out):
            self._left_out.add(item.no)
            return _Way(ready, ready, 0.0, 0.0)
        self._step.now = moment(ready)
        if definition.when is not None:
            with suppress(EvaluationError):  # it may hang on what is not known yet
                if not definition.when.is_true(self._step.activation(item, definition.when)):
                    if definition.skip_branch:
                        self._left_out.add(item.no)
                    return _Way(ready, ready, 0.0, 0.0)
        begin = ready
        if definition.not_before is not None:
            with suppress(EvaluationError, RenderError):
                begin = max(ready, _seconds(not_before(self._step, item, definition.not_before), ready))
        if definition.until is not None:
            self._step.now = moment(begin)
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


def _known(mappings: MappingSet, observed: Observed) -> dict[tuple[str, str], _Takes]:
    """What was worked out of the set's definitions, while what was observed stays the same."""
    kept = mappings.memo.get("takes")
    if isinstance(kept, tuple) and kept[0] is observed:
        known: dict[tuple[str, str], _Takes] = kept[1]
        return known
    known = {}
    mappings.memo["takes"] = (observed, known)
    return known


def _below(plan: Plan) -> Mapping[ItemNo, list[ItemNo]]:
    """The items of each subplan that has begun."""
    found: dict[ItemNo, list[ItemNo]] = {}
    for item in plan.items.values():
        if item.parent is not None:
            found.setdefault(item.parent, []).append(item.no)
    return found


def _in_order(plan: Plan, below: Mapping[ItemNo, Sequence[ItemNo]]) -> Sequence[Item]:
    """The open items, each after all that it waits for.

    They are numbered like that when a plan is made; one that was revised, or that has grown, may have to be sorted.
    """
    still = [item for item in plan.items.values() if not item.is_final]
    previous = 0
    for item in still:
        before = (*item.after, *item.after_start) if item.after_start else item.after
        if item.no <= previous or item.no in below or (before and max(before) >= item.no):
            return _sorted(still, below)
        previous = item.no
    return still


def _sorted(still: Sequence[Item], below: Mapping[ItemNo, Sequence[ItemNo]]) -> Sequence[Item]:
    by_no = {item.no: item for item in sorted(still, key=lambda item: item.no)}
    graph = {
        no: [before for before in (*item.after, *item.after_start, *below.get(no, ())) if before in by_no]
        for no, item in by_no.items()
    }
    try:
        return [by_no[no] for no in TopologicalSorter(graph).static_order()]
    except CycleError:  # the check of the set forbids it; there is no right answer, but there is one
        return list(by_no.values())
