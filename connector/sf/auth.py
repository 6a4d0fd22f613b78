"""Signing in: one access token for everybody, fetched once, renewed once when Salesforce refuses it.

- JWT bearer: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm
- Client credentials: https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_client_credentials_flow.htm

Neither flow gives a refresh token: renewing is signing in again.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
import requests

from connector.errors import SettingsError
from connector.sf.config import ClientCredentials, JwtBearer, OrgConfig, require_safe_address
from connector.sf.failures import SignInFailed, SignInUnavailable

_ASSERTION_LIFE = timedelta(minutes=3)
"""Salesforce takes assertions that expire within five minutes."""

_SERVER_ERROR = 500
_TOO_MANY = 429


@dataclass(frozen=True, slots=True)
class Token:
    """An access token and the address that it is good for."""

    access: str = field(repr=False)
    instance_url: str


class TokenSource(Protocol):
    """Where everybody who calls Salesforce gets the token."""

    async def token(self) -> Token:
        """The present token; signs in when there is none.

        Raises:
            SignInFailed: a person has to mend something.
            SignInUnavailable: it may work later.
        """
        ...

    async def renew(self, refused: Token) -> Token:
        """A token other than the refused one. Many may ask at once: the first signs in, all get what it got."""
        ...


class SharedToken:
    """The token of one org, cached; at most one sign-in is under way at any time."""

    def __init__(self, config: OrgConfig, session: requests.Session, now: Callable[[], datetime]) -> None:
        self._config = config
        self._session = session
        self._now = now
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def token(self) -> Token:
        """As `TokenSource.token`."""
        if self._token is not None:
            return self._token
        async with self._lock:
            if self._token is None:
                self._token = await asyncio.to_thread(self._sign_in)
            return self._token

    async def renew(self, refused: Token) -> Token:
        """As `TokenSource.renew`."""
        async with self._lock:
            if self._token is None or self._token.access == refused.access:
                self._token = None
                self._token = await asyncio.to_thread(self._sign_in)
            return self._token

    def _sign_in(self) -> Token:
        return sign_in(self._config, self._session, self._now())


def sign_in(config: OrgConfig, session: requests.Session, now: datetime) -> Token:
    """Ask the org for an access token.

    Raises:
        SettingsError: the private key can't be used.
        SignInFailed: Salesforce says no.
        SignInUnavailable: Salesforce can't be asked now.
    """
    headers: dict[str, str] = {}
    if isinstance(config.credentials, JwtBearer):
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": _assertion(config.credentials, config.url, now),
        }
    else:
        form = {"grant_type": "client_credentials"}
        headers["Authorization"] = _basic(config.credentials)
    url = f"{config.url.rstrip('/')}/services/oauth2/token"
    try:
        response = session.post(url, data=form, headers=headers)
    except requests.exceptions.SSLError as error:
        raise SignInFailed(
            f"The certificate of {config.url} is not trusted ({_reason(error)}).",
            hint="Is a proxy in between? Name its certificate authority in the settings.",
        ) from None
    except requests.RequestException as error:
        raise SignInUnavailable(
            f"{config.url} can't be reached ({_reason(error)}).",
            hint="Check the org's address, the network and the proxy.",
        ) from None
    return _token(response, config, now)


def _assertion(credentials: JwtBearer, url: str, now: datetime) -> str:
    claims = {
        "iss": credentials.consumer_key,
        "sub": credentials.username,
        "aud": (credentials.audience or url).rstrip("/"),
        "exp": int((now + _ASSERTION_LIFE).timestamp()),
    }
    try:
        return jwt.encode(claims, _private_key(credentials), algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        # The library's own words may quote the key.
        raise SettingsError(
            "The private key for signing in to Salesforce can't be used.",
            hint="It has to be an RSA private key in PEM form, without a passphrase.",
        ) from None


def _private_key(credentials: JwtBearer) -> str:
    if credentials.private_key is not None:
        return credentials.private_key.get_secret_value()
    if credentials.private_key_file is None:
        raise SettingsError("No private key for signing in to Salesforce is set.")
    try:
        return credentials.private_key_file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The private key file {credentials.private_key_file} can't be read ({type(error).__name__})."
        ) from None


def _basic(credentials: ClientCredentials) -> str:
    pair = f"{credentials.consumer_key}:{credentials.consumer_secret.get_secret_value()}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _token(response: requests.Response, config: OrgConfig, now: datetime) -> Token:
    answer = _json_object(response)
    if response.ok and isinstance(answer.get("access_token"), str):
        return Token(answer["access_token"], _instance_url(answer.get("instance_url"), config.url))
    code, description = str(answer.get("error") or ""), str(answer.get("error_description") or "")
    told = f"Signing in to {config.url} failed: {response.status_code} {code} {description}".strip()
    if response.status_code >= _SERVER_ERROR or response.status_code == _TOO_MANY:
        raise SignInUnavailable(f"{told}.")
    if not code:
        raise SignInFailed(f"{told} (no answer of a Salesforce sign-in).", hint="Is this the org's My Domain address?")
    raise SignInFailed(f"{told}.", hint=sign_in_hint(code, description, clock_skew(response, now)))


def _json_object(response: requests.Response) -> dict[str, Any]:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _instance_url(told: Any, configured: str) -> str:
    """The address that Salesforce gave; the configured one when it gave none that is safe."""
    if not isinstance(told, str):
        return configured
    try:
        parts = require_safe_address(told)
    except SettingsError:
        return configured
    if parts.scheme == "http" and urlsplit(configured).scheme == "https":
        return configured
    return told.rstrip("/")


_NOTABLE_SKEW = timedelta(minutes=1)


def clock_skew(response: requests.Response, now: datetime) -> timedelta:
    """How much later the server's clock is than ours, as far as its `Date` tells."""
    try:
        told = datetime.strptime(response.headers.get("Date", ""), "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
    except ValueError:
        return timedelta(0)
    return told - now


def sign_in_hint(code: str, description: str, skew: timedelta = timedelta(0)) -> str:
    """What a person should look at, for an OAuth error of Salesforce's token endpoint."""
    text = description.lower()
    if abs(skew) > _NOTABLE_SKEW and code == "invalid_grant":
        return (
            f"This machine's clock differs from Salesforce's by {abs(int(skew.total_seconds()))} seconds: set it right."
        )
    for needle, hint in _DESCRIPTION_HINTS:
        if needle in text:
            return hint
    return _CODE_HINTS.get(code, "See the login history of the integration user in Setup.")


_DESCRIPTION_HINTS = (
    (
        "hasn't approved this consumer",
        "Let the app's policy pre-authorise users, and add the integration user's permission set to it.",
    ),
    ("not admin approved", "Add the integration user's permission set to the app's policy."),
    ("app_not_found", "The consumer key is unknown in this org: check the key, and use the org's My Domain address."),
    ("audience", "The audience must be the org's My Domain address (or https://login.salesforce.com for older apps)."),
    ("expired", "The assertion or the app's certificate has expired: check the clock, then renew the certificate."),
    ("invalid assertion", "The private key doesn't belong to the certificate that the app has."),
    ("no client credentials user", "Name an execution user in the app's client credentials policy."),
    ("ip restricted", "The app or the user's profile doesn't allow this machine's address."),
    ("inactive", "The integration user is not active."),
)
_CODE_HINTS = {
    "app_not_found": "The consumer key is unknown in this org: check the key, and use the org's My Domain address.",
    "invalid_client_id": "The consumer key is unknown in this org: check the key and the org's address.",
    "invalid_client": "The consumer secret is wrong, or the app doesn't exist.",
    "invalid_app_access": "Add the integration user's permission set to the app's policy.",
    "inactive_user": "The integration user is not active.",
    "unsupported_grant_type": "Switch this flow on in the app's settings.",
    "invalid_grant": "Check user name, certificate and policy of the app; the user's login history says more.",
}


def _reason(error: Exception) -> str:
    """The name of what happened, without addresses and payloads."""
    return type(error).__name__
