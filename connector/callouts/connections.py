"""The connections to one system: each a client of its own that is lent to one request at a time.

One client with a pool would do the same, but httpcore's pool looks at every one of its connections, with a
system call each, whenever one is taken or given back: at 20 connections that costs more than the request.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

KEEP_ALIVE_SECONDS = 3.0
"""How long an idle connection is used again. Servers commonly close theirs after 5 s or more; a request that
meets a connection just being closed would have an unknown outcome."""

_IDLE_SECONDS = 60.0


def trust_in(ca_file: str | None) -> ssl.SSLContext:
    """Whose certificates are accepted: those of the authorities in a PEM file, or of the machine's.

    Raises:
        OSError: the file can't be read.
    """
    return ssl.create_default_context(cafile=ca_file)


def _new_client(trust: ssl.SSLContext) -> httpx.AsyncClient:
    """A client with one connection that does just what it is told: no redirects, no proxies or credentials from
    the environment, no cookies between orders, TLS verified.
    """
    return httpx.AsyncClient(
        verify=trust,
        http1=True,
        http2=False,
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE_SECONDS),
    )


class Connections:
    """At most `limit` connections. The one used last is lent first, so that few stay open in quiet times."""

    def __init__(self, limit: int, trust: ssl.SSLContext) -> None:
        self._trust = trust
        self._places = asyncio.Semaphore(limit)
        self._free: deque[tuple[httpx.AsyncClient, float]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[httpx.AsyncClient]:
        """Borrow a client; waits until one is free."""
        async with self._places:
            client = self._free.pop()[0] if self._free else _new_client(self._trust)
            try:
                yield client
            finally:
                self._free.append((client, time.monotonic()))
                await self._close_idle()

    async def close(self) -> None:
        """Close every connection. None may be lent."""
        while self._free:
            await self._free.pop()[0].aclose()

    async def _close_idle(self) -> None:
        while self._free and self._free[0][1] < time.monotonic() - _IDLE_SECONDS:
            await self._free.popleft()[0].aclose()
