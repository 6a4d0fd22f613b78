"""What one attempt comes to."""

from __future__ import annotations

from dataclasses import dataclass

from connector.callouts.verdict import CalloutEvent
from connector.model.attempt import AttemptRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the machine hears of an attempt, and what the log keeps of it."""

    event: CalloutEvent
    record: AttemptRecord
