"""The file behind the org: records, counters, events and small documents (apps, sessions, key prefixes).

SQLite in write-ahead mode, one commit per request. `synchronous=NORMAL` means that the end of the process loses
nothing and the end of the machine may lose the last moments: right for an org that is for trying and testing.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

Record = dict[str, Any]
"""Field API name → stored value. Absent means null."""

_TABLES = """
CREATE TABLE IF NOT EXISTS record (id TEXT PRIMARY KEY, object TEXT NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    replay_id INTEGER PRIMARY KEY, object TEXT NOT NULL, uuid TEXT NOT NULL, at REAL NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One published platform event. `at` is seconds since 1970."""

    replay_id: int
    object: str
    uuid: str
    at: float
    payload: Record


@dataclass(slots=True)
class Changes:
    """What one commit writes. A record that is None is gone for good."""

    records: dict[str, tuple[str, Record | None]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


class Database:
    """The SQLite file `org.db` in a folder, or a private one in memory."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if folder is None else str(folder / "org.db")
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_TABLES)
        self._lock = threading.RLock()

    def records(self) -> Iterator[tuple[str, Record]]:
        """All records with their objects, in order of creation within each object."""
        for name, body in self._connection.execute("SELECT object, body FROM record ORDER BY id"):
            yield name, orjson.loads(body)

    def counters(self) -> dict[str, int]:
        """All counters."""
        return dict(self._connection.execute("SELECT name, value FROM counter"))

    def events(self) -> Iterator[Event]:
        """All events that are kept, oldest first."""
        rows = self._connection.execute("SELECT replay_id, object, uuid, at, payload FROM event ORDER BY replay_id")
        for replay_id, name, uuid, at, payload in rows:
            yield Event(replay_id=replay_id, object=name, uuid=uuid, at=at, payload=orjson.loads(payload))

    def commit(self, changes: Changes) -> None:
        """Write everything, or nothing."""
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                self._write(changes)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _write(self, changes: Changes) -> None:
        executemany = self._connection.executemany
        kept = [(key, name, orjson.dumps(body)) for key, (name, body) in changes.records.items() if body is not None]
        executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", kept)
        gone = [(key,) for key, (_, body) in changes.records.items() if body is None]
        executemany("DELETE FROM record WHERE id = ?", gone)
        executemany("INSERT OR REPLACE INTO counter VALUES (?, ?)", changes.counters.items())
        events = [
            (each.replay_id, each.object, each.uuid, each.at, orjson.dumps(each.payload)) for each in changes.events
        ]
        executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?)", events)

    def forget_events(self, replay_ids: Iterable[int]) -> None:
        """Delete events whose time is over."""
        with self._lock:
            self._connection.executemany("DELETE FROM event WHERE replay_id = ?", [(each,) for each in replay_ids])

    def documents(self, kind: str) -> dict[str, Any]:
        """All documents of one kind by name."""
        rows = self._connection.execute("SELECT name, body FROM document WHERE kind = ?", (kind,))
        return {name: orjson.loads(body) for name, body in rows}

    def keep(self, kind: str, name: str, body: Any) -> None:
        """Write one document."""
        with self._lock:
            row = (kind, name, orjson.dumps(body))
            self._connection.execute("INSERT OR REPLACE INTO document VALUES (?, ?, ?)", row)

    def drop(self, kind: str, name: str) -> None:
        """Delete one document, if it is there."""
        with self._lock:
            self._connection.execute("DELETE FROM document WHERE kind = ? AND name = ?", (kind, name))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
