"""Events over real sockets: the stream on its good days and its bad ones."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from connector.localorg import Fault, LocalOrg
from connector.model.ids import OrderId
from connector.sf.connection import Connection
from connector.sf.events import FULFILLMENT_COMMAND, ORDER_SUBMITTED, ReceivedEvent
from connector.sf.events.cometd import CometdSource, from_position, to_position
from connector.sf.intake import EventIntake, to_notice
from connector.sf.ports import CommandNotice, MalformedEvent, OrderNotice
from connector.sf.record_ids import canonical_id
from connector.sf.tally import Tally
from tests.sf.fakes import NOW, FakeIntake, now


@dataclass
class Listener:
    """An intake that listens, and what it said to its neighbours."""

    connection: Connection
    store: FakeIntake = field(default_factory=FakeIntake)
    tally: Tally = field(default_factory=Tally)
    gaps: int = 0
    rings: int = 0
    prefetch: int = 100
    rests: list[float] = field(default_factory=list)

    def _gap(self) -> None:
        self.gaps += 1

    def _ring(self) -> None:
        self.rings += 1

    async def _rest(self, seconds: float) -> None:
        """The wait before the next connection, without the wait."""
        self.rests.append(seconds)
        await self.store.changed.tell()
        await asyncio.sleep(0)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until the end of the block; an error of the intake is raised there."""
        source = CometdSource(
            self.connection.config,
            self.connection.tokens,
            self.tally,
            now,
            prefetch=self.prefetch,
            rest=self._rest,
        )
        intake = EventIntake(source, self.store, self.tally, gap=self._gap, heard=self._ring)
        task = asyncio.create_task(intake.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until(self, holds: Callable[[], bool]) -> None:
        await self.store.changed.until(holds)

    @property
    def orders(self) -> list[OrderId]:
        return [notice.order for notice in self.store.notices if isinstance(notice, OrderNotice)]


@pytest.fixture
def listener(connection: Connection) -> Listener:
    return Listener(connection)


def submit(org: LocalOrg, number: int, **fields: str) -> OrderId:
    """Publish that an order was submitted."""
    order = OrderId(f"801LO{number:010}AAA")
    fields = {"Order_Id__c": order[:15], "Reason__c": "Activated", **fields}
    org.create("Order_Submitted__e", **fields)
    return OrderId(canonical_id(order[:15]))


async def test_events_become_notices_with_their_positions(listener: Listener, local_org: LocalOrg) -> None:
    first = submit(local_org, 1)
    local_org.create("Fulfillment_Command__e", Command_Id__c="a05LO0000000001", Action__c="Retry")
    async with listener.listening():
        await listener.until(lambda: len(listener.store.notices) == 2)
        second = submit(local_org, 2)
        await listener.until(lambda: len(listener.store.notices) == 3)

    assert listener.orders == [first, second]
    assert any(isinstance(notice, CommandNotice) for notice in listener.store.notices)
    assert set(listener.store.positions) == {ORDER_SUBMITTED, FULFILLMENT_COMMAND}
    assert all(isinstance(notice, (OrderNotice, CommandNotice)) and notice.uuid for notice in listener.store.notices)
    assert listener.rings >= 2
    assert listener.gaps == 0


async def test_after_a_restart_it_goes_on_where_it_was(listener: Listener, local_org: LocalOrg) -> None:
    first = submit(local_org, 1)
    async with listener.listening():
        await listener.until(lambda: listener.orders == [first])
    second = submit(local_org, 2)
    async with listener.listening():
        await listener.until(lambda: len(listener.orders) == 2)

    assert listener.orders == [first, second]
    assert listener.tally.events_received == 2


@pytest.mark.parametrize("fault", [Fault.STREAM_DROP, Fault.STREAM_FORGET])
async def test_a_broken_stream_is_rebuilt_and_nothing_is_lost(
    listener: Listener, local_org: LocalOrg, fault: Fault
) -> None:
    expected = []
    async with listener.listening():
        for number in range(1, 6):
            local_org.fault(fault, 2)
            expected.append(submit(local_org, number))
            await listener.until(lambda: listener.orders == expected)

    assert listener.tally.stream_failures >= 5
    assert listener.gaps == 0


async def test_an_event_that_comes_twice_is_one(listener: Listener, local_org: LocalOrg) -> None:
    local_org.fault(Fault.EVENT_DUPLICATE)
    async with listener.listening():
        first = submit(local_org, 1)
        second = submit(local_org, 2)
        await listener.until(lambda: len(listener.orders) == 2)

    assert listener.orders == [first, second]
    assert listener.tally.events_received == 3


async def test_a_position_that_is_refused_means_the_earliest_and_a_gap(listener: Listener, local_org: LocalOrg) -> None:
    first = submit(local_org, 1)
    async with listener.listening():
        await listener.until(lambda: listener.orders == [first])
    local_org.fault(Fault.POSITION_REFUSED)
    second = submit(local_org, 2)

    async with listener.listening():
        await listener.until(lambda: len(listener.orders) == 2)

    assert listener.orders == [first, second]
    assert listener.gaps == 1
    assert listener.tally.stream_gaps == 1
    assert listener.tally.events_received == 3, "the earliest event came again, and was known"


async def test_a_position_of_somebody_else_means_the_earliest(listener: Listener, local_org: LocalOrg) -> None:
    listener.store.positions[ORDER_SUBMITTED] = b"not eight bytes"
    first = submit(local_org, 1)

    async with listener.listening():
        await listener.until(lambda: listener.orders == [first])


async def test_a_token_that_expires_is_renewed(listener: Listener, local_org: LocalOrg) -> None:
    async with listener.listening():
        first = submit(local_org, 1)
        await listener.until(lambda: listener.orders == [first])
        before = await listener.connection.tokens.token()
        local_org.expire_tokens()
        # The poll that is under way was let in before; the next one is not.
        second = submit(local_org, 2)
        await listener.until(lambda: listener.orders == [first, second])
        third = submit(local_org, 3)
        await listener.until(lambda: listener.orders == [first, second, third])

    assert (await listener.connection.tokens.token()).access != before.access


async def test_a_slow_store_slows_the_stream_and_loses_nothing(listener: Listener, local_org: LocalOrg) -> None:
    listener.prefetch = 10
    listener.store.open.clear()
    expected = [submit(local_org, number) for number in range(1, 601)]
    async with listener.listening():
        await listener.store.entered.wait()
        listener.store.open.set()
        await listener.until(lambda: len(listener.orders) == 600)

    assert listener.orders == expected


async def test_events_that_make_no_sense_are_kept_and_pass(listener: Listener, local_org: LocalOrg) -> None:
    local_org.create("Order_Submitted__e", Order_Id__c="nonsense")
    local_org.create("Fulfillment_Command__e", Command_Id__c="0", Action__c="Retry")
    async with listener.listening():
        good = submit(local_org, 1)
        await listener.until(lambda: len(listener.store.notices) == 3)

    assert listener.orders == [good]
    reasons = [notice.reason for notice in listener.store.notices if isinstance(notice, MalformedEvent)]
    assert len(reasons) == 2
    assert any("nonsense" in reason for reason in reasons)
    assert any("Command_Id__c" in reason for reason in reasons)
    assert listener.tally.events_malformed == 2


async def test_a_store_that_fails_ends_the_intake_without_moving_the_position(
    connection: Connection, local_org: LocalOrg
) -> None:
    class Broken(FakeIntake):
        async def heard(self, *_args: object, **_more: object) -> None:
            raise ConnectionError("the database is away")

    listener = Listener(connection, store=Broken())
    submit(local_org, 1)
    source = CometdSource(connection.config, connection.tokens, listener.tally, now)
    intake = EventIntake(source, listener.store, listener.tally, gap=lambda: None, heard=lambda: None)

    with pytest.raises(ConnectionError):
        await intake.run()

    assert listener.store.positions == {}


async def test_listening_and_stopping_is_quiet(
    listener: Listener, local_org: LocalOrg, caplog: pytest.LogCaptureFixture
) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    with caplog.at_level(logging.WARNING):
        async with listener.listening():
            first = submit(local_org, 1)
            await listener.until(lambda: listener.orders == [first])
            local_org.fault(Fault.STREAM_DROP, 2)
            second = submit(local_org, 2)
            await listener.until(lambda: listener.orders == [first, second])

    assert complaints == []
    assert [record for record in caplog.records if record.name.startswith("asyncio")] == []


async def test_an_org_that_is_away_is_waited_for(listener: Listener, local_org: LocalOrg) -> None:
    local_org.stop()
    async with listener.listening():
        await listener.until(lambda: listener.tally.stream_failures == 3)

    assert listener.orders == []


@pytest.mark.parametrize("replay_id", [0, 1, 255, 2**40, -1])
def test_positions_are_bytes_and_come_back(replay_id: int) -> None:
    assert from_position(to_position(replay_id)) == replay_id


def test_a_position_of_another_adapter_is_no_replay_id() -> None:
    assert from_position(b"") is None
    assert from_position(b"123456789") is None


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        (ORDER_SUBMITTED, {}, "Order_Id__c is missing"),
        (ORDER_SUBMITTED, {"Order_Id__c": 7}, "not a Salesforce record id"),
        (FULFILLMENT_COMMAND, {"Command_Id__c": ""}, "not a Salesforce record id"),
        ("/event/Other__e", {"Order_Id__c": "801000000000001"}, "nobody here understands"),
    ],
)
def test_what_can_not_be_understood_says_why(topic: str, payload: dict[str, object], reason: str) -> None:
    event = ReceivedEvent(topic=topic, position=b"", uuid="u", payload=payload, received_at=NOW)
    notice = to_notice(event)

    assert isinstance(notice, MalformedEvent)
    assert reason in notice.reason
