"""Finding by query what no event told: orders that should be in fulfillment and commands that nobody answered.

Events are only the doorbell. One that never came costs minutes, never an order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime

import structlog

from connector.errors import RemoteError
from connector.model.ids import CommandId, OrderId
from connector.sf.backoff import Backoff
from connector.sf.commands import COMMAND_OBJECT, NEW
from connector.sf.config import OrgConfig
from connector.sf.failures import BadAnswer
from connector.sf.org import Org
from connector.sf.ports import CommandNotice, IntakePort, KnownPort, Notice, OrderNotice
from connector.sf.record_ids import canonical_id
from connector.sf.tally import Tally
from connector.sf.waking import Doorbell

log = structlog.get_logger(__name__)

STATUS_FIELD = "Fulfillment_Status__c"
REASON = "Reconciled"

INTERVAL_SECONDS = 180.0


def orders_query(config: OrgConfig) -> str:
    """Activated orders that fulfillment has left no mark on."""
    since = f" AND ActivatedDate >= {config.orders_since.isoformat()}T00:00:00Z" if config.orders_since else ""
    return f"SELECT Id FROM Order WHERE StatusCode = 'Activated' AND {STATUS_FIELD} = null{since} ORDER BY Id"  # noqa: S608


def commands_query(config: OrgConfig, now: datetime) -> str:
    """Commands that wait for an answer for longer than it takes."""
    before = (now - config.command_age).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"SELECT Id FROM {COMMAND_OBJECT} WHERE Status__c = '{NEW}' AND CreatedDate < {before} ORDER BY Id"  # noqa: S608


class Reconciler:
    """Compares Salesforce with what is known here: on start, after a gap, and every few minutes."""

    def __init__(
        self,
        *,
        config: OrgConfig,
        org: Org,
        port: IntakePort,
        known: KnownPort,
        tally: Tally,
        now: Callable[[], datetime],
        heard: Callable[[], None],
        interval: float = INTERVAL_SECONDS,
        backoff: Backoff | None = None,
    ) -> None:
        self._config = config
        self._org = org
        self._port = port
        self._known = known
        self._tally = tally
        self._now = now
        self._heard = heard
        self._interval = interval
        self._backoff = backoff or Backoff(first=5.0, cap=interval)
        self._bell = Doorbell()

    def wake(self) -> None:
        """Events may have been lost: compare now."""
        self._bell.ring()

    async def run(self) -> None:
        """Compare until cancelled."""
        failures = 0
        while True:
            try:
                await self.reconcile()
                failures = 0
            except RemoteError as error:
                failures += 1
                log.warning("reconciling_failed", code=error.code, reason=str(error), failures=failures)
            await self._bell.wait(self._backoff.wait(failures) if failures else self._interval)

    async def reconcile(self) -> int:
        """Compare once; how many orders and commands were missing here.

        Raises:
            RemoteError: Salesforce could not be asked; what was found before is noted.
        """
        orders = await self._orders()
        commands = await self._commands()
        if orders or commands:
            log.warning("reconciled", orders=orders, commands=commands)
            self._heard()
        self._tally.reconciled_orders += orders
        self._tally.reconciled_commands += commands
        return orders + commands

    async def _orders(self) -> int:
        found = 0
        async for ids in self._pages(orders_query(self._config)):
            missing = await self._known.unknown_orders([OrderId(record_id) for record_id in ids])
            now = self._now()
            await self._note([OrderNotice(order=order, reason=REASON, received_at=now) for order in missing])
            found += len(missing)
        return found

    async def _commands(self) -> int:
        found = 0
        async for ids in self._pages(commands_query(self._config, self._now())):
            missing = await self._known.unknown_commands([CommandId(record_id) for record_id in ids])
            now = self._now()
            await self._note([CommandNotice(command=command, received_at=now) for command in missing])
            found += len(missing)
        return found

    async def _note(self, notices: Sequence[Notice]) -> None:
        if notices:
            await self._port.heard(notices)

    async def _pages(self, soql: str) -> AsyncIterator[list[str]]:
        """The ids that a query gives, page by page, without empty pages."""
        page = await self._org.query(soql)
        while True:
            try:
                ids = [canonical_id(str(record.get("Id"))) for record in page.records]
            except ValueError as error:
                raise BadAnswer(f"Salesforce's answer to a query is none ({error}).") from None
            if ids:
                yield ids
            if page.next_url is None:
                return
            page = await self._org.more(page.next_url)
