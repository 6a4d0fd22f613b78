"""Which rules are parked: they can't be decided on yet, because items of the plan will bring what they read.

A rule is parked for a technical line when

- its condition, an attribute that it gives (without a default), or its target's scope key fails on the line, and
  reads an attribute of the line that is absent and that items of the line's plans fill in; or
- its condition holds, but a rule before it in the same XOR group is parked.

An expression that asks first (`has(line.attributes.x)`, `line.attributes.?x`) does not fail, and is not waited for;
nor is a value that is known, from a rule or from the inventory. What is installed and goes with its line goes at once;
what is installed and only no longer wanted stays while a parked rule of the line may still lead to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connector.decomposition.context import Context
from connector.decomposition.source import SourceLine

_NOTHING: frozenset[str] = frozenset()


class Parked(msgspec.Struct, frozen=True, gc=False):
    """Why a rule is parked: the attributes that it waits for, or the rule of its group that comes before it."""

    waits_for: tuple[str, ...] = ()
    behind: str = ""

    def __str__(self) -> str:
        """`is parked until technology is known`."""
        if self.behind:
            return f"is parked behind the rule {self.behind} of its group, which has to be decided on first"
        return f"is parked until {' and '.join(self.waits_for)} {'is' if len(self.waits_for) == 1 else 'are'} known"


def absent(line: SourceLine, context: Context) -> frozenset[str]:
    """What the rules of a line read that is not known of it, and that items of its plans fill in."""
    if line.number is None:
        return _NOTHING
    awaited = context.tables.awaited.get((line.product, line.action), _NOTHING)
    attributes = line.view["attributes"]
    return awaited.difference(attributes) if awaited and isinstance(attributes, Mapping) else _NOTHING


def awaited(reads: frozenset[str], missing: frozenset[str]) -> Parked | None:
    """Parked until what an expression reads and misses is known; None when it misses nothing that will come."""
    names = reads & missing
    return Parked(tuple(sorted(names))) if names else None
