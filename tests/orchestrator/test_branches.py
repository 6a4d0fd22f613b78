"""What begins when: after the end of others, after their start, and what is left out with a branch."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.mappings.set import ItemDefinition
from connector.model.commands import Record
from connector.model.events import (
    ExternalEventArrived,
    Operation,
    TimerDue,
    TimerKind,
)
from connector.model.failure import Failure, FailureClass
from connector.model.states import ItemState, ItemType, PlanState
from tests.orchestrator.building import Story, awaited, callout, definition, manual

COMPLETED, PENDING, RUNNING, SKIPPED = ItemState.COMPLETED, ItemState.PENDING, ItemState.RUNNING, ItemState.SKIPPED


def milestone(key: str, when: str | None = None, *, skip_branch: bool = False) -> ItemDefinition:
    return definition(key, ItemType.MILESTONE, when, skip_branch=skip_branch)


def why_skipped(story: Story, key: str) -> list[str]:
    no = story.item(key).no
    return [each.detail for each in story.asked(Record) if each.item == no and each.what == "skipped"]


# -- after the start ----------------------------------------------------------------------------------------


def test_after_a_start_an_item_begins_together_with_the_other() -> None:
    story = Story.of((callout("first"), ()), (callout("ship"), ("first",)), (callout("book"), ("start of ship",)))
    assert [story.state(key) for key in ("ship", "book")] == [PENDING, PENDING]

    story.succeed("first")

    assert [key for key, _, _ in story.calls()] == ["ship", "book"]
    story.succeed("book")
    assert story.state("ship") is RUNNING
    story.succeed("ship")
    assert story.plan.state is PlanState.COMPLETED


def test_an_item_that_waits_for_an_end_and_for_a_start_needs_both() -> None:
    story = Story.of((callout("a"), ()), (manual("b"), ("a",)), (callout("c"), ("a", "start of b")))
    assert story.state("c") is PENDING
    story.succeed("a")
    assert story.state("c") is RUNNING


def test_what_has_failed_has_begun_all_the_same() -> None:
    story = Story.of((callout("a"), ()), (callout("b"), ("start of a",)))
    no = Failure(failure_class=FailureClass.BUSINESS, code="NO", message="No.")

    story.fail("a", no)

    assert (story.state("a"), story.state("b")) == (ItemState.FATALLY_FAILED, RUNNING)


def test_what_could_not_begin_has_not_begun() -> None:
    story = Story.of((callout("a", when="line.attributes.missing"), ()), (callout("b"), ("start of a",)))
    assert (story.state("a"), story.state("b")) == (ItemState.FATALLY_FAILED, PENDING)

    story.told(Operation.SKIP, story.item("a"))

    assert (story.state("a"), story.state("b")) == (SKIPPED, RUNNING)


def test_what_is_skipped_counts_as_begun() -> None:
    story = Story.of((callout("a", when="false"), ()), (callout("b"), ("start of a",)))
    assert (story.state("a"), story.state("b")) == (SKIPPED, RUNNING)


def test_what_is_held_before_its_start_has_not_begun() -> None:
    story = Story.of((callout("first"), ()), (callout("a"), ("first",)), (callout("b"), ("start of a",)))
    story.told(Operation.HOLD, story.item("a"))
    story.succeed("first")
    assert (story.state("a"), story.state("b")) == (ItemState.ON_HOLD, PENDING)

    story.told(Operation.RESUME, story.item("a"))

    assert (story.state("a"), story.state("b")) == (RUNNING, RUNNING)


@pytest.mark.parametrize("kind", [ItemType.MANUAL, ItemType.EVENT, ItemType.TIMER])
def test_every_type_of_item_has_a_start(kind: ItemType) -> None:
    waiting = {
        ItemType.MANUAL: manual("a"),
        ItemType.EVENT: awaited("a", kind=ItemType.EVENT, on="sys.news"),
        ItemType.TIMER: definition("a", ItemType.TIMER, duration=timedelta(hours=1)),
    }[kind]
    story = Story.of((waiting, ()), (callout("b"), ("start of a",)))

    assert (story.state("a"), story.state("b")) == (RUNNING, RUNNING)


def test_of_a_milestone_start_and_end_are_one() -> None:
    story = Story.of(
        (callout("a"), ()), (milestone("m"), ("a",)), (callout("b"), ("start of m",)), (callout("c"), ("m",))
    )
    assert [story.state(key) for key in "bc"] == [PENDING, PENDING]

    story.succeed("a")

    assert [story.state(key) for key in "bc"] == [RUNNING, RUNNING]


# -- branches -----------------------------------------------------------------------------------------------


def test_without_skip_branch_only_the_item_is_skipped() -> None:
    story = Story.of((callout("a", when="false"), ()), (callout("b"), ("a",)))
    assert (story.state("a"), story.state("b")) == (SKIPPED, RUNNING)


def test_a_skipped_branch_is_skipped_to_its_end() -> None:
    story = Story.of(
        (milestone("a", "false", skip_branch=True), ()),
        (callout("b"), ("a",)),
        (manual("c"), ("start of b",)),
        (callout("d"), ("b", "c")),
    )
    assert [story.state(key) for key in "abcd"] == [SKIPPED] * 4
    assert story.plan.state is PlanState.COMPLETED, "a plan whose every item is skipped is at its end"
    assert why_skipped(story, "a") == ["false is false"]
    assert why_skipped(story, "d") == ["with the branch that it is on"]


def test_where_a_skipped_branch_meets_another_the_plan_goes_on() -> None:
    """The diamond: `a` is skipped with `b`; `e` comes after `b` and after `d`, which is done."""
    story = Story.of(
        (milestone("a", "false", skip_branch=True), ()),
        (callout("b"), ("a",)),
        (callout("c"), ()),
        (callout("d"), ("c",)),
        (callout("e"), ("b", "d")),
    )
    assert [story.state(key) for key in "abcde"] == [SKIPPED, SKIPPED, RUNNING, PENDING, PENDING]
    story.succeed("c")
    story.succeed("d")
    assert story.state("e") is RUNNING


def test_both_ways_of_a_diamond_skipped_skip_its_end() -> None:
    story = Story.of(
        (milestone("a", "false", skip_branch=True), ()),
        (callout("b"), ("a",)),
        (callout("c"), ("a",)),
        (callout("d"), ("b", "c")),
    )
    assert [story.state(key) for key in "abcd"] == [SKIPPED] * 4


def test_an_item_skipped_by_itself_is_a_way_that_goes_on() -> None:
    story = Story.of(
        (milestone("a", "false", skip_branch=True), ()),
        (milestone("b", "false"), ()),
        (callout("c"), ("a", "b")),
    )
    assert story.state("c") is RUNNING


def test_a_branch_is_not_skipped_when_the_condition_holds() -> None:
    story = Story.of((milestone("a", "true", skip_branch=True), ()), (callout("b"), ("a",)))
    assert (story.state("a"), story.state("b")) == (COMPLETED, RUNNING)


def test_an_operator_who_skips_an_item_skips_no_branch() -> None:
    story = Story.of((manual("a", when="true", skip_branch=True), ()), (callout("b"), ("a",)))
    story.told(Operation.SKIP, story.item("a"))
    assert (story.state("a"), story.state("b")) == (SKIPPED, RUNNING)


def test_what_is_held_is_skipped_with_its_branch_when_it_is_resumed() -> None:
    story = Story.of(
        (manual("first"), ()),
        (milestone("a", "false", skip_branch=True), ("first",)),
        (callout("b"), ("a",)),
    )
    story.told(Operation.HOLD, story.item("b"))
    story.told(Operation.COMPLETE, story.item("first"))
    assert story.state("b") is ItemState.ON_HOLD

    story.told(Operation.RESUME, story.item("b"))

    assert story.state("b") is SKIPPED
    assert story.plan.state is PlanState.COMPLETED


def test_an_event_for_an_item_on_a_skipped_branch_is_kept_for_nobody() -> None:
    story = Story.of(
        (milestone("a", "false", skip_branch=True), ()),
        (awaited("b", kind=ItemType.EVENT, on="sys.news"), ("a",)),
        (definition("t", ItemType.TIMER, duration=timedelta(minutes=1)), ()),
    )
    story.happens(ExternalEventArrived(name="sys.news"))
    assert story.state("b") is SKIPPED
    story.happens(TimerDue(item=story.item("t").no, kind=TimerKind.WAIT, epoch=1))
    assert story.plan.state is PlanState.COMPLETED
