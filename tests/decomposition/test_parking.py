"""Rules that wait for what items will bring: which are parked, what is said of them, what holds them back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.mappings.set import MappingSet, PlanDefinition, Product, Rule, Scenario, Scope, System
from connector.model.order import Action
from connector.model.states import ItemType
from connector.model.technical import ParkedRule
from tests.decomposition.builder import (
    Outcome,
    attempt,
    commercial,
    field_of_form,
    installed,
    integer,
    item,
    line,
    plan,
    rule,
    run,
    scenario,
    system,
    technical,
    text,
    the_set,
    value,
)

ASKS = item("ask", kind=ItemType.CALLOUT, interface="net.ask")


def fiber(*parts: Product | Rule | PlanDefinition | Scenario | System) -> MappingSet:
    """FIBER becomes ACCESS, whose item `ask` brings `tech` and `ports`; whatever else the test is about."""
    return the_set(
        commercial("FIBER", speed=integer()),
        technical("ACCESS", speed=integer(), tech=text()),
        technical("ONT", tech=text(), model=text()),
        technical("MODEM", model=text()),
        rule("fiber-access", "FIBER", "ACCESS", speed="line.attributes.speed"),
        system("net", ask=["tech", "ports"]),
        plan("access", ASKS, item("activate", after=["ask"])),
        plan("ont", item("ship")),
        scenario("ACCESS", "access"),
        scenario("ONT", "ont"),
        scenario("MODEM", "ont"),
        *parts,
    )


def parked(outcome: Outcome) -> list[tuple[str, int, tuple[str, ...], str]]:
    return [(each.rule, each.line, each.waits_for, each.behind) for each in outcome.made.parked]


def test_a_rule_whose_condition_reads_what_an_item_will_bring_is_parked() -> None:
    outcome = run(
        fiber(rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"')),
        line(1, "FIBER", speed=100),
    )

    assert outcome.products == ["ACCESS"]
    assert outcome.made.parked == (
        ParkedRule(rule="access-ont", line=outcome.line("ACCESS").no, target="ONT", waits_for=("tech",), source="rules.yaml:3"),
    )  # fmt: skip
    told = [each.reason for each in outcome.decisions("rule", "T1") if each.rule == "access-ont"]
    assert told == ["is parked until tech is known", "tech will come from item 1"]


def test_what_the_plan_has_made_of_it_is_said_in_words() -> None:
    rule_ = ParkedRule(rule="r", line=5, target="ONT", waits_for=("a", "b"))  # type: ignore[arg-type]

    assert str(rule_) == "rule r of T5 waits for a, b"
    assert str(ParkedRule(rule="r", line=5, target="ONT", behind="q")) == "rule r of T5 waits for the rule q"  # type: ignore[arg-type]


def test_a_rule_whose_value_reads_it_is_parked_as_well() -> None:
    outcome = run(fiber(rule("access-ont", "ACCESS", "ONT", tech="line.attributes.tech")), line(1, "FIBER", speed=1))

    assert parked(outcome) == [("access-ont", 1, ("tech",), "")]


def test_a_rule_whose_targets_key_reads_it_is_parked_as_well() -> None:
    keyed = technical("KEYED", scope_key='line.attributes.tech + "-" + string(line.attributes.ports)')
    outcome = run(
        fiber(keyed, rule("access-keyed", "ACCESS", "KEYED"), scenario("KEYED", "ont")), line(1, "FIBER", speed=1)
    )

    assert parked(outcome) == [("access-keyed", 1, ("ports", "tech"), "")]


def test_what_outputs_events_forms_and_set_bring_is_waited_for() -> None:
    mappings = fiber(
        plan(
            "more",
            item("measure", kind=ItemType.MANUAL, form=(field_of_form("loss"),)),
            item("note", kind=ItemType.AUTO, task="set"),
        ),
        scenario("ACCESS", "more"),
        rule("a", "ACCESS", "ONT", when="line.attributes.loss > 3"),
        rule("b", "ACCESS", "ONT", when="line.attributes.noted"),
    )
    mappings.plans["more"].items["note"].sets["noted"] = mappings.rules["ACCESS"][0].when  # type: ignore[index]

    assert parked(run(mappings, line(1, "FIBER", speed=1))) == [("a", 1, ("loss",), ""), ("b", 1, ("noted",), "")]


@pytest.mark.parametrize(
    "when",
    ["has(line.attributes.tech)", 'line.attributes.?tech.orValue("") == "gpon"', 'line.attributes.speed > 5 && line.attributes.tech == "x"'],
)  # fmt: skip
def test_a_condition_that_can_be_told_now_is(when: str) -> None:
    outcome = run(fiber(rule("access-ont", "ACCESS", "ONT", when=when)), line(1, "FIBER", speed=1))

    assert (parked(outcome), outcome.products) == ([], ["ACCESS"])


def test_a_value_with_a_default_is_not_waited_for() -> None:
    mappings = fiber(rule("access-ont", "ACCESS", "ONT", tech=value("line.attributes.tech", default="copper")))

    assert run(mappings, line(1, "FIBER", speed=1)).line("ONT").attributes == {"tech": "copper"}


def test_what_the_inventory_knows_is_not_waited_for() -> None:
    mappings = fiber(rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"'))
    outcome = run(
        mappings,
        line(1, "FIBER", Action.CHANGE, assetId="A", speed=9),
        inventory=[installed("ACCESS", "A", speed=1, tech="gpon")],
    )

    assert (parked(outcome), outcome.products) == ([], ["ACCESS", "ONT"])


def test_what_only_other_actions_bring_is_not_waited_for() -> None:
    mappings = fiber(rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"'))
    outcome = run(
        mappings,
        line(1, "FIBER", Action.NO_CHANGE, assetId="A", speed=1),
        inventory=[installed("ACCESS", "A", speed=1)],
    )

    assert parked(outcome) == []


def test_what_is_installed_goes_at_once_when_its_line_goes() -> None:
    mappings = fiber(rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"'))
    outcome = run(
        mappings,
        line(1, "FIBER", Action.DISCONNECT, assetId="A"),
        inventory=[installed("ACCESS", "A", speed=1), installed("ONT", "A")],
    )

    assert (parked(outcome), outcome.line("ONT").action) == ([], Action.DISCONNECT)


def test_the_rules_after_a_parked_one_of_a_group_are_held_back() -> None:
    mappings = fiber(
        rule("1-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"', xor="device"),
        rule("2-never", "ACCESS", "ONT", when="line.attributes.speed > 500", xor="device"),
        rule("3-modem", "ACCESS", "MODEM", xor="device"),
        rule("4-modem", "ACCESS", "MODEM", when="line.attributes.ports > 1", xor="device"),
        rule("5-other", "ACCESS", "MODEM"),
    )
    outcome = run(mappings, line(1, "FIBER", speed=1))

    assert parked(outcome) == [
        ("1-ont", 1, ("tech",), ""),
        ("3-modem", 1, (), "1-ont"),
        ("4-modem", 1, ("ports",), ""),
    ]
    assert outcome.products == ["ACCESS", "MODEM"], "a rule of no group is held back by none"


def test_a_rule_before_the_parked_one_takes_the_group() -> None:
    mappings = fiber(
        rule("1-modem", "ACCESS", "MODEM", when="line.attributes.speed < 5", xor="device"),
        rule("2-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"', xor="device"),
    )
    outcome = run(mappings, line(1, "FIBER", speed=1))

    assert (parked(outcome), outcome.products) == ([], ["ACCESS", "MODEM"])


def test_a_mandatory_attribute_may_come_from_a_parked_rule() -> None:
    mappings = fiber(
        technical("BOX", scope=Scope.BUNDLE, size=text(required=True)),
        rule("fiber-box", "FIBER", "BOX"),
        rule("access-box", "ACCESS", "BOX", size="line.attributes.tech"),
        scenario("BOX", "ont"),
    )
    outcome = run(mappings, line(1, "FIBER", speed=1))

    assert outcome.line("BOX").attributes == {}
    (told,) = [each for each in outcome.decisions("attribute") if each.subject.endswith(".size")]
    assert told.reason == "has no value yet: a parked rule may give it"


def test_that_no_item_of_the_order_brings_it_is_said() -> None:
    mappings = fiber(
        plan("rarely", item("probe", kind=ItemType.CALLOUT, interface="net2.probe")),
        system("net2", probe=["level"]),
        scenario("ACCESS", "rarely", when="line.attributes.speed > 500"),
        rule("access-ont", "ACCESS", "ONT", when="line.attributes.level > 1"),
    )
    outcome = run(mappings, line(1, "FIBER", speed=1))

    assert parked(outcome) == [("access-ont", 1, ("level",), "")]
    told = outcome.decisions("rule", "T1")[-1]
    assert told.reason == "no item of the order gives level to T1, so the rule will never fire"


def test_a_required_rule_that_nothing_can_decide_on_refuses_the_order() -> None:
    mappings = fiber(
        plan("rarely", item("probe", kind=ItemType.CALLOUT, interface="net2.probe")),
        system("net2", probe=["level"]),
        scenario("ACCESS", "rarely", when="line.attributes.speed > 500"),
        replace(rule("access-ont", "ACCESS", "ONT", when="line.attributes.level > 1"), required=True),
    )

    assert attempt(mappings, line(1, "FIBER", speed=1)).codes == ["RULE_NEVER_FIRED"]
    assert attempt(mappings, line(1, "FIBER", speed=501)).codes == []


def test_a_line_without_a_plan_names_the_parked_rule_among_the_near_misses() -> None:
    mappings = the_set(
        commercial("FIBER"),
        technical("ACCESS", tech=text()),
        technical("ONT"),
        rule("fiber-access", "FIBER", "ACCESS"),
        rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"'),
        system("net", ask=["tech"]),
        plan("access", ASKS),
        scenario("ACCESS", "access", when="line.attributes.wanted"),
        scenario("ONT", "access"),
    )
    (problem,) = attempt(mappings, line(1, "FIBER")).made.problems

    assert problem.code == "NO_SCENARIO"
    assert problem.near_misses[0].startswith("rule access-ont: is parked until tech is known")
