"""What no event told is found by query."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest

from connector.localorg import Fault, LocalOrg
from connector.sf.backoff import Backoff
from connector.sf.connection import Connection
from connector.sf.failures import Unavailable
from connector.sf.ports import OrderNotice
from connector.sf.reconcile import Reconciler, orders_query
from connector.sf.tally import Tally
from tests.sf.fakes import FakeIntake
from tests.sf.shop import Shop


@dataclass
class Auditor:
    """A reconciler and what it found."""

    connection: Connection
    store: FakeIntake = field(default_factory=FakeIntake)
    tally: Tally = field(default_factory=Tally)
    rings: int = 0
    ahead: timedelta = timedelta(minutes=2)
    """How far its clock is ahead of the org's: commands get old without waiting."""

    def reconciler(self) -> Reconciler:
        return Reconciler(
            config=self.connection.config,
            org=self.connection.org,
            port=self.store,
            known=self.store,
            tally=self.tally,
            now=lambda: datetime.now(UTC) + self.ahead,
            heard=self._ring,
            interval=3_600,
            backoff=Backoff(first=0.0),
        )

    def _ring(self) -> None:
        self.rings += 1


@pytest.fixture
def auditor(connection: Connection) -> Auditor:
    return Auditor(connection)


async def test_orders_that_should_be_in_fulfillment_and_are_not(auditor: Auditor, shop: Shop) -> None:
    missed, known, waiting = (shop.order("PHONE") for _ in range(3))
    shop.order("PHONE", activate=False)
    served = shop.order("PHONE")
    shop.org.update(served, Fulfillment_Status__c="Completed")
    auditor.store.orders.add(known)
    auditor.store.notice("order", waiting)

    assert await auditor.reconciler().reconcile() == 1

    (notice,) = auditor.store.notices
    assert isinstance(notice, OrderNotice)
    assert (notice.order, notice.reason) == (missed, "Reconciled")
    assert auditor.rings == 1
    assert auditor.tally.reconciled_orders == 1
    assert await auditor.reconciler().reconcile() == 0


async def test_commands_that_nobody_answered(auditor: Auditor, shop: Shop) -> None:
    order = shop.order("PHONE")
    auditor.store.orders.add(order)
    missed = shop.command("Retry", Order__c=order)
    shop.command("Retry", Order__c=order, Status__c="Done")
    known = shop.command("Hold", Order__c=order)
    auditor.store.commands.add(known)

    assert await auditor.reconciler().reconcile() == 1
    assert ("command", missed) in auditor.store.unread


async def test_a_command_of_this_moment_is_left_to_its_event(auditor: Auditor, shop: Shop) -> None:
    auditor.ahead = timedelta(0)
    shop.command("Retry", Order__c=shop.order("PHONE", activate=False))

    assert await auditor.reconciler().reconcile() == 0


async def test_many_missing_orders_come_in_pages(auditor: Auditor, shop: Shop) -> None:
    orders = {shop.order("PHONE") for _ in range(2_050)}

    assert await auditor.reconciler().reconcile() == 2_050
    assert {order for kind, order in auditor.store.unread if kind == "order"} == orders


async def test_orders_of_before_our_time_are_left_alone(auditor: Auditor, shop: Shop) -> None:
    shop.order("PHONE")
    config = auditor.connection.config
    auditor.connection = replace(auditor.connection, config=replace(config, orders_since=date(2099, 1, 1)))

    assert "ActivatedDate >= 2099-01-01T00:00:00Z" in orders_query(auditor.connection.config)
    assert await auditor.reconciler().reconcile() == 0


async def test_when_salesforce_is_away_it_says_so_and_goes_on_later(
    auditor: Auditor, shop: Shop, local_org: LocalOrg
) -> None:
    order = shop.order("PHONE")
    local_org.fault(Fault.UNAVAILABLE)
    with pytest.raises(Unavailable):
        await auditor.reconciler().reconcile()

    local_org.fault(Fault.UNAVAILABLE, 2)
    task = asyncio.create_task(auditor.reconciler().run())
    await auditor.store.changed.until(lambda: ("order", order) in auditor.store.unread)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_it_compares_on_start_and_when_it_is_woken(auditor: Auditor, shop: Shop) -> None:
    first = shop.order("PHONE")
    reconciler = auditor.reconciler()
    task = asyncio.create_task(reconciler.run())
    await auditor.store.changed.until(lambda: ("order", first) in auditor.store.unread)
    second = shop.order("PHONE")
    reconciler.wake()
    await auditor.store.changed.until(lambda: ("order", second) in auditor.store.unread)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
