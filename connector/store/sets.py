"""Mapping sets as they were when an order started with them: the text of their files, by hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from connector.model.ids import OrderId
from connector.store import codec
from connector.store.database import Database
from connector.store.queries import queries


class SetTable:
    """The table of mapping sets."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries("sets")

    async def keep(self, set_hash: str, name: str, version: str, files: Mapping[str, str]) -> None:
        """Keep a set's files; the same set twice is kept once."""
        async with self._database.connection() as connection:
            await connection.execute(self._sql["keep"], set_hash, name, version, codec.to_json(dict(files)))

    async def files(self, set_hash: str) -> dict[str, str] | None:
        """The files of a set; None when it was never kept."""
        async with self._database.connection() as connection:
            body = await connection.fetchval(self._sql["files"], set_hash)
        files: dict[str, str] | None = orjson.loads(body) if body is not None else None
        return files

    async def newest(self) -> dict[str, str]:
        """The hashes of the sets that were kept last, one of each name."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["newest"])
        return {row["name"]: row["hash"] for row in rows}

    async def in_use(self) -> list[str]:
        """The hashes of the sets that orders in flight were started with."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["in_use"])
        return [row["set_hash"] for row in rows]

    async def orders_on_others(self, sets: Sequence[str], after: str, limit: int) -> list[OrderId]:
        """Orders in flight that were started with none of these sets; those that come after a place (an order's Id)."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["orders_on_others"], list(sets), after, limit)
        return [OrderId(row["order_id"]) for row in rows]
