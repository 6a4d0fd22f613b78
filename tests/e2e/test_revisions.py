"""Orders that are changed while they are being fulfilled, as people see them in the org."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.demo.orders import HOME, SampleOrder
from connector.demo.org import query
from tests.e2e.installation import Installation


async def supplemental(
    installation: Installation,
    order: str,
    sample: SampleOrder,
    *,
    key: str,
    action: str = "Amend",
    changed: Mapping[str, Mapping[str, Any]] | None = None,
    activate: bool = True,
) -> str:
    """Make the next version of an order, with other attributes of some lines (by key); gives its Id."""
    lines = tuple(
        replace(line, attributes={**line.attributes, **(changed or {}).get(line.key, {})}) for line in sample.lines
    )
    made = await installation.draft(replace(sample, key=key, title=f"{sample.title} ({action})", lines=lines))
    installation.org.update(made, Supersedes__c=order, Supplemental_Action__c=action)
    olds = {
        row["Description"]: row["Id"]
        for row in await query(
            installation.client, "SELECT Id, Description FROM OrderItem WHERE OrderId = {order}", order=order
        )
    }
    for row in installation.org.query(f"SELECT Id, Description FROM OrderItem WHERE OrderId = '{made}'"):
        installation.org.update(row["Id"], Supersedes_Line__c=olds[row["Description"]])
    if activate:
        installation.org.update(made, Status="Activated")
    return made


def task(installation: Installation) -> dict[str, Any]:
    """The open manual task, as its owner sees it; empty while there is none."""
    rows = installation.org.query(
        "SELECT Id, OwnerId, State__c, Instructions__c, Order__c FROM Orchestration_Item__c WHERE Type__c = 'manual'"
    )
    return rows[0] if rows and rows[0]["State__c"] == "Running" else {}


def answer(installation: Installation, command: str) -> dict[str, Any]:
    row = installation.row(f"SELECT Status__c, Answer__c FROM Fulfillment_Command__c WHERE Id = '{command}'")
    return row if row["Status__c"] != "New" else {}


async def test_an_order_is_amended_while_a_person_works_on_it(installation: Installation) -> None:
    async with installation.running():
        order = await installation.submit(HOME)
        opened = await installation.until(lambda: task(installation))
        installation.org.update(opened["Id"], OwnerId=installation.user)
        second = await supplemental(installation, order, HOME, key="HOME-2", changed={"internet": {"speed": "1000"}})
        await installation.until_status(order, "Superseded")
        assert installation.status(second) == "Waiting"
        await installation.until_written()
        still = task(installation)
        assert (still["Id"], still["OwnerId"]) == (opened["Id"], installation.user)
        assert still["Order__c"] == second
        done = installation.command("Complete", second, Item__c=opened["Id"], Outcome__c="Approved")
        assert (await installation.until(lambda: answer(installation, done)))["Status__c"] == "Done"
        await installation.until_status(second, "Completed")
        await installation.until_written()
    assert installation.status(order) == "Superseded"
    assert "Superseded by order" in installation.message(order)
    activated = [
        each
        for each in await installation.requests("network")
        if "/v1/fiber/" in each["path"] and each["method"] == "PUT"
    ]
    assert [
        json.loads(each["body"])["downloadMbit"] if isinstance(each["body"], str) else each["body"]["downloadMbit"]
        for each in activated
    ] == [1000]
    statuses = {
        row["Fulfillment_Status__c"]
        for row in installation.org.query(f"SELECT Fulfillment_Status__c FROM OrderItem WHERE OrderId = '{order}'")
    }
    assert statuses == {"Superseded"}


async def test_an_order_is_cancelled_before_anything_that_counts_has_happened(installation: Installation) -> None:
    async with installation.running():
        order = await installation.submit(HOME)
        await installation.until(lambda: task(installation))
        cancel = await supplemental(installation, order, HOME, key="HOME-CANCEL", action="Cancel")
        await installation.until_status(order, "Canceled")
        await installation.until_status(cancel, "Completed")
        await installation.until_written()
    assert task(installation) == {}
    assert [each for each in await installation.requests("warehouse") if each["method"] == "POST"] == []


async def test_revisions_that_can_not_be_are_refused_and_say_why(installation: Installation) -> None:
    async with installation.running():
        order = await installation.submit(HOME)
        await installation.until(lambda: task(installation))
        first = await supplemental(installation, order, HOME, key="HOME-2", changed={"internet": {"speed": "1000"}})
        await installation.until_status(order, "Superseded")
        late = await supplemental(installation, order, HOME, key="HOME-3")
        await installation.until_status(late, "Rejected")
        assert "not the newest accepted one" in installation.message(late)
        cancel = await supplemental(installation, first, HOME, key="HOME-4", action="Cancel")
        await installation.until_status(first, "Canceled")
        after = await supplemental(installation, cancel, HOME, key="HOME-5")
        await installation.until_status(after, "Rejected")
        assert "nothing left to revise" in installation.message(after)
    assert installation.cases(late) == []
