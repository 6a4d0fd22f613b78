"""Orders in files: a canonical order with the account's inventory, as JSON that people can write.

    {"order": {"account": {"id": "A1", "type": "Consumer"},
               "lines": [{"product": "MOBILE-PLAN", "action": "Add", "attributes": {"tier": "M"}}]},
     "inventory": []}

What a person would not care to write has defaults: numbers count the lines, ids are the numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from connector.errors import OrderError
from connector.mappings.views import iso
from connector.model.ids import LineId, OrderId
from connector.model.order import PRIORITY_NAMES, Account, Action, InventoryItem, Order, OrderLine

MAX_BYTES = 5_000_000
"""Largest file that is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFile:
    """What a file holds."""

    order: Order
    inventory: tuple[InventoryItem, ...] = ()


class OrderFileInvalid(OrderError):
    """A file that holds no order. `problems` names each fault with its place in the file."""

    code = "ORDER_FILE"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("The file holds no order: " + "; ".join(problems))
        self.problems = tuple(problems)


def read(text: str) -> OrderFile:
    """The order in a JSON text.

    Raises:
        OrderFileInvalid: the text is not JSON, or not of the form of an order; every fault is named.
    """
    try:
        written = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise OrderFileInvalid([f"line {error.lineno}, column {error.colno}: not JSON: {error.msg}"]) from None
    except _Twice as error:
        raise OrderFileInvalid([str(error)]) from None
    except (ValueError, RecursionError) as error:
        raise OrderFileInvalid([f"not JSON: {error}"]) from None
    if "\\ud" in text.lower() and not _is_text(written):
        raise OrderFileInvalid(["a text in it holds half of a character (an unpaired surrogate)"])
    if not isinstance(written, dict):
        raise OrderFileInvalid(['the file must hold an object: {"order": {…}, "inventory": […]}'])
    if "order" not in written and "lines" in written:
        written = {"order": written}
    try:
        return _order_file(_File.model_validate(written))
    except ValidationError as error:
        raise OrderFileInvalid(_problems(error)) from None


def _is_text(written: object) -> bool:
    """Everything in it can be written down in UTF-8."""
    try:
        json.dumps(written, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def write(content: OrderFile) -> str:
    """The JSON text of an order: `read` gives the same again."""
    order = content.order
    written = {
        "order": _some(
            id=order.id,
            number=order.number,
            priority=PRIORITY_NAMES[order.priority],
            account=_some(
                id=order.account.id,
                name=order.account.name,
                type=order.account.type,
                attributes=order.account.attributes,
            ),
            requested_at=iso(order.requested_at) if order.requested_at else None,
            supersedes=order.supersedes,
            supplemental_action=order.supplemental_action,
            follows=order.follows,
            approved_by=order.approved_by,
            attributes=order.attributes,
            lines=[
                _some(
                    id=line.id,
                    number=line.number,
                    product=line.product,
                    action=line.action.value,
                    quantity=line.quantity,
                    parent=line.parent,
                    sub_action=line.sub_action,
                    supersedes=line.supersedes,
                    supplemental_action=line.supplemental_action,
                    attributes=line.attributes,
                )
                for line in order.lines
            ],
        ),
        "inventory": [
            _some(
                id=item.id,
                account=item.account,
                product=item.product,
                scope_key=item.scope_key,
                status=item.status,
                attributes=item.attributes,
            )
            for item in content.inventory
        ],
    }
    return json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def _some(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


# -- JSON more strictly than Python's ---------------------------------------------------------------------


class _Twice(ValueError):
    """A key is written twice in one object."""


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name in made:
            raise _Twice(f"the key {name!r} is written twice in one object")
        made[name] = value
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


# -- the form ---------------------------------------------------------------------------------------------


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone, as in 2026-03-31T09:00:00Z")
    return moment


def _text(moment: Any) -> Any:
    if not isinstance(moment, str):
        raise ValueError("a time is text, as in 2026-03-31T09:00:00Z")  # noqa: TRY004 - what pydantic listens for
    return moment


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Account(_Strict):
    id: str = "ACCOUNT"
    name: str = ""
    type: str = ""
    attributes: dict[str, Any] = Field(default_factory=dict)


class _Line(_Strict):
    id: str | None = None
    number: str | None = None
    product: str
    action: Annotated[Action, Field(strict=False)] = Action.ADD
    quantity: float = 1
    parent: str | None = None
    sub_action: Literal["Suspend", "Resume"] | None = None
    supersedes: str | None = None
    supplemental_action: Literal["Add", "Amend", "Cancel", "NoChange"] | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)


class _Order(_Strict):
    id: str = "ORDER"
    number: str | None = None
    priority: Literal["High", "Default", "Bulk"] = "Default"
    account: _Account = Field(default_factory=_Account)
    requested_at: Annotated[datetime, Field(strict=False), BeforeValidator(_text), AfterValidator(_aware)] | None = None
    supersedes: str | None = None
    supplemental_action: Literal["Amend", "Cancel"] | None = None
    follows: str | None = None
    approved_by: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict)
    lines: list[_Line] = Field(min_length=1)


class _Asset(_Strict):
    id: str | None = None
    account: str | None = None
    product: str
    scope_key: str
    status: str = "Active"
    attributes: dict[str, Any] = Field(default_factory=dict)


class _File(_Strict):
    order: _Order
    inventory: list[_Asset] = Field(default_factory=list)


_PRIORITIES = {name: priority for priority, name in PRIORITY_NAMES.items()}


def _order_file(file: _File) -> OrderFile:
    given = file.order
    lines = []
    for place, line in enumerate(given.lines, start=1):
        number = line.number if line.number is not None else str(place)
        lines.append(
            OrderLine(
                id=LineId(line.id if line.id is not None else number),
                number=number,
                product=line.product,
                action=line.action,
                quantity=line.quantity,
                parent=LineId(line.parent) if line.parent is not None else None,
                attributes=line.attributes,
                sub_action=line.sub_action,
                supersedes=LineId(line.supersedes) if line.supersedes is not None else None,
                supplemental_action=line.supplemental_action,
            )
        )
    account = Account(
        id=given.account.id, name=given.account.name, type=given.account.type, attributes=given.account.attributes
    )
    order = Order(
        id=OrderId(given.id),
        number=given.number if given.number is not None else given.id,
        account=account,
        lines=tuple(lines),
        priority=_PRIORITIES[given.priority],
        requested_at=given.requested_at,
        supersedes=OrderId(given.supersedes) if given.supersedes is not None else None,
        supplemental_action=given.supplemental_action,
        follows=OrderId(given.follows) if given.follows is not None else None,
        approved_by=given.approved_by,
        attributes=given.attributes,
    )
    inventory = tuple(
        InventoryItem(
            id=item.id if item.id is not None else f"INVENTORY-{place}",
            account=item.account if item.account is not None else account.id,
            product=item.product,
            scope_key=item.scope_key,
            attributes=item.attributes,
            status=item.status,
        )
        for place, item in enumerate(file.inventory, start=1)
    )
    return OrderFile(order=order, inventory=inventory)


# -- what pydantic says, for people -----------------------------------------------------------------------

_MODELS: dict[str, type[BaseModel]] = {"order": _Order, "account": _Account, "lines": _Line, "inventory": _Asset}


def _problems(error: ValidationError) -> list[str]:
    found: dict[str, None] = {}
    for fault in error.errors(include_url=False, include_input=False, include_context=False):
        location = [part for part in fault["loc"] if not (isinstance(part, str) and part.startswith(_PYDANTIC_PARTS))]
        where = _path(location)
        if fault["type"] == "extra_forbidden":
            found[f"{where}: there is no such key{_near(location)}"] = None
        elif fault["type"] == "missing":
            found[f"{where}: is missing"] = None
        else:
            message = _SAID.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
            message = message.replace("Input should be", "must be")
            found[f"{where}: {message[:1].lower()}{message[1:]}"] = None
    return list(found) or ["not of the form of an order"]


_PYDANTIC_PARTS = ("function-", "nullable", "dict[", "list[")
_SAID = {
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "string_type": "must be text",
    "float_type": "must be a number",
    "too_short": "must not be empty",
}


def _path(location: Iterable[int | str]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f"{'.' if path else ''}{part}"
    return path or "the file"


def _near(location: Sequence[int | str]) -> str:
    names = [part for part in location if isinstance(part, str)]
    model = _MODELS.get(names[-2], _File) if len(names) > 1 else _File
    close = get_close_matches(names[-1], model.model_fields, n=1) if names else []
    return f"; did you mean {close[0]!r}?" if close else f" (known: {', '.join(model.model_fields)})"
