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

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from connector.mappings.reads import Reads
from connector.mappings.views import iso, item_view, order_view, source_view, technical_view
from connector.model.dossier import CommandAnswer, FalloutEpisode
from connector.model.failure import Failure
from connector.model.ids import (
    WHOLE_ORDER,
    LineId,
    OrderId,
    TechnicalLineNo,
    item_ref,
    parse_item_ref,
)
from connector.model.json import JsonObject
from connector.model.mark import RecordKind
from connector.model.order import Action
from connector.model.pauses import Pause
from connector.model.plan import Item, Plan
from connector.model.revision import Version, VersionState
from connector.model.states import Phase, PlanState
from connector.model.technical import TechnicalLine
from connector.orchestrator.fallout import fingerprint
from connector.orchestrator.forecast import DATE_FIELDS, JEOPARDY
from connector.orchestrator.marks import fallout_key, inventory_key, line_key, request_key, shown_line, shown_orders
from connector.orchestrator.shown import Shown, of_plan
from connector.orchestrator.status import order_status, part_status, progress, version_status

Variables = Mapping[str, Any]


def command_variables(command: CommandAnswer) -> Variables:
    """The variables of a command's record; it may belong to no order that is known."""
    view: dict[str, Any] = {
        "id": command.command,
        "answer": command.answer,
        "message": command.message,
        "answered_at": iso(command.at),
    }
    if command.result is not None:
        view["result"] = _fitting(command.result)
    return {"command": view}


MOST_RESULT = 100_000
"""Characters of a command's result: a record that is too long would not be written at all, its answer neither."""


def _fitting(result: JsonObject) -> JsonObject:
    """The result, or of a very long one what is left without its lists, whose lengths stand for them."""
    if len(json.dumps(result)) <= MOST_RESULT:
        return result
    counted = {name: len(value) if isinstance(value, (list, tuple)) else value for name, value in result.items()}
    return {"cut": "The result is too long for its field. Lists are counted.", **counted}


@dataclass(frozen=True, kw_only=True)
class Present:
    """One order as it is now. `set_name` names its mapping set; `inventory` are lines made into assets."""

    plan: Plan
    set_name: str
    fallouts: Mapping[str, FalloutEpisode] = field(default_factory=dict)
    """By the key of their record."""
    inventory: tuple[TechnicalLine, ...] = ()
    held: Mapping[int, Pause] = field(default_factory=dict)
    """By item: the pause whose end its request waits for."""
    dates: Shown | None = None
    """When its items and lines are expected to be done."""

    def variables(self, kind: RecordKind, key: str, reads: Reads | None = None) -> Variables | None:
        """The variables for one record; None when there is nothing to write for it any more.

        With `reads` only what is read is there: to make all of it costs more than to write it.
        """
        makers: Mapping[RecordKind, Callable[[str, Reads | None], dict[str, Any] | None]] = {
            "order": self._version,
            "plan": lambda _key, _reads: {},
            "order_line": self._order_line,
            "item": self._item,
            "request": self._request,
            "line": self._line,
            "inventory": self._inventory,
            "fallout": self._fallout,
        }
        maker = makers.get(kind)
        variables = maker(key, reads) if maker else None
        if variables is not None:
            if "order" not in variables and _is_read("order", reads):
                variables["order"] = self._order
            if "plan" not in variables and _is_read("plan", reads):
                variables["plan"] = self._plan
        return variables

    @cached_property
    def _order(self) -> JsonObject:
        return {**order_view(self.plan.order), "status": order_status(self.plan, len(self.held))}

    @cached_property
    def _plan(self) -> JsonObject:
        plan = self.plan
        view: dict[str, Any] = {
            "id": plan.id,
            "state": plan.state.value,
            "status": order_status(plan, len(self.held)),
            "progress": progress(plan),
            "message": self._message(),
            "items_total": len(plan.items),
            "items_done": len(plan.items) - plan.open_items,
            "set_name": self.set_name,
            "set_hash": plan.set_hash,
            **of_plan(plan),
        }
        if plan.created_at:
            view["started_at"] = iso(plan.created_at)
        if plan.finished_at:
            view["finished_at"] = iso(plan.finished_at)
        return view

    def _version(self, key: str, _reads: Reads | None) -> dict[str, Any] | None:
        """What one version of the order shows: the newest how the plan is doing, the others what became of them."""
        plan = self.plan
        version = next((each for each in plan.versions if each.order == key), None)
        if version is None or (key == plan.order.id and not plan.is_canceling):
            return {}
        shown = version_status(plan, version)
        order = {**self._order, "id": version.order, "number": version.number, "status": shown.status}
        lasting = {name: value for name, value in self._plan.items() if name not in DATE_FIELDS}
        message = shown.message
        if version.state is VersionState.WAITING and plan.state in _STANDS_STILL:
            message = "\n".join([message, *self._paused()])
        whole = {**lasting, "status": shown.status, "progress": shown.progress, "message": message}
        return {"order": order, "plan": whole}

    def _message(self) -> str:
        """What people should know: why the order was rejected, what it is waiting for."""
        plan, paused = self.plan, self._paused()
        if plan.state in _STANDS_STILL:
            return "\n".join([plan.message, *paused])
        if plan.state is not PlanState.IN_PROGRESS:
            return plan.message
        wanted = Phase.FALLOUT if plan.phases[Phase.FALLOUT] else Phase.WAITING
        waits = [f"{item.name} waits for {item.waiting_for}" for item in plan.items.values() if item.phase is wanted]
        more = f"\n… and {len(waits) - _MOST_WAITS} more" if len(waits) > _MOST_WAITS else ""
        return "\n".join([*paused, *waits[:_MOST_WAITS]]) + more

    def _paused(self) -> Sequence[str]:
        """What somebody has paused, so that it has to go on before the order does."""
        paused = [self.plan.pause] if self.plan.pause is not None else []
        return [pause.sentence for pause in (*paused, *dict.fromkeys(self.held.values()))]

    @cached_property
    def _phases_by_source(self) -> Mapping[LineId, list[Phase]]:
        found: dict[LineId, list[Phase]] = {}
        for item in self.plan.items.values():
            for source in item.sources:
                found.setdefault(source, []).append(item.phase)
        return found

    @cached_property
    def _phases_by_line(self) -> Mapping[TechnicalLineNo, list[Phase]]:
        """Of a line and of those that were decomposed from it."""
        found: dict[TechnicalLineNo, list[Phase]] = {}
        above: dict[TechnicalLineNo, list[TechnicalLineNo]] = {}
        for item in self.plan.items.values():
            if item.line is not None and self.plan.lines[item.line].of is None:
                if item.line not in above:
                    above[item.line] = self._line_and_above(item.line)
                for no in above[item.line]:
                    found.setdefault(no, []).append(item.phase)
        return found

    def _line_and_above(self, line: TechnicalLineNo) -> list[TechnicalLineNo]:
        """The line and those that it was decomposed from; once for each way from one to the other that is as long."""
        found: list[TechnicalLineNo] = []
        lines = {line}
        while lines:
            found += lines
            lines = {parent for no in lines for parent in self.plan.lines[no].parents}
        return found

    @cached_property
    def _lines_by_request(self) -> Mapping[str, list[TechnicalLineNo]]:
        found: dict[str, list[TechnicalLineNo]] = {}
        for no, line in self.plan.lines.items():
            if line.of is None:
                found.setdefault(request_key(self.plan.id, line.request), []).append(no)
        return found

    @cached_property
    def _sources(self) -> Mapping[LineId, JsonObject]:
        return {line.id: source_view(line, ()) for line in self.plan.order.lines}

    def _order_line(self, key: str, reads: Reads | None) -> dict[str, Any] | None:
        line = LineId(key)
        view = self._sources.get(line)
        version = next((each for each in reversed(self.plan.versions) if line in each.lines), None)
        if version is not None and (view is None or version.state is not VersionState.ACCEPTED):
            return self._line_of_version(line, version)
        if view is None:
            return None
        phases = self._phases_by_source.get(line)
        if self.plan.state in (PlanState.REJECTED, PlanState.CANCELED):
            status, percent = self.plan.state.value, 0
        elif not phases:
            status, percent = "Not Needed", 100
        else:
            status, percent = part_status(phases)
        dates = self.dates.of_source(line, reads) if self.dates is not None and phases else {}
        return {"source": {**view, "status": status, "progress": percent, **dates}}

    def _line_of_version(self, line: LineId, version: Version) -> dict[str, Any]:
        """An order line that the plan does not fulfill: of a version that is over, rejected, or waits."""
        status = {VersionState.REJECTED: "Rejected", VersionState.ACCEPTED: "Canceled"}.get(
            version.state, "Not Started"
        )
        is_newest = version.order in shown_orders(self.plan)
        if version.state is VersionState.ACCEPTED and not is_newest:
            status = "Superseded"
        return {"source": {"id": line, "status": status, "progress": 0}}

    def _item(self, key: str, reads: Reads | None) -> dict[str, Any] | None:
        _, number = parse_item_ref(key)
        item = self.plan.items.get(number)
        if item is None:
            return None
        view = self._item_view(item, reads)
        if item.instructions is not None:
            view["instructions"] = item.instructions
        if item.choices:
            view["outcomes"] = list(item.choices)
        if self.dates is not None:
            view |= self.dates.of_item(item.no, reads)
        variables: dict[str, Any] = {"item": view}
        if item.line is not None and _is_read("line", reads):
            shown = self.plan.lines.get(shown_line(self.plan, item.line))
            if shown is not None:
                variables["line"] = self._line_view(shown, reads)
        return variables

    def _item_view(self, item: Item, reads: Reads | None) -> dict[str, Any]:
        view = {**item_view(self.plan, item, None if reads is None else reads.get("item", ())), "plan": self.plan.id}
        if item.line is not None and "line" in view:
            view["line"] = shown_line(self.plan, item.line)
            if not view["line"]:
                del view["line"]
        return view

    def _line_view(self, line: TechnicalLine, reads: Reads | None) -> JsonObject:
        status, percent = part_status(self._phases_by_line.get(line.no, ()))
        if line.supplement == "Cancel" and status == "Completed":
            status = "Canceled"
        return {
            **technical_view(line),
            "key": line_key(self.plan.id, line.no),
            "name": f"T{line.no} {line.product}",
            "request_key": request_key(self.plan.id, line.request),
            "status": status,
            "progress": percent,
            **(self.dates.of_line(line.no, reads) if self.dates is not None else {}),
        }

    def _line(self, key: str, reads: Reads | None) -> dict[str, Any] | None:
        number = key.rpartition("-T")[2]
        line = self.plan.lines.get(TechnicalLineNo(int(number))) if number.isascii() and number.isdigit() else None
        return {"line": self._line_view(line, reads)} if line else None

    def _request(self, key: str, _reads: Reads | None) -> dict[str, Any] | None:
        members = self._lines_by_request.get(key)
        if not members:
            return None
        status, percent = part_status(phase for no in members for phase in self._phases_by_line.get(no, ()))
        domain = key.removeprefix(f"{self.plan.id}-")
        return {"request": {"key": key, "domain": domain, "status": status, "progress": percent}}

    def _inventory(self, key: str, _reads: Reads | None) -> dict[str, Any] | None:
        account = self.plan.order.account.id
        line = next((line for line in self.inventory if inventory_key(account, line) == key), None)
        if line is None:
            return None
        is_canceled = line.supplement == "Cancel"
        is_taken_back = is_canceled and line.action is Action.ADD
        was = {name: change.old for name, change in line.changes.items()}
        view = {
            "key": key,
            "name": line.product,
            "account": account,
            "product": line.product,
            "scope_key": line.scope_key,
            "status": "Inactive" if line.action is Action.DISCONNECT or is_taken_back else "Active",
            "attributes": {**line.attributes, **was} if is_canceled else line.attributes,
        }
        return {"inventory": view}

    def _fallout(self, key: str, reads: Reads | None) -> dict[str, Any] | None:
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
            "state": "Open" if state.resolved_at is None else "Resolved",
        }
        if failure.system:
            view["system"] = failure.system
        if state.resolution:
            view["resolution"] = state.resolution
        if state.resolved_by:
            view["by"] = state.resolved_by
        variables: dict[str, Any] = {"fallout": view}
        if item is not None and _is_read("item", reads):
            variables["item"] = self._item_view(item, reads)
        return variables

    def _subject(self, failure: Failure, item: Item | None) -> str:
        whole = "The order is in jeopardy" if failure.code == JEOPARDY else "The order can't be fulfilled"
        what = item.name if item else whole
        return f"Order {self.plan.order.number}: {what}: {failure.code}"[:255]

    def _description(self, state: FalloutEpisode, item: Item | None) -> str:
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


_STANDS_STILL = (PlanState.FREEZING, PlanState.FROZEN)

_MOST_WAITS = 5


def _is_read(variable: str, reads: Reads | None) -> bool:
    return reads is None or variable in reads


def fallouts_by_key(order: OrderId, states: Iterable[FalloutEpisode]) -> Mapping[str, FalloutEpisode]:
    """Episodes by the key of their record."""
    return {fallout_key(order, state.item, state.episode): state for state in states}
