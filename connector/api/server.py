"""Serving the application inside the worker's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from connector.errors import SettingsError


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class ApiServer:
    """Listens from the moment it is made, so that its port is known; answers while `run` runs.

    Raises:
        SettingsError: the address can't be listened on.
    """

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise SettingsError(
                f"The API can't listen on {host}:{port}: {error.strerror}.",
                hint="Choose another with CONNECTOR_API__PORT, or 0 for any that is free.",
            ) from None
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5, server_header=False
        )
        self._server = _Server(config)

    async def run(self) -> None:
        """Answer until cancelled; then stop in order: uvicorn has to let go of the socket itself."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        try:
            await asyncio.shield(serving)
        finally:
            self._server.should_exit = True
            await serving
            self.close()

    def close(self) -> None:
        """Listen no more; for a server that never ran, or has ended."""
        self._socket.close()
