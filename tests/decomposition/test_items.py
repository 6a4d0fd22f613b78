"""From scenarios and plan definitions to items: instances, dependencies, numbers."""

from __future__ import annotations

import pytest

from connector.mappings.set import MappingSet, PlanDefinition, Scenario, Scope
from connector.model.order import Action
from connector.model.states import ItemState, ItemType
from tests.decomposition.builder import (
    ACCOUNT,
    NOW,
    ORDER,
    Outcome,
    attempt,
    commercial,
    item,
    line,
    plan,
    rule,
    run,
    scenario,
    technical,
    the_set,
)


def mobile(*parts: PlanDefinition | Scenario) -> MappingSet:
    """A bundle of PLAN (service SVC) and HANDSET (technical DEVICE)."""
    return the_set(
        commercial("BUNDLE", fulfillment=False),
        commercial("PLAN", "Mobile"),
        commercial("HANDSET"),
        technical("SVC", "Service", "Thing"),
        technical("DEVICE", "Thing"),
        rule("svc", "PLAN", "SVC"),
        rule("device", "HANDSET", "DEVICE"),
        *parts,
    )


TWO_BUNDLES = (
    line(1, "BUNDLE"),
    line(2, "PLAN", parent=1),
    line(3, "HANDSET", parent=1),
    line(4, "BUNDLE"),
    line(5, "PLAN", parent=4),
    line(6, "HANDSET", parent=4),
)


def graph(outcome: Outcome) -> dict[str, list[str]]:
    """Every item as `key scope_key`, with those that it waits for."""
    names = {made.no: f"{made.key} {made.scope_key}" for made in outcome.made.items}
    return {names[made.no]: [names[before] for before in made.after] for made in outcome.made.items}


# -- scenarios ----------------------------------------------------------------------------------------------


def test_every_scenario_that_matches_gives_its_plan() -> None:
    outcome = run(
        mobile(
            plan("a", item("a")),
            plan("b", item("b")),
            plan("c", item("c")),
            scenario("SVC", "b"),
            scenario("class:Thing", "a"),
            scenario("SVC", "c", actions=[Action.DISCONNECT]),
        ),
        line(1, "PLAN"),
    )

    assert [made.key for made in outcome.made.items] == ["b", "a"], "the product's own before those of its classes"


def test_a_scenario_of_the_product_stands_in_for_one_of_its_class_with_the_same_plan() -> None:
    mappings = mobile(
        plan("a", item("a")),
        plan("b", item("b")),
        scenario("class:Thing", "a", name="of the class"),
        scenario("SVC", "a", when="line.quantity > 5.0", name="own"),
        scenario("SVC", "b"),
    )
    outcome = run(mappings, line(1, "PLAN"))

    assert [made.key for made in outcome.made.items] == ["b"]
    (decision,) = [each for each in outcome.decisions("scenario", "T1") if each.rule == "of the class"]
    assert decision.reason == "the scenario own of the product stands in for it"


def test_one_plan_chosen_twice_is_one_plan() -> None:
    outcome = run(
        mobile(
            plan("a", item("a")),
            scenario("SVC", "a", name="1"),
            scenario("SVC", "a", name="2"),
        ),
        line(1, "PLAN"),
    )

    assert len(outcome.made.items) == 1


def test_scenarios_see_order_line_and_time() -> None:
    outcome = run(
        mobile(
            plan("a", item("a")),
            plan("b", item("b")),
            scenario(
                "SVC",
                "a",
                when='order.account.type == "Consumer" && line.action == "Add" && line.scope_key == "L1"'
                f' && now == timestamp("{NOW.isoformat()}")',
            ),
            scenario("SVC", "b", when="line.attributes.nothing"),
        ),
        line(1, "PLAN"),
    )

    assert [made.key for made in outcome.made.items] == ["a"]


def test_a_commercial_line_may_have_items_of_its_own() -> None:
    outcome = run(
        mobile(
            plan("welcome", item("call", scope=Scope.BUNDLE)),
            plan("do", item("do", after=["call@bundle"])),
            scenario("PLAN", "welcome", when='line.parent.product == "BUNDLE"'),
            scenario("SVC", "do"),
        ),
        *TWO_BUNDLES[:2],
    )

    call = outcome.item("call")
    assert (call.line, call.sources, call.root, call.scope_key) == (None, ("L2",), "L1", "L1")
    assert outcome.item("do").after == (call.no,)


# -- instances ----------------------------------------------------------------------------------------------


def test_an_item_starts_as_its_definition_says() -> None:
    outcome = run(
        mobile(
            plan("check", item("credit", kind=ItemType.MANUAL, queue="Credit_Check")),
            scenario("SVC", "check"),
        ),
        line(1, "PLAN"),
    )

    (made,) = outcome.made.items
    assert (made.no, made.definition, made.key, made.name) == (1, "check", "credit", "credit")
    assert (made.type, made.state, made.queue, made.line) == (ItemType.MANUAL, ItemState.PENDING, "Credit_Check", 1)


@pytest.mark.parametrize(
    ("scope", "keys"),
    [
        (Scope.LINE, ["SVC:L2", "SVC:L5"]),
        (Scope.BUNDLE, ["L1", "L4"]),
        (Scope.ORDER, [ORDER]),
        (Scope.ACCOUNT, [ACCOUNT]),
    ],
)
def test_an_item_has_one_instance_in_its_scope(scope: Scope, keys: list[str]) -> None:
    outcome = run(
        mobile(plan("do", item("it", scope=scope)), scenario("SVC", "do"), scenario("DEVICE", "none"), plan("none")),
        line(1, "BUNDLE"),
        line(2, "PLAN", parent=1),
        line(4, "BUNDLE"),
        line(5, "PLAN", parent=4),
    )

    assert [made.scope_key for made in outcome.made.items] == keys
    assert [made.line for made in outcome.made.items] == [1, 2][: len(keys)], "the first of its lines"


def test_a_shared_item_has_the_sources_of_all_its_lines() -> None:
    outcome = run(mobile(plan("do", item("it", scope=Scope.ORDER)), scenario("class:Thing", "do")), *TWO_BUNDLES)

    assert outcome.item("it").sources == ("L2", "L3", "L5", "L6")
    assert outcome.item("it").root == "L1"


# -- dependencies -------------------------------------------------------------------------------------------


def test_dependencies_inside_a_definition_stay_with_the_line() -> None:
    outcome = run(
        mobile(plan("do", item("b", after=["a"]), item("a")), scenario("SVC", "do")), line(1, "PLAN"), line(2, "PLAN")
    )

    assert graph(outcome) == {
        "a SVC:L1": [],
        "b SVC:L1": ["a SVC:L1"],
        "a SVC:L2": [],
        "b SVC:L2": ["a SVC:L2"],
    }
    assert [made.no for made in outcome.made.items] == [1, 2, 3, 4]


def test_a_shared_item_waits_for_those_of_all_its_lines_and_they_for_it() -> None:
    outcome = run(
        mobile(
            plan("do", item("a"), item("all", scope=Scope.ORDER, after=["a"]), item("b", after=["all"])),
            scenario("SVC", "do"),
        ),
        line(1, "PLAN"),
        line(2, "PLAN"),
    )

    assert graph(outcome) == {
        "a SVC:L1": [],
        "a SVC:L2": [],
        f"all {ORDER}": ["a SVC:L1", "a SVC:L2"],
        "b SVC:L1": [f"all {ORDER}"],
        "b SVC:L2": [f"all {ORDER}"],
    }


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ("ship@bundle", ["ship DEVICE:L3"]),
        ("send/ship@bundle", ["ship DEVICE:L3"]),
        ("other/ship@bundle", []),
        ("ship@order", ["ship DEVICE:L3", "ship DEVICE:L6"]),
        ("ship@account", ["ship DEVICE:L3", "ship DEVICE:L6"]),
        ("ship@line", []),
        ("nothing@order", []),
    ],
)
def test_dependencies_across_definitions(after: str, found: list[str]) -> None:
    outcome = run(
        mobile(
            plan("do", item("activate", after=[after])),
            plan("send", item("ship")),
            scenario("SVC", "do"),
            scenario("DEVICE", "send"),
        ),
        *TWO_BUNDLES,
    )

    assert graph(outcome)["activate SVC:L2"] == found


def test_what_is_not_waited_for_is_told() -> None:
    outcome = run(
        mobile(plan("do", item("activate", after=["other/ship@bundle"])), scenario("SVC", "do")), line(1, "PLAN")
    )

    (decision,) = [each for each in outcome.decisions("item", "item 1") if not each.taken]
    assert decision.reason == "waits for no other/ship@bundle: the order has none"


def test_a_dependency_by_line_finds_the_other_technical_lines_of_the_order_line() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        technical("SIM"),
        rule("1", "PLAN", "SVC"),
        rule("2", "PLAN", "SIM"),
        plan("do", item("activate", after=["ship@line"])),
        plan("send", item("ship")),
        scenario("SVC", "do"),
        scenario("SIM", "send"),
    )

    assert graph(run(mappings, line(1, "PLAN"), line(2, "PLAN")))["activate SVC:L2"] == ["ship SIM:L2"]


def test_a_line_merged_over_bundles_is_in_all_of_them() -> None:
    mappings = the_set(
        commercial("BUNDLE", fulfillment=False),
        commercial("PLAN"),
        commercial("HANDSET"),
        technical("SVC"),
        technical("PARCEL", scope=Scope.ORDER),
        rule("1", "PLAN", "SVC"),
        rule("2", "HANDSET", "PARCEL"),
        plan("do", item("activate", after=["ship@bundle"])),
        plan("send", item("ship")),
        scenario("SVC", "do"),
        scenario("PARCEL", "send"),
    )
    outcome = run(mappings, *TWO_BUNDLES)

    ship = outcome.item("ship")
    assert [made.after for made in outcome.made.items if made.key == "activate"] == [(ship.no,), (ship.no,)]


def test_numbers_follow_the_dependencies() -> None:
    outcome = run(
        mobile(
            plan("do", item("z", after=["y"]), item("y", after=["x@order"])),
            plan("first", item("x")),
            scenario("SVC", "do"),
            scenario("DEVICE", "first"),
        ),
        *TWO_BUNDLES,
    )

    assert all(before < made.no for made in outcome.made.items for before in made.after)
    assert [made.no for made in outcome.made.items] == list(range(1, len(outcome.made.items) + 1))


# -- rings --------------------------------------------------------------------------------------------------


def test_a_ring_across_definitions_is_a_problem_that_names_it() -> None:
    (problem,) = attempt(
        mobile(
            plan("do", item("activate", after=["ship@bundle"])),
            plan("send", item("pack", after=["activate@bundle"]), item("ship", after=["pack"])),
            scenario("SVC", "do"),
            scenario("DEVICE", "send"),
        ),
        *TWO_BUNDLES[:3],
    ).made.problems

    assert problem.code == "ITEM_RING"
    assert problem.message == (
        "Items of the plan wait for each other: do/activate (T1) → send/pack (T2) → send/ship (T2) → do/activate (T1)."
    )


def test_every_ring_is_named_once() -> None:
    outcome = attempt(
        mobile(
            plan("do", item("activate", after=["ship@bundle"]), item("after", after=["activate"])),
            plan("send", item("ship", after=["activate@bundle"])),
            scenario("SVC", "do"),
            scenario("DEVICE", "send"),
        ),
        *TWO_BUNDLES,
    )

    assert outcome.codes == ["ITEM_RING", "ITEM_RING"]


def test_an_item_that_waits_for_its_like_waits_for_itself() -> None:
    outcome = attempt(mobile(plan("do", item("it", after=["it@order"])), scenario("SVC", "do")), line(1, "PLAN"))

    assert outcome.codes == ["ITEM_RING"]
    assert "do/it (T1) → do/it (T1)" in outcome.made.problems[0].message


def test_a_ring_only_through_scopes_is_found() -> None:
    """Inside the definition there is none; with one instance for the order and one per line there is."""
    outcome = attempt(
        mobile(
            plan("do", item("a", after=["b@order"]), item("b", after=["a"])),
            scenario("SVC", "do"),
        ),
        line(1, "PLAN"),
        line(2, "PLAN"),
    )

    assert set(outcome.codes) == {"ITEM_RING"}


def test_a_plan_with_too_many_dependencies_is_refused() -> None:
    """1,500 items that each wait for 1,500 others; a milestone between them would make it 3,000 in all."""
    mappings = mobile(plan("do", item("a"), item("b", after=["a@order"])), scenario("SVC", "do"))
    (problem,) = attempt(mappings, *(line(number, "PLAN") for number in range(1, 1_501))).made.problems

    assert problem.code == "TOO_MANY_DEPENDENCIES"
    assert problem.where == "do/b after a@order"
    assert "milestone" in problem.hint
