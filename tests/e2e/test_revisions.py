"""Orders that are changed while they are being fulfilled, as people see them in the org."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from connector.demo.orders import HOME, MOBILE, SampleOrder
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


def state(installation: Installation, name: str) -> str:
    """The state of the item of that name."""
    rows = installation.org.query(f"SELECT State__c FROM Orchestration_Item__c WHERE Name = '{name}'")
    return str(rows[0]["State__c"]) if rows else ""


ESIM_PLAN = replace(MOBILE.lines[1], attributes={"tier": "M", "simType": "esim"})


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


async def test_a_draft_is_previewed_by_a_command_and_nothing_happens(installation: Installation) -> None:
    async with installation.running():
        order = await installation.submit(HOME)
        await installation.until(lambda: task(installation))
        draft = await supplemental(
            installation, order, HOME, key="HOME-2", changed={"internet": {"speed": "1000"}}, activate=False
        )
        asked = installation.command("Preview", draft)
        told = await installation.until(lambda: answer(installation, asked))
        assert told["Status__c"] == "Done", told
        assert "it would be accepted" in told["Answer__c"]
        assert "Amend FIBER-ACCESS" in told["Answer__c"]
        found = json.loads(
            installation.row(f"SELECT Result__c FROM Fulfillment_Command__c WHERE Id = '{asked}'")["Result__c"]
        )
        assert (found["verdict"], found["order"]) == ("accepted", draft)
        wrong = installation.command("Preview", order)
        told = await installation.until(lambda: answer(installation, wrong))
        assert (told["Status__c"], "supersedes no other order" in told["Answer__c"]) == ("Refused", True)
        assert installation.status(order) == "Waiting"


async def test_what_costs_something_waits_for_an_approval_that_is_kept(installation: Installation) -> None:
    sample = replace(MOBILE, key="PHONE", lines=(MOBILE.lines[0], ESIM_PLAN, MOBILE.lines[2]))
    async with installation.running():
        order = await installation.submit(sample)
        await installation.until(lambda: state(installation, "Ship the goods") == "Completed")
        cancel = await supplemental(installation, order, sample, key="PHONE-CANCEL", action="Cancel")
        await installation.until_status(order, "Frozen", "Completed")
        if installation.status(order) == "Completed":
            return  # the machine is so slow that the whole order was done before anybody could change his mind
        await installation.until(lambda: "approval" in installation.message(cancel))
        assert installation.status(cancel) == "Waiting"
        refused = installation.command("Override", cancel)
        assert (await installation.until(lambda: answer(installation, refused)))["Status__c"] == "Refused"
        approved = installation.command("Approve", cancel)
        assert (await installation.until(lambda: answer(installation, approved)))["Status__c"] == "Done"
        await installation.until_status(order, "Canceled")
        await installation.until_status(cancel, "Completed")
    returned = [each for each in await installation.requests("warehouse") if "return" in each["path"]]
    assert len(returned) == 1


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


async def test_a_preview_is_answered_on_its_command_in_words_and_as_json(installation: Installation) -> None:
    async with installation.running():
        order = await installation.submit(HOME)
        await installation.until(lambda: task(installation))
        drafted = await supplemental(installation, order, HOME, key="HOME-PREVIEW", action="Cancel", activate=False)
        command = installation.command("Preview", drafted)
        assert (await installation.until(lambda: answer(installation, command)))["Status__c"] == "Done"
        told = installation.row(f"SELECT Answer__c, Result__c FROM Fulfillment_Command__c WHERE Id = '{command}'")
        assert told["Answer__c"]
        result = json.loads(told["Result__c"])
        assert result["order"] == drafted
        assert installation.status(order) == "Waiting", "nothing has happened"
