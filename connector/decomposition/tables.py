"""What decomposition needs of a mapping set, worked out once for all orders of the set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from connector.decomposition.scope import ASSET
from connector.mappings.expression import Expression
from connector.mappings.set import (
    AttributeDefinition,
    ItemDefinition,
    MappingSet,
    PlanDefinition,
    Product,
    Rule,
    Scenario,
    Value,
)
from connector.model.json import JsonObject
from connector.model.order import Action

_MOST_SIGHTS = 12


class Asked(msgspec.Struct, frozen=True, gc=False):
    """An expression with what explanations tell of it: its text, and the paths that it reads."""

    expression: Expression
    text: str
    sights: tuple[tuple[str, tuple[str, ...]], ...]
    """Each path as text and step by step."""

    @classmethod
    def of(cls, expression: Expression) -> Asked:
        """The expression, looked at."""
        sights = tuple((".".join(path), path) for path in expression.names[:_MOST_SIGHTS])
        return cls(expression, expression.text, sights)


class Given(msgspec.Struct, frozen=True, gc=False):
    """An attribute that a rule gives a value to."""

    name: str
    value: Value
    asked: Asked
    source: str
    reads: frozenset[str] = frozenset()
    """The attributes of the line that it can't do without; none where there is a default."""


class Leading(msgspec.Struct, frozen=True, gc=False):
    """A rule, ready to be tried."""

    rule: Rule
    target: Product
    when: Asked | None
    source: str
    attributes: tuple[Given, ...]
    reads: frozenset[str] = frozenset()
    """The attributes of the line that its condition reads."""
    key_reads: frozenset[str] = frozenset()
    """Those that the target's scope key reads."""


class Choice(msgspec.Struct, frozen=True, gc=False):
    """A scenario of a product; `instead` is the one of the product itself that stands in for one of a class."""

    scenario: Scenario
    when: Asked | None
    source: str
    actions: str
    """The actions that it is for, as text."""
    instead: str = ""


class Step(msgspec.Struct, frozen=True, gc=False):
    """An item definition of a plan definition."""

    definition: ItemDefinition
    name: str
    """`plan/key`."""
    kind: str
    """`bundle item`."""
    source: str
    beside: tuple[int, ...] | None
    """Places of the items whose end it waits for, where all are of its own definition and scope; None: some are not,
    or it waits for a start."""


class Lane(msgspec.Struct, frozen=True, gc=False):
    """A plan definition."""

    steps: tuple[Step, ...]
    places: Mapping[str, int]
    """Place of each item in it, by key."""


class Needs(msgspec.Struct, frozen=True, gc=False):
    """What a product says of its attributes' values."""

    defaults: JsonObject
    required: tuple[AttributeDefinition, ...]


class Tables:
    """Everything worked out of one set."""

    __slots__ = ("awaited", "everywhere", "filled_later", "lanes", "needs", "rules", "scenarios", "sellable", "targets")

    def __init__(self, mapping_set: MappingSet) -> None:
        self.sellable = tuple(code for code, product in mapping_set.products.items() if product.kind == "commercial")
        self.everywhere = frozenset(
            name.partition(".")[2] for name in mapping_set.intake.lines if name.startswith("attributes.")
        ) | {ASSET}
        """Attributes that a line of any product may have."""
        self.needs = {code: _needs(product) for code, product in mapping_set.products.items()}
        self.rules = {
            code: tuple(_leading(rule, mapping_set) for rule in rules) for code, rules in mapping_set.rules.items()
        }
        self.targets: Mapping[str, tuple[str, ...]] = {
            code: tuple(dict.fromkeys(rule.target for rule in rules)) for code, rules in mapping_set.rules.items()
        }
        self.scenarios = {code: _choices(code, scenarios) for code, scenarios in mapping_set.scenarios.items()}
        self.lanes = {name: _lane(plan) for name, plan in mapping_set.plans.items()}
        self.filled_later = _filled_later(mapping_set)
        self.awaited = _awaited(mapping_set, self.rules)
        """By technical product and action: the attributes that its rules read, and items of its plans fill in."""

    @classmethod
    def of(cls, mapping_set: MappingSet) -> Tables:
        """The tables of a set, which keeps them."""
        tables = mapping_set.memo.get("decomposition")
        if not isinstance(tables, cls):
            tables = mapping_set.memo["decomposition"] = cls(mapping_set)
        return tables


def _needs(product: Product) -> Needs:
    definitions = product.attributes.items()
    return Needs(
        defaults={name: each.default for name, each in definitions if each.default is not None},
        required=tuple(each for _, each in definitions if each.required),
    )


def _leading(rule: Rule, mapping_set: MappingSet) -> Leading:
    return Leading(
        rule=rule,
        target=mapping_set.products[rule.target],
        when=_asked(rule.when),
        source=str(rule.source),
        attributes=tuple(
            Given(
                name,
                value,
                Asked.of(value.expression),
                str(value.source),
                frozenset() if value.has_default else _attributes_read(value.expression),
            )
            for name, value in rule.attributes.items()
        ),
        reads=_attributes_read(rule.when),
        key_reads=_attributes_read(mapping_set.products[rule.target].scope_key),
    )


def _attributes_read(expression: Expression | None) -> frozenset[str]:
    """The attributes of the line that an expression reads."""
    names = expression.names if expression is not None else ()
    return frozenset(path[2] for path in names if len(path) > len(_ATTRIBUTES) and path[:2] == _ATTRIBUTES)


_ATTRIBUTES = ("line", "attributes")


def _awaited(
    mapping_set: MappingSet, rules: Mapping[str, Sequence[Leading]]
) -> Mapping[tuple[str, Action], frozenset[str]]:
    found: dict[tuple[str, Action], frozenset[str]] = {}
    given = {name: frozenset(_outputs(plan, mapping_set)) for name, plan in mapping_set.plans.items()}
    for code, leads in rules.items():
        if mapping_set.products[code].kind == "technical":  # what items put out are attributes of technical lines
            read = frozenset().union(*(each.reads | each.key_reads for each in leads))
            read = read.union(*(value.reads for each in leads for value in each.attributes))
            for scenario in mapping_set.scenarios.get(code, ()) if read else ():
                for action in scenario.actions:
                    names = found.get((code, action), frozenset()) | (read & given[scenario.plan])
                    if names:
                        found[code, action] = names
    return found


def _outputs(plan: PlanDefinition, mapping_set: MappingSet) -> Iterator[str]:
    for definition in plan.items.values():
        yield from mapping_set.outputs(definition)


def _asked(expression: Expression | None) -> Asked | None:
    return None if expression is None else Asked.of(expression)


def _choices(code: str, scenarios: Sequence[Scenario]) -> tuple[Choice, ...]:
    """Those of the product itself before those of its classes."""
    own = [scenario for scenario in scenarios if scenario.written_for == code]
    own_plans = {scenario.plan: scenario.id for scenario in own}
    inherited = [scenario for scenario in scenarios if scenario.written_for != code]
    return (
        *(_choice(scenario) for scenario in own),
        *(_choice(scenario, own_plans.get(scenario.plan, "")) for scenario in inherited),
    )


def _choice(scenario: Scenario, instead: str = "") -> Choice:
    actions = ", ".join(action.value for action in Action if action in scenario.actions)
    return Choice(scenario, _asked(scenario.when), str(scenario.source), actions, instead)


def _lane(plan: PlanDefinition) -> Lane:
    places = {key: place for place, key in enumerate(plan.items)}
    steps = []
    for definition in plan.items.values():
        is_near = all(
            each.scope is None and not each.at_start and plan.items[each.key].scope is definition.scope
            for each in definition.after
        )
        steps.append(
            Step(
                definition=definition,
                name=f"{definition.plan}/{definition.key}",
                kind=f"{definition.scope} item",
                source=str(definition.source),
                beside=tuple(dict.fromkeys(places[each.key] for each in definition.after)) if is_near else None,
            )
        )
    return Lane(steps=tuple(steps), places=places)


def _filled_later(mapping_set: MappingSet) -> frozenset[str]:
    """The attributes that items of the set fill in while an order is fulfilled: outputs of interfaces and
    of inbound events, attributes set by auto items, fields of manual forms.
    """
    names: set[str] = set()
    for system in mapping_set.systems.values():
        for interface in system.interfaces.values():
            names.update(interface.outputs)
        for event in system.events.values():
            names.update(event.outputs)
    for plan in mapping_set.plans.values():
        for item in plan.items.values():
            names.update(item.sets)
            names.update(field.name for field in item.form)
            if item.collect is not None:
                names.add(item.collect)
    return frozenset(names)
