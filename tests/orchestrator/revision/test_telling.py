"""What only tells of what has come to pass (a delivery, a date, a milestone) does so anew when that is done again."""

from __future__ import annotations

from typing import Any

from connector.model.events import TimerKind
from connector.model.revision import ItemEffect
from connector.model.states import ItemState, ItemType
from tests.orchestrator.revision.building import Story, canceling, following, item, manual
from tests.orchestrator.revision.world import phone, story

BIGGER = following(phone(), change={"phone": {"size": "M"}})
AGAIN = [ItemState.AMENDED, ItemState.PENDING]


def _arrived(**ship: Any) -> Story:
    """Shipped, arrived, and so there for an hour; the order goes on with something else."""
    told = story(
        item("ship", on_cancel="undo", **ship),
        item("arrived", ItemType.EVENT, after=["ship"], reacts_to=[]),
        item("there", ItemType.MILESTONE, after=["arrived"], reacts_to=[]),
        item("hour", ItemType.TIMER, after=["arrived"], reacts_to=[]),
        manual("else", reacts_to=[]),
        manual("end", after=["there", "hour", "else"], reacts_to=[]),
    )
    told.succeed("ship")
    told.news()
    told.time("hour", TimerKind.WAIT)
    assert {told.state(key) for key in ("arrived", "there", "hour")} == {ItemState.COMPLETED}
    return told


def test_what_is_shipped_again_is_awaited_again() -> None:
    told = _arrived()
    change = told.change(BIGGER, "arrived")
    assert (change.effect, change.why) == (ItemEffect.REDONE, "ship, which it tells of, is done again")
    told.revised(BIGGER)
    assert [told.states(key) for key in ("arrived", "there", "hour")] == [AGAIN, AGAIN, AGAIN]
    told.done("else")
    told.succeed("undo")
    told.succeed("ship")
    assert told.state("end") is ItemState.PENDING
    told.news()
    told.time("hour", TimerKind.WAIT)
    assert told.state("end") is ItemState.RUNNING


def test_what_is_amended_where_it_is_stays_arrived() -> None:
    told = _arrived(on_amend="fix")
    assert told.change(BIGGER, "arrived").effect is ItemEffect.KEPT
    told.revised(BIGGER)
    assert told.states("arrived") == [ItemState.COMPLETED]


def test_what_is_not_shipped_any_more_is_not_awaited() -> None:
    told = _arrived()
    told.revised(canceling(phone()))
    assert [told.states(key) for key in ("arrived", "there", "hour")] == [[ItemState.CANCELED]] * 3


def test_what_is_not_shipped_again_is_not_awaited_again() -> None:
    told = _arrived(reacts_to=["size"])
    other = following(phone(), change={"phone": {"colour": "blue"}})
    assert {change.effect for change in told.assess(other).items} == {ItemEffect.KEPT}


def test_a_point_of_no_return_that_has_come_to_pass_stays_so() -> None:
    told = story(
        item("ship", on_cancel="undo"),
        item("signed", ItemType.EVENT, after=["ship"], reacts_to=[], ponr="soft"),
        manual("else", reacts_to=[]),
    )
    told.succeed("ship")
    told.news()
    assert told.change(BIGGER, "signed").effect is ItemEffect.KEPT
