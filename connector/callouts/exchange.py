"""One request and its answer: bounded in time and in size, and honest about whether anything was sent."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from connector.model.failure import Failure, FailureClass

CONNECT_SECONDS = 10.0
"""Longest wait for a connection: a system that is there takes one in far less."""

_HIDDEN_HEADERS = frozenset({"set-cookie", "set-cookie2"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a system answered. Header names are in lower case, repeated ones joined by a comma.

    `unreadable` is the code of the reason why `body` is not the whole content (`RESPONSE_TOO_BIG`,
    `CONTENT_ENCODING`).
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: int = 0
    unreadable: str | None = None


async def exchange(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, *, max_bytes: int, seconds: float
) -> Answer | Failure:
    """Send one request and read the answer, up to `max_bytes` of it, within `seconds` for everything.

    Never raises for anything that the other side can do. A failure is of class transient when no byte
    of the request was sent, else of unknown outcome; a certificate that is not trusted is configuration.
    """
    course = _Course()
    request.extensions["trace"] = course.trace
    request.extensions["timeout"] = {"connect": min(CONNECT_SECONDS, seconds)}
    try:
        async with asyncio.timeout(seconds):
            return await _read(transport, request, course, max_bytes)
    except (TimeoutError, httpx.TimeoutException):
        return course.timed_out(seconds)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ValueError, OSError) as error:
        return course.broken(error)


async def _read(transport: httpx.AsyncBaseTransport, request: httpx.Request, course: _Course, max_bytes: int) -> Answer:
    response = await transport.handle_async_request(request)
    content = response.stream
    assert isinstance(content, httpx.AsyncByteStream)
    try:
        status = course.status = response.status_code
        headers = _headers(response.headers)
        if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
            return Answer(status=status, headers=headers, unreadable="CONTENT_ENCODING")
        body = bytearray()
        async for chunk in content:
            body += chunk
            if len(body) > max_bytes:
                return Answer(status=status, headers=headers, size=len(body), unreadable="RESPONSE_TOO_BIG")
        return Answer(status=status, headers=headers, body=bytes(body), size=len(body))
    finally:
        # What was not read to its end is not read any further: the connection closes.
        await content.aclose()


def _headers(headers: httpx.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _HIDDEN_HEADERS}


class _Course:
    """How far an exchange has come."""

    def __init__(self) -> None:
        self.sent = False
        self.status: int | None = None

    async def trace(self, event: str, _info: Mapping[str, Any]) -> None:
        """Hear from the transport how far it has come."""
        if event == "http11.send_request_headers.started":
            # From here on the system may have seen something of the request.
            self.sent = True

    def timed_out(self, seconds: float) -> Failure:
        if not self.sent:
            return Failure(
                failure_class=FailureClass.TRANSIENT,
                code="CONNECT_TIMEOUT",
                message="No connection came about in time; nothing was sent.",
            )
        return Failure(
            failure_class=FailureClass.UNKNOWN_OUTCOME,
            code="TIMEOUT",
            message=f"The request was sent, but its answer was not complete within {seconds:g} s.",
            http_status=self.status,
        )

    def broken(self, error: Exception) -> Failure:
        reason = str(error).strip() or type(error).__name__
        if self.sent:
            return Failure(
                failure_class=FailureClass.UNKNOWN_OUTCOME,
                code="CONNECTION_LOST" if isinstance(error, httpx.NetworkError) else "PROTOCOL_ERROR",
                message=f"The request was sent, but no complete answer came: {reason}",
                http_status=self.status,
            )
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return Failure(
                failure_class=FailureClass.CONFIGURATION,
                code="TLS_NOT_TRUSTED",
                message=f"The system's certificate is not trusted; nothing was sent: {reason}",
            )
        if not isinstance(error, (httpx.TransportError, OSError)) or isinstance(
            error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
        ):
            return Failure(
                failure_class=FailureClass.CONFIGURATION,
                code="REQUEST_REFUSED",
                message=f"The request can't be sent: {reason}",
            )
        code = "CONNECT_FAILED"
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            code = "HOST_NOT_FOUND"
        elif any(isinstance(cause, ssl.SSLError) for cause in causes):
            code = "TLS_FAILED"
        return Failure(
            failure_class=FailureClass.TRANSIENT,
            code=code,
            message=f"No connection came about; nothing was sent: {reason}",
        )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    open_errors = [error]
    while open_errors:
        current = open_errors.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        open_errors += (current.__cause__, current.__context__)
        if isinstance(current, BaseExceptionGroup):
            open_errors += current.exceptions
