"""What the Salesforce edge counts, for metrics: one closed list, plain numbers, written by the edge alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts since the process started."""

    events_received: int = 0
    events_malformed: int = 0
    stream_failures: int = 0
    stream_gaps: int = 0
    orders_read: int = 0
    orders_unreadable: int = 0
    commands_read: int = 0
    commands_refused: int = 0
    reconciled_orders: int = 0
    reconciled_commands: int = 0
    write_calls: int = 0
    records_written: int = 0
    records_postponed: int = 0
    records_stuck: int = 0
    records_gone: int = 0
    values_cut: int = 0
