"""One order, read so that it can be looked at; again and again, if somebody watches."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.errors import MappingError
from connector.sf.record_ids import record_id

if TYPE_CHECKING:
    from connector.display.view import Expected, OrderView
    from connector.mappings.set import MappingSet
    from connector.model.ids import OrderId
    from connector.model.plan import Plan
    from connector.orchestrator.dates import Observed
    from connector.orchestrator.sets import MappingSets
    from connector.store.database import Database

ORDER = Annotated[str, typer.Argument(metavar="ORDER", help="Number, or Salesforce Id of 15 or 18 characters.")]
"""The argument that names an order."""

ESTIMATED_FOR = timedelta(seconds=20)
"""While nothing happens to a watched order, what is expected of it is worked out anew so often."""


class Looking:
    """Somebody who looks at the order of a number or Id again and again; it is read only when it has changed.

    `history` is how many lines of it are wanted (None: all); `calls` and `explanation`, whether they are.
    """

    def __init__(
        self,
        database: Database,
        order: str,
        *,
        history: int | None = 0,
        calls: bool = False,
        explanation: bool = False,
    ) -> None:
        from connector.store.dossier import Dossiers

        self._database = database
        self._dossiers = Dossiers(database)
        self._sets: MappingSets | None = None
        self._estimated_at = datetime.min.replace(tzinfo=UTC)
        self._named = order
        self._order: OrderId | None = None
        self._history, self._calls, self._explanation = history, calls, explanation
        self._revision: tuple[object, ...] | None = None
        self._view: OrderView | None = None

    async def view(self) -> OrderView:
        """The order as it is now.

        Raises:
            UsageError: there is no such order.
        """
        from connector.display.view import OrderView

        if self._order is None:
            self._order = await self._dossiers.find(self._named, record_id(self._named))
        revision = await self._dossiers.revision(self._order)
        now = session.utc_now()
        if self._view is None or revision != self._revision:
            dossier = await self._dossiers.read(
                self._order, history=self._history, calls=self._calls, explanation=self._explanation
            )
            self._revision = revision
            self._view = OrderView(dossier=dossier, now=now, expected=await self._expected(dossier.plan, now))
        elif now - self._estimated_at > ESTIMATED_FOR:
            self._view = replace(self._view, now=now, expected=await self._expected(self._view.plan, now))
        else:
            self._view = replace(self._view, now=now)
        return self._view

    async def _expected(self, plan: Plan | None, now: datetime) -> Expected:
        from connector.display.expecting import expected

        self._estimated_at = now
        mappings = await self._mappings(plan)
        return expected(plan, now, mappings, await self._observed()) if mappings else expected(plan, now, None)

    async def _observed(self) -> Observed:
        """How long items of each kind took until now."""
        from connector.orchestrator.dates import Seen
        from connector.store.durations import DurationTable

        known = await DurationTable(self._database).known()
        return {kind: Seen(found.observations, found.p50, found.p90) for kind, found in known.items()}

    async def _mappings(self, plan: Plan | None) -> MappingSet | None:
        """The plan's set, where it tells of time, something is still expected, and it can be read."""
        if plan is None or plan.finished_at is not None or plan.forecast is None:
            return None
        from connector.orchestrator.sets import MappingSets
        from connector.store.sets import SetTable

        if self._sets is None:
            self._sets = MappingSets((), SetTable(self._database))
        with contextlib.suppress(MappingError):
            return await self._sets.by_hash(plan.set_hash)
        return None
