"""What people have paused, as all workers know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.errors import RefusedError
from connector.model.ids import OrderId
from connector.model.pauses import Pause, PauseKind
from connector.store import codec
from connector.store.database import Connection, Database
from connector.store.queries import queries
from connector.store.signals import INBOX, PAUSES, notify

RESUMED_PER_SECOND = 20.0
"""How much of what waited for a pause starts in a second when the pause ends, in the whole installation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseRow:
    """One pause, for people: `waiting` requests (of a system, an interface) or items (of a plan) wait for its end."""

    pause: Pause
    waiting: int = 0
    order: OrderId | None = None

    def document(self) -> dict[str, object]:
        """For programs."""
        pause = self.pause
        return {
            "kind": pause.kind.value,
            "name": pause.name,
            "order": self.order,
            "reason": pause.reason,
            "by": pause.by,
            "since": pause.since.isoformat(),
            "until": pause.until.isoformat() if pause.until else None,
            "waiting": self.waiting,
        }


class PauseTable:
    """The pauses of systems, interfaces and plan definitions; and those that orders keep in their plans, to read."""

    def __init__(self, database: Database, *, resumed_per_second: float = RESUMED_PER_SECOND) -> None:
        self._database = database
        self._resumed_per_second = resumed_per_second
        self._sql = queries("pauses")

    async def load(self) -> tuple[list[Pause], float | None]:
        """Every pause, and the seconds until the next one ends by itself. Those that have ended are removed."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["load"])
        if any(row["seconds"] is not None and row["seconds"] <= 0 for row in rows):
            await self._expire()
        going_on = [row for row in rows if row["seconds"] is None or row["seconds"] > 0]
        ends = [row["seconds"] for row in going_on if row["seconds"] is not None]
        return [_pause(row) for row in going_on], min(ends, default=None)

    async def pause(self, kind: PauseKind, name: str, *, reason: str, by: str, until: datetime | None) -> Pause:
        """Pause something; every worker hears of it when this returns.

        Raises:
            RefusedError: it is paused already.
        """
        async with self._database.transaction() as connection:
            since = await connection.fetchval(self._sql["add"], kind, name, reason, by, until)
            if since is None:
                present = [_pause(row) for row in await connection.fetch(self._sql["load"])]
                others = [one for one in present if (one.kind, one.name) == (kind, name)]
                told = others[0].sentence if others else f"{kind.capitalize()} {name} is paused."
                raise RefusedError(told, hint="Resume it first to pause it for another reason.")
            await notify(connection, PAUSES)
        return Pause(kind=kind, name=name, reason=reason, by=by, since=since, until=until)

    async def resume(self, kind: PauseKind, name: str) -> Pause:
        """End a pause; what waited for it starts by and by. Gives what the pause was.

        Raises:
            RefusedError: it is not paused.
        """
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(self._sql["remove"], kind, name)
            if row is None:
                raise RefusedError(f"{kind.capitalize()} {name} is not paused.")
            await self._ended(connection, row)
        return _pause(row)

    async def rows(self) -> list[PauseRow]:
        """Everything that is paused, with what waits for it; paused orders last."""
        async with self._database.transaction() as connection:
            pauses = [_pause(row) for row in await connection.fetch(self._sql["load"])]
            requests = {row["interface"]: row["waiting"] for row in await connection.fetch(self._sql["counts"])}
            items = {row["definition"]: row["waiting"] for row in await connection.fetch(self._sql["items_waiting"])}
            orders = await connection.fetch(self._sql["orders"])
        found = [PauseRow(pause=one, waiting=_waiting(one, requests, items)) for one in pauses]
        for row in orders:
            pause = codec.head(row["head"]).pause
            if pause is not None:
                found.append(PauseRow(pause=pause, order=OrderId(row["order_id"])))
        return found

    async def _expire(self) -> None:
        async with self._database.transaction() as connection:
            for row in await connection.fetch(self._sql["expire"]):
                await self._ended(connection, row)

    async def _ended(self, connection: Connection, row: Mapping[str, Any]) -> None:
        if row["kind"] == PauseKind.PLAN:
            await connection.execute(self._sql["wake_items"], row["name"], self._resumed_per_second)
            await notify(connection, INBOX)
        await notify(connection, PAUSES)


def _waiting(pause: Pause, requests: Mapping[str, int], items: Mapping[str, int]) -> int:
    match pause.kind:
        case PauseKind.SYSTEM:
            return sum(count for interface, count in requests.items() if interface.partition(".")[0] == pause.name)
        case PauseKind.INTERFACE:
            return requests.get(pause.name, 0)
        case _:
            return items.get(pause.name, 0)


def _pause(row: Mapping[str, Any]) -> Pause:
    return Pause(
        kind=PauseKind(row["kind"]),
        name=row["name"],
        reason=row["reason"],
        by=row["by_whom"],
        since=row["since"],
        until=row["until"],
    )


def held_back(rows: Sequence[Mapping[str, Any]]) -> dict[OrderId, dict[int, Pause]]:
    """By order and item, from rows of the query of that name: the pause that a request waits for."""
    found: dict[OrderId, dict[int, Pause]] = {}
    for row in rows:
        found.setdefault(OrderId(row["order_id"]), {})[row["item_no"]] = _pause(row)
    return found
