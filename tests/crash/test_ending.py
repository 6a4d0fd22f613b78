"""Workers that are asked to end, with real processes: nothing is lost, nothing is sent twice, others go on at once."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from random import Random

import httpx

from tests.crash.site import Run, Slot, run
from tests.e2e.test_run_command import variables

ORDERS = 12
PATIENCE = 60.0

_SENT_AGAIN = """
select order_id, item_no, epoch, attempt from calls
group by order_id, item_no, epoch, attempt
having count(*) > 1 or max(sendings) > 1
"""
"""Attempts whose request left more than once."""


async def command(one: Run, *words: str) -> tuple[int | None, str, str]:
    """A `connector` command on the run's database: exit code, output, complaints."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "connector", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**plain, **variables(one.installation, one.folder), "CONNECTOR_DATABASE__URL": one.url},
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def end_of(slot: Slot) -> int | None:
    """Wait until the process there has ended; gives its exit code."""
    assert slot.process is not None
    async with asyncio.timeout(PATIENCE):
        return await slot.process.wait()


async def test_a_worker_that_is_drained_in_the_middle_of_a_load_leaves_its_work_to_another(
    tmp_path: Path, migrated_url: str
) -> None:
    async with run(tmp_path, migrated_url) as one:
        leaving, staying = one.slots
        placing = asyncio.create_task(one.place(ORDERS, Random(5)))  # noqa: S311 - repeatable on purpose
        await one.until_done(15)
        worker, leaving.worker = leaving.worker, ""
        code, out, err = await command(one, "drain", worker)
        assert (code, err) == (0, "")
        assert out.startswith(f"{worker} was asked to end at ")
        assert await end_of(leaving) == 0, one.last_words(leaving)
        assert '"event": "callouts_interrupted"' not in one.last_words(leaving)

        code, out, _ = await command(one, "workers", "--json")
        (row,) = json.loads(out)["workers"]
        assert (code, row["worker"], row["state"]) == (0, staying.worker, "working")
        assert await one.ask(f"select 1 from work where owner = '{worker}'") == []
        assert await one.ask(f"select 1 from lanes where owner = '{worker}'") == []

        await placing
        await one.until_finished(ORDERS)
        assert await one.take_overs() == [], "nobody had to guess what became of a request"
        assert await one.ask(_SENT_AGAIN) == [], "each was sent once"
        orders = "SELECT Fulfillment_Status__c FROM Order"
        assert {row["Fulfillment_Status__c"] for row in one.installation.org.query(orders)} == {"Completed"}
        assert one.installation.org.query("SELECT Id FROM Case") == []


async def test_a_worker_that_ends_is_not_ready_and_a_second_signal_ends_it_at_once(
    tmp_path: Path, migrated_url: str
) -> None:
    async with run(tmp_path, migrated_url, workers=1) as one:
        (slot,) = one.slots
        assert slot.process is not None
        url = json.loads((tmp_path / f"{slot.name}.ready").read_text())["api_url"]
        await one.installation.behave("network", latency=1_000.0)
        await one.place(1, Random(1))  # noqa: S311 - repeatable on purpose
        under_way = "select count(*) from work where owner is not null"

        async def is_under_way() -> bool:
            return bool((await one.ask(under_way))[0][0] > 0)

        await one.until(is_under_way, "a callout is under way")
        async with httpx.AsyncClient(trust_env=False) as http:

            async def readiness(status: int) -> bool:
                return (await http.get(f"{url}/health/ready")).status_code == status

            await one.until(lambda: readiness(200), "the worker is ready")
            slot.process.send_signal(signal.SIGTERM)
            await one.until(lambda: readiness(503), "it is not ready any more")
            assert (await http.get(f"{url}/health/live")).status_code == 200
        worker, slot.worker = slot.worker, ""
        _, out, _ = await command(one, "workers", "--json")
        assert [(row["worker"], row["state"]) for row in json.loads(out)["workers"]] == [(worker, "draining")]
        slot.process.send_signal(signal.SIGTERM)
        assert await end_of(slot) == 128 + signal.SIGTERM
        assert '"event": "stopped"' not in one.last_words(slot)
        await one.installation.behave("network", latency=0.1)
        await one.start(slot)
        await one.until_finished(1)


async def test_pausing_from_the_command_line(tmp_path: Path, migrated_url: str) -> None:
    async with run(tmp_path, migrated_url) as one:
        code, out, err = await command(one, "pause", "system", "netwrk", "--reason", "x")
        assert code == 2
        assert "No configured mapping set has the system netwrk." in err
        assert "network" in err
        code, out, err = await command(one, "pause", "system", "network", "-r", "they move house", "--by", "Eva")
        assert (code, err) == (0, "")
        assert out.startswith("System network is paused by Eva since ")
        code, _, err = await command(one, "pause", "system", "network", "-r", "again")
        assert code == 3
        assert "they move house" in err

        await one.place(2, Random(1))  # noqa: S311 - repeatable on purpose

        async def waits() -> bool:
            return bool((await one.ask("select count(*) from held_requests"))[0][0] >= 2)

        await one.until(waits, "requests wait")
        org = one.installation.org

        def told() -> bool:
            rows = org.query("SELECT Fulfillment_Status__c, Fulfillment_Message__c FROM Order")
            return {row["Fulfillment_Status__c"] for row in rows} == {"Waiting"} and all(
                "they move house" in row["Fulfillment_Message__c"] for row in rows
            )

        await one.installation.until(told, named="the org says why the orders wait")
        assert [call for call in await one.installation.requests("network") if call["method"] != "GET"] == []
        code, out, _ = await command(one, "pauses", "--json")
        (pause,) = json.loads(out)["pauses"]
        assert (pause["kind"], pause["name"], pause["by"]) == ("system", "network", "Eva")
        assert pause["waiting"] >= 2

        (order, *_) = org.query("SELECT Id, OrderNumber FROM Order ORDER BY OrderNumber")
        code, out, err = await command(one, "pause", "order", order["OrderNumber"], "-r", "the customer moves")
        assert (code, err) == (0, "")
        assert out.startswith(f"Order {order['OrderNumber']} is paused")
        code, _, err = await command(one, "pause", "order", order["Id"], "-r", "again")
        assert code == 3
        assert "the customer moves" in err
        code, _, err = await command(one, "pause", "order", "99999999", "-r", "x")
        assert (code, "There is no order 99999999" in err) == (3, True)

        assert (await command(one, "resume", "system", "network"))[0] == 0
        finished = "select count(*) from orders where finished_at is not null"

        async def one_is_finished() -> bool:
            return bool((await one.ask(finished))[0][0] == 1)

        await one.until(one_is_finished, "the order that is not paused is finished")
        resumed = one.installation.command("Resume", order["Id"])
        await one.until_finished(2)
        answer = one.installation.row(f"SELECT Status__c, Answer__c FROM Fulfillment_Command__c WHERE Id = '{resumed}'")
        assert answer == {**answer, "Status__c": "Done", "Answer__c": f"Order {order['OrderNumber']} goes on."}
        _, out, _ = await command(one, "pauses")
        assert out == "Nothing is paused.\n"
        history = await one.ask("select what, by_whom from history where what like 'order %ed' order by seq")
        assert [row["what"] for row in history] == ["order paused", "order resumed"]
