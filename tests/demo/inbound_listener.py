"""A connector that only listens: what the simulated systems send to it, and how it answers."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@dataclass
class Received:
    system: str
    raw: bytes
    timestamp: str
    signature: str

    @property
    def body(self) -> dict[str, Any]:
        return dict(json.loads(self.raw))

    def is_signed_with(self, secret: str) -> bool:
        digest = hmac.new(secret.encode(), self.timestamp.encode() + b"." + self.raw, hashlib.sha256).hexdigest()
        return self.signature == f"v1={digest}" and abs(time.time() - int(self.timestamp)) < 300


@dataclass
class Listener:
    """Stands where the connector's inbound endpoint is. `answers` are given first, 202 afterwards."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: Request) -> JSONResponse:
        message = Received(
            system=request.path_params["system"],
            raw=await request.body(),
            timestamp=request.headers["X-Connector-Timestamp"],
            signature=request.headers["X-Connector-Signature"],
        )
        async with self.changed:
            self.received.append(message)
            self.changed.notify_all()
        status = self.answers.pop(0) if self.answers else 202
        return JSONResponse({"accepted": status == 202}, status)

    async def until(self, enough: Callable[[list[Received]], bool]) -> list[Received]:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(lambda: enough(self.received))
        return self.received


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Any:
        yield


@asynccontextmanager
async def accepting(take: Callable[[Request], Awaitable[JSONResponse]]) -> AsyncIterator[str]:
    """An inbound endpoint; the value is the address of the server."""
    app = Starlette(routes=[Route("/v1/inbound/{system}", take, methods=["POST"])])
    door = socket.create_server(("127.0.0.1", 0))
    server = _Quiet(uvicorn.Config(app, log_level="warning", lifespan="off"))
    running = asyncio.create_task(server.serve(sockets=[door]))
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    async with accepting(listener.take) as url:
        listener.url = url
        yield listener
