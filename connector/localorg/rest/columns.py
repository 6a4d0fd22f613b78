"""`query?columns=true`: what the columns of a query are. The sf command line asks for it beside the rows."""

from __future__ import annotations

from typing import Any

from connector.localorg.org import Org
from connector.localorg.rest.message import Request
from connector.localorg.schema.model import NUMBERS, SObject, Type
from connector.localorg.soql.aggregates import is_aggregate
from connector.localorg.soql.parser import parse
from connector.localorg.soql.syntax import Call, Path, Query, Selected

_NO_TEXT = NUMBERS | {Type.BOOLEAN}


def columns(org: Org, request: Request, soql: str) -> dict[str, Any]:
    """The answer to a query that asks for its columns only.

    Raises:
        SalesforceError: what the query itself would be answered with.
    """
    org.query(request.actor, soql, url=request.sobjects)
    query = parse(soql)
    sobject = org.schema[query.source]
    return {
        "columnMetadata": _columns(org, sobject, query),
        "entityName": sobject.name,
        "groupBy": bool(query.group_by),
        "idSelected": any(isinstance(each, Selected) and each.what == Path(("Id",)) for each in query.select),
        "keyPrefix": sobject.prefix,
    }


def _columns(org: Org, sobject: SObject, query: Query) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    unnamed = 0
    for each in query.select:
        if isinstance(each, Query):
            child = sobject.children[each.source.lower()]
            inner = _columns(org, org.schema[child.object], each)
            listed.append(_column(each.source, None, aggregate=True) | {"joinColumns": inner})
        elif isinstance(each, Selected) and isinstance(each.what, Call):
            listed.append(_column(each.alias or f"expr{unnamed}", None, aggregate=is_aggregate(query)))
            unnamed += 0 if each.alias else 1
        elif isinstance(each, Selected) and isinstance(each.what, Path):
            listed.append(_nested(org, sobject, each.what.names))
    return listed


def _nested(org: Org, sobject: SObject, names: tuple[str, ...]) -> dict[str, Any]:
    if len(names) == 1:
        field = sobject.fields[names[0].lower()]
        return _column(field.name, field.type) | {"custom": field.custom, "displayName": field.name}
    lookup = sobject.parents[names[0].lower()]
    target = org.schema[lookup.to[0] if len(lookup.to) == 1 else "Name"]
    return _column(names[0], None) | {"foreignKeyName": names[0], "joinColumns": [_nested(org, target, names[1:])]}


def _column(name: str, kind: Type | None, *, aggregate: bool = False) -> dict[str, Any]:
    return {
        "aggregate": aggregate,
        "apexType": "Object" if kind is None else kind.value.capitalize(),
        "booleanType": kind is Type.BOOLEAN,
        "columnName": name,
        "custom": False,
        "displayName": name,
        "foreignKeyName": None,
        "insertable": True,
        "joinColumns": [],
        "numberType": kind in NUMBERS,
        "textType": kind is not None and kind not in _NO_TEXT,
        "updatable": True,
    }
