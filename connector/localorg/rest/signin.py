"""`/services/oauth2/` and `/id/`: tokens, their end, and who the caller is."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from connector.localorg.oauth import OAuth, Session, SignInRefused
from connector.localorg.org import Org
from connector.localorg.rest.message import Reply


class SignIn:
    """The OAuth resources."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._oauth: OAuth = org.oauth

    def token(self, headers: Mapping[str, str], raw: bytes) -> Reply:
        """POST to the token endpoint."""
        form = dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))
        try:
            session = self._oauth.token(form, _basic(headers.get("authorization", "")))
        except SignInRefused as refusal:
            return Reply(400, {"error": refusal.error, "error_description": refusal.description})
        base = self._oauth.base_url
        return Reply(
            200,
            {
                "access_token": session.token,
                "signature": base64.b64encode(secrets.token_bytes(32)).decode(),
                "scope": "api",
                "instance_url": base,
                "id": f"{base}/id/{self._org.org_id}/{session.user_id}",
                "token_type": "Bearer",
                "issued_at": str(int(session.used * 1000)),
            },
        )

    def revoke(self, query: Mapping[str, str], raw: bytes) -> Reply:
        """End a session: the token is a query parameter or in the form."""
        form = dict(parse_qsl(raw.decode("utf-8", "replace")))
        if self._oauth.revoke(form.get("token") or query.get("token", "")):
            return Reply(200)
        return Reply(400, {"error": "unsupported_token_type", "error_description": "this token is not supported"})

    def who(self, session: Session) -> Reply:
        """GET userinfo or the identity URL."""
        user = self._org.store.table("User").live[session.user_id]
        base = self._oauth.base_url
        rest = f"{base}/services/data/v{{version}}/"
        body: dict[str, Any] = {
            "sub": f"{base}/id/{self._org.org_id}/{session.user_id}",
            "id": f"{base}/id/{self._org.org_id}/{session.user_id}",
            "user_id": session.user_id,
            "organization_id": self._org.org_id,
            "preferred_username": user["Username"],
            "username": user["Username"],
            "nickname": user.get("Alias"),
            "name": user["Name"],
            "display_name": user["Name"],
            "email": user["Email"],
            "user_type": "STANDARD",
            "active": True,
            "language": "en_US",
            "locale": "en_US",
            "zoneinfo": "UTC",
            "urls": {"rest": rest, "sobjects": f"{rest}sobjects/", "query": f"{rest}query/"},
        }
        return Reply(200, body)


def _basic(header: str) -> tuple[str, str] | None:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(key), unquote_plus(secret)
