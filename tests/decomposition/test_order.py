"""The order against the products: what is wrong with it is said at once, and nothing is half-built."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from connector.decomposition import decompose
from connector.mappings.set import Scope
from connector.model.json import Json
from connector.model.order import Action
from tests.decomposition.builder import (
    NOW,
    attempt,
    attribute,
    commercial,
    integer,
    item,
    line,
    number,
    order,
    plan,
    rule,
    run,
    scenario,
    technical,
    text,
    the_set,
)

SET = the_set(
    commercial(
        "PLAN",
        tier=text(required=True, values=("S", "M", "L")),
        sim=text(default="physical"),
        devices=integer(),
        discount=number(),
        gift=attribute(type="boolean"),
        start=attribute(type="date"),
        at=attribute(type="datetime"),
        address=attribute(type="object"),
        extras=attribute(type="list", values=("tv", "music")),
        note=attribute(),
    ),
    commercial("BAG", fulfillment=False),
    technical("SVC", tier=text(), sim=text()),
    rule("plan-to-svc", "PLAN", "SVC", tier="line.attributes.?tier.orValue('')", sim="line.attributes.sim"),
    rule("bag-to-svc", "BAG", "SVC", when="false"),
    plan("activate", item("activate")),
    scenario("SVC", "activate"),
    intake_lines=("attributes.ticket", "product"),
)


def test_nothing_is_built_when_anything_is_wrong_and_all_of_it_is_said() -> None:
    outcome = attempt(
        SET,
        line(1, "PLAN", tier="S"),
        line(2, "PLAN", tier="XL", devices="two"),
        line(3, "PLANE", tier="S"),
        line(4, "PLAN", parent=9),
    )

    assert outcome.codes == ["NOT_ALLOWED", "WRONG_TYPE", "UNKNOWN_PRODUCT", "MISSING_ATTRIBUTE", "UNKNOWN_PARENT"]
    assert not outcome.made.lines
    assert not outcome.made.items
    assert not outcome.made.requests
    assert outcome.decisions("rule", "line 1"), "the explanation is complete all the same"


def test_a_problem_says_where_what_and_what_to_do() -> None:
    (problem,) = attempt(SET, line(3, "PLANN", tier="S")).made.problems

    assert str(problem) == "line 3 (PLANN): The mapping set has no product 'PLANN'. Did you mean PLAN?"


def test_an_unknown_attribute_gets_the_likely_one() -> None:
    (problem,) = attempt(SET, line(1, "PLAN", tier="S", devics=2)).made.problems

    assert problem.code == "UNKNOWN_ATTRIBUTE"
    assert problem.hint == "Did you mean devices?"


def test_attributes_that_the_intake_gives_to_every_line_are_known() -> None:
    run(SET, line(1, "PLAN", tier="S", ticket="T-1", assetId="A-1"))


def test_a_product_without_attributes_takes_any() -> None:
    run(SET, line(1, "BAG", colour="green"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("devices", 2),
        ("devices", 2.0),
        ("discount", 0.5),
        ("discount", 3),
        ("gift", True),
        ("start", "2026-03-01"),
        ("at", "2026-03-01T10:00:00Z"),
        ("at", "2026-03-01T10:00:00+02:00"),
        ("address", {"city": "Graz"}),
        ("extras", ["tv", "music"]),
        ("extras", []),
        ("note", {"any": ["thing"]}),
    ],
)
def test_values_of_the_right_type_are_taken(name: str, value: Json) -> None:
    run(SET, line(1, "PLAN", tier="S", attributes={name: value}))


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("devices", 2.5, "WRONG_TYPE"),
        ("devices", True, "WRONG_TYPE"),
        ("discount", "0.5", "WRONG_TYPE"),
        ("discount", False, "WRONG_TYPE"),
        ("gift", 1, "WRONG_TYPE"),
        ("start", "1.3.2026", "WRONG_TYPE"),
        ("start", "2026-02-30", "WRONG_TYPE"),
        ("at", "2026-03-01T10:00:00", "WRONG_TYPE"),
        ("address", "Graz", "WRONG_TYPE"),
        ("extras", "tv", "WRONG_TYPE"),
        ("extras", ["tv", "radio"], "NOT_ALLOWED"),
        ("note", math.nan, "UNUSABLE_VALUE"),
        ("note", 2**63, "UNUSABLE_VALUE"),
        ("note", "half a pair \ud800", "UNUSABLE_VALUE"),
        ("note", "nul \x00", "UNUSABLE_VALUE"),
        ("note", {"\udc00": 1}, "UNUSABLE_VALUE"),
        ("assetId", 7, "WRONG_TYPE"),
        ("assetId", "", "WRONG_TYPE"),
        ("assetId", "A" * 151, "WRONG_TYPE"),
    ],
)
def test_values_of_another_type_are_refused(name: str, value: Json, code: str) -> None:
    outcome = attempt(SET, line(1, "PLAN", attributes={"tier": "S", name: value}))

    assert outcome.codes == [code]


def test_a_value_nested_without_end_is_refused() -> None:
    nested: Json = 1
    for _ in range(5_000):
        nested = [nested]

    assert attempt(SET, line(1, "PLAN", tier="S", note=nested)).codes == ["UNUSABLE_VALUE"]


def test_values_of_the_order_itself_must_be_usable_too() -> None:
    made = decompose(order(line(1, "PLAN", tier="S"), fine=1, bad=math.inf), (), SET, NOW)

    assert [(problem.code, problem.where) for problem in made.problems] == [("UNUSABLE_VALUE", "order")]


def test_defaults_are_there_before_the_rules_run() -> None:
    outcome = run(SET, line(1, "PLAN", tier="S"))

    assert outcome.line("SVC").attributes["sim"] == "physical"
    assert outcome.made.order.lines[0].attributes == {"tier": "S", "sim": "physical"}


def test_null_is_as_good_as_absent_on_an_add_line() -> None:
    assert attempt(SET, line(1, "PLAN", tier=None)).codes == ["MISSING_ATTRIBUTE"]
    assert run(SET, line(1, "PLAN", tier="S", sim=None)).line("SVC").attributes["sim"] == "physical"


@pytest.mark.parametrize("action", [Action.CHANGE, Action.DISCONNECT, Action.NO_CHANGE])
def test_only_what_is_added_must_be_complete(action: Action) -> None:
    codes = attempt(SET, line(1, "PLAN", action, sim="esim", assetId="A")).codes

    assert "MISSING_ATTRIBUTE" not in codes


def test_a_change_may_not_take_a_mandatory_value_away() -> None:
    assert attempt(SET, line(1, "PLAN", Action.CHANGE, tier=None, sim="esim")).codes == ["MISSING_ATTRIBUTE"]


def test_an_order_without_lines_is_a_problem() -> None:
    assert attempt(SET).codes == ["EMPTY_ORDER"]


def test_a_line_id_may_not_be_there_twice() -> None:
    assert attempt(SET, line(1, "PLAN", tier="S"), line(1, "PLAN", tier="M")).codes == ["DUPLICATE_LINE"]


def test_technical_products_are_not_for_sale() -> None:
    assert attempt(SET, line(1, "SVC")).codes == ["TECHNICAL_PRODUCT"]


@pytest.mark.parametrize("quantity", [0, -1, math.nan, math.inf])
def test_a_quantity_is_a_number_above_zero(quantity: float) -> None:
    assert attempt(SET, line(1, "PLAN", tier="S", quantity=quantity)).codes == ["WRONG_QUANTITY"]


def test_a_ring_of_parents_is_named_once_for_each_line_of_it() -> None:
    outcome = attempt(
        SET,
        line(1, "PLAN", tier="S", parent=3),
        line(2, "PLAN", tier="S", parent=1),
        line(3, "PLAN", tier="S", parent=2),
        line(4, "PLAN", tier="S", parent=3),
    )

    assert outcome.codes == ["PARENT_RING"] * 3
    assert outcome.made.problems[0].message == "Its parent lines form a ring: line 1 → line 3 → line 2 → line 1."


def test_a_line_that_is_its_own_parent_is_a_ring() -> None:
    assert attempt(SET, line(1, "PLAN", tier="S", parent=1)).codes == ["PARENT_RING"]


def test_sub_actions_belong_to_changes() -> None:
    assert attempt(SET, line(1, "PLAN", tier="S", sub_action="Suspend")).codes == ["WRONG_ACTION"]


def test_nothing_stays_below_a_line_that_goes() -> None:
    outcome = attempt(
        SET,
        line(1, "BAG", Action.DISCONNECT, assetId="B"),
        line(2, "PLAN", parent=1, tier="S"),
    )

    assert outcome.codes == ["WRONG_ACTION"]
    assert "line 1 above it is disconnected" in outcome.made.problems[0].message


def test_one_asset_has_one_line_of_a_product() -> None:
    outcome = attempt(SET, line(1, "PLAN", tier="S", assetId="A"), line(2, "PLAN", tier="M", assetId="A"))

    assert outcome.codes == ["DUPLICATE_ASSET"]


def test_lines_without_a_number_of_their_own_are_called_by_id() -> None:
    problems = attempt(SET, line(1, "PLAN"), replace(line(2, "PLAN"), number="1")).made.problems

    assert [problem.where for problem in problems] == ["line L1 (PLAN)", "line L2 (PLAN)"]


def test_a_line_left_out_does_not_make_others_look_wrong() -> None:
    """The bad line would have given the mandatory attribute of the shared line."""
    shared = the_set(
        commercial("A", size=integer(required=True)),
        commercial("B"),
        technical("BOX", scope=Scope.ORDER, size=integer(required=True)),
        rule("a", "A", "BOX", size="line.attributes.size"),
        rule("b", "B", "BOX"),
        plan("send", item("send")),
        scenario("BOX", "send"),
    )

    assert attempt(shared, line(1, "A", size="big"), line(2, "B")).codes == ["WRONG_TYPE"]
    assert attempt(shared, line(2, "B")).codes == ["MISSING_TECHNICAL_ATTRIBUTE"]
