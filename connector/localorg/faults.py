"""Faults that can be switched on: the bad days of Salesforce, on demand and counted ("the next N").

Nothing here happens by itself. Each kind says what it counts.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from connector.localorg.errors import refused
from connector.localorg.schema.model import SObject


class Fault(StrEnum):
    """What can go wrong, and what is counted."""

    ROW_LOCK = "row_lock"
    """Rows: refused with UNABLE_TO_LOCK_ROW. `object` narrows it."""
    ROW_ERROR = "row_error"
    """Rows: refused with `code` and `message`. `object` narrows it."""
    UNAVAILABLE = "unavailable"
    """API calls: 503 SERVER_UNAVAILABLE."""
    LIMIT_EXCEEDED = "limit_exceeded"
    """API calls: 403 REQUEST_LIMIT_EXCEEDED."""
    SESSION_INVALID = "session_invalid"
    """API calls: 401 INVALID_SESSION_ID, although the token is good."""
    SLOW = "slow"
    """API calls: answered after `seconds`."""
    ANSWER_LOST = "answer_lost"
    """API calls: done, but the connection breaks before the answer."""
    STREAM_DROP = "stream_drop"
    """CometD connects: the connection breaks."""
    STREAM_FORGET = "stream_forget"
    """CometD connects: the client is unknown (403::Unknown client)."""
    POSITION_REFUSED = "position_refused"
    """CometD subscribes that give a replay id: 400, as if it were older than 72 hours."""
    EVENT_MISSED = "event_missed"
    """Deliveries: the event is left out."""
    EVENT_DUPLICATE = "event_duplicate"
    """Deliveries: the event comes twice."""
    EVENT_OUT_OF_ORDER = "event_out_of_order"
    """Deliveries: the event comes after the one that follows it in the same answer."""


@dataclass(slots=True, kw_only=True)
class Switched:
    """One fault that is on. Gone when `count` reaches zero."""

    kind: Fault
    count: int = 1
    object: str = ""
    seconds: float = 0.0
    code: str = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    message: str = "switched on for a test"


class Faults:
    """The faults that are on. Safe to use from any thread."""

    def __init__(self) -> None:
        self._on: list[Switched] = []
        self._lock = threading.Lock()

    def switch_on(self, kind: Fault, count: int = 1, **settings: Any) -> None:
        """Let the next `count` calls, rows or events meet this fault. Settings: see `Switched`."""
        with self._lock:
            self._on.append(Switched(kind=Fault(kind), count=count, **settings))

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._on.clear()

    def listed(self) -> list[dict[str, Any]]:
        """What is on, and how often it will still happen."""
        with self._lock:
            return [asdict(each) for each in self._on]

    def take(self, kind: Fault, object_name: str = "") -> Switched | None:
        """The fault of this kind that is due, counted down; None if there is none."""
        if not self._on:
            return None
        with self._lock:
            for each in self._on:
                if each.kind is kind and each.object.lower() in ("", object_name.lower()):
                    each.count -= 1
                    if each.count <= 0:
                        self._on.remove(each)
                    return each
        return None

    def before_write(self, sobject: SObject, record_id: str | None) -> None:
        """Refuse a row if a fault says so."""
        if not self._on:
            return
        if self.take(Fault.ROW_LOCK, sobject.name):
            which = f": {record_id}" if record_id else ""
            message = f"unable to obtain exclusive access to this record or 1 records{which}"
            raise refused("UNABLE_TO_LOCK_ROW", message, ())
        row_error = self.take(Fault.ROW_ERROR, sobject.name)
        if row_error:
            raise refused(row_error.code, row_error.message, ())

    def before_call(self) -> None:
        """Refuse an API call if a fault says so."""
        if not self._on:
            return
        if self.take(Fault.UNAVAILABLE):
            raise refused("SERVER_UNAVAILABLE", "The server is currently unavailable. Try again later.")
        if self.take(Fault.LIMIT_EXCEEDED):
            raise refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        if self.take(Fault.SESSION_INVALID):
            raise refused("INVALID_SESSION_ID", "Session expired or invalid")
