"""WHERE, as a function of a record. Text compares without regard to case; null follows SOQL's rules, not SQL's.

In SOQL `field != 'x'` is true for null, and `field < 1` is false for it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import date
from typing import Any

from connector.localorg import ids, times
from connector.localorg.errors import refused
from connector.localorg.schema.model import NUMBERS, Field, SObject, Type
from connector.localorg.soql.periods import period
from connector.localorg.soql.scope import Getter, Reached, Setting, reach
from connector.localorg.soql.syntax import All, AnyOf, Call, Comparison, Condition, Constant, Not, Operand, Query
from connector.localorg.store.database import Record
from connector.localorg.store.table import folds_case

Test = Callable[[Record], bool]
"""Whether a record meets a condition."""

Subquery = Callable[[Query], frozenset[Any]]
"""Runs the query of a semi-join and gives the values of its one field."""

_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_KINDS = {
    Type.BOOLEAN: ("boolean",),
    Type.DATE: ("date", "period"),
    Type.DATETIME: ("datetime", "period"),
} | dict.fromkeys(NUMBERS, ("number",))


def test_for(setting: Setting, sobject: SObject, condition: Condition, subquery: Subquery) -> Test:
    """Prepare a condition.

    Raises:
        SalesforceError: a name means nothing, or a value does not fit its field.
    """
    if isinstance(condition, Not):
        inner = test_for(setting, sobject, condition.condition, subquery)
        return lambda record: not inner(record)
    if isinstance(condition, All):
        tests = [test_for(setting, sobject, each, subquery) for each in condition.conditions]
        return lambda record: all(test(record) for test in tests)
    if isinstance(condition, AnyOf):
        tests = [test_for(setting, sobject, each, subquery) for each in condition.conditions]
        return lambda record: any(test(record) for test in tests)
    return _comparison(setting, sobject, condition, subquery)


def filtered_field(setting: Setting, sobject: SObject, operand: Operand) -> Reached:
    """The field of a condition, which must be one that may be filtered.

    Raises:
        SalesforceError: it is not there, or is a long text, or a function of a field.
    """
    if isinstance(operand, Call):
        raise setting.at(operand.at, refused("MALFORMED_QUERY", f"{operand.function}() is not supported in WHERE"))
    reached = reach(setting, sobject, operand)
    if not reached.field.filterable:
        reason = f"field '{reached.field.name}' can not be filtered in a query call"
        raise setting.at(operand.at, refused("INVALID_FIELD", reason))
    return reached


def _comparison(setting: Setting, sobject: SObject, condition: Comparison, subquery: Subquery) -> Test:
    reached = filtered_field(setting, sobject, condition.left)
    get, field = reached.get, reached.field
    right = condition.right
    if condition.operator in ("INCLUDES", "EXCLUDES") and isinstance(right, tuple):
        return _includes(get, frozenset(str(each.value) for each in right), condition.operator)
    if isinstance(right, Query):
        return _member(get, field, subquery(right), condition.operator)
    if isinstance(right, tuple):
        values = frozenset(comparable(setting, field, each) for each in right)
        return _member(get, field, values, condition.operator)
    if condition.operator == "LIKE":
        return _like(setting, reached, right)
    if right.kind == "period":
        return _within(setting, field, get, right, condition.operator)
    return _compared(setting, field, get, right, condition.operator)


def _compared(setting: Setting, field: Field, get: Getter, right: Constant, operator_: str) -> Test:
    value = comparable(setting, field, right)
    read = _folding(get) if folds_case(field) and isinstance(value, str) else get
    if operator_ == "=":
        return lambda record: read(record) == value
    if operator_ == "!=":
        return lambda record: read(record) != value
    compare = _ORDERINGS[operator_]
    if value is None:
        return lambda _: False
    return lambda record: (found := read(record)) is not None and compare(found, value)


def _member(get: Getter, field: Field, values: frozenset[Any], operator_: str) -> Test:
    read, wanted = get, values
    if folds_case(field):
        read, wanted = _folding(get), frozenset(each.casefold() if isinstance(each, str) else each for each in values)
    if operator_ == "IN":
        return lambda record: read(record) in wanted
    return lambda record: read(record) not in wanted


def _folding(get: Getter) -> Getter:
    def read(record: Record) -> Any:
        found = get(record)
        return found.casefold() if isinstance(found, str) else found

    return read


def _includes(get: Getter, wanted: frozenset[str], operator_: str) -> Test:
    groups = [frozenset(each.split(";")) for each in wanted]

    def includes(record: Record) -> bool:
        chosen = frozenset((get(record) or "").split(";"))
        return any(group <= chosen for group in groups)

    return includes if operator_ == "INCLUDES" else lambda record: not includes(record)


def _like(setting: Setting, reached: Reached, right: Constant) -> Test:
    if right.kind != "string" or reached.field.type in NUMBERS | {Type.BOOLEAN, Type.DATE, Type.DATETIME, Type.ID}:
        raise setting.at(right.at, refused("INVALID_QUERY_FILTER_OPERATOR", "invalid operator"))
    matches = re.compile(like_pattern(right.value), re.IGNORECASE | re.DOTALL).fullmatch
    get = reached.get
    return lambda record: (found := get(record)) is not None and matches(found) is not None


def like_pattern(pattern: str) -> str:
    r"""LIKE as a regular expression: `%` any text, `_` one character, `\%` and `\_` themselves."""
    parts = []
    characters = iter(pattern)
    for char in characters:
        if char == "\\":
            parts.append(re.escape(next(characters, "\\")))
        else:
            parts.append({"%": ".*", "_": "."}.get(char) or re.escape(char))
    return "".join(parts)


def _within(setting: Setting, field: Field, get: Getter, right: Constant, operator_: str) -> Test:
    _demand_kind(setting, field, right)
    first, after = (_stored_day(field, day) for day in period(right.value, setting.now.date()))
    return {
        "=": lambda record: (found := get(record)) is not None and first <= found < after,
        "!=": lambda record: (found := get(record)) is None or not first <= found < after,
        "<": lambda record: (found := get(record)) is not None and found < first,
        "<=": lambda record: (found := get(record)) is not None and found < after,
        ">": lambda record: (found := get(record)) is not None and found >= after,
        ">=": lambda record: (found := get(record)) is not None and found >= first,
    }[operator_]


def _stored_day(field: Field, day: date) -> str:
    return day.isoformat() if field.type is Type.DATE else f"{day.isoformat()}T00:00:00.000+0000"


def comparable(setting: Setting, field: Field, constant: Constant) -> Any:
    """The stored form of a literal, folded if the field folds case; fit to be compared with stored values.

    Raises:
        SalesforceError: the literal is of another kind than the field.
    """
    if constant.kind == "null":
        return None
    _demand_kind(setting, field, constant)
    if field.type in (Type.ID, Type.REFERENCE):
        full = ids.normalise(constant.value)
        if full is None:
            reason = f"invalid ID field: {constant.value}"
            raise setting.at(constant.at, refused("INVALID_QUERY_FILTER_OPERATOR", reason))
        return full
    if constant.kind == "datetime":
        return times.stamp(constant.value)
    if constant.kind == "date":
        return constant.value.isoformat()
    if constant.kind == "string" and folds_case(field):
        return constant.value.casefold()
    return constant.value


def _demand_kind(setting: Setting, field: Field, constant: Constant) -> None:
    wanted = _KINDS.get(field.type, ("string",))
    if constant.kind in wanted:
        return
    kind = {Type.DATETIME: "dateTime", Type.REFERENCE: "string", Type.ID: "string"}.get(field.type, field.type.value)
    quotes = " and should be enclosed in quotes" if wanted == ("string",) else " and should not be enclosed in quotes"
    reason = f"value of filter criterion for field '{field.name}' must be of type {kind}{quotes}"
    raise setting.at(constant.at, refused("INVALID_FIELD", reason))
