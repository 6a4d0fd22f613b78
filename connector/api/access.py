"""Who may see what: bearer tokens of the API, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from pydantic import SecretStr
from starlette.requests import Request

from connector.callouts.inbound import Refusal


class Access:
    """Knows the API tokens; several, so that one can be replaced. Without any, nobody gets in."""

    def __init__(self, tokens: Sequence[SecretStr]) -> None:
        self._tokens = [token.get_secret_value().strip().encode() for token in tokens]
        self._tokens = [token for token in self._tokens if token]

    def is_granted(self, request: Request) -> bool:
        """The request carries one of the tokens."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        presented = given.strip().encode()
        # Each is compared, so that the time taken doesn't tell which one matched.
        matches = [hmac.compare_digest(token, presented) for token in self._tokens]
        return scheme.lower() == "bearer" and any(matches)


def denied(what: str = "a valid API token", *, hint: str = "") -> Refusal:
    """What a caller without a valid token hears."""
    return Refusal(
        status=401,
        code="UNAUTHORIZED",
        message=f"This needs {what}.",
        hint=f"Send it as `Authorization: Bearer <token>`.{hint}",
    )
