"""From events to notices: the doorbell. What an event says is noted with its position in one transaction;
the orders and commands themselves are read later, in groups.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing

import orjson
import structlog

from connector.model.ids import CommandId, OrderId
from connector.sf.events import FULFILLMENT_COMMAND, ORDER_SUBMITTED, EventSource, ReceivedEvent
from connector.sf.ports import CommandNotice, IntakePort, MalformedEvent, Notice, OrderNotice
from connector.sf.record_ids import canonical_id
from connector.sf.tally import Tally
from connector.sf.waking import tasks

log = structlog.get_logger(__name__)

TOPICS = (ORDER_SUBMITTED, FULFILLMENT_COMMAND)

_GROUP = 200
"""Most events that are stored in one transaction; also how many may wait for it."""

_MAX_PAYLOAD = 4_000


class EventIntake:
    """Listens for ever. One at a time among all workers: whoever holds the lock for it runs it."""

    def __init__(
        self,
        source: EventSource,
        port: IntakePort,
        tally: Tally,
        *,
        gap: Callable[[], None],
        heard: Callable[[], None],
        topics: Sequence[str] = TOPICS,
    ) -> None:
        self._source = source
        self._port = port
        self._tally = tally
        self._gap = gap
        self._heard = heard
        self._topics = topics

    async def run(self) -> None:
        """Store what comes, until cancelled. Calls `heard` after each group and `gap` when events may be lost.

        An error of the store ends it: positions are not moved, so that whoever runs it again misses nothing.
        """
        positions = {}
        for topic in self._topics:
            position = await self._port.position(topic)
            if position is not None:
                positions[topic] = position
        waiting: asyncio.Queue[ReceivedEvent] = asyncio.Queue(maxsize=_GROUP)
        async with tasks() as group:
            group.create_task(self._pump(positions, waiting))
            while True:
                await self._store(await _group(waiting))

    async def _pump(self, positions: dict[str, bytes], waiting: asyncio.Queue[ReceivedEvent]) -> None:
        async with aclosing(self._source.subscribe(self._topics, positions, self._lost)) as events:
            async for event in events:
                await waiting.put(event)

    def _lost(self, topic: str) -> None:
        log.warning("events_may_be_lost", topic=topic)
        self._gap()

    async def _store(self, events: Sequence[ReceivedEvent]) -> None:
        for topic in dict.fromkeys(event.topic for event in events):
            ours = [event for event in events if event.topic == topic]
            positions = [event.position for event in ours if event.position]
            await self._port.heard([self._notice(event) for event in ours], topic, positions[-1] if positions else None)
        self._heard()

    def _notice(self, event: ReceivedEvent) -> Notice:
        notice = to_notice(event)
        if isinstance(notice, MalformedEvent):
            self._tally.events_malformed += 1
            log.warning("event_malformed", topic=event.topic, uuid=event.uuid, reason=notice.reason)
        return notice


async def _group(waiting: asyncio.Queue[ReceivedEvent]) -> list[ReceivedEvent]:
    """What waits, at least one."""
    events = [await waiting.get()]
    while len(events) < _GROUP and not waiting.empty():
        events.append(waiting.get_nowait())
    return events


def to_notice(event: ReceivedEvent) -> Notice:
    """What an event says; never fails."""
    try:
        if event.topic == ORDER_SUBMITTED:
            return OrderNotice(
                order=OrderId(_record_id(event, "Order_Id__c")),
                reason=str(event.payload.get("Reason__c") or "Submitted")[:40],
                received_at=event.received_at,
                uuid=event.uuid,
            )
        if event.topic == FULFILLMENT_COMMAND:
            return CommandNotice(
                command=CommandId(_record_id(event, "Command_Id__c")),
                received_at=event.received_at,
                uuid=event.uuid,
            )
        reason = "nobody here understands this topic"
    except ValueError as error:
        reason = str(error)
    return MalformedEvent(
        topic=event.topic,
        uuid=event.uuid,
        payload=orjson.dumps(event.payload, default=str).decode()[:_MAX_PAYLOAD],
        reason=reason,
        received_at=event.received_at,
    )


def _record_id(event: ReceivedEvent, field: str) -> str:
    value = event.payload.get(field)
    if value is None:
        raise ValueError(f"{field} is missing")
    try:
        return canonical_id(str(value).strip())
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from None
