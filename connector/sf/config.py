"""How an org is reached and what it may cost: plain values, made by the composition root from the settings."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from connector.errors import SettingsError

API_VERSION = "66.0"
"""Spring '26: the oldest version that this program is written for."""

CLIENT_NAME = "order-connector"
"""How our calls name themselves (`Sforce-Call-Options`): change events of our own writes carry it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtBearer:
    """Sign in with a certificate: OAuth 2.0 JWT bearer flow of an external client app (or connected app).

    One of `private_key` (PEM text) and `private_key_file` is given. `audience` defaults to the org's address,
    which is what external client apps want; older connected apps also know `https://login.salesforce.com`.
    """

    consumer_key: str
    username: str
    private_key: SecretStr | None = None
    private_key_file: Path | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """Sign in with a secret: OAuth 2.0 client credentials flow; runs as the app's execution user."""

    consumer_key: str
    consumer_secret: SecretStr


Credentials: TypeAlias = JwtBearer | ClientCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for a whole call."""

    connect: float = 10.0
    read: float = 60.0
    call: float = 120.0

    @classmethod
    def within(cls, seconds: float) -> Timeouts:
        """The usual ones, as far as they fit into a call of so many seconds."""
        usual = cls()
        return cls(connect=min(usual.connect, seconds), read=min(usual.read, seconds), call=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgConfig:
    """One Salesforce org. `url` is its My Domain address, `https://acme.my.salesforce.com`.

    `http` is accepted for this machine only.
    """

    url: str
    credentials: Credentials
    api_version: str = API_VERSION
    timeouts: Timeouts = field(default_factory=Timeouts)
    concurrency: int = 6
    """Calls under way at once. Calls of 20 seconds and more are limited per org (25; 5 in trial orgs)."""
    max_body_bytes: int = 32_000_000
    ca_file: Path | None = None
    """Certificate authorities to trust instead of the usual ones."""
    trust_environment: bool = True
    """Take proxies from the environment."""
    orders_since: date | None = None
    """Orders activated before this day are never taken by the reconciler; None: no such day."""
    command_age: timedelta = timedelta(minutes=1)
    """How old an unanswered command is before the reconciler takes it."""

    def __post_init__(self) -> None:
        require_safe_address(self.url)


def require_safe_address(url: str) -> SplitResult:
    """An address without path that is https, or http on this machine.

    Raises:
        SettingsError: it is not.
    """
    parts = urlsplit(url)
    hint = "Use the org's My Domain address, like https://acme.my.salesforce.com."
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise SettingsError(f"{url!r} is not the address of a Salesforce org.", hint=hint)
    if parts.username or parts.password or parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError("The org's address has more than a host and a port.", hint=hint)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise SettingsError(f"{url!r} is not encrypted; http is for this machine only.", hint=hint)
    return parts


def is_loopback(host: str) -> bool:
    """The host is this machine, by name or by number."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
