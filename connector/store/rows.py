"""The rows that a turn writes. Fields are named as columns, so that a table's rows become one JSON document."""

from __future__ import annotations

from datetime import datetime

import msgspec

from connector.model.events import TimerKind
from connector.model.failure import Failure
from connector.model.ids import ItemNo, OrderId, TechnicalLineNo
from connector.model.json import JsonObject
from connector.model.mark import RecordKind
from connector.model.order import InventoryItem, Order
from connector.model.states import ItemState, PlanState
from connector.model.technical import Explanation, TechnicalLine
from connector.model.work import RenderedRequest
from connector.store import codec


class OrderRow(msgspec.Struct, gc=False, omit_defaults=True):
    """A plan's head. What is never changed by a later turn is there in the first one only."""

    order_id: OrderId
    state: PlanState
    status: str
    items_total: int
    items_done: int
    head: codec.Head
    message: str
    finished_at: datetime | None
    number: str | None = None
    account_id: str | None = None
    priority: int | None = None
    set_hash: str | None = None
    document: Order | None = None
    as_is: tuple[InventoryItem, ...] | None = None
    created_at: datetime | None = None
    paused_at: datetime | None = None


class ExplanationRow(msgspec.Struct, gc=False):
    """Why an order was decomposed as it was."""

    order_id: OrderId
    body: Explanation


class LineRow(msgspec.Struct, gc=False):
    """A technical line."""

    order_id: OrderId
    line_no: TechnicalLineNo
    body: TechnicalLine


class ItemRow(msgspec.Struct, gc=False):
    """What has changed of an item."""

    order_id: OrderId
    item_no: ItemNo
    state: ItemState
    progress: codec.ItemProgress


class NewItemRow(ItemRow, gc=False):
    """An item that was not there before."""

    spec: codec.ItemSpec


class SpecRow(msgspec.Struct, gc=False):
    """What otherwise never changes of an item, changed."""

    order_id: OrderId
    item_no: ItemNo
    spec: codec.ItemSpec


class KeyRow(msgspec.Struct, gc=False):
    """An item, named."""

    order_id: OrderId
    item_no: ItemNo


class TimerRow(KeyRow, gc=False):
    """When an item is to be woken."""

    kind: TimerKind
    epoch: int
    due: datetime


class ResendRow(KeyRow, gc=False):
    """A stored request to be sent once more."""

    attempt: int


class WorkRow(KeyRow, gc=False):
    """A request to be sent."""

    epoch: int
    attempt: int
    interface: str
    set_hash: str
    priority: int
    awaits_event: bool
    request: RenderedRequest


class HistoryRow(msgspec.Struct, gc=False):
    """One line of what has happened."""

    order_id: OrderId
    item_no: ItemNo | None
    what: str
    detail: str
    by_whom: str


class FalloutRow(msgspec.Struct, gc=False):
    """An episode of fallout that begins."""

    order_id: OrderId
    item_no: ItemNo
    episode: int
    failure: Failure
    queue: str
    severity: str
    suggestions: tuple[str, ...]
    attempts: int
    how: str | None = None
    """How it has ended already, in the same turn."""
    by_whom: str | None = None


class ResolutionRow(msgspec.Struct, gc=False):
    """An episode of fallout that began in an earlier turn, and ends."""

    order_id: OrderId
    item_no: ItemNo
    episode: int
    how: str
    by_whom: str


class AnswerRow(msgspec.Struct, gc=False):
    """What became of a command."""

    order_id: OrderId
    command_id: str
    answer: str
    message: str
    result: JsonObject | None


class MarkRow(msgspec.Struct, gc=False):
    """What is behind of one order, in one lane."""

    lane: str
    order_id: OrderId
    rank: int
    kinds: tuple[RecordKind, ...]
    keys: tuple[str, ...]
