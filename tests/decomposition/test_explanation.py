"""Why, and why not: the record of decisions, and its plain text."""

from __future__ import annotations

from connector.decomposition.explain import subjects, why
from connector.decomposition.journal import seen
from connector.decomposition.tables import Asked
from connector.decomposition.values import bounded, shown
from connector.mappings.set import Scope
from connector.model.json import Json
from tests.decomposition.builder import (
    attempt,
    cel,
    commercial,
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
    value,
)

SET = the_set(
    commercial("PLAN"),
    commercial("BAG", fulfillment=False),
    technical("SVC", limit=integer(), apn=text(default="internet")),
    technical("SIM"),
    rule("svc", "PLAN", "SVC", limit=value("line.attributes.tier", list="limits")),
    rule("sim", "PLAN", "SIM", when='line.attributes.sim == "physical"'),
    plan("do", item("a"), item("b", after=["a", "ship@order"])),
    scenario("SVC", "do", name="svc-do"),
    lists={"limits": {"S": 5}},
)


EXPLAINED = """\
line 1
  - rule sim: its condition is false [line.attributes.sim == "physical"]
      saw line.attributes.sim = "esim"
      rules.yaml:3
  + rule svc: leads to SVC for L1 → T1
      rules.yaml:3
T1
  + SVC for L1, from 1 order line
      products.yaml:1
  + Add: nothing is installed
  + limit is 5 (rule svc) [line.attributes.tier]
      saw line.attributes.tier = "S"
      rules.yaml:6
  + apn is "internet", the product's default
      products.yaml:2
  + scenario svc-do: gets the plan do → do
      scenarios.yaml:2
item 1
  + do/a: line item for T1
      plans.yaml:4
item 2
  + do/b: line item for T1, after 1
      plans.yaml:4
  - do/b: waits for no ship@order: the order has none
      plans.yaml:5"""


def test_an_explanation_reads_like_one() -> None:
    outcome = run(SET, line(1, "PLAN", tier="S", sim="esim"), line(2, "BAG"))

    assert "\n".join(why(outcome.made.explanation, "line 1")) == EXPLAINED
    assert why(outcome.made.explanation, "line 2") == ("line 2", "  + needs no fulfillment, its product says")


def test_an_explanation_knows_what_it_speaks_of() -> None:
    explanation = run(SET, line(1, "PLAN", tier="S", sim="esim"), line(2, "BAG")).made.explanation

    assert subjects(explanation) == ("line 1", "T1", "line 2", "item 1", "item 2")
    assert why(explanation, "line 9") == ()
    assert why(explanation, "item 2")[0] == "item 2"
    assert len(why(explanation)) > len(why(explanation, "line 1"))


def test_a_rejected_order_is_explained_too() -> None:
    explanation = attempt(SET, line(1, "PLAN", tier="XL", sim="esim"), line(2, "PLANE")).made.explanation

    assert why(explanation, "line 2") == (
        "line 2",
        "  - UNKNOWN_PRODUCT: line 2 (PLANE): The mapping set has no product 'PLANE'. Did you mean PLAN?",
    )
    assert any("has no value (the list limits has no" in sentence for sentence in why(explanation, "line 1"))


def test_an_item_for_very_many_lines_is_found_from_each_of_them() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        rule("r", "PLAN", "SVC"),
        plan("do", item("all", scope=Scope.ORDER)),
        scenario("SVC", "do"),
    )
    explanation = run(mappings, *(line(number, "PLAN") for number in range(1, 31))).made.explanation

    assert "item 1" in why(explanation, "line 30")
    assert sum(len(decision.seen) for decision in explanation.decisions) < 100


def test_what_is_seen_is_what_the_expression_reads() -> None:
    variables: dict[str, Json] = {
        "order": {"account": {"type": "Consumer"}},
        "line": {"attributes": {"tier": "S", "none": None}, "children": [{"product": "A"}]},
        "inventory": {},
    }
    expression = cel(
        'order.account.type == "line.action" && line.attributes.tier == "S" && line.children.exists(c, c.product == "A")'
        " && inventory.number == 1 && has(line.attributes.none)"
    )

    assert seen(Asked.of(expression), variables) == {
        "order.account.type": "Consumer",
        "line.attributes.tier": "S",
        "line.children": [{"product": "A"}],
        "inventory.number": None,
        "line.attributes.none": None,
    }


def test_what_is_seen_is_bounded() -> None:
    huge: Json = {"text": "x" * 10_000, "list": list(range(10_000)), "deep": [[[[[["end"]]]]]]}

    assert len(shown(huge)) <= 80
    assert len(str(bounded(huge))) < 1_000
    assert bounded({str(number): number for number in range(100)}) == {
        **{str(number): number for number in range(10)},
        "…": "90 more",
    }
