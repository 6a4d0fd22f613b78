"""How long items took: read from finished orders a batch at a time, kept as the newest observations of each kind.

An order is counted once, in the order in which orders were finished. One that is committed later than another that
was finished after it may be missed when that takes longer than `LAG`: these are statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import quantiles

from connector.store.database import Connection, Database
from connector.store.queries import queries

BATCH = 200
"""Most orders that one transaction counts, but for those that were finished at the same moment."""

LAG = timedelta(minutes=1)
"""Orders that were finished since may not all be committed yet."""

NEWEST = 200
"""So many observations of each kind are kept."""

_ALONE = (6_820_417, 5)
"""The advisory lock of this task."""

Kind = tuple[str, str]
"""Plan definition and item key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """One item that was completed, and the mapping set of its order."""

    kind: Kind
    set_hash: str
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """What is known of one kind of item, in seconds."""

    observations: int
    p50: float
    p90: float


class DurationTable:
    """The table of observed durations."""

    def __init__(self, database: Database, *, batch: int = BATCH) -> None:
        self._database = database
        self._batch = batch
        self._sql = queries("durations")

    async def known(self) -> dict[Kind, Durations]:
        """What was observed until now."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["known"])
        return {
            (row["definition"], row["item_key"]): Durations(
                observations=row["observations"], p50=row["p50"], p90=row["p90"]
            )
            for row in rows
        }

    async def count(self, now: datetime, measure: Callable[[Sequence[Took]], Sequence[float]]) -> int:
        """Count one batch of orders; how many it was. `measure` gives how long each item took, in seconds.

        What another worker is counting at the moment is left to it.
        """
        async with self._database.transaction() as connection:
            if not await connection.fetchval(self._sql["alone"], *_ALONE):
                return 0
            orders = await connection.fetch(self._sql["finished"], now - LAG, self._batch)
            if not orders:
                return 0
            sets = {row["order_id"]: row["set_hash"] for row in orders}
            took = [
                Took(
                    kind=(row["definition"], row["item_key"]),
                    set_hash=sets[row["order_id"]],
                    started_at=row["started_at"],
                    finished_at=row["finished_at"],
                )
                for row in await connection.fetch(self._sql["items"], list(sets))
            ]
            found: dict[Kind, list[float]] = {}
            for one, seconds in zip(took, measure(took), strict=True):
                found.setdefault(one.kind, []).append(max(0.0, seconds))
            await self._keep(connection, found, now)
            await connection.execute(self._sql["counted"], orders[-1]["finished_at"])
        return len(orders)

    async def _keep(self, connection: Connection, found: Mapping[Kind, Sequence[float]], now: datetime) -> None:
        kinds = sorted(found)
        rows = await connection.fetch(self._sql["recent"], [kind[0] for kind in kinds], [kind[1] for kind in kinds])
        before = {(row["definition"], row["item_key"]): (row["observations"], list(row["recent"])) for row in rows}
        for kind in kinds:
            count, earlier = before.get(kind, (0, []))
            recent = [*found[kind], *earlier][:NEWEST]
            p50, p90 = _quantiles(recent)
            await connection.execute(self._sql["keep"], *kind, count + len(found[kind]), recent, p50, p90, now)


def _quantiles(recent: Sequence[float]) -> tuple[float, float]:
    if len(recent) == 1:
        return recent[0], recent[0]
    tenths = quantiles(recent, n=10, method="inclusive")
    return tenths[4], tenths[8]
