"""What the machine does with a plan, event by event; nothing but values."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from connector.errors import IllegalTransition
from connector.mappings.calendar import Calendar
from connector.mappings.policies import FalloutRow, RetryPolicy
from connector.mappings.set import PLAN, FormField
from connector.model.commands import DropCallout, InvokeCallout, RaiseFallout, Record, ResolveFallout
from connector.model.events import (
    CallbackArrived,
    CalloutAccepted,
    CalloutFailed,
    ExternalEventArrived,
    Operation,
    OperatorCommanded,
    TimerDue,
    TimerKind,
)
from connector.model.failure import Failure, FailureClass
from connector.model.ids import CommandId, ItemNo
from connector.model.states import ITEM_TRANSITIONS, ItemState, ItemTrigger, ItemType, PlanState, next_item_state
from connector.orchestrator.status import order_status, progress
from tests.orchestrator.building import Story, awaited, callout, definition, interface, manual, mapping_set
from tests.orchestrator.telling import done

BUSY = Failure(failure_class=FailureClass.TRANSIENT, code="HTTP_503", message="The system is busy.", system="sys")
NO = Failure(failure_class=FailureClass.BUSINESS, code="TAKEN", message="The number is taken.", system="sys")
LOCKED_OUT = Failure(
    failure_class=FailureClass.CONFIGURATION, code="HTTP_401", message="Credentials refused.", http_status=401
)
LOST = Failure(failure_class=FailureClass.UNKNOWN_OUTCOME, code="TIMEOUT", message="No answer.", system="sys")


def asks(operation: Operation, item: ItemNo | None = None, **more: object) -> OperatorCommanded:
    return OperatorCommanded(command=CommandId("a0C1"), operation=operation, by="Ann", item=item, **more)  # type: ignore[arg-type]


# -- beginning and going on ---------------------------------------------------------------------------------


def test_what_depends_on_nothing_starts_at_once_and_side_by_side() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ()), (callout("c"), ("a", "b")))
    assert story.calls() == [("a", 1, 1), ("b", 1, 1)]
    assert story.state("c") is ItemState.PENDING


def test_an_item_starts_when_the_last_before_it_is_done() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ()), (callout("c"), ("a", "b")))
    story.succeed("a")
    assert story.calls() == []
    story.succeed("b")
    assert story.calls() == [("c", 1, 1)]


def test_the_plan_is_completed_with_its_last_item() -> None:
    story = Story.of((callout("a"), ()))
    assert order_status(story.plan) == "In Progress"
    story.succeed("a")
    assert story.plan.state is PlanState.COMPLETED
    assert story.plan.finished_at == story.now
    assert (order_status(story.plan), progress(story.plan)) == ("Completed", 100)


def test_a_false_condition_skips_the_item_and_what_follows_goes_on() -> None:
    story = Story.of((callout("a", when="false"), ()), (callout("b"), ("a",)))
    assert story.state("a") is ItemState.SKIPPED
    assert story.calls() == [("b", 1, 1)]


def test_a_plan_whose_every_item_is_skipped_is_completed() -> None:
    story = Story.of((callout("a", when="false"), ()), (callout("b", when="1 == 2"), ("a",)))
    assert story.plan.state is PlanState.COMPLETED


def test_a_condition_that_can_not_be_evaluated_asks_for_a_person() -> None:
    story = Story.of((callout("a", when="line.attributes.speed > 3"), ()))
    assert story.state("a") is ItemState.FATALLY_FAILED
    (fallout,) = story.asked(RaiseFallout)
    assert fallout.failure.code == "CEL_EVALUATION"
    assert "'speed' is absent" in fallout.failure.message


def test_milestones_complete_by_themselves() -> None:
    story = Story.of((definition("m", ItemType.MILESTONE), ()), (callout("a"), ("m",)))
    assert story.state("m") is ItemState.COMPLETED
    assert story.calls() == [("a", 1, 1)]


def test_outputs_become_attributes_of_the_line_that_later_items_see() -> None:
    later = callout("b", when='line.attributes.number == "+44"')
    story = Story.of((callout("a"), ()), (later, ("a",)))
    story.succeed("a", number="+44")
    assert story.calls() == [("b", 1, 1)]
    assert story.item("a").outputs == {"number": "+44"}


def test_an_auto_item_sets_attributes() -> None:
    sets = definition("s", ItemType.AUTO, task="set", sets={"twice": PLAN.compile("line.quantity * 2.0")})
    story = Story.of((sets, ()))
    (line,) = story.plan.lines.values()
    assert line.attributes == {"twice": 2.0}


# -- callouts that fail -------------------------------------------------------------------------------------


def test_a_busy_system_is_tried_again_with_the_same_key() -> None:
    story = Story.of((callout("a"), ()))
    story.fail("a", BUSY)
    assert story.state("a") is ItemState.FAILED
    (timer,) = story.timers()
    assert timer.kind is TimerKind.RETRY
    story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.RETRY, epoch=1))
    assert story.calls() == [("a", 1, 2)]
    (call,) = story.asked(InvokeCallout)
    assert call.request is None, "the stored request goes out again, not another one"


def test_a_system_that_names_a_time_is_left_alone_until_then() -> None:
    story = Story.of((callout("a"), ()))
    named = Failure(failure_class=FailureClass.TRANSIENT, code="HTTP_429", message="Slow down.", retry_after=600)
    story.fail("a", named)
    (timer,) = story.timers()
    assert timer.due >= story.now + timedelta(seconds=600)


def test_retries_come_to_an_end() -> None:
    story = Story.of((callout("a"), ()))
    for attempt in (1, 2, 3):
        story.fail("a", BUSY)
        assert story.state("a") is ItemState.FAILED, attempt
        story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.RETRY, epoch=1))
    story.fail("a", BUSY)
    assert story.state("a") is ItemState.FATALLY_FAILED
    (fallout,) = story.asked(RaiseFallout)
    assert (fallout.queue, fallout.attempts, fallout.episode) == ("Fallout", 4, 1)


def test_a_system_that_says_no_is_not_asked_again() -> None:
    story = Story.of((callout("a"), ()))
    story.fail("a", NO)
    assert story.state("a") is ItemState.FATALLY_FAILED
    assert order_status(story.plan) == "Fallout"


def test_the_policy_table_decides_and_the_most_specific_row_wins() -> None:
    rows = (
        FalloutRow(retry="never", queue="General"),
        FalloutRow(retry="slow", queue="Numbers", system="sys", code="TAKEN", suggestions=("Choose another.",)),
    )
    policies = {
        "never": RetryPolicy(name="never", retries=0),
        "slow": RetryPolicy(name="slow", retries=1, waits=(timedelta(seconds=9),)),
    }
    mappings = mapping_set([callout("a")], fallout=rows, retry_policies=policies)
    story = Story.of((callout("a"), ()), mappings=mappings)
    story.fail("a", NO)
    (timer,) = story.timers()
    assert timer.due == story.now + timedelta(seconds=9)
    story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.RETRY, epoch=timer.epoch))
    assert story.calls() == [("a", 2, 2)], "the system had answered, so this is another logical attempt"
    story.fail("a", NO)
    (fallout,) = story.asked(RaiseFallout)
    assert (fallout.queue, fallout.suggestions) == ("Numbers", ("Choose another.",))


def test_an_unknown_outcome_is_sent_again_only_where_that_is_safe() -> None:
    safe = Story.of((callout("a"), ()))
    safe.fail("a", LOST)
    assert safe.state("a") is ItemState.FAILED

    unsafe_set = mapping_set([callout("a")], interface("put", idempotent=False))
    unsafe = Story.of((callout("a"), ()), mappings=unsafe_set)
    unsafe.fail("a", LOST)
    assert unsafe.state("a") is ItemState.FATALLY_FAILED


def test_a_request_that_can_not_be_made_asks_for_a_person() -> None:
    mappings = mapping_set([callout("a")], interface("put", path='"do"'))
    story = Story.of((callout("a"), ()), mappings=mappings)
    assert story.state("a") is ItemState.FATALLY_FAILED
    assert story.item("a").failure is not None
    assert "has to begin with '/'" in story.item("a").failure.message  # type: ignore[union-attr]


# -- answers that come late, twice, or early ------------------------------------------------------------------


def test_the_same_answer_twice_has_the_effect_of_once() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ("a",)))
    event = done(story.item("a"))
    story.happens(event)
    story.happens(event)
    assert story.calls() == []


def test_an_answer_to_an_attempt_that_is_over_changes_nothing() -> None:
    story = Story.of((callout("a"), ()))
    late = done(story.item("a"))
    story.fail("a", BUSY)
    story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.RETRY, epoch=1))
    story.happens(late)
    assert story.state("a") is ItemState.RUNNING
    assert [record.what for record in story.asked(Record)] == ["late answer ignored"]


def test_an_accepted_callout_waits_for_its_call_back() -> None:
    story = Story.of((awaited("a", within=timedelta(days=5)), ()))
    story.happens(CalloutAccepted(item=ItemNo(1), epoch=1, attempt=1, outputs={"shipment": "S1"}))
    assert story.item("a").waiting_for == "sys.done"
    assert order_status(story.plan) == "Waiting"
    (timer,) = story.timers()
    assert (timer.kind, timer.due) == (TimerKind.TIMEOUT, story.now + timedelta(days=5))
    story.happens(CallbackArrived(item=ItemNo(1), name="sys.done", outputs={"tracking": "T1"}))
    assert story.state("a") is ItemState.COMPLETED
    assert story.item("a").outputs == {"shipment": "S1", "tracking": "T1"}


def test_a_call_back_may_come_before_the_answer() -> None:
    story = Story.of((awaited("a"), ()))
    story.happens(CallbackArrived(item=ItemNo(1), name="sys.done"))
    assert story.state("a") is ItemState.COMPLETED
    story.happens(CalloutAccepted(item=ItemNo(1), epoch=1, attempt=1))
    assert story.state("a") is ItemState.COMPLETED


def test_a_call_back_that_tells_of_failure_fails_the_item() -> None:
    story = Story.of((awaited("a"), ()))
    story.happens(CalloutAccepted(item=ItemNo(1), epoch=1, attempt=1))
    story.happens(CallbackArrived(item=ItemNo(1), name="sys.done", failure=NO))
    assert story.state("a") is ItemState.FATALLY_FAILED


def test_a_call_back_that_comes_after_all_resolves_the_fallout() -> None:
    story = Story.of((awaited("a", within=timedelta(hours=1)), ()), mappings=None)
    story.happens(CalloutAccepted(item=ItemNo(1), epoch=1, attempt=1))
    story.fail("a", NO)
    assert story.state("a") is ItemState.FATALLY_FAILED
    story.happens(CallbackArrived(item=ItemNo(1), name="sys.done"))
    assert story.state("a") is ItemState.COMPLETED
    assert len(story.asked(ResolveFallout)) == 1


def test_a_call_back_that_never_comes_is_a_failure() -> None:
    mappings = mapping_set([awaited("a", within=timedelta(hours=1))], interface("put", idempotent=False))
    story = Story.of((awaited("a", within=timedelta(hours=1)), ()), mappings=mappings)
    story.happens(CalloutAccepted(item=ItemNo(1), epoch=1, attempt=1))
    story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.TIMEOUT, epoch=1))
    assert story.state("a") is ItemState.FATALLY_FAILED
    assert story.item("a").failure is not None
    assert story.item("a").failure.code == "EVENT_TIMEOUT"  # type: ignore[union-attr]


def called_back(*, epoch: int | None = None, failure: Failure | None = None, **outputs: object) -> CallbackArrived:
    return CallbackArrived(item=ItemNo(1), epoch=epoch, name="sys.done", outputs=outputs, failure=failure)  # type: ignore[arg-type]


def started_anew() -> Story:
    """The second attempt was accepted, after the first was refused."""
    story = Story.of((awaited("a"), ()))
    story.fail("a", NO)
    story.happens(asks(Operation.RETRY, ItemNo(1)))
    story.happens(CalloutAccepted(item=ItemNo(1), epoch=2, attempt=1))
    return story


@pytest.mark.parametrize("failure", [None, NO])
def test_a_call_back_for_an_older_attempt_does_not_touch_the_newer(failure: Failure | None) -> None:
    story = started_anew()
    before = story.item("a")
    story.happens(called_back(epoch=1, failure=failure))
    assert story.item("a") == before
    (record,) = story.asked(Record)
    assert record.what == "call-back ignored"
    assert record.detail.startswith("sys.done is about attempt 1; what was sent last is attempt 2")
    story.happens(called_back(epoch=2))
    assert story.state("a") is ItemState.COMPLETED


def test_a_call_back_that_names_the_item_alone_is_about_what_was_sent_last() -> None:
    story = started_anew()
    story.happens(called_back())
    assert story.state("a") is ItemState.COMPLETED


def test_a_call_back_for_what_was_sent_last_counts_while_the_next_attempt_is_waited_for() -> None:
    patient = RetryPolicy(name="patient", retries=3, waits=(timedelta(seconds=5),))
    row = FalloutRow(failure_class=FailureClass.BUSINESS, retry="patient", queue="Fallout")
    mappings = mapping_set([awaited("a")], fallout=(row,), retry_policies={"patient": patient})
    story = Story.of((awaited("a"), ()), mappings=mappings)
    story.fail("a", NO)
    assert (story.state("a"), story.item("a").epoch, story.item("a").request_epoch) == (ItemState.FAILED, 2, 1)
    story.happens(called_back(epoch=1))
    assert story.state("a") is ItemState.COMPLETED


def held_in_doubt() -> Story:
    """Nobody knows what came of the request, and an operator holds the item before it is sent again."""
    story = Story.of((awaited("a"), ()), (callout("b"), ("a",)))
    story.fail("a", LOST)
    story.happens(asks(Operation.HOLD, ItemNo(1)))
    return story


def test_a_call_back_for_an_item_on_hold_counts_when_it_is_resumed() -> None:
    story = held_in_doubt()
    story.happens(called_back(epoch=1, tracking="T1"))
    assert (story.state("a"), story.state("b")) == (ItemState.ON_HOLD, ItemState.PENDING)
    assert story.item("a").waiting_for == "Ann to resume it; sys.done has come"
    story.happens(asks(Operation.RESUME, ItemNo(1)))
    assert story.calls() == [("b", 1, 1)], "what was done is not sent again"
    assert (story.state("a"), story.item("a").outputs) == (ItemState.COMPLETED, {"tracking": "T1"})
    assert story.answer().message == "a is completed: its system said so while it was on hold."


def test_a_call_back_that_tells_of_failure_on_hold_asks_for_a_person_when_it_is_resumed() -> None:
    story = held_in_doubt()
    story.happens(called_back(epoch=1, failure=NO))
    assert story.state("a") is ItemState.ON_HOLD
    story.happens(asks(Operation.RESUME, ItemNo(1)))
    assert (story.state("a"), len(story.asked(RaiseFallout))) == (ItemState.FATALLY_FAILED, 1)
    story.happens(asks(Operation.RETRY, ItemNo(1)))
    assert story.calls() == [("a", 2, 1)], "the system has answered: another attempt"


def test_a_call_back_for_an_item_that_was_held_before_anything_was_sent_is_ignored() -> None:
    story = Story.of((callout("b"), ()), (awaited("a"), ("b",)))
    story.happens(asks(Operation.HOLD, ItemNo(2)))
    story.happens(CallbackArrived(item=ItemNo(2), name="sys.done"))
    assert [record.what for record in story.asked(Record)] == ["call-back ignored"]


def test_a_failure_that_is_told_at_last_ends_the_doubt() -> None:
    waiting = Story.of((awaited("a"), ()))
    waiting.fail("a", LOST)
    assert waiting.state("a") is ItemState.FAILED
    waiting.happens(called_back(epoch=1, failure=NO))
    assert waiting.state("a") is ItemState.FATALLY_FAILED

    given_up = Story.of((awaited("a"), ()), mappings=mapping_set([awaited("a")], interface("put", idempotent=False)))
    given_up.fail("a", LOST)
    given_up.happens(called_back(epoch=1, failure=NO))
    (fallout,) = given_up.asked(RaiseFallout)
    assert (fallout.episode, fallout.failure.code) == (1, "TAKEN"), "the same Case, which now says why"

    for story in (waiting, given_up):
        story.happens(asks(Operation.RETRY, ItemNo(1)))
        assert story.calls() == [("a", 2, 1)]


def test_a_call_back_for_an_item_that_does_not_exist_is_recorded_and_ignored() -> None:
    story = Story.of((callout("a"), ()))
    story.happens(CallbackArrived(item=ItemNo(99), name="sys.done"))
    assert [record.what for record in story.asked(Record)] == ["call-back ignored"]


# -- external events ------------------------------------------------------------------------------------------


def test_an_event_item_takes_the_event_that_matches() -> None:
    waits = awaited("e", kind=ItemType.EVENT, on="sys.delivered", match='event.what == "SIM"')
    story = Story.of((waits, ()))
    story.happens(ExternalEventArrived(name="sys.delivered", payload={"what": "phone"}))
    assert story.state("e") is ItemState.RUNNING
    story.happens(ExternalEventArrived(name="sys.delivered", payload={"what": "SIM"}))
    assert story.state("e") is ItemState.COMPLETED


def test_an_event_that_comes_early_is_kept_for_the_item_that_will_wait_for_it() -> None:
    waits = awaited("e", kind=ItemType.EVENT, on="sys.delivered")
    story = Story.of((callout("a"), ()), (waits, ("a",)))
    story.happens(ExternalEventArrived(name="sys.delivered", payload={"what": "SIM"}))
    story.succeed("a")
    assert story.state("e") is ItemState.COMPLETED
    assert story.plan.unclaimed == ()


def test_news_about_one_item_may_complete_another_that_waits_for_it() -> None:
    waits = awaited("e", kind=ItemType.EVENT, on="sys.delivered")
    story = Story.of((awaited("a", on="sys.shipped"), ()), (waits, ()))
    story.happens(CallbackArrived(item=ItemNo(1), name="sys.delivered", outputs={"by": "Bob"}))
    assert story.state("a") is ItemState.RUNNING
    assert story.state("e") is ItemState.COMPLETED


def test_an_event_that_does_not_come_in_time_asks_for_a_person() -> None:
    waits = awaited("e", kind=ItemType.EVENT, on="sys.delivered", within=timedelta(days=1))
    story = Story.of((waits, ()))
    assert [timer.kind for timer in story.timers()] == [TimerKind.TIMEOUT]
    story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.TIMEOUT, epoch=1))
    assert story.state("e") is ItemState.FATALLY_FAILED


# -- time -------------------------------------------------------------------------------------------------------


def test_a_timer_waits_and_goes_on() -> None:
    story = Story.of((definition("t", ItemType.TIMER, duration=timedelta(hours=2)), ()))
    (timer,) = story.timers()
    assert timer.due == story.now + timedelta(hours=2)
    story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.WAIT, epoch=1))
    assert story.state("t") is ItemState.COMPLETED


def test_a_timer_until_a_time_that_has_passed_does_not_wait() -> None:
    until = definition("t", ItemType.TIMER, until=PLAN.compile('"2020-01-01T00:00:00Z"'))
    assert Story.of((until, ())).state("t") is ItemState.COMPLETED


def test_a_timer_until_something_that_is_no_time_asks_for_a_person() -> None:
    until = definition("t", ItemType.TIMER, until=PLAN.compile('"soon"'))
    story = Story.of((until, ()))
    assert story.state("t") is ItemState.FATALLY_FAILED


# -- people -----------------------------------------------------------------------------------------------------


def test_a_manual_task_waits_for_its_person_and_takes_the_form() -> None:
    fields = (FormField(name="limit", label="Limit", type="integer", required=True),)
    story = Story.of((manual("credit", outcomes=("Approved", "Declined"), form=fields), ()))
    assert story.item("credit").queue == "Desk"
    assert order_status(story.plan) == "Waiting"

    story.happens(asks(Operation.COMPLETE, ItemNo(1), outcome="Maybe"))
    assert story.answer().answer == "Refused"
    assert "Approved, Declined" in story.answer().message

    story.happens(asks(Operation.COMPLETE, ItemNo(1), outcome="Approved"))
    assert "needs the field Limit" in story.answer().message

    story.happens(asks(Operation.COMPLETE, ItemNo(1), outcome="Approved", outputs={"limit": "much"}))
    assert "has to be a integer" in story.answer().message

    story.happens(asks(Operation.COMPLETE, ItemNo(1), outcome="Approved", outputs={"limit": 500}))
    assert story.answer().answer == "Done"
    assert story.item("credit").outcome == "Approved"
    assert story.plan.state is PlanState.COMPLETED


def test_an_outcome_that_means_no_is_a_business_failure() -> None:
    credit = manual("credit", outcomes=("Approved", "Declined"), failing_outcomes=("Declined",))
    story = Story.of((credit, ()))
    story.happens(asks(Operation.COMPLETE, ItemNo(1), outcome="Declined"))
    assert story.state("credit") is ItemState.FATALLY_FAILED
    (fallout,) = story.asked(RaiseFallout)
    assert fallout.failure.code == "OUTCOME_DECLINED"


def test_retry_after_a_no_is_another_logical_attempt() -> None:
    story = Story.of((callout("a"), ()))
    story.fail("a", NO)
    story.happens(asks(Operation.RETRY, ItemNo(1), outputs={"number": "+45"}))
    assert story.calls() == [("a", 2, 1)]
    assert len(story.asked(ResolveFallout)) == 1
    (line,) = story.plan.lines.values()
    assert line.attributes == {"number": "+45"}
    story.succeed("a")
    assert story.plan.state is PlanState.COMPLETED


def test_retry_after_an_unknown_outcome_keeps_the_key() -> None:
    mappings = mapping_set([callout("a")], interface("put", idempotent=False))
    story = Story.of((callout("a"), ()), mappings=mappings)
    story.fail("a", LOST)
    story.happens(asks(Operation.RETRY, ItemNo(1)))
    assert story.calls() == [("a", 1, 2)]
    assert story.asked(DropCallout) == []


def test_retry_keeps_the_key_when_an_earlier_attempt_may_have_had_its_effect() -> None:
    story = Story.of((callout("a"), ()))
    story.fail("a", LOST)
    for _ in range(3):
        story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.RETRY, epoch=1))
        story.fail("a", BUSY)
    assert story.state("a") is ItemState.FATALLY_FAILED
    story.happens(asks(Operation.RETRY, ItemNo(1)))
    assert story.calls() == [("a", 1, 5)]


def test_retry_keeps_the_key_when_we_were_locked_out_after_a_sending_in_doubt() -> None:
    story = Story.of((callout("a"), ()))
    story.fail("a", LOST)
    story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.RETRY, epoch=1))
    story.fail("a", LOCKED_OUT)
    assert story.state("a") is ItemState.FATALLY_FAILED
    story.happens(asks(Operation.RETRY, ItemNo(1)))
    assert story.calls() == [("a", 1, 3)]
    assert "with the same request" in story.answer().message
    story.fail("a", NO)
    story.happens(asks(Operation.RETRY, ItemNo(1)))
    assert story.calls() == [("a", 2, 1)], "the system said no to this key: nothing is in doubt any more"


def test_retry_after_being_locked_out_is_another_attempt_when_nothing_was_sent_before() -> None:
    story = Story.of((callout("a"), ()))
    story.fail("a", LOCKED_OUT)
    story.happens(asks(Operation.RETRY, ItemNo(1)))
    assert story.calls() == [("a", 2, 1)]


def test_a_policy_that_sends_again_keeps_the_key_while_a_sending_is_in_doubt() -> None:
    patient = RetryPolicy(name="patient", retries=3, waits=(timedelta(seconds=5),))
    row = FalloutRow(failure_class=FailureClass.CONFIGURATION, retry="patient", queue="Fallout")
    mappings = mapping_set([callout("a")], fallout=(row,), retry_policies={"patient": patient})
    for sent_before, epoch in ((True, 1), (False, 2)):
        story = Story.of((callout("a"), ()), mappings=mappings)
        event = CalloutFailed(item=ItemNo(1), epoch=1, attempt=1, failure=LOCKED_OUT, sent_before=sent_before)
        story.happens(event)
        story.happens(TimerDue(item=ItemNo(1), kind=TimerKind.RETRY, epoch=epoch))
        assert story.calls() == [("a", epoch, 2)]


@pytest.mark.parametrize(("status", "epoch"), [(200, 1), (404, 2), (520, 1), (None, 2)])
def test_an_answer_that_can_not_be_read_leaves_doubt_unless_it_turned_us_away(status: int | None, epoch: int) -> None:
    story = Story.of((callout("a"), ()))
    unreadable = Failure(failure_class=FailureClass.CONFIGURATION, code="X", message="x", http_status=status)
    story.fail("a", unreadable)
    story.happens(asks(Operation.RETRY, ItemNo(1)))
    assert [called[1] for called in story.calls()] == [epoch]


def test_a_message_that_is_sent_twice_happens_once() -> None:
    first = awaited("first", on="sys.visited", kind=ItemType.EVENT)
    second = awaited("second", on="sys.visited", kind=ItemType.EVENT)
    story = Story.of((first, ()), (second, ("first",)))
    visit = ExternalEventArrived(name="sys.visited", delivery="visit-1")
    story.happens(visit)
    story.happens(visit)
    assert story.state("second") is ItemState.RUNNING
    assert story.plan.unclaimed == ()
    story.happens(ExternalEventArrived(name="sys.visited", delivery="visit-2"))
    assert story.state("second") is ItemState.COMPLETED


def test_retry_of_the_order_starts_all_that_failed() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ()))
    story.fail("a", NO)
    story.fail("b", NO)
    story.happens(asks(Operation.RETRY))
    assert [key for key, _, _ in story.calls()] == ["a", "b"]
    assert story.answer().message == "2 failed items started again."


def test_skip_goes_on_without_the_item() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ("a",)))
    story.fail("a", NO)
    story.happens(asks(Operation.SKIP, ItemNo(1)))
    assert story.state("a") is ItemState.SKIPPED
    assert story.calls() == [("b", 1, 1)]


def test_complete_by_hand_with_outputs() -> None:
    story = Story.of((callout("a"), ()), (callout("b", when='line.attributes.id == "7"'), ("a",)))
    story.fail("a", NO)
    story.happens(asks(Operation.COMPLETE, ItemNo(1), outputs={"id": "7"}))
    assert story.calls() == [("b", 1, 1)]


def test_hold_and_resume() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ("a",)))
    story.happens(asks(Operation.HOLD, ItemNo(2)))
    story.succeed("a")
    assert (story.state("b"), story.calls()) == (ItemState.ON_HOLD, [])
    story.happens(asks(Operation.RESUME, ItemNo(2)))
    assert story.calls() == [("b", 1, 1)]


@pytest.mark.parametrize("operation", [Operation.SKIP, Operation.COMPLETE, Operation.RETRY, Operation.RESUME])
def test_what_is_being_sent_is_left_alone(operation: Operation) -> None:
    story = Story.of((callout("a"), ()))
    before = story.item("a")
    story.happens(asks(operation, ItemNo(1)))
    assert story.answer().answer == "Refused"
    assert story.item("a") == before


def test_commands_about_nothing_are_refused() -> None:
    story = Story.of((callout("a"), ()))
    story.happens(asks(Operation.RETRY, ItemNo(9)))
    assert "has no item 9" in story.answer().message
    story.happens(asks(Operation.RETRY))
    assert "Nothing of order" in story.answer().message
    story.happens(asks(Operation.SKIP))
    assert "needs an item" in story.answer().message


# -- the tables -------------------------------------------------------------------------------------------------


def test_what_the_table_does_not_have_is_refused() -> None:
    for state in ItemState:
        for trigger in ItemTrigger:
            if (state, trigger) in ITEM_TRANSITIONS:
                assert next_item_state(state, trigger) is ITEM_TRANSITIONS[state, trigger]
            else:
                with pytest.raises(IllegalTransition, match=state.value):
                    next_item_state(state, trigger)


# -- the alarm --------------------------------------------------------------------------------------------------


def test_a_plan_that_waits_for_nothing_raises_an_alarm_once_and_takes_it_back() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ("a",)))
    story.plan.put(story.item("a").but(state=ItemState.PENDING, waiting_for=None))  # as no event ever leaves it
    hold = asks(Operation.HOLD, ItemNo(9))
    raised = [each for each in story.happens(hold) if isinstance(each, RaiseFallout)]
    assert [(each.item, each.failure.code) for each in raised] == [(ItemNo(0), "PLAN_STUCK")]
    assert "a (Pending), b (Pending)" in raised[0].failure.message
    assert not [each for each in story.happens(hold) if isinstance(each, RaiseFallout)]
    told = story.happens(asks(Operation.SKIP, ItemNo(1)))
    assert [each.how for each in told if isinstance(each, ResolveFallout)] == ["The plan goes on."]
    assert story.calls()[-1] == ("b", 1, 1)


def test_a_wait_beyond_what_its_calendar_counts_is_a_persons_matter() -> None:
    seldom = Calendar(name="seldom", zone=ZoneInfo("UTC"), hours={0: ((0, 1),)})
    for kind in (ItemType.CALLOUT, ItemType.EVENT):
        story = Story.of((awaited("wait", kind=kind, calendar=seldom, within=timedelta(days=400)), ()))
        if kind is ItemType.CALLOUT:
            story.happens(CalloutAccepted(item=story.item("wait").no, epoch=1, attempt=1))
        assert story.state("wait") is ItemState.FATALLY_FAILED
        failure = story.item("wait").failure
        assert failure is not None
        assert "calendar seldom is counted in from 1970 to 2500 only" in failure.message
