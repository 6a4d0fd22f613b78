"""What a view shows of an estimate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connector.display.expecting import expected
from connector.display.view import Expected
from connector.mappings.timing import Expected as Length
from connector.model.forecast import Forecast, Jeopardy
from connector.model.ids import ItemNo
from connector.model.states import PlanState
from tests.display.building import BEGUN, NOW, after, plan
from tests.orchestrator.building import Story, callout, manual

FORECAST = Forecast(at=NOW, completion=after(40), p90=after(55), jeopardy=Jeopardy.AT_RISK)


def takes(length: timedelta) -> dict[str, Any]:
    return {"expected": Length(optimistic=length, likely=length, pessimistic=length)}


def test_without_a_plan_or_its_set_nothing_or_the_forecast_is_expected() -> None:
    assert expected(None, NOW, None) == Expected()
    assert expected(plan(), NOW, None) == Expected()
    assert expected(plan(forecast=FORECAST), NOW, None) == Expected(
        completion=after(40), latest=after(55), jeopardy="At Risk"
    )


def test_of_a_finished_order_only_that_it_was_late_is_told() -> None:
    made = plan(state=PlanState.COMPLETED, finished_at=after(3), forecast=FORECAST)
    assert expected(made, NOW, None) == Expected()
    made.forecast = Forecast(at=NOW, jeopardy=Jeopardy.LATE)
    assert expected(made, NOW, None) == Expected(jeopardy="Late")


def test_a_set_that_tells_nothing_of_time_lets_nothing_be_expected() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ("a",)))
    assert expected(story.plan, BEGUN, story.mappings) == Expected()


def test_open_items_have_dates_and_the_longest_way_is_critical() -> None:
    short, long = timedelta(minutes=1), timedelta(minutes=10)
    story = Story.of(
        (callout("a", **takes(short)), ()),
        (manual("b", **takes(long)), ()),
        (callout("c", **takes(short)), ("a", "b")),
    )
    found = expected(story.plan, BEGUN, story.mappings)
    assert {no: at - BEGUN for no, at in found.ends.items()} == {1: short, 2: long, 3: long + short}
    assert found.begins[ItemNo(3)] == BEGUN + long
    assert found.critical == {2, 3}
    assert (found.completion, found.jeopardy) == (BEGUN + long + short, "On Track")
