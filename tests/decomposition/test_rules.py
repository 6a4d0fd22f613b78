"""Which rules fire, in which order, over how many levels, and what they say."""

from __future__ import annotations

from connector.mappings.set import Scope
from connector.model.order import Action
from tests.decomposition.builder import (
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

DO = plan("do", item("do"))


def test_one_line_becomes_one_technical_line() -> None:
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("SVC", request="network", number=text()),
            rule("r", "PLAN", "SVC", number="line.attributes.phone"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN", phone="0664"),
    )

    made = outcome.line("SVC")
    assert (made.no, made.action, made.sources, made.root, made.parents) == (1, Action.ADD, ("L1",), "L1", ())
    assert made.attributes == {"number": "0664"}
    assert outcome.made.requests == ("network",)


def test_one_line_becomes_many() -> None:
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("SVC", request="network"),
            technical("SIM", request="logistics"),
            technical("BILL", request="network"),
            rule("c", "PLAN", "BILL"),
            rule("a", "PLAN", "SVC"),
            rule("b", "PLAN", "SIM"),
            DO,
            *(scenario(code, "do") for code in ("SVC", "SIM", "BILL")),
        ),
        line(1, "PLAN"),
    )

    assert outcome.products == ["SVC", "SIM", "BILL"], "rules run by (priority, id)"
    assert outcome.made.requests == ("network", "logistics"), "each domain once, in the order of the lines"


def test_priority_goes_before_the_name() -> None:
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("SVC"),
            technical("SIM"),
            rule("a", "PLAN", "SVC", priority=200),
            rule("b", "PLAN", "SIM", priority=1),
            DO,
            scenario("SVC", "do"),
            scenario("SIM", "do"),
        ),
        line(1, "PLAN"),
    )

    assert outcome.products == ["SIM", "SVC"]


def test_a_rule_for_a_class_takes_all_products_of_it() -> None:
    outcome = run(
        the_set(
            commercial("GOLD", "Mobile"),
            commercial("SILVER", "Mobile"),
            technical("SVC"),
            rule("r", "class:Mobile", "SVC"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "GOLD"),
        line(2, "SILVER"),
    )

    assert outcome.products == ["SVC", "SVC"]


def test_a_condition_decides() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        technical("SIM"),
        rule("svc", "PLAN", "SVC"),
        rule("sim", "PLAN", "SIM", when='line.attributes.sim == "physical"'),
        DO,
        scenario("SVC", "do"),
        scenario("SIM", "do"),
    )

    assert run(mappings, line(1, "PLAN", sim="physical")).products == ["SIM", "SVC"]
    assert run(mappings, line(1, "PLAN", sim="esim")).products == ["SVC"]


def test_a_condition_that_fails_does_not_fire_and_is_told() -> None:
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("SVC"),
            technical("SIM"),
            rule("svc", "PLAN", "SVC"),
            rule("sim", "PLAN", "SIM", when='line.attributes.sim == "physical"'),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN"),
    )

    (missed,) = [each for each in outcome.decisions("rule", "line 1") if not each.taken]
    assert missed.reason == "its condition can't be evaluated: 'sim' is absent"
    assert missed.seen == {"line.attributes.sim": None}


def test_a_condition_that_is_no_condition_does_not_fire() -> None:
    outcome = attempt(
        the_set(commercial("PLAN"), technical("SVC"), rule("r", "PLAN", "SVC", when="line.attributes.n")),
        line(1, "PLAN", n=1),
    )

    (problem,) = outcome.made.problems
    assert "gives 1, not true or false" in problem.near_misses[0]


def test_rules_see_the_bundle_around_the_line() -> None:
    outcome = run(
        the_set(
            commercial("BUNDLE", fulfillment=False),
            commercial("PLAN"),
            commercial("ESIM", fulfillment=False),
            technical("SVC", sim=text(), brand=text()),
            rule(
                "r",
                "PLAN",
                "SVC",
                sim='line.children.exists(c, c.product == "ESIM") ? "esim" : "physical"',
                brand="line.root.attributes.brand",
            ),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "BUNDLE", brand="Infiwave"),
        line(2, "PLAN", parent=1),
        line(3, "ESIM", parent=2),
    )

    assert outcome.line("SVC").attributes == {"sim": "esim", "brand": "Infiwave"}
    assert outcome.line("SVC").root == "L1"


def test_only_the_first_of_an_xor_group_fires() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("FIBER"),
        technical("COPPER"),
        technical("RADIO"),
        rule("1-fiber", "PLAN", "FIBER", when="line.attributes.fiber", xor="access"),
        rule("2-copper", "PLAN", "COPPER", when="line.attributes.copper", xor="access"),
        rule("3-radio", "PLAN", "RADIO", xor="access"),
        DO,
        *(scenario(code, "do") for code in ("FIBER", "COPPER", "RADIO")),
    )

    assert run(mappings, line(1, "PLAN", fiber=True, copper=True)).products == ["FIBER"]
    assert run(mappings, line(1, "PLAN", fiber=False, copper=True)).products == ["COPPER"]
    assert run(mappings, line(1, "PLAN", fiber=False, copper=False)).products == ["RADIO"]
    lost = run(mappings, line(1, "PLAN", fiber=True, copper=True)).decisions("rule", "line 1")[-1]
    assert lost.reason == "the rule 1-fiber of the group access fired already"


# -- values -----------------------------------------------------------------------------------------------


def test_a_value_may_be_looked_up() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC", limit=integer()),
        rule("r", "PLAN", "SVC", limit=value("line.attributes.speed", list="limits")),
        DO,
        scenario("SVC", "do"),
        lists={"limits": {"100": 5, "true": 7}},
    )

    assert run(mappings, line(1, "PLAN", speed="100")).line("SVC").attributes == {"limit": 5}
    assert run(mappings, line(1, "PLAN", speed=100)).line("SVC").attributes == {"limit": 5}
    assert run(mappings, line(1, "PLAN", speed=True)).line("SVC").attributes == {"limit": 7}
    (problem,) = attempt(mappings, line(1, "PLAN", speed="200")).made.problems
    assert problem.code == "ATTRIBUTE"
    assert 'the list limits has no "200" (line.attributes.speed = "200")' in problem.message
    (problem,) = attempt(mappings, line(1, "PLAN", speed=["100"])).made.problems
    assert "is no key of the list limits" in problem.message


def test_a_default_stands_in_for_what_is_absent() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC", limit=integer(), colour=text(), tag=text()),
        rule(
            "r",
            "PLAN",
            "SVC",
            limit=value("line.attributes.tier", list="limits", default=1),
            colour=value("line.attributes.colour", default="black"),
            tag=value("line.attributes.tag", default=None),
        ),
        DO,
        scenario("SVC", "do"),
        lists={"limits": {"S": 5}},
    )

    assert run(mappings, line(1, "PLAN", tier="XL")).line("SVC").attributes == {"limit": 1, "colour": "black"}


def test_a_value_without_default_that_fails_is_a_problem() -> None:
    (problem,) = attempt(
        the_set(
            commercial("PLAN"),
            technical("SVC", number=text()),
            rule("r", "PLAN", "SVC", number="line.attributes.phone"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN"),
    ).made.problems

    assert problem.code == "ATTRIBUTE"
    assert problem.where == "line 1 (PLAN)"
    assert problem.source == "rules.yaml:5"
    assert "'phone' is absent (line.attributes.phone is absent)" in problem.message


def test_the_default_of_the_technical_product_is_the_last_resort() -> None:
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("SVC", apn=text(required=True, default="internet")),
            rule("r", "PLAN", "SVC"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN"),
    )

    assert outcome.line("SVC").attributes == {"apn": "internet"}


def test_every_mandatory_attribute_without_a_value_is_named() -> None:
    outcome = attempt(
        the_set(
            commercial("PLAN"),
            technical("SVC", apn=text(required=True), imsi=text(required=True), tag=text()),
            rule("r", "PLAN", "SVC"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN"),
    )

    assert outcome.codes == ["MISSING_TECHNICAL_ATTRIBUTE"] * 2
    assert [problem.message for problem in outcome.made.problems] == [
        "The mandatory attribute apn has no value.",
        "The mandatory attribute imsi has no value.",
    ]
    assert outcome.made.problems[0].where == "T1 (SVC) from line 1 (PLAN)"


def test_what_an_item_fills_in_later_may_be_absent() -> None:
    run(
        the_set(
            commercial("PLAN"),
            technical("SVC", imsi=text(required=True), state=text(required=True), score=integer(required=True)),
            rule("r", "PLAN", "SVC"),
            plan("do", item("mark", sets={"state": "'on'"}), item("check", form=(field_of_form("score"),))),
            scenario("SVC", "do"),
            system("network", reserve=["imsi"]),
        ),
        line(1, "PLAN"),
    )


def test_a_value_of_the_wrong_type_is_the_rules_fault_and_said_so() -> None:
    outcome = attempt(
        the_set(
            commercial("PLAN"),
            technical("SVC", limit=integer(), size=text(values=("S", "L"))),
            rule("r", "PLAN", "SVC", limit="'many'", size="'XL'"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN"),
    )

    assert outcome.codes == ["WRONG_VALUE"] * 2
    assert outcome.made.problems[0].source == "rules.yaml:5"


def test_a_whole_number_stays_one_after_arithmetic() -> None:
    made = run(
        the_set(
            commercial("PLAN"),
            technical("SVC", limit=integer()),
            rule("r", "PLAN", "SVC", limit="line.quantity * 2.0"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN"),
    ).line("SVC")

    assert repr(made.attributes["limit"]) == "2"


# -- levels -----------------------------------------------------------------------------------------------


def test_technical_lines_are_decomposed_further() -> None:
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("CFS", tier=text()),
            technical("RFS", profile=text()),
            technical("PORT", name=text()),
            rule("1", "PLAN", "CFS", tier="line.attributes.tier"),
            rule("2", "CFS", "RFS", profile="'profile-' + line.attributes.tier"),
            rule("3", "RFS", "PORT", name="line.attributes.profile + '/1'"),
            DO,
            scenario("PORT", "do"),
        ),
        line(1, "PLAN", tier="S"),
    )

    assert outcome.products == ["CFS", "RFS", "PORT"]
    port = outcome.line("PORT")
    assert port.attributes == {"name": "profile-S/1"}
    assert (port.parents, port.sources, port.scope_key) == ((2,), ("L1",), "L1")


def test_a_line_is_decomposed_when_everything_has_been_merged_into_it() -> None:
    """PLAN leads to RFS directly and by way of CFS; RFS must see both before its own rule runs."""
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("CFS"),
            technical("RFS", scope=Scope.ORDER, load=integer(merge="sum")),
            technical("PORT", load=integer()),
            rule("a", "PLAN", "RFS", load="1"),
            rule("b", "PLAN", "CFS"),
            rule("c", "CFS", "RFS", load="10"),
            rule("d", "RFS", "PORT", load="line.attributes.load"),
            DO,
            scenario("PORT", "do"),
        ),
        line(1, "PLAN"),
        line(2, "PLAN"),
    )

    assert outcome.line("PORT").attributes == {"load": 22}
    assert outcome.line("RFS").parents == (2, 3)


def test_rules_in_a_ring_are_a_problem_and_end() -> None:
    ring = the_set(
        commercial("PLAN"),
        technical("A"),
        technical("B"),
        rule("start", "PLAN", "A"),
        rule("there", "A", "B"),
        rule("back", "B", "A"),
        DO,
        scenario("A", "do"),
        scenario("B", "do"),
    )

    (problem,) = attempt(ring, line(1, "PLAN")).made.problems
    assert problem.code == "RULE_RING"
    assert problem.where == "T2 (B)"


def test_a_ring_that_grows_new_keys_ends_too() -> None:
    ring = the_set(
        commercial("PLAN"),
        technical("A", scope_key="line.?scope_key.orValue('') + 'x'"),
        rule("start", "PLAN", "A"),
        rule("again", "A", "A"),
        DO,
        scenario("A", "do"),
    )

    assert attempt(ring, line(1, "PLAN")).codes == ["RULE_RING"]


def test_a_ring_that_no_order_walks_is_none() -> None:
    mappings = the_set(
        commercial("PLAN"),
        commercial("QUEST"),
        technical("A"),
        technical("B"),
        rule("p", "PLAN", "A"),
        rule("q", "QUEST", "B"),
        rule("there", "A", "B", when="line.attributes.?deep.orValue(false)"),
        rule("back", "B", "A", when="line.attributes.?deep.orValue(false)"),
        DO,
        scenario("A", "do"),
        scenario("B", "do"),
    )

    assert run(mappings, line(1, "PLAN"), line(2, "QUEST")).products == ["A", "B"]


def test_what_comes_to_a_line_too_late_is_a_problem() -> None:
    mappings = the_set(
        commercial("PLAN"),
        commercial("QUEST"),
        technical("A", scope=Scope.ORDER),
        technical("B"),
        rule("p", "PLAN", "A"),
        rule("q", "QUEST", "B"),
        rule("there", "A", "B", when="false"),
        rule("back", "B", "A"),
        DO,
        scenario("A", "do"),
        scenario("B", "do"),
    )

    assert attempt(mappings, line(1, "PLAN"), line(2, "QUEST")).codes == ["RULE_RING"]


def test_rules_see_what_is_installed() -> None:
    outcome = run(
        the_set(
            commercial("PLAN"),
            technical("SVC", previous=text()),
            rule("r", "PLAN", "SVC", when="has(inventory.number)", previous="inventory.number"),
            DO,
            scenario("SVC", "do"),
        ),
        line(1, "PLAN", Action.CHANGE, assetId="A"),
        inventory=[installed("SVC", "A", number="0664"), installed("SVC", "B", number="0999")],
    )

    assert outcome.line("SVC").attributes == {"number": "0664", "previous": "0664"}
