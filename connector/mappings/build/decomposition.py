"""decomposition/*.yaml and scenarios.yaml: which technical products come from what, and which plans they get."""

from __future__ import annotations

from connector.mappings.build.values import misfit
from connector.mappings.document import Kind, Node
from connector.mappings.draft import Draft, Made, entries_of, items_of, one_or_more, word
from connector.mappings.expression import EvaluationError
from connector.mappings.placed import Placed
from connector.mappings.set import PLAN, RULE, AttributeDefinition, Rule, Scenario, Value
from connector.model.order import Action


def build(draft: Draft) -> None:
    """Build the rules and the scenarios."""
    for document in draft.documents["decomposition"]:
        for node in draft.usable(items_of(document.get("rules"))):
            draft.rules.append(Made(_rule(draft, node), node))
    taken: set[str] = set()
    for document in draft.documents["scenarios"]:
        for node in draft.usable(items_of(document.get("scenarios"))):
            scenario = _scenario(draft, node, taken)
            taken.add(scenario.id)
            draft.scenarios.append(Made(scenario, node))


def _products(draft: Draft, node: Node) -> tuple[frozenset[str], str]:
    """The products that a source stands for, and how it was written: a code, or `{class: Name}`."""
    if node.kind is not Kind.MAPPING:
        draft.known(node, draft.names.products, "MAP030", "product")
        return frozenset({node.text}), node.text
    return _of_class(draft, node["class"])


def _of_class(draft: Draft, node: Node) -> tuple[frozenset[str], str]:
    draft.known(node, draft.names.classes, "MAP031", "class")
    members = frozenset(draft.members.get(node.text, ()))
    if not members and draft.complete and node.text in draft.names.classes:
        node.report(draft.findings, "MAP054", f"No product is of the class `{node.text}`.")
    return members, f"class {node.text}"


def _rule(draft: Draft, node: Node) -> Rule:
    products, written = _products(draft, node["from"])
    target = node["to"]
    attributes = {}
    known = draft.known(target, draft.names.products, "MAP030", "product")
    if known and draft.names.products[target.text] == "commercial":
        target.report(
            draft.findings, "MAP041", f"`{target.text}` is a commercial product; rules lead to technical ones."
        )
    product = draft.products.get(target.text)
    for name, value in entries_of(node.get("attributes")):
        definition = None
        if product is not None:
            definition = product.value.attributes.get(name.text)
            draft.known(name, product.value.attributes, "MAP032", "attribute", inside=f"of {target.text}")
        attributes[name.text] = _value(draft, value, definition)
    when, priority, required = node.get("when"), node.get("priority"), node.get("required")
    return Rule(
        id=node["id"].text,
        products=products,
        written_from=written,
        target=target.text,
        when=draft.expressions.scalar(when, RULE, "condition") if when is not None else None,
        priority=int(priority.text) if priority is not None else 100,
        xor=word(node, "xor") or None,
        required=required is not None and required.plain is True,
        attributes=attributes,
        source=node.source,
    )


def _value(draft: Draft, node: Node, definition: AttributeDefinition | None) -> Value:
    if node.kind is not Kind.MAPPING:
        expression = draft.expressions.scalar(node, RULE)
        _constant(draft, draft.expressions.of(expression), definition)
        return Value(expression=expression, source=node.source)
    list_node, key, value, default = (node.get(name) for name in ("list", "key", "value", "default"))
    lookup = list_node is not None or key is not None
    if lookup == (value is not None) or (lookup and (list_node is None or key is None)):
        node.report(
            draft.findings,
            "MAP016",
            "An attribute's value is either `{value: …}` or `{list: …, key: …}`.",
            hint="`default` may stand beside both.",
        )
    if list_node is not None and draft.known(list_node, draft.names.lists, "MAP033", "list") and definition is not None:
        _list_values(draft, list_node, definition)
    if (
        default is not None
        and definition is not None
        and _checked(definition)
        and (wrong := misfit(default.plain, definition))
    ):
        default.report(draft.findings, "MAP066", f"The default {default.text!r} {wrong}.")
    written = key if lookup else value
    expression = draft.expressions.scalar(written, RULE) if written is not None else RULE.compile("null", node.source)
    if not lookup:
        _constant(draft, draft.expressions.of(expression), definition)
    return Value(
        expression=expression,
        list=list_node.text if list_node is not None else None,
        default=default.plain if default is not None else None,
        has_default=default is not None,
        source=node.source,
    )


def _checked(definition: AttributeDefinition) -> bool:
    return definition.merge != "list"  # there a value is one entry of the list


def _constant(draft: Draft, placed: Placed | None, definition: AttributeDefinition | None) -> None:
    """A value that reads nothing can be held against the attribute now."""
    if placed is None or definition is None or not _checked(definition) or placed.references:
        return
    try:
        value = placed.expression.evaluate(RULE.activation({}))
    except EvaluationError as error:
        placed.node.report(draft.findings, "MAP021", f"This always fails: {error.reason}.")
        return
    if wrong := misfit(value, definition):
        placed.node.report(draft.findings, "MAP066", f"The value {value!r} {wrong}.")


def _list_values(draft: Draft, used: Node, definition: AttributeDefinition) -> None:
    if not _checked(definition):
        return
    for key, value in entries_of(draft.names.lists[used.text]):
        if wrong := misfit(value.plain, definition):
            line, _ = used.file.place(used.start)
            value.report(
                draft.findings,
                "MAP066",
                f"The value {value.text!r} of `{key.text}` {wrong}.",
                hint=f"The list is used in {used.file.path}:{line}.",
            )


def _scenario(draft: Draft, node: Node, taken: set[str]) -> Scenario:
    source = node.get("product")
    products, written = _products(draft, source) if source is not None else _of_class(draft, node["class"])
    plan, when, identity = node["plan"], node.get("when"), node.get("id")
    draft.known(plan, draft.names.plans, "MAP034", "plan definition")
    name = identity.text if identity is not None else f"{written.removeprefix('class ')}-{plan.text}"
    number = 2
    while identity is None and name in taken:
        name = f"{written.removeprefix('class ')}-{plan.text}-{number}"
        number += 1
    return Scenario(
        id=name,
        products=products,
        written_for=written,
        actions=frozenset(Action(action.text) for action in one_or_more(node["action"])),
        plan=plan.text,
        when=draft.expressions.scalar(when, PLAN, "condition") if when is not None else None,
        source=node.source,
    )
