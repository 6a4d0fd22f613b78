"""Events by CometD (Streaming API), with aiosfstream-ng under a supervisor.

The library keeps a connection alive by itself in ways that can lose or stall events: after a broken
answer it polls on, although what was in that answer is gone, and a refused poll without advice is
repeated without pause. So here a connection lives until its first failure of any kind; then it is thrown
away, and a new one subscribes after the last event that the consumer took.

- https://developer.salesforce.com/docs/atlas.en-us.api_streaming.meta/api_streaming/using_streaming_api_durability.htm
- https://developer.salesforce.com/docs/atlas.en-us.api_streaming.meta/api_streaming/streaming_handling_errors.htm
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from datetime import datetime
from typing import Any

import aiohttp
import structlog
from aiocometd_ng.constants import TransportState
from aiocometd_ng.transports.base import TransportBase
from aiosfstream_ng.auth import AuthenticatorBase
from aiosfstream_ng.client import Client
from aiosfstream_ng.exceptions import AiosfstreamException, ServerError
from aiosfstream_ng.replay import ReplayMarker, ReplayMarkerStorage, ReplayOption

from connector.errors import RemoteError
from connector.sf.auth import Token, TokenSource
from connector.sf.backoff import Backoff
from connector.sf.config import OrgConfig
from connector.sf.events import ReceivedEvent
from connector.sf.tally import Tally

log = structlog.get_logger(__name__)

_POSITION_BYTES = 8
_OPENING_SECONDS = 60.0
_CLOSING_SECONDS = 5.0
_STEADY_SECONDS = 120.0
"""A connection that lived this long was a good one: the next failure is a first one."""

_LIMIT_WAIT = 300.0
"""After the daily allowance of event deliveries is spent: until then the reconciler finds orders by query."""

_UNAUTHORIZED, _FORBIDDEN, _BAD_REQUEST = "401", "403", "400"


def to_position(replay_id: int) -> bytes:
    """A replay id as stored: eight bytes, as the Pub/Sub API gives the same number."""
    return replay_id.to_bytes(_POSITION_BYTES, "big", signed=True)


def from_position(position: bytes) -> int | None:
    """The replay id of a stored position; None when it is not one of ours."""
    return int.from_bytes(position, "big", signed=True) if len(position) == _POSITION_BYTES else None


class StreamBroken(RemoteError):
    """The connection for events ended; `reason` is in Salesforce's words where it gave any."""

    code = "SF_STREAM"


class CometdSource:
    """`EventSource` by CometD."""

    def __init__(
        self,
        config: OrgConfig,
        tokens: TokenSource,
        tally: Tally,
        now: Callable[[], datetime],
        *,
        backoff: Backoff | None = None,
        limit_wait: float = _LIMIT_WAIT,
        prefetch: int = 100,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._tokens = tokens
        self._tally = tally
        self._now = now
        self._backoff = backoff or Backoff(first=0.5, cap=60.0)
        self._limit_wait = limit_wait
        self._prefetch = prefetch
        self._rest = rest
        self._config = config
        self._refused: Token | None = None

    async def subscribe(
        self, topics: Sequence[str], positions: Mapping[str, bytes], gap: Callable[[str], None]
    ) -> AsyncGenerator[ReceivedEvent, None]:
        """As `EventSource.subscribe`."""
        replay: dict[str, int] = {}
        for topic in topics:
            position = from_position(positions.get(topic, b""))
            if position is not None:
                replay[topic] = position
        failures = 0
        while True:
            began = time.monotonic()
            try:
                async with aclosing(self._connection(topics, replay, gap)) as events:
                    async for event in events:
                        yield event
                        taken = from_position(event.position)
                        if taken is not None:
                            replay[event.topic] = taken
            except (RemoteError, AiosfstreamException, aiohttp.ClientError, OSError) as error:
                failures = 1 if time.monotonic() - began > _STEADY_SECONDS else failures + 1
                await self._recover(error, failures, topics, gap)

    async def _recover(
        self, error: Exception, failures: int, topics: Sequence[str], gap: Callable[[str], None]
    ) -> None:
        self._tally.stream_failures += 1
        reason = _reason(error)
        wait = self._backoff.wait(failures, random.random())  # noqa: S311 (a spread, not a secret)
        if "limit exceeded" in reason.lower():
            wait = self._limit_wait
            for topic in topics:
                gap(topic)
        log.warning("event_stream_failed", reason=reason, failures=failures, retry_in=round(wait, 1))
        await self._rest(wait)

    async def _connection(
        self, topics: Sequence[str], replay: dict[str, int], gap: Callable[[str], None]
    ) -> AsyncGenerator[ReceivedEvent, None]:
        """Events of one connection, until it fails."""
        authenticator = _TokenAuthenticator(self._tokens, self._refused)
        replay_ids = _ReplayIds(replay)
        client = _Client(authenticator, replay_ids, self._config, prefetch=self._prefetch)
        try:
            async with asyncio.timeout(_OPENING_SECONDS):
                await client.open()
                for topic in topics:
                    await self._subscribe(client, topic, replay, gap)
            self._refused = None
            log.info("event_stream_open", topics=list(topics))
            while True:
                event = _event(await client.receive(), self._now())
                self._tally.events_received += 1
                yield event
        except (RemoteError, AiosfstreamException, aiohttp.ClientError, OSError) as error:
            reason = replay_ids.refusal or _reason(error)
            if _is_about_the_token(reason):
                self._refused = authenticator.given
            raise StreamBroken(reason) from None
        finally:
            await client.shut()

    async def _subscribe(self, client: _Client, topic: str, replay: dict[str, int], gap: Callable[[str], None]) -> None:
        try:
            await client.subscribe(topic)
        except ServerError as error:
            if topic not in replay or not _is_about_the_position(error):
                raise
            log.warning("event_position_refused", topic=topic, reason=error.error)
            self._tally.stream_gaps += 1
            del replay[topic]
            gap(topic)
            await client.subscribe(topic)


class _TokenAuthenticator(AuthenticatorBase):
    """Gives the library the shared token, and a new one when the one it gave was refused."""

    def __init__(self, tokens: TokenSource, refused: Token | None) -> None:
        super().__init__()
        self._tokens = tokens
        self.given: Token | None = refused

    async def _authenticate(self) -> tuple[int, dict[str, str]]:
        token = await (self._tokens.token() if self.given is None else self._tokens.renew(self.given))
        self.given = token
        return 200, {
            "access_token": token.access,
            "token_type": "Bearer",
            "instance_url": token.instance_url,
        }


class _ReplayIds(ReplayMarkerStorage):
    """Tells the library where to subscribe, and reads along for what the library overlooks."""

    def __init__(self, replay: Mapping[str, int]) -> None:
        super().__init__()
        self._replay = replay
        self.refusal: str | None = None
        """Why Salesforce refused the last poll."""

    async def get_replay_id(self, subscription: str) -> int:
        """After the last event taken; from the earliest where there is none."""
        return self._replay.get(subscription, ReplayOption.ALL_EVENTS.value)

    async def extract_replay_id(self, message: Any) -> None:
        """Nothing: an event counts when the consumer has taken it."""

    async def get_replay_marker(self, subscription: str) -> ReplayMarker | None:  # noqa: ARG002 (the library's)
        """No marker: `get_replay_id` says it all."""
        return None

    async def set_replay_marker(self, subscription: str, replay_marker: ReplayMarker) -> None:
        """Nothing."""

    async def incoming(self, payload: Any, headers: Any = None) -> None:  # noqa: ARG002 (the library's)
        """Fail the connection on a refused poll, or on an answer that is no CometD message."""
        for message in payload if isinstance(payload, list) else [payload]:
            if not isinstance(message, dict) or not isinstance(message.get("channel"), str):
                self.refusal = f"not a CometD answer: {_http_error(message)}"
                raise StreamBroken(self.refusal)
            if message["channel"] in ("/meta/connect", "/meta/handshake") and message.get("successful") is False:
                self.refusal = _refusal(message)
                if message["channel"] == "/meta/connect":
                    raise StreamBroken(self.refusal)


class _Client(Client):
    """The library's client with some of its ways mended: each comment says which."""

    def __init__(
        self,
        authenticator: AuthenticatorBase,
        replay: ReplayMarkerStorage,
        config: OrgConfig,
        *,
        prefetch: int,
    ) -> None:
        super().__init__(authenticator, replay=replay, max_pending_count=prefetch)
        self._config = config
        if config.ca_file is not None:
            self.ssl = ssl.create_default_context(cafile=str(config.ca_file))

    def get_cometd_url(self, instance_url: str) -> str:  # type: ignore[override] # theirs is static
        """Where to connect. The library's own is of version 45.0, whose events have no EventUuid."""
        return f"{instance_url}/cometd/{self._config.api_version}"

    async def _get_http_session(self) -> aiohttp.ClientSession:
        if self._http_session is None:
            self._http_session = aiohttp.ClientSession(trust_env=self._config.trust_environment)
        return self._http_session

    async def _wait_connection_timeout(self, timeout: float) -> None:  # noqa: ASYNC109, ARG002 (the library's)
        # The library's own uses an argument of asyncio that is gone since Python 3.10. It would let the
        # transport reconnect, and what was in the answer that broke would be lost: here the first failed
        # poll ends the connection.
        if self._transport is not None:
            await self._transport.wait_for_state(TransportState.CONNECTING)

    async def shut(self) -> None:
        """Close for good, whatever state it is in; the library's own `close` skips what was never open."""
        transport = self._transport
        if isinstance(transport, TransportBase):
            task = transport._connect_task  # noqa: SLF001 (no other way to it)
            if task is not None:
                # The callback doesn't expect a cancelled poll: asyncio would log a traceback at every end.
                task.remove_done_callback(transport._connect_done)  # noqa: SLF001
            with suppress(AiosfstreamException, StreamBroken, aiohttp.ClientError, OSError):
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await transport.disconnect()
        self._closed = True
        if self._http_session is not None:
            await self._http_session.close()


def _event(message: Any, now: datetime) -> ReceivedEvent:
    """The event in a CometD message; what is missing is empty."""
    data = message.get("data")
    data = data if isinstance(data, dict) else {}
    about, payload = data.get("event"), data.get("payload")
    about = about if isinstance(about, dict) else {}
    replay_id = about.get("replayId")
    return ReceivedEvent(
        topic=message["channel"],
        position=to_position(replay_id) if isinstance(replay_id, int) else b"",
        uuid=str(about.get("EventUuid") or about.get("uuid") or ""),
        payload=payload if isinstance(payload, dict) else {},
        received_at=now,
    )


def _refusal(message: Mapping[str, Any]) -> str:
    failure = ((message.get("ext") or {}).get("sfdc") or {}).get("failureReason")
    return str(failure or message.get("error") or "refused without a reason")


def _http_error(message: Any) -> str:
    if isinstance(message, dict):
        return f"{message.get('errorCode', '')} {message.get('message', '')}".strip()
    return str(message)[:200]


def _reason(error: Exception) -> str:
    if isinstance(error, ServerError):
        return _refusal(error.response or {})
    return str(error) or type(error).__name__


def _is_about_the_token(reason: str) -> bool:
    return reason.startswith((f"{_UNAUTHORIZED}:", f"{_FORBIDDEN}::Handshake")) or "INVALID_SESSION_ID" in reason


def _is_about_the_position(error: ServerError) -> bool:
    text = _refusal(error.response or {})
    return text.startswith(f"{_BAD_REQUEST}:") and "replay" in text.lower()
