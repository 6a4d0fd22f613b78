"""Salesforce: records, the order in which they were written, queries, and a stream of events that can be replayed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from connector.sf.events import FULFILLMENT_COMMAND, ORDER_SUBMITTED, ReceivedEvent
from connector.sf.failures import LimitReached, Unavailable
from connector.sf.org import Org, Page, Record, Subanswer, Subrequest
from connector.sf.record_ids import canonical_id
from tests.simulation.checker import Checker
from tests.simulation.world import World

QUEUES = {"Desk": canonical_id("00G000000000001"), "Order_Fallout": canonical_id("00G000000000002")}
INTEGRATION_USER = canonical_id("005000000000001")
_IN = re.compile(r"FROM (\w+) WHERE (\w+) IN \(([^)]*)\)(?: ORDER BY \w+)?$")
CALL_SECONDS = 12.0
"""A call takes no longer than this, which is longer than it takes to see that a worker is dead."""


class Salesforce:
    """The records by object and key (external id, or Id where there is none), and the events."""

    def __init__(self, world: World, checker: Checker) -> None:
        self.world = world
        self.checker = checker
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self._published = asyncio.Event()

    def of(self, name: str) -> dict[str, dict[str, Any]]:
        """The records of one object."""
        return {key: record for (kind, key), record in self.records.items() if kind == name}

    def publish(self, topic: str, payload: Mapping[str, Any]) -> None:
        """An event, which the bus may lose, delay or repeat."""
        if self.world.strikes("event_lost"):
            return
        for _ in range(1 + self.world.strikes("event_twice")):
            delay = self.world.rng.uniform(0.01, 0.1) + (self.world.rng.uniform(1, 6) if self._late() else 0)
            self.world.loop.outside(delay, lambda: self._append(topic, payload))

    def _late(self) -> bool:
        return self.world.strikes("event_late")

    def _append(self, topic: str, payload: Mapping[str, Any]) -> None:
        self.events.append((topic, payload))
        self._published.set()
        self._published = asyncio.Event()

    async def more_events(self) -> None:
        """Wait for the next event."""
        await self._published.wait()

    # -- writes -----------------------------------------------------------------------------------------------

    def write(self, name: str, external_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """One row of a collections request."""
        fields = {key: value for key, value in body.items() if key != "attributes"}
        key = fields.pop(external_id or "id")
        if self.world.strikes("row_locked"):
            return _failed("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        for field, value in list(fields.items()):
            if isinstance(value, dict):
                (target, wanted), *_ = value.items()
                parent = _PARENTS[field]
                if (parent, wanted) not in self.records:
                    message = f"Foreign key external ID: {wanted} not found for field {target} in entity {parent}"
                    return _failed("INVALID_FIELD", message)
                fields[field] = wanted
        before = self.records.get((name, key))
        if before is None:
            if external_id is None:
                return _failed("NOT_FOUND", "The requested resource does not exist")
            before = self.records[name, key] = {"OwnerId": INTEGRATION_USER, "CreatedById": INTEGRATION_USER}
            if external_id:
                before[external_id] = key
        self.checker.written(name, key, before, fields)
        before.update(fields)
        return {"success": True, "id": key, "errors": []}

    # -- queries ----------------------------------------------------------------------------------------------

    def query(self, soql: str) -> list[Record]:
        """The records of the few queries that the connector makes."""
        if "FROM Group" in soql:
            return [{"Id": queue, "DeveloperName": name} for name, queue in QUEUES.items()]
        if soql.startswith("SELECT Id FROM Order WHERE StatusCode"):
            return [{"Id": key} for key, order in self.of("Order").items() if not order.get("Fulfillment_Status__c")]
        if soql.startswith("SELECT Id FROM Fulfillment_Command__c WHERE Status__c = 'New'"):
            before = datetime.fromisoformat(soql.rpartition("CreatedDate < ")[2].split()[0])
            commands = self.of("Fulfillment_Command__c").items()
            return [{"Id": k} for k, c in commands if c["Status__c"] == "New" and c["Created"] < before]
        found = _IN.search(soql)
        assert found, soql
        name, field, listed = found.groups()
        wanted = re.findall(r"'([^']*)'", listed)
        if name == "Order":
            return [dict(self.records[name, key]) for key in wanted if (name, key) in self.records]
        if name == "Fulfillment_Command__c":
            return [self._command(key) for key in wanted if (name, key) in self.records]
        return [{"Id": key, **record} for key, record in self.of(name).items() if record.get(field) in wanted]

    def _command(self, key: str) -> Record:
        record = self.records["Fulfillment_Command__c", key]
        return {**record, "Id": key, "CreatedDate": record["Created"].isoformat(), "CreatedBy": {"Name": "Olga"}}


_PARENTS = {
    "Plan__r": "Orchestration_Plan__c",
    "Request__r": "Fulfillment_Request__c",
    "Fulfillment_Line__r": "Fulfillment_Line__c",
    "Orchestration_Item__r": "Orchestration_Item__c",
}


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}


class SimulatedOrg(Org):
    """`Org` on the simulated Salesforce: calls take time, fail, or have their effect without an answer."""

    def __init__(self, salesforce: Salesforce) -> None:
        self._salesforce = salesforce

    async def _serve(self, what: Callable[[], Any], slowest: float = CALL_SECONDS) -> Any:
        world = self._salesforce.world
        answer: asyncio.Future[Any] = world.loop.create_future()
        if world.strikes("salesforce_away"):
            await world.delay(0.05, slowest)
            if world.rng.random() < 0.2:
                raise LimitReached("too many long calls", limit="concurrent")
            raise Unavailable("Salesforce can't be reached")
        unheard = world.strikes("salesforce_unheard")

        def serve() -> None:
            result = what()
            if not answer.done():
                if unheard:
                    answer.set_exception(Unavailable("no answer came"))
                else:
                    answer.set_result(result)

        slow = world.strikes("salesforce_slow")
        seconds = world.rng.uniform(0.5, slowest) if slow else world.rng.uniform(0.02, 0.3)
        world.loop.outside(seconds, serve)
        return await answer

    async def query(self, soql: str) -> Page:
        records = await self._serve(lambda: self._salesforce.query(soql))
        return Page(records=records, total=len(records))

    async def more(self, next_url: str) -> Page:
        raise AssertionError("every answer fits one page")

    async def describe(self, name: str) -> Record:
        answer: Record = await self._serve(lambda: {"name": name, "fields": []}, slowest=1.0)
        return answer

    async def composite(self, parts: Sequence[Subrequest]) -> Sequence[Subanswer]:
        sent = orjson.loads(orjson.dumps([part.body for part in parts]))

        def write() -> list[Subanswer]:
            return [self._write(part, body) for part, body in zip(parts, sent, strict=True)]

        answer: list[Subanswer] = await self._serve(write)
        return answer

    def _write(self, part: Subrequest, body: Mapping[str, Any]) -> Subanswer:
        external_id = part.path.split("/")[3] if part.path.count("/") > 1 else None
        rows = [self._salesforce.write(row["attributes"]["type"], external_id, row) for row in body["records"]]
        return Subanswer(reference=part.reference, status=200, body=rows)


class SimulatedEvents:
    """`EventSource`: events after a position, in order; breaks now and then, and may come again."""

    def __init__(self, salesforce: Salesforce) -> None:
        self._salesforce = salesforce

    async def subscribe(
        self, topics: Sequence[str], positions: Mapping[str, bytes], gap: Callable[[str], None]
    ) -> AsyncGenerator[ReceivedEvent, None]:
        world, bus = self._salesforce.world, self._salesforce
        after = {topic: int(positions.get(topic, b"-1")) for topic in topics}
        at = min(after.values()) + 1
        while True:
            if at >= len(bus.events):
                await bus.more_events()
                await world.delay(0.005, 0.05)
                continue
            if world.strikes("stream_broken"):
                await world.delay(0.5, 3.0)
                at = max(0, at - world.rng.randrange(3))
                if world.rng.random() < 0.3:
                    gap(ORDER_SUBMITTED)
                continue
            topic, payload = bus.events[at]
            if topic in after and at > after[topic]:
                position = str(at).encode()
                yield ReceivedEvent(
                    topic=topic, position=position, uuid=f"event-{at}", payload=payload, received_at=world.clock()
                )
            at += 1


__all__ = ["FULFILLMENT_COMMAND", "ORDER_SUBMITTED", "QUEUES", "Salesforce", "SimulatedEvents", "SimulatedOrg"]
