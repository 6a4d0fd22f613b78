"""Two small mapping sets with every type of item; they differ in what they do about failures."""

from __future__ import annotations

from functools import cache

from connector.mappings.compile import compile_set
from connector.mappings.set import MappingSet

_VERSION = "    Version__c: order.attributes.seen\n"
"""Which state of the store a record was written from: how the checker sees a record go back."""

_FILES = {
    "set.yaml": 'name: NAME\nversion: "1"\ntimezone: UTC\nfollow_on: {patience: PT10S}\nfallout_queue: Order_Fallout\n',
    "queues.yaml": """
queues:
  - {name: Desk, developer_name: Desk, label: Desk, kind: manual}
  - {name: Order_Fallout, developer_name: Order_Fallout, label: Order fallout, kind: fallout}
""",
    "products/all.yaml": """
products:
  - code: PHONE
    name: Phone
    kind: commercial
    attributes:
      tier: {type: string, required: true, values: [S, L]}
  - code: HOME
    name: Home
    kind: commercial
    attributes:
      tier: {type: string, required: true, values: [S, L]}
  - code: NUMBER
    name: Number
    kind: technical
    request: network
    attributes:
      number: {type: string, compare: false}
      noted: {type: string, compare: false}
  - code: ROUTE
    name: Route
    kind: technical
    request: network
    attributes:
      to: {type: string, required: true}
      number: {type: string, compare: false}
  - code: ACCESS
    name: Access
    kind: technical
    request: network
    attributes:
      tier: {type: string, required: true}
      line: {type: string, compare: false}
      activatedAs: {type: string, compare: false}
  - code: VISIT
    name: Visit
    kind: technical
    request: field
    attributes:
      slot: {type: string, compare: false}
      equipped: {type: list, compare: false}
      visit: {type: integer, compare: false}
""",
    "decomposition/all.yaml": """
rules:
  - {id: phone-number, from: PHONE, to: NUMBER}
  # What the plan grows by is known when the number is, and not for every number.
  - {id: number-route, from: NUMBER, to: ROUTE, required: true, when: line.attributes.number.endsWith("1"),
     attributes: {to: line.attributes.number}}
  - {id: phone-access, from: PHONE, to: ACCESS, attributes: {tier: line.attributes.tier}}
  - {id: home-access, from: HOME, to: ACCESS, attributes: {tier: line.attributes.tier}}
  - {id: home-visit, from: HOME, to: VISIT}
""",
    "scenarios.yaml": """
scenarios:
  - {product: NUMBER, action: [Add], plan: number}
  - {product: ROUTE, action: [Add], plan: route}
  - {product: ACCESS, action: [Add], plan: access}
  - {product: VISIT, action: [Add], plan: visit}
  - {product: ACCESS, action: [Add], plan: finish}
""",
    "plans/all.yaml": """
plan: number
items:
  - {key: reserve, name: Reserve, type: callout, interface: net.reserve, on_cancel: unreserve}
  - {key: note, name: Note, type: auto, task: set, after: [reserve], set: {noted: '"yes"'}}
  - key: assign
    name: Assign
    type: callout
    interface: pay.assign
    after: [note, "activate@bundle"]
    on_cancel: unassign
---
plan: unreserve
items:
  - {key: release, name: Release, type: callout, interface: net.release}
---
plan: unassign
items:
  - {key: unassign, name: Unassign, type: callout, interface: net.release}
---
plan: deactivate
items:
  - {key: deactivate, name: Deactivate, type: callout, interface: net.release}
---
plan: change-access
items:
  - {key: prepare, name: Prepare, type: callout, interface: net.release}
  - {key: change, name: Change, type: callout, interface: net.release, after: [prepare]}
---
plan: unbook
items:
  - {key: unbook, name: Unbook, type: callout, interface: net.release}
---
plan: route
items:
  - {key: route, name: Route, type: callout, after: ["reserve@bundle"], interface: net.reserve}
---
plan: access
items:
  - key: check
    name: Check
    type: manual
    scope: order
    queue: Desk
    instructions: '"Look at " + order.number'
    outcomes: [Fine, Bad]
    failing_outcomes: [Bad]
    form:
      - {name: score, label: Score, type: integer, required: true}
  - key: large
    name: Ask for the large one
    type: callout
    when: line.attributes.tier == "L"
    skip_branch: true
    interface: net.reserve
    on_cancel: unreserve
  - {key: fit, name: Fit the large one, type: callout, after: [large], interface: pay.assign, on_cancel: unassign}
  - key: activate
    name: Activate
    type: callout
    after: [check, fit, "reserve@bundle", "route@bundle", "book@bundle"]
    interface: net.activate
    completes: {on: net.activated, within: PT8S}
    reacts_to: [tier]
    on_cancel: deactivate
    on_amend: change-access
  - {key: pause, name: Pause, type: timer, after: [activate], duration: PT2S}
  - {key: charge, name: Charge, type: callout, after: [{start: pause}], interface: pay.charge, ponr: soft, penalty: 20 EUR}
  - {key: done, name: Done, type: milestone, after: [pause, charge]}
---
plan: visit
items:
  - key: book
    name: Book
    type: callout
    interface: field.book
    on_cancel: unbook
    completes:
      poll: field.status
      every: {first: PT1S, factor: 2, cap: PT4S}
      until: body.state == "booked"
      fails: body.state == "refused"
      within: PT30S
  - {key: visited, name: First visit, type: event, after: [book], completes: {on: field.visited, within: PT25S}}
  - {key: again, name: Second visit, type: event, after: [visited], ponr: hard, completes: {on: field.visited}}
  - {key: equip, name: Equip, type: subplan, after: [book], plan: equip, for_each: '["hall", "attic"]', collect: equipped}
---
plan: equip
items:
  - {key: mount, name: Mount, type: callout, interface: field.mount}
  - {key: tested, name: Test, type: auto, task: set, after: [mount], set: {tested: 'line.attributes.?mounted.orValue("by hand")'}}
---
plan: finish
items:
  - key: finish
    name: Finish
    type: auto
    task: assetize
    scope: order
    after: ["done@order", "again@order", "equip@order", "assign@order"]
""",
    "systems/net.yaml": """
system: net
base_url: ${NET_URL}
auth: none
inbound:
  secret: net
  events:
    activated: {when: body.event == "activated", item: body.reference, ok: body.ok, code: '"NO_ACCESS"', message: '"no"'}
limits: {concurrency: 3}
interfaces:
  release:
    request: {method: POST, path: '"/release"', body: {reference: item.ref, number: line.attributes.?number.orValue("none")}}
    idempotency: {header: Idempotency-Key}
    timeout: PT3S
    errors: [{when: status == 409, class: business, code: TAKEN}]
  reserve:
    request: {method: POST, path: '"/reserve"', body: {reference: item.ref, at: string(now)}}
    idempotency: {header: Idempotency-Key}
    timeout: PT3S
    response: {outputs: {number: body.number}}
    errors: [{when: status == 409, class: business, code: TAKEN}]
  activate:
    request: {method: POST, path: '"/activate"', body: {reference: item.ref, tier: line.attributes.tier}}
    idempotency: {header: Idempotency-Key}
    timeout: PT3S
    response: {accepted: status == 202}
    errors: [{when: status == 409, class: business, code: TAKEN}]
""",
    "systems/pay.yaml": """
system: pay
base_url: ${PAY_URL}
auth: none
interfaces:
  charge:
    request: {method: POST, path: '"/charge"', body: {reference: item.ref, tier: line.attributes.tier}}
    timeout: PT3S
    errors: [{when: status == 409, class: business, code: TAKEN}]
  assign:
    request: {method: POST, path: '"/assign"', body: {reference: item.ref, number: line.attributes.?number.orValue("none")}}
    idempotency: {header: Idempotency-Key}
    timeout: PT3S
    errors: [{when: status == 409, class: business, code: TAKEN}]
""",
    "systems/field.yaml": """
system: field
base_url: ${FIELD_URL}
auth: none
inbound:
  secret: field
  events:
    visited: {when: body.event == "visited", order: body.order, outputs: {visit: body.visit}}
interfaces:
  book:
    request: {method: POST, path: '"/book"', body: {reference: item.ref}}
    idempotency: {header: Idempotency-Key}
    timeout: PT3S
    response: {accepted: status == 202}
    errors: [{when: status == 409, class: business, code: TAKEN}]
  mount:
    request: {method: POST, path: '"/mount"', body: {reference: item.ref, room: item.each}}
    idempotency: {header: Idempotency-Key}
    timeout: PT3S
    response: {outputs: {mounted: body.number}}
    errors: [{when: status == 409, class: business, code: TAKEN}]
  status:
    request: {method: GET, path: '"/visits/" + item.ref'}
    timeout: PT3S
    response: {outputs: {slot: body.?slot.orValue(null)}}
""",
    "fallout.yaml": "FALLOUT",
    "intake.yaml": """
order:
  object: Order
  number: OrderNumber
  priority: {field: Fulfillment_Priority__c, values: {High: High, Default: Default, Bulk: Bulk}, default: Default}
  account.id: AccountId
  follows: Follows__c
  supersedes: Supersedes__c
  supplemental_action: Supplemental_Action__c
  attributes: {field: Attributes__c, json: true}
lines:
  relationship: OrderItems
  number: OrderItemNumber
  product: Product2.ProductCode
  action: {field: Action__c, default: Add}
  quantity: {field: Quantity, default: 1}
  parent: Parent_Line__c
  supersedes: Supersedes__c
  supplemental_action: Supplemental_Action__c
  attributes: {field: Attributes__c, json: true}
inventory:
  object: Inventory_Item__c
  account: Account__c
  product: Product__c
  scope_key: Scope_Key__c
  status: Status__c
  attributes: {field: Attributes__c, json: true}
""",
    "writeback.yaml": f"""
order:
  object: Order
  fields:
    Fulfillment_Status__c: plan.status
    Fulfillment_Progress__c: plan.progress
    Fulfillment_Message__c: plan.message
{_VERSION}
order_line:
  object: OrderItem
  fields:
    Fulfillment_Status__c: source.status
    Fulfillment_Progress__c: source.progress
{_VERSION}
plan:
  object: Orchestration_Plan__c
  external_id: External_Id__c
  fields:
    Order__c: order.id
    State__c: plan.state
    Items_Total__c: plan.items_total
    Items_Done__c: plan.items_done
{_VERSION}
request:
  object: Fulfillment_Request__c
  external_id: External_Id__c
  fields:
    Order__c: order.id
    Status__c: request.status
{_VERSION}
line:
  object: Fulfillment_Line__c
  external_id: External_Id__c
  fields:
    Order__c: order.id
    Request__r.External_Id__c: 'line.request == "" ? dyn(null) : plan.id + "-" + line.request'
    Attributes__c: line.attributes
    Status__c: line.status
{_VERSION}
item:
  object: Orchestration_Item__c
  external_id: External_Id__c
  fields:
    Order__c: order.id
    Plan__r.External_Id__c: plan.id
    Fulfillment_Line__r.External_Id__c: 'has(item.line) ? plan.id + "-T" + string(item.line) : dyn(null)'
    Item_Key__c: item.key
    Type__c: item.type
    State__c: item.state
    Attempts__c: item.attempts
    Waiting_For__c: item.?waiting_for.orValue(null)
    Outputs__c: item.outputs
    Error_Code__c: item.?failure.?code.orValue(null)
    OwnerId: 'item.state == "Running" && has(item.queue) ? item.queue : dyn(null)'
{_VERSION}
  omit_null: [Fulfillment_Line__r.External_Id__c, OwnerId]
inventory:
  object: Inventory_Item__c
  external_id: External_Id__c
  fields:
    Account__c: inventory.account
    Product__c: inventory.product
    Scope_Key__c: inventory.scope_key
    Status__c: inventory.status
    Attributes__c: inventory.attributes
{_VERSION}
fallout:
  object: Case
  external_id: Fulfillment_Key__c
  fields:
    Status: 'fallout.state == "Open" ? "New" : "Closed"'
    OwnerId: 'fallout.state == "Open" ? fallout.queue : dyn(null)'
    Fulfillment_Order__c: plan.id
    Orchestration_Item__r.External_Id__c: 'fallout.item_ref.endsWith("-0") ? dyn(null) : fallout.item_ref'
    Fulfillment_Item_Ref__c: fallout.item_ref
    Error_Code__c: fallout.code
    Fulfillment_Resolution__c: fallout.?resolution.orValue(null)
{_VERSION}
  omit_null: [Orchestration_Item__r.External_Id__c, OwnerId]
command:
  object: Fulfillment_Command__c
  fields:
    Status__c: command.answer
    Answer__c: command.message
""",
}

_PATIENT = """
retry_policies:
  none: {retries: 0}
  short: {retries: 3, wait: [PT1S, PT2S, PT4S]}
  patient: {retries: forever, wait: {exponential: {first: PT1S, factor: 2, cap: PT5S}}, jitter: 0.2}
policies:
  - {class: transient, retry: patient, queue: Order_Fallout}
  - {class: unknown_outcome, retry: short, queue: Order_Fallout}
  - {class: business, retry: none, queue: Order_Fallout}
  - {system: net, class: business, code: TAKEN, retry: short, queue: Order_Fallout}
  - {class: configuration, retry: short, queue: Order_Fallout}
"""
_STRICT = """
retry_policies:
  none: {retries: 0}
  once: {retries: 1, wait: PT1S}
policies:
  - {class: transient, retry: once, queue: Order_Fallout}
  - {class: unknown_outcome, retry: once, queue: Order_Fallout}
  - {class: business, retry: none, queue: Order_Fallout}
"""


@cache
def mapping_sets() -> tuple[MappingSet, ...]:
    """The patient one and the strict one, compiled once."""
    sets = []
    for name, fallout in (("patient", _PATIENT), ("strict", _STRICT)):
        files = {path: text.replace("NAME", name).replace("FALLOUT", fallout) for path, text in _FILES.items()}
        sets.append(compile_set(files).require(folder=name))
    return tuple(sets)
