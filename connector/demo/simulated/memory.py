"""What one simulated system remembers, in an SQLite file, so that a restart goes on where it stopped."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS documents (kind TEXT, key TEXT, document TEXT NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER, body TEXT);
CREATE TABLE IF NOT EXISTS calls (
    no INTEGER PRIMARY KEY, at REAL, method TEXT, path TEXT, key TEXT, status INTEGER, repeated INTEGER, body TEXT
);
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    delivered REAL, refused TEXT
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Something to tell the connector."""

    id: str
    body: str
    due: float
    attempts: int


class Memory:
    """One system's SQLite file. Used from one event loop only; every method is quick.

    `now` is the clock: seconds since 1970.
    """

    def __init__(self, file: Path, *, now: Callable[[], float] = time.time) -> None:
        self.now = now
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Let the file go."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # -- documents: the system's own records ------------------------------------------------------------

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """One document, or None."""
        row = self._db.execute("SELECT document FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return dict(json.loads(row[0])) if row else None

    def put(self, kind: str, key: str, document: Mapping[str, Any]) -> None:
        """Write one document."""
        self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, key, json.dumps(document)))

    def drop(self, kind: str, key: str) -> bool:
        """Forget one document; False when there was none."""
        return self._db.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key)).rowcount > 0

    def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """All documents of a kind, by key."""
        rows = self._db.execute("SELECT key, document FROM documents WHERE kind = ? ORDER BY rowid", (kind,))
        return {key: json.loads(document) for key, document in rows}

    def kinds(self) -> list[str]:
        """The kinds of documents that there are."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT kind FROM documents ORDER BY kind")]

    def next(self, counter: str) -> int:
        """1, 2, 3…: never the same number again."""
        value = int((self.get("counter", counter) or {"value": 0})["value"]) + 1
        self.put("counter", counter, {"value": value})
        return value

    # -- answers: what was said to which idempotency key -------------------------------------------------

    def answered(self, key: str) -> tuple[str, int, Any] | None:
        """Fingerprint of the request, status and body of the answer that this key got."""
        row = self._db.execute("SELECT fingerprint, status, body FROM answers WHERE key = ?", (key,)).fetchone()
        return (row[0], row[1], json.loads(row[2])) if row else None

    def remember_answer(self, key: str, fingerprint: str, status: int, body: Any) -> None:
        """Keep what was said, for when the same call comes again."""
        self._db.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (key, fingerprint, status, json.dumps(body)))

    # -- calls: everything that came -----------------------------------------------------------------------

    def note_call(
        self, *, method: str, path: str, key: str | None, status: int, repeated: bool, body: str | None
    ) -> None:
        """Write down a call that came."""
        self._db.execute(
            "INSERT INTO calls (at, method, path, key, status, repeated, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self.now(), method, path, key, status, repeated, body),
        )

    def calls(self) -> list[dict[str, Any]]:
        """Every call that came, in order."""
        rows = self._db.execute("SELECT no, at, method, path, key, status, repeated, body FROM calls ORDER BY no")
        return [
            {
                "no": no,
                "at": at,
                "method": method,
                "path": path,
                "key": key,
                "status": status,
                "repeated": bool(repeated),
                "body": json.loads(body) if body else None,
            }
            for no, at, method, path, key, status, repeated, body in rows
        ]

    # -- messages: what the connector has to be told ---------------------------------------------------------

    def tell(self, body: Mapping[str, Any], *, delay: float) -> None:
        """Send a message in `delay` seconds. It gets a `deliveryId` that stays the same however often it is sent."""
        identity = uuid.uuid4().hex
        text = json.dumps({**body, "deliveryId": identity})
        self._db.execute("INSERT INTO messages (id, body, due) VALUES (?, ?, ?)", (identity, text, self.now() + delay))

    def untell(self, event: str, name: str, value: str) -> None:
        """Don't send what has not been sent yet of an event whose field `name` has this value."""
        self._db.execute(
            "DELETE FROM messages WHERE delivered IS NULL AND refused IS NULL"
            " AND json_extract(body, '$.event') = ? AND json_extract(body, '$.' || ?) = ?",
            (event, name, value),
        )

    def due_messages(self) -> list[Message]:
        """The messages whose time has come, the oldest first."""
        rows = self._db.execute(
            "SELECT id, body, due, attempts FROM messages"
            " WHERE delivered IS NULL AND refused IS NULL AND due <= ? ORDER BY due, rowid",
            (self.now(),),
        )
        return [Message(id=identity, body=body, due=due, attempts=tries) for identity, body, due, tries in rows]

    def next_due(self) -> float | None:
        """When the next message is due, as seconds since 1970."""
        row = self._db.execute("SELECT min(due) FROM messages WHERE delivered IS NULL AND refused IS NULL").fetchone()
        return float(row[0]) if row[0] is not None else None

    def delivered(self, message: Message) -> None:
        """The connector has taken it."""
        self._db.execute(
            "UPDATE messages SET delivered = ?, attempts = attempts + 1 WHERE id = ?", (self.now(), message.id)
        )

    def refused(self, message: Message, why: str) -> None:
        """The connector will never take it."""
        self._db.execute("UPDATE messages SET refused = ?, attempts = attempts + 1 WHERE id = ?", (why, message.id))

    def postpone(self, message: Message, wait: float) -> None:
        """Try again later."""
        self._db.execute(
            "UPDATE messages SET due = ?, attempts = attempts + 1 WHERE id = ?", (self.now() + wait, message.id)
        )

    def messages(self) -> list[dict[str, Any]]:
        """Every message, in the order in which they were thought of."""
        rows = self._db.execute("SELECT id, body, attempts, delivered, refused FROM messages ORDER BY rowid")
        return [
            {
                "id": identity,
                "body": json.loads(body),
                "attempts": attempts,
                "delivered": delivered is not None,
                "refused": refused,
            }
            for identity, body, attempts, delivered, refused in rows
        ]
