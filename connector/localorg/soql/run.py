"""Runs a query: candidates from the indexes, the rest of the condition, order, page, rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from connector.localorg.errors import refused, unknown_relationship
from connector.localorg.schema.model import SObject
from connector.localorg.soql.aggregates import Aggregation, Grouped, is_aggregate, is_bare_count
from connector.localorg.soql.candidates import candidates
from connector.localorg.soql.conditions import Test, test_for
from connector.localorg.soql.having import having_test
from connector.localorg.soql.parser import parse
from connector.localorg.soql.rows import MakeRow, Row, row_maker
from connector.localorg.soql.scope import Setting, reach
from connector.localorg.soql.syntax import Call, Condition, Order, Query, Selected
from connector.localorg.store.database import Record

_OFFSET_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """The records that were found, and how to make their rows: only those that are asked for."""

    total: int
    records: list[Any]
    make: Callable[[Any], Row]

    def rows(self, start: int = 0, stop: int | None = None) -> list[Row]:
        """Some of the rows."""
        return [self.make(each) for each in self.records[start:stop]]


def run(setting: Setting, url: str) -> Answer:
    """Parse and run the text of the setting.

    Raises:
        SalesforceError: what Salesforce would answer to such a query.
    """
    query = parse(setting.text)
    sobject = setting.entity(query.source, query.at)
    return _Run(setting, url).answer(sobject, query)


class _Run:
    def __init__(self, setting: Setting, url: str) -> None:
        self._setting = setting
        self._url = url
        self._subquery = cache(self._values)

    def answer(self, sobject: SObject, query: Query) -> Answer:
        if query.offset > _OFFSET_LIMIT:
            raise refused("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {_OFFSET_LIMIT}")
        if query.having is not None and not query.group_by:
            raise refused("MALFORMED_QUERY", "HAVING needs GROUP BY")
        if is_bare_count(query):
            found = self._found(sobject, query.where)
            total = sum(1 for _ in found)
            return Answer(total if query.limit is None else min(total, query.limit), [], lambda _: {})
        if is_aggregate(query):
            return self._aggregate(sobject, query)
        make = row_maker(self._setting, sobject, query, self._url, self._children)
        records = self._page(self._ordered(sobject, self._found(sobject, query.where), query.order_by), query)
        return Answer(len(records), records, make)

    def _aggregate(self, sobject: SObject, query: Query) -> Answer:
        aggregation = Aggregation(self._setting, sobject, query)
        groups = aggregation.groups(self._found(sobject, query.where))
        if query.having is not None:
            keep = having_test(self._setting, aggregation, query.having)
            groups = [group for group in groups if keep(group)]
        for term in reversed(query.order_by):
            value = aggregation.value(term.by)
            groups = _sorted(groups, value, term)
        page: list[Grouped] = self._page(groups, query)
        return Answer(len(page), page, aggregation.row)

    def _found(self, sobject: SObject, where: Condition | None) -> Iterable[Record]:
        table = self._setting.store.table(sobject.name)
        test = self._test(sobject, where)
        if self._setting.deleted_too:
            return filter(test, [*table.live.values(), *table.deleted.values()])
        narrow = candidates(self._setting, sobject, where, self._subquery) if where is not None else None
        if narrow is None:
            return filter(test, table.live.values())
        return filter(test, [table.live[each] for each in sorted(narrow)])

    def _test(self, sobject: SObject, where: Condition | None) -> Test:
        if where is None:
            return lambda _: True
        return test_for(self._setting, sobject, where, self._subquery)

    def _ordered(self, sobject: SObject, records: Iterable[Record], order_by: tuple[Order, ...]) -> list[Record]:
        ordered = list(records)
        for term in reversed(order_by):
            if isinstance(term.by, Call):
                reason = f"{term.by.function}() is not supported in ORDER BY here"
                raise self._setting.at(term.by.at, refused("MALFORMED_QUERY", reason))
            reached = reach(self._setting, sobject, term.by)
            if not reached.field.filterable:
                reason = f"field '{reached.field.name}' can not be sorted in a query call"
                raise self._setting.at(term.by.at, refused("MALFORMED_QUERY", reason))
            ordered = _sorted(ordered, reached.get, term)
        return ordered

    def _page(self, found: list[Any], query: Query) -> list[Any]:
        stop = None if query.limit is None else query.offset + query.limit
        return found[query.offset : stop]

    def _values(self, query: Query) -> frozenset[Any]:
        """The values of a semi-join's one field."""
        (selected, *more) = query.select
        if more or not isinstance(selected, Selected) or isinstance(selected.what, Call):
            raise refused("MALFORMED_QUERY", "Semi join sub-selects must select exactly one field")
        sobject = self._setting.entity(query.source, query.at)
        get = reach(self._setting, sobject, selected.what).get
        records = self._page(list(self._found(sobject, query.where)), query)
        return frozenset(found for record in records if (found := get(record)) is not None)

    def _children(self, parent: SObject, query: Query) -> Callable[[Record], tuple[str, Any]]:
        setting = self._setting
        child = parent.children.get(query.source.lower())
        sobject = setting.schema[child.object] if child else None
        if child is None or sobject is None or not setting.access.object(sobject).read:
            raise setting.at(query.at, unknown_relationship(query.source, "FROM part"))
        if any(isinstance(each, Query) for each in query.select) or is_aggregate(query):
            raise setting.at(query.at, refused("MALFORMED_QUERY", "a child query selects fields only"))
        table = setting.store.table(sobject.name)
        make: MakeRow = row_maker(setting, sobject, query, self._url, self._children)
        test = self._test(sobject, query.where)
        name, field = child.name, child.field

        def rows(record: Record) -> tuple[str, Any]:
            mine = filter(test, [table.live[each] for each in table.find(field, record["Id"])])
            page = self._page(self._ordered(sobject, mine, query.order_by), query)
            if not page:
                return name, None
            return name, {"totalSize": len(page), "done": True, "records": [make(each) for each in page]}

        return rows


def _sorted(found: list[Any], value: Callable[[Any], Any], term: Order) -> list[Any]:
    """Sorted by one term, stable. Nulls come first unless the term says otherwise; text without regard to case."""
    empty = [each for each in found if value(each) is None]
    filled = [each for each in found if value(each) is not None]
    filled.sort(key=lambda each: _key(value(each)), reverse=term.descending)
    return filled + empty if term.nulls_first is False else empty + filled


def _key(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
