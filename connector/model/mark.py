"""Marks: which records in Salesforce are behind the present state."""

from __future__ import annotations

from typing import Literal, NamedTuple

RecordKind = Literal["order", "order_line", "plan", "item", "request", "line", "inventory", "fallout", "command"]
"""The kinds of records that are written to Salesforce."""


class MarkKey(NamedTuple):
    """One record: `key` is the value of its external id (or its Id), `lane` what is written in order."""

    kind: RecordKind
    key: str
    lane: str
