"""A mapping set of the Salesforce side alone, made by hand: what the tests of this room read and write by."""

from __future__ import annotations

from collections.abc import Mapping

from connector.mappings.policies import Queue
from connector.mappings.salesforce import Intake, IntakeField, RecordMapping
from connector.mappings.set import WRITEBACK, MappingSet, Product
from connector.model.mark import RecordKind

INTAKE = Intake(
    order={
        "number": IntakeField(path="OrderNumber"),
        "priority": IntakeField(path="Fulfillment_Priority__c", default="Default"),
        "requested_at": IntakeField(path="Requested_Completion__c"),
        "supersedes": IntakeField(path="Supersedes__c"),
        "supplemental_action": IntakeField(path="Supplemental_Action__c"),
        "follows": IntakeField(path="Follows__c"),
        "penalty_approved": IntakeField(path="Penalty_Approved__c"),
        "account.id": IntakeField(path="AccountId"),
        "account.name": IntakeField(path="Account.Name"),
        "account.type": IntakeField(path="Account.Type"),
        "attributes": IntakeField(path="Attributes__c", json=True),
    },
    lines={
        "number": IntakeField(path="OrderItemNumber"),
        "product": IntakeField(path="Product2.ProductCode"),
        "action": IntakeField(path="Action__c", default="Add"),
        "sub_action": IntakeField(path="Sub_Action__c"),
        "quantity": IntakeField(path="Quantity", default=1),
        "parent": IntakeField(path="Parent_Line__c"),
        "supersedes": IntakeField(path="Supersedes_Line__c"),
        "supplemental_action": IntakeField(path="Supplemental_Action__c"),
        "attributes": IntakeField(path="Attributes__c", json=True),
    },
    inventory={
        "product": IntakeField(path="Product__c"),
        "scope_key": IntakeField(path="Scope_Key__c"),
        "status": IntakeField(path="Status__c"),
        "attributes": IntakeField(path="Attributes__c", json=True),
    },
    inventory_object="Inventory_Item__c",
    inventory_account="Account__c",
)


def record(
    kind: RecordKind,
    name: str,
    fields: Mapping[str, str],
    *,
    external_id: str | None = None,
    omit_null: frozenset[str] = frozenset(),
) -> RecordMapping:
    """How one kind is written; the fields' values are expressions."""
    compiled = {field: WRITEBACK.compile(text) for field, text in fields.items()}
    return RecordMapping(kind=kind, object=name, external_id=external_id, fields=compiled, omit_null=omit_null)


EXTERNAL_ID = "External_Id__c"

WRITES: dict[RecordKind, RecordMapping] = {
    "order": record(
        "order",
        "Order",
        {"Fulfillment_Status__c": "plan.status", "Fulfillment_Message__c": "plan.?message.orValue(null)"},
    ),
    "order_line": record("order_line", "OrderItem", {"Fulfillment_Status__c": "source.status"}),
    "plan": record(
        "plan",
        "Orchestration_Plan__c",
        {"Order__c": "order.id", "State__c": "plan.state", "Message__c": "plan.?message.orValue(null)"},
        external_id=EXTERNAL_ID,
    ),
    "request": record(
        "request",
        "Fulfillment_Request__c",
        {"Name": "request.domain", "Order__c": "order.id", "Status__c": "request.status"},
        external_id=EXTERNAL_ID,
    ),
    "line": record(
        "line",
        "Fulfillment_Line__c",
        {
            "Name": "line.name",
            "Order__c": "order.id",
            "Request__r.External_Id__c": 'order.id + "-" + line.request',
            "Attributes__c": "line.attributes",
        },
        external_id=EXTERNAL_ID,
    ),
    "item": record(
        "item",
        "Orchestration_Item__c",
        {
            "Name": "item.name",
            "Order__c": "order.id",
            "Plan__r.External_Id__c": "order.id",
            "Fulfillment_Line__r.External_Id__c": 'has(item.line) ? order.id + "-T" + string(item.line) : dyn(null)',
            "Item_Key__c": "item.key",
            "State__c": "item.state",
            "Waiting_For__c": "item.?waiting_for.orValue(null)",
            "Outputs__c": "item.outputs",
            "Error_Message__c": "item.?message.orValue(null)",
            "OwnerId": "item.?queue.orValue(null)",
        },
        external_id=EXTERNAL_ID,
        omit_null=frozenset({"Waiting_For__c"}),
    ),
    "inventory": record(
        "inventory",
        "Inventory_Item__c",
        {"Name": "inventory.name", "Account__c": "inventory.account", "Last_Order__c": "order.id"},
        external_id=EXTERNAL_ID,
    ),
    "fallout": record(
        "fallout",
        "Case",
        {
            "Subject": "fallout.subject",
            "Fulfillment_Order__c": "order.id",
            "Orchestration_Item__r.External_Id__c": "fallout.item_ref",
            "OwnerId": "fallout.queue",
        },
        external_id="Fulfillment_Key__c",
    ),
    "command": record(
        "command",
        "Fulfillment_Command__c",
        {"Status__c": "command.answer", "Answer__c": "command.message", "Answered_At__c": "now"},
    ),
}


def product(code: str) -> Product:
    """A product that a set knows."""
    return Product(code=code, name=code, kind="commercial")


def mapping_set(
    name: str = "test",
    *,
    products: tuple[str, ...] = (),
    intake: Intake = INTAKE,
    writes: Mapping[RecordKind, RecordMapping] | None = None,
) -> MappingSet:
    """A set that knows these products, and nothing of their fulfillment."""
    return MappingSet(
        name=name,
        version="1",
        hash=f"hash-of-{name}",
        products={code: product(code) for code in products},
        queues={"credit": Queue(name="credit", developer_name="Credit_Check", label="Credit check")},
        intake=intake,
        writeback=WRITES if writes is None else writes,
    )
