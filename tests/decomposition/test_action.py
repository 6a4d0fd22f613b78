"""As-is against to-be: Add, Change, Disconnect, NoChange."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.mappings.set import MappingSet, Scope
from connector.model.json import JsonObject
from connector.model.order import Action
from connector.model.technical import AttributeChange
from tests.decomposition.builder import (
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
    value,
)

ADD, CHANGE, DISCONNECT, NO_CHANGE = Action.ADD, Action.CHANGE, Action.DISCONNECT, Action.NO_CHANGE
DO = plan("do", item("do"))


def mobile() -> MappingSet:
    """A plan with a service (tier, number, limit) and, unless the SIM is an eSIM, a SIM card."""
    return the_set(
        commercial("PLAN"),
        technical(
            "SVC",
            tier=text(required=True),
            number=text(),
            limit=integer(compare=False),
            apn=text(default="internet"),
            iccid=text(),
        ),
        technical("SIM", kind=text()),
        rule(
            "svc",
            "PLAN",
            "SVC",
            tier="line.attributes.tier",
            number=value("line.attributes.number", default="any"),
            limit=value("line.attributes.tier", list="limits", default=0),
        ),
        rule("sim", "PLAN", "SIM", when='line.attributes.sim == "physical"', kind="line.attributes.sim"),
        DO,
        scenario("SVC", "do"),
        scenario("SIM", "do"),
        lists={"limits": {"S": 5, "L": 20}},
    )


SVC = installed("SVC", "A", tier="S", number="0664", limit=5, iccid="89-1")
SIM = installed("SIM", "A", kind="physical")


def test_nothing_installed_is_an_add() -> None:
    made = run(mobile(), line(1, "PLAN", tier="S", sim="esim")).line("SVC")

    assert (made.action, made.changes) == (ADD, {})
    assert made.attributes == {"tier": "S", "number": "any", "limit": 5, "apn": "internet"}


def test_a_difference_is_a_change_with_the_old_and_the_new_value() -> None:
    made = run(mobile(), line(1, "PLAN", CHANGE, assetId="A", tier="L"), inventory=[SVC]).line("SVC")

    assert made.action is CHANGE
    assert made.changes == {"tier": AttributeChange(old="S", new="L"), "limit": AttributeChange(old=5, new=20)}
    assert made.attributes == {"tier": "L", "number": "0664", "limit": 20, "apn": "internet", "iccid": "89-1"}


def test_what_a_change_line_does_not_speak_of_stays_and_no_default_overrules_it() -> None:
    outcome = run(mobile(), line(1, "PLAN", CHANGE, assetId="A", tier="L"), inventory=[SVC])

    (decision,) = outcome.decisions("attribute", "T1.number")[:1]
    assert not decision.taken
    assert decision.reason == "stays \"0664\" as installed ('number' is absent)"


def test_no_difference_is_no_change_whatever_the_line_says() -> None:
    for action in (ADD, CHANGE, NO_CHANGE):
        made = run(mobile(), line(1, "PLAN", action, assetId="A", tier="S", number="0664"), inventory=[SVC]).line("SVC")
        assert (made.action, made.changes) == (NO_CHANGE, {})


def test_enrichment_that_changes_a_value_makes_a_change_of_a_line_that_was_none() -> None:
    made = run(mobile(), line(1, "PLAN", NO_CHANGE, assetId="A", tier="L"), inventory=[SVC]).line("SVC")

    assert made.action is CHANGE


def test_attributes_can_opt_out_of_the_comparison() -> None:
    old = installed("SVC", "A", tier="S", number="0664", limit=4)
    outcome = run(mobile(), line(1, "PLAN", NO_CHANGE, assetId="A", tier="S"), inventory=[old])

    made = outcome.line("SVC")
    assert (made.action, made.changes, made.attributes["limit"]) == (NO_CHANGE, {}, 5)
    assert outcome.decisions("action", "T1")[0].reason.endswith("differs only in what is not compared (limit)")


def test_an_item_from_before_an_attribute_existed_counts_as_having_its_default() -> None:
    assert "apn" not in SVC.attributes
    made = run(mobile(), line(1, "PLAN", NO_CHANGE, assetId="A", tier="S"), inventory=[SVC]).line("SVC")

    assert made.action is NO_CHANGE
    assert made.attributes["apn"] == "internet"


def test_a_disconnect_carries_what_is_installed() -> None:
    outcome = run(mobile(), line(1, "PLAN", DISCONNECT, assetId="A"), inventory=[SVC, SIM])

    assert [(made.product, made.action) for made in outcome.made.lines] == [("SIM", DISCONNECT), ("SVC", DISCONNECT)]
    assert outcome.line("SVC").attributes == {**SVC.attributes, "apn": "internet"}
    assert outcome.line("SIM").attributes == SIM.attributes


def test_a_disconnect_of_what_nobody_knows_follows_the_line() -> None:
    outcome = run(mobile(), line(1, "PLAN", DISCONNECT, tier="S", sim="esim"))

    assert outcome.products == ["SVC"]
    assert outcome.line("SVC").attributes["tier"] == "S"


def test_a_disconnect_takes_only_what_is_there() -> None:
    """The SIM's condition can't be evaluated on a line that says nothing, and no SIM is installed."""
    assert run(mobile(), line(1, "PLAN", DISCONNECT, assetId="A"), inventory=[SVC]).products == ["SVC"]


def test_a_rule_that_excludes_disconnects_is_obeyed() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC"),
        technical("KIT"),
        rule("svc", "PLAN", "SVC"),
        rule("kit", "PLAN", "KIT", when='line.action != "Disconnect"'),
        DO,
        scenario("SVC", "do"),
        scenario("KIT", "do"),
    )
    inventory = [installed("SVC", "A"), installed("KIT", "A")]

    assert run(mappings, line(1, "PLAN", DISCONNECT, assetId="A"), inventory=inventory).products == ["SVC"]


# -- parts that come and go with a change -------------------------------------------------------------------


def test_a_change_to_something_that_has_one_part_more_adds_it() -> None:
    outcome = run(mobile(), line(1, "PLAN", CHANGE, assetId="A", tier="S", sim="physical"), inventory=[SVC])

    assert outcome.line("SIM").action is ADD
    assert outcome.decisions("action", "T1")[0].reason == (
        "Add: the asset is installed, but this part of it is not yet"
    )


def test_a_change_to_something_that_has_one_part_less_disconnects_it() -> None:
    outcome = run(mobile(), line(1, "PLAN", CHANGE, assetId="A", tier="S", sim="esim"), inventory=[SVC, SIM])

    sim = outcome.line("SIM")
    assert (sim.action, sim.attributes) == (DISCONNECT, {"kind": "physical"})
    assert any("no longer leads to SIM" in each.reason for each in outcome.decisions("rule", "line 1"))


def test_a_change_that_says_nothing_of_a_part_leaves_it_alone() -> None:
    assert run(mobile(), line(1, "PLAN", CHANGE, assetId="A", tier="L"), inventory=[SVC, SIM]).products == ["SVC"]


def only_adds() -> MappingSet:
    return the_set(
        commercial("PLAN"),
        technical("SVC", tier=text()),
        technical("KIT"),
        technical("SHARED", scope=Scope.ACCOUNT),
        rule("svc", "PLAN", "SVC", tier="line.attributes.tier"),
        rule("kit", "PLAN", "KIT", when='line.action == "Add" && line.attributes.tier != "none"'),
        rule("shared", "PLAN", "SHARED", when='line.attributes.tier == "S"'),
        DO,
        *(scenario(code, "do") for code in ("SVC", "KIT", "SHARED")),
    )


def test_a_rule_for_adds_only_leaves_its_part_alone_on_a_change() -> None:
    inventory = [installed("SVC", "A", tier="S"), installed("KIT", "A")]

    assert run(only_adds(), line(1, "PLAN", CHANGE, assetId="A", tier="L"), inventory=inventory).products == ["SVC"]


def test_what_others_may_still_need_is_not_disconnected_by_one_change() -> None:
    inventory = [installed("SVC", "A", tier="S"), installed("SHARED", "001xx")]

    assert run(only_adds(), line(1, "PLAN", CHANGE, assetId="A", tier="L"), inventory=inventory).products == ["SVC"]


def test_the_loser_of_an_xor_group_goes_when_the_winner_changes() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("FIBER"),
        technical("COPPER"),
        rule("1", "PLAN", "FIBER", when="line.attributes.fiber", xor="access"),
        rule("2", "PLAN", "COPPER", xor="access"),
        DO,
        scenario("FIBER", "do"),
        scenario("COPPER", "do"),
    )
    outcome = run(mappings, line(1, "PLAN", CHANGE, assetId="A", fiber=True), inventory=[installed("COPPER", "A")])

    assert {made.product: made.action for made in outcome.made.lines} == {"FIBER": ADD, "COPPER": DISCONNECT}


def test_a_part_that_another_rule_still_leads_to_stays() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SIM", kind=text()),
        rule("esim", "PLAN", "SIM", when='line.attributes.sim == "esim"', kind="'esim'"),
        rule("physical", "PLAN", "SIM", when='line.attributes.sim == "physical"', kind="'physical'"),
        DO,
        scenario("SIM", "do"),
    )
    outcome = run(
        mappings, line(1, "PLAN", CHANGE, assetId="A", sim="esim"), inventory=[installed("SIM", "A", kind="physical")]
    )

    sim = outcome.line("SIM")
    assert (sim.action, sim.attributes) == (CHANGE, {"kind": "esim"})


def test_actions_go_down_the_levels() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("CFS", tier=text()),
        technical("RFS", profile=text()),
        technical("MAIL"),
        rule("1", "PLAN", "CFS", tier="line.attributes.tier"),
        rule("2", "CFS", "RFS", profile="line.attributes.tier"),
        rule("3", "CFS", "MAIL", when='line.attributes.tier == "L"'),
        DO,
        scenario("RFS", "do"),
        scenario("MAIL", "do"),
    )
    small = [installed("CFS", "A", tier="S"), installed("RFS", "A", profile="S")]
    large = [installed("CFS", "A", tier="L"), installed("RFS", "A", profile="L"), installed("MAIL", "A")]

    def actions(action: Action, inventory: list[object], **attributes: str) -> JsonObject:
        outcome = run(mappings, line(1, "PLAN", action, assetId="A", **attributes), inventory=inventory)  # type: ignore[arg-type]
        return {made.product: made.action.value for made in outcome.made.lines}

    assert actions(CHANGE, [*small], tier="L") == {"CFS": "Change", "RFS": "Change", "MAIL": "Add"}
    assert actions(CHANGE, [*large], tier="S") == {"CFS": "Change", "RFS": "Change", "MAIL": "Disconnect"}
    assert actions(DISCONNECT, [*large]) == {"CFS": "Disconnect", "RFS": "Disconnect", "MAIL": "Disconnect"}
    assert actions(NO_CHANGE, [*large]) == {"CFS": "NoChange", "RFS": "NoChange", "MAIL": "NoChange"}


# -- where there is nothing to compare with -------------------------------------------------------------------


def test_a_change_of_what_nobody_knows_follows_the_line_and_changes_everything() -> None:
    made = run(mobile(), line(1, "PLAN", CHANGE, assetId="X", tier="L", sim="esim"), inventory=[SVC]).line("SVC")

    assert made.action is CHANGE
    assert made.changes["tier"] == AttributeChange(old=None, new="L")


def test_a_change_of_what_nobody_knows_must_be_complete() -> None:
    assert attempt(mobile(), line(1, "PLAN", CHANGE, assetId="X", sim="esim")).codes == ["ATTRIBUTE"]


def test_a_line_that_changes_nothing_of_what_nobody_knows_does_nothing() -> None:
    outcome = run(mobile(), line(1, "PLAN", NO_CHANGE, assetId="X", sim="esim"))

    assert outcome.line("SVC").action is NO_CHANGE
    assert not outcome.made.items


@pytest.mark.parametrize(("status", "account"), [("Inactive", None), ("Active", "001yy")])
def test_what_is_not_active_or_not_of_the_account_is_not_installed(status: str, account: str | None) -> None:
    gone = replace(SVC, status=status, account=account or SVC.account)

    assert run(mobile(), line(1, "PLAN", assetId="A", tier="S", sim="esim"), inventory=[gone]).line("SVC").action is ADD


def test_a_sub_action_is_a_change_even_if_no_value_differs() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("CFS"),
        technical("RFS"),
        rule("1", "PLAN", "CFS"),
        rule("2", "CFS", "RFS"),
        DO,
        scenario("RFS", "do", when='order.attributes.?x.orValue("") == "" && line.action == "Change"'),
    )
    outcome = run(
        mappings,
        line(1, "PLAN", CHANGE, assetId="A", sub_action="Suspend"),
        inventory=[installed("CFS", "A"), installed("RFS", "A")],
    )

    assert [made.action for made in outcome.made.lines] == [CHANGE, CHANGE]


def test_a_quantity_that_may_have_changed_is_a_change() -> None:
    mappings = the_set(
        commercial("SEAT"),
        technical("LICENCE", quantity="sum"),
        rule("1", "SEAT", "LICENCE"),
        DO,
        scenario("LICENCE", "do"),
    )
    made = run(mappings, line(1, "SEAT", CHANGE, assetId="A", quantity=7), inventory=[installed("LICENCE", "A")]).line(
        "LICENCE"
    )

    assert (made.action, made.quantity) == (CHANGE, 7)


def test_an_explicit_null_takes_a_value_away() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC", number=text(), note=attribute(default="none")),
        rule("1", "PLAN", "SVC", number="line.attributes.number", note="line.attributes.note"),
        DO,
        scenario("SVC", "do"),
    )
    made = run(
        mappings,
        line(1, "PLAN", CHANGE, assetId="A", number=None, note=None),
        inventory=[installed("SVC", "A", number="0664", note="call first")],
    ).line("SVC")

    assert made.attributes == {"note": "none"}
    assert made.changes == {
        "number": AttributeChange(old="0664", new=None),
        "note": AttributeChange(old="call first", new="none"),
    }


def test_a_mandatory_value_can_not_be_taken_away() -> None:
    mappings = the_set(
        commercial("PLAN"),
        technical("SVC", number=text(required=True)),
        rule("1", "PLAN", "SVC", number="line.attributes.number"),
        DO,
        scenario("SVC", "do"),
    )
    outcome = attempt(
        mappings, line(1, "PLAN", CHANGE, assetId="A", number=None), inventory=[installed("SVC", "A", number="0664")]
    )

    assert outcome.codes == ["MISSING_TECHNICAL_ATTRIBUTE"]


def test_inventory_that_can_not_be_used_is_a_problem() -> None:
    outcome = attempt(
        mobile(), line(1, "PLAN", tier="S", sim="esim"), inventory=[installed("SVC", "A", number="\ud800")]
    )

    assert outcome.codes == ["UNUSABLE_VALUE"]
    assert outcome.made.problems[0].where == "inventory"
