"""Salesforce records → the canonical order, by the intake mapping. Pure, and total: whatever a record
holds gives an order and a list of problems, never an exception.

The problems are for the person who made the order: each names the line and the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import orjson

from connector.mappings.salesforce import Intake, IntakeField
from connector.model.failure import Problem
from connector.model.ids import LineId, OrderId
from connector.model.json import Json
from connector.model.order import (
    LINE_SUPPLEMENTAL_ACTIONS,
    PRIORITY_NAMES,
    SUPPLEMENTAL_ACTIONS,
    Account,
    Action,
    InventoryItem,
    Order,
    OrderLine,
    Priority,
)
from connector.sf.record_ids import canonical_id, record_id
from connector.sf.soql import ORDER_OBJECT, STATUS_CODE

C = TypeVar("C")

NOT_ACTIVATED = "ORDER_NOT_ACTIVATED"
"""The problem of a draft: all that is wrong with one that is only asked about."""

_PRIORITIES = {name.lower(): priority for priority, name in PRIORITY_NAMES.items()}

NOT_ACTIVATED = "ORDER_NOT_ACTIVATED"
"""The code of the problem that an order is still a draft."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An order as far as it could be read, and what is wrong with it."""

    order: Order
    problems: tuple[Problem, ...] = ()


def read_order(
    record: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], intake: Intake, zone: str = "UTC"
) -> Reading:
    """The canonical order of an order's record and its lines' records. `zone` is where a date without time is."""
    order_id = OrderId(_id_or_empty(record.get("Id")))
    fields = _Fields(record, intake.order, where="")
    if intake.order_object == ORDER_OBJECT and record.get(STATUS_CODE) != "Activated":
        fields.problem(
            NOT_ACTIVATED,
            f"The order is not activated (its status code is {record.get(STATUS_CODE)!r}).",
            "Activate it when it is complete.",
        )
    priority = fields.choice("priority", _priority, "High, Default or Bulk")
    order = Order(
        id=order_id,
        number=fields.text("number") or order_id,
        account=Account(
            id=fields.record_id("account.id") or "",
            name=fields.text("account.name"),
            type=fields.text("account.type"),
            attributes=fields.attributes("account.attributes"),
        ),
        lines=(),
        priority=Priority.DEFAULT if priority is None else priority,
        requested_at=fields.moment("requested_at", zone),
        supersedes=OrderId(superseded) if (superseded := fields.record_id("supersedes")) else None,
        supplemental_action=fields.choice("supplemental_action", _one_of(*SUPPLEMENTAL_ACTIONS), "Amend or Cancel"),
        follows=OrderId(followed) if (followed := fields.record_id("follows")) else None,
        approved_by=_approved_by(fields),
        attributes=fields.attributes("attributes"),
    )
    if "account.id" in intake.order and not order.account.id and not fields.has_problem("account.id"):
        fields.problem("NO_ACCOUNT", "The order has no account.", "Give it one.")
    is_cancellation = order.supersedes is not None and order.supplemental_action == "Cancel"
    if not lines and not is_cancellation:
        fields.problem("NO_LINES", "The order has no lines.", "Add the products that were ordered.")
    problems = list(fields.problems)
    read_lines = []
    for position, line in enumerate(lines, start=1):
        read, found = _read_line(line, intake, position)
        problems += found
        if read is not None:
            read_lines.append(read)
    return Reading(order=replace(order, lines=tuple(read_lines)), problems=tuple(problems))


def unread_order(order_id: OrderId, problem: Problem) -> Reading:
    """An order of which nothing could be read but its id."""
    order = Order(id=order_id, number=order_id, account=Account(id=""), lines=())
    return Reading(order=order, problems=(problem,))


def product_codes(lines: Sequence[Mapping[str, Any]], intake: Intake) -> list[str]:
    """The product codes of the lines, as far as there are any: what decides which mapping set an order is for."""
    product = intake.lines.get("product")
    values = [_value(line, product) for line in lines] if product else []
    return [value for value in values if isinstance(value, str) and value]


def read_inventory(record: Mapping[str, Any], intake: Intake) -> tuple[InventoryItem, tuple[Problem, ...]]:
    """One installed product of an account."""
    item_id = _id_or_empty(record.get("Id"))
    fields = _Fields(record, intake.inventory, where=f"inventory item {item_id}")
    item = InventoryItem(
        id=item_id,
        account=_id_or_empty(_at(record, intake.inventory_account)),
        product=fields.required_text("product", "NO_PRODUCT_CODE", "It names no technical product."),
        scope_key=fields.text("scope_key"),
        attributes=fields.attributes("attributes"),
        status=fields.text("status") or "Active",
    )
    return item, tuple(fields.problems)


def _read_line(record: Mapping[str, Any], intake: Intake, position: int) -> tuple[OrderLine | None, list[Problem]]:
    fields = _Fields(record, intake.lines, where=f"line {position}")
    line_id = _id_or_empty(record.get("Id"))
    number = fields.text("number") or str(position)
    fields.where = f"line {number}"
    product = fields.required_text("product", "NO_PRODUCT_CODE", "The line's product has no product code.")
    if product:
        fields.where = f"line {number} ({product})"
    action = fields.choice("action", Action, ", ".join(Action))
    if action is None and not fields.has_problem("action"):
        fields.problem("NO_ACTION", "The line has no action.", f"Choose one of {', '.join(Action)}.")
    quantity = fields.number("quantity")
    parent = fields.record_id("parent")
    superseded = fields.record_id("supersedes")
    line = OrderLine(
        id=LineId(line_id),
        number=number,
        product=product,
        action=action or Action.ADD,
        quantity=1 if quantity is None else quantity,
        parent=LineId(parent) if parent else None,
        attributes=fields.attributes("attributes"),
        sub_action=fields.text("sub_action") or None,
        supersedes=LineId(superseded) if superseded else None,
        supplemental_action=fields.choice(
            "supplemental_action", _one_of(*LINE_SUPPLEMENTAL_ACTIONS), ", ".join(LINE_SUPPLEMENTAL_ACTIONS)
        ),
    )
    return line, fields.problems


def _approved_by(fields: _Fields) -> str | None:
    """Who approved the penalties: the person named, else (when there is only a box to tick) the box that is ticked."""
    person = fields.text("approved_by") or None
    if "penalty_approved" not in fields.mapping:
        return person
    return (person or fields.path("penalty_approved")) if fields.truth("penalty_approved") else None


def _one_of(*values: str) -> Callable[[str], str]:
    """A choice between these words, which takes them as they are."""
    return {value: value for value in values}.__getitem__


@dataclass(slots=True)
class _Fields:
    """The mapped fields of one record, and the problems found while reading them."""

    record: Mapping[str, Any]
    mapping: Mapping[str, IntakeField]
    where: str
    problems: list[Problem] = field(default_factory=list)
    _troubled: set[str] = field(default_factory=set)

    def problem(self, code: str, message: str, hint: str = "", key: str = "") -> None:
        source = str(self.mapping[key].source) if key in self.mapping else ""
        self.problems.append(Problem(code=code, message=message, where=self.where, hint=hint, source=source))
        self._troubled.add(key)

    def has_problem(self, key: str) -> bool:
        return key in self._troubled

    def value(self, key: str) -> Any:
        return _value(self.record, self.mapping.get(key))

    def path(self, key: str) -> str:
        return self.mapping[key].path if key in self.mapping else key

    def wrong_type(self, key: str, value: Any, wanted: str) -> None:
        self.problem("WRONG_TYPE", f"{self.path(key)} is {_shown(value)}, not {wanted}.", key=key)

    def text(self, key: str) -> str:
        value = self.value(key)
        if value is None or isinstance(value, str):
            return value or ""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return str(value)
        self.wrong_type(key, value, "text")
        return ""

    def required_text(self, key: str, code: str, message: str) -> str:
        text = self.text(key).strip()
        if not text and not self.has_problem(key):
            self.problem(code, message, f"Fill in {self.path(key)}.", key)
        return text

    def number(self, key: str) -> float | None:
        value = self.value(key)
        if value is None or value == "":
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
        self.wrong_type(key, value, "a number")
        return None

    def truth(self, key: str) -> bool:
        value = self.value(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.wrong_type(key, value, "true or false")
        return False

    def record_id(self, key: str) -> str | None:
        value = self.value(key)
        if value is None or value == "":
            return None
        try:
            return canonical_id(value if isinstance(value, str) else "")
        except ValueError:
            self.problem("WRONG_TYPE", f"{self.path(key)} is {_shown(value)}, not a record id.", key=key)
            return None

    def moment(self, key: str, zone: str) -> datetime | None:
        value = self.value(key)
        if value is None or value == "":
            return None
        try:
            moment = datetime.fromisoformat(value if isinstance(value, str) else "")
            local = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
            return local.astimezone(UTC)
        except (ValueError, OverflowError):
            self.wrong_type(key, value, "a date or a time")
            return None

    def choice(self, key: str, choose: Callable[[str], C], allowed: str) -> C | None:
        text = self.text(key)
        if not text:
            return None
        try:
            return choose(text)
        except (ValueError, KeyError):
            code = f"UNKNOWN_{key.upper()}"
            self.problem(code, f"{self.path(key)} is {_shown(text)}, which is none of {allowed}.", key=key)
            return None

    def attributes(self, key: str) -> dict[str, Json]:
        """The whole object at `key` (a JSON field), with the single fields at `key.*` put into it."""
        collected: dict[str, Json] = {}
        whole = self._json(key)
        if isinstance(whole, dict):
            collected.update(whole)
        elif whole is not None:
            self.wrong_type(key, whole, "a JSON object")
        prefix = f"{key}."
        for name in self.mapping:
            if name.startswith(prefix):
                value = self._json(name)
                if value is not None:
                    collected[name.removeprefix(prefix)] = value
        return collected

    def _json(self, key: str) -> Any:
        value = self.value(key)
        mapped = self.mapping.get(key)
        if mapped is None or not mapped.json or not isinstance(value, str) or not value.strip():
            return value if value != "" else None
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError as error:
            self.problem(
                "BAD_JSON",
                f"{mapped.path} is not JSON: {error.msg} (line {error.lineno}, column {error.colno}).",
                "Correct the field's text.",
                key,
            )
            return None


def _value(record: Mapping[str, Any], mapped: IntakeField | None) -> Any:
    if mapped is None:
        return None
    stored = _at(record, mapped.path)
    if stored is None:
        return mapped.default
    name = str(stored).lower() if isinstance(stored, bool) else str(stored)
    return mapped.values.get(name, stored) if mapped.values else stored


def _at(record: Any, path: str) -> Any:
    """The value at a field path; None where a record on the way, or the field, is missing. Case doesn't matter."""
    for name in path.split("."):
        if not isinstance(record, Mapping):
            return None
        if name in record:
            record = record[name]
            continue
        record = next((value for key, value in record.items() if str(key).lower() == name.lower()), None)
    return record


def _priority(name: str) -> Priority:
    return _PRIORITIES[name.lower()]


def _id_or_empty(value: Any) -> str:
    return record_id(value if isinstance(value, str) else None) or ""


_SHOWN = 60


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
