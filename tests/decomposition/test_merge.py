"""Scopes and merging: which contributions become one technical line, and what its values are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.decomposition.merge import Conflict, merged
from connector.mappings.set import MappingSet, Scope
from connector.model.json import Json
from connector.model.order import Action
from tests.decomposition.builder import (
    ACCOUNT,
    ORDER,
    attempt,
    attribute,
    commercial,
    installed,
    integer,
    item,
    line,
    plan,
    rule,
    run,
    scenario,
    technical,
    text,
    the_set,
)

DO = plan("do", item("do"))


def boxes(scope: Scope = Scope.LINE, *, scope_key: str | None = None, quantity: str = "one", **box: Any) -> MappingSet:
    """PLAN and HANDSET lead to a BOX; the plan's rule goes first, the attribute `it` is the line's."""
    names = list(box) or ["it"]
    attributes: dict[str, Any] = {name: box.get(name, attribute()) for name in names}
    return the_set(
        commercial("BUNDLE", fulfillment=False),
        commercial("PLAN"),
        commercial("HANDSET"),
        technical("BOX", scope=scope, scope_key=scope_key, quantity=quantity, **attributes),
        rule("plan", "PLAN", "BOX", priority=1, **{name: f"line.attributes.{name}" for name in names}),
        rule("handset", "HANDSET", "BOX", priority=2, **{name: f"line.attributes.{name}" for name in names}),
        DO,
        scenario("BOX", "do"),
    )


BUNDLES = (
    line(1, "BUNDLE"),
    line(2, "PLAN", parent=1, it="a"),
    line(3, "HANDSET", parent=1, it="b"),
    line(4, "BUNDLE"),
    line(5, "PLAN", parent=4, it="c"),
)


@pytest.mark.parametrize(
    ("scope", "keys", "sources"),
    [
        (Scope.LINE, ["L2", "L3", "L5"], [("L2",), ("L3",), ("L5",)]),
        (Scope.BUNDLE, ["L1", "L4"], [("L2", "L3"), ("L5",)]),
        (Scope.ORDER, [ORDER], [("L2", "L3", "L5")]),
        (Scope.ACCOUNT, [ACCOUNT], [("L2", "L3", "L5")]),
    ],
)
def test_the_scope_says_what_is_merged(scope: Scope, keys: list[str], sources: list[tuple[str, ...]]) -> None:
    lines = run(boxes(scope), *BUNDLES).made.lines

    assert [made.scope_key for made in lines] == keys
    assert [made.sources for made in lines] == sources
    assert [made.no for made in lines] == list(range(1, len(keys) + 1))


def test_a_cel_key_merges_what_has_the_same_key() -> None:
    lines = run(
        boxes(scope_key="line.attributes.it"),
        line(1, "PLAN", it="x"),
        line(2, "PLAN", it="y"),
        line(3, "HANDSET", it="x"),
        line(4, "HANDSET", it=5),
        line(5, "HANDSET", it=5.0),
    ).made.lines

    assert {made.scope_key: made.sources for made in lines} == {"x": ("L1", "L3"), "y": ("L2",), "5": ("L4", "L5")}


@pytest.mark.parametrize("bad", [None, "", [1], {"a": 1}, "x" * 151])
def test_a_cel_key_that_is_none_is_a_problem(bad: Json) -> None:
    codes = attempt(boxes(scope_key="line.attributes.it"), line(1, "PLAN", it=bad)).codes

    assert "SCOPE_KEY" in codes
    assert "NO_RULE" not in codes


def test_the_asset_of_the_line_is_its_key() -> None:
    lines = run(
        boxes(Scope.BUNDLE),
        line(1, "BUNDLE", Action.NO_CHANGE, assetId="B-7"),
        line(2, "PLAN", parent=1, it="a"),
    ).made.lines

    assert lines[0].scope_key == "B-7"
    assert run(boxes(), line(1, "PLAN", it="a", assetId="A-1")).line("BOX").scope_key == "A-1"


def test_deep_bundles_have_one_root() -> None:
    lines = run(
        boxes(Scope.BUNDLE),
        line(4, "PLAN", parent=3, it=4),
        line(3, "PLAN", parent=2, it=3),
        line(2, "PLAN", parent=1, it=2),
        line(1, "PLAN", it=1),
    ).made.lines

    assert [(made.scope_key, made.root, made.sources) for made in lines] == [("L1", "L1", ("L4", "L3", "L2", "L1"))]


def test_two_rules_of_one_line_to_one_product_make_one_line() -> None:
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("SVC", quantity="sum", a=text(), b=text()),
            rule("1", "PLAN", "SVC", a="'1'"),
            rule("2", "PLAN", "SVC", a="'2'", b="'2'"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN", quantity=3),
    )

    made = outcome.line("SVC")
    assert made.attributes == {"a": "1", "b": "2"}, "the rule that goes first wins"
    assert made.quantity == 3, "a line counts once, however many of its rules lead there"


# -- merge rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule_name", "values", "result"),
    [
        ("first", ["a", "b", "c"], "a"),
        ("last", ["a", "b", "c"], "c"),
        ("sum", [1, 2, 3], 6),
        ("sum", [0.1, 0.2, 0.3], 0.6),
        ("max", [3, 7.5, 5], 7.5),
        ("max", ["2026-01-02", "2026-03-01"], "2026-03-01"),
        ("list", ["a", ["b", "c"], "a"], ["a", "b", "c", "a"]),
        ("list", ["a"], ["a"]),
        ("error", ["a", "a"], "a"),
        ("error", [1, 1.0], 1),
    ],
)
def test_each_merge_rule(rule_name: str, values: list[Json], result: Json) -> None:
    assert merged(rule_name, values) == result


@pytest.mark.parametrize(
    ("rule_name", "values"),
    [
        ("error", ["a", "b"]),
        ("error", [1, True]),
        ("error", [[1], [True]]),
        ("sum", [1, "2"]),
        ("sum", [1, True]),
        ("max", [1, "2"]),
        ("max", [True, False]),
    ],
)
def test_what_does_not_fit_is_a_conflict(rule_name: str, values: list[Json]) -> None:
    with pytest.raises(Conflict):
        merged(rule_name, values)


_SCALARS = st.one_of(st.integers(-1000, 1000), st.text("ab", max_size=3))


@pytest.mark.parametrize("rule_name", ["first", "last", "sum", "max", "list", "error"])
@given(data=st.data())
def test_merging_is_associative(rule_name: str, data: st.DataObject) -> None:
    members = {"error": st.just(7), "sum": st.integers(-1000, 1000), "max": st.integers(-1000, 1000)}
    values = data.draw(st.lists(members.get(rule_name, _SCALARS), min_size=1, max_size=6))
    cut = data.draw(st.integers(1, len(values)))

    at_once = merged(rule_name, values)
    left = merged(rule_name, [merged(rule_name, values[:cut]), *values[cut:]])
    right = merged(rule_name, [*values[: cut - 1], merged(rule_name, values[cut - 1 :])])

    assert at_once == left == right


@pytest.mark.parametrize("rule_name", ["sum", "max"])
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8), data=st.data())
def test_sum_and_max_do_not_care_for_the_order(rule_name: str, values: list[float], data: st.DataObject) -> None:
    assert merged(rule_name, values) == merged(rule_name, data.draw(st.permutations(values)))


def test_values_are_merged_by_priority_then_by_line() -> None:
    lines = (line(1, "HANDSET", it="h1"), line(2, "PLAN", it="p2"), line(3, "PLAN", it="p3"))

    for rule_name, result in (("first", "p2"), ("last", "h1"), ("list", ["p2", "p3", "h1"])):
        outcome = run(boxes(Scope.ORDER, it=attribute(merge=rule_name)), *lines)
        assert outcome.line("BOX").attributes == {"it": result}


def test_a_merge_that_fails_is_a_problem_with_the_lines_and_the_values() -> None:
    (problem,) = attempt(
        boxes(Scope.ORDER, it=attribute(merge="error")), line(1, "PLAN", it="a"), line(2, "PLAN", it="b")
    ).made.problems

    assert problem.code == "MERGE_CONFLICT"
    assert problem.message == 'The attribute it can\'t be merged by error: "a" is not "b".'
    assert problem.where == "T1 (BOX) from line 1 (PLAN), line 2 (PLAN)"


def test_the_merge_is_explained() -> None:
    outcome = run(boxes(Scope.ORDER, it=integer(merge="sum")), line(1, "PLAN", it=1), line(2, "HANDSET", it=2))

    (decision,) = outcome.decisions("merge")
    assert decision.subject == "T1.it"
    assert decision.reason == "is 3: sum of 2 values"
    assert decision.seen == {"line 1 (PLAN) by plan": 1, "line 2 (HANDSET) by handset": 2}


@pytest.mark.parametrize(("quantity", "result"), [("one", 1), ("sum", 6), ("max", 4)])
def test_quantities(quantity: str, result: float) -> None:
    outcome = run(
        boxes(Scope.ORDER, quantity=quantity), line(1, "PLAN", it=1, quantity=2), line(2, "HANDSET", it=1, quantity=4)
    )

    assert outcome.line("BOX").quantity == result


# -- merging lines with different actions -------------------------------------------------------------------


def test_what_one_line_still_wants_is_not_disconnected() -> None:
    """The handset goes, the plan stays: the shared subscription loses the handset's part."""
    mappings = boxes(Scope.BUNDLE, it=integer(merge="sum"))
    outcome = run(
        mappings,
        line(1, "BUNDLE", Action.NO_CHANGE, assetId="B"),
        line(2, "PLAN", Action.NO_CHANGE, parent=1, it=10, assetId="P"),
        line(3, "HANDSET", Action.DISCONNECT, parent=1, it=25, assetId="H"),
        inventory=[installed("BOX", "B", it=35)],
    )

    box = outcome.line("BOX")
    assert (box.action, box.attributes, box.sources) == (Action.CHANGE, {"it": 10}, ("L2", "L3"))


def test_a_sum_of_which_a_part_is_not_known_is_refused() -> None:
    """Else the fee would be that of the lines that happen to say theirs."""
    mappings = boxes(Scope.BUNDLE, it=integer(merge="sum"))
    lines = (
        line(1, "BUNDLE", Action.NO_CHANGE, assetId="B"),
        line(2, "PLAN", Action.CHANGE, parent=1, it=20, assetId="P"),
        line(3, "HANDSET", Action.NO_CHANGE, parent=1, assetId="H"),
    )
    (problem,) = attempt(mappings, *lines, inventory=[installed("BOX", "B", it=35)]).made.problems

    assert problem.code == "MERGE_CONFLICT"
    assert "line 3 (HANDSET) says nothing of it ('it' is absent)" in problem.message


def test_a_part_that_goes_from_an_unknown_sum_is_refused_too() -> None:
    mappings = boxes(Scope.BUNDLE, it=integer(merge="sum"))
    outcome = attempt(
        mappings,
        line(1, "BUNDLE", Action.NO_CHANGE, assetId="B"),
        line(2, "PLAN", Action.NO_CHANGE, parent=1, assetId="P"),
        line(3, "HANDSET", Action.DISCONNECT, parent=1, assetId="H"),
        inventory=[installed("BOX", "B", it=35)],
    )

    assert outcome.codes == ["MERGE_CONFLICT"]


def test_an_unknown_sum_stays_when_nothing_is_to_change() -> None:
    outcome = run(
        boxes(Scope.BUNDLE, it=integer(merge="sum")),
        line(1, "BUNDLE", Action.NO_CHANGE, assetId="B"),
        line(2, "PLAN", Action.NO_CHANGE, parent=1, assetId="P", it=10),
        line(3, "HANDSET", Action.NO_CHANGE, parent=1, assetId="H"),
        inventory=[installed("BOX", "B", it=35)],
    )

    assert (outcome.line("BOX").action, outcome.line("BOX").attributes) == (Action.NO_CHANGE, {"it": 35})


def test_an_unknown_sum_does_not_matter_when_all_of_it_goes() -> None:
    outcome = run(
        boxes(Scope.BUNDLE, it=integer(merge="sum")),
        line(1, "BUNDLE", Action.DISCONNECT, assetId="B"),
        line(2, "PLAN", Action.DISCONNECT, parent=1, assetId="P", it=10),
        line(3, "HANDSET", Action.DISCONNECT, parent=1, assetId="H"),
        inventory=[installed("BOX", "B", it=35)],
    )

    assert (outcome.line("BOX").action, outcome.line("BOX").attributes) == (Action.DISCONNECT, {"it": 35})
