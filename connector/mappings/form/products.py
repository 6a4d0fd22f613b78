"""products/*.yaml: products, classes, attributes, lists."""

from __future__ import annotations

from connector.mappings.form.words import ATTRIBUTE, CODE, NAME, TEXT
from connector.mappings.set import Scope
from connector.mappings.shapes import (
    AnyJson,
    Boolean,
    ByKind,
    Cel,
    ListOf,
    MapOf,
    OneOf,
    Record,
    Text,
    optional,
    required,
)

ATTRIBUTE_DEFINITION = Record(
    "an attribute",
    {
        "type": optional(
            OneOf(("string", "integer", "number", "boolean", "date", "datetime", "object", "list", "any")),
            "What values it has; `any` when absent.",
        ),
        "required": optional(Boolean(), "A technical line without it is refused."),
        "default": optional(AnyJson(), "The value when nothing else gives one."),
        "values": optional(ListOf(AnyJson(), least=1), "The only values allowed."),
        "merge": optional(
            OneOf(("first", "last", "sum", "max", "list", "error")), "What becomes of it when lines are merged."
        ),
        "compare": optional(Boolean(), "false: another value alone does not make a line Change."),
    },
)
ATTRIBUTES = MapOf(
    ATTRIBUTE,
    ByKind(
        "an attribute's definition",
        mapping=ATTRIBUTE_DEFINITION,
        scalar=OneOf(("string", "integer", "number", "boolean", "date", "datetime", "object", "list", "any")),
    ),
)

CLASS = Record(
    "a class",
    {
        "name": required(NAME),
        "parent": optional(NAME, "The class above, whose attributes it has too."),
        "attributes": optional(ATTRIBUTES),
    },
)
PRODUCT = Record(
    "a product",
    {
        "code": required(CODE, "The product's code, as on the order line."),
        "name": optional(TEXT, "For people; the code when absent."),
        "kind": required(OneOf(("commercial", "technical"))),
        "class": optional(NAME),
        "fulfillment": optional(OneOf(("none", "required")), "none: its lines need no fulfillment."),
        "scope": optional(OneOf(tuple(Scope)), "What lines of this technical product are merged by."),
        "scope_key": optional(Cel(), "Merges by this value instead of by a scope."),
        "quantity": optional(OneOf(("one", "sum", "max")), "What becomes of the quantity when lines are merged."),
        "request": optional(NAME, "The fulfillment request that its lines are grouped into."),
        "attributes": optional(ATTRIBUTES),
    },
)
LISTS = MapOf(NAME, MapOf(Text("a key", loose=True), AnyJson()))
PRODUCTS = Record(
    "a file of products",
    {"classes": optional(ListOf(CLASS)), "products": optional(ListOf(PRODUCT)), "lists": optional(LISTS)},
)
