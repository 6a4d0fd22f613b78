"""The workers of the installation: who lives, what each owns, and who is asked to end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from connector.errors import RefusedError
from connector.store.database import Database
from connector.store.queries import queries
from connector.store.signals import PAUSES, notify
from connector.store.work import SILENT_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """One worker: `requests` that it sends, `lanes` of records that it writes, `notices` that it reads."""

    worker: str
    host: str
    started_at: datetime
    heartbeat: datetime
    silent_seconds: float
    draining_since: datetime | None
    requests: int
    lanes: int
    notices: int

    def document(self) -> dict[str, object]:
        """For programs."""
        told = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in asdict(self).items()}
        return {**told, "state": self.state}

    @property
    def state(self) -> str:
        """`working`, `draining`, or `silent`: it is taken for dead, and its work goes to others."""
        if self.silent_seconds > SILENT_SECONDS:
            return "silent"
        return "draining" if self.draining_since else "working"


class WorkerTable:
    """All workers that have said that they live, and not that they end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries("work")

    async def rows(self) -> list[WorkerRow]:
        """The workers, oldest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["workers"])
        return [WorkerRow(**dict(row)) for row in rows]

    async def drain(self, worker: str) -> datetime:
        """Ask a worker to end what is under way, leave the rest to others, and end itself. Gives since when.

        Raises:
            RefusedError: there is no such worker.
        """
        async with self._database.transaction() as connection:
            since: datetime | None = await connection.fetchval(self._sql["drain"], worker)
            if since is None:
                raise RefusedError(f"There is no worker {worker}.", hint="`connector workers` lists them.")
            await notify(connection, PAUSES)
        return since

    async def is_draining(self, worker: str) -> bool:
        """Whether it was asked to end, or said that it does."""
        async with self._database.connection() as connection:
            return bool(await connection.fetchval(self._sql["is_draining"], worker))
