"""The outermost layer: no exception leaves it as a stack trace, and every answer forbids caching and sniffing."""

from __future__ import annotations

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connector.api.answers import outage, refusal_answer
from connector.callouts.inbound import Refusal
from connector.errors import TransientError

_log = structlog.get_logger("api")


class Guard:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer in its place when that fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, guarded_send)
        except TransientError as error:
            _log.warning("request_not_served", path=scope["path"], reason=error.message)
            refusal = outage()
        except Exception:  # noqa: BLE001 - the outermost layer of a request
            _log.exception("request_failed", path=scope["path"])
            refusal = Refusal(
                status=500,
                code="INTERNAL",
                message="The connector failed; the request was not taken.",
                hint="Send it again later; tell the operator if it happens again.",
            )
        else:
            return
        if not started:
            await refusal_answer(refusal)(scope, receive, guarded_send)
