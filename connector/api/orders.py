"""`GET /v1/orders/{order_id}`: order tracking, for holders of an API token."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass

import structlog
from fastapi import APIRouter
from fastapi.encoders import jsonable_encoder
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connector.api.access import Access, denied
from connector.api.answers import outage, refusal_answer
from connector.api.ports import OrderReader
from connector.callouts.inbound import Refusal
from connector.errors import TransientError
from connector.model.ids import OrderId

_log = structlog.get_logger("api")
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


def _unknown_order() -> Refusal:
    return Refusal(
        status=404,
        code="UNKNOWN_ORDER",
        message="This order is not in fulfillment here.",
        hint="Orders are named by their Salesforce Id of 18 characters.",
    )
