"""Who owns a record: the queue that the mapping names, until a person takes it.

A queue's developer name becomes its id. A record that a person has taken from the queue stays with that
person, whatever is written to it later; so a record's owner is written once, and before it is written to a
record that we don't remember, Salesforce is asked whose it is (one query for all such records of a flush).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import structlog

from connector.sf.org import Org
from connector.sf.record_ids import record_id
from connector.sf.rendering import OWNER, Row
from connector.sf.schema import Schema
from connector.sf.soql import MAX_IDS

log = structlog.get_logger(__name__)

_REMEMBERED = 20_000
_USER_PREFIX = "005"

_Key = tuple[str, str]
"""Object and value of the external id."""


class Owners:
    """Gives rows their owners, and remembers which were written."""

    def __init__(self, org: Org, schema: Schema) -> None:
        self._org = org
        self._schema = schema
        self._given: OrderedDict[_Key, str] = OrderedDict()
        self._lacking: set[str] = set()

    async def give(self, rows: Sequence[Row]) -> list[Row]:
        """The rows, those with a queue with its id as owner where the owner is to be written.

        An unknown queue leaves the owner alone: the record matters more. It is told in the row's note.

        Raises:
            RemoteError: as `Org.query`.
        """
        wanted = {_key(row): await self._queue_id(row) for row in rows if row.queue}
        unsure = [row for row in rows if wanted.get(_key(row)) and _key(row) not in self._given and row.external_id]
        taken = await self._taken(unsure)
        return [self._with_owner(row, wanted[_key(row)], taken) if row.queue else row for row in rows]

    def written(self, row: Row) -> None:
        """The row was written: remember its owner."""
        owner = row.fields.get(OWNER)
        if owner is not None:
            self._given[_key(row)] = owner
            self._given.move_to_end(_key(row))
            if len(self._given) > _REMEMBERED:
                self._given.popitem(last=False)

    def _with_owner(self, row: Row, owner: str | None, taken: set[_Key]) -> Row:
        if owner is None:
            return replace(row, note=f"Salesforce has no queue {row.queue}; the owner was left alone.")
        if _key(row) in taken or self._given.get(_key(row)) == owner:
            return row
        return replace(row, fields={**row.fields, OWNER: owner})

    async def _queue_id(self, row: Row) -> str | None:
        name = row.queue or ""
        owner = record_id(name) or await self._schema.queue(name)
        if owner is None and name not in self._lacking:
            self._lacking.add(name)
            log.error("queue_missing", queue=name, kind=row.mark.kind, key=row.mark.key)
        elif owner is not None:
            self._lacking.discard(name)
        return owner

    async def _taken(self, rows: Sequence[Row]) -> set[_Key]:
        """Those records that belong to a person who did not make them."""
        taken: set[_Key] = set()
        for name, external_id in dict.fromkeys((row.object, row.external_id) for row in rows):
            keys = [row.mark.key for row in rows if (row.object, row.external_id) == (name, external_id)]
            for start in range(0, len(keys), MAX_IDS):
                listed = ",".join(f"'{_escaped(key)}'" for key in keys[start : start + MAX_IDS])
                fields = f"{external_id}, OwnerId, CreatedById"
                soql = f"SELECT {fields} FROM {name} WHERE {external_id} IN ({listed})"  # noqa: S608 (escaped)
                for record in await self._org.query_all(soql):
                    owner = str(record.get(OWNER) or "")
                    if owner.startswith(_USER_PREFIX) and owner != record.get("CreatedById"):
                        taken.add((name, str(record.get(external_id or ""))))
        return taken


def _key(row: Row) -> _Key:
    return row.object, row.mark.key


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
