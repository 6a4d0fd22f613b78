"""Names in a query and what they mean: fields, fields of parents, child relationships, and who may see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.localorg.errors import SalesforceError, refused, unknown_column, unknown_entity, unknown_relationship
from connector.localorg.schema.model import Field, Kind, Schema, SObject, Type
from connector.localorg.security import Access
from connector.localorg.soql.syntax import Path
from connector.localorg.soql.tokens import located
from connector.localorg.store.database import Record
from connector.localorg.store.store import Store

Getter = Callable[[Record], Any]
"""The value of a field, or of a parent's field, for one record."""

_DEEPEST = 5
"""Levels that a path may climb."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a query runs: the data, the time, and for whom."""

    schema: Schema
    store: Store
    access: Access
    now: datetime
    text: str
    deleted_too: bool = False

    def entity(self, name: str, at: int) -> SObject:
        """The object that a FROM names.

        Raises:
            SalesforceError: INVALID_TYPE, also if the user may not read it.
        """
        sobject = self.schema.find(name)
        if sobject is None or sobject.kind is Kind.NAME or not self.access.object(sobject).read:
            raise self.at(at, unknown_entity(name))
        if sobject.kind is Kind.EVENT:
            raise refused("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support query")
        return sobject

    def at(self, place: int, error: SalesforceError) -> SalesforceError:
        """The same error, with the place in the query that it is about."""
        return refused(error.code, located(self.text, place, error.problems[0].message), status=error.status)

    def column(self, sobject: SObject, name: str, at: int) -> Field:
        """A field of the object.

        Raises:
            SalesforceError: INVALID_FIELD, also if the user may not read it.
        """
        field = sobject.field(name)
        if field is None or not self.access.reads(sobject, field):
            raise self.at(at, unknown_column(name, sobject.name))
        return field

    def climb(self, sobject: SObject, relationship: str, at: int) -> tuple[Field, SObject]:
        """The lookup field behind a parent relationship, and the object that it leads to.

        Raises:
            SalesforceError: INVALID_FIELD.
        """
        field = sobject.parent(relationship)
        if field is None or not self.access.reads(sobject, field):
            raise self.at(at, unknown_relationship(relationship))
        target = self.schema[field.to[0] if len(field.to) == 1 else "Name"]
        if not self.access.object(target).read:
            raise self.at(at, unknown_relationship(relationship))
        return field, target


@dataclass(frozen=True, slots=True)
class Reached:
    """What a path leads to: the lookups on the way, the field at its end, and how to read it."""

    lookups: tuple[tuple[SObject, Field], ...]
    sobject: SObject
    field: Field
    get: Getter


def reach(setting: Setting, sobject: SObject, path: Path) -> Reached:
    """Follow a path from an object.

    Raises:
        SalesforceError: some name on the way means nothing, or is not for this user.
    """
    demand_depth(setting, path)
    lookups: list[tuple[SObject, Field]] = []
    here = sobject
    for name in path.names[:-1]:
        field, target = setting.climb(here, name, path.at)
        lookups.append((here, field))
        here = target
    field = setting.column(here, path.names[-1], path.at)
    return Reached(tuple(lookups), here, field, _getter(setting, tuple(lookups), here, field))


def demand_depth(setting: Setting, path: Path) -> None:
    """Refuse a path that climbs too high."""
    if len(path.names) - 1 > _DEEPEST:
        reason = f"SOQL statements cannot query more than {_DEEPEST} levels of parent relationships"
        raise setting.at(path.at, refused("MALFORMED_QUERY", reason))


def parent_getter(setting: Setting, lookup: Field) -> Callable[[Record], Record | None]:
    """From a record to the record that one of its lookups refers to, deleted ones too."""
    name = lookup.name
    if len(lookup.to) == 1:
        table = setting.store.table(lookup.to[0])

        def only(record: Record) -> Record | None:
            target = record.get(name)
            return None if target is None else table.get(target)

        return only

    def one_of_many(record: Record) -> Record | None:
        target = record.get(name)
        sobject = setting.schema.of(target) if target else None
        return setting.store.table(sobject.name).get(target) if sobject and target else None

    return one_of_many


def _getter(setting: Setting, lookups: tuple[tuple[SObject, Field], ...], sobject: SObject, field: Field) -> Getter:
    last = _last_getter(sobject, field)
    if not lookups:
        return last
    parents = [parent_getter(setting, lookup) for _, lookup in lookups]

    def get(record: Record) -> Any:
        here = record
        for parent in parents:
            above = parent(here)
            if above is None:
                return None
            here = above
        return last(here)

    return get


def _last_getter(sobject: SObject, field: Field) -> Getter:
    name = field.name
    if sobject.kind is Kind.NAME and name == "Type":
        return lambda record: "Queue" if record["Id"].startswith("00G") else "User"
    if field.type is Type.BOOLEAN:
        return lambda record: record.get(name, False)
    return lambda record: record.get(name)
