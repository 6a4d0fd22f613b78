"""products/*.yaml: classes, products, their attributes, and the lists that rules look values up in."""

from __future__ import annotations

from typing import Literal, TypeAlias, cast

from connector.mappings.build.values import KINDS, is_of, misfit
from connector.mappings.document import Kind, Node
from connector.mappings.draft import Class, Draft, Made, entries_of, items_of, word
from connector.mappings.set import RULE, AttributeDefinition, Product, Scope

AttributeType: TypeAlias = Literal[
    "string", "integer", "number", "boolean", "date", "datetime", "object", "list", "any"
]
Merge: TypeAlias = Literal["first", "last", "sum", "max", "list", "error"]
Quantity: TypeAlias = Literal["one", "sum", "max"]


def build(draft: Draft) -> None:
    """Build classes (ancestors first), then products, then lists."""
    for name in draft.names.classes:
        _class(draft, name, ())
    for document in draft.documents["products"]:
        for node in draft.usable(items_of(document.get("products"))):
            code = node["code"].text
            if code not in draft.products:
                made = Made(_product(draft, node), node)
                draft.products[code] = made
                for name in made.value.classes:
                    draft.members.setdefault(name, set()).add(code)
        for key, value in entries_of(document.get("lists")):
            if value.kind is Kind.MAPPING:
                draft.lists.setdefault(key.text, Made({name.text: entry.plain for name, entry in value.entries}, value))


def _class(draft: Draft, name: str, below: tuple[str, ...]) -> Class:
    if name in draft.classes:
        return draft.classes[name]
    node = draft.names.classes[name]
    above = Class(name="", line=(), attributes={})
    parent = node.get("parent")
    if parent is not None and parent.is_scalar:
        if parent.text == name or parent.text in below:
            ring = " → ".join(
                (*below[below.index(parent.text) :], name, parent.text) if parent.text in below else (name, name)
            )
            parent.report(draft.findings, "MAP053", f"The classes are each other's parents: {ring}.")
            # which attributes and members the classes have can't be said, nor what lacks some
            draft.unread, draft.complete = draft.unread | {"products"}, False
        elif draft.known(parent, draft.names.classes, "MAP031", "class"):
            above = _class(draft, parent.text, (*below, name))
    made = Class(name=name, line=(name, *above.line), attributes={**above.attributes, **_attributes(draft, node)})
    draft.classes[name] = made
    return made


def _attributes(draft: Draft, node: Node) -> dict[str, AttributeDefinition]:
    found = {}
    for name, value in entries_of(node.get("attributes")):
        if value in draft.findings.spoiled or (value.kind is not Kind.MAPPING and value.text not in KINDS):
            draft.complete = False
            found[name.text] = AttributeDefinition(name=name.text, source=name.source)
        else:
            found[name.text] = _attribute(draft, name, value)
    return found


def _attribute(draft: Draft, name: Node, node: Node) -> AttributeDefinition:
    if node.is_scalar:
        return AttributeDefinition(name=name.text, type=cast("AttributeType", node.text), source=name.source)
    kind = cast("AttributeType", word(node, "type", "any"))
    values = items_of(node.get("values"))
    for value in values:
        if not is_of(value.plain, kind):
            value.report(draft.findings, "MAP066", f"{value.text!r} is not {KINDS[kind]}, as `{name.text}` wants it.")
    default = node.get("default")
    made = AttributeDefinition(
        name=name.text,
        type=kind,
        required=_flag(node, "required", default=False),
        default=default.plain if default is not None else None,
        values=tuple(value.plain for value in values),
        merge=cast("Merge", word(node, "merge", "first")),
        compare=_flag(node, "compare", default=True),
        source=name.source,
    )
    if default is not None and (wrong := misfit(default.plain, made)):
        default.report(draft.findings, "MAP066", f"The default {default.text!r} {wrong}.")
    merge = node.get("merge")
    if merge is not None and merge.text in {"sum", "max"} and kind not in {"integer", "number", "any"}:
        merge.report(draft.findings, "MAP013", f"`{merge.text}` needs a number, and `{name.text}` is {KINDS[kind]}.")
    if merge is not None and merge.text == "list" and kind not in {"list", "any"}:
        merge.report(draft.findings, "MAP013", f"`list` makes a list, and `{name.text}` is {KINDS[kind]}.")
    return made


def _flag(node: Node, key: str, *, default: bool) -> bool:
    value = node.get(key)
    return default if value is None else bool(value.plain)


def _product(draft: Draft, node: Node) -> Product:
    code, kind = node["code"].text, word(node, "kind")
    class_node = node.get("class")
    family = Class(name="", line=(), attributes={})
    if class_node is not None and draft.known(class_node, draft.names.classes, "MAP031", "class"):
        family = draft.classes[class_node.text]
    scope_key = node.get("scope_key")
    if kind == "commercial":
        for key in ("scope", "scope_key", "quantity", "request"):
            name = node.key(key)
            if name is not None:
                name.report(draft.findings, "MAP016", f"`{key}` means nothing for a commercial product.")
    scope = node.key("scope")
    if scope is not None and scope_key is not None:
        scope.report(
            draft.findings, "MAP016", "`scope` means nothing beside `scope_key`.", hint="Take one of them out."
        )
    return Product(
        code=code,
        name=word(node, "name", code),
        kind="commercial" if kind == "commercial" else "technical",
        classes=family.line,
        attributes={**family.attributes, **_attributes(draft, node)},
        fulfillment=word(node, "fulfillment") != "none",
        scope=Scope(word(node, "scope", "line")),
        scope_key=draft.expressions.scalar(scope_key, RULE) if scope_key is not None else None,
        quantity=cast("Quantity", word(node, "quantity", "one")),
        request=word(node, "request"),
        source=node.source,
    )
