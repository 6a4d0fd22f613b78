"""One seed: a world is made, lives through its faults, comes to rest, and is looked at."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

import structlog

from connector.bridges.salesforce import OutboxBridge
from connector.errors import TransientError
from connector.model.events import Addressed, CallbackArrived
from connector.model.ids import LineId, OrderId, item_ref
from connector.model.mark import RecordKind
from connector.model.plan import Item, Plan
from connector.model.revision import VersionState
from connector.model.states import ItemState, ItemType, PlanState
from connector.orchestrator.marks import fallout_key, inventory_key, line_key, request_key
from connector.orchestrator.sets import MappingSets
from connector.sf import reading, writeback
from connector.sf.ports import Mark
from connector.sf.rendering import Renderer, Row
from connector.sf.schema import ObjectInfo
from connector.store import pause
from connector.store.sets import SetTable
from tests.simulation.checker import Checker
from tests.simulation.database import Tables
from tests.simulation.loop import Process, new_process
from tests.simulation.mapping import mapping_sets
from tests.simulation.mutations import Mutation
from tests.simulation.pausing import Operators
from tests.simulation.people import People
from tests.simulation.process import Connector
from tests.simulation.salesforce import Salesforce
from tests.simulation.store import SimulatedOutbox, plan_of
from tests.simulation.systems import Systems
from tests.simulation.world import Violation, World

FAULTY_SECONDS = 40.0
"""How long faults happen."""
CALM_SECONDS = 900.0
"""How long the world then has to come to rest: a record that was written without what it looks up is written again
after a minute, then after eight.
"""
_TICK = 0.5
_LEASE = timedelta(seconds=120)
"""Leases of notices and lanes, shorter than in the product as everything here is shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one seed."""

    seed: int
    violation: str | None
    digest: str
    seconds: float
    """How long it took in the world."""
    steps: int
    counts: dict[str, int]
    trace: tuple[str, ...] = ()


def run(seed: int, mutation: Mutation | None = None, *, keep_trace: bool = False) -> Outcome:
    """Run one seed, in which perhaps a fault is planted. Never raises for what the seed finds."""
    with _silence(), _scaled(), mutation.planted() if mutation else nullcontext():
        world = World(seed)
        if mutation:
            world.faults = replace(world.faults, **{"pauses": 0.0, **mutation.weather})
        world.keeps_trace = keep_trace
        universe = Universe(world)
        asyncio.set_event_loop(None)
        collecting = gc.isenabled()
        gc.disable()  # what is collected when must not decide anything
        try:
            world.loop.run_until_complete(universe.live())
        except Violation:
            pass
        except RuntimeError as error:
            if not world.violations:
                world.violations.append(f"the world stands still: {error}")
        finally:
            if world.loop.errors and not world.violations:
                world.violations.append(f"an error that nobody took: {world.loop.errors[0]}")
            first = world.violations[0] if world.violations else None
            outcome = Outcome(
                seed=seed,
                violation=first,
                digest=world.digest,
                seconds=world.loop.time(),
                steps=world.loop.steps,
                counts=dict(world.counts),
                trace=tuple(world.trace),
            )
            universe.tables.closed = True
            world.loop.end_world()
            if collecting:
                gc.enable()
    return outcome


class Universe:
    """Everything that there is."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.checker = Checker(world)
        self.tables = Tables(world)
        self.checker.tables = self.tables
        self.salesforce = Salesforce(world, self.checker)
        self.systems = Systems(world, self.checker)
        self.people = People(world, self.salesforce, self.checker, self.tell)
        self.systems.tell = self.tell
        self.operators = Operators(self.tables)
        self.connectors: list[Connector] = []
        self._started = 0
        world.on_kill.append(self._killed)

    # -- processes ----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._started += 1
        process = new_process(f"worker-{self._started}", self._started)
        connector = process.context.run(
            lambda: Connector(
                tables=self.tables,
                checker=self.checker,
                salesforce=self.salesforce,
                systems=self.systems,
                process=process,
            )
        )
        self.connectors.append(connector)
        connector.start()

    def _killed(self, process: Process) -> None:
        self.connectors = [one for one in self.connectors if one.process is not process]
        self.world.loop.outside(self.world.rng.uniform(0.05, 4.0), self._start)

    def _tick(self) -> None:
        """Now and then something happens to a process."""
        if self.world.calm:
            return
        for connector in list(self.connectors):
            if self.world.strikes("crash"):
                self.world.kill(connector.process)
            elif self.world.strikes("stop"):
                connector.stop()
            elif self.world.strikes("clock_jump"):
                connector.process.skew = self.world.rng.choice((0.0, self.world.rng.uniform(-20.0, 20.0)))
        self.world.loop.outside(_TICK, self._tick)

    # -- messages of systems -------------------------------------------------------------------------------------

    def tell(self, message: Addressed, attempt: int = 1) -> None:
        """A system posts a message until it is told that it was taken."""
        answered: list[int] = []

        def again() -> None:
            if not answered and attempt < 200:
                self.tell(message, attempt + 1)

        self.world.loop.outside(self.world.rng.uniform(2.0, 4.0), again)
        if self.connectors and not self.world.strikes("request_lost"):
            connector = self.connectors[self.world.rng.randrange(len(self.connectors))]
            self.world.loop.spawn(connector.process, self._post(connector, message, answered))

    async def _post(self, connector: Connector, message: Addressed, answered: list[int]) -> None:
        item = message.event.item if isinstance(message.event, CallbackArrived) else None
        try:
            if await connector.inbox.exists(message.order, item):
                await connector.inbox.put(message)
                self.checker.accepted_message(message)
                if not self.world.strikes("answer_lost"):
                    answered.append(1)
        except TransientError:
            pass

    # -- life ----------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Be born, suffer, come to rest."""
        for _ in range(self.world.rng.randint(1, 3)):
            self._start()
        self.people.order_something(FAULTY_SECONDS / 2)
        self.people.watch()
        self.operators.begin()
        self.world.loop.outside(_TICK, self._tick)
        await self._wait(FAULTY_SECONDS)
        self.world.calm = True
        self.world.note("calm")
        self.operators.resume_all()
        for connector in self.connectors:
            connector.process.skew = 0.0
        reason: str | None = "nothing was looked at"
        until = self.world.loop.time() + CALM_SECONDS
        while reason is not None:
            if self.world.loop.time() > until:
                self.world.violated("every order comes to an end or waits for a named reason", reason)
            await self._wait(3.0)
            reason = self._restless()
        await self._compare()

    async def _wait(self, seconds: float) -> None:
        until = self.world.loop.time() + seconds
        while self.world.loop.time() < until:
            await asyncio.sleep(0.5)
            if self.world.violations:
                raise Violation(self.world.violations[0])
            if self.world.loop.errors:
                self.world.violated("no error goes unnoticed", self.world.loop.errors[0])

    def _restless(self) -> str | None:
        """What has not come to rest; None when everything has."""
        for order in self.people.orders:
            row, plan = self.tables.orders.get(order), plan_of(order, self.tables)
            if row is None or plan is None:
                return f"order {order} was never read"
            waits = self._still_going(plan)
            if waits:
                return waits
            for version in self.people.revising.versions.get(order, ()):
                if version not in {each.order for each in plan.versions}:
                    return f"order {version} was never read"
        for key, command in self.salesforce.of("Fulfillment_Command__c").items():
            if command["Status__c"] == "New":
                return f"command {key} ({command['Action__c']}) is not answered"
        if self.tables.inbox:
            return f"the inbox holds {next(iter(self.tables.inbox.values()))}"
        if self.tables.outbox:
            behind = next(iter(self.tables.outbox.values()))
            return f"{len(self.tables.outbox)} records are not written, such as {behind}"
        return None

    def _still_going(self, plan: Plan) -> str | None:
        if plan.is_queued:
            return self._still_queued(plan)
        if plan.state is PlanState.REJECTED:
            return f"order {plan.id} is rejected: {plan.message}"
        undecided = [each.number for each in plan.versions if each.state in _UNDECIDED]
        if plan.revisions or undecided:
            return f"order {plan.id} is {plan.state}, and waits to be revised by {undecided}: {plan.message}"
        if plan.state in (PlanState.COMPLETED, PlanState.CANCELED):
            return None
        for item in plan.items.values():
            if item.is_final or item.state is ItemState.PENDING or item.type is ItemType.SUBPLAN:
                continue
            name = item_ref(plan.id, item.no)
            if item.state is ItemState.FATALLY_FAILED and name in self.people.given_up:
                continue
            return f"item {name} ({item.key}) is {item.state} and waits for {item.waiting_for}"
        if not any(item_ref(plan.id, item.no) in self.people.given_up for item in plan.items.values()):
            return f"order {plan.id} waits for nothing"
        return None

    def _still_queued(self, plan: Plan) -> str | None:
        """An order waits for others for as long as they are not through, and no longer."""
        rows = [self.tables.orders.get(one.order) for one in plan.waits_for]
        states = [row.state if row is not None else None for row in rows]
        if PlanState.REJECTED in states or set(states) == {PlanState.COMPLETED}:
            return f"order {plan.id} waits: {plan.message}"
        return None

    # -- the end -------------------------------------------------------------------------------------------------

    async def _compare(self) -> None:
        """Salesforce shows the present state of everything, and every accepted message has had its effect."""
        violated = self.world.violated
        for name in self.checker.accepted:
            order, _, number = name.rpartition("-")
            item = self.tables.orders[OrderId(order)].items[int(number)]  # type: ignore[index]
            if not item.is_final and name not in self.people.given_up:
                violated("no accepted event is lost", f"{name} is {item.state} although its call-back was accepted")
        sets = MappingSets(mapping_sets(), cast("SetTable", None))
        bridge = OutboxBridge(SimulatedOutbox(self.tables, "the checker"), sets)
        for order in self.people.orders:
            plan = plan_of(order, self.tables)
            assert plan is not None
            self._compare_effects(plan)
            lost = self.checker.unheard_of(order, plan)
            if lost:
                violated("no accepted event is lost", f"visits {sorted(lost)} of {order} had no effect")
            wanted = [
                Mark(lane=order, order=order, kind=kind, key=key, seq=0) for kind, key in _records(plan, self.tables)
            ]
            for present in await bridge.load(wanted):
                mapping = (await sets.by_hash(present.set_hash)).writeback[present.mark.kind]
                row = Renderer(mapping, _NO_FIELDS).render(present, self.world.now())
                assert isinstance(row, Row), row
                self._compare_record(row)

    def _compare_effects(self, plan: Plan) -> None:
        """What systems have done, and not undone, is what the order wants in the end."""
        newest: dict[tuple[str, str, str], Item] = {}
        unsure: set[tuple[str, str, str]] = set()
        sets = {each.hash: each for each in mapping_sets()}
        for item in plan.items.values():
            about = plan.items[item.undoes] if item.undoes is not None else item
            what = (about.definition, about.key, about.scope_key)
            if item_ref(plan.id, item.no) in self.people.meddled or not item.is_final:
                unsure.add(what)
            if item.undoes is None:
                newest[what] = item
        for what, item in newest.items():
            definition = sets[plan.set_hash].definition(item.definition, item.key)
            if definition.on_cancel is None or what in unsure:
                continue
            wanted = item.state in (ItemState.COMPLETED, ItemState.AMENDED)
            if self.checker.has.get((plan.id, *what), False) is not wanted:
                detail = f"{item_ref(plan.id, item.no)} ({item.key}) is {item.state}"
                self.world.violated("what was done minus what was undone is what is wanted", detail)

    def _compare_record(self, row: Row) -> None:
        shown = self.salesforce.records.get((row.object, row.mark.key))
        if shown is None:
            self.world.violated("Salesforce shows everything", f"{row.object} {row.mark.key} is missing")
            return
        for name, value in row.fields.items():
            present = next(iter(value.values())) if isinstance(value, dict) else value
            if name != "Version__c" and shown.get(name) != present:
                detail = f"{row.object} {row.mark.key}: {name} is {shown.get(name)!r}, not {present!r}"
                self.world.violated("Salesforce shows the last state", detail)


_UNDECIDED = (VersionState.WAITING, VersionState.APPROVAL)
_NO_FIELDS = ObjectInfo(name="", createable=True, updateable=True, queryable=True, fields={}, children={})


def _records(plan: Plan, tables: Tables) -> Iterator[tuple[RecordKind, str]]:
    """Every record that there is for an order. Inventory is left to the last order of its account."""
    yield from (("order", plan.id), ("plan", plan.id))
    for version in plan.versions:
        yield "order", version.order
    for line_id in dict.fromkeys([*(each.id for each in plan.order.lines), *_superseded_lines(plan)]):
        yield "order_line", line_id
    for domain in dict.fromkeys(line.request for line in plan.lines.values() if line.request):
        yield "request", request_key(plan.id, domain)
    for no, line in plan.lines.items():
        if line.of is not None:
            continue
        yield "line", line_key(plan.id, no)
        if (plan.id, no) in tables.inventory:
            yield "inventory", inventory_key(plan.order.account.id, line)
    for item in plan.items:
        yield "item", item_ref(plan.id, item)
    for order, number, episode in tables.fallouts:
        if order == plan.id:
            yield "fallout", fallout_key(plan.id, number, episode)


def _superseded_lines(plan: Plan) -> Iterator[LineId]:
    for version in plan.versions:
        yield from version.lines


@contextmanager
def _scaled() -> Iterator[None]:
    """Constants of the product that fit a world of a minute, and let nothing depend on the real clock."""
    changed: list[tuple[Any, str, object]] = [
        (writeback, "LEASE", _LEASE),
        (reading, "LEASE", _LEASE),
        (pause, "STALL_SECONDS", -1.0),  # every place where a turn may let others go on, it does
    ]
    before = [(module, name, getattr(module, name)) for module, name, _ in changed]
    for module, name, value in changed:
        setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)


@contextmanager
def _silence() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(processors=[_drop], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(_logger: object, _name: str, _event: object) -> Any:
    raise structlog.DropEvent
