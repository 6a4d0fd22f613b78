"""What a query selects, as a function that turns a record into a row of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from connector.localorg.errors import refused
from connector.localorg.schema.model import Field, SObject
from connector.localorg.soql.scope import Getter, Setting, demand_depth, parent_getter, reach
from connector.localorg.soql.syntax import Call, FieldSet, Path, Query, Selected
from connector.localorg.store.database import Record

Row = dict[str, Any]
MakeRow = Callable[[Record], Row]

Children = Callable[[SObject, Query], Callable[[Record], tuple[str, Any]]]
"""Prepares a child subquery: from a parent record to the name and the value in its row."""

_FIELDS_LIMIT = 200
"""Most rows that FIELDS(ALL) and FIELDS(CUSTOM) may give."""


@dataclass(slots=True)
class _Branch:
    """Selected fields of one object, and of its parents by relationship name."""

    sobject: SObject
    getters: dict[str, Getter] = field(default_factory=dict)
    parents: dict[str, tuple[Field, _Branch]] = field(default_factory=dict)


def row_maker(setting: Setting, sobject: SObject, query: Query, url: str, children: Children) -> MakeRow:
    """Prepare the rows of a query without aggregates. `url` is where records live: `/services/data/v66.0/sobjects`.

    Raises:
        SalesforceError: something selected is not there, or is selected twice.
    """
    branch = _Branch(sobject)
    subqueries = []
    for item in query.select:
        if isinstance(item, Query):
            subqueries.append(children(sobject, item))
        elif isinstance(item, FieldSet):
            _field_set(setting, branch, item, query)
        elif isinstance(item.what, Call):
            _call(setting, branch, item, item.what)
        else:
            _add(setting, branch, item.what)
    plain = _branch_maker(setting, branch, url)
    if not subqueries:
        return plain

    def make(record: Record) -> Row:
        row = plain(record)
        row.update(subquery(record) for subquery in subqueries)
        return row

    return make


def attributes(sobject: SObject, record_id: str, url: str) -> dict[str, str]:
    """The `attributes` of a record in an answer."""
    return {"type": sobject.name, "url": f"{url}/{sobject.name}/{record_id}"}


def _add(setting: Setting, branch: _Branch, path: Path) -> None:
    demand_depth(setting, path)
    here = branch
    for name in path.names[:-1]:
        lookup, target = setting.climb(here.sobject, name, path.at)
        _, here = here.parents.setdefault(lookup.relationship, (lookup, _Branch(target)))
    reached = reach(setting, here.sobject, Path(path.names[-1:], path.at))
    if reached.field.name in here.getters:
        reason = f"duplicate field selected: {path}"
        raise setting.at(path.at, refused("INVALID_FIELD", reason))
    here.getters[reached.field.name] = reached.get


def _field_set(setting: Setting, branch: _Branch, item: FieldSet, query: Query) -> None:
    if item.which != "STANDARD" and (query.limit is None or query.limit > _FIELDS_LIMIT):
        reason = f"The SOQL FIELDS function must have a LIMIT of at most {_FIELDS_LIMIT}"
        raise setting.at(item.at, refused("MALFORMED_QUERY", reason))
    for each in branch.sobject.fields.values():
        wanted = item.which == "ALL" or each.custom == (item.which == "CUSTOM")
        if wanted and each.name not in branch.getters and setting.access.reads(branch.sobject, each):
            _add(setting, branch, Path((each.name,), item.at))


def _call(setting: Setting, branch: _Branch, item: Selected, call: Call) -> None:
    if call.function != "TOLABEL" or call.argument is None:
        raise setting.at(call.at, refused("MALFORMED_QUERY", f"{call.function}() is not supported here"))
    reached = reach(setting, branch.sobject, call.argument)
    labels = {each.value: each.label for each in reached.field.values}
    get = reached.get
    branch.getters[item.alias or reached.field.name] = lambda record: labels.get(get(record), get(record))


def _branch_maker(setting: Setting, branch: _Branch, url: str) -> MakeRow:
    getters = list(branch.getters.items())
    parents = [
        (name, parent_getter(setting, lookup), _branch_maker(setting, below, url))
        for name, (lookup, below) in branch.parents.items()
    ]
    schema = setting.schema
    known = branch.sobject if branch.sobject.prefix else None

    def make(record: Record) -> Row:
        sobject = known or schema.of(record["Id"]) or branch.sobject
        row: Row = {"attributes": attributes(sobject, record["Id"], url)}
        for name, get in getters:
            row[name] = get(record)
        for name, get_parent, make_parent in parents:
            parent = get_parent(record)
            row[name] = None if parent is None else make_parent(parent)
        return row

    return make
