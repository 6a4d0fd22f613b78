"""The shape of the org: objects, fields, relationships. Plain data, names looked up without regard to case."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Type(StrEnum):
    """Types of fields, by the names that a describe uses."""

    ID = "id"
    STRING = "string"
    TEXTAREA = "textarea"
    BOOLEAN = "boolean"
    INT = "int"
    DOUBLE = "double"
    CURRENCY = "currency"
    PERCENT = "percent"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    PICKLIST = "picklist"
    MULTIPICKLIST = "multipicklist"
    REFERENCE = "reference"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"


NUMBERS = frozenset({Type.INT, Type.DOUBLE, Type.CURRENCY, Type.PERCENT})
FILTERABLE_TEXT = 255
"""Longest text that a query may filter or sort by; longer ones are long text areas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PicklistValue:
    """One value of a picklist. `group` is the Order status code or `closed` for Case statuses."""

    value: str
    label: str
    active: bool = True
    default: bool = False
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of an object.

    `open`: visible to everyone who may read the object, outside field-level security (required fields and
    system fields). `auto`: the display format of an auto number, `start` its first number. `on_delete`: what happens
    to the record when the one that it refers to goes: `clear`, `cascade` or `restrict`. `governed_by`: the field whose
    permissions cover this one (the parts of an address).
    """

    name: str
    label: str
    type: Type
    custom: bool = False
    length: int = 0
    precision: int = 0
    scale: int = 0
    values: tuple[PicklistValue, ...] = ()
    restricted: bool = False
    required: bool = False
    unique: bool = False
    case_sensitive: bool = False
    external_id: bool = False
    to: tuple[str, ...] = ()
    relationship: str = ""
    children: str = ""
    on_delete: str = "clear"
    default: Any = None
    create: bool = True
    update: bool = True
    auto: str = ""
    start: int = 1
    calculated: bool = False
    open: bool = False
    governed_by: str = ""
    name_field: bool = False

    @property
    def filterable(self) -> bool:
        """Whether queries may filter, sort and group by it."""
        return not (self.type is Type.TEXTAREA and self.length > FILTERABLE_TEXT)

    @property
    def key(self) -> bool:
        """Whether an upsert may find a record by it."""
        return self.external_id or self.type is Type.ID

    @property
    def allowed(self) -> frozenset[str]:
        """The active picklist values."""
        return frozenset(value.value for value in self.values if value.active)


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A child relationship: the name that a subquery uses, and the lookup field behind it."""

    name: str
    object: str
    field: str


class Kind(StrEnum):
    """How the org treats an object: stored records, published events, or set-up data that everyone may read."""

    RECORD = "record"
    EVENT = "event"
    SETUP = "setup"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class SObject:
    """One object. `access_from` names the object whose permissions also cover this one."""

    name: str
    label: str
    plural: str
    prefix: str
    kind: Kind = Kind.RECORD
    custom: bool = False
    access_from: str = ""
    publish_immediately: bool = False
    fields: Mapping[str, Field] = dataclasses.field(default_factory=dict)
    parents: Mapping[str, Field] = dataclasses.field(default_factory=dict)
    children: Mapping[str, Child] = dataclasses.field(default_factory=dict)

    def field(self, name: str) -> Field | None:
        """A field by its API name, in any case."""
        return self.fields.get(name.lower())

    def parent(self, relationship: str) -> Field | None:
        """The lookup field behind a relationship name (`Account`, `Plan__r`), in any case."""
        return self.parents.get(relationship.lower())

    @property
    def name_field(self) -> Field | None:
        """The field that names a record: Name, OrderNumber, CaseNumber."""
        return next((each for each in self.fields.values() if each.name_field), None)


@dataclass(frozen=True, slots=True)
class Schema:
    """All objects, event channels, and what metadata could not be honoured (`warnings`)."""

    objects: Mapping[str, SObject]
    by_prefix: Mapping[str, SObject]
    channels: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def find(self, name: str) -> SObject | None:
        """An object by its API name, in any case."""
        return self.objects.get(name.lower())

    def __getitem__(self, name: str) -> SObject:
        return self.objects[name.lower()]

    def __iter__(self) -> Iterator[SObject]:
        return iter(self.objects.values())

    def of(self, record_id: str) -> SObject | None:
        """The object that an Id belongs to, by its prefix."""
        return self.by_prefix.get(record_id[:3])


def by_name(fields: Iterable[Field]) -> dict[str, Field]:
    """Fields by lower-case API name."""
    return {each.name.lower(): each for each in fields}
