"""Values that rules have waited for come by an item: the plan grows, or the item has failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connector.mappings.policies import Queue
from connector.mappings.set import (
    PLAN,
    Completion,
    InboundEvent,
    MappingSet,
    PlanDefinition,
    Product,
    Rule,
    Scenario,
    System,
)
from connector.model.commands import (
    AnswerCommand,
    ClearTimers,
    ExplainMore,
    InvokeCallout,
    RaiseFallout,
    Record,
)
from connector.model.events import (
    CallbackArrived,
    CalloutAccepted,
    Operation,
    OrderRead,
    RevisionRead,
)
from connector.model.ids import LineId, OrderId
from connector.model.order import InventoryItem
from connector.model.states import ItemState, ItemType, PlanState
from connector.model.technical import TechnicalLine
from connector.orchestrator.machine import begin
from tests.decomposition.builder import (
    NOW,
    cel,
    commercial,
    field_of_form,
    installed,
    integer,
    item,
    line,
    order,
    plan,
    rule,
    scenario,
    system,
    technical,
    text,
    the_set,
)
from tests.orchestrator.telling import Keyed


def fiber(*parts: Product | Rule | PlanDefinition | Scenario | System, required: bool = False) -> MappingSet:
    """FIBER becomes ACCESS, which is asked for its technology before it is activated; `gpon` makes an ONT of it."""
    made = the_set(
        commercial("FIBER"),
        technical("ACCESS"),
        technical("ONT", maker=text(required=True)),
        rule("fiber-access", "FIBER", "ACCESS"),
        replace(
            rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"', maker="line.attributes.maker"),
            required=required,
        ),
        system("net", ask=["tech", "maker"], activate=[], ship=[]),
        plan(
            "access",
            item("ask", kind=ItemType.CALLOUT, interface="net.ask"),
            item("activate", kind=ItemType.CALLOUT, interface="net.activate", after=["ask", "ship@bundle"]),
        ),
        plan("ont", item("ship", kind=ItemType.CALLOUT, interface="net.ship")),
        scenario("ACCESS", "access"),
        scenario("ONT", "ont"),
        *parts,
    )
    queues = {"desk": Queue(name="desk", developer_name="Desk", label="The desk")}
    return replace(made, queues=queues, fallout_queue="Fallout")


class Story(Keyed):
    """An order under way, decomposed by rules that wait."""

    @classmethod
    def of(cls, mappings: MappingSet, *inventory: InventoryItem, **attributes: Any) -> Story:
        event = OrderRead(order=order(line(1, "FIBER", **attributes)), inventory=inventory)
        made, commands, _ = begin(event, NOW, mappings)
        assert made.state is PlanState.IN_PROGRESS, made.message
        made.saved()
        return cls(mappings, made, NOW, commands)

    def commanded(self, key: str, operation: Operation, **outputs: Any) -> AnswerCommand:
        self.told(operation, self.item(key), by="Olga", outputs=outputs)
        return self.answer()

    def calls(self) -> list[str]:
        return [self.plan.items[command.item].key for command in self.asked(InvokeCallout)]

    @property
    def history(self) -> list[str]:
        return [f"{each.what}: {each.detail}" for each in self.asked(Record)]


def test_the_plan_grows_and_what_can_begin_begins() -> None:
    story = Story.of(fiber())
    assert "plan made: 1 technical lines, 2 items, 1 rules that wait for what items will bring" in story.history

    story.succeed("ask", tech="gpon", maker="Acme")

    assert story.calls() == ["ship"]
    assert story.history[:2] == [
        "plan grown: 1 technical lines and 1 items, by what came from item 1 (ask)",
        "completed: tech=gpon, maker=Acme",
    ]
    assert len(story.asked(ExplainMore)) == 1
    assert (story.state("activate"), story.item("activate").after) == (ItemState.PENDING, (1, 3))

    story.succeed("ship")
    assert story.calls() == ["activate"]
    story.succeed("activate")
    assert story.plan.state is PlanState.COMPLETED


def test_a_rule_that_is_decided_against_holds_nothing_up() -> None:
    story = Story.of(fiber())

    story.succeed("ask", tech="copper", maker="Acme")

    assert story.calls() == ["activate"]
    assert story.plan.parked == ()


def test_a_rule_that_never_fired_is_told_when_the_plan_ends() -> None:
    story = Story.of(fiber())

    story.succeed("ask")
    story.succeed("activate")

    assert story.plan.state is PlanState.COMPLETED
    assert "rule never fired: rule access-ont of T1 waits for tech" in story.history
    (added,) = story.asked(ExplainMore)
    assert [each.reason for each in added.explanation.decisions] == ["never fired: tech never came"]


def test_an_item_whose_values_lead_to_a_problem_has_failed() -> None:
    story = Story.of(fiber())

    story.succeed("ask", tech="gpon", maker=7)

    assert story.state("ask") is ItemState.FATALLY_FAILED
    (raised,) = story.asked(RaiseFallout)
    assert (raised.failure.code, raised.item) == ("WRONG_VALUE", 1)
    assert len(story.plan.lines) == 1
    assert "tech" not in story.plan.lines[story.plan.parked[0].line].attributes
    assert story.calls() == []


def test_a_person_completes_it_with_values_that_do() -> None:
    story = Story.of(fiber())
    story.succeed("ask", tech="gpon", maker=7)

    answer = story.commanded("ask", Operation.COMPLETE, tech="gpon", maker=8)
    assert answer.answer == "Refused"
    assert "can't have what the rule access-ont gives: 8 is not a text" in answer.message
    assert story.state("ask") is ItemState.FATALLY_FAILED

    assert story.commanded("ask", Operation.COMPLETE, tech="gpon", maker="Acme").answer == "Done"
    assert story.calls() == ["ship"]


def test_a_late_callback_of_a_failed_item_may_bring_what_can_be_used() -> None:
    awaited = plan("wait", item("probe", kind=ItemType.CALLOUT, interface="net.ask"))
    mappings = fiber(awaited)
    definition = mappings.plans["access"].items["ask"]
    event = InboundEvent(name="asked", system="net", when=cel("true"), outputs={"tech": cel("1"), "maker": cel("1")})
    asks = replace(definition, completes=Completion(on="net.asked"))
    mappings = replace(
        mappings,
        systems={"net": replace(mappings.systems["net"], events={"asked": event})},
        plans={
            **mappings.plans,
            "access": replace(mappings.plans["access"], items={**mappings.plans["access"].items, "ask": asks}),
        },
    )
    story = Story.of(mappings)

    story.happens(CalloutAccepted(item=story.item("ask").no, epoch=1, attempt=1, outputs={"tech": "gpon", "maker": 7}))
    assert story.state("ask") is ItemState.FATALLY_FAILED
    told: dict[str, Any] = {"tech": "gpon", "maker": 9}
    story.happens(CallbackArrived(item=story.item("ask").no, epoch=1, name="net.asked", outputs=told))
    assert story.state("ask") is ItemState.FATALLY_FAILED
    assert story.asked(RaiseFallout)[0].failure.message.endswith("9 is not a text.")

    told = {"tech": "gpon", "maker": "Acme"}
    story.happens(CallbackArrived(item=story.item("ask").no, epoch=1, name="net.asked", outputs=told))
    assert (story.state("ask"), story.calls()) == (ItemState.COMPLETED, ["ship"])


def test_what_is_accepted_with_values_makes_the_plan_grow_already() -> None:
    story = Story.of(fiber())

    story.happens(
        CalloutAccepted(item=story.item("ask").no, epoch=1, attempt=1, outputs={"tech": "gpon", "maker": "A"})
    )

    assert (story.state("ask"), story.calls()) == (ItemState.RUNNING, ["ship"])


def test_corrected_values_for_a_retry_count_as_well() -> None:
    story = Story.of(fiber())
    story.succeed("ask", tech="gpon", maker=7)

    assert story.commanded("ask", Operation.RETRY, tech="gpon", maker=8).answer == "Refused"
    assert story.commanded("ask", Operation.RETRY, tech="gpon", maker="Acme").answer == "Done"

    assert sorted(story.calls()) == ["ask", "ship"]


def test_the_item_that_fails_to_bring_what_is_required_has_failed() -> None:
    story = Story.of(fiber(required=True))

    story.succeed("ask", tech="gpon")

    assert story.state("ask") is ItemState.FATALLY_FAILED
    (raised,) = story.asked(RaiseFallout)
    assert raised.failure.code == "RULE_NEVER_FIRED"
    assert "access-ont is required, and what it waits for has not come: maker" in raised.failure.message
    assert story.commanded("ask", Operation.COMPLETE, tech="gpon").answer == "Refused"

    assert story.commanded("ask", Operation.COMPLETE, tech="gpon", maker="Acme").answer == "Done"
    assert story.calls() == ["ship"]


def test_what_is_required_may_be_done_without_when_a_person_says_so() -> None:
    story = Story.of(fiber(required=True))
    story.succeed("ask")

    assert story.commanded("ask", Operation.SKIP).answer == "Done"
    story.succeed("activate")

    assert story.plan.state is PlanState.COMPLETED
    assert "rule never fired: rule access-ont of T1 waits for tech" in story.history


def test_another_item_may_still_bring_what_is_required() -> None:
    later = plan("later", item("look", kind=ItemType.MANUAL, queue="desk", after=["ask@line"], form=(field_of_form("tech"), field_of_form("maker"))))  # fmt: skip
    story = Story.of(fiber(later, scenario("ACCESS", "later"), required=True))

    story.succeed("ask")
    assert story.state("ask") is ItemState.COMPLETED

    assert story.commanded("look", Operation.COMPLETE).answer == "Refused"
    assert story.commanded("look", Operation.COMPLETE, tech="gpon", maker="Acme").answer == "Done"
    assert story.calls() == ["ship"]


def test_that_the_last_item_is_not_wanted_is_fallout_too() -> None:
    mappings = fiber(required=True)
    definition = mappings.plans["access"].items["ask"]
    never = replace(definition, when=cel("false", PLAN))
    items = {**mappings.plans["access"].items, "ask": never}
    story = Story.of(
        replace(mappings, plans={**mappings.plans, "access": replace(mappings.plans["access"], items=items)})
    )

    assert story.state("ask") is ItemState.FATALLY_FAILED
    assert story.commanded("ask", Operation.SKIP).answer == "Done"
    assert story.state("activate") is ItemState.RUNNING


def test_what_was_installed_when_the_order_began_is_compared_with() -> None:
    story = Story.of(fiber(), installed("ONT", "A", maker="Acme"), assetId="A")

    story.succeed("ask", tech="gpon", maker="Acme")

    assert [each.action for each in story.plan.lines.values() if each.product == "ONT"] == ["NoChange"]
    assert story.calls() == ["activate"]


def test_another_value_later_does_not_decide_anew_and_is_told() -> None:
    again = plan("again", item("verify", kind=ItemType.CALLOUT, interface="net.ask", after=["ask@line"]))
    story = Story.of(fiber(again, scenario("ACCESS", "again")))
    story.succeed("ask", tech="copper", maker="Acme")

    story.succeed("verify", tech="gpon")

    assert "ONT" not in {each.product for each in story.plan.lines.values()}
    told = 'rules stay decided: tech is "gpon" now; what waited for it was decided with "copper"'
    assert told in story.history


def test_an_item_that_waits_for_its_time_waits_for_the_new_ones_as_well() -> None:
    mappings = fiber()
    items = dict(mappings.plans["access"].items)
    items["activate"] = replace(items["activate"], not_before=cel("now + duration('1h')", PLAN))
    items["ask"] = replace(items["ask"], completes=Completion(on="net.asked"))
    plans = {**mappings.plans, "access": replace(mappings.plans["access"], items=items)}
    mappings = replace(mappings, plans=plans)
    items["activate"] = replace(items["activate"], after=items["activate"].after[1:])
    story = Story.of(mappings)
    assert story.state("activate") is ItemState.SCHEDULED

    accepted = CalloutAccepted(item=story.item("ask").no, epoch=1, attempt=1, outputs={"tech": "gpon", "maker": "A"})
    story.happens(accepted)
    assert (story.state("activate"), story.item("activate").after) == (ItemState.PENDING, (3,))
    assert [each.item for each in story.asked(ClearTimers)] == [story.item("activate").no]

    story.succeed("ship")
    assert story.state("activate") is ItemState.SCHEDULED


# -- revisions ----------------------------------------------------------------------------------------------


def amended(**attributes: Any) -> RevisionRead:
    """The next version of the order."""
    lines = (replace(line(1, "FIBER", **attributes), id=LineId("L9")),)
    return RevisionRead(
        order=replace(order(*lines), id=OrderId("801yy"), supersedes=order().id, supplemental_action="Amend")
    )


def fast(*parts: Product | Rule) -> MappingSet:
    """The ONT has the speed of the line."""
    mappings = fiber(*parts)
    speed = rule("fiber-access", "FIBER", "ACCESS", speed="line.attributes.speed")
    ont = rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"', speed="line.attributes.speed")
    rules = {
        "FIBER": (replace(speed, products=frozenset(["FIBER"])),),
        "ACCESS": (replace(ont, products=frozenset(["ACCESS"])),),
    }
    ont_product = technical("ONT", speed=integer())
    return replace(mappings, rules=rules, products={**mappings.products, "ONT": ont_product})


def product(story: Story, code: str) -> TechnicalLine:
    (found,) = [each for each in story.plan.lines.values() if each.product == code and each.is_live]
    return found


def test_a_revision_amends_what_has_grown_late() -> None:
    story = Story.of(fast(), speed=100)
    story.succeed("ask", tech="gpon")
    before = product(story, "ONT")

    story.happens(amended(speed=250))

    assert story.plan.state is PlanState.FREEZING, "the parcel is being ordered"
    story.succeed("ship")
    ont = product(story, "ONT")
    assert (ont.no, ont.attributes["speed"], ont.sources) == (before.no, 250, ("L9",))
    assert story.plan.late == {1: {"tech": "gpon"}}


def test_a_rule_that_waits_does_so_for_the_new_version_as_well() -> None:
    story = Story.of(fast(), speed=100)
    story.happens(amended(speed=250))
    story.succeed("ask", tech="gpon")

    assert story.plan.order.id == "801yy"
    assert (product(story, "ONT").attributes["speed"], story.plan.parked) == (250, ())


def test_what_has_grown_late_goes_with_its_line() -> None:
    story = Story.of(fast(), speed=100)
    story.succeed("ask", tech="gpon")
    story.happens(RevisionRead(order=replace(amended(speed=1).order, supplemental_action="Cancel")))
    story.succeed("ship")

    assert [each.product for each in story.plan.lines.values() if each.is_live] == []
    assert story.plan.parked == ()
