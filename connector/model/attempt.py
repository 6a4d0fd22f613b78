"""One line of the attempt log: what was sent where, when, and what came of it. Holds no secret."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from connector.model.ids import ItemNo, OrderId

Outcome = Literal["completed", "accepted", "pending", "transient", "business", "configuration", "unknown_outcome"]


class AttemptRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
