"""Systems to call, on real sockets: a well-behaved uvicorn that answers as told, and raw TCP that misbehaves."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    method: str
    path: str
    raw_path: str
    query: dict[str, list[str]]
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} came more than once: {values}"
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


Send = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class Reply:
    """What to answer. `stream` writes the body piece by piece instead, until it returns."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    stream: Callable[[Send, asyncio.Event], Awaitable[None]] | None = None


def answer(status: int, body: Any = None, **headers: str) -> Reply:
    """A JSON answer; underscores in header names become dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = b"" if body is None else json.dumps(body).encode()
    return Reply(status=status, body=content, headers={"content-type": "application/json", **named})


class StubSystem:
    """Answers each request with the next of `replies`, the last one for ever, and keeps what it received."""

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.replies: deque[Reply] = deque()
        self.hang_ups = 0
        self.closing = asyncio.Event()
        self.changed = asyncio.Condition()

    def reset(self) -> None:
        self.received.clear()
        self.replies.clear()
        self.hang_ups = 0
        self.closing = asyncio.Event()

    def will(self, *replies: Reply) -> None:
        self.replies = deque(replies)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.changed:
            await self.changed.wait_for(condition)

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            return
        body = b""
        more = True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body += message["body"]
            more = message["more_body"]
        await self._note(
            Received(
                method=scope["method"],
                path=scope["path"],
                raw_path=scope["raw_path"].decode(),
                query=parse_qs(scope["query_string"].decode(), keep_blank_values=True),
                headers=[(name.decode(), value.decode()) for name, value in scope["headers"]],
                body=body,
            )
        )
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers, "trailers": False})
        if reply.stream is not None:
            await self._stream(reply.stream, receive, send)
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})

    async def _stream(
        self,
        stream: Callable[[Send, asyncio.Event], Awaitable[None]],
        receive: ASGIReceiveCallable,
        send: ASGISendCallable,
    ) -> None:
        gone = asyncio.Event()

        async def watch() -> None:
            message = await receive()
            assert message["type"] == "http.disconnect"
            gone.set()
            async with self.changed:
                self.hang_ups += 1
                self.changed.notify_all()

        async def piece(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        watching = asyncio.create_task(watch())
        try:
            await stream(piece, gone)
        finally:
            if not gone.is_set():
                watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _note(self, received: Received) -> None:
        async with self.changed:
            self.received.append(received)
            self.changed.notify_all()


async def tick(gone: asyncio.Event) -> None:
    """Wait for the client to go, but not for long: the pace of a slow sender."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await gone.wait()


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """An ASGI application on a free port of this machine, as its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none", http="h11", access_log=False)
    server = uvicorn.Server(config)
    serving_task = asyncio.create_task(server._serve([listener]))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving_task


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(handle: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A TCP server that does as `handle` does with each connection, as a URL (https with a `context`)."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with suppress(ConnectionError, asyncio.CancelledError, asyncio.IncompleteReadError):
                await handle(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError, OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{port}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def tls(certificate: Path) -> ssl.SSLContext:
    """What a server with this certificate and key takes TLS connections with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """The head of a request and its body."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


def reset_connection(writer: asyncio.StreamWriter) -> None:
    """Close with a TCP reset instead of an end."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def full_backlog() -> AsyncIterator[str]:
    """A port that takes no connection any more, so that connecting hangs."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers: list[socket.socket] = []
    try:
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)  # noqa: FBT003 - its only parameter
            with suppress(BlockingIOError):
                filler.connect(listener.getsockname())
            fillers.append(filler)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        for opened in (*fillers, listener):
            opened.close()


def closed_port() -> str:
    """A URL at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def paths(received: Iterable[Received]) -> list[str]:
    return [request.path for request in received]
