"""Measure DBOS on PostgreSQL: a workflow for an order, a step for an item.

`python dbos_run.py URL SERVER_PID IN_FLIGHT SECONDS LATENCY_ORDERS`
"""

from __future__ import annotations

import asyncio
import os
import sys

from dbos import DBOS, SetWorkflowID
from workload import ITEMS, callout, closed_loop, cpu_seconds, one_by_one, tell


@DBOS.step()
async def item(order: int, no: int) -> dict:
    return await callout(order, no)


@DBOS.workflow()
async def plan(order: int) -> None:
    await item(order, 1)
    await asyncio.gather(item(order, 2), item(order, 3), item(order, 4))
    await item(order, 5)
    await asyncio.gather(item(order, 6), item(order, 7))
    await item(order, 8)
    await item(order, 9)
    await item(order, 10)


async def main() -> None:
    url, server, in_flight, seconds, latency_orders = sys.argv[1:]
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url,
            "log_level": "ERROR",
            "sys_db_pool_size": 20,
            "application_version": "1",
            "run_admin_server": False,
        }
    )
    DBOS.launch()
    counted = 0

    async def run_order(number: int) -> None:
        nonlocal counted
        with SetWorkflowID(f"order-{number}"):
            handle = await DBOS.start_workflow_async(plan, number)
        await handle.get_result()
        counted += ITEMS

    before = cpu_seconds(os.getpid()), cpu_seconds(int(server))
    found = await closed_loop(run_order, int(in_flight), float(seconds))
    found["worker_ms_per_item"] = (cpu_seconds(os.getpid()) - before[0]) * 1000 / counted
    found["database_ms_per_item"] = (cpu_seconds(int(server)) - before[1]) * 1000 / counted
    tell(found | await one_by_one(run_order, int(latency_orders)))


if __name__ == "__main__":
    asyncio.run(main())
