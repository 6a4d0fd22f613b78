"""Pauses and workers as the HTTP face sees them."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from connector.errors import RefusedError, TransientError, UsageError
from connector.mappings.names import known
from connector.model.events import Operation
from connector.model.json import JsonObject
from connector.model.pauses import Pause, PauseKind
from connector.orchestrator.sets import MappingSets
from connector.sf.record_ids import canonical_id
from connector.store.asking import Answer, Asking
from connector.store.database import Database, may_pass
from connector.store.pauses import PauseRow, PauseTable
from connector.store.workers import WorkerRow, WorkerTable

T = TypeVar("T")


class ControlBridge:
    """`Control` on the store."""

    def __init__(self, database: Database, sets: MappingSets, pauses: PauseTable) -> None:
        self._sets = sets
        self._pauses = pauses
        self._workers = WorkerTable(database)
        self._asking = Asking(database)

    async def pauses(self) -> Sequence[PauseRow]:
        """As `Control.pauses`."""
        return await _there(self._pauses.rows())

    async def pause(self, kind: PauseKind, name: str, *, reason: str, by: str, until: datetime | None) -> Pause:
        """As `Control.pause`."""
        names = known(kind, self._sets.in_memory())
        if name not in names:
            raise UsageError(f"No mapping set has the {kind} {name}.", hint=f"There are {', '.join(sorted(names))}.")
        if until is not None and until <= datetime.now(UTC):
            raise RefusedError(f"{until.isoformat()} is over.")
        return await _there(self._pauses.pause(kind, name, reason=reason, by=by, until=until))

    async def resume(self, kind: PauseKind, name: str) -> Pause:
        """As `Control.resume`."""
        return await _there(self._pauses.resume(kind, name))

    async def command(
        self, order: str, operation: Operation, *, by: str, outputs: JsonObject, seconds: float
    ) -> Answer | None:
        """As `Control.command`."""
        found = await _there(self._asking.find(order, _record_id(order)))
        asked = await _there(self._asking.ask(found, operation, by=by, outputs=outputs))
        return await _there(self._asking.answer(found, asked, seconds))

    async def workers(self) -> Sequence[WorkerRow]:
        """As `Control.workers`."""
        return await _there(self._workers.rows())

    async def drain(self, worker: str) -> datetime:
        """As `Control.drain`."""
        return await _there(self._workers.drain(worker))


def _record_id(order: str) -> str | None:
    try:
        return canonical_id(order)
    except ValueError:
        return None


async def _there(work: Awaitable[T]) -> T:
    """What the database gives; what the API takes for "later" when it is away."""
    try:
        return await work
    except Exception as error:
        if may_pass(error):
            raise TransientError("The database can't be reached.") from error
        raise
