"""Which records a condition can be true for at most, from the indexes alone.

An index answers `=` and `IN` on Ids, lookups and keys, also on those of parents (`Plan__r.External_Id__c = 'x'`).
The answer may be too large, never too small; None means that all records must be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connector.localorg.errors import SalesforceError
from connector.localorg.schema.model import Kind, SObject, Type
from connector.localorg.soql.conditions import Subquery, comparable
from connector.localorg.soql.scope import Reached, Setting, reach
from connector.localorg.soql.syntax import All, AnyOf, Comparison, Condition, Path, Query

Found = dict[str, None]
"""Ids, in the order in which they were found."""


def candidates(setting: Setting, sobject: SObject, condition: Condition | None, subquery: Subquery) -> Found | None:
    """Ids of the records that may meet the condition, or None for all."""
    if isinstance(condition, All):
        answers = (candidates(setting, sobject, each, subquery) for each in condition.conditions)
        return min((each for each in answers if each is not None), key=len, default=None)
    if isinstance(condition, AnyOf):
        together: Found = {}
        for each in condition.conditions:
            part = candidates(setting, sobject, each, subquery)
            if part is None:
                return None
            together |= part
        return together
    if isinstance(condition, Comparison) and isinstance(condition.left, Path):
        return _comparison(setting, sobject, condition, condition.left, subquery)
    return None


def _comparison(
    setting: Setting, sobject: SObject, condition: Comparison, path: Path, subquery: Subquery
) -> Found | None:
    if condition.operator not in ("=", "IN"):
        return None
    reached = reach(setting, sobject, path)
    if reached.sobject.kind is Kind.NAME:
        return None
    values = _values(setting, reached, condition, subquery)
    if values is None or None in values or any(len(lookup.to) > 1 for _, lookup in reached.lookups):
        return None
    found = _end(setting, reached, values)
    for owner, lookup in reversed(reached.lookups):
        table = setting.store.table(owner.name)
        if found is None or not table.indexed(lookup.name):
            return None
        found = {child: None for parent in found for child in table.find(lookup.name, parent)}
    return found


def _values(setting: Setting, reached: Reached, condition: Comparison, subquery: Subquery) -> list[Any] | None:
    right = condition.right
    if isinstance(right, Query):
        return list(subquery(right))
    constants = right if isinstance(right, tuple) else (right,)
    if any(each.kind == "period" for each in constants):
        return None
    try:
        return [comparable(setting, reached.field, each) for each in constants]
    except SalesforceError:
        return None


def _end(setting: Setting, reached: Reached, values: Iterable[Any]) -> Found | None:
    table = setting.store.table(reached.sobject.name)
    name = reached.field.name
    if reached.field.type is Type.ID:
        return {value: None for value in values if value in table.live}
    if not table.indexed(name):
        return None
    return {record_id: None for value in values for record_id in table.find(name, value)}
