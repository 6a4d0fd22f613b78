"""When a plan is expected to be done: worked examples, and what always holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.calendar import Calendar
from connector.mappings.set import PLAN, ItemDefinition
from connector.mappings.timing import Alarm, Expected, Limits
from connector.model.events import TimerDue, TimerKind
from connector.model.failure import Failure, FailureClass
from connector.model.forecast import Jeopardy
from connector.model.ids import ItemNo
from connector.model.states import ItemState, ItemTrigger, ItemType, PlanState
from connector.orchestrator.dates import ENOUGH, OVERRUN, Observed, Seen
from connector.orchestrator.estimate import Estimate, estimate, is_estimated
from tests.orchestrator.building import LINE, Story, awaited, callout, definition, manual, mapping_set
from tests.orchestrator.telling import NOW

HOUR = timedelta(hours=1)
OFFICE = Calendar(name="office", zone=ZoneInfo("Europe/Berlin"), hours=dict.fromkeys(range(5), ((540, 1020),)))


def takes(*hours: float) -> Expected:
    """An expectation: its likely length, or all three."""
    best, likely, worst = (timedelta(hours=each) for each in (hours if len(hours) > 1 else hours * 3))
    return Expected(optimistic=best, likely=likely, pessimistic=worst)


def task(key: str, *hours: float, **more: Any) -> ItemDefinition:
    return callout(key, expected=takes(*hours), **more)


def seen(story: Story, observed: Observed | None = None) -> Estimate:
    return estimate(story.plan, story.now, story.mappings, observed or {})


def finishes(story: Story, found: Estimate | None = None) -> Mapping[str, float]:
    """Hours from the beginning of the story to each open item's finish."""
    found = found or seen(story)
    return {
        story.plan.items[no].key: (finish - NOW.timestamp()) / 3600 for no, finish in sorted(found.finishes.items())
    }


def diamond() -> Story:
    return Story.of(
        (task("first", 1), ()),
        (task("short", 1), ("first",)),
        (task("long", 3), ("first",)),
        (task("last", 1), ("short", "long")),
    )


def test_the_longest_way_decides() -> None:
    story = diamond()
    found = seen(story)
    assert finishes(story, found) == {"first": 1, "short": 2, "long": 4, "last": 5}
    assert found.completion == NOW + 5 * HOUR
    assert [story.plan.items[no].key for no in found.critical] == ["first", "long", "last"]
    short = found.item(story.item("short").no)
    assert short is not None
    assert (short.start, short.finish, short.slack, short.critical) == (NOW + HOUR, NOW + 2 * HOUR, 2 * HOUR, False)
    long = found.item(story.item("long").no)
    assert long is not None
    assert (long.slack, long.critical) == (timedelta(), True)


def test_what_is_done_is_done_and_what_runs_has_run_already() -> None:
    story = diamond()
    story.later(HOUR / 2)
    assert finishes(story) == {"first": 1, "short": 2, "long": 4, "last": 5}
    story.succeed("first")
    assert finishes(story) == {"short": 1.5, "long": 3.5, "last": 4.5}
    assert seen(story).item(story.item("first").no) is None


def test_an_overrun_moves_all_that_follows() -> None:
    story = diamond()
    story.later(2 * HOUR)
    overrun = 2 * (1 + OVERRUN)
    assert finishes(story) == {"first": overrun, "short": overrun + 1, "long": overrun + 3, "last": overrun + 4}


def test_three_points_give_a_mean_and_a_spread() -> None:
    story = Story.of((task("one", 1, 2, 9), ()), (task("two", 2, 2, 2), ("one",)))
    found = seen(story)
    assert found.completion == NOW + timedelta(hours=3 + 2)
    assert found.p90 is not None
    assert found.p90 - found.completion == pytest.approx(timedelta(hours=8 / 6 * 1.28155), abs=timedelta(seconds=1))


def test_without_a_spread_there_is_no_p90() -> None:
    assert seen(diamond()).p90 is None


def test_what_was_observed_goes_before_what_was_said() -> None:
    story = diamond()
    enough = {("plan", "long"): Seen(ENOUGH, 2 * 3600.0, 4 * 3600.0)}
    assert finishes(story, seen(story, enough)) == {"first": 1, "short": 2, "long": 3, "last": 4}
    assert seen(story, enough).p90 == pytest.approx(NOW + 6 * HOUR, abs=timedelta(seconds=1))
    too_few = {("plan", "long"): Seen(ENOUGH - 1, 2 * 3600.0, 4 * 3600.0)}
    assert finishes(story, seen(story, too_few)) == finishes(story)


def test_a_condition_that_is_false_takes_no_time_and_one_that_nobody_can_tell_is_true() -> None:
    story = Story.of(
        (task("first", 1), ()),
        (task("never", 5, when="false"), ("first",)),
        (task("perhaps", 2, when="line.attributes.answer == 1"), ("first",)),
        (task("last", 1), ("never", "perhaps")),
    )
    assert finishes(story) == {"first": 1, "never": 1, "perhaps": 3, "last": 4}


def test_working_hours() -> None:
    story = Story.of((task("one", 4, calendar=OFFICE), ()), (task("two", 1), ("one",)))
    sunday = NOW  # 1 March 2026, 12:00 UTC
    assert sunday.weekday() == 6
    assert seen(story).completion == datetime(2026, 3, 2, 13, 0, tzinfo=UTC)  # Monday 13:00 in Berlin, and an hour


def test_starts_timers_and_retries() -> None:
    story = Story.of(
        (task("later", 1, not_before=PLAN.compile('"2026-03-01T15:00:00Z"')), ()),
        (definition("timer", ItemType.TIMER, duration=2 * HOUR), ()),
        (definition("until", ItemType.TIMER, until=PLAN.compile("now + duration('1h')")), ("timer",)),
        (task("follows", 1), ("later",)),
    )
    assert story.state("later") is ItemState.SCHEDULED
    assert finishes(story) == {"later": 4, "timer": 2, "until": 3, "follows": 5}
    item = story.item("later")
    story.later(3 * HOUR)
    story.happens(TimerDue(item=item.no, kind=TimerKind.START, epoch=item.epoch))
    item = story.item("later")
    failure = Failure(failure_class=FailureClass.TRANSIENT, code="DOWN", message="down")
    story.fail_item(item, failure)
    failed = story.item("later")
    begin = failed.due_at or story.now
    assert finishes(story)["follows"] == pytest.approx(((begin - NOW) + 2 * HOUR) / HOUR)


def test_what_waits_for_a_person_is_not_forgotten() -> None:
    story = diamond()
    item = story.item("first")
    failure = Failure(failure_class=FailureClass.BUSINESS, code="NO", message="no")
    story.fail_item(item, failure)
    assert story.state("first") is ItemState.FATALLY_FAILED
    story.later(8 * HOUR)
    assert finishes(story)["first"] == 10


def test_items_without_a_word_about_time_take_none() -> None:
    story = Story.of((callout("one"), ()), (callout("two"), ("one",)))
    assert seen(story).completion == NOW
    assert not is_estimated(story.mappings)
    assert is_estimated(diamond().mappings)


def test_a_plan_that_is_done_says_when_it_was() -> None:
    story = Story.of((task("one", 1), ()))
    story.later(3 * HOUR)
    story.succeed("one")
    assert story.plan.state is PlanState.COMPLETED
    found = seen(story)
    assert (found.completion, found.critical, found.p90) == (NOW + 3 * HOUR, (), None)


def test_a_plan_that_was_revised_may_be_numbered_in_any_order() -> None:
    story = diamond()
    for key, after in (("first", ("last",)), ("last", ()), ("short", ()), ("long", ())):
        item = story.item(key)
        story.plan.put(
            item.but(after=tuple(story.item(each).no for each in after), state=ItemState.PENDING, started_at=None)
        )
    assert finishes(story) == {"first": 2, "short": 1, "long": 3, "last": 1}


def test_what_was_discarded_does_not_count() -> None:
    story = diamond()
    story.plan.put(story.item("long").but(state=ItemState.DISCARDED))
    assert finishes(story) == {"first": 1, "short": 2, "last": 3}


def test_the_clock_may_be_put_back() -> None:
    story = diamond()
    story.now = NOW - 5 * HOUR
    assert finishes(story)["first"] == -4
    assert seen(story).completion == NOW


# -- jeopardy -------------------------------------------------------------------------------------------


def wanted(story: Story, at: datetime, **alarm: Any) -> Story:
    story.plan.order = replace(story.plan.order, requested_at=at)
    story.mappings = replace(story.mappings, alarm=Alarm(**alarm))
    return story


@pytest.mark.parametrize(
    ("hours", "level"),
    [(4.9, Jeopardy.LATE), (5, Jeopardy.AT_RISK), (6, Jeopardy.AT_RISK), (7, Jeopardy.ON_TRACK)],
)
def test_jeopardy_by_date(hours: float, level: Jeopardy) -> None:
    story = wanted(diamond(), NOW + timedelta(hours=hours), margin=2 * HOUR)
    found = seen(story)
    assert found.jeopardy is level
    assert found.source(LINE).jeopardy is level
    assert found.item_jeopardy(story.item("last").no) is level
    assert found.item_jeopardy(story.item("first").no) is Jeopardy.ON_TRACK


def test_jeopardy_by_the_spread() -> None:
    story = wanted(Story.of((task("one", 1, 2, 9), ())), NOW + 4 * HOUR)
    assert seen(story).jeopardy is Jeopardy.AT_RISK


def test_a_margin_in_working_hours() -> None:
    monday = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    story = wanted(Story.of((task("one", 4, calendar=OFFICE), ())), monday, margin=4 * HOUR, calendar=OFFICE)
    assert seen(story).jeopardy is Jeopardy.ON_TRACK
    story = wanted(Story.of((task("one", 4.1, calendar=OFFICE), ())), monday, margin=4 * HOUR, calendar=OFFICE)
    assert seen(story).jeopardy is Jeopardy.AT_RISK


def test_jeopardy_by_limits() -> None:
    limits = Limits(at_risk=HOUR, late=2 * HOUR)
    story = Story.of((task("one", 1, limits=limits), ()), (task("two", 1, limits=limits), ("one",)))
    one, two = story.item("one").no, story.item("two").no
    levels = []
    for _ in range(3):
        found = seen(story)
        levels.append((found.item_jeopardy(one), found.item_jeopardy(two), found.jeopardy, found.source(LINE).jeopardy))
        story.later(HOUR)
    on_track, at_risk = Jeopardy.ON_TRACK, Jeopardy.AT_RISK
    assert levels == [
        (on_track, on_track, on_track, on_track),
        (at_risk, on_track, at_risk, at_risk),
        (Jeopardy.LATE, on_track, at_risk, at_risk),
    ]


def test_an_order_that_was_done_too_late_was_late() -> None:
    story = wanted(Story.of((task("one", 1), ())), NOW + HOUR)
    story.later(2 * HOUR)
    story.succeed("one")
    assert seen(story).jeopardy is Jeopardy.LATE
    assert seen(story).source(LINE).jeopardy is Jeopardy.LATE


# -- what always holds ----------------------------------------------------------------------------------

hours = st.integers(0, 40).map(lambda quarters: quarters / 4)


def _made(kind: str, key: str, points: list[float], more: dict[str, Any]) -> ItemDefinition:
    match kind:
        case "timer":
            return definition(key, ItemType.TIMER, duration=timedelta(hours=points[1]))
        case "manual":
            return manual(key, **more)
        case "event":
            return awaited(key, kind=ItemType.EVENT, **more)
        case "later":
            return callout(key, not_before=PLAN.compile('"2026-03-01T15:00:00Z"'), **more)
        case _:
            return callout(key, **more)


@st.composite
def plans(draw: st.DrawFn) -> Story:
    """Any plan, some of its items done, running, failed, held."""
    count = draw(st.integers(1, 9))
    items = []
    for no in range(count):
        points = sorted(draw(st.lists(hours, min_size=3, max_size=3)))
        key = f"i{no}"
        kind = draw(st.sampled_from(["callout", "timer", "manual", "event", "later"]))
        more: dict[str, Any] = {"expected": takes(*points)} if draw(st.booleans()) else {}
        if draw(st.booleans()):
            more["calendar"] = OFFICE
        made = _made(kind, key, points, more)
        after = draw(st.sets(st.integers(0, no - 1))) if no else set()
        items.append((made, tuple(f"i{each}" for each in sorted(after))))
    story = Story.of(*items)
    for _ in range(draw(st.integers(0, 6))):
        story.later(timedelta(minutes=draw(st.integers(-30, 300))))
        under_way = [item for item in story.plan.items.values() if item.state is ItemState.RUNNING]
        if under_way:
            item = draw(st.sampled_from(under_way))
            end = draw(st.sampled_from([ItemTrigger.SUCCEEDED, ItemTrigger.FAILED_FINALLY]))
            state = ItemState.COMPLETED if end is ItemTrigger.SUCCEEDED else ItemState.FATALLY_FAILED
            story.plan.put(item.but(state=state, finished_at=story.now if state is ItemState.COMPLETED else None))
    return story


@given(plans())
def test_nothing_open_is_expected_in_the_past_or_before_what_it_waits_for(story: Story) -> None:
    found = seen(story)
    now = story.now.timestamp()
    for no, finish in found.finishes.items():
        item = story.plan.items[no]
        assert not item.is_final
        assert finish >= now
        assert found.starts[no] <= finish
        for before in item.after:
            if before in found.finishes:
                assert found.starts[no] >= found.finishes[before] or item.state is not ItemState.PENDING
    assert set(found.finishes) == {item.no for item in story.plan.items.values() if not item.is_final}


@given(plans())
def test_the_critical_path_is_as_long_as_the_order_takes(story: Story) -> None:
    found = seen(story)
    if not found.critical:
        return
    path = found.critical
    assert found.completion is not None
    assert found.completion.timestamp() == pytest.approx(found.finishes[path[-1]], abs=1e-3)
    assert max(found.finishes.values()) == found.finishes[path[-1]]
    for before, after in pairwise(path):
        assert before in story.plan.items[after].after
        assert found.starts[after] == found.finishes[before]
    for no in path:
        assert found.slack(no) == pytest.approx(0, abs=1e-3)
    assert all(found.slack(no) >= -1e-3 for no in found.finishes)
    if found.p90 is not None:
        assert found.p90 >= found.completion


@given(plans(), st.data())
def test_what_takes_longer_makes_nothing_sooner(story: Story, data: st.DataObject) -> None:
    keys = [item.key for item in story.plan.items.values()]
    longer = {key: data.draw(hours) for key in keys}
    before = finishes(story)
    changed = [
        replace(
            story.mappings.definition("plan", key),
            expected=_stretched(story.mappings.definition("plan", key).expected, longer[key]),
        )
        for key in keys
    ]
    after = finishes(story, estimate(story.plan, story.now, mapping_set(changed)))
    assert all(after[key] >= finish - 1e-6 for key, finish in before.items())


def _stretched(given: Expected | None, by: float) -> Expected:
    more = timedelta(hours=by)
    given = given or takes(0)
    return Expected(
        optimistic=given.optimistic + more, likely=given.likely + more, pessimistic=given.pessimistic + more
    )


@given(plans(), st.integers(0, 100))
def test_time_alone_makes_nothing_sooner(story: Story, hours_later: int) -> None:
    before = seen(story).finishes
    story.later(timedelta(hours=hours_later))
    after = seen(story).finishes
    assert all(after[no] >= finish - 1e-3 for no, finish in before.items())


def test_ten_thousand_items() -> None:
    chain = 100
    definitions = [task(f"i{no}", 1) for no in range(chain)]
    story = Story.of(*[(made, (f"i{no - 1}",) if no else ()) for no, made in enumerate(definitions)])
    originals = list(story.plan.items.values())
    for copy in range(1, 100):
        story.plan.items.update(
            {
                ItemNo(item.no + copy * chain): item.but(
                    no=ItemNo(item.no + copy * chain), after=tuple(ItemNo(no + copy * chain) for no in item.after)
                )
                for item in originals
            }
        )
    story.plan.index()
    found = seen(story)
    assert len(found.finishes) == 10_000
    assert found.completion == NOW + chain * HOUR
    assert len(found.critical) == chain
