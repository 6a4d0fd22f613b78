"""What the org says about its objects and queues, remembered for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connector.sf.failures import Refused
from connector.sf.org import Org
from connector.sf.record_ids import canonical_id

LIFE_SECONDS = 3600.0
_MISS_SECONDS = 60.0
"""How long what is missing is believed to be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldInfo:
    """One field of an object, as far as we care. `length` is 0 for what is no text."""

    name: str
    type: str
    length: int
    createable: bool
    updateable: bool
    external_id: bool
    name_field: bool
    relationship: str | None
    targets: tuple[str, ...]
    nillable: bool = True
    defaulted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectInfo:
    """One object. Fields and child relationships by name in lower case, since Salesforce doesn't mind case."""

    name: str
    createable: bool
    updateable: bool
    queryable: bool
    fields: Mapping[str, FieldInfo]
    children: Mapping[str, str]
    """Name of a child relationship → object at its other end."""

    def field(self, name: str) -> FieldInfo | None:
        """The field of that name."""
        return self.fields.get(name.lower())

    def lookup(self, relationship: str) -> FieldInfo | None:
        """The lookup field behind a relationship's name (`Plan__r`)."""
        wanted = relationship.lower()
        return next((info for info in self.fields.values() if (info.relationship or "").lower() == wanted), None)


def object_info(described: Mapping[str, Any]) -> ObjectInfo:
    """Take what we need from an answer of `describe`."""
    fields = [_field_info(field) for field in described.get("fields") or [] if field.get("name")]
    children = described.get("childRelationships") or []
    return ObjectInfo(
        name=str(described.get("name") or ""),
        createable=bool(described.get("createable", True)),
        updateable=bool(described.get("updateable", True)),
        queryable=bool(described.get("queryable", True)),
        fields={field.name.lower(): field for field in fields},
        children={
            str(child["relationshipName"]).lower(): str(child.get("childSObject") or "")
            for child in children
            if child.get("relationshipName")
        },
    )


def _field_info(field: Mapping[str, Any]) -> FieldInfo:
    return FieldInfo(
        name=str(field["name"]),
        type=str(field.get("type") or ""),
        length=int(field.get("length") or 0),
        createable=bool(field.get("createable")),
        updateable=bool(field.get("updateable")),
        external_id=bool(field.get("externalId") or field.get("idLookup")),
        name_field=bool(field.get("nameField")),
        relationship=field.get("relationshipName"),
        targets=tuple(field.get("referenceTo") or ()),
        nillable=bool(field.get("nillable", True)),
        defaulted=bool(field.get("defaultedOnCreate")),
    )


class Schema:
    """Objects and queues of one org, asked for once an hour; what is missing, once a minute."""

    def __init__(self, org: Org, clock: Callable[[], float] = time.monotonic) -> None:
        self._org = org
        self._clock = clock
        self._objects: dict[str, tuple[float, ObjectInfo]] = {}
        self._missing: dict[str, tuple[float, Refused]] = {}
        self._queues: dict[str, str] = {}
        self._queues_at: float | None = None
        self._lock = asyncio.Lock()

    async def object(self, name: str) -> ObjectInfo:
        """One object.

        Raises:
            RemoteError: as `Org.describe`; Refused when it doesn't exist or our user may not see it.
        """
        async with self._lock:
            found = self._objects.get(name)
            if found is not None and self._clock() - found[0] <= LIFE_SECONDS:
                return found[1]
            missing = self._missing.get(name)
            if missing is not None and self._clock() - missing[0] <= _MISS_SECONDS:
                raise missing[1]
            try:
                info = object_info(await self._org.describe(name))
            except Refused as error:
                self._missing[name] = (self._clock(), error)
                raise
            self._objects[name] = (self._clock(), info)
            return info

    async def queue(self, developer_name: str) -> str | None:
        """The id of the queue of that developer name; None when there is none."""
        async with self._lock:
            wanted = developer_name.lower()
            age = None if self._queues_at is None else self._clock() - self._queues_at
            if age is None or age > LIFE_SECONDS or (wanted not in self._queues and age > _MISS_SECONDS):
                records = await self._org.query_all("SELECT Id, DeveloperName FROM Group WHERE Type = 'Queue'")
                self._queues = {
                    str(record.get("DeveloperName")).lower(): canonical_id(str(record.get("Id"))) for record in records
                }
                self._queues_at = self._clock()
            return self._queues.get(wanted)
