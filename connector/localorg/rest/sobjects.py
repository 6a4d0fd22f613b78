"""`/sobjects`: one record at a time, by Id or by external id; and publishing an event."""

from __future__ import annotations

from typing import Any

from connector.localorg import ids
from connector.localorg.errors import not_found, refused, unknown_column
from connector.localorg.org import Org
from connector.localorg.records.save import Multiple
from connector.localorg.rest.message import Reply, Request, saved
from connector.localorg.schema.model import Field, Kind, SObject, Type
from connector.localorg.security import Actor
from connector.localorg.soql.rows import attributes
from connector.localorg.store.database import Record

_CREATED_FLAG = 46.0
"""From this version on an upsert answers with a body that says whether it created the record."""


class SObjects:
    """The resources of single records."""

    def __init__(self, org: Org) -> None:
        self._org = org

    def entity(self, name: str, actor: Actor) -> SObject:
        """The object of that name, if this user may know of it.

        Raises:
            SalesforceError: NOT_FOUND.
        """
        sobject = self._org.schema.find(name)
        if sobject is None or sobject.kind is Kind.NAME:
            raise not_found()
        granted = actor.access.object(sobject)
        if not (granted.read or granted.create):
            raise not_found()
        return sobject

    def create(self, request: Request, name: str) -> Reply:
        """POST a record or an event."""
        sobject = self.entity(name, request.actor)
        made = self._org.records.create(request.actor, sobject, request.object())
        self._org.meter.rows[sobject.name] += 1
        if sobject.kind is Kind.EVENT:
            queued = {"statusCode": "OPERATION_ENQUEUED", "message": made, "fields": []}
            event_id = ids.make(sobject.prefix, self._org.store.count(f"event:{sobject.name}", first=1))
            return Reply(201, {"id": event_id, "success": True, "errors": [queued]})
        return Reply(201, saved(made), {"Location": f"{request.sobjects}/{sobject.name}/{made}"})

    def read(self, request: Request, name: str, record_id: str) -> Reply:
        """GET a record by Id, with `fields` or everything."""
        sobject = self.entity(name, request.actor)
        record = self._org.records.existing(sobject, self.record_id(sobject, record_id))
        return Reply(200, self.shown(request, sobject, record))

    def update(self, request: Request, name: str, record_id: str) -> Reply:
        """PATCH a record by Id."""
        sobject = self.entity(name, request.actor)
        self._org.records.update(request.actor, sobject, self.record_id(sobject, record_id), request.object())
        self._org.meter.rows[sobject.name] += 1
        return Reply(204)

    def delete(self, request: Request, name: str, record_id: str) -> Reply:
        """DELETE a record by Id."""
        sobject = self.entity(name, request.actor)
        self._org.records.delete(request.actor, sobject, self.record_id(sobject, record_id))
        return Reply(204)

    def read_by_key(self, request: Request, name: str, field: str, key: str) -> Reply:
        """GET a record by external id."""
        sobject = self.entity(name, request.actor)
        found = self._by_key(request, sobject, self._org.records.key_field(sobject, field), key)
        if isinstance(found, Reply):
            return found
        return Reply(200, self.shown(request, sobject, self._org.records.existing(sobject, found)))

    def upsert(self, request: Request, name: str, field: str, key: str) -> Reply:
        """PATCH a record by external id: it is created if it is not there."""
        sobject = self.entity(name, request.actor)
        by = self._org.records.key_field(sobject, field)
        if by.type is Type.ID:
            return self.update(request, name, key)
        try:
            record_id, created = self._org.records.upsert(request.actor, sobject, by, key, request.object())
        except Multiple as multiple:
            return self._several(request, sobject, multiple.record_ids)
        self._org.meter.rows[sobject.name] += 1
        if not created and request.version < _CREATED_FLAG:
            return Reply(204)
        return Reply(201 if created else 200, saved(record_id, created=created))

    def delete_by_key(self, request: Request, name: str, field: str, key: str) -> Reply:
        """DELETE a record by external id."""
        sobject = self.entity(name, request.actor)
        found = self._by_key(request, sobject, self._org.records.key_field(sobject, field), key)
        if isinstance(found, Reply):
            return found
        self._org.records.delete(request.actor, sobject, found)
        return Reply(204)

    def record_id(self, sobject: SObject, text: str) -> str:
        """The full Id of a record of this object.

        Raises:
            SalesforceError: NOT_FOUND, in the words for something that is no Id, or that of another object.
        """
        full = ids.normalise(text)
        if full is None:
            raise refused("NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {text}")
        if full[:3] != sobject.prefix:
            raise not_found()
        return full

    def shown(self, request: Request, sobject: SObject, record: Record) -> dict[str, Any]:
        """A record as the answer shows it: the fields that were asked for, or all that the user may see.

        Raises:
            SalesforceError: INVALID_FIELD; INSUFFICIENT_ACCESS if the user may not read the object.
        """
        if not request.actor.access.object(sobject).read:
            raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", ())
        row: dict[str, Any] = {"attributes": attributes(sobject, record["Id"], request.sobjects)}
        for field in self._asked(request, sobject):
            row[field.name] = record.get(field.name, False if field.type is Type.BOOLEAN else None)
        return row

    def _asked(self, request: Request, sobject: SObject) -> list[Field]:
        access = request.actor.access
        asked = request.query.get("fields")
        if not asked:
            return [field for field in sobject.fields.values() if access.reads(sobject, field)]
        fields = []
        for name in asked.split(","):
            field = sobject.field(name.strip())
            if field is None or not access.reads(sobject, field):
                raise unknown_column(name.strip(), sobject.name)
            fields.append(field)
        id_field = sobject.fields["id"]
        return fields if id_field in fields else [*fields, id_field]

    def _by_key(self, request: Request, sobject: SObject, field: Field, key: str) -> str | Reply:
        if field.type is Type.ID:
            return self.record_id(sobject, key)
        found = list(self._org.store.table(sobject.name).find(field.name, key))
        if not found:
            raise not_found()
        return found[0] if len(found) == 1 else self._several(request, sobject, found)

    def _several(self, request: Request, sobject: SObject, record_ids: list[str]) -> Reply:
        return Reply(300, [f"{request.sobjects}/{sobject.name}/{each}" for each in record_ids])
