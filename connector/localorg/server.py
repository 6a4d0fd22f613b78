"""The org as a server: in a thread of this process for tests, or as a process of its own for the demo."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn

from connector.localorg import times
from connector.localorg.events.cometd import CometD
from connector.localorg.faults import Fault
from connector.localorg.org import Org
from connector.localorg.rest.app import App

HOST = "127.0.0.1"
API_VERSION = "66.0"
"""The version that the Python interface shows in URLs of records."""

_ROOT = f"/services/data/v{API_VERSION}/sobjects"


class _Server(uvicorn.Server):
    """A uvicorn server that says when it serves and leaves signals to whoever owns the process."""

    def __init__(self, config: uvicorn.Config, app: App) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._app = app

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _ = self._app.cometd
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.close()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class LocalOrg:
    """A Salesforce org on this machine, reachable over HTTP on the loopback.

    Use it as a context manager, or `start` and `stop` it. Its methods may be called from any thread, before the
    start as well.

    Args:
        data: the folder that keeps the org; None keeps it in memory.
        metadata: what is deployed, such as `deploy/salesforce/force-app/main/default`; None for a bare org.
        port: 0 for a free one.
        clock: where the org takes the time from.
        my_domain: the first part of its My Domain host name, which a JWT may name as audience.
        daily_api_requests: the daily allowance of API calls.
    """

    def __init__(
        self,
        *,
        data: Path | None = None,
        metadata: Path | None = None,
        port: int = 0,
        clock: times.Clock = times.now,
        my_domain: str = "localorg",
        daily_api_requests: int = 100_000,
    ) -> None:
        self.org = Org(
            data=data, metadata=metadata, clock=clock, my_domain=my_domain, daily_api_requests=daily_api_requests
        )
        self.admin_token = secrets.token_urlsafe(24)
        self._app = App(self.org, self.admin_token)
        # Naming the protocol lets asyncio switch Nagle's algorithm off: without it each answer costs 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((HOST, port))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://{HOST}:{self.port}"
        self.org.oauth.base_url = self.url
        config = uvicorn.Config(
            self._app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=120,
        )
        self._server = _Server(config, self._app)
        self._thread: threading.Thread | None = None

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Serve in a thread of this process; returns when the org answers.

        Raises:
            RuntimeError: it does not come up; the thread has said why.
        """
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="local-org", daemon=True)
        self._thread.start()
        self._server.ready.wait()
        if not self._server.started:
            raise RuntimeError(f"the local org does not come up at {self.url}")
        return self

    def stop(self) -> None:
        """Stop serving, and close the file."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._socket.close()
        self.org.close()

    async def serve(self) -> None:
        """Serve on the running event loop until `ask_to_stop`; then close the file."""
        try:
            await self._serve()
        finally:
            self.org.close()

    def ask_to_stop(self) -> None:
        """Let `serve` come to its end."""
        self._server.should_exit = True

    @property
    def comet(self) -> CometD:
        """The CometD endpoint, for its times. Only once the org answers."""
        return self._app.cometd

    async def answering(self) -> None:
        """Wait until the org answers, or has failed to come up."""
        await asyncio.to_thread(self._server.ready.wait)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _serve(self) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        try:
            await self._server.serve([self._socket])
        finally:
            self._server.ready.set()

    # -- seeding -------------------------------------------------------------------------------------------------

    def add_user(
        self, username: str, name: str = "", *, permission_sets: Iterable[str] = (), administrator: bool = False
    ) -> str:
        """Add a user with these permission sets. Its Id."""
        with self.org.store.lock:
            return self.org.add_user(
                username, name or username, permission_sets=permission_sets, administrator=administrator
            )

    def register_app(
        self, consumer_key: str, *, public_key: str = "", consumer_secret: str = "", username: str = ""
    ) -> None:
        """Register an external client app: a PEM key or certificate for JWT bearer, a secret for client credentials."""
        with self.org.store.lock:
            self.org.oauth.register(
                consumer_key, public_key=public_key, consumer_secret=consumer_secret, username=username
            )

    def access_token(self, username: str) -> str:
        """A session for a user, without signing in."""
        with self.org.store.lock:
            user_id = self.org.oauth.user_named(username)
            if user_id is None:
                raise KeyError(f"there is no active user {username}")
            return self.org.oauth.open_session(user_id).token

    # -- records, as the administrator ---------------------------------------------------------------------------

    def query(self, soql: str) -> list[dict[str, Any]]:
        """All rows of a query."""
        with self.org.store.lock:
            return self.org.query(self.org.admin, soql, url=_ROOT).rows()

    def create(self, object_name: str, /, **fields: Any) -> str:
        """Create a record, or publish an event. Its Id, or the event's UUID."""
        with self.org.store.lock:
            return self.org.records.create(self.org.admin, self.org.schema[object_name], fields)

    def update(self, record_id: str, /, **fields: Any) -> None:
        """Change a record."""
        with self.org.store.lock:
            sobject = self.org.schema.of(record_id)
            if sobject is None:
                raise KeyError(record_id)
            self.org.records.update(self.org.admin, sobject, record_id, fields)

    def delete(self, record_id: str) -> None:
        """Delete a record."""
        with self.org.store.lock:
            sobject = self.org.schema.of(record_id)
            if sobject is None:
                raise KeyError(record_id)
            self.org.records.delete(self.org.admin, sobject, record_id)

    # -- bad days ------------------------------------------------------------------------------------------------

    def fault(self, kind: Fault | str, count: int = 1, **settings: Any) -> None:
        """Let the next `count` calls, rows or events meet a fault; see `Fault`."""
        self.org.faults.switch_on(Fault(kind), count, **settings)

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self.org.faults.clear()

    def expire_tokens(self) -> int:
        """End all sessions. How many there were."""
        with self.org.store.lock:
            return self.org.oauth.revoke_all()
