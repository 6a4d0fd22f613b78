"""The one form of every error answer: `{"error": {"code", "message", "hint"}}`."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse

from connector.callouts.inbound import Refusal

RETRY_SECONDS = 5
"""What a sender is asked to wait while the connector can't store anything."""


def error_body(code: str, message: str, hint: str = "") -> dict[str, dict[str, str]]:
    """The body of an error answer."""
    return {"error": {"code": code, "message": message, "hint": hint}}


def refusal_answer(refusal: Refusal, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer that says why a request was not taken."""
    all_headers = dict(headers or {})
    if refusal.status in (429, 503):
        all_headers.setdefault("Retry-After", str(RETRY_SECONDS))
    if refusal.status == 401:  # noqa: PLR2004 - HTTP's own word
        all_headers.setdefault("WWW-Authenticate", "Bearer" if refusal.code == "UNAUTHORIZED" else "Signature")
    return JSONResponse(
        error_body(refusal.code, refusal.message, refusal.hint), status_code=refusal.status, headers=all_headers
    )


def outage() -> Refusal:
    """The database can't be reached: nothing was lost, because nothing was taken."""
    return Refusal(
        status=503,
        code="UNAVAILABLE",
        message="The connector can't store anything at the moment; the request was not taken.",
        hint="Send it again after the time in Retry-After.",
    )
