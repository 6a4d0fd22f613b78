"""What expressions see: the variables `order`, `line`, `item`… as JSON objects, made from the nouns.

Absent values are absent keys, never null, so that `has(order.requested_at)` means what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connector.model.ids import LineId, idempotency_key
from connector.model.json import JsonObject
from connector.model.order import PRIORITY_NAMES, Order, OrderLine
from connector.model.plan import Item, Plan
from connector.model.technical import TechnicalLine


def iso(moment: datetime) -> str:
    """A time as ISO 8601 text in UTC, as CEL's `timestamp()` and Salesforce read it."""
    return moment.isoformat().replace("+00:00", "Z")


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def order_view(order: Order) -> JsonObject:
    """The variable `order`: id, number, priority, account, attributes, and where given requested_at, supersedes…"""
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
        follows=order.follows,
        approved_by=order.approved_by,
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
        supersedes=line.supersedes,
        supplemental_action=line.supplemental_action,
    )


def technical_view(line: TechnicalLine, only: Iterable[str] | None = None) -> JsonObject:
    """The variable `line` for a technical line: no, product, action, quantity, attributes, changes, sources…

    `only` names the fields that are read, where that is known.
    """
    if only is None:
        return {name: make(line) for name, make in _TECHNICAL_FIELDS.items()}
    return {name: _TECHNICAL_FIELDS[name](line) for name in only if name in _TECHNICAL_FIELDS}


def item_view(plan: Plan, item: Item, only: Iterable[str] | None = None) -> JsonObject:
    """The variable `item`: its reference, names, state and times; `failure` where it has one.

    `only` names the fields that are read, where that is known: to make all of them costs more than most
    expressions do.
    """
    view: dict[str, Any] = {}
    for name in _ITEM_FIELDS if only is None else only:
        make = _ITEM_FIELDS.get(name)
        value = make(plan, item) if make is not None else None
        if value is not None:
            view[name] = value
    return view


ITEM_BEFORE_FIELDS = ("state", "outcome", "outcomes", "outputs")


def item_before_view(items: Sequence[Item]) -> JsonObject:
    """One entry of the variable `items`: what has become of the items of one key, all of which are over.

    `outcomes` are those of all of them, the rest is the first one's; of none, everything is empty.
    """
    first = items[0] if items else None
    return {
        "state": first.state.value if first else "",
        "outcome": (first.outcome or "") if first else "",
        "outcomes": list(dict.fromkeys(item.outcome for item in items if item.outcome)),
        "outputs": first.outputs if first else {},
    }


def _failure_view(item: Item) -> JsonObject | None:
    failure = item.failure
    if failure is None:
        return None
    return _present(
        code=failure.code,
        message=failure.message,
        failure_class=failure.failure_class.value,
        system=failure.system,
        interface=failure.interface,
        http_status=failure.http_status,
    )


def _time(moment: datetime | None) -> str | None:
    return iso(moment) if moment else None


_TECHNICAL_FIELDS: Mapping[str, Callable[[TechnicalLine], Any]] = {
    "no": lambda line: line.no,
    "product": lambda line: line.product,
    "action": lambda line: line.action.value,
    "quantity": lambda line: float(line.quantity),
    "attributes": lambda line: line.attributes,
    "changes": lambda line: {name: {"old": each.old, "new": each.new} for name, each in line.changes.items()},
    "scope_key": lambda line: line.scope_key,
    "sources": lambda line: list(line.sources),
    "root": lambda line: line.root,
    "request": lambda line: line.request,
}

_ITEM_FIELDS: Mapping[str, Callable[[Plan, Item], Any]] = {
    "ref": lambda plan, item: idempotency_key(plan.id, item.no, item.epoch),
    "no": lambda _, item: item.no,
    "definition": lambda _, item: item.definition,
    "key": lambda _, item: item.key,
    "name": lambda _, item: item.name,
    "type": lambda _, item: item.type.value,
    "state": lambda _, item: item.state.value,
    "epoch": lambda _, item: item.epoch,
    "attempts": lambda _, item: item.attempts,
    "idempotency_key": lambda plan, item: idempotency_key(plan.id, item.no, item.epoch),
    "parent": lambda _, item: item.parent,
    "each": lambda _, item: item.each,
    "outputs": lambda _, item: item.outputs,
    "outcome": lambda _, item: item.outcome,
    "waiting_for": lambda _, item: item.waiting_for,
    "queue": lambda _, item: item.queue,
    "undoes": lambda _, item: item.undoes,
    "retold": lambda _, item: item.retold or None,
    "line": lambda _, item: item.line,
    "due_at": lambda _, item: _time(item.due_at),
    "ready_at": lambda _, item: _time(item.ready_at),
    "started_at": lambda _, item: _time(item.started_at),
    "finished_at": lambda _, item: _time(item.finished_at),
    "failure": lambda _, item: _failure_view(item),
}
