"""The smallest shell around the machine: memory instead of a database, real callouts, a real inbound endpoint.

Timers of timer items and retries are due at once; time-outs never are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse

from connector.callouts.destination import ApiKey, Basic, Bearer, ClientCredentials, Credentials, Destination
from connector.callouts.inbound import Refusal, receive
from connector.callouts.sender import CalloutSender
from connector.demo.orders import SampleOrder
from connector.demo.systems import Served, serving
from connector.mappings.load import load
from connector.mappings.set import MappingSet, System
from connector.model.commands import Assetize, Command, InvokeCallout, RaiseFallout, ResolveFallout, SetTimer
from connector.model.events import Event, OrderRead, TimerDue, TimerKind
from connector.model.ids import LineId, OrderId
from connector.model.order import Account, Action, InventoryItem, Order, OrderLine, Priority
from connector.model.plan import Item, Plan
from connector.model.technical import TechnicalLine
from connector.model.work import RenderedRequest, Work
from connector.orchestrator.machine import begin, handle
from tests.demo.inbound_listener import accepting

MAPPINGS = Path(__file__).resolve().parents[2] / "mappings"


@cache
def both_sets() -> tuple[MappingSet, MappingSet]:
    """The two sets of the repository, in the order in which the demo asks them."""
    return load(MAPPINGS / "infiwave"), load(MAPPINGS / "voltara")


def sample_order(sample: SampleOrder, number: int) -> Order:
    """The canonical order that the intake would make of a sample."""
    identity = f"80100000{number:07}AAA"
    ids = {line.key: LineId(f"80200{number:03}{place:07}AAA") for place, line in enumerate(sample.lines, start=1)}
    return Order(
        id=OrderId(identity),
        number=f"{number:08}",
        account=Account(id=f"001000000{number:06}AAA", name=sample.account.name, type="Customer - Direct"),
        priority=Priority[sample.priority.upper()],
        attributes=sample.attributes,
        lines=tuple(
            OrderLine(
                id=ids[line.key],
                number=f"{place:010}",
                product=line.product,
                action=Action(line.action),
                parent=ids[line.parent] if line.parent else None,
                attributes=line.attributes,
            )
            for place, line in enumerate(sample.lines, start=1)
        ),
    )


def credentials_of(served: Served) -> Credentials:
    """The connector's side of a simulated system's secrets."""
    given = served["credentials"]
    match served["kind"]:
        case "basic":
            return Basic(username=given["username"], password=SecretStr(given["password"]))
        case "bearer":
            return Bearer(token=SecretStr(given["token"]))
        case "header":
            return ApiKey(header=given["header"], value=SecretStr(given["value"]))
        case _:
            return ClientCredentials(
                token_url=given["token_url"],
                client_id=given["client_id"],
                client_secret=SecretStr(given["client_secret"]),
            )


@dataclass
class SmallShell:
    """One order after another, all in memory."""

    systems: Mapping[str, Served]
    sets: Sequence[MappingSet]
    sender: CalloutSender
    plans: dict[OrderId, Plan] = field(default_factory=dict)
    fallouts: list[RaiseFallout] = field(default_factory=list)
    resolved: list[ResolveFallout] = field(default_factory=list)
    assets: dict[OrderId, list[TechnicalLine]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _requests: dict[tuple[OrderId, int, int], RenderedRequest] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def submit(self, order: Order, inventory: Sequence[InventoryItem] = ()) -> Plan:
        codes = {line.product for line in order.lines}
        mappings = next((each for each in self.sets if codes <= each.products.keys()), self.sets[0])
        event = OrderRead(order=order, inventory=tuple(inventory))
        plan, commands, _ = begin(event, datetime.now(UTC), mappings)
        self.plans[order.id] = plan
        await self._carry_out(plan, commands)
        return plan

    async def happen(self, order: OrderId, event: Event) -> None:
        plan = self._plan_of(order)
        await self._carry_out(plan, handle(plan, event, datetime.now(UTC), self.set_of(plan)))

    def _plan_of(self, order: OrderId) -> Plan:
        """The plan that an order's id belongs to, be it the first version or a later one."""
        families = {version.order: plan for plan in self.plans.values() for version in plan.versions}
        return self.plans.get(order) or families[order]

    async def until(self, plan: Plan, condition: Callable[[Plan], bool]) -> None:
        try:
            async with asyncio.timeout(20), self.changed:
                await self.changed.wait_for(lambda: condition(plan))
        except TimeoutError:
            open_items = [(item.key, item.state.value, item.waiting_for) for item in plan.items.values()]
            raise AssertionError(f"it did not come to that: {open_items}") from None

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sender.close()

    def set_of(self, plan: Plan) -> MappingSet:
        return next(each for each in self.sets if each.hash == plan.set_hash)

    async def _carry_out(self, plan: Plan, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case InvokeCallout():
                    self._go(self._call_out(plan, command))
                case SetTimer(kind=TimerKind.WAIT | TimerKind.RETRY):
                    due = TimerDue(item=command.item, kind=command.kind, epoch=command.epoch)
                    self._go(self.happen(plan.id, due))
                case RaiseFallout():
                    self.fallouts.append(command)
                case ResolveFallout():
                    self.resolved.append(command)
                case Assetize(lines=lines):
                    self.assets[plan.id] = [plan.lines[no] for no in lines]
                case _:
                    pass
        async with self.changed:
            self.changed.notify_all()

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call_out(self, plan: Plan, command: InvokeCallout) -> None:
        key = (plan.id, command.item, command.epoch)
        request = self._requests.setdefault(key, command.request) if command.request else self._requests[key]
        work = Work(
            order=plan.id,
            item=command.item,
            epoch=command.epoch,
            attempt=command.attempt,
            interface=command.interface,
            set_hash=plan.set_hash,
            request=request,
            awaits_event=command.awaits_event,
            priority=plan.priority,
        )
        await self.happen(plan.id, await self.sender.perform(work, self.set_of(plan)))

    async def take(self, request: Request) -> JSONResponse:
        taken = receive(
            request.path_params["system"],
            await request.body(),
            request.headers,
            now=datetime.now(UTC),
            mapping_sets=self.sets,
            secrets=lambda name: [SecretStr(self.systems[name]["inbound_secret"])],
        )
        if isinstance(taken, Refusal):
            return JSONResponse({"error": {"code": taken.code, "message": taken.message}}, taken.status)
        await self.happen(taken.order, taken.event)
        return JSONResponse({"accepted": True}, 202)


@asynccontextmanager
async def small_shell(data: Path, *, speed: float) -> AsyncIterator[SmallShell]:
    """A shell with the simulated systems around it."""
    systems: dict[str, Served] = {}

    def destination(system: System) -> Destination:
        served = systems[system.auth_name]
        assert system.base_url == served["setting"]
        return Destination(base_url=served["url"], credentials=credentials_of(served))

    shell = SmallShell(systems=systems, sets=both_sets(), sender=CalloutSender(destination))
    async with accepting(shell.take) as url, serving(data, speed=speed, connector=url) as served:
        systems.update(served)
        yield shell
        await shell.close()


def states(plan: Plan) -> Counter[str]:
    """How many items are in each state."""
    return Counter(item.state.value for item in plan.items.values())


def item_of(plan: Plan, key: str) -> Item:
    """The only item of that key."""
    (found,) = [item for item in plan.items.values() if item.key == key]
    return found
