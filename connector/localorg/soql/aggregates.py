"""COUNT, SUM and their kin, with GROUP BY and HAVING."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from connector.localorg.errors import refused
from connector.localorg.schema.model import NUMBERS, SObject
from connector.localorg.soql.scope import Getter, Reached, Setting, reach
from connector.localorg.soql.syntax import Call, Operand, Path, Query, Selected
from connector.localorg.store.database import Record

FUNCTIONS = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})

Row = dict[str, Any]

_PARTS: dict[str, Callable[[str], Any]] = {
    "CALENDAR_YEAR": lambda text: int(text[:4]),
    "CALENDAR_MONTH": lambda text: int(text[5:7]),
    "CALENDAR_QUARTER": lambda text: (int(text[5:7]) + 2) // 3,
    "DAY_IN_MONTH": lambda text: int(text[8:10]),
    "DAY_ONLY": lambda text: text[:10],
    "HOUR_IN_DAY": lambda text: int(text[11:13]),
}
"""Functions of a date that a query may group by."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """One group: the values that it was grouped by, and its records."""

    key: tuple[Any, ...]
    records: list[Record]


def is_aggregate(query: Query) -> bool:
    """Whether the query answers with aggregate rows."""
    return bool(query.group_by) or any(
        isinstance(each, Selected) and isinstance(each.what, Call) and each.what.function in FUNCTIONS
        for each in query.select
    )


def is_bare_count(query: Query) -> bool:
    """Whether the query is `SELECT COUNT() FROM …`, which answers with a number and no rows."""
    return len(query.select) == 1 and query.select[0] == Selected(Call("COUNT", None))


class Aggregation:
    """The grouped part of one query, prepared."""

    def __init__(self, setting: Setting, sobject: SObject, query: Query) -> None:
        self._setting = setting
        self._sobject = sobject
        self._groups = query.group_by
        self._group_getters = [self._group_getter(each) for each in query.group_by]
        self._columns: list[tuple[str, Callable[[Grouped], Any]]] = []
        self._aliases: dict[str, Operand] = {}
        unnamed = 0
        for item in query.select:
            if not isinstance(item, Selected):
                raise refused("MALFORMED_QUERY", "a query with aggregates selects only groups and aggregates")
            name = item.alias
            if not name and isinstance(item.what, Call):
                name = f"expr{unnamed}"
                unnamed += 1
            elif not name and isinstance(item.what, Path):
                name = item.what.names[-1]
            self._aliases[name.lower()] = item.what
            self._columns.append((name, self.value(item.what)))

    def groups(self, records: Iterable[Record]) -> list[Grouped]:
        """The records in their groups, in order of first appearance. Without GROUP BY there is one group, always."""
        if not self._groups:
            return [Grouped((), list(records))]
        found: dict[tuple[Any, ...], Grouped] = {}
        for record in records:
            key = tuple(get(record) for get in self._group_getters)
            found.setdefault(key, Grouped(key, [])).records.append(record)
        return list(found.values())

    def row(self, group: Grouped) -> Row:
        """The row of one group."""
        row: Row = {"attributes": {"type": "AggregateResult"}}
        for name, value in self._columns:
            row[name] = value(group)
        return row

    def value(self, operand: Operand) -> Callable[[Grouped], Any]:
        """How to work out a grouped field or an aggregate for a group; aliases of the SELECT are understood.

        Raises:
            SalesforceError: a field that is neither.
        """
        if operand in self._groups:
            place = self._groups.index(operand)
            return lambda group: group.key[place]
        if isinstance(operand, Path):
            meant = self._aliases.get(str(operand).lower())
            if meant is not None and meant != operand:
                return self.value(meant)
            reason = f"Field must be grouped or aggregated: {operand}"
            raise self._setting.at(operand.at, refused("MALFORMED_QUERY", reason))
        return self._aggregate(operand)

    def _group_getter(self, operand: Operand) -> Getter:
        if isinstance(operand, Path):
            reached = reach(self._setting, self._sobject, operand)
            self._demand_groupable(reached, operand.at)
            return reached.get
        part = _PARTS.get(operand.function)
        if part is None or operand.argument is None:
            reason = f"{operand.function}() is not supported in GROUP BY"
            raise self._setting.at(operand.at, refused("MALFORMED_QUERY", reason))
        get = reach(self._setting, self._sobject, operand.argument).get
        return lambda record: None if (found := get(record)) is None else part(found)

    def _demand_groupable(self, reached: Reached, at: int) -> None:
        if not reached.field.filterable:
            reason = f"field '{reached.field.name}' can not be grouped in a query call"
            raise self._setting.at(at, refused("MALFORMED_QUERY", reason))

    def _aggregate(self, call: Call) -> Callable[[Grouped], Any]:
        if call.function not in FUNCTIONS:
            raise self._setting.at(call.at, refused("MALFORMED_QUERY", f"{call.function}() is not supported here"))
        if call.argument is None:
            return lambda group: len(group.records)
        reached = reach(self._setting, self._sobject, call.argument)
        if call.function in ("SUM", "AVG") and reached.field.type not in NUMBERS:
            reason = f"field {reached.field.name} does not support aggregate operator {call.function}"
            raise self._setting.at(call.at, refused("MALFORMED_QUERY", reason))
        return _calculation(call.function, reached.get)


def _calculation(function: str, get: Getter) -> Callable[[Grouped], Any]:
    def values(group: Grouped) -> list[Any]:
        return [found for record in group.records if (found := get(record)) is not None]

    def average(group: Grouped) -> float | None:
        found = values(group)
        return sum(found) / len(found) if found else None

    return {
        "COUNT": lambda group: len(values(group)),
        "COUNT_DISTINCT": lambda group: len(set(values(group))),
        "SUM": lambda group: sum(values(group)) if values(group) else None,
        "AVG": average,
        "MIN": lambda group: min(values(group), default=None),
        "MAX": lambda group: max(values(group), default=None),
    }[function]
