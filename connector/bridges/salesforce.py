"""The store and the machine as the Salesforce edge sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from connector.errors import UsageError
from connector.mappings.set import MappingSet
from connector.model.events import Addressed
from connector.model.ids import CommandId, OrderId
from connector.model.mark import RecordKind
from connector.orchestrator.dates import NOTHING_OBSERVED, Observed
from connector.orchestrator.present import Present as PresentOrder
from connector.orchestrator.present import command_variables, fallouts_by_key
from connector.orchestrator.sets import MappingSets
from connector.orchestrator.shown import Shown
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
from connector.store.intake import Heard, Intake, Malformed
from connector.store.outbox import Delay, Outbox, OutboxRow, Snapshot

_AT_A_TIME = 50
"""Records that are looked at before others in the process have their turn."""


class IntakeBridge:
    """`IntakePort` and `KnownPort` on the store."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    async def position(self, topic: str) -> bytes | None:
        """As `IntakePort.position`."""
        return await self._intake.position(topic)

    async def heard(self, notices: Sequence[Notice], topic: str | None = None, position: bytes | None = None) -> None:
        """As `IntakePort.heard`."""
        heard = [_heard(notice) for notice in notices if not isinstance(notice, MalformedEvent)]
        malformed = [
            Malformed(
                topic=notice.topic,
                uuid=notice.uuid,
                payload=notice.payload,
                reason=notice.reason,
                received_at=notice.received_at,
            )
            for notice in notices
            if isinstance(notice, MalformedEvent)
        ]
        await self._intake.heard(heard, malformed, topic, position)

    async def claim_unread(self, kind: NoticeKind, limit: int, lease: timedelta) -> Sequence[Unread]:
        """As `IntakePort.claim_unread`."""
        claimed = await self._intake.claim(kind, limit, lease)
        return [Unread(kind=kind, id=record, attempts=attempts) for record, attempts in claimed]

    async def deliver(self, events: Sequence[Addressed]) -> None:
        """As `IntakePort.deliver`."""
        await self._intake.deliver(events)

    async def refuse_command(self, command: CommandId, message: str, order: OrderId | None = None) -> None:
        """As `IntakePort.refuse_command`."""
        await self._intake.refuse_command(command, message, order)

    async def dismiss(self, kind: NoticeKind, ids: Sequence[str], reason: str) -> None:
        """As `IntakePort.dismiss`."""
        await self._intake.finish(kind, ids, reason)

    async def postpone(self, kind: NoticeKind, ids: Sequence[str], until: datetime, reason: str) -> None:
        """As `IntakePort.postpone`."""
        await self._intake.postpone(kind, ids, until, reason)

    async def unknown_orders(self, ids: Sequence[OrderId]) -> Sequence[OrderId]:
        """As `KnownPort.unknown_orders`."""
        return await self._intake.unknown_orders(ids)

    async def plans_of(self, ids: Sequence[OrderId]) -> Mapping[OrderId, OrderId]:
        """As `KnownPort.plans_of`."""
        return await self._intake.plans_of(ids)

    async def unknown_commands(self, ids: Sequence[CommandId]) -> Sequence[CommandId]:
        """As `KnownPort.unknown_commands`."""
        return await self._intake.unknown_commands(ids)


def _heard(notice: OrderNotice | CommandNotice) -> Heard:
    if isinstance(notice, OrderNotice):
        return Heard(
            kind="order",
            id=notice.order,
            received_at=notice.received_at,
            reason=notice.reason,
            uuid=notice.uuid,
        )
    return Heard(kind="command", id=notice.command, received_at=notice.received_at, uuid=notice.uuid)


class OutboxBridge:
    """`OutboxPort`: marks from the store, the present state through the machine's eyes."""

    def __init__(
        self,
        outbox: Outbox,
        sets: MappingSets,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        observed: Callable[[], Observed] = lambda: NOTHING_OBSERVED,
    ) -> None:
        self._outbox = outbox
        self._sets = sets
        self._clock = clock
        self._observed = observed

    async def claim(
        self, lanes: int, records: int, lease: timedelta, kinds: Sequence[RecordKind] | None = None
    ) -> Sequence[Mark]:
        """As `OutboxPort.claim`."""
        return [_mark(row) for row in await self._outbox.claim(lanes, records, lease, kinds)]

    async def load(self, marks: Sequence[Mark]) -> Sequence[Present]:
        """As `OutboxPort.load`."""
        snapshot = await self._outbox.snapshot(list(dict.fromkeys(mark.order for mark in marks)))
        orders = {order: await self._order(order, snapshot) for order in snapshot.plans}
        presents: list[Present] = []
        for number, mark in enumerate(marks, 1):
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            plan = snapshot.plans.get(mark.order)
            if plan is not None and orders[mark.order] is None:
                # Whoever writes finds no set for it either, and says so of this order alone.
                presents.append(Present(mark=mark, set_hash=plan.set_hash, variables=None))
            else:
                presents.append(self._present(mark, orders.get(mark.order), snapshot))
        return presents

    async def _order(self, order: OrderId, snapshot: Snapshot) -> tuple[PresentOrder, MappingSet] | None:
        """What there is to write of an order; None when its mapping set can't be had."""
        plan = snapshot.plans[order]
        try:
            mappings = await self._sets.by_hash(plan.set_hash)
        except UsageError:
            return None
        present = PresentOrder(
            plan=plan,
            set_name=f"{mappings.name} {mappings.version}",
            fallouts=fallouts_by_key(order, snapshot.fallouts.get(order, ())),
            inventory=tuple(snapshot.inventory.get(order, ())),
            held=snapshot.held.get(order, {}),
            dates=Shown(plan, self._clock(), mappings, self._observed()),
        )
        return present, mappings

    def _present(self, mark: Mark, found: tuple[PresentOrder, MappingSet] | None, snapshot: Snapshot) -> Present:
        order, mappings = found or (None, self._sets.current()[0])
        if mark.kind == "command":
            answer = snapshot.answers.get(CommandId(mark.key))
            variables = command_variables(answer) if answer is not None else None
        else:
            mapping = mappings.writeback.get(mark.kind)
            variables = order.variables(mark.kind, mark.key, mapping.reads) if order and mapping else None
        return Present(mark=mark, set_hash=order.plan.set_hash if order else mappings.hash, variables=variables)

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """As `OutboxPort.settle`."""
        delayed: list[Delay] = []
        notes: list[tuple[OrderId, str, str]] = []
        missing: list[tuple[str, RecordKind, str, OrderId]] = []
        for settlement in settlements:
            mark = settlement.mark
            match settlement:
                case Written():
                    if settlement.note:
                        notes.append(_in_part(mark, settlement.note))
                case Gone():
                    notes.append((mark.order, "record gone", f"{mark.kind} {mark.key}: {settlement.message}"))
                case Postponed():
                    delayed.append(
                        Delay(
                            row=_row(mark), until=settlement.until, problem=settlement.reason, failed=settlement.failed
                        )
                    )
                    if settlement.note:
                        notes.append(_in_part(mark, settlement.note))
                    if settlement.missing:
                        missing.append((mark.lane, *settlement.missing, mark.order))
                case Stuck():
                    problem = f"{settlement.code}: {settlement.message}"
                    fields = f" ({', '.join(settlement.fields)})" if settlement.fields else ""
                    delayed.append(Delay(row=_row(mark), until=settlement.until, problem=problem, failed=True))
                    notes.append((mark.order, "record refused", f"{mark.kind} {mark.key}{fields}: {problem}"))
        lanes = list(dict.fromkeys(settlement.mark.lane for settlement in settlements))
        await self._outbox.settle(delayed, notes, missing, lanes)


def _mark(row: OutboxRow) -> Mark:
    return Mark(lane=row.lane, order=row.order, kind=row.kind, key=row.key, seq=row.seq, attempts=row.attempts)


def _row(mark: Mark) -> OutboxRow:
    return OutboxRow(
        lane=mark.lane, order=mark.order, kind=mark.kind, key=mark.key, seq=mark.seq, attempts=mark.attempts
    )


def _in_part(mark: Mark, note: str) -> tuple[OrderId, str, str]:
    return mark.order, "record written in part", f"{mark.kind} {mark.key}: {note}"
