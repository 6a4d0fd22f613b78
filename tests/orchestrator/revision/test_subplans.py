"""The items of a subplan are revised one by one; the item that stands for them is not done again."""

from __future__ import annotations

from connector.model.events import Operation
from connector.model.states import ItemState, ItemType
from tests.orchestrator.revision.building import NO, Story, canceling, following, item, manual
from tests.orchestrator.revision.world import phone, phone_set

BIGGER = {"phone": {"size": "M"}}


def begun() -> Story:
    lane = [item("both", ItemType.SUBPLAN, subplan="inner"), manual("end", after=["both"], reacts_to=[])]
    inner = [item("a", reacts_to=["size"], on_cancel="undo"), item("b", after=["a"], reacts_to=["colour"])]
    return Story.of(phone_set(lane, inner=inner), phone())


def test_while_a_subplan_runs_only_what_is_touched_is_done_again() -> None:
    told = begun()
    told.succeed("a")
    told.fail("b", NO)
    told.revised(following(phone(), change=BIGGER))
    assert told.states("both") == [ItemState.RUNNING]
    assert told.states("a") == [ItemState.AMENDED, ItemState.PENDING]
    assert told.states("b") == [ItemState.FATALLY_FAILED]
    told.succeed("undo")
    assert told.request("a") == {"size": "M", "colour": "red"}


def test_what_comes_after_a_subplan_waits_for_what_is_done_again_in_it() -> None:
    told = begun()
    told.succeed("a")
    told.told(Operation.HOLD, told.item("end"))
    told.succeed("b")
    told.revised(following(phone(), change=BIGGER))
    assert told.states("both") == [ItemState.COMPLETED]
    told.told(Operation.RESUME, told.item("end"))
    assert told.state("end") is ItemState.PENDING
    told.succeed("undo")
    told.succeed("a")
    assert told.state("end") is ItemState.RUNNING


def test_who_cancels_a_line_cancels_the_items_of_its_subplans() -> None:
    told = begun()
    told.succeed("a")
    told.succeed("b")
    told.revised(canceling(phone()))
    assert told.states("both") == [ItemState.CANCELED]
    assert told.states("a") == told.states("b") == [ItemState.CANCELED]
    assert told.calls() == ["undo"]
