"""The headers of a request: what a mapping may set, and what it may not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connector.callouts.destination import HEADER_NAME
from connector.callouts.refusal import RequestRefused

OURS = frozenset(
    {
        # RFC 9110, 7.6.1: between two neighbours, not between the mapping and the system
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        # who we are and where this goes is configuration
        "authorization",
        "cookie",
        "host",
        # how the content is framed is the client's business
        "accept-encoding",
        "content-encoding",
        "content-length",
        "expect",
    }
)
"""Headers that are dropped when a mapping sets them."""

_VALUE = re.compile(r"[\t\x20-\x7e]*")


def from_mapping(headers: Mapping[str, str]) -> dict[str, str]:
    """What is left of the headers that a mapping sets, names in lower case.

    Raises:
        RequestRefused: as `checked`.
    """
    return checked({name: value for name, value in headers.items() if name.strip().lower() not in OURS})


def checked(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with their names in lower case.

    Raises:
        RequestRefused: a name or value could break out of its header. Never repeats the value.
    """
    return {_name(name): _value(name, value) for name, value in headers.items()}


def _name(name: str) -> str:
    if not HEADER_NAME.fullmatch(name):
        raise RequestRefused("HEADER_REFUSED", f"{name[:80]!r} is not the name of an HTTP header.")
    return name.lower()


def _value(name: str, value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise RequestRefused(
            "HEADER_REFUSED",
            f"The value of the header {name[:80]!r} holds a line break or a character outside ASCII.",
            hint="Percent-encode it in the mapping, or send it in the body.",
        )
    return value.strip()
