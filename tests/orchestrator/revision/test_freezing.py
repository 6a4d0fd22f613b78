"""A plan stands still while a revision is decided on: as short as can be, and never for ever."""

from __future__ import annotations

from datetime import timedelta

from connector.model.commands import AnswerCommand
from connector.model.events import Operation, TimerKind
from connector.model.revision import VersionState
from connector.model.states import ItemState, PlanState
from tests.orchestrator.revision.building import LOST, NO, NOT_YET, awaited, canceling, following, item, manual
from tests.orchestrator.revision.world import bundle, phone, story


def test_without_requests_under_way_a_plan_is_revised_within_one_turn() -> None:
    told = story(manual("visit"), awaited("x"))
    told.accept("x")
    told.revised(following(phone(), change={"phone": {"size": "M"}}))
    assert told.plan_state() is PlanState.IN_PROGRESS
    assert told.version("o2").state is VersionState.ACCEPTED


def test_a_request_that_is_being_sent_is_waited_for_and_nothing_new_starts() -> None:
    told = story(item("x", on_cancel="undo"), item("y", after=["x"]), item("z", after=["gate"]), manual("gate"))
    told.revised(following(phone(), change={"phone": {"size": "M"}}))
    assert told.plan_state() is PlanState.FREEZING
    assert told.plan.message == "Order o2 waits for requests that are being sent."
    told.done("gate")
    assert told.state("z") is ItemState.FROZEN
    assert told.item("z").waiting_for == "the plan to go on"
    assert told.calls() == []
    told.succeed("x")
    assert told.plan_state() is PlanState.IN_PROGRESS
    assert told.states("x") == [ItemState.AMENDED, ItemState.PENDING]
    assert sorted(told.calls()) == ["undo"]


def test_what_was_frozen_goes_on_when_the_revision_is_rejected() -> None:
    told = story(item("x", ponr="hard"), item("z", after=["gate"]), manual("gate", reacts_to=[]))
    told.revised(canceling(phone()))
    told.done("gate")
    assert told.state("z") is ItemState.FROZEN
    told.succeed("x")
    assert told.version("o2").state is VersionState.REJECTED
    assert told.plan_state() is PlanState.IN_PROGRESS
    assert told.calls() == ["z"]


def test_a_request_that_fails_while_it_is_waited_for_is_not_sent_again_for_nothing() -> None:
    told = story(item("x", on_cancel="undo"), manual("end", reacts_to=[]))
    told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.fail("x", NOT_YET)
    assert told.states("x") == [ItemState.RUNNING]
    assert told.request("x") == {"size": "M", "colour": "red"}


def test_an_attempt_whose_time_comes_while_the_plan_stands_still_is_made_when_it_goes_on() -> None:
    told = story(item("slow"), item("x", reacts_to=[]))
    told.fail("x", LOST)
    told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.later(timedelta(hours=1))
    told.time("x", TimerKind.RETRY)
    assert (told.plan_state(), told.state("x")) == (PlanState.FREEZING, ItemState.FAILED)
    told.succeed("slow")
    assert told.version("o2").state is VersionState.ACCEPTED
    assert told.state("x") is ItemState.RUNNING


def test_nobody_retries_while_the_plan_stands_still() -> None:
    told = story(item("slow"), item("x", reacts_to=[]))
    told.fail("x", NO)
    told.revised(following(phone(), change={"phone": {"size": "M"}}))
    for target in (told.item("x"), None):
        told.told(Operation.RETRY, target)
        (answer,) = told.asked(AnswerCommand)
        assert (answer.answer, "stands still" in answer.message) == ("Refused", True)
        assert told.state("x") is ItemState.FATALLY_FAILED


def test_another_revision_waits_for_the_first_and_is_decided_after_it() -> None:
    told = story(item("x"), manual("end", reacts_to=[]))
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.revised(following(second, change={"phone": {"size": "L"}}))
    assert [each.state for each in told.plan.versions] == [VersionState.WAITING, VersionState.WAITING]
    told.succeed("x")
    assert [each.state for each in told.plan.versions][1:] == [VersionState.ACCEPTED, VersionState.ACCEPTED]
    assert told.request("x") == {"size": "L", "colour": "red"}


def test_of_two_revisions_of_the_same_version_the_second_is_refused() -> None:
    told = story(item("x"), manual("end", reacts_to=[]))
    told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.revised(following(phone(), id="o3", number="o3", change={"phone": {"size": "L"}}))
    told.succeed("x")
    assert told.version("o2").state is VersionState.ACCEPTED
    assert told.version("o3").state is VersionState.REJECTED
    assert "not the newest accepted one, which is order o2" in told.version("o3").reason
    assert told.request("x") == {"size": "M", "colour": "red"}


def test_the_call_back_that_comes_before_the_answer_ends_the_waiting() -> None:
    told = story(awaited("x", on_cancel="undo"))
    told.revised(canceling(phone()))
    assert told.plan_state() is PlanState.FREEZING
    told.call_back(told.item("x"))
    assert told.state("x") is ItemState.CANCELED
    assert told.calls() == ["undo"]
    told.accept("x")
    assert told.state("x") is ItemState.CANCELED


def test_the_whole_plan_may_end_while_it_freezes() -> None:
    told = story(item("x"), given=bundle())
    told.succeed("more")
    told.revised(following(bundle()))
    told.succeed("x")
    assert told.version("o2").state is VersionState.ACCEPTED
    assert told.plan_state() is PlanState.COMPLETED
