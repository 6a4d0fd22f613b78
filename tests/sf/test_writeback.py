"""Writing back to the org on this machine: what arrives there, and what becomes of what it refuses."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from connector.localorg import Fault, LocalOrg
from connector.mappings.set import MappingSet
from connector.model.ids import OrderId
from connector.sf.budget import Budget
from connector.sf.connection import Connection
from connector.sf.flusher import Flusher
from connector.sf.ports import Gone, Mark, Postponed, Settlement, Stuck, Written
from connector.sf.tally import Tally
from connector.sf.usage import UsageGauge
from connector.sf.writeback import Flushed, WriteBack
from tests.sf.fakes import NOW, FakeOutbox, FakeSets, now
from tests.sf.mapping import EXTERNAL_ID, WRITES, mapping_set, record
from tests.sf.shop import Shop

SET = mapping_set()


class Desk:
    """The write-back of one worker, and what it writes from."""

    def __init__(self, connection: Connection, *sets: MappingSet, clock: Callable[[], datetime] = now) -> None:
        used = sets or (SET,)
        self.outbox = FakeOutbox(set_hash=used[0].hash)
        self.tally = Tally()
        self.writeback = WriteBack(
            org=connection.org,
            schema=connection.schema,
            outbox=self.outbox,
            sets=FakeSets(used),
            tally=self.tally,
            now=clock,
        )

    async def flush(self) -> Flushed:
        return await self.writeback.write(await self.writeback.claim())

    def item(self, order: OrderId, no: int, **values: Any) -> Mark:
        view = {"name": f"Item {no}", "key": "ship", "state": "Running", "outputs": {}, **values}
        return self.outbox.mark("item", f"{order}-{no}", order, order={"id": order}, item=view)

    def plan(self, order: OrderId, **values: Any) -> Mark:
        view = {"state": "InProgress", "status": "In Progress", **values}
        return self.outbox.mark("plan", order, order, order={"id": order}, plan=view)

    def status(self, order: OrderId, status: str = "In Progress", **values: Any) -> Mark:
        return self.outbox.mark("order", order, order, order={"id": order}, plan={"status": status, **values})

    def all_of(self, order: OrderId, line: str) -> None:
        """Mark everything that a new order has."""
        view = {"id": order}
        self.status(order)
        self.plan(order)
        self.outbox.mark("order_line", line, order, order=view, source={"status": "In Progress"})
        self.outbox.mark(
            "request", f"{order}-network", order, order=view, request={"domain": "network", "status": "In Progress"}
        )
        self.outbox.mark(
            "line", f"{order}-T1", order, order=view, line={"name": "T1", "request": "network", "attributes": {"a": 1}}
        )
        self.item(order, 1, line=1)
        self.item(order, 2)


@pytest.fixture
def desk(connection: Connection) -> Desk:
    return Desk(connection)


@pytest.fixture
def order(shop: Shop) -> OrderId:
    return shop.order("PHONE")


def kinds(settlements: list[Settlement]) -> list[type]:
    return [type(one) for one in settlements]


async def test_a_new_order_is_one_call(desk: Desk, shop: Shop, order: OrderId) -> None:
    (line,) = shop.org.query("SELECT Id FROM OrderItem")
    desk.all_of(order, line["Id"])

    await desk.flush()

    assert kinds(desk.outbox.settlements) == [Written] * 7
    assert desk.outbox.marks == {}
    assert (desk.tally.write_calls, desk.tally.records_written) == (1, 7)
    assert shop.get(order, "Fulfillment_Status__c") == {"Fulfillment_Status__c": "In Progress"}
    first, second = shop.org.query(
        "SELECT External_Id__c, Order__c, Plan__r.External_Id__c, Fulfillment_Line__r.External_Id__c, "
        "Fulfillment_Line__r.Request__r.External_Id__c, Outputs__c FROM Orchestration_Item__c ORDER BY External_Id__c"
    )
    assert (first["External_Id__c"], first["Order__c"]) == (f"{order}-1", order)
    assert first["Plan__r"]["External_Id__c"] == order
    assert first["Fulfillment_Line__r"]["External_Id__c"] == f"{order}-T1"
    assert first["Fulfillment_Line__r"]["Request__r"]["External_Id__c"] == f"{order}-network"
    assert first["Outputs__c"] == "{}"
    assert second["Fulfillment_Line__r"] is None


async def test_the_next_state_changes_the_same_records(desk: Desk, shop: Shop, order: OrderId) -> None:
    desk.plan(order)
    desk.item(order, 1, waiting_for="the warehouse", message="on fire")
    await desk.flush()
    desk.item(order, 1, state="Completed")
    await desk.flush()

    (item,) = shop.org.query("SELECT State__c, Waiting_For__c, Error_Message__c FROM Orchestration_Item__c")
    assert item["State__c"] == "Completed"
    assert item["Waiting_For__c"] == "the warehouse", "left alone, as the mapping says"
    assert item["Error_Message__c"] is None


async def test_a_thousand_records_are_one_call(desk: Desk, shop: Shop) -> None:
    orders = [shop.order("PHONE") for _ in range(50)]
    for order in orders:
        desk.plan(order)
        for number in range(1, 12):
            desk.item(order, number)

    await desk.flush()

    assert desk.tally.write_calls == 1
    assert desk.tally.records_written == 600
    assert set(kinds(desk.outbox.settlements)) == {Written}


async def test_a_row_that_is_refused_stops_no_other(desk: Desk, shop: Shop, order: OrderId) -> None:
    desk.plan(order)
    desk.item(order, 1)
    bad = desk.item(order, 2, state="Sleeping")
    desk.item(order, 3)

    await desk.flush()

    stuck = desk.outbox.of("item", bad.key)
    assert isinstance(stuck, Stuck)
    assert stuck.code == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert stuck.fields == ("State__c",)
    assert stuck.until > NOW
    written = shop.org.query("SELECT External_Id__c FROM Orchestration_Item__c ORDER BY External_Id__c")
    assert [one["External_Id__c"] for one in written] == [f"{order}-1", f"{order}-3"]
    assert list(desk.outbox.marks) == [("item", bad.key)]


async def test_a_rule_of_the_org_is_told_in_its_words(desk: Desk, local_org: LocalOrg, order: OrderId) -> None:
    mark = desk.plan(order)
    local_org.fault(Fault.ROW_ERROR, message="Only on Mondays", object="Orchestration_Plan__c")

    await desk.flush()

    stuck = desk.outbox.of("plan", mark.key)
    assert isinstance(stuck, Stuck)
    assert (stuck.code, stuck.message) == ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Only on Mondays")


async def test_locked_rows_are_written_soon_after(desk: Desk, local_org: LocalOrg, order: OrderId) -> None:
    desk.plan(order)
    items = [desk.item(order, number) for number in (1, 2, 3)]
    local_org.fault(Fault.ROW_LOCK, 2, object="Orchestration_Item__c")

    await desk.flush()

    late = desk.outbox.postponed()
    assert [one.mark.key for one in late] == [items[0].key, items[1].key]
    assert all(one.failed and (one.until - NOW).total_seconds() <= 1 for one in late)
    desk.outbox.settlements.clear()
    await desk.flush()
    assert kinds(desk.outbox.settlements) == [Written, Written]
    assert desk.tally.write_calls == 2


async def test_a_child_before_its_parent_waits_and_has_it_sent(desk: Desk, shop: Shop, order: OrderId) -> None:
    item = desk.item(order, 1)
    await desk.flush()

    late = desk.outbox.of("item", item.key)
    assert isinstance(late, Postponed)
    assert late.missing == ("plan", order)

    desk.plan(order)
    await desk.flush()
    assert isinstance(desk.outbox.of("item", item.key), Written)
    assert len(shop.org.query("SELECT Id FROM Orchestration_Item__c")) == 1


async def test_a_parent_that_is_refused_keeps_its_children_waiting_alone(
    desk: Desk, shop: Shop, order: OrderId
) -> None:
    other = shop.order("PHONE")
    desk.plan(order, state="Dreaming")
    child = desk.item(order, 1)
    desk.plan(other)
    desk.item(other, 1)

    await desk.flush()

    assert isinstance(desk.outbox.of("plan", order), Stuck)
    assert isinstance(desk.outbox.of("item", child.key), Postponed)
    assert isinstance(desk.outbox.of("item", f"{other}-1"), Written)


async def test_a_parent_that_stays_away_is_done_without_until_it_is_there(
    connection: Connection, shop: Shop, order: OrderId
) -> None:
    clock = [NOW]
    desk = Desk(connection, clock=lambda: clock[0])
    desk.outbox.clock = lambda: clock[0]
    key = f"{order}-7-F1"
    fallout = {"subject": "Ship: TIMEOUT", "item_ref": f"{order}-7", "queue": "Order_Fallout"}
    mark = desk.outbox.mark("fallout", key, order, order={"id": order}, fallout=fallout)
    desk.outbox.marks["fallout", key] = replace(mark, attempts=4)

    await desk.flush()

    put_off = desk.outbox.of("fallout", key)
    assert isinstance(put_off, Postponed)
    assert "without Orchestration_Item__r" in put_off.note
    (case,) = shop.org.query("SELECT Subject, Fulfillment_Order__c, Orchestration_Item__c FROM Case")
    assert (case["Subject"], case["Fulfillment_Order__c"]) == ("Ship: TIMEOUT", order)
    assert case["Orchestration_Item__c"] is None

    desk.item(order, 7)
    desk.plan(order)
    clock[0] = put_off.until
    await desk.flush()

    assert desk.outbox.of("fallout", key) == Written(mark=desk.outbox.of("fallout", key).mark)
    (case,) = shop.org.query("SELECT Orchestration_Item__c FROM Case")
    (item,) = shop.org.query("SELECT Id FROM Orchestration_Item__c")
    assert case["Orchestration_Item__c"] == item["Id"]


async def test_an_object_that_is_not_there_keeps_no_other_from_being_written(
    connection: Connection, local_org: LocalOrg, shop: Shop
) -> None:
    lost = record("request", "Nonsense__c", {"Name": "request.domain"}, external_id=EXTERNAL_ID)
    desk = Desk(connection, mapping_set(writes={**WRITES, "request": lost}))
    order = shop.order("PHONE")
    await connection.org.count("SELECT COUNT() FROM Account")
    desk.plan(order)
    for number in range(50):
        request = {"domain": "network", "status": "x"}
        desk.outbox.mark("request", f"{order}-{number}", order, order={"id": order}, request=request)
    before = local_org.org.statistics()["calls"]["used"]

    await desk.flush()

    assert isinstance(desk.outbox.of("plan", order), Written)
    assert len(desk.outbox.stuck()) == 50
    assert local_org.org.statistics()["calls"]["used"] - before == 3, "asked once for each object, and one write"


async def test_a_value_that_spoils_the_whole_request_is_found(connection: Connection, shop: Shop) -> None:
    writes = {
        **WRITES,
        "plan": record("plan", "Orchestration_Plan__c", {"Started_At__c": "plan.started_at"}, external_id=EXTERNAL_ID),
    }
    desk = Desk(connection, mapping_set(writes=writes))
    orders = [shop.order("PHONE") for _ in range(20)]
    for number, order in enumerate(orders):
        desk.plan(order, started_at="yesterday" if number == 13 else "2026-11-22T12:00:00Z")

    await desk.flush()

    (stuck,) = desk.outbox.stuck()
    assert stuck.mark.key == orders[13]
    assert stuck.code == "JSON_PARSER_ERROR"
    assert len(desk.outbox.written()) == 19


async def test_one_bad_mapping_keeps_no_other_set_from_writing(connection: Connection, shop: Shop) -> None:
    broken = mapping_set(
        "broken",
        writes={
            "plan": record("plan", "Orchestration_Plan__c", {"Nonsense__c": "plan.state"}, external_id=EXTERNAL_ID)
        },
    )
    desk = Desk(connection, SET, broken)
    good, bad = shop.order("PHONE"), shop.order("PHONE")
    desk.plan(good)
    desk.plan(bad)
    desk.outbox.hashes[bad] = broken.hash

    await desk.flush()

    assert isinstance(desk.outbox.of("plan", good), Written)
    stuck = desk.outbox.of("plan", bad)
    assert isinstance(stuck, Stuck)
    assert "Nonsense__c" in stuck.message


async def test_expressions_that_fail_are_stuck_with_their_field(desk: Desk, order: OrderId) -> None:
    mark = desk.outbox.mark("plan", order, order, order={"id": order}, plan={})

    await desk.flush()

    stuck = desk.outbox.of("plan", mark.key)
    assert isinstance(stuck, Stuck)
    assert (stuck.code, stuck.fields) == ("MAPPING", ("State__c",))
    assert desk.tally.write_calls == 0


async def test_records_that_were_deleted_are_let_go(desk: Desk, shop: Shop, order: OrderId) -> None:
    gone, command = shop.order("PHONE", activate=False), shop.command("Retry", Order__c=order)
    shop.org.delete(gone)
    shop.org.delete(command)
    desk.status(order)
    desk.status(OrderId(gone))
    desk.outbox.mark("command", command, order, command={"answer": "Done", "message": "x"})

    await desk.flush()

    assert isinstance(desk.outbox.of("order", order), Written)
    assert isinstance(desk.outbox.of("order", gone), Gone)
    assert isinstance(desk.outbox.of("command", command), Gone)


async def test_a_record_of_ours_that_somebody_deleted_comes_back(desk: Desk, shop: Shop, order: OrderId) -> None:
    desk.plan(order)
    await desk.flush()
    (plan,) = shop.org.query("SELECT Id FROM Orchestration_Plan__c")
    shop.org.delete(plan["Id"])
    desk.plan(order)
    await desk.flush()

    (again,) = shop.org.query("SELECT Id FROM Orchestration_Plan__c")
    assert again["Id"] != plan["Id"]


async def test_what_there_is_nothing_to_say_of_is_settled(desk: Desk, order: OrderId) -> None:
    desk.outbox.mark("item", f"{order}-99", order)

    await desk.flush()

    assert kinds(desk.outbox.settlements) == [Written]
    assert desk.tally.write_calls == 0


# -- owners ---------------------------------------------------------------------------------------------------


async def test_a_queue_becomes_the_owner(desk: Desk, shop: Shop, order: OrderId) -> None:
    (queue,) = shop.org.query("SELECT Id FROM Group WHERE DeveloperName = 'Credit_Check'")
    desk.plan(order)
    desk.item(order, 1, queue="Credit_Check")
    desk.item(order, 2, queue="credit_check")

    await desk.flush()

    items = shop.org.query("SELECT OwnerId FROM Orchestration_Item__c")
    assert [item["OwnerId"] for item in items] == [queue["Id"]] * 2


async def test_an_unknown_queue_costs_the_owner_and_not_the_record(desk: Desk, shop: Shop, order: OrderId) -> None:
    desk.plan(order)
    mark = desk.item(order, 1, queue="Nobody_Here")

    await desk.flush()

    written = desk.outbox.of("item", mark.key)
    assert isinstance(written, Written)
    assert "Nobody_Here" in written.note
    assert len(shop.org.query("SELECT Id FROM Orchestration_Item__c")) == 1


async def test_what_a_person_took_from_the_queue_stays_with_that_person(
    desk: Desk, connection: Connection, local_org: LocalOrg, shop: Shop, order: OrderId
) -> None:
    desk.plan(order)
    for number in (1, 2):
        desk.item(order, number, queue="Credit_Check")
    await desk.flush()
    operator = local_org.add_user("olga@localorg.example", "Olga")
    first, second = shop.org.query("SELECT Id, OwnerId FROM Orchestration_Item__c ORDER BY External_Id__c")
    shop.org.update(first["Id"], OwnerId=operator)

    again = Desk(connection)  # a worker that remembers nothing
    for writer in (desk, again):
        for number in (1, 2):
            writer.item(order, number, queue="Credit_Check", state="Completed")
        await writer.flush()

        items = shop.org.query("SELECT OwnerId, State__c FROM Orchestration_Item__c ORDER BY External_Id__c")
        assert [item["OwnerId"] for item in items] == [operator, second["OwnerId"]]
        assert [item["State__c"] for item in items] == ["Completed", "Completed"]


async def test_a_queue_that_comes_later_becomes_the_owner_then(desk: Desk, shop: Shop, order: OrderId) -> None:
    (queue,) = shop.org.query("SELECT Id FROM Group WHERE DeveloperName = 'Credit_Check'")
    desk.plan(order)
    desk.item(order, 1)
    await desk.flush()
    desk.item(order, 1, queue="Credit_Check")
    await desk.flush()

    (item,) = shop.org.query("SELECT OwnerId FROM Orchestration_Item__c")
    assert item["OwnerId"] == queue["Id"]


# -- text -----------------------------------------------------------------------------------------------------


async def test_long_prose_is_cut_to_its_field_and_counted(desk: Desk, shop: Shop, order: OrderId) -> None:
    desk.plan(order, message="x" * 5_000)

    await desk.flush()

    (plan,) = shop.org.query("SELECT Message__c FROM Orchestration_Plan__c")
    assert plan["Message__c"] == "x" * 4_095 + "…"
    assert desk.tally.values_cut == 1


async def test_a_key_that_is_too_long_is_an_error_that_names_the_field(desk: Desk, order: OrderId) -> None:
    desk.plan(order)
    mark = desk.item(order, 1, key="k" * 200)

    await desk.flush()

    stuck = desk.outbox.of("item", mark.key)
    assert isinstance(stuck, Stuck)
    assert (stuck.code, stuck.fields) == ("STRING_TOO_LONG", ("Item_Key__c",))


# -- bad days -------------------------------------------------------------------------------------------------


async def test_a_spent_allowance_pauses_and_counts_as_no_attempt(
    desk: Desk, local_org: LocalOrg, order: OrderId
) -> None:
    await desk.flush()
    desk.plan(order)
    local_org.fault(Fault.LIMIT_EXCEEDED)

    flushed = await desk.flush()

    assert flushed.pause is not None
    (late,) = desk.outbox.postponed()
    assert not late.failed
    assert late.until - NOW == flushed.pause
    await desk.flush()
    assert isinstance(desk.outbox.of("plan", order), Written)


async def test_a_salesforce_that_is_away_is_an_attempt_for_all(desk: Desk, local_org: LocalOrg, order: OrderId) -> None:
    desk.plan(order)
    desk.item(order, 1)
    local_org.fault(Fault.UNAVAILABLE)

    flushed = await desk.flush()

    assert flushed.pause is None
    assert [one.failed for one in desk.outbox.postponed()] == [True, True]


async def test_an_answer_that_was_lost_does_no_harm(
    desk: Desk, connection: Connection, local_org: LocalOrg, shop: Shop, order: OrderId
) -> None:
    for name in ("Orchestration_Plan__c", "Orchestration_Item__c"):
        await connection.schema.object(name)
    desk.plan(order)
    desk.item(order, 1)
    local_org.fault(Fault.ANSWER_LOST)

    await desk.flush()
    assert len(desk.outbox.postponed()) == 2
    assert len(shop.org.query("SELECT Id FROM Orchestration_Item__c")) == 1, "it was done, and nobody told us"

    await desk.flush()
    assert len(desk.outbox.written()) == 2
    assert len(shop.org.query("SELECT Id FROM Orchestration_Item__c")) == 1


async def test_a_token_that_expires_in_the_middle_is_renewed(desk: Desk, local_org: LocalOrg, order: OrderId) -> None:
    desk.plan(order)
    await desk.flush()
    local_org.expire_tokens()
    desk.item(order, 1)
    await desk.flush()

    assert len(desk.outbox.written()) == 2


async def test_a_change_while_it_is_written_is_written_next(desk: Desk, shop: Shop, order: OrderId) -> None:
    desk.plan(order)
    marks = await desk.writeback.claim()
    presents = await desk.outbox.load(marks)
    assert presents[0].variables is not None
    writing = asyncio.create_task(desk.writeback.write(marks))
    await asyncio.sleep(0)
    desk.plan(order, state="Completed")
    await writing

    assert list(desk.outbox.marks) == [("plan", order)]
    await desk.flush()
    assert desk.outbox.marks == {}
    (plan,) = shop.org.query("SELECT State__c FROM Orchestration_Plan__c")
    assert plan["State__c"] == "Completed"


# -- the loop -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def running(flusher: Flusher) -> AsyncIterator[None]:
    task = asyncio.create_task(flusher.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


FAST = Budget(shortest=0.0)


async def test_whoever_rings_is_served_at_once(desk: Desk, shop: Shop, order: OrderId) -> None:
    flusher = Flusher(desk.writeback, UsageGauge(), FAST, poll=3_600)
    async with running(flusher):
        await desk.outbox.changed.until(lambda: desk.outbox.claims == [0])
        for state in ("InProgress", "Completed"):
            desk.plan(order, state=state)
            flusher.wake()
            await desk.outbox.changed.until(lambda: not desk.outbox.marks)
            (plan,) = shop.org.query("SELECT State__c FROM Orchestration_Plan__c")
            assert plan["State__c"] == state


async def test_what_was_put_off_is_tried_when_it_is_due(
    connection: Connection, local_org: LocalOrg, order: OrderId
) -> None:
    def clock() -> datetime:
        return datetime.now(UTC)

    desk = Desk(connection, clock=clock)
    desk.outbox.clock = clock
    desk.plan(order)
    local_org.fault(Fault.ROW_LOCK, 1, object="Orchestration_Plan__c")
    flusher = Flusher(desk.writeback, UsageGauge(), FAST, poll=3_600)
    async with running(flusher):
        await desk.outbox.changed.until(lambda: not desk.outbox.marks)

    assert kinds(desk.outbox.settlements) == [Postponed, Written]


async def test_a_flood_is_written_in_full_calls(desk: Desk, shop: Shop) -> None:
    orders = [shop.order("PHONE") for _ in range(30)]
    for order in orders:
        desk.plan(order)
        for number in range(1, 100):
            desk.item(order, number)
    flusher = Flusher(desk.writeback, UsageGauge(), FAST, poll=3_600)
    async with running(flusher):
        await desk.outbox.changed.until(lambda: not desk.outbox.marks)

    assert len(shop.org.query("SELECT Id FROM Orchestration_Item__c")) == 2_970
    assert desk.tally.records_written / desk.tally.write_calls > 300


async def test_near_the_end_of_the_allowance_only_urgent_kinds_cause_calls(desk: Desk, order: OrderId) -> None:
    gauge = UsageGauge()
    gauge.observe("api-usage=9990/10000")
    desk.plan(order)
    flusher = Flusher(desk.writeback, gauge, Budget(shortest=0.0, longest=0.0), poll=3_600)
    async with running(flusher):
        await desk.outbox.changed.until(lambda: desk.outbox.claims == [0])
        assert set(desk.outbox.kinds[0] or ()) == {"command", "fallout"}
        assert desk.outbox.marks

        desk.outbox.mark("command", "a05LO0000000001AAA", order, command={"answer": "Done", "message": "x"})
        flusher.wake()
        await desk.outbox.changed.until(lambda: ("plan", order) not in desk.outbox.marks)


async def test_a_store_that_fails_ends_the_loop(desk: Desk, order: OrderId) -> None:
    class Broken(FakeOutbox):
        async def settle(self, settlements: Any) -> None:  # noqa: ARG002 (the port's)
            raise ConnectionError("the database is away")

    desk.writeback = WriteBack(
        org=desk.writeback._org,
        schema=desk.writeback._schema,
        outbox=(outbox := Broken(set_hash=SET.hash)),
        sets=FakeSets((SET,)),
        tally=desk.tally,
        now=now,
    )
    outbox.mark("plan", order, order, order={"id": order}, plan={"state": "InProgress"})

    with pytest.raises(ConnectionError):
        await Flusher(desk.writeback, UsageGauge(), FAST).run()


async def test_closing_waits_for_what_is_under_way(desk: Desk, order: OrderId) -> None:
    settling, go_on = asyncio.Event(), asyncio.Event()

    class Slow(FakeOutbox):
        async def settle(self, settlements: Any) -> None:
            settling.set()
            await go_on.wait()
            await super().settle(settlements)

    writeback = WriteBack(
        org=desk.writeback._org,
        schema=desk.writeback._schema,
        outbox=(outbox := Slow(set_hash=SET.hash)),
        sets=FakeSets((SET,)),
        tally=desk.tally,
        now=now,
    )
    outbox.mark("plan", order, order, order={"id": order}, plan={"state": "InProgress"})
    flusher = Flusher(writeback, UsageGauge(), FAST)
    async with running(flusher):
        await settling.wait()
        closing = asyncio.create_task(flusher.close())
        await asyncio.sleep(0)
        assert not closing.done()
        go_on.set()
        await closing
        assert not outbox.marks
