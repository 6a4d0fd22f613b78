"""Mapping sets as they were when an order started with them: the text of their files, by hash."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from connector.store import codec
from connector.store.database import Database


class SetTable:
    """The table of mapping sets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, set_hash: str, name: str, version: str, files: Mapping[str, str]) -> None:
        """Keep a set's files; the same set twice is kept once."""
        async with self._database.connection() as connection:
            await connection.execute(
                "insert into mapping_sets (hash, name, version, files) values ($1, $2, $3, $4)"
                " on conflict (hash) do nothing",
                set_hash,
                name,
                version,
                codec.to_json(dict(files)),
            )

    async def files(self, set_hash: str) -> dict[str, str] | None:
        """The files of a set; None when it was never kept."""
        async with self._database.connection() as connection:
            body = await connection.fetchval("select files from mapping_sets where hash = $1", set_hash)
        files: dict[str, str] | None = orjson.loads(body) if body is not None else None
        return files

    async def newest(self) -> dict[str, str]:
        """The hashes of the sets that were kept last, one of each name."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "select distinct on (name) name, hash from mapping_sets order by name, stored_at desc"
            )
        return {row["name"]: row["hash"] for row in rows}

    async def in_use(self) -> list[str]:
        """The hashes of the sets that orders in flight were started with."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                "select distinct set_hash from orders where finished_at is null and set_hash <> ''"
            )
        return [row["set_hash"] for row in rows]
