"""What ADR 18 says, sentence by sentence, where the matrix does not say it already."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.mappings.set import PLAN
from connector.model.commands import Assetize, ResolveFallout
from connector.model.events import Operation, TimerKind
from connector.model.order import Account, Order
from connector.model.revision import ItemEffect, LineEffect, VersionState
from connector.model.states import ItemState, ItemType, PlanState
from tests.orchestrator.revision.building import (
    LOST,
    LOST_FOR_GOOD,
    NO,
    Story,
    awaited,
    canceling,
    following,
    item,
    line,
    manual,
)
from tests.orchestrator.revision.world import bundle, phone, phone_set, story
from tests.orchestrator.telling import NOW

BIGGER = {"phone": {"size": "M"}}

# -- lines ------------------------------------------------------------------------------------------------


def test_a_line_takes_over_the_asset_of_the_one_that_it_supersedes() -> None:
    told = story(item("x"), manual("end", reacts_to=[]), given=phone(assetId="A1"))
    told.succeed("x")
    second = following(phone(assetId="A1"), change={"phone": {"assetId": None}})
    assert told.assess(second).changes_nothing


def test_lines_that_name_nothing_are_matched_by_asset_and_by_being_the_only_ones() -> None:
    told = story(item("x"), manual("end", reacts_to=[]), given=bundle())
    told.succeed("x")
    told.succeed("more")
    assert told.assess(following(bundle(), by_name=False)).changes_nothing
    two = following(bundle(), add=[line("other", "PHONE", parent="offer", size="S", colour="red")])
    added = [each for each in told.assess(two).lines if each.effect is LineEffect.ADD]
    assert [each.product for each in added] == ["T"]


def test_who_cancels_a_bundle_cancels_what_is_in_it() -> None:
    told = story(item("x", on_cancel="undo"), manual("end"), given=bundle())
    told.succeed("x")
    told.succeed("more")
    told.revised(following(bundle(), cancel=["offer"]))
    assert [told.state(key) for key in ("x", "more", "end")] == ["Canceled", "Canceled", "Discarded"]
    for each in told.items("undo"):  # one after another
        told.succeed_item(told.plan.items[each.no])
    assert told.plan_state() is PlanState.CANCELED


# -- undoing ----------------------------------------------------------------------------------------------


def test_compensations_run_one_after_another_in_the_reverse_order_of_completion() -> None:
    lane = [item("a", on_cancel="undo-a"), item("b", on_cancel="undo-b"), item("c", on_cancel="undo-c")]
    plans = {f"undo-{key}": [item(f"undo-{key}")] for key in "abc"}
    told = Story.of(phone_set(lane, **plans), phone())
    for key in "bc":
        told.succeed(key)
    told.revised(canceling(phone()))
    assert told.plan_state() is PlanState.FREEZING
    told.succeed("a")
    for key in ("undo-a", "undo-c", "undo-b"):
        assert told.calls() == [key]
        told.succeed(key)
    assert told.plan_state() is PlanState.CANCELED


def test_undoing_sees_the_values_as_they_were_with_what_the_item_put_out() -> None:
    told = story(item("x", interface="sys.give", on_cancel="undo"), manual("end", reacts_to=[]))
    told.succeed("x", number="+44")
    told.revised(following(phone(), change=BIGGER))
    assert told.request("undo") == {"size": "S", "colour": "red", "number": "+44"}
    told.succeed("undo")
    assert told.request("x") == {"size": "M", "colour": "red"}


def test_what_undoes_a_running_callout_waits_for_it_and_learns_what_it_puts_out() -> None:
    told = story(awaited("x", interface="sys.give", on_cancel="undo"), manual("end", reacts_to=[]))
    told.accept("x")
    told.revised(following(phone(), change=BIGGER))
    assert told.calls() == []
    assert told.item("undo").after == (told.first("x").no,)
    told.call_back(told.first("x"), number="+44")
    assert told.first("x").state is ItemState.AMENDED
    assert told.request("undo") == {"size": "S", "colour": "red", "number": "+44"}
    told.succeed("undo")
    assert told.request("x") == {"size": "M", "colour": "red"}


def test_a_request_is_called_back_where_its_interface_can() -> None:
    told = story(awaited("x", interface="sys.ask", on_cancel="undo"))
    told.accept("x")
    told.revised(canceling(phone()))
    assert told.calls() == ["recall"]
    told.succeed("recall")
    assert told.state("x") is ItemState.CANCELED
    assert told.state("undo") is ItemState.DISCARDED
    assert told.plan_state() is PlanState.CANCELED


def test_a_recall_that_comes_too_late_changes_nothing() -> None:
    told = story(awaited("x", interface="sys.ask", on_cancel="undo"))
    told.accept("x")
    told.revised(canceling(phone()))
    told.fail("recall", NO)
    assert told.item("recall").outcome == "Too late"
    assert told.state("x") is ItemState.RUNNING
    told.call_back(told.item("x"))
    assert told.calls() == ["undo"]


def test_nobody_has_to_mend_a_recall_that_is_not_needed_any_more() -> None:
    told = story(awaited("x", interface="sys.ask", on_cancel="undo"))
    told.accept("x")
    told.revised(canceling(phone()))
    told.fail("recall", LOST_FOR_GOOD)
    assert told.fallouts() == ["recall"]
    told.call_back(told.item("x"))
    assert told.state("recall") is ItemState.FAILED_DISCARDED
    assert [each.item for each in told.asked(ResolveFallout)] == [told.item("recall").no]


def test_a_compensation_that_fails_is_a_fallout_of_its_own_and_goes_on_when_it_is_retried() -> None:
    told = story(item("x", on_cancel="undo"), item("y", on_cancel="undo", after=["x"]), manual("end", after=["y"]))
    told.succeed("x")
    told.succeed("y")
    told.revised(canceling(phone()))
    first = next(each for each in told.items("undo") if each.state is ItemState.RUNNING)
    told.fail_item(first, NO)
    assert told.fallouts() == ["undo"]
    assert told.plan_state() is PlanState.IN_PROGRESS
    told.told(Operation.RETRY, told.plan.items[first.no])
    told.succeed_item(told.plan.items[first.no])
    assert told.calls() == ["undo"]
    told.succeed_item(next(each for each in told.items("undo") if each.state is ItemState.RUNNING))
    assert told.plan_state() is PlanState.CANCELED


def test_an_order_can_be_canceled_while_an_amendment_of_it_is_being_undone() -> None:
    told = story(item("x", on_cancel="undo"), manual("end", reacts_to=[]))
    told.succeed("x")
    second = told.revised(following(phone(), change=BIGGER))
    told.fail("undo", LOST)
    told.revised(canceling(second))
    assert told.states("x") == [ItemState.AMENDED, ItemState.DISCARDED]
    told.time("undo", TimerKind.RETRY)
    told.succeed("undo")
    assert told.plan_state() is PlanState.CANCELED
    assert len(told.items("undo")) == 1


def test_what_may_have_had_its_effect_is_undone_before_what_came_before_it() -> None:
    lane = [item("a", on_cancel="undo-a"), item("b", after=["a"], on_cancel="undo-b")]
    told = Story.of(phone_set(lane, **{f"undo-{key}": [item(f"undo-{key}")] for key in "ab"}), phone())
    told.succeed("a")
    told.fail("b", LOST_FOR_GOOD)
    told.revised(canceling(phone()))
    assert told.state("b") is ItemState.FAILED_DISCARDED
    assert told.calls() == ["undo-b"]
    told.succeed("undo-b")
    assert told.calls() == ["undo-a"]


def test_what_was_told_while_an_item_was_on_hold_is_undone() -> None:
    told = story(awaited("x", on_cancel="undo"), manual("end", reacts_to=[]))
    told.fail("x", LOST)
    told.told(Operation.HOLD, told.item("x"))
    told.call_back(told.item("x"))
    told.revised(canceling(phone()))
    assert told.state("x") is ItemState.DISCARDED
    assert told.calls() == ["undo"]


def test_an_answer_for_an_item_that_is_gone_changes_nothing() -> None:
    told = story(awaited("x", on_cancel="undo"), manual("end"))
    told.fail("x", NO)
    told.revised(canceling(phone()))
    assert told.state("x") is ItemState.FAILED_DISCARDED
    before = dict(told.plan.items)
    told.call_back(told.item("x"))
    told.succeed("x")
    assert told.plan.items == before


def test_the_inventory_forgets_what_it_was_told_of_a_canceled_line() -> None:
    told = story(
        item("keep", ItemType.AUTO, task="assetize"), manual("end", reacts_to=[], after=["keep"]), given=bundle()
    )
    told.succeed("more")
    told.revised(following(bundle(), cancel=["phone"]))
    number = next(no for no, each in told.plan.lines.items() if each.product == "T")
    assert [each.lines for each in told.asked(Assetize)] == [(number,)]


# -- amending ---------------------------------------------------------------------------------------------


def test_a_task_is_updated_in_its_owners_hands() -> None:
    told = story(manual("visit", instructions=PLAN.compile('"Bring " + line.attributes.size')))
    task = told.item("visit")
    told.revised(following(phone(), change=BIGGER))
    assert told.state("visit") is ItemState.RUNNING
    assert (told.item("visit").retold, told.item("visit").instructions) == (True, "Bring M")
    assert told.item("visit").started_at == task.started_at


def test_a_running_item_that_is_to_be_amended_and_fails_is_asked_again_with_the_new_values() -> None:
    told = story(awaited("x", on_amend="fix"), manual("end", reacts_to=[]))
    told.accept("x")
    told.revised(following(phone(), change=BIGGER))
    told.call_back(told.item("x"), NO)
    assert told.state("fix") is ItemState.DISCARDED
    assert told.state("x") is ItemState.FATALLY_FAILED
    told.told(Operation.RETRY, told.item("x"))
    assert told.request("x") == {"size": "M", "colour": "red"}


def test_what_a_redone_item_puts_out_counts_as_changed_for_those_after_it() -> None:
    lane = [
        item("x", interface="sys.give", reacts_to=["size"], on_cancel="undo"),
        item("y", after=["x"], reacts_to=["number"], on_cancel="undo"),
        item("z", reacts_to=["colour"]),
    ]
    told = story(*lane, manual("end", reacts_to=[]))
    told.succeed("x", number="+44")
    told.succeed("y")
    told.succeed("z")
    second = following(phone(), change=BIGGER)
    assert told.change(second, "x").effect is ItemEffect.REDONE
    assert told.change(second, "y").effect is ItemEffect.REDONE
    assert told.change(second, "z").effect is ItemEffect.KEPT


def test_an_item_reacts_to_what_it_names_of_the_order_and_of_other_lines() -> None:
    lane = [item("x", reacts_to=["order.deal"]), item("y", reacts_to=["E.size"]), manual("end", reacts_to=[])]
    told = story(*lane, given=bundle())
    for key in ("x", "y", "more"):
        told.succeed(key)
    assert told.change(following(bundle(), attributes={"deal": "B"}), "x").effect is ItemEffect.REDONE
    assert told.change(following(bundle(), change={"extra": {"size": "M"}}), "y").effect is ItemEffect.REDONE
    assert told.change(following(bundle(), drop=["extra"]), "y").effect is ItemEffect.REDONE
    assert told.change(following(bundle(), change=BIGGER), "x").effect is ItemEffect.KEPT


def test_a_plan_whose_every_item_is_skipped_then_is_completed() -> None:
    told = story(manual("visit", when='line.attributes.size == "S"'), item("x", when='line.attributes.size == "S"'))
    told.fail("x", NO)
    told.revised(following(phone(), change=BIGGER))
    assert {each.state for each in told.plan.items.values()} == {ItemState.DISCARDED, ItemState.FAILED_DISCARDED}
    assert told.plan_state() is PlanState.COMPLETED


def test_a_date_is_moved_and_nothing_is_undone() -> None:
    told = story(
        item("x", on_cancel="undo"),
        item("day", ItemType.TIMER, until=PLAN.compile("order.requested_at")),
        given=_dated(1),
    )
    told.succeed("x")
    second = following(_dated(1), requested_at=NOW + timedelta(days=5))
    assert told.assess(second).is_date_change
    told.revised(second)
    assert told.state("x") is ItemState.COMPLETED
    assert told.item("day").due_at == NOW + timedelta(days=5)


def _dated(days: int) -> Order:
    return replace(phone(), requested_at=NOW + timedelta(days=days))


# -- points of no return ------------------------------------------------------------------------------------


def test_a_soft_point_waits_for_an_approval_and_a_rejection_leaves_all_as_it_was() -> None:
    told = story(item("x", ponr="soft", penalty="20 EUR", on_cancel="undo"), manual("end", reacts_to=[]))
    told.succeed("x")
    told.revised(canceling(phone()))
    assert told.plan_state() is PlanState.FROZEN
    assert "20 EUR" in told.plan.message
    told.told(Operation.REJECT)
    assert told.version("o2").state is VersionState.REJECTED
    assert told.plan_state() is PlanState.IN_PROGRESS
    assert told.state("x") is ItemState.COMPLETED
    third = canceling(phone(), id="o3", number="o3", approved_by="Bob")
    told.revised(third)
    assert told.version("o3").approved_by == "Bob"
    assert told.calls() == ["undo"]


def test_who_overrides_a_hard_point_is_kept_and_only_the_last_one_stopped_can_be() -> None:
    told = story(item("x", ponr="hard", on_cancel="undo"), manual("end", reacts_to=[]))
    told.succeed("x")
    told.told(Operation.OVERRIDE)
    assert told.answer().answer == "Refused"
    told.revised(canceling(phone()))
    assert "has passed its point of no return" in told.version("o2").reason
    told.told(Operation.OVERRIDE, by="Eve")
    assert told.answer().answer == "Done"
    assert told.version("o2").overridden_by == "Eve"
    assert told.calls() == ["undo"]


def test_a_marked_line_protects_its_bundle_against_being_canceled() -> None:
    told = story(item("x", ponr="hard", reacts_to=[]), manual("end"), given=bundle())
    told.succeed("x")
    told.succeed("more")
    told.revised(following(bundle(), cancel=["offer"]))
    assert told.version("o2").state is VersionState.REJECTED
    told.revised(following(bundle(), id="o3", number="o3", change=BIGGER))
    assert told.version("o3").state is VersionState.ACCEPTED


# -- refusals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"account": Account(id="001000000000009AAA")}, "another account"), ({"supersedes": "o7"}, "")],
)
def test_a_revision_that_is_none_is_refused(more: dict[str, Any], reason: str) -> None:
    told = story(manual("end"))
    told.revised(following(phone(), change=BIGGER, **more))
    version = told.version("o2")
    if reason:
        assert version.state is VersionState.REJECTED
        assert reason in version.reason
    else:  # what it supersedes may be on its way
        assert version.state is VersionState.WAITING
    assert told.plan_state() is PlanState.IN_PROGRESS


def test_a_finished_order_is_not_revised() -> None:
    told = story(item("x"))
    told.succeed("x")
    told.revised(following(phone(), change=BIGGER))
    assert told.plan_state() is PlanState.COMPLETED
    assert "is completed" in told.version("o2").reason


def test_a_revision_that_changes_nothing_is_accepted_and_nothing_happens() -> None:
    told = story(item("x", on_cancel="undo"), manual("end"))
    told.succeed("x")
    told.revised(following(phone()))
    assert told.version("o2").state is VersionState.ACCEPTED
    assert told.calls() == []
    assert told.state("x") is ItemState.COMPLETED


def test_the_same_revision_twice_is_one() -> None:
    told = story(item("x", on_cancel="undo"), manual("end"))
    told.succeed("x")
    second = told.revised(following(phone(), change=BIGGER))
    before = dict(told.plan.items)
    told.revised(second)
    assert told.plan.items == before
    assert [each.number for each in told.plan.versions] == ["o1", "o2"]


def test_a_new_version_that_can_not_be_fulfilled_is_rejected_and_the_plan_goes_on() -> None:
    told = story(manual("end"))
    told.revised(following(phone(), add=[line("odd", "NONE")]))
    assert told.version("o2").state is VersionState.REJECTED
    assert "NONE" in told.version("o2").reason
    assert told.plan_state() is PlanState.IN_PROGRESS


def test_an_order_is_revised_while_people_are_asked_for_help() -> None:
    told = story(item("x"), manual("end", reacts_to=[]))
    told.fail("x", NO)
    told.revised(following(phone(), change=BIGGER))
    assert [each.item for each in told.asked(ResolveFallout)] == [told.item("x").no]
    assert told.state("x") is ItemState.RUNNING
    assert told.item("x").epoch == 2
    assert told.request("x") == {"size": "M", "colour": "red"}
