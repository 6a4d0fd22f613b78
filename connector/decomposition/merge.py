"""One value out of several: what becomes of an attribute when lines are merged, and of the quantity.

The values come in the order of their rules' (priority, id), those of one rule in the order of the lines,
so that `first` is the one of the rule that goes first. Every merge rule is associative: merging some of
the values first and the result with the rest gives the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from connector.decomposition.values import same, shown
from connector.model.json import Json

MergeRule: TypeAlias = Callable[[Sequence[Json]], Json]

AGGREGATES = frozenset({"sum", "max", "list"})
"""Merge rules whose result is wrong when one of the values is not known."""


class Conflict(Exception):
    """The values can't be merged; the text says why."""


def merged(rule: str, values: Sequence[Json]) -> Json:
    """Merge one or more values by the attribute's merge rule.

    Raises:
        Conflict: the rule doesn't fit these values.
    """
    return _RULES[rule](values)


def _first(values: Sequence[Json]) -> Json:
    return values[0]


def _last(values: Sequence[Json]) -> Json:
    return values[-1]


def _sum(values: Sequence[Json]) -> Json:
    if len(values) == 1:
        return values[0]
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) < len(values):
        other = next(value for value in values if isinstance(value, bool) or not isinstance(value, (int, float)))
        raise Conflict(f"{shown(other)} can't be added up")
    return total(numbers)


def _max(values: Sequence[Json]) -> Json:
    if len(values) == 1:
        return values[0]
    numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if len(numbers) == len(values):
        return max(numbers)
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values):
        return max(texts)
    raise Conflict("only numbers, or only texts, have a greatest one")


def _list(values: Sequence[Json]) -> Json:
    members: list[Json] = []
    for value in values:
        members.extend(value if isinstance(value, list) else [value])
    return members


def _equal(values: Sequence[Json]) -> Json:
    for value in values[1:]:
        if not same(values[0], value):
            raise Conflict(f"{shown(values[0])} is not {shown(value)}")
    return values[0]


_RULES: Mapping[str, MergeRule] = {
    "first": _first,
    "last": _last,
    "sum": _sum,
    "max": _max,
    "list": _list,
    "error": _equal,
}


def total(numbers: Sequence[int | float]) -> int | float:
    """The sum, exact for whole numbers and rounded once for others, so that their order doesn't matter."""
    if all(isinstance(number, int) for number in numbers):
        return sum(numbers)
    return math.fsum(numbers)


def quantity_of(rule: str, quantities: Sequence[float]) -> float:
    """The quantity of a technical line out of those of its source lines."""
    match rule:
        case "sum":
            return total(quantities)
        case "max":
            return max(quantities)
        case _:
            return 1
