"""From a destination and a rendered path to the address of a request that can't leave the destination."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, unquote, urlencode

from connector.callouts.refusal import RequestRefused

MAX_LENGTH = 65_536
"""Longest address, in characters."""

_PATH = re.compile(r"/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f\\]")
_ROUNDS = 4
"""How often a path is decoded when it is searched: systems behind gateways may decode more than once."""


def target(base: str, path: str, query: Mapping[str, str]) -> str:
    """The address of a request: `base`, then `path`, then `query`, percent-encoded.

    `base` is an address or only its path, below which the request stays.

    Raises:
        RequestRefused: the path could lead anywhere else than below `base`, or is not encoded; the address
            is longer than anybody takes.
    """
    _check(path)
    address = base.rstrip("/") + path
    if query:
        address = f"{address}?{urlencode(query, quote_via=quote)}"
    if len(address) > MAX_LENGTH:
        raise RequestRefused("REQUEST_REFUSED", f"The address of the request is longer than {MAX_LENGTH} characters.")
    return address


def _check(path: str) -> None:
    if not path.startswith("/"):
        raise _refused("does not begin with '/'")
    if "?" in path or "#" in path:
        raise _refused("holds '?' or '#'", hint="Parameters belong in the request's `query`.")
    if not _PATH.fullmatch(path):
        raise _refused("holds characters that are not percent-encoded")
    if "//" in path:
        raise _refused("has an empty segment", hint="A value in it is empty.")
    decoded = path
    for _ in range(_ROUNDS):
        if _UNREADABLE.search(decoded):
            raise _refused("holds a backslash or a control character")
        # `;` starts parameters of a segment, which some servers strip before they resolve `..`.
        if any(part.partition(";")[0] in (".", "..") for part in decoded.split("/")):
            raise _refused("holds a dot segment")
        if "%" not in decoded:
            return
        decoded = unquote(decoded)


def _refused(what: str, *, hint: str = "") -> RequestRefused:
    # The path itself is not repeated: it is in the attempt log, and may be as long as somebody likes.
    return RequestRefused("PATH_REFUSED", f"The path of the request {what}.", hint=hint)
