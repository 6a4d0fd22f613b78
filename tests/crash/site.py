"""A run with real parts: `connector run` processes that are killed and replaced, and what became of its orders."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

import asyncpg

from connector.demo.orders import ESIM, MOBILE, MOVE_IN, SWITCH, SampleOrder
from connector.store.database import Database
from connector.store.migrate import migrate
from tests.e2e.installation import Installation, installed
from tests.e2e.test_run_command import variables

KINDS = (MOBILE, ESIM, SWITCH, ESIM, MOBILE, MOVE_IN)
ORDERS = 24
SPEED = 8.0
"""How much faster the systems are than in the demo."""

PATIENCE = 90.0
"""Seconds after which a run that has not come to its end is given up."""

_AUDIT = """
create table taken_over (old_owner text, new_owner text, at timestamptz, silent interval);
create function note_take_over() returns trigger language plpgsql as $$
begin
    insert into taken_over
    select old.owner, new.owner, now(), now() - (select heartbeat from workers where worker_id = old.owner);
    return null;
end $$;
create trigger taken_over after update of owner on work for each row
    when (old.owner is not null and new.owner is not null and old.owner <> new.owner)
    execute function note_take_over();
"""
"""What the database itself notes of every request that goes from one worker to another."""


def sample(no: int) -> SampleOrder:
    """The order with that number; no two are about the same thing."""
    kind = KINDS[no % len(KINDS)]
    lines = tuple(
        replace(line, attributes={**line.attributes, "marketLocation": f"4137355{no:04}"})
        if "marketLocation" in line.attributes
        else line
        for line in kind.lines
    )
    return replace(kind, key=f"CRASH-{no:03}", lines=lines)


@dataclass(slots=True)
class TakeOver:
    """One request that went from one worker to another."""

    old_owner: str
    new_owner: str
    silent: float
    """Seconds since the old owner's last sign of life."""


@dataclass
class Slot:
    """A place for one worker process."""

    name: str
    process: asyncio.subprocess.Process | None = None
    worker: str = ""
    """The name of the worker that works there; empty while there is none."""


@dataclass
class Run:
    """Orders on their way, and the workers that take them there."""

    installation: Installation
    url: str
    folder: Path
    slots: list[Slot]
    dead: list[str] = field(default_factory=list)
    """The names of the workers that were killed."""
    allowed: int = ORDERS
    """How many orders may be placed by now."""
    lines: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        """A line of the log."""
        self.lines.append(f"{time.monotonic() - self._began:6.1f} s  {text}")
        print(self.lines[-1])  # noqa: T201 - the log that a person looks at

    async def start(self, slot: Slot) -> None:
        """Start a worker there, and wait until it works."""
        ready = self.folder / f"{slot.name}.ready"
        ready.unlink(missing_ok=True)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
        given = variables(self.installation, self.folder) | {"CONNECTOR_DATABASE__URL": self.url}
        with (self.folder / f"{slot.name}.log").open("ab") as log:
            slot.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "connector", "run", "--ready-file", str(ready)),
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**plain, **given},
            )
        await self.installation.until(lambda: ready.exists() or self.ended(slot), named=f"{slot.name} is ready")
        assert not self.ended(slot), self.last_words(slot)
        told = json.loads(ready.read_text())
        slot.worker = told["worker"]
        await self.installation.tell_systems(told["api_url"])
        self.note(f"{slot.name}: {slot.worker} works")

    async def kill(self, slot: Slot) -> None:
        """Kill the worker there."""
        assert slot.process is not None
        assert not self.ended(slot), self.last_words(slot)
        slot.process.send_signal(signal.SIGKILL)
        await slot.process.wait()
        self.note(f"{slot.name}: {slot.worker} killed, {await self.done()} items done")
        self.dead.append(slot.worker)
        slot.worker = ""

    @staticmethod
    def ended(slot: Slot) -> bool:
        """Whether the process there is gone."""
        return slot.process is None or slot.process.returncode is not None

    def last_words(self, slot: Slot) -> str:
        """What the process there said last."""
        text = (self.folder / f"{slot.name}.log").read_text(errors="replace")
        return f"{slot.name} ended.\n{text[-3000:]}"

    async def any_at_work(self, random: Random) -> Slot:
        """One of those whose worker works, by chance, when there is another to take over from it."""

        def at_work() -> list[Slot]:
            working = [slot for slot in self.slots if slot.worker]
            return working if len(working) > 1 else []

        return random.choice(await self.installation.until(at_work, named="two workers work"))

    async def stop(self) -> None:
        """Stop every worker in order; each must be able to."""
        for slot in self.slots:
            if not self.ended(slot):
                assert slot.process is not None
                slot.process.terminate()
        for slot in self.slots:
            if slot.process is not None:
                async with asyncio.timeout(PATIENCE):
                    await slot.process.wait()

    async def place(self, count: int, random: Random) -> None:
        """Place orders, one after the other, as customers come."""
        for no in range(count):
            await self.installation.until(lambda no=no: no < self.allowed, named="more orders may come")  # type: ignore[misc]
            await self.installation.submit(sample(no))
            await asyncio.sleep(random.uniform(0.3, 1.2))

    async def ask(self, sql: str) -> list[Any]:
        """Rows of the database, as soon as it answers."""
        while True:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                connection = await asyncpg.connect(self.url)
                try:
                    return list(await connection.fetch(sql))
                finally:
                    await connection.close()
            await asyncio.sleep(0.1)

    async def done(self) -> int:
        """How many items are done."""
        ((number,),) = await self.ask("select coalesce(sum(items_done), 0)::int from orders")
        return int(number)

    async def until(self, what: Callable[[], Any], named: str) -> None:
        """Wait for a condition; a worker that ends by itself ends the waiting."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await what():
                    for slot in self.slots:
                        assert not slot.worker or not self.ended(slot), self.last_words(slot)
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"this did not happen: {named}\n{await self.unfinished()}") from None

    async def until_done(self, items: int) -> None:
        """Wait until so many items are done."""

        async def enough() -> bool:
            return await self.done() >= items

        await self.until(enough, f"{items} items are done")

    async def until_finished(self, count: int) -> None:
        """Wait until all orders are finished and Salesforce knows it."""

        async def finished() -> bool:
            ((number, behind),) = await self.ask(
                "select count(*) filter (where finished_at is not null), (select count(*) from outbox) from orders"
            )
            return (int(number), int(behind)) == (count, 0)

        await self.until(finished, "every order is finished and written")
        self.note(f"{count} orders finished")

    async def unfinished(self) -> str:
        """What stands in the way, for whoever has to find out."""
        told = []
        for sql in (
            "select order_id, state, status, items_done, items_total, parked from orders where finished_at is null",
            "select * from inbox limit 5",
            "select order_id, item_no, interface, attempt, owner from work where owner is not null limit 10",
            "select lane, kind, key, attempts, problem, due_at from outbox limit 10",
            "select * from lanes limit 5",
            "select * from intake where done_at is null limit 5",
            "select worker_id, now() - heartbeat as silent from workers",
            "select * from timers limit 5",
        ):
            told += [sql, *(f"    {dict(row)}" for row in await self.ask(sql))]
        return "\n".join(told)

    async def take_overs(self) -> list[TakeOver]:
        """Every request that went from one worker to another, as the database noted it."""
        rows = await self.ask(
            "select old_owner, new_owner, coalesce(extract(epoch from silent), 0)::float8 as silent from taken_over"
        )
        return [TakeOver(row["old_owner"], row["new_owner"], row["silent"]) for row in rows]


@asynccontextmanager
async def run(folder: Path, server_url: str, *, workers: int = 2, url: str | None = None) -> AsyncIterator[Run]:
    """A run whose workers work; `url` is what they are given where it is not that of the one server."""
    async with await Database.connect(server_url, size=2) as database:
        await migrate(database)
        async with database.connection() as connection:
            await connection.execute(_AUDIT)
    async with installed(folder, server_url, speed=SPEED) as installation:
        one = Run(installation, url or server_url, folder, [Slot(f"slot-{no}") for no in range(1, workers + 1)])
        try:
            for slot in one.slots:
                await one.start(slot)
            yield one
            await one.stop()
            for slot in one.slots:
                assert slot.process is not None
                assert slot.process.returncode == 0, one.last_words(slot)
        finally:
            for slot in one.slots:
                if not one.ended(slot):
                    assert slot.process is not None
                    slot.process.kill()
                    await slot.process.wait()


# -- what became of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is left of a run when all is done, in the same words for every run."""

    statuses: Mapping[str, str]
    """The orders' statuses by reference number."""
    orders: Mapping[str, Mapping[str, Sequence[object]]]
    """By reference number: the order and all records of it, as the org has them, without Ids and times."""
    inventory: Mapping[tuple[object, ...], int]
    """What customers have; which of two orders for the same thing came last is nobody's promise."""
    effects: Mapping[str, int]
    """How often systems did what, as they have it in their own books."""


_OF_ORDER = {
    "order": "SELECT Id, OrderReferenceNumber, Fulfillment_Status__c, Fulfillment_Progress__c FROM Order",
    "lines": "SELECT OrderId, Description, Fulfillment_Status__c, Fulfillment_Progress__c FROM OrderItem",
    "plan": "SELECT Order__c, State__c, Progress__c, Items_Total__c, Items_Done__c FROM Orchestration_Plan__c",
    "items": "SELECT Order__c, Number__c, Item_Key__c, Name, Definition__c, Type__c, State__c, Outcome__c, Outputs__c,"
    " Error_Code__c, Waiting_For__c FROM Orchestration_Item__c",
    "technical": "SELECT Order__c, Product__c, Action__c, Quantity__c, Status__c, Attributes__c"
    " FROM Fulfillment_Line__c",
    "requests": "SELECT Order__c, Domain__c, Status__c FROM Fulfillment_Request__c",
    "cases": "SELECT Fulfillment_Order__c, Status, Error_Code__c FROM Case",
}


async def outcome(one: Run) -> Outcome:
    """Read it from the org and the systems, and check that no system did anything twice for one key."""
    org = one.installation.org
    names = {row["Id"]: row["OrderReferenceNumber"] for row in org.query("SELECT Id, OrderReferenceNumber FROM Order")}
    orders: dict[str, dict[str, list[object]]] = {name: {} for name in names.values()}
    for part, soql in _OF_ORDER.items():
        for row in org.query(soql):
            (_, order), *rest = [pair for pair in row.items() if pair[0] != "attributes"]
            orders[names[order]].setdefault(part, []).append(tuple((name, _plain(name, value)) for name, value in rest))
    for parts in orders.values():
        for records in parts.values():
            records.sort(key=repr)
    inventory = org.query("SELECT Account__r.Name, Product__c, Status__c FROM Inventory_Item__c")
    status = "SELECT OrderReferenceNumber, Fulfillment_Status__c FROM Order"
    return Outcome(
        statuses={row["OrderReferenceNumber"]: row["Fulfillment_Status__c"] for row in org.query(status)},
        orders=orders,
        inventory=Counter((str(row["Account__r"]["Name"]), row["Product__c"], row["Status__c"]) for row in inventory),
        effects=await _effects(one.installation),
    )


def _plain(name: str, value: object) -> object:
    """A value without what differs from run to run: of documents the names alone, no Ids in keys."""
    if name in {"Outputs__c", "Attributes__c"} and isinstance(value, str):
        return sorted(json.loads(value))
    return re.sub(r"\b80[12]\w{12,15}\b", "…", value) if isinstance(value, str) else value


async def _effects(installation: Installation) -> Counter[str]:
    effects: Counter[str] = Counter()
    for system in installation.systems:
        by_key: Counter[str] = Counter()
        for call in await installation.requests(system):
            if call["status"] < 400 and not call["repeated"] and call["method"] != "GET":
                effects[f"{system} {call['method']} {re.sub(r'[^/]*[0-9][^/]*', '…', call['path'][3:])}"] += 1
                by_key[call["key"]] += 1
        twice = {key: count for key, count in by_key.items() if count > 1}
        assert not twice, f"{system} did these more than once: {twice}"
    return effects
