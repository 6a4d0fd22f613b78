"""Creating, changing, upserting and deleting records: the one way in, whichever resource asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.localorg import ids, times
from connector.localorg.errors import not_found, refused, unknown_written_column
from connector.localorg.records.delete import Deletion
from connector.localorg.records.references import demand_existing, resolve
from connector.localorg.records.rules import RULES, Change
from connector.localorg.records.shape import Shape, Writable
from connector.localorg.schema.model import Field, Kind, Schema, SObject
from connector.localorg.security import Actor
from connector.localorg.store.database import Record
from connector.localorg.store.store import Store, Transaction
from connector.localorg.store.table import first

_ID = frozenset({"Id", "id", "ID"})
_AUTO_NUMBER = re.compile(r"\{(0+|YYYY|YY|MM|DD)\}")

BeforeWrite = Callable[[SObject, str | None], None]
"""Called before each row is written, with its Id if it has one. May refuse it (faults)."""


@dataclass(frozen=True, slots=True)
class Saved:
    """One record that was saved, before (None: it is new) and after."""

    sobject: SObject
    old: Record | None
    new: Record


AfterSave = Callable[[Actor, Saved], None]
"""Called after each row was saved, in its transaction (flows)."""


class Multiple(Exception):
    """More than one record has this external id. Carries their Ids."""

    def __init__(self, record_ids: list[str]) -> None:
        super().__init__("several records have this external id")
        self.record_ids = record_ids


class Records:
    """Writes records with everything that the schema, permissions and standard rules demand."""

    def __init__(self, schema: Schema, store: Store, clock: times.Clock) -> None:
        self.schema = schema
        self.store = store
        self.before_write: BeforeWrite = lambda _sobject, _record_id: None
        self.after_save: AfterSave = lambda _actor, _saved: None
        self._clock = clock
        self._shapes: dict[str, Shape] = {}
        self._writable: dict[tuple[int, str, bool], tuple[Any, Writable]] = {}

    def create(self, actor: Actor, sobject: SObject, body: Mapping[str, Any]) -> str:
        """Create a record, or publish an event. Its Id; for an event its UUID.

        Raises:
            SalesforceError: the record is refused; nothing has changed.
        """
        actor.access.demand(sobject, "create")
        self.before_write(sobject, None)
        if sobject.kind is Kind.EVENT:
            return self._publish(actor, sobject, body)
        shape = self._shape(sobject)
        with self.store.transaction() as transaction:
            table = self.store.table(sobject.name)
            written = self._written(actor, shape, body, creating=True)
            now = times.stamp(self._clock())
            record = {
                "Id": transaction.new_id(table, sobject.prefix),
                "IsDeleted": False,
                "CreatedDate": now,
                "CreatedById": actor.user_id,
                **shape.defaults,
                **written,
            }
            if shape.has_owner and record.get("OwnerId") is None:
                record["OwnerId"] = actor.user_id
            for field in shape.automatic:
                number = transaction.number(sobject.name, field.name, field.start)
                record[field.name] = auto_number(field.auto, number, now)
            if sobject.custom and record.get("Name") is None:
                record["Name"] = record["Id"][: ids.SHORT]
            self._save(transaction, actor, shape, written=written, old=None, record=record, now=now)
            return str(record["Id"])

    def update(self, actor: Actor, sobject: SObject, record_id: str, body: Mapping[str, Any]) -> None:
        """Change some fields of a record.

        Raises:
            SalesforceError: the change is refused, or there is no such record; nothing has changed.
        """
        actor.access.demand(sobject, "edit")
        self.before_write(sobject, record_id)
        shape = self._shape(sobject)
        with self.store.transaction() as transaction:
            old = self.existing(sobject, record_id)
            written = self._written(actor, shape, body, creating=False)
            now = times.stamp(self._clock())
            self._save(transaction, actor, shape, written=written, old=old, record=old | written, now=now)

    def upsert(
        self, actor: Actor, sobject: SObject, field: Field, key: str, body: Mapping[str, Any]
    ) -> tuple[str, bool]:
        """Create the record with this external id, or change it. Its Id, and whether it was created.

        Raises:
            SalesforceError: it is refused; nothing has changed.
            Multiple: more than one record has this external id.
        """
        known = field.name.lower()
        rest = {name: value for name, value in body.items() if name.lower() != known}
        found = self.store.table(sobject.name).find(field.name, self._shape(sobject).coerce(field, key))
        if len(found) > 1:
            raise Multiple(list(found))
        record_id = first(found)
        if record_id is None:
            return self.create(actor, sobject, rest | {field.name: key}), True
        self.update(actor, sobject, record_id, rest)
        return record_id, False

    def delete(self, actor: Actor, sobject: SObject, record_id: str) -> None:
        """Move a record, and what cannot be without it, to the recycle bin.

        Raises:
            SalesforceError: it may not go, or there is no such record; nothing has changed.
        """
        actor.access.demand(sobject, "delete")
        self.before_write(sobject, record_id)
        with self.store.transaction() as transaction:
            self.existing(sobject, record_id)
            deletion = Deletion(self.schema, self.store, transaction, actor, times.stamp(self._clock()))
            deletion.delete(sobject, record_id)

    def existing(self, sobject: SObject, record_id: str) -> Record:
        """The live record with this Id.

        Raises:
            SalesforceError: deleted, or never there.
        """
        table = self.store.table(sobject.name)
        record = table.live.get(record_id)
        if record is None:
            if record_id in table.deleted:
                raise refused("ENTITY_IS_DELETED", "entity is deleted", ())
            raise not_found()
        return record

    def key_field(self, sobject: SObject, name: str) -> Field:
        """The external id field of that name, or Id.

        Raises:
            SalesforceError: there is none.
        """
        field = sobject.field(name)
        if field is None or not field.key:
            raise refused("NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}")
        return field

    def _save(
        self,
        transaction: Transaction,
        actor: Actor,
        shape: Shape,
        *,
        written: Record,
        old: Record | None,
        record: Record,
        now: str,
    ) -> None:
        record["LastModifiedDate"] = record["SystemModstamp"] = now
        record["LastModifiedById"] = actor.user_id
        must = shape.required if old is None else shape.required & written.keys()
        missing = [name for name in sorted(must) if record.get(name) is None]
        if missing:
            raise refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
        demand_existing(shape, written, record, self.schema, self.store)
        self._demand_unique(shape, written, record)
        rule = RULES.get(shape.sobject.name)
        if rule is not None:
            rule(
                Change(
                    store=self.store,
                    schema=self.schema,
                    transaction=transaction,
                    actor=actor,
                    now=now,
                    old=old,
                    new=record,
                )
            )
        transaction.put(
            self.store.table(shape.sobject.name), {name: value for name, value in record.items() if value is not None}
        )
        self.after_save(actor, Saved(shape.sobject, old, record))

    def _demand_unique(self, shape: Shape, written: Record, record: Record) -> None:
        table = self.store.table(shape.sobject.name)
        for name in shape.unique & written.keys():
            value = record.get(name)
            other = None if value is None else first(each for each in table.find(name, value) if each != record["Id"])
            if other is not None:
                message = f"duplicate value found: {name} duplicates value on record with id: {other[: ids.SHORT]}"
                raise refused("DUPLICATE_VALUE", message, ())

    def _written(self, actor: Actor, shape: Shape, body: Mapping[str, Any], *, creating: bool) -> Record:
        names = self._names(actor, shape, creating=creating)
        written: Record = {}
        for name, value in body.items():
            if name == "attributes":
                continue
            if name in _ID:
                raise refused("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
            field, by_relationship = names.field(name)
            if not by_relationship:
                written[field.name] = shape.coerce(field, value)
            elif isinstance(value, dict) or value is None:
                written[field.name] = resolve(field, value, self.schema, self.store)
            else:
                raise unknown_written_column(name, shape.sobject.name)
        return written

    def _publish(self, actor: Actor, sobject: SObject, body: Mapping[str, Any]) -> str:
        shape = self._shape(sobject)
        written = self._written(actor, shape, body, creating=True)
        now = self._clock()
        values = shape.defaults | written
        missing = [name for name in sorted(shape.required) if values.get(name) is None]
        if missing:
            raise refused("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)
        payload: Record = {"CreatedDate": times.zulu(now), "CreatedById": actor.user_id}
        for field in sobject.fields.values():
            if field.custom:
                payload[field.name] = values.get(field.name)
        with self.store.transaction() as transaction:
            return transaction.publish(sobject.name, payload, immediately=sobject.publish_immediately)

    def _shape(self, sobject: SObject) -> Shape:
        shape = self._shapes.get(sobject.name)
        if shape is None:
            shape = self._shapes[sobject.name] = Shape(sobject, self.schema)
        return shape

    def _names(self, actor: Actor, shape: Shape, *, creating: bool) -> Writable:
        key = (id(actor.access), shape.sobject.name, creating)
        known = self._writable.get(key)
        if known is None or known[0] is not actor.access:
            known = self._writable[key] = (actor.access, Writable(shape, actor.access, creating=creating))
        return known[1]


def auto_number(display_format: str, number: int, now: str) -> str:
    """`OP-{000000}` and 7 → `OP-000007`. `{YYYY}`, `{YY}`, `{MM}`, `{DD}` are parts of today's date."""
    parts = {"YYYY": now[:4], "YY": now[2:4], "MM": now[5:7], "DD": now[8:10]}
    return _AUTO_NUMBER.sub(
        lambda match: parts.get(match[1]) or str(number).rjust(len(match[1]), "0"),
        display_format,
    )
