"""What expressions see: the variables `order`, `line`, `item`… as JSON objects, made from the nouns.

Absent values are absent keys, never null, so that `has(order.requested_at)` means what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connector.model.ids import LineId, idempotency_key, item_ref
from connector.model.json import JsonObject
from connector.model.order import Order, OrderLine, Priority
from connector.model.plan import Item, Plan
from connector.model.technical import TechnicalLine

PRIORITY_NAMES = {Priority.HIGH: "High", Priority.DEFAULT: "Default", Priority.BULK: "Bulk"}


def iso(moment: datetime) -> str:
    """A time as ISO 8601 text in UTC, as CEL's `timestamp()` and Salesforce read it."""
    return moment.isoformat().replace("+00:00", "Z")


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def order_view(order: Order) -> JsonObject:
    """The variable `order`: id, number, priority, account, attributes, and where given requested_at, supersedes."""
    return _present(
        id=order.id,
        number=order.number,
        priority=PRIORITY_NAMES[order.priority],
        account=_present(
            id=order.account.id,
            name=order.account.name,
            type=order.account.type,
            attributes=order.account.attributes,
        ),
        attributes=order.attributes,
        line_count=len(order.lines),
        requested_at=iso(order.requested_at) if order.requested_at else None,
        supersedes=order.supersedes,
        supplemental_action=order.supplemental_action,
    )


def commercial_views(order: Order, classes: Callable[[str], tuple[str, ...]]) -> Mapping[LineId, JsonObject]:
    """The variable `line` for every commercial line, in linear time.

    Each has id, number, product, classes, action, quantity, attributes, `children` (views without
    children of their own), and, below another line, `parent` and `root` (likewise).
    `classes` gives the classes of a product code, nearest first.
    """
    flat = {line.id: source_view(line, classes(line.product)) for line in order.lines}
    children: dict[LineId, list[JsonObject]] = {}
    roots: dict[LineId, LineId] = {}
    by_id = {line.id: line for line in order.lines}
    for line in order.lines:
        if line.parent in flat:
            children.setdefault(line.parent, []).append(flat[line.id])
    views: dict[LineId, JsonObject] = {}
    for line in order.lines:
        view: dict[str, Any] = {**flat[line.id], "children": children.get(line.id, [])}
        if line.parent in flat:
            view["parent"] = flat[line.parent]
            view["root"] = flat[_root(line, by_id, roots)]
        views[line.id] = view
    return views


def _root(line: OrderLine, by_id: Mapping[LineId, OrderLine], known: dict[LineId, LineId]) -> LineId:
    path: dict[LineId, None] = {}
    current = line
    while current.id not in known and current.id not in path:
        above = by_id.get(current.parent) if current.parent else None
        if above is None:
            break
        path[current.id] = None
        current = above
    root = known.get(current.id, current.id)
    for step in path:
        known[step] = root
    return root


def source_view(line: OrderLine, classes: tuple[str, ...]) -> JsonObject:
    """A commercial line alone, without the lines around it."""
    return _present(
        id=line.id,
        number=line.number,
        product=line.product,
        classes=list(classes),
        action=line.action.value,
        sub_action=line.sub_action,
        quantity=float(line.quantity),
        attributes=line.attributes,
    )


def technical_view(line: TechnicalLine) -> JsonObject:
    """The variable `line` for a technical line: no, product, action, quantity, attributes, changes, sources…"""
    return {
        "no": line.no,
        "product": line.product,
        "action": line.action.value,
        "quantity": float(line.quantity),
        "attributes": line.attributes,
        "changes": {name: {"old": change.old, "new": change.new} for name, change in line.changes.items()},
        "scope_key": line.scope_key,
        "sources": list(line.sources),
        "root": line.root,
        "request": line.request,
    }


def item_view(plan: Plan, item: Item) -> JsonObject:
    """The variable `item`: its reference, names, state and times; `failure` where it has one."""
    return _present(
        ref=item_ref(plan.id, item.no),
        no=item.no,
        definition=item.definition,
        key=item.key,
        name=item.name,
        type=item.type.value,
        state=item.state.value,
        epoch=item.epoch,
        attempts=item.attempts,
        idempotency_key=idempotency_key(plan.id, item.no, item.epoch),
        outputs=item.outputs,
        outcome=item.outcome,
        waiting_for=item.waiting_for,
        queue=item.queue,
        line=item.line,
        due_at=iso(item.due_at) if item.due_at else None,
        ready_at=iso(item.ready_at) if item.ready_at else None,
        started_at=iso(item.started_at) if item.started_at else None,
        finished_at=iso(item.finished_at) if item.finished_at else None,
        failure=_present(
            code=item.failure.code,
            message=item.failure.message,
            failure_class=item.failure.failure_class.value,
            system=item.failure.system,
            interface=item.failure.interface,
            http_status=item.failure.http_status,
        )
        if item.failure
        else None,
    )
