"""intake.yaml and writeback.yaml: what is read from Salesforce, and what is written to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from connector.mappings.build.values import is_of
from connector.mappings.document import Kind, Node
from connector.mappings.draft import Draft, Made, entries_of, items_of, word
from connector.mappings.salesforce import Intake, IntakeField, RecordMapping
from connector.mappings.set import WRITEBACK
from connector.model.mark import RecordKind
from connector.model.order import LINE_SUPPLEMENTAL_ACTIONS, SUPPLEMENTAL_ACTIONS, Action

_ORDER_SETTINGS = frozenset({"object"})
_LINE_SETTINGS = frozenset({"relationship", "order_by"})
_INVENTORY_SETTINGS = frozenset({"object", "account"})
_VALUES = {
    ("order", "priority"): ("High", "Default", "Bulk"),
    ("order", "supplemental_action"): SUPPLEMENTAL_ACTIONS,
    ("lines", "action"): tuple(action.value for action in Action),
    ("lines", "sub_action"): ("Suspend", "Resume"),
    ("lines", "supplemental_action"): LINE_SUPPLEMENTAL_ACTIONS,
    ("inventory", "status"): ("Active", "Inactive"),
}
"""Canonical values: a translation or default must be one of them."""

_BY_ID: frozenset[RecordKind] = frozenset({"order", "order_line", "command"})
"""Records that exist in Salesforce already and are known by their Id."""


def build(draft: Draft) -> None:
    """Build the intake and the write-back."""
    for document in draft.usable(draft.documents["intake"][:1]):
        draft.intake = Made(_intake(draft, document), document)
    for document in draft.documents["writeback"][:1]:
        for key, value in entries_of(document):
            for kind in get_args(RecordKind):
                if kind == key.text:
                    for node in draft.usable((value,)):
                        draft.writeback[kind] = Made(_record(draft, kind, node), node)


def _intake(draft: Draft, node: Node) -> Intake:
    order, lines, inventory = node["order"], node["lines"], node.get("inventory")
    return Intake(
        order=_fields(draft, "order", order, _ORDER_SETTINGS),
        lines=_fields(draft, "lines", lines, _LINE_SETTINGS),
        inventory=_fields(draft, "inventory", inventory, _INVENTORY_SETTINGS) if inventory is not None else {},
        order_object=word(order, "object", "Order"),
        lines_relationship=word(lines, "relationship", "OrderItems"),
        lines_order_by=word(lines, "order_by", "OrderItemNumber"),
        inventory_object=word(inventory, "object") if inventory is not None else "",
        inventory_account=word(inventory, "account") if inventory is not None else "",
    )


def _fields(draft: Draft, section: str, node: Node, settings: frozenset[str]) -> dict[str, IntakeField]:
    return {
        name.text: _field(draft, section, name.text, value) for name, value in node.entries if name.text not in settings
    }


def _field(draft: Draft, section: str, name: str, node: Node) -> IntakeField:
    if node.kind is not Kind.MAPPING:
        return IntakeField(path=node.text, source=node.source)
    default, values, is_json = node.get("default"), node.get("values"), node.get("json")
    allowed = _VALUES.get((section, name))
    for value in (*(value for _, value in entries_of(values)), *((default,) if default is not None else ())):
        if allowed and value.plain is not None and value.plain not in allowed:
            value.report(draft.findings, "MAP013", f"{value.text!r} is none of {', '.join(allowed)}.")
    if name == "quantity" and default is not None and not is_of(default.plain, "number"):
        default.report(draft.findings, "MAP012", "A quantity is a number.")
    if name == "penalty_approved":
        for value in (*(value for _, value in entries_of(values)), *((default,) if default is not None else ())):
            if not is_of(value.plain, "boolean"):
                value.report(draft.findings, "MAP012", "Whether the penalties are approved is `true` or `false`.")
    if name == "attributes" and default is not None and default.kind is not Kind.MAPPING:
        default.report(draft.findings, "MAP012", "The default of all attributes is a mapping.")
    return IntakeField(
        path=node["field"].text,
        default=default.plain if default is not None else None,
        values={key.text: value.plain for key, value in entries_of(values)},
        json=bool(is_json.plain) if is_json is not None else False,
        source=node.source,
    )


def _record(draft: Draft, kind: RecordKind, node: Node) -> RecordMapping:
    external_id = node.get("external_id")
    if kind in _BY_ID and external_id is not None:
        external_id.report(
            draft.findings,
            "MAP092",
            f"Records of the kind `{kind}` exist in Salesforce and are updated by their Id.",
            hint="Take `external_id` out.",
        )
    if kind not in _BY_ID and external_id is None:
        node.report(
            draft.findings, "MAP092", f"Records of the kind `{kind}` are made by the connector and need `external_id`."
        )
    fields = entries_of(node.get("fields"))
    _written_once(draft, fields, external_id)
    names = {name.text for name, _ in fields}
    omit = items_of(node.get("omit_null"))
    for name in omit:
        draft.known(name, names, "MAP013", "field", inside="in `fields`")
    return RecordMapping(
        kind=kind,
        object=node["object"].text,
        external_id=external_id.text if external_id is not None else None,
        fields={name.text: draft.expressions.scalar(value, WRITEBACK) for name, value in fields},
        omit_null=frozenset(name.text for name in omit),
        source=node.source,
    )


def _written_once(draft: Draft, fields: tuple[tuple[Node, Node], ...], external_id: Node | None) -> None:
    """Field names know no case in Salesforce, and `Plan__r.X` sets the same field as `Plan__c`."""
    written: dict[str, str] = {"id": "Id"}
    if external_id is not None:
        written[external_id.text.lower()] = external_id.text
    for name, _ in fields:
        field = _field_set_by(name.text)
        if field in written:
            by = written[field]
            because = (
                "the key of the record"
                if by in {"Id", external_id.text if external_id else ""}
                else f"also written as `{by}`"
            )
            name.report(draft.findings, "MAP091", f"The field `{name.text}` is {because}.")
        written.setdefault(field, name.text)


def _field_set_by(name: str) -> str:
    relationship, separator, _ = name.lower().partition(".")
    if not separator:
        return relationship
    return f"{relationship[:-3]}__c" if relationship.endswith("__r") else f"{relationship}id"


def intake_attributes(fields: Mapping[str, IntakeField], prefix: str = "attributes") -> frozenset[str] | None:
    """The attributes that an intake section fills; None when it takes whatever a JSON field holds."""
    if prefix in fields:
        return None
    return frozenset(name.removeprefix(f"{prefix}.") for name in fields if name.startswith(f"{prefix}."))
