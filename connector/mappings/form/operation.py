"""set.yaml, queues.yaml, fallout.yaml: the set itself, and what happens when something fails."""

from __future__ import annotations

from connector.mappings.form.time import ALARM, CALENDARS
from connector.mappings.form.words import LOOSE_TEXT, NAME, OBJECT, TEXT
from connector.mappings.shapes import (
    ByKind,
    Duration,
    ListOf,
    MapOf,
    Number,
    OneOf,
    Record,
    Text,
    optional,
    required,
)
from connector.model.failure import FailureClass
from connector.model.states import ItemType

SET = Record(
    "the set",
    {
        "name": required(NAME, "The set's name."),
        "version": required(LOOSE_TEXT, "For people: which edition this is."),
        "timezone": optional(LOOSE_TEXT, "IANA name of the time zone that dates are meant in; UTC when absent."),
        "follow_on": optional(
            Record(
                "how orders follow each other",
                {
                    "patience": optional(
                        Duration(), "How long one waits for another that has not come; P1D when absent."
                    ),
                },
            )
        ),
        "fallout_queue": required(NAME, "The queue for fallout that no row of fallout.yaml speaks of."),
        "calendars": optional(CALENDARS, "By name: when people work."),
        "jeopardy": optional(ALARM, "When an order is in jeopardy, and what is done then."),
    },
)


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
