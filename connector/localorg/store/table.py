"""The records of one object in memory, with the indexes that writes and queries live on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connector.localorg.schema.model import NUMBERS, Field, SObject, Type
from connector.localorg.store.database import Record

_NOT_INDEXED = frozenset({"CreatedById", "LastModifiedById"})
"""Lookups that nearly all records share the value of: an index on them would only cost."""

_EXACT = frozenset({Type.ID, Type.REFERENCE, Type.DATE, Type.DATETIME, Type.TIME, Type.BOOLEAN}) | NUMBERS

Ids = Mapping[str, None]
"""A set of Ids that keeps their order."""

_EMPTY: Ids = {}


class Table:
    """Live records and deleted ones (the recycle bin) by Id, with an index for each key and lookup field."""

    __slots__ = ("_folded", "_indexes", "deleted", "live", "name")

    def __init__(self, sobject: SObject) -> None:
        self.name = sobject.name
        self.live: dict[str, Record] = {}
        self.deleted: dict[str, Record] = {}
        indexed = [each for each in sobject.fields.values() if _wants_index(each)]
        self._indexes: dict[str, dict[Any, dict[str, None]]] = {each.name: {} for each in indexed}
        self._folded = frozenset(each.name for each in indexed if folds_case(each))

    def indexed(self, field: str) -> bool:
        """Whether `find` answers for this field."""
        return field in self._indexes

    def find(self, field: str, value: Any) -> Ids:
        """The Ids of live records whose field has this value, without regard to case unless the field minds it."""
        if field in self._folded and isinstance(value, str):
            value = value.casefold()
        return self._indexes[field].get(value, _EMPTY)

    def put(self, record_id: str, record: Record | None) -> None:
        """Make this the state of the record: live, deleted (`IsDeleted`), or gone (None)."""
        old = self.live.get(record_id)
        new = record if record is not None and not record.get("IsDeleted") else None
        self._reindex(record_id, old, new)
        if new is None:
            self.live.pop(record_id, None)
        else:
            self.live[record_id] = new
        if record is not None and new is None:
            self.deleted[record_id] = record
        else:
            self.deleted.pop(record_id, None)

    def get(self, record_id: str) -> Record | None:
        """The record, live or deleted."""
        return self.live.get(record_id) or self.deleted.get(record_id)

    def _reindex(self, record_id: str, old: Record | None, new: Record | None) -> None:
        for field, index in self._indexes.items():
            before = old.get(field) if old else None
            after = new.get(field) if new else None
            if before == after:
                continue
            if field in self._folded:
                before = before.casefold() if before else before
                after = after.casefold() if after else after
            if before is not None:
                holders = index[before]
                del holders[record_id]
                if not holders:
                    del index[before]
            if after is not None:
                index.setdefault(after, {})[record_id] = None


def folds_case(field: Field) -> bool:
    """Whether values that differ only in case count as equal: all text but case-sensitive keys."""
    return field.type not in _EXACT and not field.case_sensitive


def _wants_index(field: Field) -> bool:
    if field.type is Type.REFERENCE:
        return field.name not in _NOT_INDEXED
    text = field.type in (Type.STRING, Type.EMAIL)
    return text and (field.unique or field.external_id or bool(field.auto) or field.name in ("Name", "ProductCode"))


def first(ids: Iterable[str]) -> str | None:
    """The first of some Ids, if there is one."""
    return next(iter(ids), None)
