"""All tables, and the transaction: the only way to change them.

Transactions nest: an inner one that fails undoes its own part only. The outermost one commits to SQLite, then
publishes. One thread at a time; the lock is re-entrant, so that readers in the same thread see what they wrote.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connector.localorg import ids
from connector.localorg.schema.model import Kind, Schema
from connector.localorg.store.database import Changes, Database, Event, Record
from connector.localorg.store.table import Table
from connector.localorg.times import Clock

_REPLAY_COUNTER = "replay"


class Transaction:
    """Changes that are visible at once to this thread and to nobody else until they are committed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._undo: list[tuple[Table, str, Record | None]] = []
        self._events: list[tuple[str, Record, str]] = []
        self._immediate: list[tuple[str, Record, str]] = []

    def new_id(self, table: Table, prefix: str) -> str:
        """A fresh Id."""
        return ids.make(prefix, self._store.count(f"id:{table.name}", first=1))

    def number(self, object_name: str, field: str, start: int) -> int:
        """The next auto number. Numbers of undone transactions are not given again."""
        return self._store.count(f"auto:{object_name}.{field}", first=start)

    def put(self, table: Table, record: Record) -> None:
        """Write one record, which must have its Id. The record must not be changed afterwards."""
        key = record["Id"]
        self._undo.append((table, key, table.get(key)))
        table.put(key, record)

    def publish(self, event: str, payload: Record, *, immediately: bool = False) -> str:
        """Publish an event when the outermost transaction commits; `immediately`: even if it does not. Its UUID."""
        identity = str(uuid.uuid4())
        (self._immediate if immediately else self._events).append((event, payload, identity))
        return identity

    def mark(self) -> tuple[int, int]:
        """A point to come back to."""
        return len(self._undo), len(self._events)

    def undo(self, mark: tuple[int, int]) -> None:
        """Go back to a point: later writes and later events never were."""
        writes, events = mark
        while len(self._undo) > writes:
            table, key, old = self._undo.pop()
            table.put(key, old)
        del self._events[events:]

    def changes(self) -> tuple[dict[str, tuple[str, Record | None]], list[tuple[str, Record, str]]]:
        """The last state of every record that was written, and the events to publish."""
        records = {key: (table.name, table.get(key)) for table, key, _ in self._undo}
        return records, self._immediate + self._events


class Store:
    """Records by object. Publishing goes to `on_events` after the commit."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.lock = threading.RLock()
        self.on_events: Callable[[list[Event]], None] = lambda _: None
        self._clock = clock
        self._tables: dict[str, Table] = {}
        self._counters = database.counters()
        self._dirty: dict[str, int] = {}
        self._current: Transaction | None = None

    def open(self, schema: Schema) -> list[str]:
        """Load all records. Gives the names of objects that have records but are no longer in the schema.

        Events have tables as well: nothing is ever in them, which is what is found when one is asked for by Id.
        """
        for sobject in schema:
            if sobject.kind is not Kind.NAME:
                self._tables[sobject.name] = Table(sobject)
        unknown = set()
        for name, record in self.database.records():
            table = self._tables.get(name)
            if table is None:
                unknown.add(name)
            else:
                table.put(record["Id"], record)
        return sorted(unknown)

    def table(self, name: str) -> Table:
        """The table of an object, by its exact API name."""
        return self._tables[name]

    def tables(self) -> Iterator[Table]:
        """All tables."""
        return iter(self._tables.values())

    def count(self, name: str, *, first: int) -> int:
        """The next value of a counter, kept with the next commit."""
        value = self._counters.get(name, first - 1) + 1
        self._counters[name] = self._dirty[name] = value
        return value

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction, or a nested part of the one that this thread is in. An exception undoes it."""
        with self.lock:
            outer = self._current
            if outer is not None:
                mark = outer.mark()
                try:
                    yield outer
                except BaseException:
                    outer.undo(mark)
                    raise
                return
            self._current = transaction = Transaction(self)
            try:
                yield transaction
            except BaseException:
                transaction.undo((0, 0))
                raise
            finally:
                self._current = None
                self._commit(transaction)

    def _commit(self, transaction: Transaction) -> None:
        records, published = transaction.changes()
        if not records and not published and not self._dirty:
            return
        now = self._clock().timestamp()
        events = [
            Event(replay_id=self._next_replay_id(), object=name, uuid=identity, at=now, payload=payload)
            for name, payload, identity in published
        ]
        self.database.commit(Changes(records, self._dirty, events))
        self._dirty = {}
        if events:
            self.on_events(events)

    def _next_replay_id(self) -> int:
        """Replay ids grow and leave gaps: Salesforce promises no more, and nobody should rely on more."""
        value = self.count(_REPLAY_COUNTER, first=1)
        if value % 3 == 0:
            value = self._counters[_REPLAY_COUNTER] = self._dirty[_REPLAY_COUNTER] = value + 4
        return value
