"""The store's side of the ports, in memory: enough to see what the edge does with it."""

# ruff: noqa: ARG002 (the ports say what is passed)

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.mappings.set import MappingSet
from connector.model.events import Addressed, OperatorCommanded
from connector.model.ids import CommandId, OrderId
from connector.model.mark import RecordKind
from connector.sf.ports import (
    CommandNotice,
    Gone,
    MalformedEvent,
    Mark,
    Notice,
    NoticeKind,
    OrderNotice,
    Postponed,
    Present,
    Settlement,
    Stuck,
    Unread,
    Written,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def now() -> datetime:
    """A clock that stands still."""
    return NOW


class Changed:
    """Lets a test wait until something is so, looking whenever something changed."""

    def __init__(self) -> None:
        self._condition = asyncio.Condition()

    async def tell(self) -> None:
        """Something changed."""
        async with self._condition:
            self._condition.notify_all()

    async def until(self, holds: Any) -> None:
        """Wait until `holds()`; the limit is for tests that would never end."""
        async with asyncio.timeout(30), self._condition:
            await self._condition.wait_for(holds)


@dataclass
class FakeIntake:
    """`IntakePort` and `KnownPort`."""

    notices: list[Notice] = field(default_factory=list)
    positions: dict[str, bytes] = field(default_factory=dict)
    unread: dict[tuple[NoticeKind, str], Unread] = field(default_factory=dict)
    delivered: list[Addressed] = field(default_factory=list)
    refused: dict[CommandId, str] = field(default_factory=dict)
    dismissed: dict[str, str] = field(default_factory=dict)
    postponed: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    orders: set[OrderId] = field(default_factory=set)
    """Orders that are known already."""
    versions: dict[OrderId, OrderId] = field(default_factory=dict)
    """Orders that are versions of another one."""
    commands: set[CommandId] = field(default_factory=set)
    changed: Changed = field(default_factory=Changed)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is clear, `heard` waits: a store that is slow."""
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    """Somebody called `heard`."""

    def __post_init__(self) -> None:
        self.open.set()

    async def position(self, topic: str) -> bytes | None:
        return self.positions.get(topic)

    async def heard(self, notices: Sequence[Notice], topic: str | None = None, position: bytes | None = None) -> None:
        self.entered.set()
        await self.open.wait()
        uuids = {notice.uuid for notice in self.notices if notice.uuid}
        for notice in notices:
            if notice.uuid in uuids:
                continue
            self.notices.append(notice)
            match notice:
                case OrderNotice():
                    self.notice("order", notice.order)
                case CommandNotice():
                    self.notice("command", notice.command)
                case MalformedEvent():
                    pass
        if topic is not None and position is not None:
            self.positions[topic] = position
        await self.changed.tell()

    def notice(self, kind: NoticeKind, record_id: str, attempts: int = 0) -> None:
        self.unread.setdefault((kind, record_id), Unread(kind=kind, id=record_id, attempts=attempts))

    async def claim_unread(self, kind: NoticeKind, limit: int, lease: timedelta) -> Sequence[Unread]:
        return [unread for (of, _), unread in self.unread.items() if of == kind][:limit]

    async def deliver(self, events: Sequence[Addressed]) -> None:
        for addressed in events:
            self.delivered.append(addressed)
            if isinstance(addressed.event, OperatorCommanded):
                self._end("command", addressed.event.command)
            else:
                self._end("order", addressed.order)
                self.orders.add(addressed.order)
        await self.changed.tell()

    async def refuse_command(self, command: CommandId, message: str, order: OrderId | None = None) -> None:
        self.refused[command] = message
        self._end("command", command)

    async def dismiss(self, kind: NoticeKind, ids: Sequence[str], reason: str) -> None:
        for record_id in ids:
            self.dismissed[record_id] = reason
            self._end(kind, record_id)

    async def postpone(self, kind: NoticeKind, ids: Sequence[str], until: datetime, reason: str) -> None:
        for record_id in ids:
            self.postponed[record_id] = (until, reason)
            before = self.unread.pop((kind, record_id))
            self.notice(kind, record_id, before.attempts + 1)
        await self.changed.tell()

    async def unknown_orders(self, ids: Sequence[OrderId]) -> Sequence[OrderId]:
        return [order for order in ids if order not in self.orders and ("order", order) not in self.unread]

    async def plans_of(self, ids: Sequence[OrderId]) -> Mapping[OrderId, OrderId]:
        return {order: self.versions[order] for order in ids if order in self.versions}

    async def unknown_commands(self, ids: Sequence[CommandId]) -> Sequence[CommandId]:
        return [command for command in ids if command not in self.commands and ("command", command) not in self.unread]

    def _end(self, kind: NoticeKind, record_id: str) -> None:
        self.unread.pop((kind, record_id), None)


@dataclass
class FakeSets:
    """`SetsPort`."""

    sets: Sequence[MappingSet]

    def current(self) -> Sequence[MappingSet]:
        return self.sets

    async def by_hash(self, set_hash: str) -> MappingSet:
        return next(one for one in self.sets if one.hash == set_hash)


@dataclass
class FakeOutbox:
    """`OutboxPort`: what is to be written, and what became of it."""

    set_hash: str
    hashes: dict[OrderId, str] = field(default_factory=dict)
    """Orders that have another set."""
    states: dict[tuple[RecordKind, str], dict[str, Any] | None] = field(default_factory=dict)
    marks: dict[tuple[RecordKind, str], Mark] = field(default_factory=dict)
    settlements: list[Settlement] = field(default_factory=list)
    claims: list[int] = field(default_factory=list)
    kinds: list[Sequence[RecordKind] | None] = field(default_factory=list)
    changed: Changed = field(default_factory=Changed)
    clock: Callable[[], datetime] | None = None
    """With a clock, what was put off is not claimed before its time."""
    due: dict[tuple[RecordKind, str], datetime] = field(default_factory=dict)
    _leased: set[str] = field(default_factory=set)

    def mark(self, kind: RecordKind, key: str, lane: str, **variables: Any) -> Mark:
        """Mark a record, in a new state."""
        before = self.marks.get((kind, key))
        mark = Mark(lane=lane, order=OrderId(lane), kind=kind, key=key, seq=before.seq + 1 if before else 1)
        self.marks[kind, key] = mark
        self.states[kind, key] = variables or None
        return mark

    async def claim(
        self, lanes: int, records: int, lease: timedelta, kinds: Sequence[RecordKind] | None = None
    ) -> Sequence[Mark]:
        self.kinds.append(kinds)
        free = dict.fromkeys(
            mark.lane
            for mark in self.marks.values()
            if mark.lane not in self._leased and (kinds is None or mark.kind in kinds)
        )
        taken = list(free)[:lanes]
        marks = [mark for mark in self.marks.values() if mark.lane in taken and self._is_due(mark)][:records]
        self._leased |= {mark.lane for mark in marks}
        self.claims.append(len(marks))
        await self.changed.tell()
        return marks

    def _is_due(self, mark: Mark) -> bool:
        due = self.due.get((mark.kind, mark.key))
        return self.clock is None or due is None or due <= self.clock()

    async def load(self, marks: Sequence[Mark]) -> Sequence[Present]:
        return [
            Present(
                mark=mark,
                set_hash=self.hashes.get(mark.order, self.set_hash),
                variables=self.states[mark.kind, mark.key],
            )
            for mark in marks
        ]

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        for settlement in settlements:
            self.settlements.append(settlement)
            mark = settlement.mark
            if isinstance(settlement, Postponed | Stuck):
                self.due[mark.kind, mark.key] = settlement.until
            if isinstance(settlement, Written | Gone) and self.marks[mark.kind, mark.key].seq == mark.seq:
                del self.marks[mark.kind, mark.key]
            self._leased.discard(mark.lane)
        await self.changed.tell()

    def of(self, kind: RecordKind, key: str) -> Settlement:
        """What became of a record last."""
        found = [one for one in self.settlements if (one.mark.kind, one.mark.key) == (kind, key)]
        return found[-1]

    def postponed(self) -> list[Postponed]:
        return [one for one in self.settlements if isinstance(one, Postponed)]

    def stuck(self) -> list[Stuck]:
        return [one for one in self.settlements if isinstance(one, Stuck)]

    def written(self) -> list[Written]:
        return [one for one in self.settlements if isinstance(one, Written)]
