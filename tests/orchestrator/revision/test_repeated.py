"""An order is revised again: what the earlier revisions did counts."""

from __future__ import annotations

from connector.model.events import Operation
from connector.model.revision import ItemEffect, VersionState
from connector.model.states import ItemState
from tests.orchestrator.revision.building import (
    LOST_FOR_GOOD,
    NO,
    awaited,
    canceling,
    following,
    item,
    line,
    manual,
)
from tests.orchestrator.revision.world import bundle, phone, story


def test_what_was_amended_is_not_done_again_by_the_next_revision() -> None:
    told = story(item("x", on_cancel="undo", on_amend="fix"), manual("end", after=["x"], reacts_to=[]))
    told.succeed("x")
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.succeed("fix")
    assert told.states("x") == [ItemState.AMENDED]
    same = following(second)
    assert told.assess(same).changes_nothing
    told.revised(same)
    assert told.states("x") == [ItemState.AMENDED]
    assert told.calls() == []


def test_what_was_amended_is_amended_again() -> None:
    told = story(item("x", on_cancel="undo", on_amend="fix"), manual("end", after=["x"], reacts_to=[]))
    told.succeed("x")
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.succeed("fix")
    third = following(second, change={"phone": {"size": "L"}})
    assert told.change(third, "x").effect is ItemEffect.AMENDED
    told.revised(third)
    assert told.states("x") == [ItemState.AMENDED]
    assert told.request("fix") == {"size": "L", "colour": "red"}


def test_what_was_amended_is_undone_with_the_values_that_it_was_amended_to() -> None:
    told = story(item("x", on_cancel="undo", on_amend="fix"), manual("end", after=["x"], reacts_to=[]))
    told.succeed("x")
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.succeed("fix")
    told.revised(canceling(second))
    assert told.states("x") == [ItemState.CANCELED]
    assert told.request("undo") == {"size": "M", "colour": "red"}
    told.succeed("undo")
    assert told.plan_state() == "Canceled"


def test_what_an_amendment_has_put_into_the_line_goes_with_what_it_amended() -> None:
    told = story(
        item("x", interface="sys.give", on_cancel="undo", on_amend="refresh", when='line.attributes.size != "L"'),
        manual("end", reacts_to=[]),
        refresh=[item("refresh", interface="sys.give")],
    )
    told.succeed("x", number="1")
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.succeed("refresh", number="2")
    (line,) = (each for each in told.plan.lines.values() if each.is_live)
    assert line.attributes["number"] == "2"
    told.revised(following(second, change={"phone": {"size": "L"}}))
    assert told.states("x")[0] is ItemState.CANCELED
    assert told.request("undo")["number"] == "2"
    assert "number" not in told.plan.lines[line.no].attributes


def test_an_amendment_that_is_overtaken_tells_what_undoes_and_not_the_line() -> None:
    told = story(
        item("x", interface="sys.give", on_cancel="undo", on_amend="refresh", when='line.attributes.size != "L"'),
        manual("end", reacts_to=[]),
        refresh=[awaited("refresh", interface="sys.give")],
    )
    told.succeed("x", number="1")
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.accept("refresh")
    told.revised(following(second, change={"phone": {"size": "L"}}))
    assert told.calls() == []
    told.call_back(told.item("refresh"), number="2")
    assert told.request("undo")["number"] == "2"
    (line,) = (each for each in told.plan.lines.values() if each.is_live)
    assert "number" not in line.attributes


def test_an_amendment_that_has_not_begun_gives_way_to_the_next() -> None:
    told = story(awaited("x", on_cancel="undo", on_amend="fix"))
    told.accept("x")
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    assert told.states("fix") == [ItemState.PENDING]
    third = told.revised(following(second, change={"phone": {"size": "L"}}))
    assert told.states("fix") == [ItemState.DISCARDED, ItemState.PENDING]
    told.revised(canceling(third))
    assert told.states("fix") == [ItemState.DISCARDED, ItemState.DISCARDED]
    told.call_back(told.item("x"))
    assert told.states("x") == [ItemState.CANCELED]
    assert told.calls() == ["undo"]


def test_an_amendment_that_failed_gives_way_to_the_cancellation() -> None:
    told = story(item("x", on_cancel="undo", on_amend="fix"), manual("end", reacts_to=[]))
    told.succeed("x")
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    told.fail("fix", NO)
    told.revised(canceling(second))
    assert told.states("fix") == [ItemState.FAILED_DISCARDED]
    assert told.calls() == ["undo"]


def test_what_is_redone_goes_on_waiting_for_what_undoes_it() -> None:
    told = story(item("x", on_cancel="undo"), manual("end", reacts_to=[]))
    told.succeed("x")
    second = told.revised(following(phone(), change={"phone": {"size": "M"}}))
    assert told.calls() == ["undo"]
    told.fail("undo", NO)
    told.revised(following(second, change={"phone": {"size": "L"}}))
    assert told.states("x") == [ItemState.AMENDED, ItemState.PENDING]
    assert told.calls() == []


def test_a_line_that_comes_back_waits_for_what_undoes_it() -> None:
    given = bundle()
    given = following(given, change={"extra": {"assetId": "A1"}}, supersedes=None, supplemental_action=None)
    told = story(manual("end", reacts_to=[]), given=given)
    told.succeed("more")
    second = told.revised(following(given, drop=["extra"]))
    told.fail("undo", NO)
    third = following(second, add=[line("again", "EXTRA", parent="offer", size="S", colour="red", assetId="A1")])
    told.revised(third)
    assert told.states("more") == [ItemState.CANCELED, ItemState.PENDING]
    told.told(Operation.RETRY, told.item("undo"))
    told.succeed("undo")
    assert told.calls() == ["more"]


def test_an_order_that_was_canceled_can_be_wanted_again_while_it_is_being_undone() -> None:
    told = story(item("x", on_cancel="undo"), item("y", after=["x"]))
    told.succeed("x")
    told.fail("y", NO)
    second = canceling(phone())
    told.revised(second)
    assert told.calls() == ["undo"]
    told.fail("undo", LOST_FOR_GOOD)
    third = following(phone(), id="o3", supersedes=second.id)
    told.revised(third)
    assert told.version("o2").state is VersionState.ACCEPTED
    assert told.states("x") == [ItemState.CANCELED, ItemState.PENDING]
