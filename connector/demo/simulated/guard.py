"""Who may call a simulated system: four kinds of authentication, as the mapping sets name them."""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

AuthKind = Literal["basic", "bearer", "header", "oauth2"]

API_KEY_HEADER = "X-Api-Key"
"""Where systems of kind `header` want their key."""

Secrets = Mapping[str, str]
"""The secrets of one system, by name; which there are depends on its kind, see `invent`."""


def invent(kind: AuthKind) -> dict[str, str]:
    """Fresh secrets for a system of that kind, and for what it sends to the connector (`inbound_secret`)."""
    made = {"inbound_secret": secrets.token_urlsafe(32)}
    match kind:
        case "basic":
            return made | {"username": "connector", "password": secrets.token_urlsafe(24)}
        case "bearer":
            return made | {"token": secrets.token_urlsafe(24)}
        case "header":
            return made | {"header": API_KEY_HEADER, "value": secrets.token_urlsafe(24)}
        case "oauth2":
            return made | {
                "client_id": "connector",
                "client_secret": secrets.token_urlsafe(24),
                "token": secrets.token_urlsafe(24),
            }


def keep(file: Path, kinds: Mapping[str, AuthKind]) -> dict[str, dict[str, str]]:
    """The secrets of all systems: those in the file, and new ones, written to it, for systems that have none.

    The file is readable for its owner only.
    """
    known: dict[str, dict[str, str]] = json.loads(file.read_text()) if file.exists() else {}
    missing = {name: invent(kind) for name, kind in kinds.items() if name not in known}
    if missing:
        known |= missing
        replace_file(file, json.dumps(known, indent=2), mode=0o600)
    return {name: known[name] for name in kinds}


def replace_file(file: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a file so that nobody ever sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=mode)
    draft.write_text(text)
    draft.replace(file)


def is_allowed(kind: AuthKind, own: Secrets, headers: Mapping[str, str]) -> bool:
    """The headers of a call carry what a system of that kind wants. Compared in constant time."""
    given = headers.get("authorization", "")
    match kind:
        case "basic":
            return hmac.compare_digest(given, basic(own["username"], own["password"]))
        case "bearer" | "oauth2":
            return hmac.compare_digest(given, f"Bearer {own['token']}")
        case "header":
            return hmac.compare_digest(headers.get(own["header"].lower(), ""), own["value"])


def basic(username: str, password: str) -> str:
    """The value of the Authorization header for a user name and password (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def is_client(own: Secrets, headers: Mapping[str, str], form: Mapping[str, str]) -> bool:
    """The client id and secret are right, in the Authorization header or in the form (RFC 6749, 2.3.1)."""
    if "client_secret" in form:
        given = (form.get("client_id", ""), form["client_secret"])
        return hmac.compare_digest("\n".join(given), f"{own['client_id']}\n{own['client_secret']}")
    return hmac.compare_digest(headers.get("authorization", ""), basic(own["client_id"], own["client_secret"]))
