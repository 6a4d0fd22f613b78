"""intake.yaml, writeback.yaml: what is read from Salesforce and written to it."""

from __future__ import annotations

from typing import get_args

from connector.mappings.form.words import FIELD_PATH, OBJECT
from connector.mappings.shapes import (
    AnyJson,
    Boolean,
    ByKind,
    Cel,
    Key,
    ListOf,
    MapOf,
    Record,
    Text,
    optional,
    required,
)
from connector.model.mark import RecordKind

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
                        *("follows", "penalty_approved", "approved_by"),
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
                        *("supersedes", "supplemental_action"),
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
