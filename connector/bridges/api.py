"""The store as the HTTP face sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from connector.api.ports import Check
from connector.api.tracking import TrackedOrder, tracked
from connector.bridges.away import later
from connector.errors import ConnectorError
from connector.mappings.set import MappingSet
from connector.model.events import Addressed
from connector.model.ids import ItemNo, OrderId
from connector.model.json import JsonObject
from connector.model.order import Order
from connector.orchestrator.preview import foresee, proposed
from connector.orchestrator.sets import MappingSets
from connector.sf.auth import TokenSource
from connector.store.alone import Alone
from connector.store.database import Database, may_pass
from connector.store.families import plans_of
from connector.store.intake import Intake
from connector.store.pauses import held_back
from connector.store.plans import load_plans, plans_with_as_is
from connector.store.queries import queries


class InboxBridge:
    """`Inbox`: call-backs and events of fulfillment systems go straight into the orders' inboxes."""

    def __init__(self, intake: Intake, sets: MappingSets, look: Callable[[], None]) -> None:
        self._intake = intake
        self._sets = sets
        self._look = look

    async def mapping_sets(self) -> Sequence[MappingSet]:
        """As `Inbox.mapping_sets`."""
        return self._sets.in_memory()

    async def exists(self, order: OrderId, item: ItemNo | None) -> bool:
        """As `Inbox.exists`."""
        with later():
            return await self._intake.exists(order, item)

    async def put(self, addressed: Addressed) -> None:
        """As `Inbox.put`."""
        with later():
            await self._intake.put(addressed)
        self._look()


class TrackingBridge:
    """`OrderReader` on the store."""

    def __init__(self, database: Database, sets: MappingSets, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._sets = sets
        self._clock = clock

    async def track(self, order: OrderId) -> TrackedOrder | None:
        """As `OrderReader.track`."""
        with later():
            async with self._database.connection() as connection:
                order = (await plans_of(connection, [order])).get(order, order)
                plans = await load_plans(connection, [order]) or await load_plans(connection, [order], archived=True)
                held = held_back(await connection.fetch(queries("held")["held_back"], [order]))
        plan = plans.get(order)
        return tracked(plan, held.get(order)) if plan else None

    async def preview(self, order: OrderId, given: Order | None) -> JsonObject | None:
        """As `OrderReader.preview`."""
        with later():
            async with self._database.connection() as connection:
                order = (await plans_of(connection, [order])).get(order, order)
                plan = (await plans_with_as_is(connection, [order])).get(order)
        if plan is None:
            return None
        mappings = await self._sets.by_hash(plan.set_hash)
        prospect = foresee(plan, proposed(plan, given), mappings, self._clock())
        return {"text": prospect.text(), **prospect.document()}


class HealthBridge:
    """`Health`: the database answers, Salesforce lets us in, somebody listens to its events."""

    def __init__(
        self,
        database: Database,
        tokens: TokenSource,
        subscription: Alone,
        is_draining: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_draining = is_draining
        self._database = database
        self._tokens = tokens
        self._subscription = subscription

    async def checks(self) -> Sequence[Check]:
        """As `Health.checks`."""
        if self._is_draining():
            return [Check(name="worker", ok=False, detail="It takes nothing new, and is about to end.")]
        try:
            held = await self._subscription.is_held()
        except Exception as error:
            if not may_pass(error):
                raise
            return [Check(name="database", ok=False, detail=str(error))]
        database = Check(name="database", ok=True)
        subscription = Check(
            name="subscription", ok=held, detail="" if held else "No worker listens to Salesforce's events."
        )
        try:
            await self._tokens.token()
        except ConnectorError as error:
            return [database, Check(name="salesforce", ok=False, detail=str(error)), subscription]
        return [database, Check(name="salesforce", ok=True), subscription]
