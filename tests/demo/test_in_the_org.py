"""Seeding, submitting and the people's part, against the local org: nothing happens twice."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from connector.demo.catalog import ACCOUNTS, PRODUCTS, SampleAccount, seed
from connector.demo.orders import EXTRAS, HOME, MOBILE, ORDERS, Expected, submit
from connector.demo.org import OrgRefused, create, query, update
from connector.demo.outcome import Standing, differences, standing
from connector.demo.people import People
from connector.demo.simulated.network import BLOCKED_NUMBER, NETWORK
from connector.demo.systems import serving
from connector.localorg.server import LocalOrg

METADATA = Path(__file__).resolve().parents[2] / "deploy" / "salesforce" / "force-app" / "main" / "default"


@pytest.fixture
async def org() -> AsyncIterator[httpx.AsyncClient]:
    """The local org, signed in as a person who may do everything."""
    with LocalOrg(metadata=METADATA) as local:
        local.add_user("sam@infiwave.example", "Sam Carter", administrator=True)
        headers = {"Authorization": f"Bearer {local.access_token('sam@infiwave.example')}"}
        async with httpx.AsyncClient(base_url=local.url, headers=headers, trust_env=False) as client:
            yield client


async def test_the_catalog_is_brought_in_once(org: httpx.AsyncClient) -> None:
    assert await seed(org) == await seed(org)
    assert len(await query(org, "SELECT Id FROM Account")) == len(ACCOUNTS)
    assert len(await query(org, "SELECT Id FROM Product2")) == len(PRODUCTS)
    assert len(await query(org, "SELECT Id FROM PricebookEntry")) == len(PRODUCTS)


async def test_every_sample_order_is_accepted_by_the_org(org: httpx.AsyncClient) -> None:
    seeded = await seed(org)
    for sample in (*ORDERS, *EXTRAS):
        identity = await submit(org, sample, seeded)
        (head,) = await query(org, "SELECT Status, Attributes__c FROM Order WHERE Id = {order}", order=identity)
        assert head["Status"] == "Activated"
        assert json.loads(head["Attributes__c"])["shipTo"]["city"] == sample.account.city


async def test_lines_keep_their_bundle_and_attributes(org: httpx.AsyncClient) -> None:
    identity = await submit(org, MOBILE, await seed(org))
    lines = await query(
        org,
        "SELECT Product2.ProductCode, Parent_Line__r.Product2.ProductCode, Attributes__c FROM OrderItem"
        " WHERE OrderId = {order} ORDER BY OrderItemNumber",
        order=identity,
    )
    bundles = [line["Parent_Line__r"]["Product2"]["ProductCode"] for line in lines if line["Parent_Line__r"]]
    assert [line["Product2"]["ProductCode"] for line in lines] == ["MOBILE-BUNDLE", "MOBILE-PLAN", "HANDSET"]
    assert bundles == ["MOBILE-BUNDLE", "MOBILE-BUNDLE"]
    assert json.loads(lines[1]["Attributes__c"]) == {"tier": "M", "simType": "physical"}


async def test_an_interrupted_submission_is_taken_up_again(org: httpx.AsyncClient) -> None:
    seeded = await seed(org)
    broken = replace(seeded, entries={code: entry for code, entry in seeded.entries.items() if code != "HANDSET"})
    with pytest.raises(KeyError):
        await submit(org, MOBILE, broken)
    identity = await submit(org, MOBILE, seeded)
    assert await submit(org, MOBILE, seeded) == identity
    assert len(await query(org, "SELECT Id FROM Order")) == 1
    assert len(await query(org, "SELECT Id FROM OrderItem")) == len(MOBILE.lines)


async def test_what_the_org_refuses_is_told_in_its_own_words(org: httpx.AsyncClient) -> None:
    with pytest.raises(OrgRefused, match="REQUIRED_FIELD_MISSING"):
        await create(org, "Account", {})
    nobody = SampleAccount(name="O'Neill \\ Sons", street="", postal_code="", city="")
    assert await query(org, "SELECT Id FROM Account WHERE Name = {name}", name=nobody.name) == []


async def test_the_clerk_approves_a_waiting_credit_check_once(org: httpx.AsyncClient) -> None:
    order = await submit(org, HOME, await seed(org))
    fields = {"Name": "Check the customer's credit", "Order__c": order, "Type__c": "manual", "Queue__c": "Credit_Check"}
    task = await create(org, "Orchestration_Item__c", {**fields, "State__c": "Pending"})
    people = People(org, network_url="http://127.0.0.1:9")
    assert await people.step() == []
    await update(org, "Orchestration_Item__c", task, {"State__c": "Running"})
    (told,) = await people.step()
    assert told.startswith("The credit clerk approves order 0")
    assert await people.step() == []
    (command,) = await query(
        org, "SELECT Action__c, Order__c, Item__c, Outcome__c, Status__c FROM Fulfillment_Command__c"
    )
    del command["attributes"]
    assert command == {
        "Action__c": "Complete",
        "Order__c": order,
        "Item__c": task,
        "Outcome__c": "Approved",
        "Status__c": "New",
    }


async def test_a_blocked_number_is_unblocked_before_the_retry(org: httpx.AsyncClient, tmp_path: Path) -> None:
    order = await submit(org, HOME, await seed(org))
    item = await create(org, "Orchestration_Item__c", {"Name": "Activate", "Order__c": order, "Type__c": "callout"})
    fields = {"Fulfillment_Order__c": order, "Orchestration_Item__c": item, "Error_Code__c": "NUMBER_BLOCKED"}
    case = await create(org, "Case", {**fields, "Subject": "Activate: NUMBER_BLOCKED", "Status": "New"})
    async with serving(tmp_path / "systems", definitions={"network": NETWORK}) as served:
        url = served["network"]["url"]
        people = People(org, network_url=url)
        told = await people.step()
        async with httpx.AsyncClient(trust_env=False) as http:
            numbers = (await http.get(f"{url}/_sim/state")).json()["number"]
        assert numbers[BLOCKED_NUMBER] == {"blocked": False}
        assert [sentence.split()[1] for sentence in told] == ["network", "operator"]
        assert await people.step() == []
    (command,) = await query(org, "SELECT Action__c, Case__c, Item__c FROM Fulfillment_Command__c")
    assert (command["Action__c"], command["Case__c"], command["Item__c"]) == ("Retry", case, item)


async def test_how_an_order_stands_is_read_back(org: httpx.AsyncClient) -> None:
    order = await submit(org, HOME, await seed(org))
    await update(org, "Order", order, {"Fulfillment_Status__c": "In Progress", "Fulfillment_Progress__c": 50})
    for state in ("Completed", "Completed", "Running"):
        await create(org, "Orchestration_Item__c", {"Name": "x", "Order__c": order, "State__c": state})
    seen = await standing(org, order)
    assert (seen.status, seen.progress, seen.items) == ("In Progress", 50, {"Completed": 2, "Running": 1})
    assert "The status is 'In Progress', not 'Completed'." in differences(HOME.expected, seen)


def test_no_difference_is_none() -> None:
    seen = Standing(
        number="1",
        status="Completed",
        progress=100,
        message="",
        items={"Completed": 3, "Skipped": 1},
        lines={"Completed": 1, "Not Needed": 1},
        cases={"Closed": 1},
    )
    assert differences(Expected(status="Completed", completed=3, skipped=1, closed_cases=1), seen) == []
    assert differences(Expected(status="Completed", completed=3, skipped=1), seen) == [
        "There are 1 closed Cases, not 0."
    ]
