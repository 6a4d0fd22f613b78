"""Reading a request's body without trusting what it says about its own size, or that it ever ends."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import ClientDisconnect, Request

from connector.callouts.inbound import Refusal

_THROWN_AWAY = 10_000_000
"""Most bytes of a refused body that are read."""


async def read_body(request: Request, *, max_bytes: int, seconds: float) -> bytes | Refusal:
    """The body, if it comes within `seconds` and is no bigger than `max_bytes`.

    It is counted while it comes, since Content-Length may be absent or a lie; nothing is kept beyond. One that is
    announced as somewhat too big is read to its end all the same, and thrown away: a sender that still writes when the
    connection is closed does not see the answer.
    """
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > max_bytes:
        if int(announced[:20]) <= _THROWN_AWAY:
            with contextlib.suppress(TimeoutError, ClientDisconnect):
                async with asyncio.timeout(seconds):
                    async for _ in request.stream():
                        pass
        return _too_big(max_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    return _too_big(max_bytes)
    except TimeoutError:
        return Refusal(status=408, code="TOO_SLOW", message=f"The body did not come within {seconds:g} s.")
    except ClientDisconnect:
        return Refusal(status=400, code="INCOMPLETE", message="The connection ended before the body did.")
    return bytes(body)


def _too_big(max_bytes: int) -> Refusal:
    return Refusal(
        status=413,
        code="TOO_BIG",
        message=f"The body has more than {max_bytes} bytes.",
        hint="Send references instead of contents.",
    )
