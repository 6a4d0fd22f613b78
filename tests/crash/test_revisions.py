"""Workers, the database and Salesforce fail while an order is being changed: the change happens, once, and is shown."""

from __future__ import annotations

from pathlib import Path

from connector.demo.orders import MOBILE
from connector.localdb import local_database
from connector.localorg.faults import Fault
from tests.crash.site import Run, outcome, run
from tests.e2e.test_revisions import answer, supplemental


async def _state(one: Run) -> str:
    """The state of the only plan."""
    ((state,),) = await one.ask("select state from orders")
    return str(state)


async def test_a_cancellation_that_waits_for_its_approval_outlives_everything(tmp_path: Path) -> None:
    """Two parcels are accepted, and nothing more is heard of them: to cancel them costs something."""
    with local_database() as server:
        async with run(tmp_path, server.url()) as one:
            first, second = one.slots
            org = one.installation
            await org.behave("warehouse", hold_messages=True)
            order = await org.submit(MOBILE)

            async def both_accepted() -> bool:
                ((count,),) = await one.ask(
                    "select count(*) from items i join orders o using (order_id)"
                    " where i.state = 'Running' and i.progress->>'accepted' = 'true'"
                )
                return bool(count == 2)

            await one.until(both_accepted, "both parcels are accepted")
            cancel = await supplemental(org, order, MOBILE, key="CRASH-CANCEL", action="Cancel")
            await org.until(lambda: "approval" in org.message(cancel), named="an approval is asked for")

            await one.kill(first)
            server.kill()
            one.note("database killed")
            server.restart()
            one.note("database started again")
            await one.start(first)
            assert await _state(one) == "Frozen"
            assert (org.status(order), org.status(cancel)) == ("Frozen", "Waiting")

            approved = org.command("Approve", cancel)

            async def goes_on() -> bool:
                return await _state(one) != "Frozen"

            await one.until(goes_on, "the cancellation is accepted")
            org.org.fault(Fault.UNAVAILABLE, 3)
            await one.kill(second)
            await org.behave("warehouse", hold_messages=False)
            await one.start(second)
            await one.until_finished(1)

            assert answer(org, approved)["Status__c"] == "Done"
            assert (org.status(order), org.status(cancel)) == ("Canceled", "Completed")
            found = await outcome(one)
            assert found.effects == {
                "network POST /services/…/number": 1,
                "network DELETE /services/…/number": 1,
                "warehouse POST /shipments": 2,
                "warehouse POST /returns": 1,
                "network DELETE /sims/…": 1,
            }
            history = await one.ask("select what from history order by seq")
            assert [row["what"] for row in history].count("revised") == 1
