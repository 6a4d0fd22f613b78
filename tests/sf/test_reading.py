"""Reading orders and commands in groups, from the org on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest

from connector.localorg import Fault, LocalOrg
from connector.mappings.salesforce import IntakeField
from connector.mappings.set import MappingSet
from connector.model.events import Addressed, Operation, OperatorCommanded, OrderRead, OrderUnreadable
from connector.model.ids import CommandId, OrderId
from connector.sf.budget import Budget
from connector.sf.commands import CommandReader
from connector.sf.connection import Connection
from connector.sf.reader import OrderReader
from connector.sf.reading import ReadingLoop
from connector.sf.tally import Tally
from tests.sf.fakes import NOW, FakeIntake, FakeSets, now
from tests.sf.mapping import INTAKE, mapping_set
from tests.sf.shop import Shop

PHONES = mapping_set("phones", products=("PHONE", "SIM"))
POWER = mapping_set("power", products=("METER", "SOLAR"))


def reader(connection: Connection, *sets: MappingSet) -> OrderReader:
    return OrderReader(connection.org, FakeSets(sets or (PHONES,)))


def calls(local_org: LocalOrg) -> int:
    used = local_org.org.statistics()["calls"]["used"]
    assert isinstance(used, int)
    return used


async def read_one(connection: Connection, order: OrderId, *sets: MappingSet) -> OrderRead | OrderUnreadable:
    return (await reader(connection, *sets).read([order]))[order]


async def test_an_order_as_an_administrator_made_it(connection: Connection, shop: Shop) -> None:
    order = shop.order(
        activate=False,
        Fulfillment_Priority__c="High",
        Requested_Completion__c="2026-12-01T09:30:00Z",
        Attributes__c='{"channel": "shop"}',
    )
    phone = shop.line(order, "PHONE", Quantity=2, Attributes__c='{"colour": "red"}')
    shop.line(order, "SIM", Parent_Line__c=phone, Action__c="Change", Sub_Action__c="Suspend")
    shop.installed(shop.account, "SIM-SVC", "B1", msisdn="1")
    shop.org.update(order, Status="Activated")

    event = await read_one(connection, order)

    assert isinstance(event, OrderRead)
    assert event.set_hash == PHONES.hash
    assert (event.order.id, event.order.priority.name) == (order, "HIGH")
    assert event.order.requested_at is not None
    assert event.order.account.name == "Ada Lovelace"
    assert event.order.attributes == {"channel": "shop"}
    first, second = event.order.lines
    assert (first.product, first.quantity, first.attributes) == ("PHONE", 2, {"colour": "red"})
    assert (second.product, second.parent, second.action.value, second.sub_action) == (
        "SIM",
        phone,
        "Change",
        "Suspend",
    )
    (installed,) = event.inventory
    assert (installed.product, installed.scope_key, installed.attributes) == ("SIM-SVC", "B1", {"msisdn": "1"})


async def test_many_orders_cost_few_calls(connection: Connection, local_org: LocalOrg, shop: Shop) -> None:
    orders = [shop.order("PHONE", "SIM") for _ in range(450)]
    shop.installed(shop.account, "SIM-SVC", "B1")
    await connection.tokens.token()
    before = calls(local_org)

    events = await reader(connection).read(orders)

    assert list(events) == orders
    assert all(isinstance(event, OrderRead) and len(event.order.lines) == 2 for event in events.values())
    assert all(isinstance(event, OrderRead) and len(event.inventory) == 1 for event in events.values())
    assert calls(local_org) - before == 4  # three groups of orders, one of accounts


async def test_an_order_with_more_lines_than_a_page(connection: Connection, shop: Shop) -> None:
    order = shop.order(*["PHONE"] * 2_100)

    event = await read_one(connection, order)

    assert isinstance(event, OrderRead)
    assert len(event.order.lines) == 2_100
    numbers = [line.number for line in event.order.lines]
    assert numbers == sorted(numbers)


async def test_what_is_wrong_with_an_order_is_told(connection: Connection, shop: Shop) -> None:
    draft = shop.order("PHONE", activate=False)
    no_code = shop.order(None, "SIM")
    bad_json = shop.order("PHONE", lines={"Attributes__c": "{colour: red}"})
    good = shop.order("PHONE")

    events = await reader(connection).read([draft, no_code, bad_json, good])

    codes = {
        order: [problem.code for problem in event.problems]
        for order, event in events.items()
        if isinstance(event, OrderUnreadable)
    }
    assert codes == {draft: ["ORDER_NOT_ACTIVATED"], no_code: ["NO_PRODUCT_CODE"], bad_json: ["BAD_JSON"]}
    assert isinstance(events[good], OrderRead)


async def test_bad_inventory_stops_the_orders_of_that_account_alone(connection: Connection, shop: Shop) -> None:
    other = shop.new_account("Grace Hopper")
    shop.org.create(
        "Inventory_Item__c", Name="x", External_Id__c="x", Account__c=other, Product__c="SIM", Attributes__c="{"
    )
    theirs, ours = shop.order("PHONE", account=other), shop.order("PHONE")

    events = await reader(connection).read([theirs, ours])

    assert isinstance(events[theirs], OrderUnreadable)
    assert isinstance(events[ours], OrderRead)


async def test_each_order_goes_to_the_set_that_knows_its_products(
    connection: Connection, local_org: LocalOrg, shop: Shop
) -> None:
    phone, power = shop.order("PHONE", "SIM"), shop.order("METER")
    mixed, strange = shop.order("METER", "SOLAR", "PHONE"), shop.order("TOASTER")
    await connection.tokens.token()
    before = calls(local_org)

    events = await reader(connection, PHONES, POWER).read([phone, power, mixed, strange])

    assert {order: event.set_hash for order, event in events.items()} == {
        phone: PHONES.hash,
        power: POWER.hash,
        mixed: POWER.hash,
        strange: PHONES.hash,
    }
    assert calls(local_org) - before == 2  # equal intake: one query serves both


async def test_sets_with_an_intake_of_their_own_are_read_by_it(connection: Connection, shop: Shop) -> None:
    own = replace(
        INTAKE, lines={**INTAKE.lines, "attributes.price": IntakeField(path="UnitPrice")}, inventory_object=""
    )
    special = mapping_set("special", products=("GADGET",), intake=own)
    shop.installed(shop.account, "SIM-SVC", "B1")
    gadget, phone = shop.order("GADGET"), shop.order("PHONE")

    events = await reader(connection, PHONES, special).read([gadget, phone])

    read = events[gadget]
    assert isinstance(read, OrderRead)
    assert read.order.lines[0].attributes == {"price": 10}
    assert read.inventory == ()
    other = events[phone]
    assert isinstance(other, OrderRead)
    assert other.order.lines[0].attributes == {}
    assert len(other.inventory) == 1


# -- commands -------------------------------------------------------------------------------------------------


async def test_commands_by_item_by_case_and_by_order(connection: Connection, shop: Shop) -> None:
    order = shop.order("PHONE")
    item = shop.org.create("Orchestration_Item__c", Name="Ship", External_Id__c=f"{order}-7", Order__c=order)
    case = shop.org.create(
        "Case", Subject="x", Fulfillment_Key__c=f"{order}-9-F1", Fulfillment_Item_Ref__c=f"{order}-9"
    )
    whole = shop.org.create(
        "Case", Subject="x", Fulfillment_Key__c=f"{order}-0-F1", Fulfillment_Item_Ref__c=f"{order}-0"
    )
    commands = [
        shop.command("Complete", Item__c=item, Outcome__c="Approved", Outputs__c='{"limit": 5}'),
        shop.command("Retry", Case__c=case),
        shop.command("Retry", Case__c=whole, Order__c=order),
        shop.command("Hold", Order__c=order),
    ]
    store = FakeIntake(orders={order})

    read = await CommandReader(connection.org, store, reader(connection)).read(commands)

    assert read.refused == ()
    told = [
        (one.order, one.event.operation, one.event.item, one.event.outcome, one.event.outputs, one.event.by)
        for one in read.events
        if isinstance(one.event, OperatorCommanded)
    ]
    assert told == [
        (order, Operation.COMPLETE, 7, "Approved", {"limit": 5}, "Admin"),
        (order, Operation.RETRY, 9, None, {}, "Admin"),
        (order, Operation.RETRY, None, None, {}, "Admin"),
        (order, Operation.HOLD, None, None, {}, "Admin"),
    ]


async def test_commands_that_nobody_can_answer_are_refused_with_a_reason(connection: Connection, shop: Shop) -> None:
    order, stranger = shop.order("PHONE"), shop.order("PHONE")
    item = shop.org.create("Orchestration_Item__c", Name="Ship", External_Id__c=f"{order}-7", Order__c=order)
    own = shop.org.create("Case", Subject="Not ours")
    commands = {
        shop.command("Retry", Order__c=stranger): "not in fulfillment",
        shop.command("Retry"): "names no order",
        shop.command("Retry", Case__c=own): "not made by the order connector",
        shop.command("Retry", Item__c=item, Order__c=stranger): "belongs to another order",
        shop.command("Complete", Item__c=item, Outputs__c="{limit: 5}"): "Outputs are not JSON",
        shop.command("Complete", Item__c=item, Outputs__c="[5]"): "not a JSON object",
    }
    store = FakeIntake(orders={order})

    read = await CommandReader(connection.org, store, reader(connection)).read(list(commands))

    assert read.events == ()
    told = {one.command: one.message for one in read.refused}
    assert set(told) == set(commands)
    for command, reason in commands.items():
        assert reason in told[command]


async def test_commands_that_were_answered_or_are_gone_need_nothing(connection: Connection, shop: Shop) -> None:
    order = shop.order("PHONE")
    done = shop.command("Retry", Order__c=order, Status__c="Done")
    gone = CommandId(shop.command("Retry", Order__c=order))
    shop.org.delete(gone)

    read = await CommandReader(connection.org, FakeIntake(orders={order}), reader(connection)).read([done, gone])

    assert read.events == ()
    assert (read.answered, read.missing) == ((done,), (gone,))


# -- the loop -------------------------------------------------------------------------------------------------


class Loop:
    """The loop, what it reads for, and how often it said that it delivered."""

    def __init__(self, connection: Connection) -> None:
        self.store = FakeIntake()
        self.tally = Tally()
        self.deliveries = 0
        self.loop = ReadingLoop(
            reader(connection),
            CommandReader(connection.org, self.store, reader(connection)),
            self.store,
            self.tally,
            now,
            delivered=self._count,
            budget=Budget(shortest=0.01),
            poll=3_600,
        )

    def _count(self) -> None:
        self.deliveries += 1


@pytest.fixture
def loop(connection: Connection) -> Loop:
    return Loop(connection)


async def test_what_was_noticed_is_read_and_delivered(loop: Loop, shop: Shop) -> None:
    good, bad = shop.order("PHONE"), shop.order(None)
    for order in (good, bad):
        loop.store.notice("order", order)

    assert await loop.loop.read_orders() == 2

    assert [type(one.event) for one in loop.store.delivered] == [OrderRead, OrderUnreadable]
    assert loop.store.unread == {}
    assert (loop.tally.orders_read, loop.tally.orders_unreadable, loop.deliveries) == (2, 1, 1)
    assert await loop.loop.read_orders() == 0


async def test_an_order_that_is_not_there_yet_is_looked_for_again_and_then_told(loop: Loop, shop: Shop) -> None:
    order = shop.order("PHONE")
    shop.org.update(order, Status="Draft")
    shop.org.delete(order)
    loop.store.notice("order", order)

    waits = []
    while not loop.store.delivered:
        await loop.loop.read_orders()
        until, _ = loop.store.postponed[order]
        waits.append((until - NOW).total_seconds())

    assert waits[:3] == [1, 4, 16]
    ((only),) = loop.store.delivered
    assert isinstance(only, Addressed)
    assert isinstance(only.event, OrderUnreadable)
    assert [problem.code for problem in only.event.problems] == ["ORDER_NOT_FOUND"]


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.LIMIT_EXCEEDED])
async def test_when_salesforce_is_away_everything_waits(
    loop: Loop, shop: Shop, local_org: LocalOrg, fault: Fault
) -> None:
    order = shop.order("PHONE")
    command = shop.command("Retry", Order__c=order)
    loop.store.notice("order", order)
    loop.store.notice("command", command)
    local_org.fault(fault, 2)

    assert await loop.loop.read_commands() + await loop.loop.read_orders() == 2
    assert set(loop.store.postponed) == {order, command}
    assert loop.store.delivered == []

    loop.store.orders.add(order)
    assert await loop.loop.read_commands() + await loop.loop.read_orders() == 2
    assert [type(one.event) for one in loop.store.delivered] == [OperatorCommanded, OrderRead]


async def test_refused_and_answered_commands_end_here(loop: Loop, shop: Shop) -> None:
    order = shop.order("PHONE")
    refused, answered = shop.command("Retry", Order__c=order), shop.command("Retry", Order__c=order, Status__c="Done")
    for command in (refused, answered):
        loop.store.notice("command", command)

    await loop.loop.read_commands()

    assert loop.store.refused == {refused: "This order is not in fulfillment."}
    assert loop.store.dismissed == {answered: "answered already"}
    assert loop.store.unread == {}


async def test_whoever_rings_is_read_at_once_and_orders_pause_without_losing_any(loop: Loop, shop: Shop) -> None:
    task = asyncio.create_task(loop.loop.run())
    orders = []
    try:
        for _ in range(3):
            orders.append(shop.order("PHONE"))
            loop.store.notice("order", orders[-1])
            loop.loop.wake()
            await loop.store.changed.until(lambda: [one.order for one in loop.store.delivered] == orders)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_attributes_survive_the_way(connection: Connection, shop: Shop) -> None:
    attributes = {"name": 'Zoë “Z” 漢字 \\ " \n', "nested": {"list": [1, 2.5, None, True]}}
    order = shop.order("PHONE", Attributes__c=json.dumps(attributes))

    event = await read_one(connection, order)

    assert event.order.attributes == attributes
