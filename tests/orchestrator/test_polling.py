"""An accepted callout whose system is asked how far it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.set import RESPONSE, Completion, ItemDefinition, Poll
from connector.model.commands import ClearTimers, DropCallout, InvokeCallout, PollCallout, RaiseFallout, Record
from connector.model.events import (
    CallbackArrived,
    CalloutAccepted,
    CalloutPolled,
    Operation,
    OperatorCommanded,
    PollVerdict,
    TimerDue,
    TimerKind,
)
from connector.model.failure import Failure, FailureClass
from connector.model.ids import CommandId
from connector.model.states import ItemState, ItemType, PlanState
from connector.orchestrator.polling import next_question
from tests.orchestrator.building import Story, callout, definition, interface, mapping_set
from tests.orchestrator.telling import NOW

BUSY = Failure(failure_class=FailureClass.TRANSIENT, code="HTTP_503", message="Busy.", system="sys")
NO = Failure(failure_class=FailureClass.BUSINESS, code="REFUSED", message="No.", system="sys")
MINUTE = timedelta(minutes=1)


def poll(**more: Any) -> Poll:
    return Poll(
        **{
            "interface": "sys.status",
            "every": MINUTE,
            "until": RESPONSE.compile("body.done"),
            "fails": RESPONSE.compile("body.failed"),
            **more,
        }
    )


def item(on: str = "", **more: Any) -> ItemDefinition:
    completion = Completion(on=on, poll=poll(**more), within=timedelta(hours=1))
    return definition("ask", ItemType.CALLOUT, interface="sys.put", completes=completion)


def begun(on: str = "", path: str = '"/status/" + item.ref', **more: Any) -> Story:
    """A plan whose first item has been accepted."""
    asked = item(on, **more)
    after = callout("after")
    made = mapping_set([asked, after], interface("put"), interface("status", method="GET", path=path))
    story = Story.of((asked, ()), (after, ("ask",)), mappings=made)
    story.happens(CalloutAccepted(item=story.item("ask").no, epoch=1, attempt=1, outputs={"id": "R1"}))
    return story


def time_comes(story: Story, later: timedelta = MINUTE) -> None:
    story.later(later)
    story.happens(TimerDue(item=story.item("ask").no, kind=TimerKind.POLL, epoch=story.item("ask").epoch))


def told(story: Story, verdict: PollVerdict, **more: Any) -> None:
    one = story.item("ask")
    story.happens(CalloutPolled(item=one.no, epoch=one.epoch, poll=1, verdict=verdict, **more))


def due(story: Story) -> dict[TimerKind, datetime]:
    return {timer.kind: timer.due for timer in story.timers()}


def test_what_is_accepted_is_asked_about_later() -> None:
    story = begun()
    assert due(story) == {TimerKind.TIMEOUT: NOW + timedelta(hours=1), TimerKind.POLL: NOW + MINUTE}
    assert story.item("ask").waiting_for == "sys.status to say that it is done"

    time_comes(story)

    (question,) = story.asked(PollCallout)
    assert (question.poll, question.interface, question.definition, question.key) == (1, "sys.status", "plan", "ask")
    assert (question.request.method, question.request.path) == ("GET", f"/status/{story.plan.id}-1-1")
    assert due(story) == {TimerKind.POLL: NOW + 2 * MINUTE}, "should this question get lost, the next is asked"
    assert story.plan.items[story.item("ask").no].attempts == 1, "a question is no attempt"


def test_done_is_done_with_what_the_answer_says() -> None:
    story = begun()
    time_comes(story)
    told(story, PollVerdict.DONE, outputs={"port": 7})
    assert (story.state("ask"), story.state("after")) == (ItemState.COMPLETED, ItemState.RUNNING)
    assert story.item("ask").outputs == {"id": "R1", "port": 7}
    assert story.asked(ClearTimers)
    assert story.asked(DropCallout)


def test_not_yet_changes_nothing() -> None:
    story = begun()
    time_comes(story)
    before = story.item("ask")
    story.plan.saved()
    told(story, PollVerdict.PENDING)
    assert story.item("ask") is before
    assert story.plan.changed_items == {}, "nothing is saved, nothing is written to Salesforce"
    assert story.commands == []


def test_failed_is_treated_as_a_call_back_that_tells_of_failure() -> None:
    story = begun()
    time_comes(story)
    told(story, PollVerdict.FAILED, failure=NO)
    (raised,) = story.asked(RaiseFallout)
    assert raised.failure == NO
    assert not story.item("ask").in_doubt
    story.happens(
        OperatorCommanded(command=CommandId("a0C"), operation=Operation.RETRY, by="Ann", item=story.item("ask").no)
    )
    (call,) = story.asked(InvokeCallout)
    assert call.epoch == 2, "it did not happen, so it is begun anew"


def test_a_call_back_may_be_faster() -> None:
    story = begun(on="sys.done")
    assert story.item("ask").waiting_for == "sys.done or sys.status to say that it is done"
    time_comes(story)
    story.happens(CallbackArrived(item=story.item("ask").no, epoch=1, name="sys.done"))
    assert story.state("ask") is ItemState.COMPLETED
    before = dict(story.plan.items)
    told(story, PollVerdict.DONE, outputs={"late": True})
    time_comes(story)
    assert story.plan.items == before
    assert not story.asked(PollCallout)


def test_questions_without_a_usable_answer_are_put_again_quietly_and_not_for_ever() -> None:
    story = begun(most_failures=3)
    for number in (1, 2):
        time_comes(story)
        told(story, PollVerdict.UNKNOWN, failure=BUSY)
        assert not story.asked(Record)
        assert story.item("ask").failed_polls == number
        assert story.state("ask") is ItemState.RUNNING
    told(story, PollVerdict.PENDING)
    assert story.item("ask").failed_polls == 0, "only those in a row count"
    for _ in range(3):
        time_comes(story)
        told(story, PollVerdict.UNKNOWN, failure=BUSY)
    (raised,) = story.asked(RaiseFallout)
    assert raised.failure == BUSY
    failed = story.item("ask")
    assert (failed.state, failed.in_doubt, failed.due_at) == (ItemState.FATALLY_FAILED, True, None)
    time_comes(story)
    assert not story.asked(PollCallout), "nobody is asked while people look at it"


def test_after_a_fallout_the_same_request_goes_out_and_is_asked_about_again() -> None:
    story = begun(most_failures=1)
    time_comes(story)
    told(story, PollVerdict.UNKNOWN, failure=BUSY)
    story.happens(
        OperatorCommanded(command=CommandId("a0C"), operation=Operation.RETRY, by="Ann", item=story.item("ask").no)
    )
    (call,) = story.asked(InvokeCallout)
    assert (call.epoch, call.request) == (1, None), "it may have had its effect"
    time_comes(story)
    assert not story.asked(PollCallout), "it has to be accepted first"
    one = story.item("ask")
    story.happens(CalloutAccepted(item=one.no, epoch=1, attempt=one.attempts))
    assert due(story)[TimerKind.POLL] == story.now + MINUTE


def test_questions_of_another_attempt_say_nothing() -> None:
    story = begun()
    one = story.item("ask")
    story.happens(CalloutPolled(item=one.no, epoch=9, poll=1, verdict=PollVerdict.DONE))
    assert story.state("ask") is ItemState.RUNNING
    story.happens(CalloutPolled(item=story.item("after").no, epoch=1, poll=1, verdict=PollVerdict.DONE))
    assert story.state("after") is ItemState.PENDING


def test_a_question_that_cannot_be_made_is_for_people() -> None:
    story = begun(path='"/status/" + line.attributes.nothing')
    time_comes(story)
    (raised,) = story.asked(RaiseFallout)
    assert raised.failure.failure_class is FailureClass.CONFIGURATION
    assert story.item("ask").in_doubt


def test_in_the_end_it_is_too_late() -> None:
    story = begun()
    story.later(timedelta(hours=1))
    story.happens(TimerDue(item=story.item("ask").no, kind=TimerKind.TIMEOUT, epoch=1))
    failure = story.item("ask").failure
    assert failure is not None
    assert failure.message == "sys.status did not say in time that it is done."
    assert failure.failure_class is FailureClass.UNKNOWN_OUTCOME


def test_the_plan_ends_by_questions_alone() -> None:
    story = begun()
    time_comes(story)
    told(story, PollVerdict.DONE)
    after = story.item("after")
    story.happens(OperatorCommanded(command=CommandId("c"), operation=Operation.SKIP, by="Ann", item=after.no))
    assert story.plan.state is not PlanState.COMPLETED, "it is being sent"


# -- when to ask --------------------------------------------------------------------------------------------


def naive(asked: Poll, now: datetime) -> tuple[int, datetime]:
    number, at, wait = 1, NOW + asked.every, asked.every
    while at <= now:
        wait = min(wait * asked.factor, asked.longest or asked.every)
        number, at = number + 1, at + wait
    return number, at


@given(
    st.integers(1, 5_000),
    st.sampled_from([1.0, 1.5, 2.0, 10.0]),
    st.sampled_from([timedelta(minutes=1), timedelta(minutes=7), timedelta(hours=3)]),
)
def test_the_next_question_follows_from_the_acceptance_alone(minutes: int, factor: float, longest: timedelta) -> None:
    asked = poll(factor=factor, longest=longest if factor > 1 else None)
    now = NOW + timedelta(minutes=minutes)
    assert next_question(asked, NOW, now) == naive(asked, now)


@pytest.mark.parametrize("before", [timedelta(), timedelta(days=-1)])
def test_a_clock_that_jumps_back_asks_the_first_question_again(before: timedelta) -> None:
    assert next_question(poll(), NOW, NOW + before) == (1, NOW + MINUTE)


def test_a_question_may_look_at_what_the_acceptance_told() -> None:
    story = begun(path='"/status/" + line.attributes.id')
    time_comes(story)
    (question,) = story.asked(PollCallout)
    assert question.request.path == "/status/R1"
