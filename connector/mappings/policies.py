"""Whose a matter is, and when something is tried again: queues, retry policies, the table of fallout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from connector.mappings.expression import NOWHERE, Source
from connector.model.failure import FailureClass
from connector.model.states import ItemType


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue of manual tasks or of fallout: `developer_name` is that of the Salesforce queue."""

    name: str
    developer_name: str
    label: str
    kind: Literal["manual", "fallout"] = "manual"
    source: Source = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again. The wait before retry n (from 1) is `waits[n-1]`, the last one repeated while
    n is at most `retries` (None: for ever).
    """

    name: str
    retries: int | None
    waits: tuple[timedelta, ...] = ()
    jitter: float = 0.0
    """Up to this fraction more; deterministic per item and attempt."""

    def wait(self, retry: int) -> timedelta | None:
        """The wait before the retry of this number, from 1; None when there is none left."""
        if self.retries is not None and retry > self.retries:
            return None
        return self.waits[min(retry, len(self.waits)) - 1] if self.waits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FalloutRow:
    """One row of the policy table. Empty fields match everything; the row with the most fields wins,
    the earlier of two with equally many.
    """

    retry: str
    queue: str
    severity: Literal["Low", "Medium", "High"] = "Medium"
    system: str | None = None
    interface: str | None = None
    item_type: ItemType | None = None
    failure_class: FailureClass | None = None
    http_status: int | None = None
    code: str | None = None
    message: str | None = None
    """A regular expression searched in the failure's message."""
    suggestions: tuple[str, ...] = ()
    source: Source = NOWHERE
