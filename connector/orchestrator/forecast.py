"""What a plan keeps of its estimate, and when that is worked out anew. Pure.

After every turn `follow` looks at what has changed. The plan is estimated again only when an item ended at another
time than was expected of it, by more than can be seen in what is shown; when an item got into trouble; when the
plan was revised; or when its one timer is due. That timer is set for the moment at which the order's jeopardy
would next change though nothing happens. So a plan on which everything goes as expected is estimated once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from connector.mappings.calendar import Calendar
from connector.mappings.set import MappingSet
from connector.mappings.timing import Measures
from connector.model.commands import ClearTimers, Command, RaiseFallout, Record, ResolveFallout, SetTimer
from connector.model.events import TimerKind
from connector.model.failure import Failure, FailureClass
from connector.model.forecast import Forecast, Jeopardy, is_worse
from connector.model.ids import WHOLE_ORDER, item_ref
from connector.model.mark import Record as ShownRecord
from connector.model.mark import RecordKind
from connector.model.order import Priority
from connector.model.plan import Item, Plan, ShownDates
from connector.model.states import ItemState, ItemType, PlanState
from connector.orchestrator.dates import NOTHING_OBSERVED, OVERRUN, Observed, moment
from connector.orchestrator.estimate import Estimate, estimate, has_limits, is_estimated
from connector.orchestrator.jeopardy import FOREVER, by_limits, moments
from connector.orchestrator.marks import line_key

JEOPARDY = "JEOPARDY"
"""The code of the fallout that a jeopardy raises."""

UNSEEN_SECONDS = 30.0
"""By so much an item may end earlier or later than expected without anybody noticing…"""

UNSEEN_SHARE = 0.02
"""… and by this share of what the order still takes."""

PATIENCE_SECONDS = 60.0
"""An order that nothing happens to is not looked at more often, but for the limits of its items."""

PAUSE_SECONDS = 1.0
PAUSE_SECONDS_AN_ITEM = 0.001
"""A plan in which much happens is not estimated more often than this, large ones more seldom."""

FIRST_EPISODE = 3
"""Of the Cases for an order as a whole: the first is that of its rejection, the second of a plan that is stuck."""

DATE_FIELDS = frozenset({"estimated_completion", "p90", "jeopardy", "critical"})
"""What write-back can show of an estimate."""

_TROUBLED = frozenset({ItemState.FATALLY_FAILED, ItemState.ON_HOLD})
_ENDED = frozenset({PlanState.COMPLETED, PlanState.CANCELED})


def follow(plan: Plan, now: datetime, mappings: MappingSet, observed: Observed = NOTHING_OBSERVED) -> list[Command]:
    """Bring the plan's forecast up to date after a turn; gives what the shell must do for it.

    Records of which only the dates have changed are noted in the plan (`redated`).
    """
    forecast = plan.forecast
    if not plan.has_begun or not is_estimated(mappings):
        return []
    if plan.state in _ENDED:
        return _end(plan, now, mappings, forecast) if forecast is not None and forecast.check is not None else []
    if forecast is None or forecast.check is None or now >= forecast.check:
        return _look(plan, now, mappings, observed)
    if not _has_moved(plan, now, forecast):
        return _sooner(plan, now, mappings, forecast) if has_limits(mappings) else []
    rested = _rested(plan, forecast)
    if forecast.at <= now < rested:  # else, or when the clock was put back, it is time
        return _check_at(plan, forecast, rested) if forecast.check > rested else []
    return _look(plan, now, mappings, observed)


def looks(plan: Plan, now: datetime, mappings: MappingSet) -> bool:
    """Whether `follow` will estimate the plan, which takes time when it is large."""
    if not plan.has_begun or plan.state in _ENDED or not is_estimated(mappings):
        return False
    forecast = plan.forecast
    if forecast is None or forecast.check is None or now >= forecast.check:
        return True
    return _has_moved(plan, now, forecast) and not forecast.at <= now < _rested(plan, forecast)


def _rested(plan: Plan, forecast: Forecast) -> datetime:
    return forecast.at + timedelta(seconds=max(PAUSE_SECONDS, PAUSE_SECONDS_AN_ITEM * len(plan.items)))


def shown(at: datetime, now: datetime, before: datetime | None = None) -> datetime:
    """A moment as people see it: the further away, the coarser. One that was shown `before` stays while it fits."""
    seconds, present = at.timestamp(), now.timestamp()
    away = abs(seconds - present)
    grain = _MINUTE if away <= _HOURS else _QUARTER if away <= _DAYS else _HOUR
    if before is not None and before >= now and abs(seconds - before.timestamp()) <= grain:
        return before
    rounded = (seconds + grain / 2) // grain * grain
    return moment(rounded if rounded >= present or seconds < present else rounded + grain)


_MINUTE, _QUARTER, _HOUR = 60, 900, 3600
_HOURS, _DAYS = 2 * _HOUR, 48 * _HOUR


# -- whether to look again ------------------------------------------------------------------------------


def _has_moved(plan: Plan, now: datetime, forecast: Forecast) -> bool:
    """Something has changed that people would see in the dates."""
    if plan.changed_order:
        return True
    expected, at = plan.expected, now.timestamp()
    left = (forecast.completion - now).total_seconds() if forecast.completion is not None else 0.0
    unseen = max(UNSEEN_SECONDS, UNSEEN_SHARE * left)
    for no, phase in plan.changed_items.items():
        item = plan.items[no]
        if phase is None or (item.state in _TROUBLED and phase is not item.phase):
            return True
        was = expected.get(no) if expected is not None else None
        if item.is_final:
            if expected is None or (was is not None and abs(at - was) > unseen):
                return True
        elif expected is not None and (was is None or _waits_until(item) > was + unseen):
            return True
    return False


def _waits_until(item: Item) -> float:
    """What the item waits for, when that is a time."""
    is_timed = item.state in (ItemState.FAILED, ItemState.SCHEDULED) or item.type is ItemType.TIMER
    return item.due_at.timestamp() if is_timed and item.due_at is not None else 0.0


def _sooner(plan: Plan, now: datetime, mappings: MappingSet, forecast: Forecast) -> list[Command]:
    """Look again sooner when an item has begun whose limits are sooner than was thought."""
    check = forecast.check
    for no in plan.changed_items:
        item = plan.items[no]
        definition = mappings.definition(item.definition, item.key)
        if definition.limits is not None and (found := moments(item, definition)) is not None:
            ahead = [each for each in found if each > now]
            check = min([*ahead, *([check] if check else [])], default=None)
    if check is None or check == forecast.check:
        return []
    return _check_at(plan, forecast, check)


def _check_at(plan: Plan, forecast: Forecast, check: datetime) -> list[Command]:
    plan.forecast = replace(forecast, check=check)
    return [_timer(check)]


def _timer(check: datetime) -> Command:
    return SetTimer(item=WHOLE_ORDER, kind=TimerKind.FORECAST, epoch=0, due=check)


# -- looking --------------------------------------------------------------------------------------------


def _look(plan: Plan, now: datetime, mappings: MappingSet, observed: Observed) -> list[Command]:
    """Estimate the plan, keep what is shown of it, and do what its jeopardy calls for."""
    found = estimate(plan, now, mappings, observed)
    was, is_first = plan.forecast or Forecast(at=now), plan.forecast is None
    check = _next_check(plan, found, mappings, is_first=is_first) if found.end else None
    plan.forecast = Forecast(
        at=now,
        completion=shown(found.completion, now, was.completion) if found.completion is not None else None,
        p90=shown(found.p90, now, was.p90) if found.p90 is not None else None,
        jeopardy=found.jeopardy,
        check=check,
        cases=was.cases,
        has_case=was.has_case,
        lane=was.lane,
    )
    plan.expected = found.finishes
    commands = _alarm(plan, was.jeopardy, mappings)
    if check is not None:
        commands.append(_timer(check))
    _note_what_is_shown(plan, found, was, mappings, is_first=is_first)
    return commands


def _next_check(plan: Plan, found: Estimate, mappings: MappingSet, *, is_first: bool) -> datetime:
    """The first moment at which a jeopardy may change though nothing happens, or the forecast is overtaken."""
    now, end = found.now.timestamp(), found.end
    patient = now + PATIENCE_SECONDS
    check = max(patient, end if is_first else _overtaken(plan, found, now))
    if has_limits(mappings):
        check = min(check, _first_limit(plan, found, mappings, now))
    deadline = found.deadline
    if deadline.requested < FOREVER and end <= deadline.requested:
        room = (deadline.tight if end <= deadline.tight else deadline.requested) - end
        check = min(check, max(patient, _first_overrun(plan, found, mappings, room)))
    return moment(check)


def _first_limit(plan: Plan, found: Estimate, mappings: MappingSet, now: float) -> float:
    """The first moment at which an item passes one of its own limits, those that are still to begin included."""
    first = FOREVER
    for no, start in found.starts.items():
        item = plan.items[no]
        definition = mappings.definition(item.definition, item.key)
        if definition.limits is not None:
            for each in moments(item, definition, moment(start)) or ():
                at = each.timestamp()
                if now < at < first:
                    first = at
    return first


def _first_overrun(plan: Plan, found: Estimate, mappings: MappingSet, room: float) -> float:
    """The first moment at which the overrun of an item that is under way will have moved the order's end by `room`."""
    first = FOREVER
    for no, finish in found.finishes.items():
        item = plan.items[no]
        if item.started_at is not None and item.type is not ItemType.TIMER:
            calendar = mappings.definition(item.definition, item.key).calendar
            first = min(first, _overrun(item.started_at.timestamp(), finish, room + found.slack(no), calendar))
    return first


def _overtaken(plan: Plan, found: Estimate, now: float) -> float:
    """When the order should have been done; what already takes longer than expected is looked at more seldom."""
    first = plan.items[found.critical[0]] if found.critical else None
    if first is not None and first.started_at is not None:
        elapsed = now - first.started_at.timestamp()
        if elapsed * (1 + OVERRUN) >= (found.finishes[first.no] - first.started_at.timestamp()) - 1:
            return now + elapsed / 2
    return found.end


def _overrun(begun: float, finish: float, room: float, calendar: Calendar | None) -> float:
    """When an overrun will have moved the finish by `room`: the rule of the estimate, solved for the time."""
    try:
        if calendar is None:
            return begun + (finish - begun + room) / (1 + OVERRUN)
        return calendar.add_seconds(begun, calendar.seconds_between(begun, finish + room) / (1 + OVERRUN))
    except OverflowError:
        return FOREVER


# -- what is done about it ------------------------------------------------------------------------------


def _alarm(plan: Plan, before: Jeopardy, mappings: MappingSet) -> list[Command]:
    forecast = plan.forecast
    if forecast is None or forecast.jeopardy is before:
        return []
    commands: list[Command] = [Record(item=None, what="jeopardy", detail=_why(plan, forecast))]
    if not is_worse(forecast.jeopardy, before):
        if forecast.jeopardy is Jeopardy.ON_TRACK:
            commands += _resolve(plan, "The order is on track again.")
        return commands
    passed = [mappings.alarm.at_risk] if before is Jeopardy.ON_TRACK else []
    passed += [mappings.alarm.late] if forecast.jeopardy is Jeopardy.LATE else []
    for measures in passed:
        commands += _take(plan, measures)
    return commands


def _why(plan: Plan, forecast: Forecast) -> str:
    requested = plan.order.requested_at
    parts = [f"expected for {forecast.completion:%Y-%m-%d %H:%M} UTC"] if forecast.completion else []
    parts += [f"requested for {requested:%Y-%m-%d %H:%M} UTC"] if requested else []
    return f"{forecast.jeopardy}: {', '.join(parts)}"


def _take(plan: Plan, measures: Measures) -> list[Command]:
    commands: list[Command] = []
    forecast = plan.forecast
    if forecast is None:
        return commands
    if measures.priority is not None and measures.priority < plan.priority:
        plan.forecast = forecast = replace(forecast, lane=measures.priority)
        commands.append(Record(item=None, what="priority raised", detail=_LANES[measures.priority]))
    if measures.case is not None and not forecast.has_case:
        plan.forecast = replace(forecast, cases=forecast.cases + 1, has_case=True)
        failure = Failure(failure_class=FailureClass.BUSINESS, code=JEOPARDY, message=_why(plan, forecast))
        commands.append(
            RaiseFallout(
                item=WHOLE_ORDER,
                episode=FIRST_EPISODE + forecast.cases,
                failure=failure,
                attempts=0,
                queue=measures.case,
                severity=measures.severity,
                suggestions=("Look at the items on the critical path, and at those that wait for somebody.",),
            )
        )
    return commands


_LANES = {Priority.HIGH: "to High", Priority.DEFAULT: "to Default", Priority.BULK: "to Bulk"}


def _resolve(plan: Plan, how: str) -> list[Command]:
    forecast = plan.forecast
    if forecast is None or not forecast.has_case:
        return []
    plan.forecast = replace(forecast, has_case=False)
    return [ResolveFallout(item=WHOLE_ORDER, episode=FIRST_EPISODE + forecast.cases - 1, how=how)]


def _end(plan: Plan, now: datetime, mappings: MappingSet, forecast: Forecast) -> list[Command]:
    """The plan is over: what was expected is replaced by what was."""
    found = estimate(plan, now, mappings)
    plan.forecast = replace(
        forecast, at=now, completion=plan.finished_at, p90=None, jeopardy=found.jeopardy, check=None
    )
    plan.expected = None
    return [ClearTimers(item=WHOLE_ORDER), *_resolve(plan, "The order's fulfillment has ended.")]


# -- what people see ------------------------------------------------------------------------------------


def shows_dates(mappings: MappingSet) -> frozenset[RecordKind]:
    """The kinds of records whose write-back shows anything of an estimate."""
    known = mappings.memo.get("shows_dates")
    if not isinstance(known, frozenset):
        known = mappings.memo["shows_dates"] = frozenset(
            kind
            for kind, mapping in mappings.writeback.items()
            if any(fields is None or not DATE_FIELDS.isdisjoint(fields) for fields in mapping.reads.values())
        )
    return known


def _note_what_is_shown(plan: Plan, found: Estimate, was: Forecast, mappings: MappingSet, *, is_first: bool) -> None:
    """Note the records whose dates are others than those that were shown. Of a new plan all are written anyway."""
    kinds, is_now = shows_dates(mappings), plan.forecast
    if not kinds or is_now is None:
        return
    has_changed = (is_now.completion, is_now.p90, is_now.jeopardy) != (was.completion, was.p90, was.jeopardy)
    if has_changed and not kinds.isdisjoint(("order", "plan")):
        plan.changed_head = True
    for record, dates in _parts(plan, found, kinds):
        before = plan.shown.get(record)
        seen = shown(dates[0], found.now, before[0] if before else None), dates[1]
        plan.shown[record] = seen
        if seen != before and not is_first and (before is not None or has_changed):
            plan.redated.append(record)
    if "item" in kinds and not is_first:
        changed = {no for no in found.troubled if _has_worsened(plan.items[no], mappings, was.at, found.now)}
        if is_now.jeopardy is not was.jeopardy:
            changed.update(found.critical)
        plan.redated += [("item", item_ref(plan.id, no)) for no in sorted(changed)]


def _parts(plan: Plan, found: Estimate, kinds: frozenset[RecordKind]) -> Iterator[tuple[ShownRecord, ShownDates]]:
    """The parts of the order that are open and of which something is shown."""
    if "order_line" in kinds:
        for line in plan.order.lines:
            if (part := found.source(line.id)).is_open and part.completion is not None:
                yield ("order_line", line.id), (part.completion, part.jeopardy)
    if "line" in kinds:
        for no in [no for no, line in plan.lines.items() if line.of is None]:
            if (part := found.line(no)).is_open and part.completion is not None:
                yield ("line", line_key(plan.id, no)), (part.completion, part.jeopardy)


def _has_worsened(item: Item, mappings: MappingSet, since: datetime, now: datetime) -> bool:
    definition = mappings.definition(item.definition, item.key)
    return by_limits(item, definition, since) is not by_limits(item, definition, now)
