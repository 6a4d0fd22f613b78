"""Pauses and workers as the HTTP face sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from connector.bridges.away import later
from connector.errors import RefusedError, UsageError
from connector.mappings.names import known
from connector.model.events import Operation
from connector.model.json import JsonObject
from connector.model.pauses import Pause, PauseKind
from connector.orchestrator.sets import MappingSets
from connector.sf.record_ids import record_id
from connector.store.asking import Asking
from connector.store.database import Database
from connector.store.pauses import PauseRow, PauseTable
from connector.store.workers import WorkerRow, WorkerTable


class ControlBridge:
    """`Control` on the store."""

    def __init__(self, database: Database, sets: MappingSets, pauses: PauseTable) -> None:
        self._sets = sets
        self._pauses = pauses
        self._workers = WorkerTable(database)
        self._asking = Asking(database)

    async def pauses(self) -> Sequence[PauseRow]:
        """As `Control.pauses`."""
        with later():
            return await self._pauses.rows()

    async def pause(self, kind: PauseKind, name: str, *, reason: str, by: str, until: datetime | None) -> Pause:
        """As `Control.pause`."""
        names = known(kind, self._sets.in_memory())
        if name not in names:
            raise UsageError(f"No mapping set has the {kind} {name}.", hint=f"There are {', '.join(sorted(names))}.")
        if until is not None and until <= datetime.now(UTC):
            raise RefusedError(f"{until.isoformat()} is over.")
        with later():
            return await self._pauses.pause(kind, name, reason=reason, by=by, until=until)

    async def resume(self, kind: PauseKind, name: str) -> Pause:
        """As `Control.resume`."""
        with later():
            return await self._pauses.resume(kind, name)

    async def command(
        self, order: str, operation: Operation, *, by: str, outputs: JsonObject, seconds: float
    ) -> str | None:
        """As `Control.command`."""
        with later():
            return await self._asking.command(
                order, record_id(order), operation, by=by, outputs=outputs, seconds=seconds
            )

    async def workers(self) -> Sequence[WorkerRow]:
        """As `Control.workers`."""
        with later():
            return await self._workers.rows()

    async def drain(self, worker: str) -> datetime:
        """As `Control.drain`."""
        with later():
            return await self._workers.drain(worker)
