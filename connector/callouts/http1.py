"""HTTP/1.1 for httpx over one connection: opened when a request needs it, kept for the next, one request at a time.

The transport that httpx brings does the same, and parses with the same h11, for several times the processor time
(docs/adr/0016-transport-of-our-own.md). This one sends what it is given, once: it repeats, follows, unpacks and
remembers nothing, and no message of it names an address.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import socket
import ssl
import time
from collections.abc import AsyncIterator
from functools import lru_cache

import h11
import httpx

MAX_HEAD = 100 * 1024
"""Longest status line with headers that is read, in bytes."""

_NEXT_ADDRESS = 0.25
"""Seconds after which the next address of a host is tried beside the first (RFC 8305, 5)."""

_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"expect"})
"""Headers that are this module's business."""

_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say that they have no content (RFC 9110, 8.6)."""

_HEAD = re.compile(rb"[A-Z]+ [!-~]+ HTTP/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~]*\r\n)+\r\n")
"""The head of a request, line by line."""


class OneConnection(httpx.AsyncBaseTransport):
    """A transport with one connection, for one request at a time.

    The answer's stream must be closed before the next request. Of httpx's extensions of a request it knows
    `target`, `trace` (of which it tells `http11.send_request_headers.started`, just before the first byte leaves)
    and `timeout` (of which it keeps `connect`: for everything else whoever calls limits the time).
    """

    def __init__(self, trust: ssl.SSLContext, keep_alive: float) -> None:
        self._trust = trust
        self._keep_alive = keep_alive
        self._wire: _Wire | None = None
        self._leads_to: tuple[str, bytes, int | None] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read the answer's head.

        Raises:
            httpx.ConnectError: no connection came about. As all below, before `trace` is told anything.
            httpx.ConnectTimeout: none did within the `connect` time-out.
            httpx.LocalProtocolError: the request can't be said in HTTP/1.1.
            httpx.ReadError: the connection was lost; the answer's stream may raise it too.
            httpx.RemoteProtocolError: what came is not HTTP/1.1; likewise.
        """
        wire = await self._connected(request)
        try:
            message = await _message(request)
            wire.begin(request.method)
            if trace := request.extensions.get("trace"):
                await trace("http11.send_request_headers.started", {})
            wire.write(message)
            head = await wire.head()
        except BaseException:
            wire.drop()
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Content(wire),
            extensions={"http_version": b"HTTP/1.1"},
        )

    async def aclose(self) -> None:
        """Close the connection, and wait until it is."""
        if self._wire is not None:
            await self._wire.closed()
            self._wire = None

    async def _connected(self, request: httpx.Request) -> _Wire:
        url = request.url
        to = (url.scheme, url.raw_host, url.port)
        wire = self._wire
        if wire is not None:
            if self._leads_to == to and wire.can_be_used_again(self._keep_alive):
                return wire
            await wire.closed()
            self._wire = None
        self._wire = await self._open(url, request.extensions.get("timeout", {}).get("connect"))
        self._leads_to = to
        return self._wire

    async def _open(self, url: httpx.URL, seconds: float | None) -> _Wire:
        if url.scheme not in ("http", "https"):
            raise httpx.UnsupportedProtocol(f"There is no transport for {url.scheme!r}.")
        is_secure = url.scheme == "https"
        try:
            async with asyncio.timeout(seconds):
                _, wire = await asyncio.get_running_loop().create_connection(
                    _Wire,
                    url.raw_host.decode("ascii"),
                    url.port or (443 if is_secure else 80),
                    ssl=self._trust if is_secure else None,
                    happy_eyeballs_delay=_NEXT_ADDRESS,
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("The connection took too long.") from error
        except OSError as error:
            raise httpx.ConnectError(_reason(error)) from error
        return wire


def _reason(error: OSError) -> str:
    """What went wrong, without the address that asyncio writes into it."""
    if isinstance(error, (ssl.SSLError, socket.gaierror)):
        return str(error)
    return os.strerror(error.errno) if error.errno else "All connection attempts failed"


async def _message(request: httpx.Request) -> bytes:
    """The request as it goes over the wire. How its content is framed is said here, whatever its headers say."""
    stream = request.stream
    assert isinstance(stream, httpx.AsyncByteStream)
    content = b"".join([part async for part in stream])
    target = request.extensions.get("target", request.url.raw_path)
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), target)]
    lines += [b"%b: %b" % header for header in request.headers.raw if header[0].lower() not in _FRAMING]
    if content or request.method in _WITH_CONTENT:
        lines.append(b"content-length: %d" % len(content))
    head = b"\r\n".join((*lines, b"", b""))
    if not _HEAD.fullmatch(head) or head.count(b"\n") != len(lines) + 1:
        # Some part would be read as something else, or as several lines.
        raise httpx.LocalProtocolError("It is not HTTP/1.1.")
    return head + content


@lru_cache(maxsize=16)
def _request(method: str) -> h11.Request:
    return h11.Request(method=method, target="/", headers=[("host", "")])


_END = h11.EndOfMessage()


class _Wire(asyncio.Protocol):
    """An open connection, and where the conversation on it stands."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._transport: asyncio.Transport | None = None
        self._arrival: asyncio.Future[None] | None = None
        self._end: Exception | None = None
        self._is_closed = asyncio.Event()
        self._is_resting = False
        self._resting_since = 0.0
        self._readable = select.poll()

    # -- what asyncio tells ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._readable.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._is_resting:
            # Nobody asked: it must not be taken for the answer to the next request.
            self.drop()
            return
        self._http.receive_data(data)
        self._wake()

    def eof_received(self) -> None:
        self._ended(EOFError())

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(exc or EOFError())
        self._is_closed.set()

    def _ended(self, reason: Exception) -> None:
        self._end = self._end or reason
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    # -- a request and its answer ---------------------------------------------------------------------------

    def can_be_used_again(self, seconds: float) -> bool:
        """The last exchange left the connection in order, not longer than `seconds` ago, and nothing came since.

        The socket is asked as well: the loop may not have come to what has arrived.
        """
        return (
            self._is_resting
            and self._end is None
            and time.monotonic() - self._resting_since <= seconds
            and not self._readable.poll(0)
        )

    def begin(self, method: str) -> None:
        """Expect the answer to a request that is about to be written."""
        self._is_resting = False
        # Of a request h11 has to know just what decides how its answer is framed.
        self._http.send(_request(method))
        self._http.send(_END)

    def write(self, message: bytes) -> None:
        """Send."""
        assert self._transport is not None
        self._transport.write(message)

    async def head(self) -> h11.Response:
        """Status and headers of the answer."""
        while not isinstance(event := await self.event(), h11.Response):
            # Informational answers may come before it (RFC 9110, 15.2).
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("The answer does not begin with a status.")
        return event

    async def event(self) -> h11.Event | None:
        """The next part of the answer; None: there is no more to come."""
        while True:
            event = self._next_event()
            if event is not h11.NEED_DATA:
                return event if isinstance(event, h11.Event) else None
            if self._end is not None:
                return self._last_event(self._end)
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival

    def _next_event(self) -> object:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error

    def _last_event(self, end: Exception) -> h11.Event | None:
        """What the end of the connection means: for content of no stated length, that it is complete."""
        if not isinstance(end, EOFError):
            raise httpx.ReadError(str(end)) from end
        if self._http.their_state is h11.SEND_RESPONSE:
            raise httpx.ReadError("Server disconnected without sending a response.")
        self._http.receive_data(b"")
        try:
            event = self._next_event()
        except httpx.RemoteProtocolError as error:
            raise httpx.ReadError(str(error)) from error
        return event if isinstance(event, h11.Event) else None

    def rest(self) -> None:
        """End an exchange: the connection stays open if it may be used again."""
        if (
            self._end is None
            and self._http.our_state is self._http.their_state is h11.DONE
            and not self._http.trailing_data[0]
            and self._transport is not None
            and not self._transport.get_write_buffer_size()
        ):
            self._http.start_next_cycle()
            self._is_resting = True
            self._resting_since = time.monotonic()
        else:
            self.drop()

    def drop(self) -> None:
        """Hang up at once, whatever is still under way."""
        self._is_resting = False
        self._ended(EOFError())
        if self._transport is not None:
            self._transport.abort()

    async def closed(self) -> None:
        """Hang up, and wait until the socket is closed."""
        self.drop()
        await self._is_closed.wait()


class _Content(httpx.AsyncByteStream):
    """The content of an answer, as it comes. Closing it early hangs up: the rest is never read."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        event = await self._wire.event()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._wire.rest()
