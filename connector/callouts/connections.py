"""The connections to one system: each is lent to one request at a time."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from connector.callouts.http1 import OneConnection

KEEP_ALIVE_SECONDS = 3.0
"""How long an idle connection is used again. Servers commonly close theirs after 5 s or more; a request that
meets a connection just being closed would have an unknown outcome."""

_IDLE_SECONDS = 60.0


def trust_in(ca_file: str | None) -> ssl.SSLContext:
    """Whose certificates are accepted: those of the authorities in a PEM file, or of the machine's.

    Raises:
        OSError: the file can't be read.
    """
    trust = ssl.create_default_context(cafile=ca_file)
    trust.set_alpn_protocols(["http/1.1"])
    return trust


class Connections:
    """At most `limit` connections. The one used last is lent first, so that few stay open in quiet times."""

    def __init__(self, limit: int, trust: ssl.SSLContext) -> None:
        self._trust = trust
        self._places = asyncio.Semaphore(limit)
        self._free: deque[tuple[OneConnection, float]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[OneConnection]:
        """Borrow one; waits until one is free."""
        async with self._places:
            connection = self._free.pop()[0] if self._free else OneConnection(self._trust, KEEP_ALIVE_SECONDS)
            try:
                yield connection
            finally:
                self._free.append((connection, time.monotonic()))
                await self._close_idle()

    async def close(self) -> None:
        """Close every connection. None may be lent."""
        while self._free:
            await self._free.pop()[0].aclose()

    async def _close_idle(self) -> None:
        while self._free and self._free[0][1] < time.monotonic() - _IDLE_SECONDS:
            await self._free.popleft()[0].aclose()
