"""Revisions of plans with subplans, with branches that are skipped, and with callouts that are asked about."""

from __future__ import annotations

from datetime import timedelta

from connector.mappings.set import PLAN, RESPONSE, Completion, ItemDefinition, Poll
from connector.model.events import CalloutPolled, PollVerdict, TimerKind
from connector.model.plan import Item
from connector.model.revision import ItemEffect
from connector.model.states import ItemState, ItemType, PlanState
from tests.orchestrator.revision.building import NO, Story, canceling, following, item, manual
from tests.orchestrator.revision.world import phone, story

BIGGER = {"phone": {"size": "M"}}
REDDER = {"phone": {"colour": "blue"}}


def equip() -> ItemDefinition:
    each = PLAN.compile('line.attributes.size == "S" ? ["hall"] : ["hall", "attic"]')
    return item("equip", ItemType.SUBPLAN, subplan="room", for_each=each, reacts_to=["size"])


ROOM = [
    item("reserve", on_cancel="undo", reacts_to=["colour"]),
    item("mount", after=["reserve"], on_cancel="undo", reacts_to=[]),
]


def begun() -> Story:
    return story(equip(), manual("end", after=["equip"], reacts_to=[]), room=ROOM)


def below(told: Story, parent: Item) -> list[tuple[str, str]]:
    return [(each.key, each.state) for each in told.plan.items.values() if each.parent == parent.no]


def all_undone(told: Story) -> None:
    while calls := [each for each in told.items("undo") if each.state is ItemState.RUNNING]:
        told.succeed_item(calls[0])


def test_a_subplan_that_is_done_is_undone_and_made_anew_with_the_new_values() -> None:
    told = begun()
    told.succeed("reserve")
    told.succeed("mount")
    assert told.state("equip") is ItemState.COMPLETED

    told.revised(following(phone(), change=BIGGER))

    first, second = told.items("equip")
    assert below(told, first) == [("reserve", "Canceled"), ("mount", "Canceled")]
    assert (first.state, second.state) == ("Amended", "Pending")
    all_undone(told)
    assert len(told.items("undo")) == 2, "what its items did is taken back first"
    second = told.plan.items[second.no]
    assert below(told, second) == [
        (key, state) for _ in "12" for key, state in (("reserve", "Running"), ("mount", "Pending"))
    ]
    for _ in "12":
        for key in ("reserve", "mount"):
            told.succeed_item(next(each for each in told.items(key) if each.state is ItemState.RUNNING))
    assert told.state("equip") is ItemState.COMPLETED


def test_a_subplan_under_way_ends_first() -> None:
    told = begun()
    told.succeed("reserve")
    told.fail("mount", NO)

    told.revised(following(phone(), change=BIGGER))

    first, second = told.items("equip")
    assert below(told, first) == [("reserve", "Canceled"), ("mount", "FailedDiscarded")]
    assert first.state is ItemState.AMENDED
    all_undone(told)
    assert told.plan.items[second.no].state is ItemState.RUNNING
    assert len(below(told, second)) == 4


def test_items_of_a_subplan_that_stays_react_for_themselves() -> None:
    told = begun()
    told.succeed("reserve")
    told.fail("mount", NO)
    redder = following(phone(), change=REDDER)
    assert told.change(redder, "equip").effect is ItemEffect.KEPT
    assert told.change(redder, "reserve").effect is ItemEffect.REDONE

    told.revised(redder)
    all_undone(told)

    first, second = told.items("reserve")
    assert (first.state, second.state, second.parent, second.each) == ("Amended", "Running", first.parent, "hall")
    told.succeed("reserve")
    assert told.state("equip") is ItemState.RUNNING, "not before all of its items are done, the new one too"


def test_a_canceled_order_takes_its_subplans_along() -> None:
    told = begun()
    told.succeed("reserve")
    told.succeed("mount")
    told.revised(canceling(phone()))
    all_undone(told)
    assert told.plan_state() is PlanState.CANCELED
    assert {each.state for each in told.items("reserve")} == {ItemState.CANCELED}


def test_a_skipped_branch_is_looked_at_again_from_its_beginning() -> None:
    told = story(
        item("ship", when='line.attributes.size != "S"', skip_branch=True, reacts_to=["size"]),
        item("arrive", after=["ship"], reacts_to=[]),
        manual("end", after=["arrive"], reacts_to=[]),
        manual("other", reacts_to=[]),
    )
    assert [told.state(key) for key in ("ship", "arrive", "end")] == ["Skipped"] * 3

    told.revised(following(phone(), change=BIGGER))

    assert [told.state(key) for key in ("ship", "arrive", "end")] == ["Running", "Pending", "Pending"]
    told.succeed("ship")
    assert told.state("arrive") is ItemState.RUNNING


def test_an_accepted_callout_that_is_asked_about_ends_before_it_is_undone() -> None:
    asked = Poll(interface="sys.give", every=timedelta(minutes=1), until=RESPONSE.compile("status == 200"))
    told = story(
        item("ask", completes=Completion(poll=asked, within=timedelta(days=1)), on_cancel="undo", reacts_to=["size"]),
        manual("end", after=["ask"], reacts_to=[]),
    )
    told.accept("ask")
    told.revised(following(phone(), change=BIGGER))
    assert told.first("ask").ends_as is ItemState.AMENDED
    told.time_item(told.first("ask"), TimerKind.POLL)
    told.happens(CalloutPolled(item=told.first("ask").no, epoch=1, poll=1, verdict=PollVerdict.DONE))
    assert told.first("ask").state is ItemState.AMENDED
    told.succeed("undo")
    assert told.state("ask") is ItemState.RUNNING
