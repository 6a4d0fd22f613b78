"""How to spend the org's daily API calls: pure, from the usage that Salesforce tells with every answer.

A call costs the same whatever it carries. So what is saved by waiting is saved by fuller calls: as the
allowance shrinks, flushes come less often; near its end only the purposes that people wait for may cause
one. Nothing is lost by that: marks wait, and only the last state of each record is ever sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from connector.model.mark import RecordKind
from connector.sf.usage import Usage


class Purpose(IntEnum):
    """What a call is for, the most urgent first."""

    OPERATOR = 0
    """Answers to operators, and fallout."""
    ORDER = 1
    """The order's own status."""
    ITEM = 2
    """Plans, items, requests, lines."""
    REST = 3
    """Inventory."""


PURPOSES: Mapping[RecordKind, Purpose] = {
    "command": Purpose.OPERATOR,
    "fallout": Purpose.OPERATOR,
    "order": Purpose.ORDER,
    "order_line": Purpose.ITEM,
    "plan": Purpose.ITEM,
    "item": Purpose.ITEM,
    "request": Purpose.ITEM,
    "line": Purpose.ITEM,
    "inventory": Purpose.REST,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Seconds between two flushes, and up to which share of the daily calls each purpose may cause one."""

    shortest: float = 0.5
    longest: float = 60.0
    slow_from: float = 0.80
    """From this share on the interval grows…"""
    slowest_at: float = 0.95
    """…and here it is the longest."""
    ceilings: tuple[float, float, float, float] = (float("inf"), 0.98, 0.95, 0.90)
    """By purpose. The last two per cent are for operators, and for reading orders."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds from one flush to the next, and the kinds that may cause one (None: all)."""

    interval: float
    kinds: tuple[RecordKind, ...] | None


def pace(usage: Usage | None, budget: Budget) -> Pace:
    """The pace for this usage; full speed while none is known."""
    share = usage.share if usage else 0.0
    allowed = tuple(kind for kind, purpose in PURPOSES.items() if share < budget.ceilings[purpose])
    return Pace(interval=_interval(share, budget), kinds=None if len(allowed) == len(PURPOSES) else allowed)


def _interval(share: float, budget: Budget) -> float:
    """Grows from the shortest to the longest by the same factor for each per cent."""
    if share <= budget.slow_from:
        return budget.shortest
    if share >= budget.slowest_at:
        return budget.longest
    part = (share - budget.slow_from) / (budget.slowest_at - budget.slow_from)
    grown: float = budget.shortest * (budget.longest / budget.shortest) ** part
    return grown
