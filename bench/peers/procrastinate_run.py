"""Measure Procrastinate: a job for an item, the plan in tables of our own, deferred in the same transaction.

`python procrastinate_run.py URL SERVER_PID IN_FLIGHT SECONDS LATENCY_ORDERS`
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from typing import Any

import procrastinate
from psycopg_pool import AsyncConnectionPool
from workload import AFTER, ITEMS, callout, closed_loop, cpu_seconds, one_by_one, tell

TABLES = """
create table plans (id bigint primary key, done jsonb not null default '[]');
create table results (plan bigint, item int, result jsonb, primary key (plan, item));
"""
CONCURRENCY = 40
URL, SERVER, IN_FLIGHT, SECONDS, LATENCY_ORDERS = sys.argv[1:]
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL, min_size=4, max_size=12))
pool: AsyncConnectionPool[Any] = AsyncConnectionPool(URL, min_size=4, max_size=20, open=False)
finished: dict[int, asyncio.Future[None]] = {}


@app.task(name="item", queue="q")
async def item(order: int, no: int) -> None:
    result = await callout(order, no)
    async with pool.connection() as connection, connection.cursor() as cursor:
        await cursor.execute("select done from plans where id = %s for update", (order,))
        (done,) = await cursor.fetchone()
        done = {*done, no}
        await cursor.execute(
            "insert into results values (%s, %s, %s) on conflict do nothing", (order, no, json.dumps(result))
        )
        await cursor.execute("update plans set done = %s where id = %s", (json.dumps(sorted(done)), order))
        ready = [each for each, after in AFTER.items() if no in after and done.issuperset(after)]
        if ready:
            await item.configure(connection=connection).batch_defer_async(
                *[{"order": order, "no": each} for each in ready]
            )
    if len(done) == ITEMS:
        finished.pop(order).set_result(None)


async def main() -> None:
    counted = 0
    await pool.open()
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        async with pool.connection() as connection:
            await connection.execute(TABLES)

        async def run_order(number: int) -> None:
            nonlocal counted
            future = finished[number] = asyncio.get_running_loop().create_future()
            async with pool.connection() as connection:
                await connection.execute("insert into plans (id) values (%s)", (number,))
                await item.configure(connection=connection).defer_async(order=number, no=1)
            await future
            counted += ITEMS

        worker = asyncio.create_task(
            app.run_worker_async(
                queues=["q"],
                concurrency=CONCURRENCY,
                install_signal_handlers=False,
                delete_jobs="successful",
            )
        )
        before = cpu_seconds(os.getpid()), cpu_seconds(int(SERVER))
        found = await closed_loop(run_order, int(IN_FLIGHT), float(SECONDS))
        found["worker_ms_per_item"] = (cpu_seconds(os.getpid()) - before[0]) * 1000 / counted
        found["database_ms_per_item"] = (cpu_seconds(int(SERVER)) - before[1]) * 1000 / counted
        found |= await one_by_one(run_order, int(LATENCY_ORDERS))
        worker.cancel()
        tell(found)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    asyncio.run(main())
