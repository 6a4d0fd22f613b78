"""The present state of an order in the variables of write-back expressions. Pure.

Which variables a kind of record has:

| kind | variables |
|---|---|
| `order`, `plan` | `order`, `plan` |
| `order_line` | `order`, `plan`, `source` |
| `item` | `order`, `plan`, `item`, and `line` where it works for one |
| `request` | `order`, `plan`, `request` |
| `line` | `order`, `plan`, `line` |
| `inventory` | `order`, `inventory` |
| `fallout` | `order`, `plan`, `fallout`, and `item` unless it is the order's as a whole |
| `command` | `command` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from connector.mappings.views import iso, item_view, order_view, source_view, technical_view
from connector.model.failure import Failure
from connector.model.ids import WHOLE_ORDER, CommandId, ItemNo, LineId, OrderId, item_ref, parse_item_ref
from connector.model.json import JsonObject
from connector.model.mark import RecordKind
from connector.model.order import Action
from connector.model.plan import Item, Plan
from connector.model.states import Phase, PlanState
from connector.model.technical import TechnicalLine
from connector.orchestrator.fallout import fingerprint
from connector.orchestrator.marks import fallout_key, inventory_key, line_key, request_key
from connector.orchestrator.status import order_status, part_status, progress

Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FalloutState:
    """One episode of fallout, open or resolved."""

    item: ItemNo
    episode: int
    failure: Failure
    queue: str
    severity: str
    suggestions: tuple[str, ...]
    attempts: int
    resolved: bool
    resolution: str | None = None
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandState:
    """What became of one command."""

    command: CommandId
    answer: str
    message: str
    answered_at: datetime


def command_variables(command: CommandState) -> Variables:
    """The variables of a command's record; it may belong to no order that is known."""
    return {
        "command": {
            "id": command.command,
            "answer": command.answer,
            "message": command.message,
            "answered_at": iso(command.answered_at),
        }
    }


@dataclass(frozen=True, kw_only=True)
class Present:
    """One order as it is now. `set_name` names its mapping set; `inventory` are lines made into assets."""

    plan: Plan
    set_name: str
    fallouts: Mapping[str, FalloutState] = field(default_factory=dict)
    """By the key of their record."""
    inventory: tuple[TechnicalLine, ...] = ()

    def variables(self, kind: RecordKind, key: str) -> Variables | None:
        """The variables for one record; None when there is nothing to write for it any more."""
        makers: Mapping[RecordKind, Callable[[str], Variables | None]] = {
            "order": lambda _: self._base,
            "plan": lambda _: self._base,
            "order_line": self._order_line,
            "item": self._item,
            "request": self._request,
            "line": self._line,
            "inventory": self._inventory,
            "fallout": self._fallout,
        }
        maker = makers.get(kind)
        return maker(key) if maker else None

    @cached_property
    def _base(self) -> dict[str, Any]:
        plan = self.plan
        view: dict[str, Any] = {
            "id": plan.id,
            "state": plan.state.value,
            "status": order_status(plan),
            "progress": progress(plan),
            "message": self._message(),
            "items_total": len(plan.items),
            "items_done": len(plan.items) - plan.open_items,
            "set_name": self.set_name,
            "set_hash": plan.set_hash,
        }
        if plan.created_at:
            view["started_at"] = iso(plan.created_at)
        if plan.finished_at:
            view["finished_at"] = iso(plan.finished_at)
        return {"order": {**order_view(plan.order), "status": view["status"]}, "plan": view}

    def _message(self) -> str:
        """What people should know: why the order was rejected, what it is waiting for."""
        plan = self.plan
        if plan.state is not PlanState.IN_PROGRESS:
            return plan.message
        wanted = Phase.FALLOUT if plan.phases[Phase.FALLOUT] else Phase.WAITING
        waits = [f"{item.name} waits for {item.waiting_for}" for item in plan.items.values() if item.phase is wanted]
        more = f"\n… and {len(waits) - _MOST_WAITS} more" if len(waits) > _MOST_WAITS else ""
        return "\n".join(waits[:_MOST_WAITS]) + more

    @cached_property
    def _phases_by_source(self) -> Mapping[LineId, list[Phase]]:
        found: dict[LineId, list[Phase]] = {}
        for item in self.plan.items.values():
            for source in item.sources:
                found.setdefault(source, []).append(item.phase)
        return found

    @cached_property
    def _phases_by_line(self) -> Mapping[int, list[Phase]]:
        """Of a line and of those that were decomposed from it."""
        found: dict[int, list[Phase]] = {}
        for item in self.plan.items.values():
            lines = {item.line} if item.line is not None else set()
            while lines:
                for no in lines:
                    found.setdefault(no, []).append(item.phase)
                lines = {parent for no in lines for parent in self.plan.lines[no].parents}
        return found

    @cached_property
    def _sources(self) -> Mapping[LineId, JsonObject]:
        return {line.id: source_view(line, ()) for line in self.plan.order.lines}

    def _order_line(self, key: str) -> Variables | None:
        line = LineId(key)
        view = self._sources.get(line)
        if view is None:
            return None
        phases = self._phases_by_source.get(line)
        if self.plan.state in (PlanState.REJECTED, PlanState.CANCELED):
            status, percent = self.plan.state.value, 0
        elif not phases:
            status, percent = "Not Needed", 100
        else:
            status, percent = part_status(phases)
        return {**self._base, "source": {**view, "status": status, "progress": percent}}

    def _item(self, key: str) -> Variables | None:
        item = self._item_of(key)
        if item is None:
            return None
        view: dict[str, Any] = {**item_view(self.plan, item), "plan": self.plan.id}
        if item.instructions is not None:
            view["instructions"] = item.instructions
        if item.choices:
            view["outcomes"] = list(item.choices)
        variables = {**self._base, "item": view}
        if item.line is not None:
            variables["line"] = self._line_view(self.plan.lines[item.line])
        return variables

    def _item_of(self, key: str) -> Item | None:
        _, number = parse_item_ref(key)
        return self.plan.items.get(number)

    def _line_view(self, line: TechnicalLine) -> JsonObject:
        status, percent = part_status(self._phases_by_line.get(line.no, ()))
        return {
            **technical_view(line),
            "key": line_key(self.plan.id, line.no),
            "name": f"T{line.no} {line.product}",
            "request_key": request_key(self.plan.id, line.request),
            "status": status,
            "progress": percent,
        }

    def _line(self, key: str) -> Variables | None:
        number = key.rpartition("-T")[2]
        line = next((line for line in self.plan.lines.values() if str(line.no) == number), None)
        return {**self._base, "line": self._line_view(line)} if line else None

    def _request(self, key: str) -> Variables | None:
        domain = key.removeprefix(f"{self.plan.id}-")
        members = [no for no, line in self.plan.lines.items() if line.request == domain]
        if not members:
            return None
        status, percent = part_status(phase for no in members for phase in self._phases_by_line.get(no, ()))
        view = {"key": key, "domain": domain, "status": status, "progress": percent}
        return {**self._base, "request": view}

    def _inventory(self, key: str) -> Variables | None:
        account = self.plan.order.account.id
        line = next((line for line in self.inventory if inventory_key(account, line) == key), None)
        if line is None:
            return None
        view = {
            "key": key,
            "name": line.product,
            "account": account,
            "product": line.product,
            "scope_key": line.scope_key,
            "status": "Inactive" if line.action is Action.DISCONNECT else "Active",
            "attributes": line.attributes,
        }
        return {**self._base, "inventory": view}

    def _fallout(self, key: str) -> Variables | None:
        state = self.fallouts.get(key)
        if state is None:
            return None
        item = self.plan.items.get(state.item) if state.item != WHOLE_ORDER else None
        failure = state.failure
        view: dict[str, Any] = {
            "key": key,
            "item_ref": item_ref(self.plan.id, state.item),
            "subject": self._subject(failure, item),
            "description": self._description(state, item),
            "code": failure.code,
            "failure_class": failure.failure_class.value,
            "message": failure.message,
            "attempts": state.attempts,
            "severity": state.severity,
            "queue": state.queue,
            "fingerprint": fingerprint(failure),
            "state": "Resolved" if state.resolved else "Open",
        }
        if failure.system:
            view["system"] = failure.system
        if state.resolution:
            view["resolution"] = state.resolution
        if state.resolved_by:
            view["by"] = state.resolved_by
        variables = {**self._base, "fallout": view}
        if item is not None:
            variables["item"] = {**item_view(self.plan, item), "plan": self.plan.id}
        return variables

    def _subject(self, failure: Failure, item: Item | None) -> str:
        what = item.name if item else "The order can't be fulfilled"
        return f"Order {self.plan.order.number}: {what}: {failure.code}"[:255]

    def _description(self, state: FalloutState, item: Item | None) -> str:
        failure = state.failure
        lines = [
            f"Cause: {failure.message}",
            f"Order: {self.plan.order.number}",
            f"Item: {item.name} ({item.definition}/{item.key}, number {item.no})" if item else "",
            f"System: {failure.interface or failure.system}" if failure.interface or failure.system else "",
            f"Answer: HTTP {failure.http_status}" if failure.http_status else "",
            f"Attempts: {state.attempts}" if state.attempts else "",
            f"\n{failure.detail}" if failure.detail and failure.detail != failure.message else "",
            "\nWhat may help:" if state.suggestions else "",
            *(f"- {suggestion}" for suggestion in state.suggestions),
        ]
        return "\n".join(line for line in lines if line)


_MOST_WAITS = 5


def fallouts_by_key(order: OrderId, states: Iterable[FalloutState]) -> Mapping[str, FalloutState]:
    """Episodes by the key of their record."""
    return {fallout_key(order, state.item, state.episode): state for state in states}
