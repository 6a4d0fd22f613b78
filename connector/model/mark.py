"""Marks: which records in Salesforce are behind the present state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

RecordKind = Literal["order", "order_line", "plan", "item", "request", "line", "inventory", "fallout", "command"]
"""The kinds of records that are written to Salesforce."""


Record = tuple[RecordKind, str]
"""One record: its kind, and the value of its external id (or its Id)."""

Marks = Mapping[str, Sequence[Record]]
"""Records that are behind, each once, parents before children; by lane, which is what is written in order."""
