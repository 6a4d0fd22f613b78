"""Marks: which records in Salesforce are behind the present state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RecordKind = Literal["order", "order_line", "plan", "item", "request", "line", "inventory", "fallout", "command"]
"""The kinds of records that are written to Salesforce."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkKey:
    """One record: `key` is the value of its external id (or its Id), `lane` what is written in order."""

    kind: RecordKind
    key: str
    lane: str
