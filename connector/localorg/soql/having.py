"""HAVING: a condition over the groups of an aggregation."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from connector.localorg.errors import refused
from connector.localorg.soql.aggregates import Aggregation, Grouped
from connector.localorg.soql.scope import Setting
from connector.localorg.soql.syntax import All, AnyOf, Condition, Constant, Not

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def having_test(setting: Setting, aggregation: Aggregation, condition: Condition) -> Callable[[Grouped], bool]:
    """Prepare a HAVING condition.

    Raises:
        SalesforceError: it compares something else than groups and aggregates with literals.
    """
    if isinstance(condition, Not):
        inner = having_test(setting, aggregation, condition.condition)
        return lambda group: not inner(group)
    if isinstance(condition, (All, AnyOf)):
        tests = [having_test(setting, aggregation, each) for each in condition.conditions]
        join = all if isinstance(condition, All) else any
        return lambda group: join(test(group) for test in tests)
    value = aggregation.value(condition.left)
    if isinstance(condition.right, tuple) and condition.operator in ("IN", "NOT IN"):
        wanted = {_key(each.value) for each in condition.right}
        inside = condition.operator == "IN"
        return lambda group: (_key(value(group)) in wanted) == inside
    compare = _COMPARE.get(condition.operator)
    if compare is None or not isinstance(condition.right, Constant):
        raise refused("MALFORMED_QUERY", f"{condition.operator} is not supported in HAVING")
    right = _key(condition.right.value)
    if condition.operator in ("=", "!="):
        return lambda group: compare(_key(value(group)), right)
    return lambda group: (found := value(group)) is not None and right is not None and compare(_key(found), right)


def _key(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
