"""Nothing is dropped in silence."""

from __future__ import annotations

from connector.model.order import Action
from tests.decomposition.builder import (
    attempt,
    commercial,
    installed,
    item,
    line,
    plan,
    rule,
    run,
    scenario,
    technical,
    the_set,
)

DO = plan("do", item("do"))


def test_a_line_without_any_rule_is_a_problem() -> None:
    (problem,) = attempt(the_set(commercial("PLAN")), line(1, "PLAN")).made.problems

    assert (problem.code, problem.where, problem.near_misses) == ("NO_RULE", "line 1 (PLAN)", ())
    assert "fulfillment: none" in problem.hint


def test_a_line_that_no_rule_took_names_those_that_almost_did() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        rule("a", "PLAN", "SVC", when='line.attributes.tier == "S" && order.account.type == "Business"'),
        rule("b", "PLAN", "SVC", when="line.attributes.speed > 100"),
        DO,
        scenario("SVC", "do"),
        scenario("PLAN", "do", name="plans", actions=[Action.CHANGE]),
    )
    (problem,) = attempt(mappings, line(1, "PLAN", tier="S")).made.problems

    assert problem.code == "NO_RULE"
    assert problem.near_misses == (
        (
            'rule a: its condition is false: line.attributes.tier == "S" && order.account.type == "Business"'
            ' (saw line.attributes.tier = "S", order.account.type = "Consumer")'
        ),
        (
            "rule b: its condition can't be evaluated: 'speed' is absent: line.attributes.speed > 100"
            " (saw line.attributes.speed is absent)"
        ),
        "scenario plans: it is for Change, and the action is Add",
    )


def test_near_misses_are_told_up_to_a_number() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        *(rule(f"r{each:02}", "PLAN", "SVC", when="false") for each in range(25)),
    )
    (problem,) = attempt(mappings, line(1, "PLAN")).made.problems

    assert len(problem.near_misses) == 11
    assert problem.near_misses[-1] == "and 15 more"


def test_a_product_that_needs_no_fulfillment_needs_no_rule() -> None:
    outcome = run(the_set(commercial("BAG", fulfillment=False)), line(1, "BAG"))

    (decision,) = outcome.decisions("line", "line 1")
    assert decision.reason == "needs no fulfillment, its product says"


def test_a_line_without_change_needs_no_rule() -> None:
    outcome = run(the_set(commercial("PLAN")), line(1, "PLAN", Action.NO_CHANGE, assetId="A"))

    assert outcome.decisions("line", "line 1")[0].reason == "needs no fulfillment: nothing changes"


def test_a_scenario_of_the_commercial_product_is_enough() -> None:
    outcome = run(the_set(commercial("PLAN"), DO, scenario("PLAN", "do")), line(1, "PLAN"))

    (made,) = outcome.made.items
    assert (made.line, made.sources, made.root, made.scope_key) == (None, ("L1",), "L1", "PLAN:L1")


def test_a_technical_line_without_scenario_is_a_problem() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        rule("r", "PLAN", "SVC"),
        DO,
        scenario("SVC", "do", name="change", actions=[Action.CHANGE]),
        scenario("SVC", "do", name="gold", when='line.attributes.?tier.orValue("") == "gold"'),
    )
    (problem,) = attempt(mappings, line(1, "PLAN")).made.problems

    assert (problem.code, problem.where) == ("NO_SCENARIO", "T1 (SVC) from line 1")
    assert [miss.split(":")[0] for miss in problem.near_misses] == ["scenario change", "scenario gold"]


def test_a_technical_line_that_is_decomposed_further_needs_no_scenario() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("CFS"),
        technical("RFS"),
        rule("1", "PLAN", "CFS"),
        rule("2", "CFS", "RFS"),
        DO,
        scenario("RFS", "do"),
    )

    assert run(mappings, line(1, "PLAN")).products == ["CFS", "RFS"]


def test_a_technical_line_that_was_to_be_decomposed_further_names_rules_and_scenarios() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("CFS"),
        technical("RFS"),
        rule("1", "PLAN", "CFS"),
        rule("2", "CFS", "RFS", when="line.quantity > 5.0"),
        DO,
        scenario("RFS", "do"),
    )
    (problem,) = attempt(mappings, line(1, "PLAN")).made.problems

    assert problem.code == "NO_SCENARIO"
    assert problem.near_misses[0].startswith("rule 2: its condition is false: line.quantity > 5.0 (saw line.quantity")


def test_a_technical_line_without_change_or_need_needs_no_scenario() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        technical("NOTE", fulfillment=False),
        rule("1", "PLAN", "SVC"),
        rule("2", "PLAN", "NOTE"),
    )
    outcome = run(mappings, line(1, "PLAN", Action.CHANGE, assetId="A"), inventory=[installed("SVC", "A")])

    assert [(made.product, made.action) for made in outcome.made.lines] == [
        ("SVC", Action.NO_CHANGE),
        ("NOTE", Action.ADD),
    ]


def test_a_line_with_a_problem_is_not_said_to_lack_a_scenario_too() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        rule("1", "PLAN", "SVC", number="line.attributes.number"),
        DO,
        scenario("SVC", "do", when="line.attributes.number != ''"),
    )

    assert attempt(mappings, line(1, "PLAN")).codes == ["ATTRIBUTE"]
