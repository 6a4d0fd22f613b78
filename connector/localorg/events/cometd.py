"""CometD (Bayeux over long polling), as the Streaming API of Salesforce speaks it, with the replay extension.

Source: Streaming API Developer Guide, "How the Client Connects", "Handling Streaming API Errors", "Message
Durability". The first connect after a handshake is answered at once; a later one waits for events. A client that
does not come back within 40 seconds is forgotten.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from connector.localorg.errors import SalesforceError
from connector.localorg.events.bus import NEWEST, PositionRefused
from connector.localorg.events.delivery import Subscription, collect, message
from connector.localorg.faults import Fault
from connector.localorg.oauth import Session
from connector.localorg.org import Org

Message = dict[str, Any]


class Dropped(Exception):
    """The connection is to break without an answer."""


@dataclass(slots=True)
class _Client:
    """One handshake and what came of it. `turn` counts its connects: only the last one may answer with events."""

    id: str
    token: str
    seen: float
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    turn: int = 0


class CometD:
    """All CometD clients of the org. Belongs to one event loop."""

    def __init__(self, org: Org) -> None:
        self.poll_seconds = 110.0
        """How long a connect waits for events."""
        self.patience_seconds = 40.0
        """How long a client may stay away."""
        self._org = org
        self._clients: dict[str, _Client] = {}
        self._waiting: set[asyncio.Event] = set()
        self._loop = asyncio.get_running_loop()
        self._closing = False
        org.bus.ring_for(self._ring_from_any_thread)
        org.oauth.on_revoked = self._ring_from_any_thread

    async def answer(self, messages: list[Message], token: str, gone: Awaitable[None]) -> list[Message]:
        """Answer one request. Ends early when the caller is `gone`.

        Raises:
            Dropped: a fault wants the connection to break.
        """
        replies: list[Message] = []
        connects = [each for each in messages if each.get("channel") == "/meta/connect"]
        for each in messages:
            if each.get("channel") != "/meta/connect":
                replies.extend(self._meta(each, token))
        for each in connects:
            replies.extend(await self._connect(each, token, gone, at_once=len(messages) > 1))
        return replies

    def close(self) -> None:
        """Answer all waiting connects now."""
        self._closing = True
        self._ring()

    def _meta(self, request: Message, token: str) -> list[Message]:
        channel = request.get("channel")
        if channel == "/meta/handshake":
            return [self._handshake(request, token)]
        client = self._client(request)
        if client is None:
            return [_failed(request, "403::Unknown client", {"reconnect": "handshake", "interval": 0})]
        if channel == "/meta/subscribe":
            return [self._subscribe(client, request, name) for name in _names(request)]
        if channel == "/meta/unsubscribe":
            return [self._unsubscribe(client, request, name) for name in _names(request)]
        if channel == "/meta/disconnect":
            self._clients.pop(client.id, None)
            self._ring()
            return [_reply(request, clientId=client.id)]
        return [_failed(request, f"403:{channel}:Publishing to this channel is not allowed")]

    def _handshake(self, request: Message, token: str) -> Message:
        if self._session(token) is None:
            reply = _failed(request, "403::Handshake denied", {"reconnect": "none"})
            return reply | {"ext": {"sfdc": {"failureReason": "401::Authentication invalid"}}}
        if "long-polling" not in request.get("supportedConnectionTypes", ["long-polling"]):
            return _failed(request, "400::Invalid connection type", {"reconnect": "none"})
        client = _Client(secrets.token_hex(16), token, self._loop.time())
        self._clients[client.id] = client
        return _reply(
            request,
            ext={"replay": True, "payload.format": True},
            version="1.0",
            minimumVersion="1.0",
            clientId=client.id,
            supportedConnectionTypes=["long-polling"],
        )

    def _subscribe(self, client: _Client, request: Message, channel: str) -> Message:
        more = {"clientId": client.id, "subscription": channel}
        session = self._session(client.token)
        if session is None:
            return _failed(request, "401::Authentication invalid", {"reconnect": "none"}) | more
        topics = self._org.bus.topics(channel)
        if not topics:
            error = f"400::The channel you requested to subscribe to does not exist {{{channel}}}"
            return _failed(request, error) | more
        access = self._org.security.access(session.user_id)
        if not all(access.object(self._org.schema[topic]).read for topic in topics):
            return _failed(request, "403:denied_by_security_policy:create_denied") | more
        asked = ((request.get("ext") or {}).get("replay") or {}).get(channel, NEWEST)
        try:
            position = self._position(int(asked))
        except (PositionRefused, TypeError, ValueError):
            error = (
                f"400::The replayId {{{asked}}} you provided was invalid.  Please provide a valid ID, -2 to replay "
                "all events, or -1 to replay only new events."
            )
            return _failed(request, error) | more
        client.subscriptions[channel] = Subscription(channel, topics, position)
        self._ring()
        return _reply(request, **more)

    def _position(self, asked: int) -> int:
        if asked >= 0 and self._org.faults.take(Fault.POSITION_REFUSED):
            raise PositionRefused
        return self._org.bus.position(asked)

    def _unsubscribe(self, client: _Client, request: Message, channel: str) -> Message:
        client.subscriptions.pop(channel, None)
        return _reply(request, clientId=client.id, subscription=channel)

    async def _connect(self, request: Message, token: str, gone: Awaitable[None], *, at_once: bool) -> list[Message]:
        client = self._client(request)
        if client is not None and self._org.faults.take(Fault.STREAM_FORGET):
            self._clients.pop(client.id)
            client = None
        if client is None:
            return [_failed(request, "403::Unknown client", {"reconnect": "handshake", "interval": 0})]
        client.turn += 1
        turn = client.turn
        self._ring()
        wait = (request.get("advice") or {}).get("timeout")
        seconds = self.poll_seconds if wait is None else min(wait / 1000, self.poll_seconds)
        await self._wait(client, turn, token, 0.0 if turn == 1 or at_once else seconds, gone)
        if self._org.faults.take(Fault.STREAM_DROP):
            raise Dropped
        if self._session(token) is None:
            self._clients.pop(client.id, None)
            return [_failed(request, "401::Authentication invalid", {"reconnect": "none", "interval": 0})]
        client.seen = self._loop.time()
        advice = {"reconnect": "retry", "interval": 0, "timeout": int(self.poll_seconds * 1000)}
        reply = _reply(request, clientId=client.id, advice=advice)
        if client.turn != turn:
            return [reply]
        found = collect(self._org.bus, self._org.faults, list(client.subscriptions.values()))
        self._org.meter.events_delivered += len(found)
        return [*(message(channel, event) for channel, event in found), reply]

    async def _wait(self, client: _Client, turn: int, token: str, seconds: float, gone: Awaitable[None]) -> None:
        """Until there are events, the time is up, the client is back with another connect, or something has ended."""
        deadline = self._loop.time() + seconds
        leaving = asyncio.ensure_future(gone)
        bell = asyncio.Event()
        self._waiting.add(bell)
        try:
            while client.turn == turn and client.id in self._clients and not (self._closing or leaving.done()):
                left = deadline - self._loop.time()
                if left <= 0 or self._has_news(client) or self._session(token) is None:
                    return
                client.seen = self._loop.time() + left
                bell.clear()
                ringing = asyncio.ensure_future(bell.wait())
                await asyncio.wait({ringing, leaving}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                ringing.cancel()
            if leaving.done():
                client.turn += 1
        finally:
            self._waiting.discard(bell)

    def _has_news(self, client: _Client) -> bool:
        bus = self._org.bus
        return any(bus.after(each.position, each.topics, 1) for each in client.subscriptions.values())

    def _client(self, request: Message) -> _Client | None:
        now = self._loop.time()
        for stale in [each.id for each in self._clients.values() if now - each.seen > self.patience_seconds]:
            del self._clients[stale]
        return self._clients.get(request.get("clientId", ""))

    def _session(self, token: str) -> Session | None:
        try:
            return self._org.oauth.session(token)
        except SalesforceError:
            return None

    def _ring_from_any_thread(self) -> None:
        if not self._closing:
            self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        for bell in self._waiting:
            bell.set()


def _names(request: Message) -> list[str]:
    names = request.get("subscription", [])
    return names if isinstance(names, list) else [names]


def _reply(request: Message, **more: Any) -> Message:
    reply: Message = {"channel": request.get("channel"), "successful": True, **more}
    if "id" in request:
        reply["id"] = request["id"]
    return reply


def _failed(request: Message, error: str, advice: dict[str, Any] | None = None) -> Message:
    reply = _reply(request) | {"successful": False, "error": error}
    return reply if advice is None else reply | {"advice": advice}
