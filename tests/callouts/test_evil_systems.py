"""Systems that do everything wrong. Whatever they do, an attempt ends, in time, with an event that tells the truth."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.callouts.attempt import Attempt
from connector.callouts.sender import CalloutSender
from connector.mappings.set import Interface
from connector.model.events import CalloutCompleted, CalloutFailed
from connector.model.failure import Failure, FailureClass

from .building import Sleeper, interface, sender_to, sending, work
from .stub import (
    Handler,
    Reply,
    Send,
    StubSystem,
    answer,
    closed_port,
    full_backlog,
    raw_server,
    read_request,
    reset_connection,
    tick,
    tls,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

IN_NO_TIME = 0.25
"""Seconds that a test's interface gives a system that will not answer."""


async def attempt(url: str, used: Interface | None = None, *, limit: int = 1_000_000, **more: Any) -> Attempt:
    sender = sender_to(url, **more)
    try:
        return await sender.attempt(
            work(body={"n": 1}), sending(used or interface(short_retries=0), max_response_bytes=limit)
        )
    finally:
        await sender.close()


async def failure(url: str, used: Interface | None = None, *, limit: int = 1_000_000, **more: Any) -> Failure:
    event = (await attempt(url, used, limit=limit, **more)).event
    assert isinstance(event, CalloutFailed)
    assert event.failure.system == "network"
    assert event.failure.interface == "network.reserve"
    return event.failure


def kind(found: Failure) -> tuple[FailureClass, str, int | None]:
    return found.failure_class, found.code, found.http_status


# -- too slow ---------------------------------------------------------------------------------------------


async def drip(send: Send, gone: asyncio.Event) -> None:
    while not gone.is_set():
        await send(b" ")
        await tick(gone)


async def test_an_answer_that_drips_ends_when_the_time_is_over(stub: StubSystem) -> None:
    stub.will(Reply(stream=drip))
    found = await failure(stub.url, interface(seconds=IN_NO_TIME, short_retries=0))

    assert kind(found) == (FailureClass.UNKNOWN_OUTCOME, "TIMEOUT", 200)
    await stub.until(lambda: stub.hang_ups == 1)


async def test_a_system_that_never_answers() -> None:
    async def handle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await reader.read()

    async with raw_server(handle) as url:
        found = await failure(url, interface(seconds=IN_NO_TIME, short_retries=0))
    assert kind(found) == (FailureClass.UNKNOWN_OUTCOME, "TIMEOUT", None)


async def test_headers_that_drip() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        gone = asyncio.create_task(reader.read())
        while not gone.done():
            writer.write(b"x")
            await writer.drain()
            await asyncio.wait((gone,), timeout=0.01)

    async with raw_server(handle) as url:
        found = await failure(url, interface(seconds=IN_NO_TIME, short_retries=0))
    assert kind(found) == (FailureClass.UNKNOWN_OUTCOME, "TIMEOUT", None)


async def test_a_system_that_hangs_on_connect_got_nothing() -> None:
    async with full_backlog() as url:
        found = await failure(url, interface(seconds=IN_NO_TIME, short_retries=0))
    assert kind(found) == (FailureClass.TRANSIENT, "CONNECT_TIMEOUT", None)


async def test_a_system_that_hangs_in_the_tls_handshake_got_nothing() -> None:
    async def handle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass

    async with raw_server(handle) as url:
        secure = url.replace("http://", "https://")
        found = await failure(secure, interface(seconds=IN_NO_TIME, short_retries=0))
    assert kind(found) == (FailureClass.TRANSIENT, "CONNECT_TIMEOUT", None)


# -- too big ----------------------------------------------------------------------------------------------


async def test_five_megabytes_are_not_read_to_the_end(stub: StubSystem) -> None:
    async def flood(send: Send, gone: asyncio.Event) -> None:
        piece = b"[" + b"1," * 32_000
        for _ in range(80):
            if gone.is_set():
                return
            await send(piece)

    stub.will(Reply(stream=flood))
    result = await attempt(stub.url, limit=100_000)

    assert isinstance(result.event, CalloutFailed)
    assert kind(result.event.failure) == (FailureClass.CONFIGURATION, "RESPONSE_TOO_BIG", 200)
    assert 100_000 < result.record.bytes < 1_000_000
    await stub.until(lambda: stub.hang_ups == 1)


async def test_an_answer_of_just_the_limit_is_read(stub: StubSystem) -> None:
    stub.will(Reply(body=b'"' + b"x" * 98 + b'"'))
    assert isinstance((await attempt(stub.url, limit=100)).event, CalloutCompleted)
    stub.will(Reply(body=b'"' + b"x" * 99 + b'"'))
    assert (await failure(stub.url, limit=100)).code == "RESPONSE_TOO_BIG"


async def test_a_big_error_page_is_still_the_error(stub: StubSystem) -> None:
    stub.will(Reply(status=503, body=b"<html>" * 100_000, headers={"retry-after": "30"}))
    found = await failure(stub.url, limit=1_000)
    assert kind(found) == (FailureClass.TRANSIENT, "HTTP_503", 503)
    assert found.retry_after == 30


async def test_huge_headers() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Huge: " + b"x" * 1_000_000 + b"\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        await reader.read()

    async with raw_server(handle) as url:
        found = await failure(url)
    assert kind(found) == (FailureClass.UNKNOWN_OUTCOME, "PROTOCOL_ERROR", None)
    assert len(found.message) < 1_100


async def test_a_bomb_is_not_unpacked(stub: StubSystem) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    stub.will(Reply(body=bomb, headers={"content-encoding": "gzip"}))
    assert kind(await failure(stub.url)) == (FailureClass.CONFIGURATION, "CONTENT_ENCODING", 200)
    assert stub.received[0].header("accept-encoding") == "identity"


# -- nonsense ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Welcome</body></html>",
        b"{'id': 1}",
        b'{"id": 1',
        b'{"id": NaN}',
        b'{"id": "\xff\xfe"}',
        b'{"id": "a\\u0000b"}',
        b'{"a\\u0000": 1}',
        b'"\\ud800"',
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b"1 2",
    ],
)
async def test_what_is_not_json(stub: StubSystem, body: bytes) -> None:
    stub.will(Reply(body=body))
    found = await failure(stub.url)
    assert kind(found) == (FailureClass.CONFIGURATION, "NOT_JSON", 200)
    assert "\0" not in f"{found.message}{found.detail}"


async def test_what_is_not_json_is_quoted_without_secrets(stub: StubSystem) -> None:
    stub.will(Reply(body=b"Welcome! token=abcdefgh12345 " + b"." * 1_000))
    found = await failure(stub.url)
    assert "Welcome! token=*** ....." in found.message
    assert len(found.message) < 300


async def test_json_is_json_whatever_its_content_type_says(stub: StubSystem) -> None:
    stub.will(Reply(body=b'\xef\xbb\xbf{"id": "R-1"}', headers={"content-type": "text/html; charset=latin-1"}))
    event = (await attempt(stub.url, interface(outputs={"id": "body.id"}))).event
    assert isinstance(event, CalloutCompleted)
    assert event.outputs == {"id": "R-1"}


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_no_content_is_null(stub: StubSystem, status: int) -> None:
    stub.will(Reply(status=status, body=b"" if status == 204 else b" \n", headers={}))
    event = (await attempt(stub.url, interface(outputs={"nothing": "body == null"}))).event
    assert isinstance(event, CalloutCompleted)
    assert event.outputs == {"nothing": True}


async def test_what_is_not_http() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"220 mail.example ESMTP, password=hunter22\r\n\r\n")
        await writer.drain()
        await reader.read()

    async with raw_server(handle) as url:
        found = await failure(url)
    assert kind(found) == (FailureClass.UNKNOWN_OUTCOME, "PROTOCOL_ERROR", None)
    assert "hunter22" not in str(found)


async def test_a_redirect_is_not_followed(stub: StubSystem) -> None:
    stub.will(answer(307, None, location="http://127.0.0.1:9/elsewhere?token=abcdefgh"), answer(200))
    found = await failure(stub.url)
    assert kind(found) == (FailureClass.CONFIGURATION, "HTTP_307", 307)
    assert "/elsewhere?token=***" in found.message
    assert len(stub.received) == 1


# -- broken connections -----------------------------------------------------------------------------------


async def close_before_answer(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


async def reset_before_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    reset_connection(writer)


async def close_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id":')
    await writer.drain()


async def reset_after_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    await writer.drain()
    reset_connection(writer)


@pytest.mark.parametrize(
    ("handle", "status"),
    [
        (close_before_answer, None),
        (reset_before_answer, None),
        (close_in_the_body, 200),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_after_sending_a_lost_connection_leaves_the_outcome_unknown(handle: Handler, status: int | None) -> None:
    async with raw_server(handle) as url:
        found = await failure(url)
    assert kind(found) == (FailureClass.UNKNOWN_OUTCOME, "CONNECTION_LOST", status)


async def test_a_reset_after_the_headers_leaves_the_outcome_unknown() -> None:
    async with raw_server(reset_after_headers) as url:
        found = await failure(url)
    # Whether the headers were seen before the reset is up to the network.
    assert kind(found)[:2] == (FailureClass.UNKNOWN_OUTCOME, "CONNECTION_LOST")


async def test_nobody_listens() -> None:
    found = await failure(closed_port())
    assert kind(found) == (FailureClass.TRANSIENT, "CONNECT_FAILED", None)
    assert "nothing was sent" in found.message


async def test_an_unknown_host() -> None:
    found = await failure("https://no-such-host.invalid")
    assert kind(found) == (FailureClass.TRANSIENT, "HOST_NOT_FOUND", None)


# -- TLS --------------------------------------------------------------------------------------------------


async def say_ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()
    await reader.read()


async def test_a_certificate_that_nobody_vouches_for_gets_nothing(certificate: Path) -> None:
    async with raw_server(say_ok, tls(certificate)) as url:
        found = await failure(url)
    assert kind(found) == (FailureClass.CONFIGURATION, "TLS_NOT_TRUSTED", None)


async def test_an_authority_of_ones_own(certificate: Path) -> None:
    async with raw_server(say_ok, tls(certificate)) as url:
        assert isinstance((await attempt(url, ca_file=str(certificate))).event, CalloutCompleted)
        other_name = url.replace("127.0.0.1", "localhost")
        assert (await failure(other_name, ca_file=str(certificate))).code == "TLS_NOT_TRUSTED"


async def test_authorities_that_are_not_there() -> None:
    found = await failure("https://127.0.0.1", ca_file="/nowhere/authorities.pem")
    assert kind(found) == (FailureClass.CONFIGURATION, "NO_DESTINATION", None)


async def test_tls_to_a_port_that_speaks_none() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with raw_server(handle) as url:
        found = await failure(url.replace("http://", "https://"))
    assert kind(found) == (FailureClass.TRANSIENT, "TLS_FAILED", None)


# -- short retries ----------------------------------------------------------------------------------------


async def test_a_busy_system_is_asked_again_when_the_interface_is_idempotent(stub: StubSystem) -> None:
    stub.will(answer(503), answer(429), answer(200, {"id": 1}))
    sleeper = Sleeper()
    result = await attempt(stub.url, interface(header="Idempotency-Key"), sleeper=sleeper)

    assert isinstance(result.event, CalloutCompleted)
    assert result.record.sendings == 3
    assert {request.header("idempotency-key") for request in stub.received} == {"801000000000001AAA-7-1"}
    assert len(sleeper.slept) == 2
    assert all(0 <= wait <= 0.5 for wait in sleeper.slept)


async def test_a_busy_system_is_not_asked_again_when_that_could_do_harm(stub: StubSystem) -> None:
    stub.will(answer(503))
    result = await attempt(stub.url, interface(short_retries=2))
    assert isinstance(result.event, CalloutFailed)
    assert result.event.failure.code == "HTTP_503"
    assert len(stub.received) == 1


async def test_a_short_retry_after_is_kept_and_a_long_one_left_to_the_plan(stub: StubSystem) -> None:
    sleeper = Sleeper()
    stub.will(answer(503, None, retry_after="1"), answer(200))
    await attempt(stub.url, interface(method="PUT"), sleeper=sleeper)
    assert [wait >= 1 for wait in sleeper.slept] == [True]

    stub.will(answer(503, None, retry_after="120"))
    found = await failure(stub.url, interface(method="PUT"), sleeper=sleeper)
    assert found.retry_after == 120
    assert len(sleeper.slept) == 1


async def test_no_more_retries_than_the_interface_says(stub: StubSystem) -> None:
    stub.will(answer(500))
    await attempt(stub.url, interface(method="GET", short_retries=4))
    assert len(stub.received) == 5


@pytest.mark.parametrize(("header", "connections"), [("Idempotency-Key", 3), (None, 1)])
async def test_after_a_lost_connection_only_the_idempotent_is_sent_again(header: str | None, connections: int) -> None:
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        seen.append(await read_request(reader))

    async with raw_server(handle) as url:
        await failure(url, interface(header=header, short_retries=2))
    assert len(seen) == connections
    assert len(set(seen)) == 1


async def test_what_was_never_sent_is_sent_again_whatever_the_interface() -> None:
    sleeper = Sleeper()
    result = await attempt(closed_port(), interface(short_retries=2), sleeper=sleeper)
    assert result.record.sendings == 3
    assert len(sleeper.slept) == 2


async def test_a_no_is_not_asked_again(stub: StubSystem) -> None:
    stub.will(answer(409))
    assert (await failure(stub.url, interface(method="PUT"))).failure_class is FailureClass.BUSINESS
    assert len(stub.received) == 1


async def test_a_canceled_attempt_hangs_up(stub: StubSystem) -> None:
    stub.will(Reply(stream=drip))
    sender = sender_to(stub.url)
    running = asyncio.create_task(sender.attempt(work(), sending()))
    await stub.until(lambda: bool(stub.received))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await stub.until(lambda: stub.hang_ups == 1)
    await sender.close()


# -- anything at all --------------------------------------------------------------------------------------

fragments = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 503 Busy\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/2 200\r\n",
        b"HTTP/1.1 999 \xff\r\n",
        b"HTTP/1.1 -1 No\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Content-Encoding: br\r\n",
        b"Connection: close\r\n",
        b"Set-Cookie: \xff\xfe=\x80; Expires=never\r\n",
        b"Retry-After: \xb2\r\n",
        b"Location: http://[::\r\n",
        b"Content-Type: application/json; charset=no-such\r\n",
        b"X: \xc3\x28\r\n",
        b": \r\n",
        b"\r\n",
        b"5\r\n",
        b"zz\r\n",
        b"0\r\n\r\n",
        b'{"a":',
        b"[1]",
        b"12345",
    ]
) | st.binary(max_size=20)


class Babbler:
    """Answers whatever it is told to, and hangs up."""

    def __init__(self) -> None:
        self.answer = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(self.answer)
        await writer.drain()


@pytest_asyncio.fixture(loop_scope="module")
async def babbling() -> AsyncIterator[tuple[Babbler, CalloutSender]]:
    babbler = Babbler()
    async with raw_server(babbler) as url:
        sender = sender_to(url)
        yield babbler, sender
        await sender.close()


ANYTHING = sending(interface(outputs={"all": "[headers, body]"}, short_retries=0))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(answered=st.lists(fragments, max_size=8).map(b"".join))
async def test_whatever_bytes_come_back_the_attempt_ends_with_an_event(
    babbling: tuple[Babbler, CalloutSender], answered: bytes
) -> None:
    babbler, sender = babbling
    babbler.answer = answered
    result = await sender.attempt(work(), ANYTHING)
    if isinstance(result.event, CalloutFailed):
        assert result.event.failure.code
    else:
        assert isinstance(result.event, CalloutCompleted)
        assert result.record.status is not None
        assert 200 <= result.record.status < 300


@pytest.mark.parametrize("url", [f"https://{'a' * 70}.example", "https://a..example", "https://-.example/x"])
async def test_addresses_that_no_name_server_takes(url: str) -> None:
    found = await failure(url)
    assert found.failure_class in (FailureClass.CONFIGURATION, FailureClass.TRANSIENT)
    assert found.http_status is None


async def test_an_address_that_is_too_long(stub: StubSystem) -> None:
    stub.will(answer(200))
    sender = sender_to(stub.url)
    event = await sender.perform(work(query={"q": "x" * 100_000}), sending())
    await sender.close()
    assert isinstance(event, CalloutFailed)
    assert kind(event.failure) == (FailureClass.CONFIGURATION, "REQUEST_REFUSED", None)
    assert len(str(event.failure)) < 2_000
    assert stub.received == []


async def test_no_more_connections_than_the_system_allows() -> None:
    connections = 0
    most = 0
    let_go = asyncio.Event()
    waiting = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, most
        connections += 1
        most = max(most, connections)
        while await read_request(reader):
            if connections == 2:
                waiting.set()
            await let_go.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async with raw_server(handle) as url:
        sender = sender_to(url)
        mappings = sending(concurrency=2)
        running = [asyncio.create_task(sender.perform(work(item=item), mappings)) for item in range(1, 7)]
        await waiting.wait()
        let_go.set()
        assert all(isinstance(event, CalloutCompleted) for event in await asyncio.gather(*running))
        await sender.close()
    assert most == 2
