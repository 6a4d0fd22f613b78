"""How a request proves who sends it: headers made from credentials, and OAuth tokens fetched for them."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import quote_plus, urlencode

import httpx
from pydantic import SecretStr

from connector.callouts.connections import Connections
from connector.callouts.destination import ApiKey, Basic, Bearer, ClientCredentials, Credentials
from connector.callouts.document import NotJson, parse
from connector.callouts.exchange import Answer, exchange
from connector.callouts.verdict import TRANSIENT_STATUSES
from connector.model.failure import Failure, FailureClass

TOKEN_SECONDS = 10.0
"""Longest time for fetching a token."""
MAX_TOKEN_BYTES = 64_000
DEFAULT_LIFETIME = 300.0
"""Life of a token whose server doesn't say, in seconds."""
USED_SHARE = 0.8
"""Share of its life after which a token is replaced."""


class NoToken(Exception):
    """No token is to be had; `failure` says why. Nothing was sent to the system itself."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Authenticator(Protocol):
    """Makes the headers of one destination's credentials."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every value that nobody may see, the present token included."""

    async def headers(self) -> Mapping[str, str]:
        """Headers for one request.

        Raises:
            NoToken: there are none to be had.
        """

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Hear that a system answered 401 to these headers. True: `headers()` may now give better ones."""

    async def close(self) -> None:
        """Let go of what it holds."""


def authenticator(credentials: Credentials | None, connections: Connections) -> Authenticator:
    """The authenticator for credentials; tokens are fetched over `connections`."""
    match credentials:
        case None:
            return _Fixed({}, ())
        case Basic(username=username, password=password):
            pair = base64.b64encode(f"{username}:{_value(password)}".encode()).decode()
            return _Fixed({"authorization": f"Basic {pair}"}, (pair, _value(password)))
        case Bearer(token=token):
            return _Fixed({"authorization": f"Bearer {_value(token)}"}, (_value(token),))
        case ApiKey(header=header, value=value):
            return _Fixed({header: _value(value)}, (_value(value),))
        case ClientCredentials():
            return TokenSource(credentials, connections)


def _value(secret: SecretStr) -> str:
    # A secret from a mounted file often has a line end that nobody meant.
    return secret.get_secret_value().rstrip("\r\n")


class _Fixed:
    """Headers that never change."""

    def __init__(self, headers: Mapping[str, str], secrets: tuple[str, ...]) -> None:
        self._headers = headers
        self.secrets = secrets

    async def headers(self) -> Mapping[str, str]:
        return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:  # noqa: ARG002 - part of the protocol
        return False

    async def close(self) -> None:
        """Nothing to let go of."""


class TokenSource:
    """OAuth 2.0 client credentials: one token for everybody, fetched once at a time.

    While a fetch is under way all who need the token wait for that one, and share its failure.
    """

    def __init__(
        self, credentials: ClientCredentials, connections: Connections, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._credentials = credentials
        self._connections = connections
        self._clock = clock
        self._token = ""
        self._fresh_until = 0.0
        self._fetch: asyncio.Task[str] | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The client secret, the pair that it is sent in, and the present token."""
        secret = _value(self._credentials.client_secret)
        pair = base64.b64encode(f"{quote_plus(self._credentials.client_id)}:{quote_plus(secret)}".encode()).decode()
        return (secret, pair, self._token)

    async def headers(self) -> Mapping[str, str]:
        """The header with a token that is fresh; fetches one where needed.

        Raises:
            NoToken: the token server gave none.
        """
        token = self._token
        if not token or self._clock() >= self._fresh_until:
            if self._fetch is None:
                self._fetch = asyncio.create_task(self._fetch_token())
                self._fetch.add_done_callback(self._fetched)
            # Shielded: one caller's time-out must not take the token from the others.
            token = await asyncio.shield(self._fetch)
        return {"authorization": f"Bearer {token}"}

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Forget the token, unless it is a newer one than that in `headers`."""
        if headers.get("authorization") == f"Bearer {self._token}":
            self._fresh_until = 0.0
        return True

    async def close(self) -> None:
        """End a fetch that is under way."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.wait((self._fetch,))

    def _fetched(self, fetch: asyncio.Task[str]) -> None:
        self._fetch = None
        if not fetch.cancelled():
            fetch.exception()  # looked at: everybody who waited may have gone

    async def _fetch_token(self) -> str:
        async with self._connections.one() as connection:
            answer = await exchange(connection, self._request(), max_bytes=MAX_TOKEN_BYTES, seconds=TOKEN_SECONDS)
        if isinstance(answer, Failure):
            # Asking for a token twice does no harm, so an unknown outcome of it is only transient.
            mendable = answer.failure_class is FailureClass.CONFIGURATION
            raise _no_token(
                "TOKEN_REFUSED" if mendable else "TOKEN_UNAVAILABLE", answer.message, transient=not mendable
            )
        try:
            body = None if answer.unreadable else parse(answer.body)
        except NotJson:
            body = None
        fields = body if isinstance(body, dict) else {}
        if answer.status != 200:  # noqa: PLR2004 - RFC 6749, 5.1
            raise _refusal(answer, fields)
        token, kind, lifetime = fields.get("access_token"), fields.get("token_type"), fields.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise _no_token("TOKEN_INVALID", "The answer holds no usable access_token.")
        if isinstance(kind, str) and kind.lower() != "bearer":
            raise _no_token("TOKEN_INVALID", f"The token is of type {kind[:40]!r}, not Bearer.")
        self._token = token
        self._fresh_until = self._clock() + _seconds(lifetime) * USED_SHARE
        return token

    def _request(self) -> httpx.Request:
        credentials = self._credentials
        secret = _value(credentials.client_secret)
        form = {"grant_type": "client_credentials"}
        if credentials.scope:
            form["scope"] = credentials.scope
        if credentials.audience:
            form["audience"] = credentials.audience
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/x-www-form-urlencoded",
        }
        if credentials.in_body:
            form |= {"client_id": credentials.client_id, "client_secret": secret}
        else:
            # RFC 6749, 2.3.1: both are form-encoded before they become a Basic pair.
            pair = f"{quote_plus(credentials.client_id)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        return httpx.Request("POST", credentials.token_url, headers=headers, content=urlencode(form))


def _seconds(lifetime: object) -> float:
    # A number by RFC 6749, a text by some servers.
    if isinstance(lifetime, (int, float)):
        return max(float(lifetime), 0.0)
    if isinstance(lifetime, str) and lifetime.isascii() and lifetime.isdigit():
        return float(lifetime[:9])
    return DEFAULT_LIFETIME


def _refusal(answer: Answer, fields: Mapping[str, object]) -> NoToken:
    transient = answer.status in TRANSIENT_STATUSES
    error = fields.get("error")
    said = f" ({error[:80]})" if isinstance(error, str) else ""
    return _no_token(
        "TOKEN_UNAVAILABLE" if transient else "TOKEN_REFUSED",
        f"The token server answered with status {answer.status}{said}.",
        transient=transient,
    )


def _no_token(code: str, reason: str, *, transient: bool = False) -> NoToken:
    return NoToken(
        Failure(
            failure_class=FailureClass.TRANSIENT if transient else FailureClass.CONFIGURATION,
            code=code,
            message=f"No access token, so nothing was sent: {reason}",
        )
    )
