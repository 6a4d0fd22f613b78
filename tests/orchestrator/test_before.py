"""What an item knows of those before it: the outcome that a person chose decides how the plan goes on."""

from __future__ import annotations

from typing import Any

import pytest

from connector.mappings.set import ItemDefinition
from connector.model.events import Operation
from connector.model.states import ItemState, ItemType, PlanState
from connector.orchestrator.before import items_before
from tests.orchestrator.building import Story, callout, definition, manual

SKIPPED, RUNNING, PENDING = ItemState.SKIPPED, ItemState.RUNNING, ItemState.PENDING


def check(key: str = "check", **more: Any) -> ItemDefinition:
    return manual(key, outcomes=("Approved", "Deposit", "Declined"), failing_outcomes=("Declined",), **more)


def milestone(key: str, **more: Any) -> ItemDefinition:
    return definition(key, ItemType.MILESTONE, **more)


def chosen(story: Story, outcome: str, key: str = "check", **outputs: Any) -> None:
    story.told(Operation.COMPLETE, story.item(key), outcome=outcome, outputs=outputs)


@pytest.mark.parametrize(("outcome", "deposit"), [("Approved", SKIPPED), ("Deposit", RUNNING)])
def test_an_outcome_decides_which_way_a_plan_goes(outcome: str, deposit: ItemState) -> None:
    story = Story.of(
        (check(), ()),
        (manual("deposit", when='items["check"].outcome == "Deposit"'), ("check",)),
        (callout("ship"), ("deposit",)),
    )
    chosen(story, outcome)
    assert story.state("deposit") is deposit
    assert story.state("ship") is (RUNNING if deposit is SKIPPED else PENDING)


def test_a_whole_branch_hangs_on_an_outcome() -> None:
    story = Story.of(
        (check(), ()),
        (manual("deposit", when='items["check"].outcome == "Deposit"', skip_branch=True), ("check",)),
        (callout("book"), ("deposit",)),
        (callout("ship"), ("check", "book")),
    )
    chosen(story, "Approved")
    assert [story.state(key) for key in ("deposit", "book", "ship")] == [SKIPPED, SKIPPED, RUNNING]


def test_state_outputs_and_outcome_are_seen_from_far_away() -> None:
    story = Story.of(
        (check(), ()),
        (milestone("between"), ("check",)),
        (milestone("after", when='items.check.outputs.score > 5 && items.between.state == "Completed"'), ("between",)),
    )
    chosen(story, "Approved", score=6)
    assert story.state("after") is ItemState.COMPLETED
    assert story.plan.state is PlanState.COMPLETED


def test_what_was_skipped_or_is_not_there_has_no_outcome() -> None:
    story = Story.of(
        (check(when="false"), ()),
        (milestone("after", when='items.check.outcome == "" && items.other.state == ""'), ("check",)),
    )
    assert story.state("after") is ItemState.COMPLETED
    seen = items_before(story.plan, story.item("after"), ["check", "other"])
    assert seen == {
        "check": {"state": "Skipped", "outcome": "", "outcomes": [], "outputs": {}},
        "other": {"state": "", "outcome": "", "outcomes": [], "outputs": {}},
    }


def test_what_has_only_begun_is_not_seen_but_what_came_before_it_is() -> None:
    story = Story.of((check("a"), ()), (check("b"), ("a",)), (callout("c"), ("start of b",)))
    chosen(story, "Approved", "a")
    seen = items_before(story.plan, story.item("c"), ["a", "b"])
    assert seen["a"] == {"state": "Completed", "outcome": "Approved", "outcomes": ["Approved"], "outputs": {}}
    assert seen["b"] == {"state": "", "outcome": "", "outcomes": [], "outputs": {}}


def test_what_has_begun_for_one_and_ended_for_another_has_ended() -> None:
    story = Story.of((check("a"), ()), (milestone("b"), ("a",)), (milestone("c"), ("start of a", "b")))
    chosen(story, "Approved", "a")
    assert items_before(story.plan, story.item("c"), ["a"])["a"]["outcome"] == "Approved"  # type: ignore[index, call-overload]


def test_all_that_comes_before_is_there_when_nothing_is_asked_for_by_name() -> None:
    story = Story.of((check("a"), ()), (callout("b"), ("a",)), (callout("c"), ("b",)), (callout("d"), ()))
    assert set(items_before(story.plan, story.item("c"), None)) == {"a", "b"}


def test_of_several_of_one_key_the_outcomes_are_together() -> None:
    story = Story.of(
        (check("a"), ()), (check("b"), ()), (callout("c", when='"Deposit" in items.a.outcomes'), ("a", "b"))
    )
    second = story.item("b")
    story.plan.put(second.but(key="a", outcome="Deposit", state=ItemState.COMPLETED))
    story.plan.put(story.item("a").but(outcome="Approved", state=ItemState.COMPLETED))
    seen = items_before(story.plan, story.item("c"), ["a"])
    assert seen["a"] == {
        "state": "Completed",
        "outcome": "Approved",
        "outcomes": ["Approved", "Deposit"],
        "outputs": {},
    }


def test_an_outcome_that_fails_stops_the_plan_there() -> None:
    story = Story.of((check(), ()), (callout("ship", when='items.check.outcome != ""'), ("check",)))
    chosen(story, "Declined")
    assert (story.state("check"), story.state("ship")) == (ItemState.FATALLY_FAILED, PENDING)
    story.succeed("ship")
    assert story.state("ship") is PENDING
