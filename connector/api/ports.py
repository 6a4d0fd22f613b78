"""What the HTTP face needs from the rest of the house.

Every port may raise `TransientError` when the database can't be reached; callers get a 503 then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connector.api.tracking import TrackedOrder
from connector.mappings.set import MappingSet
from connector.model.events import Addressed, Operation
from connector.model.ids import ItemNo, OrderId
from connector.model.json import JsonObject
from connector.model.order import Order
from connector.model.pauses import Pause, PauseKind
from connector.store.pauses import PauseRow
from connector.store.workers import WorkerRow


class Inbox(Protocol):
    """Where messages from fulfillment systems go."""

    async def mapping_sets(self) -> Sequence[MappingSet]:
        """The sets that may interpret a message: the current one first, then those with orders in flight."""

    async def exists(self, order: OrderId, item: ItemNo | None) -> bool:
        """The order was submitted, perhaps long ago, and has the item (None: the order alone is asked for)."""

    async def put(self, addressed: Addressed) -> None:
        """Store the event. When this returns it will not be lost any more."""


class OrderReader(Protocol):
    """Where order tracking looks."""

    async def track(self, order: OrderId) -> TrackedOrder | None:
        """How the order is doing; None: it is not known here."""

    async def preview(self, order: OrderId, given: Order | None) -> JsonObject | None:
        """What the next version of an order in flight would do (None: cancelling it); None: there is no such order."""


class Control(Protocol):
    """Where operators pause things and let workers end."""

    async def pauses(self) -> Sequence[PauseRow]:
        """Everything that is paused."""

    async def pause(self, kind: PauseKind, name: str, *, reason: str, by: str, until: datetime | None) -> Pause:
        """Pause it. Raises UsageError for an unknown name, RefusedError when it is paused already."""

    async def resume(self, kind: PauseKind, name: str) -> Pause:
        """Let it go on; gives the pause that was. Raises RefusedError when it is not paused."""

    async def command(
        self, order: str, operation: Operation, *, by: str, outputs: JsonObject, seconds: float
    ) -> str | None:
        """Ask something of an order, by its Id or number: what it answers; None: nothing within so many seconds.

        Raises RefusedError when there is no such order, or it can't be done.
        """

    async def workers(self) -> Sequence[WorkerRow]:
        """Every worker."""

    async def drain(self, worker: str) -> datetime:
        """Ask a worker to end. Raises RefusedError when there is no such worker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that has to be well before the connector can work."""

    name: str
    """`worker`, `database`, `salesforce`, `subscription`."""
    ok: bool
    detail: str = ""
    """For operators; anonymous callers never see it."""


class Health(Protocol):
    """Whether the connector can work."""

    async def checks(self) -> Sequence[Check]:
        """Look, now."""
