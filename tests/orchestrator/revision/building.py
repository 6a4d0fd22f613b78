"""Mapping sets, orders and their next versions, small and in code, as a test would tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from connector.mappings.expression import Expression
from connector.mappings.policies import FalloutRow, Queue, RetryPolicy
from connector.mappings.set import (
    PLAN,
    RESPONSE,
    RULE,
    AttributeDefinition,
    Completion,
    Dependency,
    InboundEvent,
    Interface,
    ItemDefinition,
    MappingSet,
    PlanDefinition,
    Product,
    RequestDefinition,
    Rule,
    Scenario,
    Scope,
    System,
    Value,
    recall_plan,
)
from connector.model.commands import Command, InvokeCallout, RaiseFallout
from connector.model.events import (
    CallbackArrived,
    CalloutAccepted,
    Event,
    ExternalEventArrived,
    Operation,
    OrderRead,
    RevisionRead,
    TimerDue,
    TimerKind,
)
from connector.model.failure import Failure, FailureClass
from connector.model.ids import LineId, OrderId
from connector.model.json import Json
from connector.model.order import Account, Action, InventoryItem, Order, OrderLine
from connector.model.plan import Item
from connector.model.revision import Assessment, ItemChange, Version
from connector.model.states import ItemState, ItemType, PlanState
from connector.orchestrator.machine import begin
from connector.orchestrator.revise import assessed, look
from tests.orchestrator.telling import NOW, Telling

ACCOUNT = Account(id="001000000000001AAA")

LOST = Failure(failure_class=FailureClass.UNKNOWN_OUTCOME, code="TIMEOUT", message="No answer.", system="sys")
"""Nobody knows; tried again by the policy."""
LOST_FOR_GOOD = Failure(failure_class=FailureClass.UNKNOWN_OUTCOME, code="FINAL", message="No answer.", system="sys")
"""Nobody knows; a person is asked."""
NO = Failure(failure_class=FailureClass.BUSINESS, code="FINAL", message="It can't be had.", system="sys")
NOT_YET = Failure(failure_class=FailureClass.BUSINESS, code="TAKEN", message="Another one, please.", system="sys")

_ATTRIBUTES = PLAN.compile("line.attributes")
_PATH = PLAN.compile('"/do"')
_OK = RESPONSE.compile("status == 200")
_TRUE = RESPONSE.compile("true")
_OUTPUT = RESPONSE.compile("body.value")


# -- definitions ------------------------------------------------------------------------------------------


def item(key: str, kind: ItemType = ItemType.CALLOUT, *, after: Iterable[str] = (), **more: Any) -> ItemDefinition:
    """One item definition; `after` is written as in the files (`key`, `key@bundle`)."""
    if isinstance(more.get("when"), str):
        more["when"] = PLAN.compile(more["when"])
    if isinstance(more.get("reacts_to"), (list, tuple, set)):
        more["reacts_to"] = frozenset(more["reacts_to"])
    match kind:
        case ItemType.CALLOUT:
            more.setdefault("interface", "sys.put")
        case ItemType.MANUAL:
            more.setdefault("queue", "desk")
        case ItemType.EVENT:
            more.setdefault("completes", Completion(on="sys.news"))
        case ItemType.TIMER:
            more.setdefault("duration", None if "until" in more else timedelta(hours=1))
        case ItemType.AUTO:
            more.setdefault("task", "set")
    more.setdefault("name", key)
    dependencies = []
    for written in after:
        name, _, scope = written.partition("@")
        dependencies.append(Dependency(key=name, scope=Scope(scope) if scope else None))
    return ItemDefinition(key=key, plan="", type=kind, after=tuple(dependencies), **more)


def awaited(key: str, **more: Any) -> ItemDefinition:
    """A callout that is accepted now and completed by a call-back."""
    more.setdefault("completes", Completion(on="sys.done"))
    return item(key, **more)


def manual(key: str, **more: Any) -> ItemDefinition:
    return item(key, ItemType.MANUAL, **more)


def interface(name: str, body: Expression = _ATTRIBUTES, **more: Any) -> Interface:
    more.setdefault("outputs", {})
    return Interface(
        name=name,
        system="sys",
        request=RequestDefinition(method="POST", path=_PATH, body=body),
        ok=_OK,
        idempotency_header="Idempotency-Key",
        **more,
    )


INTERFACES = (
    interface("put"),
    interface("give", outputs={"number": _OUTPUT}),
    interface("ask", recall="stop"),
    interface("undo"),
    interface("fix"),
    interface("stop"),
)


def product(code: str, attributes: Iterable[str] = (), *, kind: str = "technical", **more: Any) -> Product:
    known = {name: AttributeDefinition(name=name) for name in attributes}
    return Product(code=code, name=code, kind=kind, attributes=known, **more)  # type: ignore[arg-type]


def rule(source: str, target: str, attributes: Iterable[str] = (), when: str | None = None) -> Rule:
    """A rule that hands these attributes down, where the line has them."""
    return Rule(
        id=f"{source}-{target}",
        products=frozenset({source}),
        written_from=source,
        target=target,
        when=RULE.compile(when) if when else None,
        attributes={name: Value(expression=RULE.compile(f"line.attributes.{name}")) for name in attributes},
    )


def mapping_set(
    plans: Mapping[str, Sequence[ItemDefinition]],
    *,
    products: Sequence[Product],
    rules: Sequence[Rule],
    scenarios: Iterable[tuple[str, str]],
    interfaces: Sequence[Interface] = INTERFACES,
) -> MappingSet:
    """A set. `scenarios` are pairs of product and plan definition, for Add and Change."""
    definitions = {name: _plan(name, items) for name, items in plans.items()}
    for each in interfaces:
        if each.recall is not None:
            name = recall_plan(each.full_name)
            definitions[name] = _plan(name, [item("recall", interface=f"{each.system}.{each.recall}")])
    by_product: dict[str, list[Scenario]] = {}
    for code, plan in scenarios:
        by_product.setdefault(code, []).append(
            Scenario(
                id=f"{code}-{plan}",
                products=frozenset({code}),
                written_for=code,
                actions=frozenset({Action.ADD, Action.CHANGE}),
                plan=plan,
            )
        )
    by_source: dict[str, list[Rule]] = {}
    for each_rule in rules:
        by_source.setdefault(each_rule.written_from, []).append(each_rule)
    news = InboundEvent(name="news", system="sys", when=_TRUE, order=RESPONSE.compile("body.order"))
    done = InboundEvent(name="done", system="sys", when=_TRUE, item=RESPONSE.compile("body.item"))
    return MappingSet(
        name="test",
        version="1",
        hash="cafe",
        products={each.code: each for each in products},
        rules={code: tuple(sorted(found, key=lambda each: each.id)) for code, found in by_source.items()},
        scenarios={code: tuple(found) for code, found in by_product.items()},
        plans=definitions,
        systems={
            "sys": System(
                name="sys",
                base_url="SYS_URL",
                interfaces={each.name: each for each in interfaces},
                events={"news": news, "done": done},
            )
        },
        queues={"desk": Queue(name="desk", developer_name="Desk", label="The desk")},
        retry_policies={
            "none": RetryPolicy(name="none", retries=0),
            "minutely": RetryPolicy(name="minutely", retries=None, waits=(timedelta(minutes=1),)),
        },
        fallout=(
            FalloutRow(retry="minutely", queue="Fallout"),
            FalloutRow(retry="none", queue="Fallout", code="FINAL"),
        ),
        fallout_queue="Fallout",
    )


def _plan(name: str, items: Sequence[ItemDefinition]) -> PlanDefinition:
    return PlanDefinition(name=name, items={each.key: replace(each, plan=name) for each in items})


# -- orders -----------------------------------------------------------------------------------------------


def line(
    name: str,
    code: str,
    *,
    parent: str | None = None,
    action: Action = Action.ADD,
    quantity: float = 1,
    **attributes: Json,
) -> OrderLine:
    """A line of the first version; `name` is its id there."""
    return OrderLine(
        id=LineId(name),
        number=name,
        product=code,
        action=action,
        quantity=quantity,
        parent=LineId(parent) if parent else None,
        attributes=attributes,
    )


def order(*lines: OrderLine, **more: Any) -> Order:
    """The first version of an order."""
    return Order(id=OrderId("o1"), number="o1", account=ACCOUNT, lines=lines, **more)


def following(
    before: Order,
    *,
    change: Mapping[str, Mapping[str, Json]] | None = None,
    drop: Iterable[str] = (),
    cancel: Iterable[str] = (),
    add: Iterable[OrderLine] = (),
    by_name: bool = True,
    **more: Any,
) -> Order:
    """The next version of an order, as Salesforce would give it: every record has an id of its own.

    Lines are named by their first ids. `change` sets attributes (None takes one away), `drop` leaves lines out,
    `cancel` keeps them and says so. Without `by_name` its lines don't say which ones they supersede.
    """
    number = int(before.id[1:]) + 1
    new_id = {each.id: LineId(f"{first_id(each)}.{number}") for each in before.lines}
    lines = []
    for each in before.lines:
        name = first_id(each)
        if name in drop:
            continue
        attributes = {**each.attributes, **(change or {}).get(name, {})}
        lines.append(
            replace(
                each,
                id=new_id[each.id],
                parent=new_id.get(each.parent, each.parent) if each.parent else None,
                supersedes=each.id if by_name else None,
                supplemental_action="Cancel" if name in cancel else None,
                attributes={name: value for name, value in attributes.items() if value is not None},
                origin=None,
            )
        )
    by_first = {first_id(each): new_id[each.id] for each in before.lines}
    lines += [replace(each, parent=by_first.get(each.parent, each.parent) if each.parent else None) for each in add]
    more.setdefault("supplemental_action", "Amend")
    more.setdefault("supersedes", before.id)
    given = replace(before, id=OrderId(f"o{number}"), number=f"o{number}", lines=tuple(lines), family=None)
    return replace(given, **more)


def canceling(before: Order, **more: Any) -> Order:
    """The order that takes another back as a whole."""
    return following(before, supplemental_action="Cancel", **more)


def first_id(each: OrderLine) -> str:
    """The name that a test gave to a line."""
    return each.id.partition(".")[0]


# -- what happens -----------------------------------------------------------------------------------------


class Story(Telling):
    """A plan that is made of an order, and revised. A second passes with whatever happens."""

    @classmethod
    def of(cls, mappings: MappingSet, given: Order, inventory: Sequence[InventoryItem] = ()) -> Story:
        plan, commands, _ = begin(OrderRead(order=given, inventory=tuple(inventory)), NOW, mappings)
        assert not plan.problems, plan.problems
        plan.as_is = tuple(inventory)
        return cls(mappings, plan, commands=commands)

    def copy(self) -> Story:
        """The same story, to be told on in another way."""
        plan = replace(self.plan, items=dict(self.plan.items), lines=dict(self.plan.lines), memo={}, _bundles=None)
        plan.saved()
        return Story(self.mappings, plan, self.now)

    # -- looking --------------------------------------------------------------------------------------

    def items(self, key: str, line: str | None = None) -> list[Item]:
        """Every item of that key (for that order line), the oldest first."""
        found = [each for _, each in sorted(self.plan.items.items()) if each.key == key]
        return [each for each in found if line is None or line in {name.partition(".")[0] for name in each.sources}]

    def item(self, key: str, line: str | None = None) -> Item:
        """The newest item of that key."""
        return self.items(key, line)[-1]

    def first(self, key: str, line: str | None = None) -> Item:
        return self.items(key, line)[0]

    def state(self, key: str, line: str | None = None) -> ItemState:
        return self.item(key, line).state

    def states(self, key: str) -> list[ItemState]:
        return [each.state for each in self.items(key)]

    def plan_state(self) -> PlanState:
        return self.plan.state

    def asked_calls(self) -> list[InvokeCallout]:
        return [command for command in self.commands if isinstance(command, InvokeCallout)]

    def calls(self) -> list[str]:
        """The keys of the items whose requests the last event led to."""
        return [self.plan.items[each.item].key for each in self.asked(InvokeCallout)]

    def request(self, key: str) -> Any:
        """The body of the request that the last event led to."""
        (found,) = [each for each in self.asked(InvokeCallout) if self.plan.items[each.item].key == key]
        assert found.request is not None
        return found.request.body

    def fallouts(self) -> list[str]:
        return [self.plan.items[each.item].key for each in self.asked(RaiseFallout)]

    def version(self, number: str) -> Version:
        return next(each for each in self.plan.versions if each.number == number)

    def change(self, given: Order, key: str, **more: Any) -> ItemChange:
        """What a revision would do to the (only) item of that key."""
        (found,) = [each for each in self.assess(given, **more).items if each.key == key]
        return found

    def assess(self, given: Order, **more: Any) -> Assessment:
        return assessed(look(self.plan, given, self.mappings, self.now), **more)

    # -- telling --------------------------------------------------------------------------------------

    def happens(self, event: Event) -> list[Command]:
        commands = super().happens(event)
        self.later(timedelta(seconds=1))
        return commands

    def revised(self, given: Order) -> Order:
        """A supplemental order comes; gives it back, for the next version to be made of."""
        self.happens(RevisionRead(order=given))
        return given

    def succeed(self, key: str, line: str | None = None, **outputs: Json) -> None:
        """A system answers that it is done."""
        self.succeed_item(self.item(key, line), **outputs)

    def accept(self, key: str, line: str | None = None, **outputs: Json) -> None:
        self.accept_item(self.item(key, line), **outputs)

    def accept_item(self, each: Item, **outputs: Json) -> None:
        self.happens(CalloutAccepted(item=each.no, epoch=each.epoch, attempt=each.attempts, outputs=outputs))

    def fail(self, key: str, failure: Failure, line: str | None = None) -> None:
        self.fail_item(self.item(key, line), failure)

    def call_back(self, each: Item, failure: Failure | None = None, **outputs: Json) -> None:
        self.happens(CallbackArrived(item=each.no, name="sys.done", failure=failure, outputs=outputs))

    def news(self, **payload: Json) -> None:
        self.happens(ExternalEventArrived(name="sys.news", payload=payload))

    def time(self, key: str, kind: TimerKind) -> None:
        each = self.item(key)
        self.now = max(self.now, each.due_at or self.now)
        self.time_item(each, kind)

    def time_item(self, each: Item, kind: TimerKind) -> None:
        self.happens(TimerDue(item=each.no, kind=kind, epoch=each.epoch))

    def done(self, key: str, line: str | None = None, **outputs: Json) -> None:
        """A person completes a task."""
        self.told(Operation.COMPLETE, self.item(key, line), outputs=outputs)
