"""Notices that something happened in Salesforce, on their way to orders' inboxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from connector.model.events import (
    Addressed,
    Event,
    FollowedTold,
    FollowerCame,
    OperatorCommanded,
    OrderRead,
    OrderUnreadable,
    RevisionRead,
)
from connector.model.following import Followed, Standing
from connector.model.ids import LOCAL_COMMAND, CommandId, ItemNo, OrderId
from connector.store import codec
from connector.store.database import Connection, Database, columns
from connector.store.families import located, parted, plans_of, routed
from connector.store.queries import queries
from connector.store.signals import INBOX, INTAKE, notify
from connector.store.work import SILENT_SECONDS

NoticeKind = Literal["order", "command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A notice: `kind` of thing, the Id of its record, why, and the event's identity where one told it."""

    kind: NoticeKind
    id: str
    received_at: datetime
    reason: str = ""
    uuid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """An event that can't be understood."""

    topic: str
    uuid: str
    payload: str
    reason: str
    received_at: datetime


class Intake:
    """The notices."""

    def __init__(self, database: Database, worker: str) -> None:
        self._database = database
        self._worker = worker
        self._sql = queries("intake")

    async def position(self, topic: str) -> bytes | None:
        """The position stored last for the topic."""
        async with self._database.connection() as connection:
            position: bytes | None = await connection.fetchval(self._sql["position"], topic)
        return position

    async def heard(
        self,
        notices: Sequence[Heard],
        malformed: Sequence[Malformed] = (),
        topic: str | None = None,
        position: bytes | None = None,
    ) -> None:
        """Store notices and position in one transaction."""
        async with self._database.transaction() as connection:
            if notices:
                rows = [
                    (n.kind, n.id, n.id if n.kind == "order" else None, n.reason, n.uuid, n.received_at)
                    for n in {(n.kind, n.id): n for n in reversed(notices)}.values()
                ]
                await connection.execute(self._sql["hear"], *columns(rows))
                orders = [n.id for n in notices if n.kind == "order"]
                if orders:
                    await connection.execute(self._sql["show_orders"], orders)
                await notify(connection, INTAKE)
            if malformed:
                rows_malformed = [(m.topic, m.uuid, m.payload, m.reason, m.received_at) for m in malformed]
                await connection.execute(self._sql["keep_malformed"], *columns(rows_malformed))
            if topic is not None and position is not None:
                await connection.execute(self._sql["keep_position"], topic, position)

    async def claim(self, kind: NoticeKind, limit: int, lease: timedelta) -> list[tuple[str, int]]:
        """Unread notices, oldest first, as (record's Id, attempts so far); this worker's for the lease."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._sql["claim"], kind, limit, lease, self._worker, SILENT_SECONDS)
        return [(row["record_id"], row["attempts"]) for row in rows]

    async def let_go(self) -> None:
        """End every claim of this worker: it reads nothing any more of what it had claimed."""
        async with self._database.connection() as connection:
            await connection.execute(self._sql["let_go"], self._worker)

    async def next_due(self, kind: NoticeKind) -> datetime | None:
        """When the next notice of this kind may be claimed; None when none waits."""
        async with self._database.connection() as connection:
            due: datetime | None = await connection.fetchval(self._sql["next_due"], kind)
        return due

    async def deliver(self, events: Sequence[Addressed]) -> None:
        """Put events into their orders' inboxes, and end the claims of notices that they answer."""
        if not events:
            return
        async with self._database.transaction() as connection:
            events = await routed(connection, events)
            for late in await put(connection, events):
                await refuse_late(connection, late)
            answered: list[tuple[object, ...]] = []
            for addressed in events:
                match addressed.event:
                    case OrderRead() | OrderUnreadable():
                        answered.append(("order", addressed.order, addressed.order, None))
                    case RevisionRead():
                        answered.append(("order", addressed.event.order.id, addressed.order, None))
                    case OperatorCommanded():
                        answered.append(("command", addressed.event.command, addressed.order, None))
                    case _:
                        pass
            if answered:
                await connection.execute(self._sql["finish"], *columns(answered))

    async def put(self, event: Addressed) -> None:
        """Put one event into its order's inbox: durable when this returns."""
        async with self._database.transaction() as connection:
            await put(connection, [event])

    async def finish(self, kind: NoticeKind, ids: Sequence[str], reason: str) -> None:
        """End the claims without any event."""
        rows = [(kind, record, None, reason) for record in ids]
        if rows:
            async with self._database.connection() as connection:
                await connection.execute(self._sql["finish"], *columns(rows))

    async def postpone(self, kind: NoticeKind, ids: Sequence[str], until: datetime, reason: str) -> None:
        """End the claims; the notices may be claimed again from `until` on."""
        async with self._database.connection() as connection:
            await connection.execute(self._sql["postpone"], kind, list(ids), until, reason)

    async def refuse_command(self, command: CommandId, message: str, order: OrderId | None) -> None:
        """End the claim of a command that no order can answer, with an answer of its own."""
        lane = order or OrderId(command)
        async with self._database.transaction() as connection:
            await connection.execute(self._sql["refuse_command"], lane, command, message)
            await connection.execute(self._sql["mark_command"], lane, command)
            await connection.execute(self._sql["finish"], ["command"], [command], [order], [message])
            await notify(connection, INBOX)

    async def unknown_orders(self, ids: Sequence[OrderId]) -> list[OrderId]:
        """Those orders that have neither a plan nor a notice."""
        async with self._database.connection() as connection:
            return [OrderId(row["u"]) for row in await connection.fetch(self._sql["unknown_orders"], list(ids))]

    async def plans_of(self, ids: Sequence[OrderId]) -> dict[OrderId, OrderId]:
        """Of those orders that are versions of another one: the order whose plan they belong to."""
        async with self._database.connection() as connection:
            return await plans_of(connection, ids)

    async def unknown_commands(self, ids: Sequence[CommandId]) -> list[CommandId]:
        """Those commands that were never noticed."""
        async with self._database.connection() as connection:
            return [CommandId(row["u"]) for row in await connection.fetch(self._sql["unknown_commands"], list(ids))]

    async def has_begun(self) -> bool:
        """Any order or command was ever heard of."""
        async with self._database.connection() as connection:
            return bool(await connection.fetchval(self._sql["has_begun"]))

    async def exists(self, order: OrderId, item: ItemNo | None) -> bool:
        """The order was heard of; its plan has the item, if one is given."""
        async with self._database.connection() as connection:
            return bool(await connection.fetchval(self._sql["exists"], order, item))


def rank(event: Event) -> int:
    """Its place among what waits: what goes on goes before what begins, and of that the urgent before the others."""
    if isinstance(event, OrderRead | OrderUnreadable):
        return 1 + event.order.priority
    return 0


async def put(connection: Connection, events: Sequence[Addressed]) -> list[Addressed]:
    """Put events into their orders' inboxes within the caller's transaction, and tell the workers.

    Gives those that come too late: their orders are archived, and nothing happens to them any more.
    """
    events, archived = await located(connection, events)
    rows = [
        (one.order, rank(one.event), codec.event_kind(one.event), codec.to_json(one.event))
        for one in events
        if one.order not in archived
    ]
    if rows:
        await connection.execute(queries("intake")["deliver"], *columns(rows))
        await notify(connection, INBOX)
    return [one for one in events if one.order in archived]


async def refuse_late(connection: Connection, late: Addressed) -> None:
    """Tell whoever waits for an answer that the order was archived already."""
    match late.event:
        case OperatorCommanded():
            await refuse_archived(connection, late.order, late.event.command)
        case RevisionRead():
            await put(connection, [await parted(connection, late.event)])
        case FollowerCame():
            ended = FollowedTold(followed=Followed(order=late.event.named, standing=Standing.ENDED))
            await put(connection, [Addressed(order=late.event.trail[-1].order, event=ended)])
        case _:
            pass


async def refuse_archived(connection: Connection, order: OrderId, command: CommandId) -> None:
    """Answer a command that came when its order was archived already."""
    sql = queries("intake")
    await connection.execute(sql["refuse_command"], order, command, "The order is finished and archived.")
    if not command.startswith(LOCAL_COMMAND):
        await connection.execute(sql["mark_command"], order, command)
        await notify(connection, INBOX)
