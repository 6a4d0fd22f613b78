"""The course of the demo: place the orders, let people do their part, look on, sum up."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from connector.demo.catalog import seed
from connector.demo.orders import ORDERS, submit
from connector.demo.org import query
from connector.demo.outcome import differences, standing
from connector.demo.people import People
from connector.demo.stage import Stage, set_up
from connector.demo.state import DemoState, PlacedOrder
from connector.errors import RemoteError
from connector.localdb import LocalDatabase, LocalDatabaseFailed
from connector.store.database import Database, may_pass
from connector.store.tracking import Tracking

LOOK_SECONDS = 0.2
"""How often the demo looks at what has happened."""

PAUSE_SECONDS = 1.0
"""How long the demo waits when something keeps it from looking."""

CRASH_AFTER_CALLS = 8
"""With `crash`, the connector is killed when this many callouts have been answered."""

WRITTEN_OBJECTS = frozenset(
    {
        "Orchestration_Plan__c",
        "Orchestration_Item__c",
        "Fulfillment_Request__c",
        "Fulfillment_Line__c",
        "Inventory_Item__c",
        "Case",
    }
)
"""Objects whose records the connector alone creates."""

Show = Callable[[DemoState], None]


@dataclass(slots=True, kw_only=True)
class Demo:
    """One run. `show` is called whenever there is something new to be seen."""

    data: Path
    database: LocalDatabase
    speed: float
    crash: bool = False
    show: Show = lambda _state: None
    state: DemoState = field(default_factory=DemoState)
    _seen: int = 0
    _crashed: bool = False

    async def run(self, *, until_over: bool, limit: float) -> DemoState:
        """Run until every story is at its end (`until_over`) or for ever; at most `limit` seconds.

        Gives the state at the end; whether all went well is `state.is_over`.

        Raises:
            ConnectorError: a part of the demo does not work.
        """
        self._tell("starting the local org, the systems and the connector")
        async with (
            self._ticking(),
            set_up(self.data, self.database, speed=self.speed) as stage,
            self._saying_when_it_stops(),
            self._org(stage) as org,
        ):
            self._tell("placing orders")
            await self._place(org)
            self.state.look = self._closer_look()
            people = People(org, network_url=stage.systems["network"]["url"])
            async with await Database.connect(self.database.url(), size=2) as database:
                tracking = Tracking(database)
                self._tell("fulfilling")
                while self.state.seconds < limit:
                    if not await self._saw(stage, org, tracking, people):
                        await asyncio.sleep(PAUSE_SECONDS)
                        continue
                    if self.state.is_over:
                        if until_over:
                            self._tell("all orders are at their end")
                            break
                        self._tell("all orders are at their end; Ctrl-C stops everything")
                    await self._perhaps_crash(stage)
                    await asyncio.sleep(LOOK_SECONDS)
        return self.state

    def _closer_look(self) -> str:
        """The commands with which somebody at another terminal sees the orders."""
        program = Path(sys.argv[0])
        command = near(program) if program.name == "connector" else f"{near(Path(sys.executable))} -m connector"
        return f"export CONNECTOR_DATABASE__URL='{self.database.url()}'\n  {command} orders"

    @asynccontextmanager
    async def _ticking(self) -> AsyncIterator[None]:
        """The clock on the screen goes on, whatever else takes its time."""

        async def tick() -> None:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                self.show(self.state)

        ticking = asyncio.create_task(tick())
        try:
            yield
        finally:
            ticking.cancel()

    @asynccontextmanager
    async def _saying_when_it_stops(self) -> AsyncIterator[None]:
        """The processes take a moment to end, also after Ctrl-C."""
        try:
            yield
        finally:
            self._tell("stopping")

    @asynccontextmanager
    async def _org(self, stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {stage.org_token}", "Sforce-Call-Options": "client=demo"}
        async with httpx.AsyncClient(base_url=stage.org_url, headers=headers, trust_env=False, timeout=30) as client:
            yield client

    def _tell(self, stage: str) -> None:
        self.state.stage = stage
        self.show(self.state)

    async def _place(self, org: httpx.AsyncClient) -> None:
        seeded = await seed(org)
        for sample in ORDERS:
            order = await submit(org, sample, seeded)
            self.state.orders.append(PlacedOrder(sample=sample, id=order))
            self.show(self.state)

    async def _saw(self, stage: Stage, org: httpx.AsyncClient, tracking: Tracking, people: People) -> bool:
        """Look; what keeps the demo from it is told, mended where the demo can, and looked for again.

        Raises:
            ChildFailed: a process has ended.
        """
        try:
            await self._look(stage, org, tracking, people)
        except (httpx.HTTPError, RemoteError) as error:
            stage.check()
            self._tell_trouble(f"The local org does not answer as it should; the demo looks again. {error}")
        except Exception as error:
            stage.check()
            if not may_pass(error):
                raise
            if self.database.is_running:
                self._tell_trouble(f"PostgreSQL does not answer as it should; the demo looks again. {error}")
            else:
                self._tell_trouble("PostgreSQL has died. It is started again, and the connector goes on by itself.")
                self._start_database_again()
        else:
            self.state.trouble = ""
            return True
        return False

    def _start_database_again(self) -> None:
        try:
            self.database.restart()
        except LocalDatabaseFailed as error:
            self._tell_trouble(f"PostgreSQL has died, and the demo tries again to start it. {error}")

    def _tell_trouble(self, trouble: str) -> None:
        self.state.trouble = trouble
        self.show(self.state)

    async def _look(self, stage: Stage, org: httpx.AsyncClient, tracking: Tracking, people: People) -> None:
        """See what has happened, let people do what they would do now, and show it."""
        state = self.state
        plans = {str(order): plan for order, plan in (await tracking.plans()).items()}
        for happening in await tracking.history(self._seen):
            self._seen = happening.seq
            state.tell([happening])
        state.calls = await tracking.calls()
        state.pending = await tracking.pending_writes()
        await self._read_orders(org)
        for order in state.orders:
            order.plan = plans.get(order.id)
        await self._read_statistics(stage)
        try:
            state.tell(await people.step())
        except RemoteError as error:
            state.tell([f"The people of the demo could not do their part: {error}"])
        self.show(state)

    async def _read_orders(self, org: httpx.AsyncClient) -> None:
        orders = {order.id: order for order in self.state.orders}
        soql = (
            "SELECT Id, OrderNumber, Fulfillment_Status__c, Fulfillment_Progress__c, Fulfillment_Message__c"
            " FROM Order WHERE Id IN {ids}"
        )
        for record in await query(org, soql, ids=list(orders)):
            order = orders[record["Id"]]
            order.number = record["OrderNumber"]
            order.status = record["Fulfillment_Status__c"] or ""
            order.progress = float(record["Fulfillment_Progress__c"] or 0)
            order.message = record["Fulfillment_Message__c"] or ""
            if order.status == "Completed" and self.state.first_fulfilled is None:
                self.state.first_fulfilled = self.state.seconds
            if order.status == order.sample.expected.status and not order.settled:
                order.differences = differences(order.sample.expected, await standing(org, order.id))
                order.settled = not order.differences

    async def _read_statistics(self, stage: Stage) -> None:
        statistics = await stage.statistics()
        self.state.api_calls = int(statistics["calls_by_client"].get("order-connector", 0))
        records: dict[str, int] = statistics["records"]
        self.state.written = {name: count for name, count in records.items() if name in WRITTEN_OBJECTS}

    async def _perhaps_crash(self, stage: Stage) -> None:
        answered = sum(system.attempts for system in self.state.calls)
        if self.crash and not self._crashed and answered >= CRASH_AFTER_CALLS:
            self._crashed = True
            await stage.connector.kill()
            self.state.tell(["The connector was killed (-9) in the middle of its work."])
            self._tell("starting the connector again")
            await stage.restart_connector()
            self._tell("fulfilling")
        stage.check()


def near(program: Path) -> str:
    """How a program is called from here: by the way to it when that is shorter."""
    with suppress(ValueError):
        way = program.absolute().relative_to(Path.cwd())
        return str(way) if len(way.parts) > 1 else f"./{way}"
    return str(program)
