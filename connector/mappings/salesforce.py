"""The Salesforce side of a compiled set: where orders are read from, and what is written to which records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from connector.mappings.expression import NOWHERE, Expression, Source
from connector.mappings.reads import Reads, reads
from connector.model.json import Json
from connector.model.mark import RecordKind


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeField:
    """Where a canonical field comes from: a field path of the queried object (`Account.Type`).

    `values` translates what is stored; an untranslated value is kept. `json` says that the field holds
    a JSON object as text.
    """

    path: str
    default: Json = None
    values: Mapping[str, Json] = field(default_factory=dict)
    json: bool = False
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Salesforce records → canonical order. Keys with a dot below `attributes.` fill attributes.

    order: `number`, `priority`, `requested_at`, `supersedes`, `supplemental_action`, `follows`,
    `penalty_approved`, `approved_by`, `account.id`, `account.name`, `account.type`, `account.attributes.*`,
    `attributes.*`, `attributes`.
    lines: `number`, `product`, `action`, `quantity`, `parent`, `sub_action`, `supersedes`,
    `supplemental_action`, `attributes`, `attributes.*`.
    inventory: `product`, `scope_key`, `status`, `attributes`, `attributes.*`.
    """

    order: Mapping[str, IntakeField]
    lines: Mapping[str, IntakeField]
    inventory: Mapping[str, IntakeField]
    order_object: str = "Order"
    lines_relationship: str = "OrderItems"
    lines_order_by: str = "OrderItemNumber"
    inventory_object: str = ""
    """Empty: this org keeps no inventory."""
    inventory_account: str = ""
    """The field of the inventory object that holds the account's id."""


@dataclass(frozen=True, kw_only=True)
class RecordMapping:
    """How one kind of thing is written to Salesforce.

    With `external_id` records are upserted by that field, whose value is the kind's key; without, they
    are updated by `Id`. A field whose expression gives null is cleared; `omit_null` leaves it alone.
    """

    kind: RecordKind
    object: str
    external_id: str | None
    fields: Mapping[str, Expression]
    omit_null: frozenset[str] = frozenset()
    source: Source = NOWHERE

    @cached_property
    def reads(self) -> Reads:
        """What the variables have to hold for the fields."""
        return reads(self.fields.values())
