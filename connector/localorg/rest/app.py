"""The ASGI application: from bytes on a connection to the part of the org that answers.

Written against ASGI itself: one path, one body, one answer, and the means to break a connection on purpose.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from connector.localorg.errors import SalesforceError, not_found, refused, session_expired
from connector.localorg.events.cometd import CometD, Dropped
from connector.localorg.faults import Fault
from connector.localorg.org import NEWEST_VERSION, OLDEST_VERSION, Org
from connector.localorg.rest.backdoor import BackDoor
from connector.localorg.rest.message import Reply, Request
from connector.localorg.rest.router import Router
from connector.localorg.rest.signin import SignIn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_WINTER = 2
LARGEST_BODY = 50 * 1024 * 1024

_SLASHES = re.compile(rb"/{2,}")
_VERSION = re.compile(r"v(\d{2,3}\.0)")
_COMETD = re.compile(r"/cometd/\d+\.0(/.*)?")
_CLIENT = re.compile(r"client=([^,;\s]+)")


@dataclass(frozen=True, slots=True)
class _Call:
    """One HTTP request. Header names are lower case; `path` has no doubled slashes."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def segments(self) -> list[str]:
        """The decoded parts of the path."""
        return [unquote(each) for each in self.path.split("/") if each]


class App:
    """One org over HTTP."""

    def __init__(self, org: Org, admin_token: str) -> None:
        self._org = org
        self._admin_token = admin_token
        self._router = Router(org)
        self._sign_in = SignIn(org)
        self._back_door = BackDoor(org)
        self._cometd: CometD | None = None
        self._closing = asyncio.Event()

    @property
    def cometd(self) -> CometD:
        """The CometD endpoint; made when the event loop runs."""
        if self._cometd is None:
            self._cometd = CometD(self._org)
        return self._cometd

    def close(self) -> None:
        """Keep nobody waiting any longer."""
        self._closing.set()
        self.cometd.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        raw = await _body(receive)
        call = _call(scope, raw or b"")
        try:
            if raw is None:
                reply = Reply(413, [{"errorCode": "REQUEST_TOO_LARGE", "message": "the body is too large"}])
            elif _COMETD.fullmatch(call.path):
                reply = await self._stream(call, receive)
            else:
                reply = await self._answer(call)
        except Dropped:
            await _break(send)
            return
        await _send(send, reply, head=scope["method"] == "HEAD")

    async def _answer(self, call: _Call) -> Reply:
        match call.segments:
            case ["services", "data"]:
                return Reply(200, _versions())
            case ["services", "data", version, *rest]:
                return await self._api(call, version, tuple(rest))
            case ["localorg", resource]:
                return self._through_back_door(call, resource)
        return self._identity(call)

    def _identity(self, call: _Call) -> Reply:
        match call.segments:
            case ["services", "oauth2", "token"] if call.method == "POST":
                return self._sign_in.token(call.headers, call.raw)
            case ["services", "oauth2", "revoke"]:
                return self._sign_in.revoke(call.query, call.raw)
            case ["services", "oauth2", "userinfo"] | ["id", _, _]:
                return self._who(call.headers)
        return Reply(404, not_found().body())

    async def _api(self, call: _Call, version: str, path: tuple[str, ...]) -> Reply:
        slow = self._org.faults.take(Fault.SLOW)
        if slow:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), slow.seconds)
        try:
            request = self._request(call, version, path)
            self._org.faults.before_call()
            self._org.meter.call(self._router.kind(request), request.actor.client)
            reply = self._router.answer(request)
        except SalesforceError as error:
            reply = Reply(error.status, error.body())
        if self._org.faults.take(Fault.ANSWER_LOST):
            raise Dropped
        return Reply(reply.status, reply.body, {**reply.headers, "Sforce-Limit-Info": self._org.meter.header()})

    def _request(self, call: _Call, version: str, path: tuple[str, ...]) -> Request:
        match = _VERSION.fullmatch(version)
        number = float(match[1]) if match else 0.0
        if not OLDEST_VERSION <= number <= NEWEST_VERSION:
            raise not_found()
        session = self._org.oauth.session(_token(call.headers))
        client = _CLIENT.search(call.headers.get("sforce-call-options", ""))
        return Request(
            method=call.method,
            path=path,
            version=number,
            actor=self._org.security.actor(session.user_id, client[1] if client else ""),
            query=call.query,
            headers=call.headers,
            raw=call.raw,
        )

    def _who(self, headers: dict[str, str]) -> Reply:
        try:
            return self._sign_in.who(self._org.oauth.session(_token(headers)))
        except SalesforceError:
            return Reply(403, {"error": "invalid_token", "error_description": "Bad_OAuth_Token"})

    def _through_back_door(self, call: _Call, resource: str) -> Reply:
        try:
            token = _token(call.headers)
        except SalesforceError:
            token = ""
        if not secrets.compare_digest(token.encode(), self._admin_token.encode()):
            return Reply(401, {"error": "the admin token is needed"})
        try:
            body = orjson.loads(call.raw) if call.raw else {}
        except orjson.JSONDecodeError as error:
            return Reply(400, {"error": f"not JSON: {error}"})
        return self._back_door.answer(call.method, resource, body)

    async def _stream(self, call: _Call, receive: Receive) -> Reply:
        try:
            messages = orjson.loads(call.raw) if call.method == "POST" else None
        except orjson.JSONDecodeError:
            messages = None
        if isinstance(messages, dict):
            messages = [messages]
        if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
            return Reply(400, [{"errorCode": "400", "message": "only JSON over long polling is understood"}])
        try:
            token = _token(call.headers)
        except SalesforceError:
            token = ""
        leaving = asyncio.ensure_future(_gone(receive))
        try:
            replies = await self.cometd.answer(messages, token, leaving)
        finally:
            leaving.cancel()
        return Reply(200, replies, {"Set-Cookie": "BAYEUX_BROWSER=localorg; Path=/"})


def _call(scope: Scope, raw: bytes) -> _Call:
    method = scope["method"]
    return _Call(
        "GET" if method == "HEAD" else method,
        _SLASHES.sub(b"/", scope["raw_path"]).decode("ascii", "replace"),
        dict(parse_qsl(scope["query_string"].decode("ascii", "replace"), keep_blank_values=True)),
        {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        raw,
    )


def _token(headers: dict[str, str]) -> str:
    header = headers.get("authorization")
    if header is None:
        raise session_expired()
    scheme, _, token = header.partition(" ")
    if scheme.lower() not in ("bearer", "oauth") or not token:
        raise refused("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    return token.strip()


def _versions() -> list[dict[str, str]]:
    names = ("Spring", "Summer", "Winter")
    return [
        {
            # Three releases a year: v66 is Spring '26, v67 Summer '26, v68 Winter '27.
            "label": f"{names[number % 3]} '{number // 3 + 4 + (number % 3 == _WINTER):02d}",
            "url": f"/services/data/v{number}.0",
            "version": f"{number}.0",
        }
        for number in range(OLDEST_VERSION, NEWEST_VERSION + 1)
    ]


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None if it is too large."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= LARGEST_BODY:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if size <= LARGEST_BODY else None


async def _gone(receive: Receive) -> None:
    """Until the caller has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, reply: Reply, *, head: bool = False) -> None:
    content = b"" if reply.body is None else orjson.dumps(reply.body)
    headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
    if reply.body is not None:
        headers.append((b"content-type", b"application/json;charset=UTF-8"))
    if reply.status != 204:  # noqa: PLR2004 -- no content, no length
        headers.append((b"content-length", str(len(content)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else content})


async def _break(send: Send) -> None:
    """Promise a body and never send it: the server then closes the connection, and the client sees it break."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
