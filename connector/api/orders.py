"""`/v1/orders/{order_id}`: order tracking, and previews of revisions, for holders of an API token."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass

import orjson
import structlog
from fastapi import APIRouter
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connector.api.access import Access, denied
from connector.api.answers import outage, refusal_answer
from connector.api.body import read_body
from connector.api.ports import OrderReader
from connector.callouts.inbound import Refusal
from connector.errors import MappingError, TransientError
from connector.mappings.orderfile import OrderFileInvalid, read
from connector.model.ids import OrderId
from connector.model.json import JsonObject

_log = structlog.get_logger("api")
MAX_BYTES = 1_000_000
"""Largest order that is previewed."""

_ORDER_ID = re.compile(r"[A-Za-z0-9]{15,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Shows how an order is doing."""

    reader: OrderReader
    access: Access
    patience: float

    def routes(self) -> APIRouter:
        """The route."""
        router = APIRouter()
        router.add_api_route("/v1/orders/{order_id}", self.answer, methods=["GET"], summary="How an order is doing")
        router.add_api_route(
            "/v1/orders/{order_id}/preview",
            self.preview,
            methods=["POST"],
            summary="What a new version of an order in flight would do; nothing is changed",
        )
        return router

    async def answer(self, order_id: str, request: Request) -> Response:
        """The tracked order; whether it exists is for holders of a token only."""
        if not self.access.is_granted(request):
            return refusal_answer(denied())
        if not _ORDER_ID.fullmatch(order_id):
            return refusal_answer(_unknown_order())
        try:
            async with asyncio.timeout(self.patience):
                order = await self.reader.track(OrderId(order_id))
        except (TransientError, OSError) as error:
            _log.warning("order_not_read", order=order_id, reason=str(error) or type(error).__name__)
            return refusal_answer(outage())
        if order is None:
            return refusal_answer(_unknown_order())
        return JSONResponse(jsonable_encoder(asdict(order)))

    async def preview(self, order_id: str, request: Request) -> Response:
        """The assessment of the order in the body (an order file; `{"cancel": true}` stands for cancelling it)."""
        if not self.access.is_granted(request):
            return refusal_answer(denied())
        body = await read_body(request, max_bytes=MAX_BYTES, seconds=self.patience)
        if isinstance(body, Refusal):
            return refusal_answer(body, {"Connection": "close"})
        found = await self._look_ahead(order_id, body)
        return refusal_answer(found) if isinstance(found, Refusal) else JSONResponse(found)

    async def _look_ahead(self, order_id: str, body: bytes) -> JsonObject | Refusal:
        try:
            given = None if _cancels(body) else read(body.decode()).order
        except (OrderFileInvalid, UnicodeDecodeError) as error:
            return Refusal(status=422, code="INVALID", message=f"Not valid: {error}")
        try:
            async with asyncio.timeout(self.patience):
                is_id = _ORDER_ID.fullmatch(order_id)
                found = await self.reader.preview(OrderId(order_id), given) if is_id else None
        except MappingError as error:
            _log.warning("order_not_previewed", order=order_id, reason=error.message)
            return Refusal(status=409, code=error.code, message=error.message, hint=error.hint)
        except (TransientError, OSError) as error:
            _log.warning("order_not_read", order=order_id[:80], reason=str(error) or type(error).__name__)
            return outage()
        return _unknown_order() if found is None else found


def _cancels(body: bytes) -> bool:
    try:
        return bool(orjson.loads(body) == {"cancel": True})
    except orjson.JSONDecodeError:
        return False


def _unknown_order() -> Refusal:
    return Refusal(
        status=404,
        code="UNKNOWN_ORDER",
        message="This order is not in fulfillment here.",
        hint="Orders are named by their Salesforce Id of 18 characters.",
    )
