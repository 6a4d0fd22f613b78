"""One line of the attempt log: what was sent where, when, and what came of it. Holds no secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connector.callouts.verdict import CalloutEvent
from connector.model.ids import ItemNo, OrderId

Outcome = Literal["completed", "accepted", "transient", "business", "configuration", "unknown_outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One attempt. `path` is without query and without the destination's own path; `bytes` counts the
    content of the last answer, `sendings` how often the request left within the attempt.
    """

    order: OrderId
    item: ItemNo
    epoch: int
    attempt: int
    interface: str
    started_at: datetime
    seconds: float
    method: str
    path: str
    status: int | None
    outcome: Outcome
    code: str | None
    idempotency_key: str
    bytes: int
    sendings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the machine hears of an attempt, and what the log keeps of it."""

    event: CalloutEvent
    record: AttemptRecord
