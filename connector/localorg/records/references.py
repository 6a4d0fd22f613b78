"""Lookups in written records: by Id, or by the external id of the record that is meant."""

from __future__ import annotations

from typing import Any

from connector.localorg import ids
from connector.localorg.errors import cannot_deserialize, refused
from connector.localorg.records.shape import Shape
from connector.localorg.records.values import token
from connector.localorg.schema.model import Field, Schema, SObject
from connector.localorg.store.database import Record
from connector.localorg.store.store import Store
from connector.localorg.store.table import first


def resolve(field: Field, value: Any, schema: Schema, store: Store) -> str | None:
    """The Id behind `{"External_Id__c": "x"}`, the value of a relationship in a written record.

    Raises:
        SalesforceError: it is not of that form, or there is no such record.
    """
    if value is None:
        return None
    attributes = value.get("attributes") if isinstance(value, dict) else None
    kind = attributes.get("type") if isinstance(attributes, dict) else None
    keys = {name: key for name, key in value.items() if name != "attributes"} if isinstance(value, dict) else {}
    target = schema[next((each for each in field.to if each == kind), field.to[0])]
    if len(keys) != 1:
        raise refused("INVALID_FIELD", f"Only one external ID field may name the record of {field.relationship}", ())
    ((name, key),) = keys.items()
    by = target.field(name)
    if by is None or not by.key:
        message = f"Field name provided, {name} is not an External ID or indexed field for {target.name}"
        raise refused("INVALID_FIELD", message, ())
    if not isinstance(key, str):
        raise cannot_deserialize("string", token(key), key)
    found = first(store.table(target.name).find(by.name, key)) if by.external_id else ids.normalise(key)
    if found is None:
        message = f"Foreign key external ID: {key} not found for field {by.name} in entity {target.name}"
        raise refused("INVALID_FIELD", message, ())
    return str(found)


def demand_existing(shape: Shape, written: Record, record: Record, schema: Schema, store: Store) -> None:
    """Refuse a record that refers to one that is not there, or whose owner is a queue for other objects."""
    for name in written.keys() & shape.references.keys():
        target_id = record.get(name)
        if target_id is None:
            continue
        target = schema.of(target_id)
        if target is None or target_id not in store.table(target.name).live:
            raise refused("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())
        if name == "OwnerId" and target.name == "Group":
            _demand_queue_for(shape.sobject, target_id, store)


def _demand_queue_for(sobject: SObject, group_id: str, store: Store) -> None:
    members = store.table("QueueSobject")
    if not any(members.live[each]["SobjectType"] == sobject.name for each in members.find("QueueId", group_id)):
        raise refused("FIELD_INTEGRITY_EXCEPTION", "Queue not associated with this SObject type", ["OwnerId"])
