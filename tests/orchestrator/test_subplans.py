"""Items that stand for others: made when their turn comes, done when these are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connector.mappings.set import PLAN, Dependency, ItemDefinition, PlanDefinition
from connector.model.commands import InvokeCallout, RaiseFallout
from connector.model.events import Operation, OperatorCommanded
from connector.model.ids import CommandId, TechnicalLineNo
from connector.model.json import Json
from connector.model.plan import Item
from connector.model.states import ItemState, ItemType, Phase, PlanState
from connector.orchestrator.subplans import MOST_INSTANCES
from tests.orchestrator.building import Story, callout, definition, interface, manual, mapping_set

RUNNING, COMPLETED, PENDING = ItemState.RUNNING, ItemState.COMPLETED, ItemState.PENDING


def subplan(key: str, plan: str, for_each: str | None = None, **more: Any) -> ItemDefinition:
    each = PLAN.compile(for_each) if for_each is not None else None
    return definition(key, ItemType.SUBPLAN, subplan=plan, for_each=each, **more)


def after(*keys: str) -> tuple[Dependency, ...]:
    return tuple(Dependency(key=key.removeprefix("start of "), at_start=key.startswith("start of ")) for key in keys)


def sets(key: str, **values: str) -> ItemDefinition:
    compiled = {name: PLAN.compile(value) for name, value in values.items()}
    return definition(key, ItemType.AUTO, task="set", sets=compiled)


def story(*items: tuple[ItemDefinition, tuple[str, ...]], path: str = '"/do"', **plans: list[ItemDefinition]) -> Story:
    """A plan of these items, with the definitions that its subplans use."""
    made = mapping_set([item for item, _ in items], interface("put", path=path))
    others = {
        name: PlanDefinition(name=name, items={each.key: replace(each, plan=name) for each in inside})
        for name, inside in plans.items()
    }
    return Story.of(*items, mappings=replace(made, plans={**made.plans, **others}))


def below(told: Story, key: str) -> list[Item]:
    parent = told.item(key).no
    return [item for item in told.plan.items.values() if item.parent == parent]


def done(told: Story, item: Item, **outputs: Json) -> None:
    told.succeed_item(told.plan.items[item.no], **outputs)


def test_a_subplan_is_done_when_its_items_are() -> None:
    told = story(
        (callout("first"), ()),
        (subplan("equip", "room"), ("first",)),
        (callout("last"), ("equip",)),
        room=[callout("mount", after=after("reserve")), callout("reserve")],
    )
    assert below(told, "equip") == [], "made when its turn has come"
    told.succeed("first")

    reserve, mount = below(told, "equip")
    assert [(each.no, each.key, each.after, each.state) for each in (reserve, mount)] == [
        (4, "reserve", (), RUNNING),
        (5, "mount", (4,), PENDING),
    ]
    assert (reserve.definition, reserve.line, reserve.scope_key) == ("room", 1, "k/equip")
    assert told.item("equip").waiting_for == "its 2 items"
    assert told.item("equip").phase is Phase.IDLE, "it is not itself what is waited for"

    done(told, reserve)
    done(told, mount)
    assert (told.state("equip"), told.state("last")) == (COMPLETED, RUNNING)
    told.succeed("last")
    assert told.plan.state is PlanState.COMPLETED


def test_an_item_after_the_start_of_a_subplan_begins_with_its_items() -> None:
    told = story(
        (subplan("equip", "room"), ()),
        (callout("tell"), ("start of equip",)),
        room=[callout("a"), callout("b", after=after("start of a"))],
    )
    assert [item.state for item in below(told, "equip")] == [RUNNING, RUNNING]
    assert told.state("tell") is RUNNING


def test_each_element_has_an_instance_of_its_own() -> None:
    told = story(
        (sets("survey", rooms='["hall", "attic"]'), ()),
        (subplan("equip", "room", "line.attributes.rooms", collect="equipped"), ("survey",)),
        path='"/" + item.each + "/" + line.attributes.?socket.orValue("none")',
        room=[callout("reserve"), callout("mount", after=after("reserve"))],
    )
    assert [item.name for item in below(told, "equip")] == [
        "reserve (1 of 2)", "mount (1 of 2)", "reserve (2 of 2)", "mount (2 of 2)",
    ]  # fmt: skip
    assert [item.scope_key for item in below(told, "equip")] == ["k/equip[1]"] * 2 + ["k/equip[2]"] * 2
    one, mount_one, two, mount_two = below(told, "equip")
    done(told, two, socket="S2")
    (call,) = told.asked(InvokeCallout)
    assert (call.item, call.request.path) == (mount_two.no, "/attic/S2")
    done(told, one, socket="S1")
    (call,) = told.asked(InvokeCallout)
    assert (call.item, call.request.path) == (mount_one.no, "/hall/S1")
    assert "socket" not in told.plan.lines[TechnicalLineNo(1)].attributes, "the instances don't get mixed up"

    done(told, mount_two)
    done(told, mount_one, wall="north")

    assert told.plan.state is PlanState.COMPLETED
    assert told.plan.lines[TechnicalLineNo(1)].attributes["equipped"] == [
        {"socket": "S1", "wall": "north"},
        {"socket": "S2"},
    ]


def test_without_for_each_outputs_are_the_lines() -> None:
    told = story((subplan("equip", "room"), ()), room=[callout("reserve")])
    done(told, below(told, "equip")[0], socket="S1")
    assert told.plan.lines[TechnicalLineNo(1)].attributes == {"socket": "S1"}
    assert told.item("equip").outputs == {}


def test_nothing_to_do_is_done_at_once() -> None:
    told = story((subplan("equip", "room", "[]", collect="equipped"), ()), room=[callout("reserve")])
    assert told.plan.state is PlanState.COMPLETED
    assert told.plan.lines[TechnicalLineNo(1)].attributes == {"equipped": []}


def test_a_subplan_whose_every_item_is_skipped_is_done() -> None:
    told = story(
        (subplan("equip", "room", "[1, 2]"), ()), room=[manual("a", when="item.each > 5"), manual("b", when="false")]
    )
    assert {item.state for item in below(told, "equip")} == {ItemState.SKIPPED}
    assert told.plan.state is PlanState.COMPLETED


def test_a_skipped_subplan_has_no_items() -> None:
    told = story((subplan("equip", "room", when="false"), ()), room=[manual("a")])
    assert told.plan.state is PlanState.COMPLETED
    assert len(told.plan.items) == 1


def test_subplans_contain_subplans() -> None:
    told = story(
        (subplan("equip", "room", '["hall"]', collect="equipped"), ()),
        path='"/" + string(item.each) + "/" + line.attributes.?outer.orValue("-") + "/" + line.attributes.?inner.orValue("-")',
        room=[
            callout("outer"),
            subplan("walls", "wall", '["n", "s"]', collect="walls", after=after("outer")),
            subplan("clean", "cleaning", after=after("walls")),
        ],
        wall=[callout("paint"), callout("dry", after=after("paint"))],
        cleaning=[callout("sweep")],
    )
    told.succeed("outer", outer="O")
    assert [call.request.path for call in told.asked(InvokeCallout)] == ["/n/O/-", "/s/O/-"]
    for number, paint in enumerate([item for item in told.plan.items.values() if item.key == "paint"]):
        done(told, paint, inner=f"I{number}")
        assert [call.request.path for call in told.asked(InvokeCallout)] == [f"/{'ns'[number]}/O/I{number}"]
    for dry in [item for item in told.plan.items.values() if item.key == "dry"]:
        done(told, dry)
    assert told.state("walls") is COMPLETED
    told.succeed("sweep", dust="none")
    assert told.plan.state is PlanState.COMPLETED
    assert told.plan.lines[TechnicalLineNo(1)].attributes["equipped"] == [
        {"outer": "O", "walls": [{"inner": "I0"}, {"inner": "I1"}], "dust": "none"}
    ]


@pytest.mark.parametrize(
    ("for_each", "said"),
    [
        ('"hall"', "no list"),
        ("{}", "no list"),
        ("line.attributes.rooms", "absent"),
        ("[1, null]", "null in it"),
        ("line.attributes.many", f"{MOST_INSTANCES} is the limit"),
    ],
)
def test_a_list_that_is_none_is_a_failure_that_can_be_mended(for_each: str, said: str) -> None:
    told = story(
        (sets("many", many="[0]"), ()),
        (manual("go"), ()),
        (subplan("equip", "room", for_each), ("many", "go")),
        room=[manual("a")],
    )
    told.plan.enrich(TechnicalLineNo(1), {"many": list(range(MOST_INSTANCES + 1))})
    told.told(Operation.COMPLETE, told.item("go"))
    (raised,) = told.asked(RaiseFallout)
    assert said in raised.failure.message
    assert told.state("equip") is ItemState.FATALLY_FAILED
    assert below(told, "equip") == []
    told.told(Operation.SKIP, told.item("equip"))
    assert told.plan.state is PlanState.COMPLETED


def test_a_mended_list_is_taken_on_the_next_try() -> None:
    told = story((subplan("equip", "room", "line.attributes.rooms"), ()), room=[manual("a")])
    told.happens(
        OperatorCommanded(
            command=CommandId("a0C"),
            operation=Operation.RETRY,
            by="Ann",
            item=told.item("equip").no,
            outputs={"rooms": ["hall"]},
        )
    )
    (inside,) = below(told, "equip")
    assert inside.each == "hall"


@pytest.mark.parametrize("operation", [Operation.SKIP, Operation.COMPLETE])
def test_a_subplan_under_way_is_ended_by_its_items_only(operation: Operation) -> None:
    told = story((subplan("equip", "room"), ()), room=[manual("a"), manual("b")])
    told.told(operation, told.item("equip"))
    answer = told.answer()
    assert answer.answer == "Refused"
    assert "its 2 items" in answer.message
    for inside in below(told, "equip"):
        told.told(operation, inside)
    assert told.plan.state is PlanState.COMPLETED


def test_corrected_attributes_stay_in_their_instance() -> None:
    told = story(
        (subplan("equip", "room", '["hall", "attic"]'), ()),
        room=[callout("reserve", when='line.attributes.size == "big"')],
    )
    one, two = below(told, "equip")
    assert (one.state, two.state) == (ItemState.FATALLY_FAILED, ItemState.FATALLY_FAILED)
    told.happens(
        OperatorCommanded(
            command=CommandId("a0C"), operation=Operation.RETRY, by="Ann", item=two.no, outputs={"size": "big"}
        )
    )
    assert told.plan.items[two.no].outputs == {"size": "big"}
    assert told.plan.lines[TechnicalLineNo(1)].attributes == {}
