"""Notifications between workers: something waits, look now rather than at the next sweep.

A notification carries nothing; the tables say what there is to do. Losing one costs seconds, never an
order: every loop looks by itself now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from connector.store.database import Connection, Database, may_pass, until_lost

INBOX = "connector_inbox"
"""Events wait for orders, or records for being written."""

INTAKE = "connector_intake"
"""Notices wait to be read."""

PAUSES = "connector_pauses"
"""Something was paused or resumed, a worker was asked to end, or requests were left for others."""


async def notify(connection: Connection, channel: str) -> None:
    """Tell every worker, when the transaction commits."""
    await connection.execute("select pg_notify($1, '')", channel)


async def listen(database: Database, channels: dict[str, Callable[[], None]]) -> None:
    """Call a channel's function whenever it is notified, until cancelled; survives lost connections.

    After a reconnection every function is called once: something may have been missed.
    """
    while True:
        try:
            async with database.connection() as connection:
                await _listen_on(connection, channels)
        except Exception as error:
            if not may_pass(error):
                raise
        await asyncio.sleep(1)


async def _listen_on(connection: Connection, channels: dict[str, Callable[[], None]]) -> None:
    def heard(_connection: object, _pid: int, channel: str, _payload: str) -> None:
        channels[channel]()

    for channel, wake in channels.items():
        await connection.add_listener(channel, heard)
        wake()
    try:
        await until_lost(connection)
    finally:
        if not connection.is_closed():
            for channel in channels:
                await connection.remove_listener(channel, heard)
