"""The HTTP side that all simulated systems have in common.

Beside its own operations every system has, for the people behind the scenes and without a password:

| call | does |
|---|---|
| `GET /_sim/requests` | every request received: method, path, idempotency key, status, whether it was a repetition |
| `GET /_sim/messages` | every message for the connector, and whether it has been delivered |
| `GET /_sim/state` | everything that the system remembers, by kind |
| `GET`, `POST /_sim/behaviour` | how it misbehaves: any of the fields of `Behaviour` |
| `POST /_sim/connector` | `{"url": ...}`: where the connector is |
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from types import NoneType
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connector.demo.simulated.calls import Answer, Behaviour, Call, Operation, Refused, SystemDefinition
from connector.demo.simulated.guard import Secrets, is_allowed, is_client
from connector.demo.simulated.memory import Memory
from connector.demo.simulated.messages import Messenger

IDEMPOTENCY_KEY = "Idempotency-Key"


class SimulatedSystem:
    """One system as an ASGI application (`app`), with everything that it remembers."""

    def __init__(
        self, definition: SystemDefinition, *, memory: Memory, own: Secrets, speed: float = 1.0, connector: str = ""
    ) -> None:
        self.definition = definition
        self._memory = memory
        self._own = own
        self._speed = speed
        self._behaviour = _known_behaviour(memory, definition)
        self._messenger = Messenger(
            system=definition.name,
            memory=memory,
            secret=own["inbound_secret"],
            behaviour=self._behaviour,
            connector=connector or (memory.get("connector", "url") or {"url": ""})["url"],
        )
        self.app = Starlette(routes=self._routes(), lifespan=self._lifespan)

    def _routes(self) -> list[Route]:
        token = [Route("/oauth/token", self._token, methods=["POST"])] if self.definition.auth == "oauth2" else []
        return [
            *token,
            Route("/_sim/requests", self._requests, methods=["GET"]),
            Route("/_sim/messages", self._messages, methods=["GET"]),
            Route("/_sim/state", self._state, methods=["GET"]),
            Route("/_sim/behaviour", self._behave, methods=["GET", "POST"]),
            Route("/_sim/connector", self._connector, methods=["POST"]),
            *(self._route(operation, guarded=False) for operation in self.definition.controls),
            *(self._route(operation, guarded=True) for operation in self.definition.operations),
        ]

    def _route(self, operation: Operation, *, guarded: bool) -> Route:
        async def serve(request: Request) -> Response:
            return await (self._guarded(operation, request) if guarded else self._control(operation, request))

        name = f"{operation.method} {operation.path}"
        return Route(operation.path, serve, methods=[operation.method], name=name)

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        delivering = asyncio.create_task(self._messenger.run())
        try:
            yield
        finally:
            delivering.cancel()
            with suppress(asyncio.CancelledError):
                await delivering
            self._memory.close()

    # -- a call of the connector ---------------------------------------------------------------------------

    async def _guarded(self, operation: Operation, request: Request) -> Response:
        raw = await request.body()
        slow = self._behaviour.latency
        await asyncio.sleep((self.definition.latency if slow is None else slow) / self._speed)
        key = request.headers.get(IDEMPOTENCY_KEY)
        with self._memory.transaction():
            try:
                answer, repeated = self._answer(operation, request, self._admit(operation, request, raw), key)
            except Refused as refusal:
                answer, repeated = _no(refusal), False
            self._memory.note_call(
                method=request.method,
                path=request.url.path,
                key=key,
                status=answer.status,
                repeated=repeated,
                body=raw.decode() if _as_object(raw) is not None else None,
            )
        self._messenger.wake()
        headers = {"Idempotent-Replayed": "true"} if repeated else None
        return _response(answer, headers)

    def _admit(self, operation: Operation, request: Request, raw: bytes) -> dict[str, Any]:
        """The body of a call that may be looked at.

        Raises:
            Refused: whoever calls, whenever, or whatever they say is not welcome. Nothing is remembered of it
                under its idempotency key: it had no effect.
        """
        if not is_allowed(self.definition.auth, self._own, request.headers):
            raise Refused(401, "NOT_ALLOWED", "These are not the credentials of anybody here.")
        if self._behaviour.fail_next > 0:
            self._behaviour.fail_next -= 1
            self._keep_behaviour()
            raise Refused(self._behaviour.fail_status, "BUSY", f"The {self.definition.name} system is busy.")
        body = _as_object(raw)
        if body is None:
            raise Refused(400, "NOT_JSON", "The body is not a JSON object.")
        if operation.method != "GET" and IDEMPOTENCY_KEY not in request.headers:
            raise Refused(400, "NO_IDEMPOTENCY_KEY", f"What changes something needs the header {IDEMPOTENCY_KEY}.")
        return body

    def _answer(
        self, operation: Operation, request: Request, body: dict[str, Any], key: str | None
    ) -> tuple[Answer, bool]:
        """The answer, and whether it had been given before.

        Raises:
            Refused: the key came with another request before.
        """
        if operation.method == "GET" or key is None:
            return self._do(operation, request, body), False
        fingerprint = _fingerprint(request, body)
        known = self._memory.answered(key)
        if known is not None:
            before, status, said = known
            if before != fingerprint:
                raise Refused(422, "IDEMPOTENCY_KEY_REUSED", "This key came with another request before.")
            return Answer(status=status, body=said), True
        answer = self._do(operation, request, body)
        self._memory.remember_answer(key, fingerprint, answer.status, answer.body)
        return answer, False

    def _do(self, operation: Operation, request: Request, body: dict[str, Any]) -> Answer:
        call = Call(
            path=request.path_params, query=request.query_params, body=body, memory=self._memory, speed=self._speed
        )
        try:
            return operation.handler(call)
        except Refused as refusal:
            return _no(refusal)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        if not is_client(self._own, request.headers, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse({"access_token": self._own["token"], "token_type": "Bearer", "expires_in": 3600})

    # -- behind the scenes -----------------------------------------------------------------------------------

    async def _control(self, operation: Operation, request: Request) -> Response:
        body = _as_object(await request.body())
        if body is None:
            return _response(_no(Refused(400, "NOT_JSON", "The body is not a JSON object.")))
        with self._memory.transaction():
            return _response(self._do(operation, request, body))

    async def _requests(self, _request: Request) -> Response:
        return JSONResponse(self._memory.calls())

    async def _messages(self, _request: Request) -> Response:
        return JSONResponse(self._memory.messages())

    async def _state(self, _request: Request) -> Response:
        return JSONResponse({kind: self._memory.all(kind) for kind in self._memory.kinds()})

    async def _behave(self, request: Request) -> Response:
        if request.method == "POST":
            wanted = _as_object(await request.body())
            if wanted is None or not all(type(value) in _KINDS.get(name, ()) for name, value in wanted.items()):
                return _response(_no(Refused(400, "UNKNOWN_BEHAVIOUR", f"Known are: {_KNOWN}.")))
            for name, value in wanted.items():
                setattr(self._behaviour, name, value)
            self._keep_behaviour()
            self._messenger.wake()
        return JSONResponse(asdict(self._behaviour))

    async def _connector(self, request: Request) -> Response:
        wanted = _as_object(await request.body()) or {}
        if not isinstance(wanted.get("url"), str):
            return _response(_no(Refused(400, "NO_URL", "The body lacks url.")))
        self._memory.put("connector", "url", {"url": wanted["url"]})
        self._messenger.connector = wanted["url"]
        self._messenger.wake()
        return JSONResponse({"url": wanted["url"]})

    def _keep_behaviour(self) -> None:
        self._memory.put("behaviour", "current", asdict(self._behaviour))


_KINDS: Mapping[str, tuple[type, ...]] = {
    "fail_next": (int,),
    "fail_status": (int,),
    "latency": (float, int, NoneType),
    "deliver_twice": (bool,),
    "hold_messages": (bool,),
}
"""What a behaviour's value may be."""

_KNOWN = ", ".join(f"{name} ({' or '.join(kind.__name__ for kind in kinds)})" for name, kinds in _KINDS.items())


def _known_behaviour(memory: Memory, definition: SystemDefinition) -> Behaviour:
    """The behaviour of the last time; at the very first start that of the definition."""
    kept = memory.get("behaviour", "current")
    behaviour = Behaviour(**kept) if kept else Behaviour(fail_next=definition.first_failures)
    if kept is None:
        memory.put("behaviour", "current", asdict(behaviour))
    return behaviour


def _no(refusal: Refused) -> Answer:
    return Answer(status=refusal.status, body={"code": refusal.code, "message": refusal.message})


def _response(answer: Answer, headers: dict[str, str] | None = None) -> Response:
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    return JSONResponse(answer.body, answer.status, headers=headers)


def _as_object(raw: bytes) -> dict[str, Any] | None:
    """The body as a JSON object; an empty one stands for `{}`, None means that it is something else."""
    if not raw:
        return {}
    try:
        value = json.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _fingerprint(request: Request, body: dict[str, Any]) -> str:
    what = [request.method, request.url.path, sorted(request.query_params.items()), body]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
