"""Tasks that one worker at a time may do: whoever holds the task's advisory lock does it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from connector.store.database import Connection, Database, until_lost

_SPACE = 6_820_417
"""First half of our advisory locks' keys."""

WAIT_SECONDS = 2.0
"""How often a worker that does not have the lock asks for it: how long nobody does the task after a death."""


class Alone:
    """One task. `number` tells it from the others of this program."""

    def __init__(self, database: Database, number: int) -> None:
        self._database = database
        self._number = number

    async def run(self, task: Callable[[], Awaitable[None]]) -> None:
        """Do the task for ever, whenever this worker has the lock; a lost connection ends and repeats it.

        Raises whatever the task raises, unless it ended because the connection was lost.
        """
        while True:
            async with self._database.connection() as connection:
                if await connection.fetchval("select pg_try_advisory_lock($1, $2)", _SPACE, self._number):
                    try:
                        await _until_lost(connection, task)
                    finally:
                        if not connection.is_closed():
                            await connection.execute("select pg_advisory_unlock($1, $2)", _SPACE, self._number)
            await asyncio.sleep(WAIT_SECONDS)

    async def is_held(self) -> bool:
        """Some worker is doing the task."""
        async with self._database.connection() as connection:
            return bool(
                await connection.fetchval(
                    "select exists (select from pg_locks where locktype = 'advisory' and granted"
                    " and database = (select oid from pg_database where datname = current_database())"
                    " and classid = $1 and objid = $2)",
                    _SPACE,
                    self._number,
                )
            )


async def _until_lost(connection: Connection, task: Callable[[], Awaitable[None]]) -> None:
    async def do() -> None:
        await task()

    doing = asyncio.create_task(do())
    losing = asyncio.create_task(until_lost(connection))
    try:
        await asyncio.wait({doing, losing}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            connection.terminate()
            raise asyncpg.ConnectionDoesNotExistError("the connection that holds the lock was lost")
        await doing
    finally:
        for one in (doing, losing):
            one.cancel()
        await asyncio.gather(doing, losing, return_exceptions=True)
