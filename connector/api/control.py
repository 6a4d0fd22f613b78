"""`/v1/pauses` and `/v1/workers`: what operators may stop and let go on, for holders of an operator's token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import APIRouter
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from connector.api.access import Access, denied
from connector.api.answers import outage, refusal_answer
from connector.api.body import read_body
from connector.api.ports import Control
from connector.callouts.inbound import Refusal
from connector.errors import RefusedError, TransientError, UsageError
from connector.model.events import Operation
from connector.model.json import JsonObject
from connector.model.pauses import PauseKind
from connector.store.asking import NOT_YET
from connector.store.pauses import PauseRow

_log = structlog.get_logger("api")
_MAX_BYTES = 10_000


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a character that can't be stored")
    return text


Text = Annotated[str, AfterValidator(_without_nul)]


def _on_the_calendar(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond all calendars") from None


class PauseRequest(BaseModel):
    """What `POST /v1/pauses` takes. `name` is the system, `system.interface`, the plan definition, or the order."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    kind: PauseKind
    name: Text = Field(min_length=1, max_length=255)
    reason: Text = Field(min_length=1, max_length=255)
    by: Text = Field(default="", max_length=80)
    until: Annotated[AwareDatetime, Field(strict=True), AfterValidator(_on_the_calendar)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPages:
    """Shows what is paused and who works, to holders of any token; changes it for holders of an operator's."""

    control: Control
    readers: Access
    operators: Access
    patience: float

    def routes(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        router.add_api_route("/v1/pauses", self.pauses, methods=["GET"], summary="What is paused")
        router.add_api_route("/v1/pauses", self.pause, methods=["POST"], summary="Keep something from starting")
        router.add_api_route("/v1/pauses/{kind}/{name}", self.resume, methods=["DELETE"], summary="Let it go on")
        router.add_api_route("/v1/workers", self.workers, methods=["GET"], summary="Who works")
        router.add_api_route("/v1/workers/{worker}/drain", self.drain, methods=["POST"], summary="Ask one to end")
        return router

    async def pauses(self, request: Request) -> Response:
        """Everything that is paused."""
        if not (self.readers.is_granted(request) or self.operators.is_granted(request)):
            return refusal_answer(denied())
        return await self._answer(self._pauses())

    async def workers(self, request: Request) -> Response:
        """Every worker."""
        if not (self.readers.is_granted(request) or self.operators.is_granted(request)):
            return refusal_answer(denied())
        return await self._answer(self._workers())

    async def pause(self, request: Request) -> Response:
        """Pause it: 201. An order: 200 with its answer, 202 if that is to come."""
        if not self.operators.is_granted(request):
            return refusal_answer(denied("an operator's token", hint=" It is CONNECTOR_API__OPERATOR_TOKEN."))
        body = await read_body(request, max_bytes=_MAX_BYTES, seconds=self.patience)
        if isinstance(body, Refusal):
            return refusal_answer(body, {"Connection": "close"})
        try:
            wanted = PauseRequest.model_validate_json(body)
        except ValidationError as error:
            return refusal_answer(Refusal(status=422, code="INVALID", message=f"Not valid: {_faults(error)}."))
        if wanted.kind is PauseKind.ORDER:
            outputs: JsonObject = {"reason": wanted.reason, **_until(wanted.until)}
            return await self._answer(self._command(wanted.name, Operation.PAUSE, wanted.by, outputs))
        return await self._answer(self._pause(wanted))

    async def resume(self, kind: str, name: str, request: Request) -> Response:
        """Resume it: 200. An order: 200 with its answer, 202 if that is to come."""
        if not self.operators.is_granted(request):
            return refusal_answer(denied("an operator's token", hint=" It is CONNECTOR_API__OPERATOR_TOKEN."))
        if kind not in {each.value for each in PauseKind}:
            return refusal_answer(_unknown(f"There is no kind {kind[:80]!r}; there are {', '.join(PauseKind)}."))
        if kind == PauseKind.ORDER:
            by = request.query_params.get("by", "")[:80]
            return await self._answer(self._command(name, Operation.RESUME, by, {}))
        return await self._answer(self._resume(PauseKind(kind), name))

    async def drain(self, worker: str, request: Request) -> Response:
        """Ask a worker to end: 202."""
        if not self.operators.is_granted(request):
            return refusal_answer(denied("an operator's token", hint=" It is CONNECTOR_API__OPERATOR_TOKEN."))
        return await self._answer(self._drain(worker))

    async def _pauses(self) -> Response:
        return JSONResponse({"pauses": [row.document() for row in await self.control.pauses()]})

    async def _workers(self) -> Response:
        return JSONResponse({"workers": [row.document() for row in await self.control.workers()]})

    async def _pause(self, wanted: PauseRequest) -> Response:
        made = await self.control.pause(
            wanted.kind, wanted.name, reason=wanted.reason, by=wanted.by, until=wanted.until
        )
        return JSONResponse(PauseRow(pause=made).document(), status_code=HTTPStatus.CREATED)

    async def _resume(self, kind: PauseKind, name: str) -> Response:
        return JSONResponse(PauseRow(pause=await self.control.resume(kind, name)).document())

    async def _command(self, order: str, operation: Operation, by: str, outputs: JsonObject) -> Response:
        answer = await self.control.command(order, operation, by=by, outputs=outputs, seconds=self.patience / 2)
        if answer is None:
            return JSONResponse({"done": False, "message": NOT_YET}, status_code=HTTPStatus.ACCEPTED)
        return JSONResponse({"done": True, "message": answer})

    async def _drain(self, worker: str) -> Response:
        since = await self.control.drain(worker)
        return JSONResponse({"worker": worker, "draining_since": since.isoformat()}, status_code=HTTPStatus.ACCEPTED)

    async def _answer(self, work: Awaitable[Response]) -> Response:
        try:
            async with asyncio.timeout(self.patience):
                return await work
        except RefusedError as error:
            return refusal_answer(Refusal(status=409, code=error.code, message=error.message, hint=error.hint))
        except UsageError as error:
            return refusal_answer(_unknown(error.message, error.hint))
        except (TransientError, OSError) as error:
            _log.warning("not_controlled", reason=str(error) or type(error).__name__)
            return refusal_answer(outage())


def _faults(error: ValidationError) -> str:
    return "; ".join(
        ": ".join((*map(str, each["loc"]), each["msg"].removeprefix("Value error, "))) for each in error.errors()
    )


def _until(until: datetime | None) -> JsonObject:
    return {} if until is None else {"until": until.isoformat()}


def _unknown(message: str, hint: str = "") -> Refusal:
    return Refusal(status=404, code="UNKNOWN", message=message, hint=hint)
