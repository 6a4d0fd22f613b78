"""A small mapping set without a fault, and ways of breaking it."""

from __future__ import annotations

from collections.abc import Mapping

from connector.mappings.compile import CheckResult, compile_set
from connector.mappings.diagnostics import Diagnostic

FILES: Mapping[str, str] = {
    "set.yaml": """\
name: tiny
version: 3
timezone: Europe/Berlin
fallout_queue: Trouble
""",
    "intake.yaml": """\
order:
  number: OrderNumber
  priority: {field: Priority__c, values: {Fast: High}, default: Default}
  account.id: AccountId
  account.type: Account.Type
  account.attributes.segment: Account.Segment__c
  attributes.channel: Channel__c
lines:
  number: OrderItemNumber
  product: Product2.ProductCode
  action: {field: Action__c, default: Add}
  attributes: {field: Attributes__c, json: true}
inventory:
  object: Inventory_Item__c
  account: Account__c
  product: Product__c
  scope_key: Scope_Key__c
""",
    "products/commercial.yaml": """\
classes:
  - name: Sellable
    attributes:
      colour: string
products:
  - code: BOX
    name: A box
    kind: commercial
    class: Sellable
    attributes:
      size: {type: string, required: true, values: [S, L]}
      weight: {type: number, default: 1.5}
  - code: WRAP
    kind: commercial
    fulfillment: none
lists:
  skus: {S: BOX-S, L: BOX-L}
""",
    "products/technical.yaml": """\
classes:
  - name: Thing
    attributes:
      sku: {type: string, required: true}
  - name: Parcel
    parent: Thing
    attributes:
      tracking: string
products:
  - code: PARCEL
    name: A parcel
    kind: technical
    class: Parcel
    request: logistics
    scope: bundle
    attributes:
      address: string
      pieces: {type: integer, merge: sum}
  - code: LABEL
    kind: technical
    class: Thing
    scope_key: line.attributes.sku
    request: logistics
""",
    "decomposition/boxes.yaml": """\
rules:
  - id: box-to-parcel
    from: BOX
    to: PARCEL
    when: order.account.type == "Consumer" && line.action != "Disconnect"
    attributes:
      sku: {list: skus, key: line.attributes.size}
      address: {value: order.attributes.channel, default: unknown}
      pieces: 1
  - id: parcel-to-label
    from: {class: Parcel}
    to: LABEL
    attributes:
      sku: line.attributes.sku
""",
    "plans/parcels.yaml": """\
plan: send
items:
  - key: check
    type: manual
    queue: Checkers
    instructions: '"Check " + line.attributes.sku'
    outcomes: [Fine, Broken]
    failing_outcomes: [Broken]
    form:
      - {name: remark, label: Remark, type: string}
  - key: ship
    name: Ship it
    type: callout
    after: [check, print@bundle]
    interface: warehouse.ship
    completes: {on: warehouse.shipped, within: P2D}
    ponr: hard
    duration: {likely: PT20S}
  - key: arrived
    type: event
    after: ship
    completes:
      on: warehouse.arrived
      match: event.tracking == line.attributes.tracking
      within: P7D
  - key: rest
    type: timer
    after: [arrived]
    duration: PT1H
  - key: note
    type: auto
    task: set
    when: line.action == "Add"
    set:
      lifecycle: '"delivered"'
    after: [rest]
  - key: done
    type: milestone
    scope: order
    after: [note]
""",
    "plans/labels.yaml": """\
plan: print
items:
  - key: print
    type: callout
    interface: printer.print
""",
    "scenarios.yaml": """\
scenarios:
  - {product: PARCEL, action: [Add, Change], plan: send}
  - {class: Thing, action: Add, when: line.product == "LABEL", plan: print}
""",
    "systems/warehouse.yaml": """\
system: warehouse
base_url: ${WAREHOUSE_URL}
auth: {oauth2: warehouse}
limits: {concurrency: 5, per_second: 2.5}
inbound:
  secret: warehouse
  events:
    shipped:
      when: body.event == "shipped"
      item: body.reference
      ok: body.event == "shipped"
      code: body.code
      outputs: {tracking: body.tracking}
    arrived:
      when: body.event == "arrived"
      order: body.order
      outputs: {tracking: body.tracking}
interfaces:
  ship:
    request:
      method: POST
      path: '"/v1/shipments/" + line.attributes.sku'
      query: {express: order.priority == "High"}
      headers: {X-Channel: order.attributes.channel}
      body:
        reference: item.ref
        pieces: line.attributes.pieces
        label: bundle["LABEL"].sku
        to:
          name: order.?requested_at.orValue("now")
          address?: line.attributes.?address
        flags: [true, 2, line.quantity > 1.0]
    idempotency: {header: Idempotency-Key}
    timeout: PT10S
    response:
      accepted: status == 202
      outputs: {shipment: body.id}
    errors:
      - {when: status == 409, class: business, code: SOLD_OUT, message: body.message}
""",
    "systems/printer.yaml": """\
system: printer
base_url: ${PRINTER_URL}
interfaces:
  print:
    request: {method: PUT, path: '"/labels"', body: 'line.attributes'}
    response: {ok: 'status == 200 && headers["content-type"] == "text/plain"'}
""",
    "queues.yaml": """\
queues:
  - {name: Checkers, developer_name: Checkers, label: The checkers}
  - {name: Trouble, developer_name: Order_Fallout, label: Trouble, kind: fallout}
""",
    "fallout.yaml": """\
retry_policies:
  soon: {retries: 3, wait: [PT1S, PT5S]}
  growing: {retries: forever, wait: {exponential: {first: PT1S, factor: 3, cap: PT1M}}, jitter: 0.1}
policies:
  - {class: transient, retry: growing, queue: Trouble}
  - {system: warehouse, interface: ship, code: SOLD_OUT, retry: soon, queue: Trouble, severity: High}
  - {message: "time.?out", retry: none, queue: Trouble}
""",
    "writeback.yaml": """\
order:
  object: Order
  fields:
    Fulfillment_Status__c: plan.status
plan:
  object: Orchestration_Plan__c
  external_id: External_Id__c
  fields:
    Order__c: order.id
    Started_At__c: plan.?started_at.orValue(null)
  omit_null: [Started_At__c]
""",
}


def broken(path: str, old: str, new: str, *more: tuple[str, str, str]) -> dict[str, str]:
    """The files with one text replaced by another, in one or several places."""
    files = dict(FILES)
    for name, before, after in ((path, old, new), *more):
        assert files.get(name, "").count(before) == 1, f"{before!r} is {files[name].count(before)} times in {name}"
        files[name] = files[name].replace(before, after)
    return files


def findings(files: Mapping[str, str], code: str = "") -> list[Diagnostic]:
    """What is found in these files; with a code only those."""
    return [found for found in check(files).diagnostics if code in {"", found.code}]


def check(files: Mapping[str, str]) -> CheckResult:
    """The result of compiling these files."""
    return compile_set(files)


def marked(files: Mapping[str, str], found: Diagnostic) -> str:
    """The text that the caret of a finding is under."""
    line = files[found.file].splitlines()[found.line - 1]
    return line[found.column - 1 : found.column - 1 + found.length]
