"""What a plan keeps of its estimate: when it is worked out anew, what is said of it, what is done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.salesforce import RecordMapping
from connector.mappings.set import WRITEBACK, ItemDefinition
from connector.mappings.timing import Alarm, Limits, Measures
from connector.model.commands import ClearTimers, Command, RaiseFallout, Record, ResolveFallout, SetTimer
from connector.model.events import TimerDue, TimerKind
from connector.model.forecast import Forecast, Jeopardy
from connector.model.ids import WHOLE_ORDER, item_ref
from connector.model.mark import RecordKind
from connector.model.order import Priority
from connector.model.states import ItemType, PlanState
from connector.orchestrator.dates import OVERRUN
from connector.orchestrator.forecast import follow, shown
from connector.orchestrator.jeopardy import GRACE_SECONDS
from connector.orchestrator.marks import marks
from tests.orchestrator.building import LINE, ORDER, Story, callout, definition, manual
from tests.orchestrator.telling import NOW
from tests.orchestrator.test_estimate import diamond, takes, task

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
DAY = timedelta(days=1)


@dataclass
class Followed:
    """A story whose plan is followed after everything that happens, as a turn does."""

    story: Story
    commands: list[Command] = field(default_factory=list)
    looks: int = 0
    timer: datetime | None = None
    marked: list[tuple[RecordKind, str]] = field(default_factory=list)

    @classmethod
    def of(cls, story: Story, *, requested: datetime | None = None, writes: str = "", **alarm: Any) -> Followed:
        story.plan.order = replace(story.plan.order, requested_at=requested)
        story.mappings = replace(story.mappings, alarm=Alarm(**alarm), writeback=shows(*writes.split()))
        made = cls(story)
        made.follow(fresh=True)
        return made

    @property
    def forecast(self) -> Forecast:
        assert self.story.plan.forecast is not None
        return self.story.plan.forecast

    @property
    def level(self) -> Jeopardy:
        return self.forecast.jeopardy

    def follow(self, *, fresh: bool = False) -> list[Command]:
        before = self.forecast.at if self.story.plan.forecast is not None else None
        self.commands = follow(self.story.plan, self.story.now, self.story.mappings)
        self.looks += self.forecast.at != before
        for command in self.commands:
            if isinstance(command, SetTimer):
                self.timer = command.due
            elif isinstance(command, ClearTimers):
                self.timer = None
        found = marks(self.story.plan, self.commands, new=fresh)
        self.marked = [record for lane in found.values() for record in lane]
        self.story.plan.saved()
        return self.commands

    def done(self, key: str) -> list[Command]:
        self.story.succeed(key)
        return self.follow()

    def wakes(self) -> list[Command]:
        """The plan's timer is due."""
        assert self.timer is not None
        assert self.timer > self.story.now
        self.story.now, self.timer = self.timer, None
        self.story.happens(TimerDue(item=WHOLE_ORDER, kind=TimerKind.FORECAST, epoch=0))
        return self.follow()

    def said(self) -> list[str]:
        return [command.detail for command in self.commands if isinstance(command, Record)]


def shows(*kinds: str) -> Mapping[RecordKind, RecordMapping]:
    variable = {"order": "plan", "plan": "plan", "order_line": "source", "line": "line", "item": "item"}
    found: dict[RecordKind, RecordMapping] = {}
    for word in kinds:
        kind = cast("RecordKind", word)
        expression = WRITEBACK.compile(f"{variable[word]}.jeopardy")
        found[kind] = RecordMapping(kind=kind, object="X", external_id=None, fields={"Jeopardy__c": expression})
    return found


# -- when it is worked out anew -------------------------------------------------------------------------


def test_a_plan_on_which_all_goes_as_expected_is_estimated_once() -> None:
    plan = Followed.of(diamond())
    assert plan.forecast.completion == NOW + 5 * HOUR
    for key, hour in (("first", 1), ("short", 2), ("long", 4)):
        plan.story.now = NOW + hour * HOUR + 20 * SECOND
        assert plan.done(key) == []
    assert plan.looks == 1
    assert plan.forecast.completion == NOW + 5 * HOUR


def test_what_ends_at_another_time_moves_the_rest() -> None:
    plan = Followed.of(diamond())
    plan.story.later(2 * HOUR)
    plan.done("first")
    assert plan.looks == 2
    assert plan.forecast.completion == NOW + 6 * HOUR


def test_much_that_happens_within_a_second_is_looked_at_together() -> None:
    plan = Followed.of(diamond())
    plan.story.later(SECOND / 10)
    (timer,) = plan.done("first")
    assert isinstance(timer, SetTimer)
    assert (timer.item, timer.kind, timer.due) == (WHOLE_ORDER, TimerKind.FORECAST, NOW + SECOND)
    assert plan.done("short") == []
    assert plan.looks == 1
    plan.wakes()
    assert plan.looks == 2
    assert plan.forecast.completion == NOW + 4 * HOUR


def test_a_plan_that_was_loaded_anew_is_looked_at_when_something_ends() -> None:
    plan = Followed.of(diamond())
    plan.story.plan.expected = None
    plan.story.later(HOUR)
    plan.done("first")
    assert plan.looks == 2


def test_an_order_that_nothing_happens_to_is_looked_at_in_ever_longer_steps() -> None:
    plan = Followed.of(Story.of((task("one", 1), ())))
    waits = []
    for _ in range(12):
        before = plan.story.now
        plan.wakes()
        waits.append(plan.story.now - before)
        assert plan.forecast.completion is not None
        assert plan.forecast.completion > plan.story.now
    assert waits[0] == HOUR
    assert waits[1:] == sorted(waits[1:])
    assert plan.story.now - NOW > timedelta(days=2)


def test_no_word_about_time_no_forecast() -> None:
    story = Story.of((callout("one"), ()))
    assert follow(story.plan, NOW, story.mappings) == []
    assert story.plan.forecast is None


def test_a_rejected_order_has_none() -> None:
    story = diamond()
    story.plan.state = PlanState.REJECTED
    assert follow(story.plan, NOW, story.mappings) == []


def test_when_all_is_done_what_was_expected_is_replaced_by_what_was() -> None:
    plan = Followed.of(Story.of((task("one", 1), ())), requested=NOW + 2 * HOUR)
    plan.story.later(3 * HOUR)
    commands = plan.done("one")
    assert commands[0] == ClearTimers(item=WHOLE_ORDER)
    assert (plan.forecast.completion, plan.forecast.check) == (NOW + 3 * HOUR, None)
    assert plan.forecast.jeopardy is Jeopardy.LATE
    assert plan.follow() == []


def test_a_clock_that_jumps() -> None:
    plan = Followed.of(diamond())
    plan.story.now = NOW - 3 * DAY
    plan.done("first")
    assert plan.forecast.completion == NOW - 3 * DAY + 4 * HOUR
    plan.story.now = NOW + 30 * DAY
    plan.follow()
    assert plan.forecast.completion is not None
    assert plan.forecast.completion > plan.story.now
    assert plan.timer is not None
    assert plan.timer > plan.story.now


# -- jeopardy -------------------------------------------------------------------------------------------


def test_the_timer_is_set_for_the_moment_at_which_the_jeopardy_changes() -> None:
    plan = Followed.of(diamond(), requested=NOW + 10 * HOUR, margin=2 * HOUR)
    assert plan.level.name == "ON_TRACK"
    # `first` takes an hour; when it has lasted 3.2 hours, it is expected to last four: three more than was thought.
    begins = NOW + 3.2 * HOUR + GRACE_SECONDS * SECOND / (1 + OVERRUN)
    assert plan.timer == begins
    plan.wakes()
    assert plan.level.name == "ON_TRACK"
    plan.wakes()
    assert plan.level.name == "AT_RISK"
    assert begins < plan.story.now <= begins + 2 * MINUTE
    assert plan.said() == ["At Risk: expected for 2026-03-01 20:00 UTC, requested for 2026-03-01 22:00 UTC"]
    while plan.level.name == "AT_RISK":
        plan.wakes()
    assert plan.level.name == "LATE"
    assert NOW + 4.8 * HOUR < plan.story.now <= NOW + 4.8 * HOUR + 3 * MINUTE


def test_a_task_that_nobody_does_gets_at_risk_and_late_on_time() -> None:
    limits = Limits(at_risk=3 * HOUR, late=4 * HOUR)
    story = Story.of((manual("decide", expected=takes(1), limits=limits), ()))
    plan = Followed.of(story, writes="item")
    seen = []
    while plan.story.now < NOW + 5 * HOUR:
        plan.wakes()
        if plan.marked:
            seen.append((plan.story.now - NOW, plan.marked))
    item = ("item", item_ref(ORDER, story.item("decide").no))
    assert seen == [(3 * HOUR, [item]), (4 * HOUR, [item])]
    assert plan.level.name == "AT_RISK"


def test_an_item_that_begins_sooner_than_was_thought_is_looked_at_sooner() -> None:
    limits = Limits(at_risk=HOUR, late=2 * HOUR)
    story = Story.of(
        (definition("first", ItemType.TIMER, duration=20 * SECOND), ()), (task("then", 8, limits=limits), ("first",))
    )
    plan = Followed.of(story)
    assert plan.timer == NOW + HOUR + 20 * SECOND
    plan.story.later(SECOND)
    first = plan.story.item("first")
    plan.story.happens(TimerDue(item=first.no, kind=TimerKind.WAIT, epoch=1))
    plan.follow()
    assert plan.looks == 1
    assert plan.timer == NOW + HOUR + SECOND


def test_what_is_done_about_it() -> None:
    late = Measures(priority=Priority.HIGH, case="Fallout", severity="High")
    plan = Followed.of(diamond(), requested=NOW + 6 * HOUR, late=late, margin=HOUR / 2, at_risk=Measures())
    assert (plan.level, plan.story.plan.priority) == (Jeopardy.ON_TRACK, Priority.DEFAULT)
    plan.story.later(5 * HOUR)
    plan.done("first")
    assert plan.level.name == "LATE"
    (raised,) = [command for command in plan.commands if isinstance(command, RaiseFallout)]
    assert (raised.item, raised.episode, raised.queue, raised.severity) == (WHOLE_ORDER, 3, "Fallout", "High")
    assert raised.failure.message.startswith("Late: expected for")
    assert plan.said()[1] == "to High"
    assert plan.story.plan.priority is Priority.HIGH
    plan.story.plan.order = replace(plan.story.plan.order, requested_at=NOW + 30 * DAY)
    plan.story.plan.changed_order = True
    plan.follow()
    plan.story.later(MINUTE)
    plan.story.plan.changed_order = True
    plan.follow()
    assert plan.level.name == "ON_TRACK"
    (resolved,) = [command for command in plan.commands if isinstance(command, ResolveFallout)]
    assert (resolved.item, resolved.episode) == (WHOLE_ORDER, 3)
    assert plan.story.plan.priority is Priority.HIGH
    plan.story.plan.order = replace(plan.story.plan.order, requested_at=NOW)
    plan.story.later(MINUTE)
    plan.story.plan.changed_order = True
    plan.follow()
    assert [command.episode for command in plan.commands if isinstance(command, RaiseFallout)] == [4]


def test_both_measures_are_taken_by_an_order_that_is_late_at_once() -> None:
    plan = Followed.of(
        diamond(), requested=NOW, at_risk=Measures(priority=Priority.HIGH), late=Measures(case="Fallout")
    )
    assert plan.story.plan.priority is Priority.HIGH
    assert any(isinstance(command, RaiseFallout) for command in plan.commands)


def test_the_case_closes_with_the_order() -> None:
    plan = Followed.of(Story.of((task("one", 1), ())), requested=NOW, late=Measures(case="Fallout"))
    plan.story.later(HOUR)
    assert any(isinstance(command, ResolveFallout) for command in plan.done("one"))
    assert not plan.forecast.has_case


# -- what is shown --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "before", "seen"),
    [
        (90 * SECOND, None, 2 * MINUTE),
        (2 * MINUTE, None, 2 * MINUTE),
        (20 * SECOND, None, timedelta()),
        (5 * HOUR + MINUTE, None, 5 * HOUR),
        (5 * HOUR + 8 * MINUTE, None, 5 * HOUR + 15 * MINUTE),
        (3 * DAY + 29 * MINUTE, None, 3 * DAY),
        (3 * DAY + MINUTE, 3 * DAY, 3 * DAY),
        (3 * DAY + 2 * HOUR, 3 * DAY, 3 * DAY + 2 * HOUR),
        (90 * SECOND, -MINUTE, 2 * MINUTE),
    ],
)
def test_the_further_away_the_coarser(ahead: timedelta, before: timedelta | None, seen: timedelta) -> None:
    assert shown(NOW + ahead, NOW, None if before is None else NOW + before) == NOW + seen


def test_records_are_marked_when_what_they_show_changes() -> None:
    plan = Followed.of(diamond(), writes="order order_line line")
    plan.story.later(HOUR)
    assert plan.done("first") == []
    assert ("order", ORDER) in plan.marked  # the item has ended: that is shown anyway
    plan.story.later(HOUR + 10 * SECOND)
    plan.follow()
    assert plan.marked == []
    plan.story.later(9 * HOUR)
    plan.follow()
    assert plan.looks == 2
    assert plan.marked == [("order", ORDER), ("plan", ORDER), ("order_line", LINE), ("line", f"{ORDER}-T1")]


def test_a_set_that_shows_no_dates_gets_no_marks_for_them() -> None:
    plan = Followed.of(diamond())
    plan.story.later(20 * HOUR)
    plan.follow()
    assert plan.looks == 2
    assert plan.marked == []


# -- what always holds ----------------------------------------------------------------------------------


@given(st.data())
def test_a_plan_that_goes_on_always_has_a_timer_ahead(data: st.DataObject) -> None:
    limits = Limits(at_risk=HOUR, late=3 * HOUR)
    items: list[tuple[ItemDefinition, tuple[str, ...]]] = [
        (task("a", 1, 2, 4, limits=limits), ()),
        (manual("b", expected=takes(3), limits=limits), ()),
        (task("c", 2), ("a",)),
        (definition("d", ItemType.TIMER, duration=2 * HOUR), ("a",)),
        (task("e", 1), ("b", "c", "d")),
    ]
    requested = data.draw(st.one_of(st.none(), st.integers(-5, 30).map(lambda hour: NOW + hour * HOUR)))
    plan = Followed.of(Story.of(*items), requested=requested, margin=HOUR, late=Measures(case="Fallout"))
    for _ in range(data.draw(st.integers(1, 12))):
        match data.draw(st.sampled_from(["time", "wake", "done"])):
            case "wake" if plan.timer is not None:
                if plan.timer > plan.story.now:
                    plan.wakes()
            case "done":
                running = [
                    item.key
                    for item in plan.story.plan.items.values()
                    if item.type is ItemType.CALLOUT and item.started_at and not item.is_final
                ]
                if running:
                    plan.done(data.draw(st.sampled_from(running)))
            case _:
                plan.story.later(timedelta(minutes=data.draw(st.integers(-600, 600))))
                plan.follow()
        if plan.story.plan.state is PlanState.IN_PROGRESS:
            assert plan.timer == plan.forecast.check
            assert plan.timer is not None
            assert plan.timer > plan.story.now
            assert plan.forecast.completion is not None
