"""The form of a mapping set's files: which file holds what, and every key that may stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

from connector.mappings.set import Scope
from connector.mappings.shapes import (
    AnyJson,
    Boolean,
    ByKind,
    Cel,
    CelTree,
    Duration,
    Key,
    ListOf,
    MapOf,
    Number,
    OneOf,
    Record,
    Schema,
    Shape,
    Text,
    optional,
    required,
)
from connector.model.failure import FailureClass
from connector.model.mark import RecordKind
from connector.model.order import Action
from connector.model.states import ItemType

NAME = Text("a name (letters, digits, `-`, `_`; a letter first)", r"[A-Za-z][A-Za-z0-9_-]*", longest=80)
CODE = Text("a product code", r"\S(?:[^\r\n]*\S)?", loose=True)
ATTRIBUTE = Text("an attribute's name (letters, digits, `_`)", r"[A-Za-z_][A-Za-z0-9_]*", longest=80)
TEXT = Text(longest=4_000)
LOOSE_TEXT = Text(loose=True)
HEADER = Text("a header's name", r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", code="MAP081")
SETTING = Text(
    "the name of a setting",
    r"\$\{[A-Z][A-Z0-9_]*\}",
    code="MAP080",
    hint="Write `base_url: ${NETWORK_URL}`; the address itself is in the settings, never in a mapping set.",
    quiet=True,
)
CREDENTIALS = Text(
    "the name of credentials in the settings",
    r"[A-Za-z][A-Za-z0-9_-]*",
    hint="Secrets never stand in a mapping set.",
    longest=40,
    quiet=True,
)
INTERFACE = Text("an interface, `system.interface`", r"[A-Za-z][A-Za-z0-9_-]*\.[A-Za-z][A-Za-z0-9_-]*")
EVENT_NAME = Text("an event, `system.event`", r"[A-Za-z][A-Za-z0-9_-]*\.[A-Za-z][A-Za-z0-9_-]*")
OBJECT = Text("a Salesforce object's name", r"[A-Za-z][A-Za-z0-9_]*", longest=80)
FIELD_PATH = Text("a Salesforce field", r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*){0,5}")
DEPENDENCY = Text(
    "an item to wait for",
    rf"(?:[A-Za-z][A-Za-z0-9_-]*/)?[A-Za-z][A-Za-z0-9_-]*(?:@(?:{'|'.join(Scope)}))?",
    hint="`key`, or across definitions `key@order` and `plan/key@bundle`.",
)

BY_CLASS = Record("a class as source", {"class": required(NAME, "The class, with all classes below it.")})

# -- set.yaml -------------------------------------------------------------------------------------------

SET = Record(
    "the set",
    {
        "name": required(NAME, "The set's name."),
        "version": required(LOOSE_TEXT, "For people: which edition this is."),
        "timezone": optional(LOOSE_TEXT, "IANA name of the time zone that dates are meant in; UTC when absent."),
        "fallout_queue": required(NAME, "The queue for fallout that no row of fallout.yaml speaks of."),
    },
)

# -- products -------------------------------------------------------------------------------------------

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

# -- decomposition --------------------------------------------------------------------------------------

LOOKUP_OR_VALUE = Record(
    "an attribute's value",
    {
        "value": optional(Cel(), "The value."),
        "list": optional(NAME, "The list to look it up in."),
        "key": optional(Cel(), "What to look up."),
        "default": optional(
            AnyJson(), "The value when the expression's attribute is absent, or the list has no such key."
        ),
    },
)
RULE = Record(
    "a rule",
    {
        "id": required(NAME),
        "from": required(ByKind("a product code or `{class: Name}`", scalar=CODE, mapping=BY_CLASS), "The source."),
        "to": required(CODE, "The technical product."),
        "when": optional(Cel(), "Fires only when this is true."),
        "priority": optional(Number(-1_000_000, 1_000_000), "Lower runs first; 100 when absent."),
        "xor": optional(NAME, "Of the rules of one group only the first that matches fires."),
        "attributes": optional(
            MapOf(ATTRIBUTE, ByKind("a value", scalar=Cel(), mapping=LOOKUP_OR_VALUE)), "Attributes of the target."
        ),
    },
    aliases={"source": "Did you mean `from`?", "target": "Did you mean `to`?", "condition": "Did you mean `when`?"},
)
RULES = Record("a file of rules", {"rules": required(ListOf(RULE))})

# -- plans ----------------------------------------------------------------------------------------------

FORM_FIELD = Record(
    "a form field",
    {
        "name": required(ATTRIBUTE),
        "label": optional(TEXT),
        "type": optional(OneOf(("string", "integer", "number", "boolean", "date"))),
        "required": optional(Boolean()),
    },
)
COMPLETION = Record(
    "a completion",
    {
        "on": required(EVENT_NAME, "The event, `system.event`."),
        "match": optional(Cel(), "Takes only the events for which this is true (`event` is what was sent)."),
        "within": optional(Duration(), "How long to wait before it is a failure."),
    },
)
EXPECTATION = Record("an expected duration", {"likely": required(Duration(), "How long it usually takes.")})
ITEM = Record(
    "an item",
    {
        "key": required(NAME),
        "type": required(OneOf(tuple(ItemType))),
        "name": optional(TEXT, "For people; made from the key when absent."),
        "scope": optional(OneOf(tuple(Scope)), "One item per line, bundle, order or account."),
        "when": optional(Cel(), "False: the item is skipped."),
        "after": optional(ListOf(DEPENDENCY, or_one=True), "The items that must be over first."),
        "interface": optional(INTERFACE, "callout: what to call."),
        "completes": optional(COMPLETION, "callout: the event that completes it; event: what to wait for."),
        "queue": optional(NAME, "manual: whose task it is."),
        "instructions": optional(Cel(), "manual: text for the person."),
        "outcomes": optional(ListOf(LOOSE_TEXT, least=1), "manual: what the person may choose."),
        "failing_outcomes": optional(ListOf(LOOSE_TEXT, least=1), "manual: those that make the item fail."),
        "form": optional(ListOf(FORM_FIELD), "manual: what the person fills in."),
        "duration": optional(
            ByKind("a duration, or `{likely: PT20S}`", scalar=Duration(), mapping=EXPECTATION),
            "timer: how long; otherwise: `{likely: …}`.",
        ),
        "until": optional(Cel(), "timer: until when."),
        "task": optional(OneOf(("assetize", "set")), "auto: which built-in task."),
        "set": optional(MapOf(ATTRIBUTE, Cel()), "auto `set`: attributes of the technical line."),
        "ponr": optional(OneOf(("soft", "hard")), "The point of no return."),
    },
)
PLAN = Record(
    "a plan definition",
    {"plan": required(NAME, "The definition's name."), "items": required(ListOf(ITEM, least=1))},
)

# -- scenarios ------------------------------------------------------------------------------------------

SCENARIO = Record(
    "a scenario",
    {
        "id": optional(NAME),
        "product": optional(ByKind("a product code or `{class: Name}`", scalar=CODE, mapping=BY_CLASS)),
        "class": optional(NAME),
        "action": required(ListOf(OneOf(tuple(Action)), least=1, or_one=True), "The actions that it is for."),
        "when": optional(Cel()),
        "plan": required(NAME),
    },
    one_of=("product", "class"),
)
SCENARIOS = Record("the scenarios", {"scenarios": required(ListOf(SCENARIO))})

# -- systems --------------------------------------------------------------------------------------------

OUTPUTS = MapOf(ATTRIBUTE, Cel())
INBOUND_EVENT = Record(
    "an inbound event",
    {
        "when": optional(Cel(), "Takes only the messages for which this is true; every one when absent."),
        "item": optional(Cel(), "The item's reference: a call-back."),
        "order": optional(Cel(), "The order's id: an external event."),
        "delivery": optional(Cel(), "The sender's id of the message."),
        "outputs": optional(OUTPUTS),
        "ok": optional(Cel(), "False: the call-back tells of a failure."),
        "code": optional(Cel(), "The failure's code."),
        "message": optional(Cel(), "The failure's message."),
    },
    one_of=("item", "order"),
)
INBOUND = Record(
    "the inbound messages",
    {
        "secret": required(CREDENTIALS, "The name of the HMAC secret in the settings."),
        "events": required(MapOf(NAME, INBOUND_EVENT)),
    },
)
ERROR_RULE = Record(
    "an error",
    {
        "when": required(Cel()),
        "class": required(OneOf(tuple(FailureClass))),
        "code": required(Text("an error code", r"[A-Za-z0-9_.-]+", loose=True, longest=80)),
        "message": optional(Cel()),
    },
)
RESPONSE = Record(
    "a response",
    {
        "ok": optional(Cel(), "True: done. A status of 200 to 299 when absent."),
        "accepted": optional(Cel(), "True: taken, the outcome comes later."),
        "outputs": optional(OUTPUTS),
    },
)
REQUEST = Record(
    "a request",
    {
        "method": required(OneOf(("GET", "POST", "PUT", "PATCH", "DELETE"))),
        "path": required(Cel(), "Begins with `/`."),
        "query": optional(MapOf(Text("a parameter's name"), Cel())),
        "headers": optional(MapOf(HEADER, Cel())),
        "body": optional(CelTree(), "A CEL expression, or a tree of them; a key that ends in `?` may be left out."),
    },
)
INTERFACE_SHAPE = Record(
    "an interface",
    {
        "request": required(REQUEST),
        "idempotency": optional(Record("the idempotency", {"header": required(HEADER)})),
        "timeout": optional(Duration(timedelta(minutes=10)), "PT30S when absent."),
        "short_retries": optional(Number(0, 5), "Extra sendings within one attempt; 2 when absent."),
        "response": optional(RESPONSE),
        "errors": optional(ListOf(ERROR_RULE)),
    },
)
SYSTEM = Record(
    "a system",
    {
        "system": required(NAME, "The system's name."),
        "base_url": required(SETTING),
        "auth": optional(
            ByKind(
                "`none` or `{oauth2: credentials}`",
                scalar=OneOf(("none",)),
                mapping=Record(
                    "the sign-in",
                    {kind: optional(CREDENTIALS) for kind in ("basic", "bearer", "oauth2", "header")},
                    one_of=("basic", "bearer", "oauth2", "header"),
                ),
            )
        ),
        "inbound": optional(INBOUND),
        "limits": optional(
            Record(
                "the limits",
                {
                    "concurrency": optional(Number(1, 10_000), "Most calls at the same time; 20 when absent."),
                    "per_second": optional(Number(0.001, 1_000_000, whole=False), "Most calls a second."),
                    "max_response_bytes": optional(Number(1, 100_000_000), "1000000 when absent."),
                },
            )
        ),
        "interfaces": optional(MapOf(NAME, INTERFACE_SHAPE)),
    },
)

# -- queues, fallout ------------------------------------------------------------------------------------

QUEUE = Record(
    "a queue",
    {
        "name": required(NAME),
        "developer_name": required(OBJECT, "Developer name of the queue in Salesforce."),
        "label": optional(TEXT, "For people; the name when absent."),
        "kind": optional(OneOf(("manual", "fallout")), "manual when absent."),
    },
)
QUEUES = Record("the queues", {"queues": required(ListOf(QUEUE))})

EXPONENTIAL = Record(
    "a growing wait",
    {
        "first": required(Duration()),
        "factor": optional(Number(1, 100, whole=False), "2 when absent."),
        "cap": required(Duration(), "The longest wait."),
    },
)
RETRY_POLICY = Record(
    "a retry policy",
    {
        "retries": required(
            ByKind("a number, or `forever`", scalar=Text("a number, or `forever`", r"forever|\d{1,4}", loose=True)),
            "How many, or `forever`.",
        ),
        "wait": optional(
            ByKind(
                "a duration, a list of durations, or `{exponential: …}`",
                scalar=Duration(),
                sequence=ListOf(Duration(), least=1),
                mapping=Record("a wait", {"exponential": required(EXPONENTIAL)}),
            )
        ),
        "jitter": optional(Number(0, 1, whole=False), "Up to this fraction more."),
    },
)
FALLOUT_ROW = Record(
    "a row of the fallout table",
    {
        "system": optional(NAME),
        "interface": optional(Text("an interface", r"(?:[A-Za-z][\w-]*\.)?[A-Za-z][\w-]*")),
        "item_type": optional(OneOf(tuple(ItemType))),
        "class": optional(OneOf(tuple(FailureClass))),
        "http_status": optional(Number(100, 599)),
        "code": optional(LOOSE_TEXT),
        "message": optional(TEXT, "A regular expression searched in the message."),
        "retry": required(NAME, "The retry policy; `none` for no retry."),
        "queue": required(NAME),
        "severity": optional(OneOf(("Low", "Medium", "High"))),
        "suggestions": optional(ListOf(TEXT)),
    },
)
FALLOUT = Record(
    "the fallout table",
    {
        "retry_policies": optional(MapOf(NAME, RETRY_POLICY)),
        "policies": optional(ListOf(FALLOUT_ROW)),
    },
)

# -- Salesforce -----------------------------------------------------------------------------------------

INTAKE_FIELD = ByKind(
    "a field, or a mapping with `field`",
    scalar=FIELD_PATH,
    mapping=Record(
        "an intake field",
        {
            "field": required(FIELD_PATH),
            "values": optional(MapOf(Text("a stored value", loose=True), AnyJson()), "Translates what is stored."),
            "default": optional(AnyJson()),
            "json": optional(Boolean(), "The field holds a JSON object as text."),
        },
    ),
)
_ATTRIBUTE_KEYS = MapOf(Text("an attribute", r"attributes\.[A-Za-z_][A-Za-z0-9_]*"), INTAKE_FIELD)


def _intake_keys(*names: str, needed: tuple[str, ...]) -> dict[str, Key]:
    return {name: (required if name in needed else optional)(INTAKE_FIELD) for name in names}


INTAKE = Record(
    "the intake",
    {
        "order": required(
            Record(
                "the intake of orders",
                {
                    "object": optional(OBJECT, "Order when absent."),
                    **_intake_keys(
                        *("number", "priority", "requested_at", "supersedes", "supplemental_action"),
                        *("account.id", "account.name", "account.type", "attributes"),
                        needed=("number", "account.id"),
                    ),
                },
                rest=MapOf(Text("an attribute", r"(?:account\.)?attributes\.[A-Za-z_][A-Za-z0-9_]*"), INTAKE_FIELD),
                missing_code="MAP090",
                aliases={"account": "Write `account.id: AccountId`."},
            )
        ),
        "lines": required(
            Record(
                "the intake of order lines",
                {
                    "relationship": optional(OBJECT, "OrderItems when absent."),
                    "order_by": optional(FIELD_PATH, "OrderItemNumber when absent."),
                    **_intake_keys(
                        *("number", "product", "action", "quantity", "parent", "sub_action", "attributes"),
                        needed=("number", "product", "action"),
                    ),
                },
                rest=_ATTRIBUTE_KEYS,
                missing_code="MAP090",
            )
        ),
        "inventory": optional(
            Record(
                "the intake of the inventory",
                {
                    "object": required(OBJECT),
                    "account": required(FIELD_PATH, "The field that holds the account's id."),
                    **_intake_keys("product", "scope_key", "status", "attributes", needed=("product", "scope_key")),
                },
                rest=_ATTRIBUTE_KEYS,
                missing_code="MAP090",
            )
        ),
    },
)

RECORD_MAPPING = Record(
    "a record",
    {
        "object": required(OBJECT),
        "external_id": optional(OBJECT, "The field that the kind's key is upserted by."),
        "fields": required(MapOf(Text("a Salesforce field", r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)?"), Cel())),
        "omit_null": optional(ListOf(Text("a field")), "Fields that are left alone when there is no value."),
    },
)
WRITEBACK = Record("the write-back", {kind: optional(RECORD_MAPPING) for kind in get_args(RecordKind)})


# -- which file holds what ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a set: its name, its shape, whether it is one document in one file."""

    name: str
    shape: Shape
    single: bool = False
    needed: bool = False


FILES: Mapping[str, Part] = {
    "set.yaml": Part("set", SET, single=True, needed=True),
    "intake.yaml": Part("intake", INTAKE, single=True, needed=True),
    "scenarios.yaml": Part("scenarios", SCENARIOS),
    "queues.yaml": Part("queues", QUEUES),
    "fallout.yaml": Part("fallout", FALLOUT, single=True),
    "writeback.yaml": Part("writeback", WRITEBACK, single=True),
}
FOLDERS: Mapping[str, Part] = {
    "products": Part("products", PRODUCTS),
    "decomposition": Part("decomposition", RULES),
    "plans": Part("plans", PLAN),
    "systems": Part("systems", SYSTEM),
}
IGNORED_FOLDERS = frozenset({"cases"})
"""Folders beside the set's own that hold something else: golden cases are not part of what is compiled."""


def part_of(path: str) -> Part | None:
    """The part of a set that a file holds, by its path inside the folder."""
    folder, separator, _ = path.partition("/")
    return FOLDERS.get(folder) if separator else FILES.get(path)


def json_schema(part: Part) -> Schema:
    """The JSON Schema of the files of one part, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"order connector mapping set: {part.name}",
        **part.shape.schema(),
    }
