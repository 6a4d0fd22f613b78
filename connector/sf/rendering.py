"""From the present state of a thing to the fields of its record, by the write-back mapping. Pure.

- `Plan__r.External_Id__c` is written as a record inside the record: Salesforce finds the lookup by it.
- Objects and lists are written as JSON text.
- Text that is too long is an error of Salesforce that names the field, with one exception: prose in a long
  text field, or in the record's name, is cut to the field's length and ends with `…`. A message that ends
  early still tells something; a key, a list or JSON that ends early tells something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from connector.mappings.expression import EvaluationError
from connector.mappings.salesforce import RecordMapping
from connector.mappings.set import WRITEBACK
from connector.sf.ports import Mark, Present
from connector.sf.schema import ObjectInfo

OWNER = "OwnerId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record to write. `queue` is the developer name of the queue that is to own it."""

    mark: Mark
    object: str
    external_id: str | None
    fields: Mapping[str, Any]
    queue: str | None = None
    cut: tuple[str, ...] = ()
    """Fields whose text was cut."""
    set_hash: str = ""
    note: str = ""
    """What people should know although the record is written: a part of it that is not."""
    whole: bool = True
    """False: a lookup was left out that is to be written when its record is there."""

    @property
    def body(self) -> dict[str, Any]:
        """The record as a collections request holds it."""
        identity = self.external_id or "id"
        return {"attributes": {"type": self.object}, identity: self.mark.key, **self.fields}

    @property
    def size(self) -> int:
        """About how many characters it is long in a request."""
        size = 0
        for name, value in self.fields.items():
            size += len(name) + (len(value) if value.__class__ is str else 20)
        return size

    def lookup_of(self, field: str, value: str) -> str | None:
        """The relationship by which the record looks up another whose external id `field` has this value."""
        return next((name for name, target in self.fields.items() if target == {field: value}), None)

    def without(self, field: str, note: str) -> Row:
        """The row without one of its fields, for now."""
        fields = {name: value for name, value in self.fields.items() if name != field}
        return replace(self, fields=fields, note=note, whole=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrenderable:
    """A record whose fields can't be computed: the mapping doesn't fit the state."""

    mark: Mark
    field: str
    message: str


class Renderer:
    """Renders the records of one kind, as one mapping set and the org want them."""

    def __init__(self, mapping: RecordMapping, info: ObjectInfo) -> None:
        self._mapping = mapping
        self._special = {name for name in mapping.fields if name == OWNER or "." in name or name in mapping.omit_null}
        self._cuts = {name: length for name in mapping.fields if (length := _cut_at(name, info))}

    def render(self, present: Present, now: datetime) -> Row | Unrenderable:
        """The record of something that has variables."""
        mapping = self._mapping
        fields: dict[str, Any] = {}
        cut: list[str] = []
        queue: str | None = None
        activation = WRITEBACK.activation({**(present.variables or {}), "now": now})
        for name, expression in mapping.fields.items():
            try:
                value: Any = expression.evaluate(activation)
            except EvaluationError as error:
                return Unrenderable(mark=present.mark, field=name, message=str(error))
            if name in self._special:
                if value is None and name in mapping.omit_null:
                    continue
                if name == OWNER:
                    queue = value if isinstance(value, str) and value else None
                    continue
                if "." in name:
                    fields.update(_lookup(name, value))
                    continue
            if isinstance(value, str):
                most = self._cuts.get(name)
                if most and len(value) > most:
                    fields[name] = value[: most - 1] + "…"
                    cut.append(name)
                    continue
            elif isinstance(value, (dict, list)):
                fields[name] = orjson.dumps(value).decode()
                continue
            fields[name] = value
        return Row(
            mark=present.mark,
            object=mapping.object,
            external_id=mapping.external_id,
            fields=fields,
            queue=queue,
            cut=tuple(cut),
            set_hash=present.set_hash,
        )


def _lookup(name: str, value: Any) -> dict[str, Any]:
    relationship, _, target = name.partition(".")
    if value is not None:
        return {relationship: {target: value}}
    plain = f"{relationship[:-1]}c" if relationship.endswith("__r") else f"{relationship}Id"
    return {plain: None}


def _cut_at(name: str, info: ObjectInfo) -> int:
    """The length that prose is cut to in this field; 0 where nothing is cut."""
    field = info.field(name)
    if field is None or field.external_id or not (field.type == "textarea" or field.name_field):
        return 0
    return field.length
