"""`GET /health/live` and `/health/ready`: for whoever restarts the process or sends it traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connector.api.access import Access
from connector.api.ports import Check, Health
from connector.errors import TransientError


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthPages:
    """Says whether the connector runs and can work; why it can't, only to holders of an API token."""

    health: Health
    access: Access
    patience: float

    def routes(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        router.add_api_route("/health/live", self.live, methods=["GET"], summary="The process runs")
        router.add_api_route("/health/ready", self.ready, methods=["GET"], summary="The connector can work")
        return router

    async def live(self) -> Response:
        """The event loop turns: nothing else is asked, so that an outage elsewhere restarts nothing."""
        return JSONResponse({"status": "live"})

    async def ready(self, request: Request) -> Response:
        """200 when every check is well, else 503."""
        checks = await self._checks()
        is_ready = bool(checks) and all(check.ok for check in checks)
        answer: dict[str, object] = {"status": "ready" if is_ready else "not ready"}
        if self.access.is_granted(request):
            answer["checks"] = [asdict(check) for check in checks]
        return JSONResponse(answer, status_code=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)

    async def _checks(self) -> Sequence[Check]:
        """What the port sees; that it could not look is a failed check of its own."""
        try:
            async with asyncio.timeout(self.patience):
                return await self.health.checks()
        except (TransientError, OSError) as error:
            return (Check(name="health", ok=False, detail=str(error) or type(error).__name__),)
