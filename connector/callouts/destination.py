"""Where requests may go, and with which credentials. Comes from settings only, never from a mapping."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

from pydantic import SecretStr

from connector.errors import SettingsError
from connector.mappings.set import AuthKind, System

HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""RFC 9110, 5.1: a token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basic:
    """User name and password (RFC 7617)."""

    kind: ClassVar[AuthKind] = "basic"
    username: str
    password: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A token that does not change (RFC 6750)."""

    kind: ClassVar[AuthKind] = "bearer"
    token: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key in a header of its own."""

    kind: ClassVar[AuthKind] = "header"
    header: str
    value: SecretStr

    def __post_init__(self) -> None:
        if not HEADER_NAME.fullmatch(self.header):
            raise SettingsError(f"{self.header!r} is not the name of an HTTP header.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749, 4.4). `in_body` sends id and secret in the form, not as Basic."""

    kind: ClassVar[AuthKind] = "oauth2"
    token_url: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    audience: str = ""
    in_body: bool = False


Credentials: TypeAlias = Basic | Bearer | ApiKey | ClientCredentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One address that requests may be sent to, with the credentials for it (None: it wants none).

    `base_url` may have a path, below which all requests stay. Plain `http://` is for this machine only,
    unless `allow_plain_http` says otherwise. `ca_file` names a PEM file of authorities to trust instead
    of the system's.

    Raises:
        SettingsError: an address is not usable.
    """

    base_url: str
    credentials: Credentials | None = None
    allow_plain_http: bool = False
    ca_file: str | None = None

    def __post_init__(self) -> None:
        check_address(self.base_url, allow_plain_http=self.allow_plain_http)
        if isinstance(self.credentials, ClientCredentials):
            check_address(self.credentials.token_url, allow_plain_http=self.allow_plain_http)


Destinations: TypeAlias = Callable[[System], Destination | None]
"""Where requests of a system go, by its `base_url` and `auth_name`; None: nothing is configured for it."""


def check_address(url: str, *, allow_plain_http: bool = False) -> None:
    """Refuse an address that requests should not go to.

    Raises:
        SettingsError: not http(s), no host, user or password inside, query or fragment, odd characters,
            or unencrypted to another machine. The message never repeats the address, which may hold a
            password.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise SettingsError("A destination's address can't be read.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise SettingsError("A destination's address must begin with https:// (or http://) and a host.")
    if "@" in parts.netloc:
        raise SettingsError("A destination's address holds a user or password.", hint="Use credentials instead.")
    if "?" in url or "#" in url or not re.fullmatch(r"[!-~]+", url) or "\\" in url:
        raise SettingsError("A destination's address may hold no query, fragment, backslash or blank.")
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        raise SettingsError("The path of a destination's address may hold no dot segments.")
    if parts.scheme == "http" and not allow_plain_http and not _is_this_machine(host):
        raise SettingsError(
            f"The destination {host} would be reached without encryption.",
            hint="Use https://, or allow plain http for it explicitly.",
        )


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
