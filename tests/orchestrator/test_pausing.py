"""What is paused does not start, what runs finishes, and what could have started starts afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.mappings.set import PLAN, Completion, ItemDefinition
from connector.model.commands import RaiseFallout, Record
from connector.model.events import (
    CallbackArrived,
    CalloutAccepted,
    Event,
    Operation,
    OperatorCommanded,
    TimerDue,
    TimerKind,
)
from connector.model.failure import Failure, FailureClass
from connector.model.ids import WHOLE_ORDER, CommandId
from connector.model.pauses import Pause, PauseKind, Pauses
from connector.model.states import ItemState, ItemType, Phase, PlanState
from connector.orchestrator.machine import handle
from connector.orchestrator.present import Present
from connector.orchestrator.status import order_status
from tests.orchestrator.building import ORDER, Story, definition
from tests.orchestrator.telling import NOW, done

PLAN_PAUSE = Pause(kind=PauseKind.PLAN, name="plan", reason="new prices", by="Eva", since=NOW)
BUSY = Failure(failure_class=FailureClass.TRANSIENT, code="HTTP_503", message="busy", system="sys")


def call(key: str) -> ItemDefinition:
    return definition(key, ItemType.CALLOUT, interface="sys.put")


def two_calls() -> Story:
    return Story.of((call("first"), ()), (call("second"), ("first",)))


def command(operation: Operation, **outputs: object) -> OperatorCommanded:
    return OperatorCommanded(command=CommandId("a0C1"), operation=operation, by="Ann", outputs=outputs)  # type: ignore[arg-type]


# -- an order -----------------------------------------------------------------------------------------


def test_what_runs_of_a_paused_order_finishes_and_nothing_more_starts() -> None:
    story = two_calls()
    story.happens(command(Operation.PAUSE, reason="the customer moves"))
    assert story.answer().answer == "Done"
    assert order_status(story.plan) == "Waiting"
    story.succeed("first")
    assert story.state("first") is ItemState.COMPLETED
    assert story.state("second") is ItemState.PENDING
    assert story.calls() == []

    story.happens(command(Operation.RESUME))
    assert story.calls() == [("second", 1, 1)]
    assert story.plan.pause is None
    assert order_status(story.plan) == "In Progress"


def test_people_see_who_paused_an_order_since_when_and_why() -> None:
    story = two_calls()
    story.happens(command(Operation.PAUSE, reason="the customer moves"))
    (told,) = story.asked(Record)
    assert (told.what, told.detail, told.by) == ("order paused", "the customer moves", "Ann")
    variables = Present(plan=story.plan, set_name="test").variables("order", ORDER)
    assert variables is not None
    message = "Order 00000100 is paused by Ann since 2026-03-01 12:00 UTC: the customer moves."
    assert variables["plan"]["message"] == message
    assert variables["plan"]["status"] == "Waiting"


def test_an_order_goes_on_by_itself_when_its_time_has_come() -> None:
    story = two_calls()
    until = NOW + timedelta(hours=1)
    story.happens(command(Operation.PAUSE, until=until.isoformat()))
    (timer,) = story.timers()
    assert (timer.item, timer.kind, timer.due) == (WHOLE_ORDER, TimerKind.PAUSE, until)
    story.succeed("first")
    story.now = until
    story.happens(TimerDue(item=WHOLE_ORDER, kind=TimerKind.PAUSE, epoch=0))
    assert story.calls() == [("second", 1, 1)]


def test_the_end_of_an_earlier_pause_ends_no_later_one() -> None:
    story = two_calls()
    story.happens(command(Operation.PAUSE, until=(NOW + timedelta(hours=1)).isoformat()))
    story.happens(command(Operation.RESUME))
    story.happens(command(Operation.PAUSE, until=(NOW + timedelta(hours=2)).isoformat()))
    story.now = NOW + timedelta(hours=1)
    story.happens(TimerDue(item=WHOLE_ORDER, kind=TimerKind.PAUSE, epoch=0))
    assert story.plan.pause is not None


def scheduled() -> tuple[Story, TimerDue]:
    """An order that waits for its date, and that date."""
    when = (NOW + timedelta(days=1)).isoformat()
    story = Story.of(
        (definition("dated", ItemType.CALLOUT, interface="sys.put", not_before=PLAN.compile(f'"{when}"')), ())
    )
    assert story.state("dated") is ItemState.SCHEDULED
    story.later(timedelta(days=1))
    return story, TimerDue(item=story.item("dated").no, kind=TimerKind.START, epoch=1)


def test_an_item_whose_date_comes_while_its_order_is_paused_starts_afterwards() -> None:
    story, date = scheduled()
    story.happens(command(Operation.PAUSE))
    story.happens(date)
    assert story.state("dated") is ItemState.SCHEDULED
    story.happens(command(Operation.RESUME))
    assert story.calls() == [("dated", 1, 1)]


def test_an_item_whose_date_comes_while_its_plan_is_paused_starts_afterwards() -> None:
    story, date = scheduled()
    story.commands = handle(story.plan, date, story.now, story.mappings, Pauses([PLAN_PAUSE]))
    assert story.state("dated") is ItemState.SCHEDULED
    assert "new prices" in (story.item("dated").waiting_for or "")
    story.happens(TimerDue(item=story.item("dated").no, kind=TimerKind.PAUSE, epoch=1))
    assert story.calls() == [("dated", 1, 1)]


def test_a_paused_order_is_not_taken_for_stuck() -> None:
    story = Story.of((call("first"), ()), (call("second"), ("first",)))
    story.happens(command(Operation.PAUSE))
    story.succeed("first")
    assert story.asked(RaiseFallout) == []


def test_an_attempt_that_becomes_due_in_a_pause_is_made_after_it() -> None:
    story = two_calls()
    story.fail("first", BUSY)
    (timer,) = story.timers()
    story.happens(command(Operation.PAUSE))
    story.now = timer.due
    story.happens(TimerDue(item=timer.item, kind=TimerKind.RETRY, epoch=timer.epoch))
    assert story.calls() == []
    assert story.item("first").attempts == 1
    assert story.item("first").waiting_for == "its order to be resumed"
    story.happens(command(Operation.RESUME))
    assert [(key, attempt) for key, _, attempt in story.calls()] == [("first", 2)]


def test_what_is_told_of_a_paused_order_counts() -> None:
    story = Story.of((call("first"), ()), (call("second"), ("first",)))
    story.happens(command(Operation.PAUSE))
    item = story.item("first")
    story.happens(CalloutAccepted(item=item.no, epoch=1, attempt=1))
    story.happens(CallbackArrived(item=item.no, epoch=1, name="sys.news", outputs={"x": 1}))
    assert [event.name for event in story.plan.unclaimed] == ["sys.news"]


@pytest.mark.parametrize(
    ("before", "asked", "why"),
    [
        ([], command(Operation.RESUME), "Order 00000100 is not paused."),
        ([command(Operation.PAUSE)], command(Operation.PAUSE), "Order 00000100 is paused by Ann"),
        ([], command(Operation.PAUSE, until="soon"), "'soon' is no date and time."),
        ([], command(Operation.PAUSE, until="2020-01-01T00:00:00Z"), "2020-01-01 00:00 UTC is over."),
        ([command(Operation.PAUSE)], command(Operation.RETRY), "Nothing can be tried again: order 00000100 is paused"),
    ],
)
def test_what_the_state_forbids_is_refused_with_the_reason(
    before: list[Event], asked: OperatorCommanded, why: str
) -> None:
    story = two_calls()
    for event in before:
        story.happens(event)
    paused = story.plan.pause
    story.happens(asked)
    assert story.answer().answer == "Refused"
    assert why in story.answer().message
    assert story.plan.pause == paused


def test_an_order_that_is_over_is_not_paused() -> None:
    story = Story.of((definition("only", ItemType.MILESTONE), ()))
    assert story.plan.state is PlanState.COMPLETED
    story.happens(command(Operation.PAUSE))
    assert "there is nothing to pause" in story.answer().message


def test_an_item_is_held_not_paused() -> None:
    story = two_calls()
    asked = command(Operation.PAUSE)
    story.happens(
        OperatorCommanded(command=asked.command, operation=asked.operation, by="Ann", item=story.item("first").no)
    )
    assert story.answer().answer == "Refused"


# -- a plan definition ----------------------------------------------------------------------------------


def test_items_of_a_paused_plan_do_not_start_and_say_why() -> None:
    story = two_calls()
    pauses = Pauses([PLAN_PAUSE])
    story.commands = handle(story.plan, done(story.item("first")), NOW, story.mappings, pauses)
    second = story.item("second")
    assert (second.state, second.phase) == (ItemState.PENDING, Phase.WAITING)
    assert second.waiting_for == (
        "the end of a pause: plan plan is paused by Eva since 2026-03-01 12:00 UTC: new prices"
    )
    assert order_status(story.plan) == "Waiting"
    (timer,) = story.timers()
    assert timer.kind is TimerKind.PAUSE

    looked = TimerDue(item=second.no, kind=TimerKind.PAUSE, epoch=second.epoch)
    story.commands = handle(story.plan, looked, NOW, story.mappings, pauses)
    assert story.calls() == []
    assert story.item("second") is second, "nothing changes by looking"
    assert len(story.timers()) == 1

    story.happens(looked)
    assert story.calls() == [("second", 1, 1)]


# -- a system -------------------------------------------------------------------------------------------


def test_a_wait_for_a_paused_system_does_not_time_out() -> None:
    story = Story.of(
        (definition("wait", ItemType.EVENT, completes=Completion(on="sys.done", within=timedelta(hours=1))), ())
    )
    item = story.item("wait")
    due = TimerDue(item=item.no, kind=TimerKind.TIMEOUT, epoch=item.epoch)
    story.now = NOW + timedelta(hours=1)
    pause = Pause(kind=PauseKind.SYSTEM, name="sys", since=NOW)
    story.commands = handle(story.plan, due, story.now, story.mappings, Pauses([pause]))
    assert story.state("wait") is ItemState.RUNNING
    assert [timer.due for timer in story.timers()] == [story.now + timedelta(hours=1)]
    story.happens(due)
    assert story.state("wait") is ItemState.FATALLY_FAILED
