"""Orders that follow others, as people see them in the org."""

from __future__ import annotations

from connector.demo.orders import ESIM, HOME
from connector.demo.people import People
from tests.e2e.installation import Installation


async def test_an_order_begins_when_the_one_that_it_follows_has_ended(installation: Installation) -> None:
    people = People(installation.client, network_url=installation.systems["network"]["url"])
    async with installation.running():
        first = await installation.submit(HOME)
        await installation.until_status(first, "Waiting")
        second = await installation.draft(ESIM)
        installation.org.update(second, Follows__c=first)
        installation.org.update(second, Status="Activated")
        number = installation.row(f"SELECT OrderNumber FROM Order WHERE Id = '{first}'")["OrderNumber"]
        await installation.until(
            lambda: installation.message(second) == f"Waits for order {number}.",
            named="the order says what it waits for",
        )
        assert installation.status(second) == "Waiting"
        items = f"SELECT Id FROM Orchestration_Item__c WHERE Order__c = '{second}'"
        assert installation.org.query(items) == []

        async def both_done() -> bool:
            await people.step()
            return all(installation.status(order) == "Completed" for order in (first, second))

        await installation.until_async(both_done, named="both orders are completed")
        started = "SELECT Started_At__c, Finished_At__c FROM Orchestration_Plan__c WHERE Order__c = "
        before, after = installation.row(f"{started}'{first}'"), installation.row(f"{started}'{second}'")
        assert before["Finished_At__c"] <= after["Started_At__c"]
