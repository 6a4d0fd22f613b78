"""What a plan grows by when what parked rules wait for has come."""

from __future__ import annotations

from dataclasses import replace

from connector.decomposition import decompose
from connector.decomposition.known import Known, line_key
from connector.mappings.set import MappingSet, PlanDefinition, Product, Rule, Scenario, Scope, System
from connector.model.commands import Record
from connector.model.order import Action
from connector.model.states import ItemType
from tests.decomposition.builder import (
    NOW,
    commercial,
    installed,
    integer,
    item,
    line,
    number,
    plan,
    rule,
    scenario,
    system,
    technical,
    text,
    the_set,
)
from tests.decomposition.growing import Growing


def fiber(*parts: Product | Rule | PlanDefinition | Scenario | System) -> MappingSet:
    """FIBER becomes ACCESS, whose item `ask` brings `tech` and `ports`, and BILL; `gpon` makes an ONT of ACCESS."""
    return the_set(
        commercial("FIBER", speed=integer()),
        technical("ACCESS", request="network", speed=integer()),
        technical("ONT", request="logistics", speed=integer(), sticker=text()),
        technical("MODEM"),
        technical("BILL", scope=Scope.ORDER, fee=number(merge="sum"), note=text()),
        rule("fiber-access", "FIBER", "ACCESS", speed="line.attributes.speed"),
        rule("fiber-bill", "FIBER", "BILL", fee="10"),
        rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"', xor="box", speed="line.attributes.speed"),
        system("net", ask=["tech", "ports"], measure=["loss"]),
        plan("access", item("ask", kind=ItemType.CALLOUT, interface="net.ask"), item("activate", after=["ask", "ship@bundle"])),
        plan("ont", item("pack"), item("ship", after=["pack", "ask@bundle"])),
        plan("bill", item("charge", scope=Scope.ORDER, after=["activate@order", "ship@order"])),
        scenario("ACCESS", "access"),
        scenario("ONT", "ont"),
        scenario("MODEM", "ont"),
        scenario("BILL", "bill"),
        *parts,
    )  # fmt: skip


def test_the_rule_fires_when_the_value_comes_and_the_plan_grows() -> None:
    growing = Growing.of(fiber(), line(1, "FIBER", speed=100))
    assert growing.graph() == {
        "ask ACCESS:L1": [],
        "activate ACCESS:L1": ["ask ACCESS:L1"],
        f"charge {growing.plan.id}": ["activate ACCESS:L1"],
    }

    assert growing.comes("ACCESS", tech="gpon") == ()

    ont = growing.line("ONT")
    assert (ont.no, ont.attributes, ont.parents, ont.sources) == (
        3,
        {"speed": 100},
        (growing.line("ACCESS").no,),
        ("L1",),
    )
    assert growing.graph() == {
        "ask ACCESS:L1": [],
        "activate ACCESS:L1": ["ask ACCESS:L1", "ship ONT:L1"],
        f"charge {growing.plan.id}": ["activate ACCESS:L1", "ship ONT:L1"],
        "pack ONT:L1": [],
        "ship ONT:L1": ["ask ACCESS:L1", "pack ONT:L1"],
    }
    assert growing.numbers() == [1, 2, 3, 4, 5]
    assert (growing.parked, growing.plan.late) == ([], {growing.line("ACCESS").no: {"tech": "gpon"}})
    assert growing.line("ACCESS").attributes["tech"] == "gpon"
    assert growing.history == ["plan grown: 1 technical lines and 2 items, by what came from a test"]


def test_only_what_is_new_or_changed_is_saved() -> None:
    growing = Growing.of(fiber(), line(1, "FIBER", speed=100))
    growing.comes("ACCESS", tech="gpon")

    assert growing.plan.changed_items.keys() == {2, 3, 4, 5}
    assert growing.plan.respecified == {2, 3}
    assert {growing.plan.lines[no].product for no in growing.plan.changed_lines} == {"ACCESS", "ONT"}


def test_the_explanation_is_extended_by_what_is_new() -> None:
    growing = Growing.of(fiber(), line(1, "FIBER", speed=100))
    growing.comes("ACCESS", tech="gpon")

    subjects = {each.subject.partition(".")[0] for each in growing.told}
    assert subjects == {"T1", "T3", "item 4", "item 5"}
    assert [(each.kind, each.subject, each.reason) for each in growing.told if each.subject.startswith("T1")] == [
        ("attribute", "T1.tech", 'is "gpon", from a test'),
        ("rule", "T1", "leads to ONT for L1"),
    ]


def test_a_rule_that_is_decided_against_is_decided_on_once() -> None:
    growing = Growing.of(fiber(), line(1, "FIBER", speed=100))

    growing.comes("ACCESS", tech="copper")
    assert (growing.parked, len(growing.plan.lines)) == ([], 2)
    assert [each.reason for each in growing.told if each.kind == "rule"] == ["its condition is false"]

    growing.comes("ACCESS", tech="gpon")
    assert [each.what for each in growing.commands if isinstance(each, Record)] == ["rules stay decided"]
    assert (len(growing.commands), len(growing.plan.lines)) == (1, 2)


def test_other_values_wake_nobody() -> None:
    growing = Growing.of(fiber(), line(1, "FIBER", speed=100))

    growing.comes("ACCESS", port="7", tech=None)

    assert (growing.commands, growing.parked) == ([], ["rule access-ont of T1 waits for tech"])
    assert growing.line("ACCESS").attributes["port"] == "7"


def test_a_rule_that_waits_for_two_values_fires_with_the_second() -> None:
    mappings = fiber(
        rule("access-modem", "ACCESS", "MODEM", when='line.attributes.tech == "vdsl" && line.attributes.ports > 1')
    )
    growing = Growing.of(mappings, line(1, "FIBER", speed=100))

    growing.comes("ACCESS", ports=2)
    assert growing.parked == ["rule access-modem of T1 waits for tech", "rule access-ont of T1 waits for tech"]

    growing.comes("ACCESS", tech="vdsl")
    assert (growing.parked, growing.line("MODEM").no) == ([], 3)


def test_the_first_value_counts_for_good() -> None:
    mappings = fiber(
        rule("access-modem", "ACCESS", "MODEM", when='line.attributes.tech == "vdsl" && line.attributes.ports > 1')
    )
    growing = Growing.of(mappings, line(1, "FIBER", speed=100))

    growing.comes("ACCESS", ports=1)
    growing.comes("ACCESS", ports=4)
    growing.comes("ACCESS", tech="vdsl")

    assert growing.line("ACCESS").attributes["ports"] == 4
    assert "MODEM" not in {each.product for each in growing.plan.lines.values()}


def test_the_rules_behind_a_parked_one_are_decided_on_with_it() -> None:
    other = rule("box-else", "ACCESS", "MODEM", xor="box", priority=200)
    last = rule("box-last", "ACCESS", "MODEM", xor="box", priority=300)
    for tech, made in (("gpon", "ONT"), ("copper", "MODEM")):
        growing = Growing.of(fiber(other, last), line(1, "FIBER", speed=100))
        assert growing.parked[1:] == [
            "rule box-else of T1 waits for the rule access-ont",
            "rule box-last of T1 waits for the rule access-ont",
        ]

        growing.comes("ACCESS", tech=tech)

        assert [each.product for each in growing.plan.lines.values()][2:] == [made]
        assert growing.parked == []


def test_what_a_held_back_rule_reads_is_kept_until_it_is_its_turn() -> None:
    behind = rule("box-modem", "ACCESS", "MODEM", when="line.attributes.ports > 1", xor="box", priority=200)
    growing = Growing.of(fiber(behind), line(1, "FIBER", speed=100))

    growing.comes("ACCESS", ports=2)
    assert growing.parked == [
        "rule access-ont of T1 waits for tech",
        "rule box-modem of T1 waits for the rule access-ont",
    ]
    growing.comes("ACCESS", tech="copper")

    assert growing.line("MODEM").no == 3


def test_grown_lines_have_parked_rules_of_their_own() -> None:
    mappings = fiber(
        technical("SFP"),
        system("lab", measure=["loss"]),
        plan("check-ont", item("measure", kind=ItemType.CALLOUT, interface="lab.measure")),
        scenario("ONT", "check-ont"),
        scenario("SFP", "ont"),
        rule("ont-sfp", "ONT", "SFP", when="line.attributes.loss > 3"),
    )
    growing = Growing.of(mappings, line(1, "FIBER", speed=100))

    growing.comes("ACCESS", tech="gpon")
    assert growing.parked == ["rule ont-sfp of T3 waits for loss"]
    growing.comes("ONT", loss=5)

    assert (growing.line("SFP").no, growing.line("SFP").parents) == (4, (3,))
    assert growing.parked == []


def test_lines_that_a_late_rule_leads_to_are_merged() -> None:
    mappings = fiber(rule("access-bill", "ACCESS", "BILL", fee="line.attributes.ports", note='"ports"'))
    growing = Growing.of(mappings, line(1, "FIBER", speed=100), line(2, "FIBER", speed=50))
    assert growing.line("BILL").attributes == {"fee": 20}

    growing.comes(1, ports=3)
    assert growing.line("BILL").attributes == {"fee": 23, "note": "ports"}
    growing.comes(3, ports=4)
    assert growing.line("BILL").attributes == {"fee": 27, "note": "ports"}
    assert growing.line("BILL").parents == (1, 3)


def test_a_line_under_way_takes_only_what_it_has_no_value_for() -> None:
    mappings = fiber(rule("access-bill", "ACCESS", "BILL", note="string(line.attributes.ports)"))
    growing = Growing.of(mappings, line(1, "FIBER", speed=100))
    growing.begins("charge", billId="B1")

    assert growing.comes("ACCESS", ports=3) == ()

    assert growing.line("BILL").attributes == {"fee": 10, "billId": "B1", "note": "3"}


def test_another_value_for_a_line_under_way_is_a_problem_and_changes_nothing() -> None:
    mappings = fiber(rule("access-bill", "ACCESS", "BILL", fee="line.attributes.ports"))
    growing = Growing.of(mappings, line(1, "FIBER", speed=100))
    growing.begins("charge")
    before = (growing.line("BILL"), growing.line("ACCESS"), growing.parked, growing.numbers())

    (problem,) = growing.comes("ACCESS", ports=3, tech="gpon")

    assert problem.code == "LATE_CONFLICT"
    assert "fee would become 13, and is 10 (3 charge)" in problem.message
    assert (growing.line("BILL"), growing.line("ACCESS"), growing.parked, growing.numbers()) == before


def test_what_an_item_has_put_out_is_no_conflict() -> None:
    mappings = fiber(rule("access-bill", "ACCESS", "BILL", note="string(line.attributes.ports)"))
    growing = Growing.of(mappings, line(1, "FIBER", speed=100))
    growing.begins("charge", note="paid")

    assert growing.comes("ACCESS", ports=3) == ()
    assert growing.line("BILL").attributes["note"] == "paid"


def test_a_line_that_needed_nothing_gets_its_items_when_it_changes_after_all() -> None:
    mappings = fiber(rule("access-bill", "ACCESS", "BILL", note="string(line.attributes.ports)"))
    growing = Growing.of(
        mappings,
        line(1, "FIBER", speed=100),
        inventory=[installed("BILL", "801xx", fee=10)],
    )
    assert (growing.line("BILL").action, "charge" in {each.key for each in growing.plan.items.values()}) == (
        Action.NO_CHANGE,
        False,
    )

    growing.comes("ACCESS", ports=3)

    assert growing.line("BILL").action is Action.CHANGE
    assert growing.item("charge").no == 3
    assert growing.line("BILL").changes["note"].new == "3"


def test_an_item_that_has_begun_does_not_wait_and_the_explanation_says_so() -> None:
    growing = Growing.of(fiber(), line(1, "FIBER", speed=100))
    growing.begins("activate")

    growing.comes("ACCESS", tech="gpon")

    assert growing.item("activate").after == (1,)
    assert growing.item("charge").after == (2, 5)
    assert [each.reason for each in growing.told if not each.taken] == [
        "does not wait for item 5, which came later: it has begun already"
    ]


def test_what_was_installed_when_the_order_began_is_compared_with() -> None:
    growing = Growing.of(
        fiber(), line(1, "FIBER", Action.ADD, assetId="A", speed=100), inventory=[installed("ONT", "A", speed=50)]
    )

    growing.comes("ACCESS", tech="gpon")

    assert (growing.line("ONT").action, growing.line("ONT").changes["speed"].old) == (Action.CHANGE, 50)


def test_what_is_wrong_with_what_came_is_a_problem_and_changes_nothing() -> None:
    mappings = fiber(
        rule("access-modem", "ACCESS", "MODEM", when="line.attributes.ports > 1", none="line.attributes.nowhere")
    )
    growing = Growing.of(
        replace(mappings, products={**mappings.products, "MODEM": technical("MODEM", none=text(required=True))}),
        line(1, "FIBER", speed=100),
    )

    (problem,) = growing.comes("ACCESS", ports=2)

    assert (problem.code, problem.where) == ("ATTRIBUTE", "T1 (ACCESS)")
    assert (len(growing.plan.lines), growing.plan.late, len(growing.parked)) == (2, {}, 2)


def test_a_rule_that_no_longer_holds_takes_what_is_installed_away() -> None:
    growing = Growing.of(
        fiber(),
        line(1, "FIBER", Action.CHANGE, assetId="A", speed=100),
        inventory=[installed("ONT", "A", speed=50), installed("ACCESS", "A", speed=50)],
    )
    assert "ONT" not in {each.product for each in growing.plan.lines.values()}

    growing.comes("ACCESS", tech="copper")

    assert growing.line("ONT").action is Action.DISCONNECT


def test_what_a_parked_rule_may_still_lead_to_is_not_taken_away() -> None:
    modem = rule("access-modem", "ACCESS", "MODEM", when="line.attributes.ports > 2", xor="box", priority=200)
    plain = rule("access-none", "ACCESS", "ONT", xor="box", priority=300)
    inventory = [installed(product, "A1", speed=9) for product in ("ACCESS", "ONT")]
    changing = line(1, "FIBER", Action.CHANGE, attributes={"assetId": "A1", "speed": 1})

    stays = Growing.of(fiber(modem, plain), changing, inventory=inventory)
    assert stays.comes("ACCESS", tech="vdsl") == ()
    assert [each.product for each in stays.plan.lines.values()] == ["ACCESS", "BILL"]
    assert "ONT stays until a rule that is parked is decided on" in {each.reason for each in stays.told}
    assert stays.comes("ACCESS", ports=0) == ()
    assert stays.line("ONT").action is Action.NO_CHANGE

    goes = Growing.of(fiber(modem, plain), changing, inventory=inventory)
    assert goes.comes("ACCESS", tech="vdsl") == ()
    assert goes.comes("ACCESS", ports=4) == ()
    assert goes.line("ONT").action is Action.DISCONNECT


def test_growing_gives_the_same_again_from_what_was_kept() -> None:
    growing = Growing.of(fiber(), line(1, "FIBER", speed=100), line(2, "FIBER", speed=50))
    growing.comes(1, tech="gpon")
    growing.comes(3, tech="copper")
    plan_ = growing.plan

    made = decompose(plan_.order, (), growing.mappings, NOW, Known.of(plan_))

    assert {each.no: line_key(each) for each in made.lines} == {no: line_key(each) for no, each in plan_.lines.items()}
    assert {each.no: each.after for each in made.items} == {no: each.after for no, each in plan_.items.items()}
    assert made.parked == plan_.parked
