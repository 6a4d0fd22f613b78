"""What is known of orders beside their plans, for people who look: in a list, or all of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from connector.model.failure import Failure
from connector.model.forecast import Jeopardy
from connector.model.ids import CommandId, ItemNo, OrderId
from connector.model.json import JsonObject
from connector.model.order import Priority
from connector.model.pauses import Pause
from connector.model.plan import Plan
from connector.model.technical import Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedOrder:
    """One order in a list. Of its `waits` the most urgent one is told: `waiting_item` waits for `waiting_for`.

    `number` and `account` are empty while it has not been read. `parked` is why no turn takes it.
    """

    id: OrderId
    number: str
    account_id: str
    account: str
    priority: Priority
    state: str
    status: str
    message: str
    items_total: int
    items_done: int
    created_at: datetime
    updated_at: datetime
    requested_at: datetime | None
    expected_at: datetime | None
    """When it was last expected to be done."""
    jeopardy: Jeopardy | None
    finished_at: datetime | None
    parked: str | None
    set_name: str | None
    archived: bool
    waiting_item: str | None = None
    waiting_for: str | None = None
    waits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One thing that happened, to an item or (None) to the order as a whole."""

    seq: int
    at: datetime
    item: ItemNo | None
    what: str
    detail: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One attempt of a callout. `sendings` counts how often the request left within it."""

    item: ItemNo
    epoch: int
    attempt: int
    interface: str
    method: str
    path: str
    idempotency_key: str
    status: int | None
    outcome: str
    code: str | None
    started_at: datetime
    seconds: float
    sendings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FalloutEpisode:
    """One time that people were called for help, with an item or (`WHOLE_ORDER`) the order as a whole."""

    item: ItemNo
    episode: int
    failure: Failure
    queue: str
    severity: str
    suggestions: tuple[str, ...]
    attempts: int
    raised_at: datetime
    resolved_at: datetime | None = None
    resolution: str | None = None
    resolved_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandAnswer:
    """What became of a command."""

    command: CommandId
    answer: str
    message: str
    at: datetime
    result: JsonObject | None = None
    """The answer for machines, where there is more to say and it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """All that is known of one order. What is long is there only as far as it was asked for.

    `plan` is None while the order has not been read. `events_waiting` are in its inbox, `records_behind` have not
    been written to Salesforce yet; `unread` is what stands in the way of reading it. `history` is oldest first, and
    of `history_total` lines the last ones.
    """

    id: OrderId
    number: str
    status: str
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None
    parked: str | None
    unread: str | None
    plan: Plan | None
    set_name: str
    set_version: str
    events_waiting: int = 0
    records_behind: int = 0
    last_seen: Mapping[ItemNo, datetime] = field(default_factory=dict)
    """When something last happened to each item that waits, is at work, or needs a person."""
    history: tuple[HistoryLine, ...] = ()
    history_total: int = 0
    calls: tuple[CallLine, ...] = ()
    fallouts: tuple[FalloutEpisode, ...] = ()
    answers: tuple[CommandAnswer, ...] = ()
    held: Mapping[ItemNo, Pause] = field(default_factory=dict)
    """The items whose requests wait for a pause to end."""
    explanation: Explanation | None = None
