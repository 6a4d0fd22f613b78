"""Turns on a real PostgreSQL, one at a time, and the orders that they are tried with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from connector.mappings.load import load
from connector.model.events import Addressed, CalloutCompleted, Event, OrderRead
from connector.model.ids import LineId, OrderId
from connector.model.order import Account, Action, Order, OrderLine
from connector.model.plan import Plan
from connector.model.work import Work
from connector.orchestrator.sets import MappingSets
from connector.orchestrator.turn import Turner, TurnResult
from connector.store.database import Database
from connector.store.intake import Heard, Intake
from connector.store.outbox import Outbox
from connector.store.plans import load_plans
from connector.store.sets import SetTable
from connector.store.turns import Turns
from connector.store.work import WorkTable

SETS = Path(__file__).resolve().parents[2] / "mappings"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Bench:
    """One worker's turns on one database, with a clock of its own."""

    def __init__(self, database: Database, sets: MappingSets, worker: str = "worker-1") -> None:
        self.database = database
        self.sets = sets
        self.now = NOW
        self.turns = Turns(database, worker)
        self.turner = Turner(self.turns, sets, lambda: self.now)
        self.intake = Intake(database, worker)
        self.outbox = Outbox(database, worker)
        self.work = WorkTable(database, worker, "test")

    async def submit(self, *orders: Order) -> None:
        await self.intake.heard([Heard(kind="order", id=order.id, received_at=NOW) for order in orders])
        await self.put(*(Addressed(order=order.id, event=OrderRead(order=order)) for order in orders))

    async def put(self, *events: Addressed) -> None:
        await self.intake.deliver(events)

    async def turn(self, answers: dict[OrderId, list[Event]] | None = None) -> TurnResult:
        return await self.turner.turn(answers or {}, await self.turns.waiting(self.now, 100, 100))

    async def plan(self, order: OrderId) -> Plan:
        async with self.database.connection() as connection:
            return (await load_plans(connection, [order]))[order]

    async def count(self, table: str) -> int:
        async with self.database.connection() as connection:
            return int(await connection.fetchval(f"select count(*) from {table}"))


async def infiwave(database: Database) -> Bench:
    """A bench with the mapping set of that name."""
    return Bench(database, await MappingSets.publish([load(SETS / "infiwave")], SetTable(database)))


def order_id(number: int) -> OrderId:
    return OrderId(f"801{number:012d}AAA")


def mobile(number: int = 1, **attributes: object) -> Order:
    """An order of a mobile plan with an eSIM: nothing is shipped."""
    line = OrderLine(
        id=LineId(f"802{number:012d}AAA"),
        number="1",
        product="MOBILE-PLAN",
        action=Action.ADD,
        attributes={"tier": "M", "simType": "esim", **attributes},  # type: ignore[dict-item]
    )
    account = Account(id="001000000000001AAA", name="Ada", type="Consumer")
    return Order(id=order_id(number), number=f"{number:08d}", account=account, lines=(line,))


def answers(works: Sequence[Work]) -> dict[OrderId, list[Event]]:
    """Every request done, with what the systems would say."""
    given: dict[OrderId, list[Event]] = {}
    for work in works:
        outputs = {"msisdn": "+447700900001", "reservationId": "R1", "iccid": "89", "activationCode": "LPA:1"}
        event = CalloutCompleted(item=work.item, epoch=work.epoch, attempt=work.attempt, outputs=outputs)
        given.setdefault(work.order, []).append(event)
    return given


async def finish(bench: Bench, result: TurnResult) -> int:
    """Answer everything until nothing more is sent; gives the number of turns."""
    turns = 0
    while result.work:
        result = await bench.turn(answers(result.work))
        turns += 1
    return turns
