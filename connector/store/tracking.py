"""Reading along: what happened, what was called, what is still to be written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connector.model.ids import OrderId
from connector.model.plan import Plan
from connector.store.database import Database
from connector.store.plans import load_plans
from connector.store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of an order's history. `item` is the item's name, empty for the order as a whole."""

    seq: int
    order: OrderId
    number: str
    at: datetime
    item: str
    what: str
    detail: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCalls:
    """Callouts to one system: attempts, requests that left (short retries included), retries, failures."""

    system: str
    attempts: int
    sendings: int
    retries: int
    failed: int


class Tracking:
    """Reads, and changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries("tracking")

    async def plans(self) -> dict[OrderId, Plan]:
        """Every plan there is: for the demo and for tests, where orders are few."""
        async with self._database.connection() as connection:
            known = await connection.fetch(self._sql["known_orders"])
            return await load_plans(connection, [row["order_id"] for row in known])

    async def history(self, since: int, limit: int = 200) -> list[Happening]:
        """What happened after `since` (a `seq`), oldest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["history"], since, limit)
        return [
            Happening(
                seq=row["seq"],
                order=OrderId(row["order_id"]),
                number=row["number"],
                at=row["at"],
                item=row["item"] or "",
                what=row["what"],
                detail=row["detail"],
                by=row["by_whom"],
            )
            for row in rows
        ]

    async def calls(self) -> list[SystemCalls]:
        """Callouts by system."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["calls"])
        return [SystemCalls(**dict(row)) for row in rows]

    async def pending_writes(self) -> int:
        """How many records in Salesforce are behind."""
        async with self._database.connection() as connection:
            return int(await connection.fetchval(self._sql["pending_writes"]))
