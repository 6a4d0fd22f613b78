"""What is right is not complained about: variations of the valid set that stay without a finding."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.mappings.valid_set import FILES, broken, check

BOXES, PARCELS, LABELS = "decomposition/boxes.yaml", "plans/parcels.yaml", "plans/labels.yaml"
COMMERCIAL, TECHNICAL = "products/commercial.yaml", "products/technical.yaml"
WAREHOUSE, PRINTER = "systems/warehouse.yaml", "systems/printer.yaml"


def added(path: str, text: str) -> dict[str, str]:
    return {**FILES, path: FILES.get(path, "") + text}


WELCOME: Mapping[str, dict[str, str]] = {
    "the asset of any order line": broken(BOXES, "pieces: 1", "pieces: 'line.attributes.assetId == \"x\" ? 1 : 2'"),
    "attributes of a line whose product declares none": broken(
        COMMERCIAL, "    fulfillment: none\n", "", (BOXES, "rules:\n", "rules:\n  - {id: w, from: WRAP, to: LABEL, attributes: {sku: line.attributes.anything}}\n"),
    ),
    "any attribute of the order when it is read as JSON": broken(
        "intake.yaml", "attributes.channel: Channel__c", "attributes: {field: Attributes__c, json: true}",
        (BOXES, "order.attributes.channel", "order.attributes.whatever"),
    ),
    "lines around a line": broken(
        BOXES, 'line.action != "Disconnect"',
        'line.children.exists(c, c.product == "WRAP" && c.attributes.size == "S") && has(line.parent) && line.root.number == "1"',
    ),
    "an output of an interface as an attribute": broken(
        PARCELS, "event.tracking == line.attributes.tracking", "event.tracking == line.attributes.shipment",
    ),
    "a form field as an attribute": broken(PARCELS, 'when: line.action == "Add"', 'when: line.attributes.?remark.orValue("") != ""'),
    "an attribute that an item sets": broken(LABELS, "interface: printer.print", "interface: printer.print\n  - {key: look, type: auto, task: set, set: {seen: line.attributes.?lifecycle.orValue('')}, after: print}"),
    "what has changed": broken(PARCELS, 'when: line.action == "Add"', "when: has(line.changes.address) && line.changes.address.old != null"),
    "the failure of an item": broken(
        "writeback.yaml", "plan:\n", "item:\n  object: I\n  external_id: E\n  fields:\n    Code: item.?failure.?code.orValue(null)\n    Line: line.?attributes.?sku.orValue(null)\nplan:\n",
    ),
    "status and progress of a commercial line": broken(
        "writeback.yaml", "plan:\n", "order_line:\n  object: OrderItem\n  fields: {A: source.status, B: source.progress, C: source.attributes.size}\nplan:\n",
    ),
    "a plan of a commercial product": added(
        "scenarios.yaml", "  - {product: BOX, action: [Add], plan: greet}\n",
    ) | {"plans/greet.yaml": "plan: greet\nitems:\n  - {key: hello, type: manual, queue: Checkers, instructions: line.attributes.size + line.number}\n"},
    "rules that share a target in one group": broken(
        BOXES, "    to: LABEL\n", "    to: LABEL\n    xor: one\n    when: line.quantity > 1.0\n",
        (BOXES, "sku: line.attributes.sku\n", "sku: line.attributes.sku\n  - {id: rest, from: PARCEL, to: LABEL, xor: one, attributes: {sku: line.attributes.sku}}\n"),
    ),
    "an item in one definition by its plan": broken(PARCELS, "print@bundle", "print/print@line"),
    "an event of another system": broken(
        PARCELS, "on: warehouse.arrived", "on: printer.arrived",
        (PRINTER, "interfaces:", "inbound:\n  secret: printer\n  events:\n    arrived: {order: body.order, outputs: {tracking: body.tracking}}\ninterfaces:"),
        (WAREHOUSE, '    arrived:\n      when: body.event == "arrived"\n      order: body.order\n      outputs: {tracking: body.tracking}\n', ""),
    ),
    "a call-back that an event item waits for": broken(WAREHOUSE, "order: body.order", "item: body.reference"),
    "a timer until a time": broken(PARCELS, "duration: PT1H", "until: now + duration('3h')"),
    "two scenarios told apart by a condition": added("scenarios.yaml", "  - {product: PARCEL, action: Add, when: line.quantity > 3.0, plan: send}\n"),
    "two rows that differ in one field": added("fallout.yaml", "  - {class: transient, system: printer, retry: growing, queue: Trouble}\n"),
    "a mandatory attribute that comes from an answer": broken(TECHNICAL, "tracking: string", "tracking: {type: string, required: true}"),
    "a mandatory attribute with a default": broken(TECHNICAL, "address: string", "address: {type: string, required: true, default: here}"),
    "one entry of a list that is merged": broken(TECHNICAL, "pieces: {type: integer, merge: sum}", "pieces: {type: list, merge: list}"),
    "a technical product without fulfillment": broken(
        "scenarios.yaml", "class: Thing", "product: PARCEL", (TECHNICAL, "scope_key: line.attributes.sku\n", "scope_key: line.attributes.sku\n    fulfillment: none\n"),
    ),
    "what is installed": broken(BOXES, "pieces: 1", "pieces: inventory.?pieces.orValue(1)"),
    "headers in lower case, or by a computed name": broken(PRINTER, 'headers["content-type"]', 'headers[body.name + "X"]'),
    "an interface without a body, a list as a body": broken(WAREHOUSE, '      body:\n        reference: item.ref\n        pieces: line.attributes.pieces\n        label: bundle["LABEL"].sku\n        to:\n          name: order.?requested_at.orValue("now")\n          address?: line.attributes.?address\n        flags: [true, 2, line.quantity > 1.0]\n', "      body: [item.ref, {a: order.id}]\n"),
    "a comment in a block": broken(BOXES, "pieces: 1", "pieces: |\n        // how many\n        1"),
    "times as text": broken("writeback.yaml", "plan.?started_at.orValue(null)", "now"),
    "durations of every unit": broken(PARCELS, "within: P7D", "within: P1W"),
    "no inventory": broken("intake.yaml", "inventory:\n  object: Inventory_Item__c\n  account: Account__c\n  product: Product__c\n  scope_key: Scope_Key__c\n", ""),
    "a set without order of files": dict(sorted(FILES.items(), reverse=True)),
}  # fmt: skip


@pytest.mark.parametrize("what", WELCOME)
def test_it_is_welcome(what: str) -> None:
    result = check(WELCOME[what])
    assert [str(found) for found in result.diagnostics] == []
    assert result.mapping_set is not None
