"""A few words to write a mapping set, an order and an inventory in a test, so that the test shows just what matters.

the_set(
    commercial("PLAN", tier=text(required=True)),
    technical("SVC", limit=integer()),
    rule("plan-to-svc", "PLAN", "SVC", limit="line.attributes.tier == 'L' ? 20 : 5"),
    plan("activate", item("reserve"), item("activate", after=["reserve"])),
    scenario("SVC", "activate"),
)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from connector.decomposition import Decomposition, decompose
from connector.mappings.expression import Environment, Expression, Source
from connector.mappings.salesforce import Intake, IntakeField
from connector.mappings.set import (
    PLAN,
    RESPONSE,
    RULE,
    AttributeDefinition,
    Dependency,
    FormField,
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
)
from connector.model.ids import LineId, OrderId
from connector.model.json import Json
from connector.model.order import Account, Action, InventoryItem, Order, OrderLine
from connector.model.plan import Item
from connector.model.states import ItemType
from connector.model.technical import Decision, TechnicalLine

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ACCOUNT = "001xx"
ORDER = OrderId("801xx")
START_OF = "start of "

_compiled: dict[tuple[Environment, str], Expression] = {}


def cel(written: str, environment: Environment = RULE) -> Expression:
    """A compiled expression; the same one for the same text."""
    key = (environment, written)
    if key not in _compiled:
        _compiled[key] = environment.compile(written, Source("test.yaml", 1))
    return _compiled[key]


# -- products ---------------------------------------------------------------------------------------------


def attribute(**fields: Any) -> AttributeDefinition:
    """An attribute; it gets its name where it is used."""
    return AttributeDefinition(name="", source=Source("products.yaml", 2), **fields)


def text(**fields: Any) -> AttributeDefinition:
    return attribute(type="string", **fields)


def integer(**fields: Any) -> AttributeDefinition:
    return attribute(type="integer", **fields)


def number(**fields: Any) -> AttributeDefinition:
    return attribute(type="number", **fields)


def commercial(code: str, /, *classes: str, fulfillment: bool = True, **attributes: AttributeDefinition) -> Product:
    return Product(
        code=code,
        name=code,
        kind="commercial",
        classes=classes,
        fulfillment=fulfillment,
        attributes=_named(attributes),
        source=Source("products.yaml", 1),
    )


def technical(
    code: str,
    /,
    *classes: str,
    scope: Scope = Scope.LINE,
    scope_key: str | None = None,
    quantity: Any = "one",
    request: str = "",
    fulfillment: bool = True,
    **attributes: AttributeDefinition,
) -> Product:
    return Product(
        code=code,
        name=code,
        kind="technical",
        classes=classes,
        scope=scope,
        scope_key=None if scope_key is None else cel(scope_key),
        quantity=quantity,
        request=request,
        fulfillment=fulfillment,
        attributes=_named(attributes),
        source=Source("products.yaml", 1),
    )


def _named(attributes: Mapping[str, AttributeDefinition]) -> dict[str, AttributeDefinition]:
    return {name: replace(definition, name=name) for name, definition in attributes.items()}


# -- rules ------------------------------------------------------------------------------------------------


def rule(
    name: str,
    start: str,
    target: str,
    /,
    *,
    when: str | None = None,
    priority: int = 100,
    xor: str | None = None,
    **attributes: str | Value,
) -> Rule:
    """A rule; `start` is a product code, or `class:Name`."""
    return Rule(
        id=name,
        products=frozenset(),
        written_from=start,
        target=target,
        when=None if when is None else cel(when),
        priority=priority,
        xor=xor,
        attributes={
            key: Value(expression=cel(value), source=Source("rules.yaml", 5)) if isinstance(value, str) else value
            for key, value in attributes.items()
        },
        source=Source("rules.yaml", 3),
    )


def value(expression: str, **fields: Any) -> Value:
    """A value with a default (`default=…`), or looked up (`list=…`)."""
    return Value(expression=cel(expression), has_default="default" in fields, source=Source("rules.yaml", 6), **fields)


# -- plans ------------------------------------------------------------------------------------------------


def item(
    key: str,
    *,
    after: Sequence[str] = (),
    scope: Scope = Scope.LINE,
    kind: ItemType = ItemType.MILESTONE,
    **fields: Any,
) -> ItemDefinition:
    """An item; `after` as in the YAML: `key`, `key@order`, `plan/key@bundle`; `start of key` for its start."""
    return ItemDefinition(
        key=key,
        plan="",
        type=kind,
        name=key,
        scope=scope,
        after=tuple(_dependency(each) for each in after),
        source=Source("plans.yaml", 4),
        **fields,
    )


def _dependency(written: str) -> Dependency:
    address, _, scope = written.removeprefix(START_OF).partition("@")
    plan_name, _, key = address.rpartition("/")
    return Dependency(
        key=key,
        scope=Scope(scope) if scope else None,
        plan=plan_name or None,
        at_start=written.startswith(START_OF),
        source=Source("plans.yaml", 5),
    )


def plan(name: str, *items: ItemDefinition) -> PlanDefinition:
    return PlanDefinition(name=name, items={each.key: replace(each, plan=name) for each in items})


def scenario(
    product: str,
    plan_name: str,
    *,
    actions: Iterable[Action] = (Action.ADD, Action.CHANGE, Action.DISCONNECT),
    when: str | None = None,
    name: str = "",
) -> Scenario:
    """A scenario; `product` is a product code, or `class:Name`."""
    return Scenario(
        id=name or f"{product} {plan_name}",
        products=frozenset(),
        written_for=product,
        actions=frozenset(actions),
        plan=plan_name,
        when=None if when is None else cel(when, PLAN),
        source=Source("scenarios.yaml", 2),
    )


def system(name: str, **outputs: Sequence[str]) -> System:
    """A system whose interfaces (the names) have these outputs."""
    return System(
        name=name,
        base_url="URL",
        interfaces={
            interface: Interface(
                name=interface,
                system=name,
                request=RequestDefinition(method="POST", path=cel('"/"', PLAN)),
                ok=cel("status == 200", RESPONSE),
                outputs={output: cel("body", RESPONSE) for output in names},
            )
            for interface, names in outputs.items()
        },
    )


def field_of_form(name: str) -> FormField:
    return FormField(name=name, label=name)


# -- the set ----------------------------------------------------------------------------------------------


def the_set(
    *parts: Product | Rule | PlanDefinition | Scenario | System,
    lists: Mapping[str, Mapping[str, Json]] | None = None,
    intake_lines: Sequence[str] = (),
) -> MappingSet:
    """A mapping set of these parts, as the loader would make it: rules and scenarios by product."""
    products = {part.code: part for part in parts if isinstance(part, Product)}
    rules: dict[str, list[Rule]] = {}
    scenarios: dict[str, list[Scenario]] = {}
    for part in parts:
        if isinstance(part, Rule):
            codes = _codes(part.written_from, products)
            for code in codes:
                rules.setdefault(code, []).append(replace(part, products=codes))
        elif isinstance(part, Scenario):
            codes = _codes(part.written_for, products)
            for code in codes:
                scenarios.setdefault(code, []).append(replace(part, products=codes))
    return MappingSet(
        name="test",
        version="1",
        hash="hash",
        products=products,
        lists=lists or {},
        rules={code: tuple(sorted(each, key=lambda one: (one.priority, one.id))) for code, each in rules.items()},
        scenarios={code: tuple(each) for code, each in scenarios.items()},
        plans={part.name: part for part in parts if isinstance(part, PlanDefinition)},
        systems={part.name: part for part in parts if isinstance(part, System)},
        intake=Intake(order={}, lines={name: IntakeField(path=name) for name in intake_lines}, inventory={}),
    )


def _codes(written: str, products: Mapping[str, Product]) -> frozenset[str]:
    kind, _, name = written.partition(":")
    if not name:
        return frozenset([written])
    assert kind == "class"
    return frozenset(code for code, product in products.items() if name in product.classes)


# -- the order and what is installed -----------------------------------------------------------------------


def line(
    number: int, product: str, action: Action = Action.ADD, /, *, parent: int | None = None, **fields: Any
) -> OrderLine:
    """An order line with the id `L<number>`; fields other than quantity and sub_action are attributes."""
    known = {name: fields.pop(name) for name in ("quantity", "sub_action", "attributes") if name in fields}
    attributes = {**known.pop("attributes", {}), **fields}
    return OrderLine(
        id=LineId(f"L{number}"),
        number=str(number),
        product=product,
        action=action,
        parent=None if parent is None else LineId(f"L{parent}"),
        attributes=attributes,
        **known,
    )


def order(*lines: OrderLine, **attributes: Json) -> Order:
    return Order(
        id=ORDER,
        number="00000100",
        account=Account(id=ACCOUNT, name="Ada", type="Consumer"),
        lines=lines,
        attributes=attributes,
    )


def installed(product: str, scope_key: str, /, *, status: str = "Active", **attributes: Json) -> InventoryItem:
    return InventoryItem(
        id=f"{ACCOUNT}:{product}:{scope_key}",
        account=ACCOUNT,
        product=product,
        scope_key=scope_key,
        attributes=attributes,
        status=status,
    )


# -- what came out ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """A decomposition with short ways to look at it."""

    made: Decomposition
    lines: dict[str, TechnicalLine] = field(default_factory=dict)
    """By `PRODUCT key`."""

    @property
    def codes(self) -> list[str]:
        """The codes of the problems, in order."""
        return [problem.code for problem in self.made.problems]

    @property
    def products(self) -> list[str]:
        """The products of the technical lines, by number."""
        return [each.product for each in self.made.lines]

    def line(self, product: str) -> TechnicalLine:
        """The only technical line of a product."""
        (found,) = [each for each in self.made.lines if each.product == product]
        return found

    def item(self, key: str) -> Item:
        """The only item with this key."""
        (found,) = [each for each in self.made.items if each.key == key]
        return found

    def decisions(self, kind: str, subject: str | None = None) -> list[Decision]:
        """The decisions of a kind about a subject."""
        return [
            each for each in self.made.explanation.decisions if each.kind == kind and subject in (None, each.subject)
        ]


def run(mapping_set: MappingSet, *lines: OrderLine, inventory: Sequence[InventoryItem] = ()) -> Outcome:
    """Decompose an order of these lines that must have no problem."""
    outcome = attempt(mapping_set, *lines, inventory=inventory)
    assert not outcome.made.problems, "\n".join(
        f"{problem.code} {problem} {problem.near_misses}" for problem in outcome.made.problems
    )
    return outcome


def attempt(mapping_set: MappingSet, *lines: OrderLine, inventory: Sequence[InventoryItem] = ()) -> Outcome:
    """Decompose an order of these lines, whatever comes of it."""
    made = decompose(order(*lines), inventory, mapping_set, NOW)
    return Outcome(made, {f"{each.product} {each.scope_key}": each for each in made.lines})
