"""Orders from their activation in the org to their end, as people see them there."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from connector.demo.orders import BLOCKED, ESIM, HOME, MOBILE, ORDERS, SWITCH, SampleLine, SampleOrder
from connector.demo.org import create, query, update
from connector.demo.outcome import differences, standing
from connector.demo.people import People
from tests.e2e.installation import Installation


def order_with(key: str, *lines: SampleLine) -> SampleOrder:
    return replace(ESIM, key=key, lines=lines)


@pytest.mark.parametrize("sample", [ESIM, MOBILE, SWITCH], ids=lambda sample: sample.key)
async def test_an_order_is_fulfilled_without_anybody(installation: Installation, sample: SampleOrder) -> None:
    async with installation.running():
        order = await installation.submit(sample)
        await installation.until_status(order, "Completed")
        await installation.until_written()
    assert differences(sample.expected, await standing(installation.client, order)) == []


async def test_who_owns_an_order_that_is_late_gets_a_task(installation: Installation) -> None:
    async with installation.running():
        order = await installation.draft(ESIM)
        installation.org.update(order, Requested_Completion__c="2020-01-01T12:00:00.000+0000", Status="Activated")
        (task,) = await installation.until(
            lambda: installation.org.query("SELECT OwnerId, WhatId, Subject, Description FROM Task")
        )
        await installation.until_status(order, "Completed")
    shown = installation.row(f"SELECT OwnerId, OrderNumber, Jeopardy__c FROM Order WHERE Id = '{order}'")
    assert shown["Jeopardy__c"] == "Late"
    assert (task["WhatId"], task["OwnerId"]) == (order, shown["OwnerId"])
    assert task["Subject"] == f"Order {shown['OrderNumber']}: Late"
    assert "expected to be done at 20" in task["Description"]


async def test_a_manual_task_waits_for_its_person_in_its_queue(installation: Installation) -> None:
    async with installation.running():
        order = await installation.submit(HOME)
        await installation.until_status(order, "Waiting")
        task = await installation.until(
            lambda: installation.org.query(
                "SELECT Id, OwnerId, Instructions__c, Outcomes__c FROM Orchestration_Item__c"
                " WHERE Type__c = 'manual' AND State__c = 'Running'"
            )
        )
        (queue,) = installation.org.query("SELECT Id FROM Group WHERE DeveloperName = 'Credit_Check'")
        assert task[0]["OwnerId"] == queue["Id"]
        assert task[0]["Outcomes__c"] == "Approved, Declined"
        assert "Check the credit of Rosa Okafor" in task[0]["Instructions__c"]
        wrong = installation.command("Complete", order, Item__c=task[0]["Id"], Outcome__c="Perhaps")
        answered = await installation.until(lambda: _answer(installation, wrong))
        assert answered["Status__c"] == "Refused"
        assert "Approved, Declined" in answered["Answer__c"]
        right = installation.command("Complete", order, Item__c=task[0]["Id"], Outcome__c="Approved")
        assert (await installation.until(lambda: _answer(installation, right)))["Status__c"] == "Done"
        await installation.until_status(order, "Completed")


def _answer(installation: Installation, command: str) -> dict[str, str]:
    """What became of a command; empty while it waits."""
    row = installation.row(f"SELECT Status__c, Answer__c FROM Fulfillment_Command__c WHERE Id = '{command}'")
    return row if row["Status__c"] != "New" else {}


async def test_a_business_failure_becomes_a_case_that_closes_with_its_cause(installation: Installation) -> None:
    people = People(installation.client, network_url=installation.systems["network"]["url"])
    async with installation.running():
        order = await installation.submit(BLOCKED)
        await installation.until_status(order, "Fallout")
        (case,) = await installation.until(lambda: installation.cases(order))
        assert case["Status"] == "New"
        assert case["Error_Code__c"] == "NUMBER_BLOCKED"
        assert "blocked by the fraud desk" in case["Description"]
        assert "network operations centre" in case["Description"]
        token = installation.systems["network"]["credentials"]["token"]
        assert token not in case["Description"]
        await installation.until_async(people.step)
        await installation.until_status(order, "Completed")
        await installation.until_written()
        (case,) = installation.cases(order)
        assert case["Status"] == "Closed"
        assert case["Fulfillment_Resolution__c"]


async def test_every_call_that_changes_something_carries_its_key_and_none_has_its_effect_twice(
    installation: Installation,
) -> None:
    people = People(installation.client, network_url=installation.systems["network"]["url"])
    async with installation.running():
        orders = [await installation.submit(sample) for sample in ORDERS]

        async def all_done() -> bool:
            await people.step()
            return all(installation.status(order) == "Completed" for order in orders)

        await installation.until_async(all_done, named="all orders are completed")
    for system in installation.systems:
        for request in await installation.requests(system):
            if request["method"] in ("POST", "PUT", "PATCH", "DELETE") and not request["path"].startswith("/oauth"):
                assert request["key"], (system, request)


# -- bad input ----------------------------------------------------------------------------------------------


async def test_an_unknown_product_is_told_on_the_order_and_in_a_case(installation: Installation) -> None:
    sample = order_with("BAD-PRODUCT", SampleLine(key="x", product="CAR-CHARGER"))
    async with installation.running():
        order = await installation.submit(sample)
        await installation.until_status(order, "Rejected")
        assert "CAR-CHARGER" in installation.message(order)
        (case,) = await installation.until(lambda: installation.cases(order))
        assert "CAR-CHARGER" in case["Description"]
        assert installation.org.query(f"SELECT Id FROM Orchestration_Item__c WHERE Order__c = '{order}'") == []


async def test_a_missing_mandatory_attribute_and_a_wrong_value_are_told_together(installation: Installation) -> None:
    attributes = {"simType": "carrier pigeon"}
    sample = order_with("BAD-ATTRIBUTES", SampleLine(key="x", product="MOBILE-PLAN", attributes=attributes))
    async with installation.running():
        order = await installation.submit(sample)
        await installation.until_status(order, "Rejected")
        message = installation.message(order)
        assert "tier" in message
        assert "simType" in message


async def test_a_broken_address_is_told(installation: Installation) -> None:
    line = HOME.lines[0]
    broken = replace(line, attributes={**line.attributes, "postalCode": ""})
    sample = replace(HOME, key="BAD-ADDRESS", lines=(broken, *HOME.lines[1:]))
    async with installation.running():
        order = await installation.submit(sample)
        await installation.until_status(order, "Rejected", "Fallout")
        (case,) = await installation.until(lambda: installation.cases(order))
        assert "postalCode" in case["Description"] or "address" in case["Description"].lower()


async def test_attributes_that_are_no_json_are_told_with_their_place(installation: Installation) -> None:
    async with installation.running():
        order = await _order_with_raw_attributes(installation, '{"tier": "M", oops}')
        await installation.until_status(order, "Rejected")
        assert "Attributes__c" in installation.message(order)


async def _order_with_raw_attributes(installation: Installation, text: str) -> str:
    seeded, client = installation.seeded, installation.client
    (entry,) = await query(
        client,
        "SELECT Id FROM PricebookEntry WHERE Product2.ProductCode = 'MOBILE-PLAN' AND Pricebook2Id = {book}",
        book=seeded.pricebook,
    )
    order = await create(
        client,
        "Order",
        {
            "AccountId": next(iter(seeded.accounts.values())),
            "Pricebook2Id": seeded.pricebook,
            "EffectiveDate": "2026-01-01",
            "Status": "Draft",
        },
    )
    fields = {"OrderId": order, "PricebookEntryId": entry["Id"], "Quantity": 1, "UnitPrice": 1, "Attributes__c": text}
    await create(client, "OrderItem", fields)
    await update(client, "Order", order, {"Status": "Activated"})
    return order


async def test_a_rejected_order_that_was_mended_is_read_again_by_retry(installation: Installation) -> None:
    async with installation.running():
        order = await _order_with_raw_attributes(installation, "[]")
        await installation.until_status(order, "Rejected")
        (line,) = installation.org.query(f"SELECT Id FROM OrderItem WHERE OrderId = '{order}'")
        installation.org.update(line["Id"], Attributes__c='{"tier": "M", "simType": "esim"}')
        (case,) = await installation.until(lambda: installation.cases(order))
        installation.command("Retry", order, Case__c=case["Id"])
        await installation.until_status(order, "Completed")
        await installation.until_written()
        assert installation.cases(order)[0]["Status"] == "Closed"


async def test_an_event_about_an_order_that_does_not_exist_disturbs_nobody(installation: Installation) -> None:
    async with installation.running():
        installation.org.create("Order_Submitted__e", Order_Id__c="801000000000000AAA", Reason__c="Activated")
        order = await installation.submit(ESIM)
        await installation.until_status(order, "Completed")


async def test_a_command_about_nothing_is_refused_with_a_reason(installation: Installation) -> None:
    async with installation.running():
        order = await installation.submit(ESIM)
        await installation.until_status(order, "Completed")
        command = installation.command("Skip", order)
        answered = await installation.until(lambda: _answer(installation, command))
        assert answered["Status__c"] == "Refused"
        assert "needs an item" in answered["Answer__c"]


# -- systems on a bad day -------------------------------------------------------------------------------------


async def test_call_backs_with_a_wrong_signature_or_for_nobody_are_refused(installation: Installation) -> None:
    async with installation.running() as connector, httpx.AsyncClient(trust_env=False, timeout=30) as http:
        url = f"{connector.api.url}/v1/inbound/warehouse"
        unsigned = await http.post(url, json={"type": "shipment.shipped"})
        assert unsigned.status_code == 401
        assert unsigned.json()["error"]["code"]
        stranger = await http.post(f"{connector.api.url}/v1/inbound/nobody", json={})
        assert stranger.status_code == 404


# -- nothing is lost --------------------------------------------------------------------------------------------


async def test_orders_that_were_activated_while_nobody_listened_are_taken_up(installation: Installation) -> None:
    orders = [await installation.submit(ESIM), await installation.submit(replace(ESIM, key="ANOTHER"))]
    async with installation.running():
        for order in orders:
            await installation.until_status(order, "Completed")


async def test_an_order_whose_event_never_came_is_found_by_comparison(installation: Installation) -> None:
    installation.org.fault("event_missed", 1)
    order = await installation.submit(ESIM)
    installation.org.clear_faults()
    async with installation.running():
        await installation.until_status(order, "Completed")


async def test_work_goes_on_where_another_worker_stopped(installation: Installation) -> None:
    async with installation.running():
        order = await installation.submit(MOBILE)
        await installation.until(lambda: installation.status(order))
    async with installation.running():
        await installation.until_status(order, "Completed")
        await installation.until_written()
    assert differences(MOBILE.expected, await standing(installation.client, order)) == []


async def test_two_workers_share_one_database(installation: Installation) -> None:
    async with installation.running(), installation.running():
        orders = [await installation.submit(replace(ESIM, key=f"SHARED-{n}")) for n in range(6)]
        for order in orders:
            await installation.until_status(order, "Completed")
        await installation.until_written()
    for order in orders:
        assert differences(ESIM.expected, await standing(installation.client, order)) == []
