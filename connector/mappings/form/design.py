"""decomposition/*.yaml, scenarios.yaml, plans/*.yaml: what is made of an order."""

from __future__ import annotations

from connector.mappings.form.operation import EXPONENTIAL
from connector.mappings.form.time import EXPECTATION, LIMITS
from connector.mappings.form.words import (
    ATTRIBUTE,
    BY_CLASS,
    CODE,
    DEPENDENCY,
    EVENT_NAME,
    INTERFACE,
    LOOSE_TEXT,
    NAME,
    REACTION,
    TEXT,
)
from connector.mappings.set import Scope
from connector.mappings.shapes import (
    AnyJson,
    Boolean,
    ByKind,
    Cel,
    Duration,
    ListOf,
    MapOf,
    Number,
    OneOf,
    Record,
    optional,
    required,
)
from connector.model.order import Action
from connector.model.states import ItemType

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
        "required": optional(
            Boolean(), "True: that the rule waits for an attribute which never comes is fallout; else it is only told."
        ),
        "attributes": optional(
            MapOf(ATTRIBUTE, ByKind("a value", scalar=Cel(), mapping=LOOKUP_OR_VALUE)), "Attributes of the target."
        ),
    },
    aliases={"source": "Did you mean `from`?", "target": "Did you mean `to`?", "condition": "Did you mean `when`?"},
)
RULES = Record("a file of rules", {"rules": required(ListOf(RULE))})


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
        "on": optional(EVENT_NAME, "The event, `system.event`."),
        "match": optional(Cel(), "Takes only the events for which this is true (`event` is what was sent)."),
        "within": optional(Duration(), "How long to wait before it is a failure."),
        "poll": optional(INTERFACE, "callout: what to ask how far it is, `system.interface`."),
        "every": optional(
            ByKind("a duration, or `{first: PT30S, cap: PT1H}`", scalar=Duration(), mapping=EXPONENTIAL),
            "The wait between questions.",
        ),
        "until": optional(Cel(), "The answer says that it is done."),
        "fails": optional(Cel(), "The answer says that it has failed."),
    },
)
START = Record("the start of an item", {"start": required(DEPENDENCY, "The item that must have begun.")})
ITEM = Record(
    "an item",
    {
        "key": required(NAME),
        "type": required(OneOf(tuple(ItemType))),
        "name": optional(TEXT, "For people; made from the key when absent."),
        "scope": optional(OneOf(tuple(Scope)), "One item per line, bundle, order or account."),
        "when": optional(Cel(), "False: the item is skipped."),
        "skip_branch": optional(Boolean(), "True: with the item is skipped what comes after nothing else."),
        "after": optional(
            ListOf(ByKind("an item to wait for", scalar=DEPENDENCY, mapping=START), or_one=True),
            "The items that must be over first; with `{start: key}` those that must have begun.",
        ),
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
        "calendar": optional(NAME, "All durations of the item are in the time of this calendar."),
        "not_before": optional(Cel(), "The item does not start before this date and time."),
        "due": optional(Duration(), "manual: how soon it should be done."),
        "jeopardy": optional(LIMITS, "For how long it may run before people should know."),
        "until": optional(Cel(), "timer: until when."),
        "task": optional(OneOf(("assetize", "set")), "auto: which built-in task."),
        "set": optional(MapOf(ATTRIBUTE, Cel()), "auto `set`: attributes of the technical line."),
        "plan": optional(NAME, "subplan: the plan definition of its items."),
        "for_each": optional(Cel(), "subplan: an instance for each element of this list; its items see `item.each`."),
        "collect": optional(ATTRIBUTE, "subplan with `for_each`: the attribute that gets what the instances put out."),
        "ponr": optional(OneOf(("soft", "hard")), "The point of no return."),
        "penalty": optional(TEXT, "What it costs to pass a soft point of no return."),
        "reacts_to": optional(ListOf(REACTION), "The changes that touch it; every change of its lines when absent."),
        "on_cancel": optional(NAME, "The plan definition that takes back what it did."),
        "on_amend": optional(NAME, "The plan definition that brings what it did to the new values."),
    },
)
PLAN = Record(
    "a plan definition",
    {"plan": required(NAME, "The definition's name."), "items": required(ListOf(ITEM, least=1))},
)


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
