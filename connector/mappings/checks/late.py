"""Rules that wait: for an attribute of a technical line that items will bring, or for one that nothing ever does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector.mappings.draft import Draft
from connector.mappings.expression import Expression
from connector.mappings.set import ItemDefinition, Rule
from connector.mappings.syntax import ELEMENT, Reference
from connector.mappings.tree import Call, Constant, Elements, Entries, Loop, Node, Select

_ATTRIBUTES = ("line", "attributes")
_OPTIONAL = frozenset({"_?._", "_[?_]"})


def check(draft: Draft) -> None:
    """Report rules that would wait for ever, and those that are required and never wait."""
    if not draft.complete or draft.findings.has("MAP026", "MAP030", "MAP031", "MAP034", "MAP036"):
        return
    later = _brought_by_items(draft)
    given = _given_at_once(draft)
    for made in draft.rules:
        rule = made.value
        codes = sorted(code for code in rule.products if draft.products[code].value.kind == "technical")
        waits, in_vain = False, False
        for expression in _needed(draft, rule) if codes else ():
            for reference in _strict(expression):
                name = reference.path[2]
                waits = waits or any(name in later.get(code, ()) for code in codes)
                if not any(name in given.get(code, ()) or name in later.get(code, ()) for code in codes):
                    in_vain = True
                    _report(draft, expression, reference, ", ".join(codes))
        if rule.required and not waits and not in_vain:
            made.node["required"].report(
                draft.findings,
                "MAP068",
                f"`{rule.id}` never waits: it reads no attribute that items of its source's plans put out.",
                hint="Take `required` out; a rule that does not wait is decided on with the order.",
            )


def _report(draft: Draft, expression: Expression, reference: Reference, whose: str) -> None:
    placed = draft.expressions.of(expression)
    if placed is not None:
        name = reference.path[2]
        placed.report(
            draft.findings,
            "MAP067",
            reference.offsets[2],
            len(name),
            f"Nothing gives `{name}` to a line of {whose}: no rule, no default, no item of its plans.",
            hint="The rule is decided on only where it is installed with a value.",
        )


# -- where attributes come from -------------------------------------------------------------------------


def _given_at_once(draft: Draft) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for made in draft.rules:
        found.setdefault(made.value.target, set()).update(made.value.attributes)
    for code, product in draft.products.items():
        defaults = {name for name, each in product.value.attributes.items() if each.default is not None}
        found.setdefault(code, set()).update(defaults)
    return found


def _brought_by_items(draft: Draft) -> Mapping[str, set[str]]:
    by_plan: dict[str, set[str]] = {}
    for (plan, _), made in draft.items.items():
        by_plan.setdefault(plan, set()).update(_outputs(draft, made.value))
    found: dict[str, set[str]] = {}
    for scenario in draft.scenarios:
        for code in scenario.value.products:
            found.setdefault(code, set()).update(by_plan.get(scenario.value.plan, ()))
    return found


def _outputs(draft: Draft, item: ItemDefinition, above: frozenset[str] = frozenset()) -> Iterator[str]:
    yield from item.sets
    yield from (entry.name for entry in item.form)
    for called in item.calls:
        if called in draft.interfaces:
            yield from draft.interfaces[called].value.outputs
    if item.collect is not None:
        yield item.collect
    elif item.subplan is not None and item.subplan not in above:
        for (plan, _), inside in draft.items.items():
            if plan == item.subplan:
                yield from _outputs(draft, inside.value, above | {plan})
    if item.completes is not None and item.completes.on in draft.events:
        yield from draft.events[item.completes.on].value.outputs


# -- what rules can't do without ------------------------------------------------------------------------


def _needed(draft: Draft, rule: Rule) -> Iterator[Expression]:
    if rule.when is not None:
        yield rule.when
    for value in rule.attributes.values():
        if not value.has_default:
            yield value.expression
    target = draft.products.get(rule.target)
    if target is not None and target.value.scope_key is not None:
        yield target.value.scope_key


def _strict(expression: Expression) -> Iterator[Reference]:
    """The attributes of the line that an expression reads without asking first whether they are there."""
    asked = set(_asked(expression.tree.root))
    for reference in expression.references:
        path = reference.path
        if len(path) > len(_ATTRIBUTES) and path[:2] == _ATTRIBUTES and path[2] not in {ELEMENT, *asked}:
            yield reference


def _asked(node: Node) -> Iterator[str]:
    """The names of the fields that are asked for with `has` or read as optional ones."""
    if isinstance(node, Select) and node.is_test:
        yield node.field
    if isinstance(node, Call) and node.function in _OPTIONAL and isinstance(node.arguments[-1], Constant):
        yield str(node.arguments[-1].value)
    for part in _parts(node):
        yield from _asked(part)


def _parts(node: Node) -> Sequence[Node]:
    match node:
        case Select(operand=operand):
            return (operand,)
        case Call(target=target, arguments=arguments):
            return arguments if target is None else (target, *arguments)
        case Elements(parts=parts):
            return parts
        case Entries(parts=entries):
            return [part for entry in entries for part in (entry.key, entry.value)]
        case Loop(over=over, start=start, rest=rest):
            return (over, start, *rest)
        case _:
            return ()
