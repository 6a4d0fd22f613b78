"""Rates that all workers of an installation share: whoever wants to begin something takes it from one row."""

from __future__ import annotations

from dataclasses import dataclass

from connector.store.database import Database
from connector.store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What was granted, and in how many seconds one more would be."""

    count: int
    seconds: float


class RateTable:
    """Token buckets, one row each. What is not used within a second is not saved up."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries("rates")

    async def draw(self, name: str, wanted: int, per_second: float) -> Grant:
        """Take up to `wanted` of what the rate of that name allows now."""
        most = max(per_second, 1.0)
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._sql["draw"], name, float(wanted), per_second, most)
        return Grant(count=row["granted"], seconds=max(1.0 - row["level"], 0.0) / per_second)

    async def give_back(self, name: str, count: int) -> None:
        """So many of those that were taken were not used."""
        async with self._database.connection() as connection:
            await connection.execute(self._sql["give_back"], name, count)
