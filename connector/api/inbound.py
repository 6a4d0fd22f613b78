"""`POST /v1/inbound/{system}`: a fulfillment system tells us what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import structlog
from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connector.api.answers import outage, refusal_answer
from connector.api.body import read_body
from connector.api.ports import Inbox
from connector.callouts.inbound import MAX_BYTES, Refusal, Secrets, receive, unknown
from connector.errors import TransientError
from connector.model.events import CallbackArrived

_log = structlog.get_logger("api")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """Takes messages: 202 only once the event is stored for good, 503 while it can't be."""

    inbox: Inbox
    secrets: Secrets
    clock: Callable[[], datetime]
    patience: float

    def routes(self) -> APIRouter:
        """The route."""
        router = APIRouter()
        router.add_api_route(
            "/v1/inbound/{system}",
            self.answer,
            methods=["POST"],
            status_code=HTTPStatus.ACCEPTED,
            summary="Take a message of a fulfillment system",
        )
        return router

    async def answer(self, system: str, request: Request) -> Response:
        """Read, check, store, and only then say that it is taken."""
        body = await read_body(request, max_bytes=MAX_BYTES, seconds=self.patience)
        if isinstance(body, Refusal):
            # What is left of the body is not read, so the connection can't be used again.
            return refusal_answer(body, {"Connection": "close"})
        try:
            async with asyncio.timeout(self.patience):
                refusal = await self._take(system, request.headers, body)
        except (TransientError, OSError) as error:
            # A time-out is an OSError too. The sender repeats what was not stored.
            _log.warning("inbound_not_stored", system=system[:80], reason=str(error) or type(error).__name__)
            refusal = outage()
        if refusal is None:
            return JSONResponse({"accepted": True}, status_code=HTTPStatus.ACCEPTED)
        _log.info("inbound_refused", system=system[:80], status=refusal.status, code=refusal.code)
        return refusal_answer(refusal)

    async def _take(self, system: str, headers: Headers, body: bytes) -> Refusal | None:
        received = receive(
            system,
            body,
            _joined(headers),
            now=self.clock(),
            mapping_sets=await self.inbox.mapping_sets(),
            secrets=self.secrets,
        )
        if isinstance(received, Refusal):
            return received
        item = received.event.item if isinstance(received.event, CallbackArrived) else None
        if not await self.inbox.exists(received.order, item):
            return unknown("order" if item is None else "item")
        await self.inbox.put(received)
        _log.info("inbound_taken", system=system, order=received.order, item=item)
        return None


def _joined(headers: Headers) -> dict[str, str]:
    """Repeated headers as one: a second signature must not be there to choose from."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
