"""systems/*.yaml: systems, interfaces, inbound messages."""

from __future__ import annotations

from datetime import timedelta

from connector.mappings.form.words import ATTRIBUTE, CREDENTIALS, HEADER, NAME, SETTING
from connector.mappings.shapes import (
    ByKind,
    Cel,
    CelTree,
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
        "recall": optional(NAME, "The interface of this system that calls back a request which was accepted."),
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
