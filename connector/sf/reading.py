"""The loops that turn notices into inbox events: claim, read in a group, deliver."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog

from connector.errors import RemoteError
from connector.model.events import Addressed, OrderUnreadable
from connector.model.ids import CommandId, OrderId
from connector.sf.backoff import Backoff
from connector.sf.budget import Budget, pace
from connector.sf.commands import CommandReader
from connector.sf.ports import IntakePort, NoticeKind, Unread
from connector.sf.reader import OrderReader, not_found
from connector.sf.soql import MAX_IDS
from connector.sf.tally import Tally
from connector.sf.usage import UsageGauge
from connector.sf.waking import Doorbell

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=15)
"""Longer than reading a group can take: every call is bounded."""

POLL_SECONDS = 5.0
"""How long a loop sleeps when nobody rings: what other workers heard, and what was postponed, is found then."""

_PATIENCE = 4
"""How often an order that Salesforce doesn't have is looked for. An event may be faster than its transaction."""

_NOT_FOUND = Backoff(first=1.0, factor=4.0, cap=60.0)
_FAILED = Backoff(first=2.0, factor=2.0, cap=300.0)


class ReadingLoop:
    """Reads what was noticed, orders and commands, group by group. Any number may run, here and elsewhere."""

    def __init__(
        self,
        orders: OrderReader,
        commands: CommandReader,
        port: IntakePort,
        tally: Tally,
        now: Callable[[], datetime],
        *,
        delivered: Callable[[], None],
        gauge: UsageGauge | None = None,
        budget: Budget | None = None,
        poll: float = POLL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._orders = orders
        self._commands = commands
        self._port = port
        self._tally = tally
        self._now = now
        self._delivered = delivered
        self._gauge = gauge or UsageGauge()
        self._budget = budget or Budget()
        self._poll = poll
        self._clock = clock
        self._bell = Doorbell()

    def wake(self) -> None:
        """Something was noticed."""
        self._bell.ring()

    async def run(self) -> None:
        """Read until cancelled. Ends with an error of the store alone; claims then end by their lease.

        At once when there was nothing to do; under load with a pause between two groups of orders, so that
        groups are fuller and calls fewer. The pause grows as the daily calls run out. Commands don't wait.
        """
        orders_from = 0.0
        while True:
            busy = await self.read_commands()
            if self._clock() >= orders_from and await self.read_orders():
                orders_from = self._clock() + pace(self._gauge.last, self._budget).interval
            if not busy:
                pause = orders_from - self._clock()
                await self._bell.wait(pause if pause > 0 else self._poll)

    async def read_orders(self) -> int:
        """One group of orders; how many were claimed."""
        claims = await self._port.claim_unread("order", MAX_IDS, LEASE)
        if not claims:
            return 0
        try:
            events = await self._orders.read([OrderId(claim.id) for claim in claims])
        except RemoteError as error:
            await self._postpone_all("order", claims, error)
            return len(claims)
        deliveries = [Addressed(order=order, event=event) for order, event in events.items()]
        for claim in claims:
            if claim.id in events:
                continue
            if claim.attempts + 1 >= _PATIENCE:
                deliveries.append(Addressed(order=OrderId(claim.id), event=not_found(OrderId(claim.id))))
            else:
                await self._postpone("order", [claim], _NOT_FOUND, "Salesforce does not have it yet")
        await self._deliver(deliveries)
        self._tally.orders_read += len(deliveries)
        for delivery in deliveries:
            if isinstance(delivery.event, OrderUnreadable):
                self._tally.orders_unreadable += 1
                codes = sorted({problem.code for problem in delivery.event.problems})
                log.warning("order_unreadable", order=delivery.order, problems=codes)
        return len(claims)

    async def read_commands(self) -> int:
        """One group of commands; how many were claimed."""
        claims = await self._port.claim_unread("command", MAX_IDS, LEASE)
        if not claims:
            return 0
        try:
            read = await self._commands.read([CommandId(claim.id) for claim in claims])
        except RemoteError as error:
            await self._postpone_all("command", claims, error)
            return len(claims)
        await self._deliver(read.events)
        for refused in read.refused:
            await self._port.refuse_command(refused.command, refused.message, refused.order)
            log.info("command_refused", command=refused.command, reason=refused.message)
        if read.answered:
            await self._port.dismiss("command", read.answered, "answered already")
        missing = [claim for claim in claims if claim.id in read.missing]
        given_up = [claim.id for claim in missing if claim.attempts + 1 >= _PATIENCE]
        if given_up:
            await self._port.dismiss("command", given_up, "Salesforce does not have it")
        for claim in missing:
            if claim.id not in given_up:
                await self._postpone("command", [claim], _NOT_FOUND, "Salesforce does not have it yet")
        self._tally.commands_read += len(read.events)
        self._tally.commands_refused += len(read.refused)
        return len(claims)

    async def _deliver(self, events: Sequence[Addressed]) -> None:
        if events:
            await self._port.deliver(events)
            self._delivered()

    async def _postpone_all(self, kind: NoticeKind, claims: Sequence[Unread], error: RemoteError) -> None:
        log.warning("reading_failed", kind=kind, count=len(claims), code=error.code, reason=str(error))
        await self._postpone(kind, claims, _FAILED, str(error))

    async def _postpone(self, kind: NoticeKind, claims: Sequence[Unread], backoff: Backoff, reason: str) -> None:
        attempts = max(claim.attempts for claim in claims) + 1
        until = self._now() + timedelta(seconds=backoff.wait(attempts))
        await self._port.postpone(kind, [claim.id for claim in claims], until, reason)
