"""One connection, kept between requests: what it must never do is send twice, mix up answers, or claim that nothing left."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from connector.callouts.connections import trust_in
from connector.callouts.exchange import Answer, exchange
from connector.callouts.http1 import MAX_HEAD, OneConnection
from connector.mappings.set import Interface
from connector.model.events import CalloutCompleted, CalloutFailed
from connector.model.failure import Failure, FailureClass

from .building import interface, sender_to, sending, work
from .stub import closed_port, raw_server, read_request, reset_connection, tls

pytestmark = pytest.mark.asyncio(loop_scope="module")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def connection(keep_alive: float = 60.0, ca_file: Path | None = None) -> AsyncIterator[OneConnection]:
    opened = OneConnection(trust_in(str(ca_file) if ca_file else None), keep_alive)
    try:
        yield opened
    finally:
        await opened.aclose()


async def ask(
    over: OneConnection, url: str, method: str = "POST", content: bytes = b"[1]", target: bytes | None = None
) -> Answer | Failure:
    request = httpx.Request(method, url, content=content, extensions={"target": target} if target else {})
    return await exchange(over, request, max_bytes=1_000_000, seconds=10)


class Told:
    """A system that answers as it is told, each connection for itself, and notes what it got."""

    def __init__(self, *answers: bytes, hang_up_after: int | None = None) -> None:
        self.answers = answers
        self.hang_up_after = hang_up_after
        self.connections: list[list[bytes]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got: list[bytes] = []
        self.connections.append(got)
        while len(got) != self.hang_up_after:
            got.append(await read_request(reader))
            writer.write(self.answers[min(len(got), len(self.answers)) - 1])
            await writer.drain()

    @property
    def counts(self) -> list[int]:
        return [len(got) for got in self.connections]


# -- kept connections -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: a\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    ],
)
async def test_a_connection_serves_one_request_after_the_other(answer: bytes) -> None:
    system = Told(answer)
    async with raw_server(system) as url, connection() as over:
        answers = [await ask(over, url) for _ in range(3)]
    assert system.counts == [3]
    assert {found.status for found in answers if isinstance(found, Answer)} <= {200, 204}
    assert len({str(found) for found in answers}) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
async def test_a_connection_is_not_kept_against_the_systems_will(answer: bytes) -> None:
    system = Told(answer)
    async with raw_server(system) as url, connection() as over:
        assert [isinstance(await ask(over, url), Answer) for _ in range(2)] == [True, True]
    assert system.counts == [1, 1]


async def test_a_connection_that_has_rested_too_long_is_replaced() -> None:
    system = Told(OK)
    async with raw_server(system) as url, connection(keep_alive=0.0) as over:
        assert [isinstance(await ask(over, url), Answer) for _ in range(2)] == [True, True]
    assert system.counts == [1, 1]


async def test_a_connection_leads_to_one_place() -> None:
    one, other = Told(OK), Told(OK)
    async with raw_server(one) as here, raw_server(other) as there, connection() as over:
        for url in (here, there, here):
            assert isinstance(await ask(over, url), Answer)
    assert (one.counts, other.counts) == ([1, 1], [1])


@contextmanager
def blocking_server(after_each: Callable[[socket.socket], None]) -> Iterator[tuple[str, threading.Semaphore]]:
    """A server in a thread of its own that answers once on each connection, does as told with it, and says so."""
    done = threading.Semaphore(0)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                with accepted:
                    if not accepted.recv(65_536):
                        return
                    accepted.sendall(OK)
                    after_each(accepted)
                done.release()

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", done
        with socket.create_connection(listener.getsockname()):
            pass  # says nothing, which ends the thread
        thread.join()


def closes(_accepted: socket.socket) -> None:
    """Leaving closes it."""


def speaks_on(accepted: socket.socket) -> None:
    accepted.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("after_each", [closes, speaks_on])
async def test_a_connection_that_ended_while_nobody_looked_gets_no_request(
    after_each: Callable[[socket.socket], None],
) -> None:
    with blocking_server(after_each) as (url, done):
        async with connection() as over:
            for _ in range(3):
                found = await ask(over, url)
                assert isinstance(found, Answer), found
                assert found.status == 200
                # The loop stands still meanwhile, so it hears nothing of the connection's end.
                assert done.acquire(timeout=10)


async def test_a_connection_that_ended_while_the_loop_turned_gets_no_request() -> None:
    system = Told(OK, hang_up_after=1)
    async with raw_server(system) as url, connection() as over:
        for number in range(1, 4):
            assert isinstance(await ask(over, url), Answer)
            async with asyncio.timeout(10):
                while over._wire is not None and over._wire._end is None:
                    await asyncio.sleep(0)
            assert len(system.connections) == number


async def test_what_nobody_asked_for_is_no_answer_to_the_next_request() -> None:
    stray = b"HTTP/1.1 500 Stray\r\nContent-Length: 0\r\n\r\n"
    system = Told(OK + stray)
    async with raw_server(system) as url, connection() as over:
        answers = [await ask(over, url) for _ in range(3)]
    assert [found.status for found in answers if isinstance(found, Answer)] == [200, 200, 200]
    assert system.counts == [1, 1, 1]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
@pytest.mark.parametrize("reset", [False, True])
async def test_no_request_is_repeated_behind_our_back(method: str, *, reset: bool) -> None:
    """Not even an idempotent one on a kept connection: whether it is sent again, the interface decides."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        seen.append(await read_request(reader))
        if reset:
            reset_connection(writer)

    async with raw_server(handle) as url, connection() as over:
        assert isinstance(await ask(over, url, method, b""), Answer)
        found = await ask(over, url, method, b"")
    assert isinstance(found, Failure)
    assert (found.failure_class, found.code) == (FailureClass.UNKNOWN_OUTCOME, "CONNECTION_LOST")
    assert len(seen) == 1


# -- what goes over the wire ------------------------------------------------------------------------------


async def sent(used: Interface, url_path: str = "", **case: object) -> bytes:
    system = Told(OK)
    async with raw_server(system) as url:
        sender = sender_to(url + url_path)
        event = await sender.perform(work(**case), sending(used))  # type: ignore[arg-type]
        await sender.close()
    assert isinstance(event, CalloutCompleted)
    return system.connections[0][0]


@pytest.mark.parametrize(
    "path",
    ["/v1/%2B49%20170", "/a%2fb/%7e~", "/%41b%c3%bc", "/it's/(x)!*;a=1,2&b:@$", "/trailing/", "/100%25"],
)
async def test_a_path_leaves_as_it_was_encoded(path: str) -> None:
    request = await sent(interface(), "/api%2Fv1/", path=path, query={"q": "a b+c/ü&d=%41", "r": ""})
    assert request.split(b"\r\n")[0] == (f"POST /api%2Fv1{path}?q=a%20b%2Bc%2F%C3%BC%26d%3D%2541&r= HTTP/1.1".encode())


async def test_each_header_leaves_once() -> None:
    request = await sent(interface(header="X-Key"), body={"a": 1}, headers={"Accept": "text/json", "x-key": "mine"})
    head, _, content = request.partition(b"\r\n\r\n")
    names = [line.split(b":")[0] for line in head.lower().split(b"\r\n")[1:]]
    assert sorted(names) == sorted(
        [b"host", b"user-agent", b"accept", b"accept-encoding", b"content-type", b"content-length", b"x-key"]
    )
    assert b"\r\naccept: text/json" in head
    assert content == b'{"a":1}'


@pytest.mark.parametrize(("method", "says"), [("POST", True), ("PUT", True), ("PATCH", True), ("GET", False)])
async def test_no_content_is_said_where_some_is_expected(method: str, *, says: bool) -> None:
    request = await sent(interface(), method=method)
    assert (b"\r\ncontent-length: 0\r\n" in request) is says


@pytest.mark.parametrize(
    "headers",
    [
        {"x-a": "1\r\nx-b: 2"},
        {"x-a": "1\n"},
        {"x-a\r\nx-b": "1"},
        {"x a": "1"},
        {"": "1"},
        {"x-a": "\x00"},
        {"x-a": "ü"},
    ],
)
async def test_no_header_breaks_out_of_its_line(headers: dict[str, str]) -> None:
    system = Told(OK)
    async with raw_server(system) as url, connection() as over:
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        found = await exchange(over, httpx.Request("GET", url, headers=raw), max_bytes=10, seconds=10)
    assert isinstance(found, Failure)
    assert (found.failure_class, found.code) == (FailureClass.CONFIGURATION, "REQUEST_REFUSED")
    assert [got for got in system.connections if got] == []


@pytest.mark.parametrize("target", [b"/a b", b"/a\r\nx: y", b"/\xc3\xbc", b"/\x00"])
async def test_no_target_breaks_out_of_its_line(target: bytes) -> None:
    system = Told(OK)
    async with raw_server(system) as url, connection() as over:
        found = await ask(over, url, target=target)
    assert isinstance(found, Failure)
    assert found.code == "REQUEST_REFUSED"
    assert [got for got in system.connections if got] == []


async def test_the_framing_is_ours_whatever_the_headers_say() -> None:
    system = Told(OK)
    async with raw_server(system) as url, connection() as over:
        headers = {
            "Content-Length": "99",
            "Transfer-Encoding": "chunked",
            "Connection": "close",
            "Expect": "100-continue",
        }
        request = httpx.Request("POST", url, headers=headers, stream=httpx.ByteStream(b"[1]"))
        assert isinstance(await exchange(over, request, max_bytes=10, seconds=10), Answer)
    head = system.connections[0][0].lower()
    assert b"\r\ncontent-length: 3\r\n" in head
    for absent in (b"chunked", b"connection", b"expect", b"99"):
        assert absent not in head


# -- what comes back --------------------------------------------------------------------------------------


async def answered(answer: bytes) -> Answer | Failure:
    async with raw_server(Told(answer, hang_up_after=1)) as url, connection() as over:
        return await ask(over, url)


async def test_headers_that_come_twice_or_over_several_lines() -> None:
    found = await answered(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nX-Long: one\r\n  two\r\nContent-Length: 0\r\n\r\n")
    assert isinstance(found, Answer)
    assert found.headers == {"x-a": "1, 2", "x-long": "one two", "content-length": "0"}


async def test_long_headers_are_read_up_to_the_limit() -> None:
    value = b"x" * (MAX_HEAD - 1_000)
    found = await answered(b"HTTP/1.1 200 OK\r\nX-Long: " + value + b"\r\nContent-Length: 2\r\n\r\n{}")
    assert isinstance(found, Answer)
    assert len(found.headers["x-long"]) == len(value)


async def test_content_without_length_ends_with_the_connection() -> None:
    found = await answered(b"HTTP/1.1 200 OK\r\n\r\n{}")
    assert isinstance(found, Answer)
    assert found.body == b"{}"


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b""]
)
async def test_half_an_answer_is_none(answer: bytes) -> None:
    found = await answered(answer)
    assert isinstance(found, Failure)
    assert (found.failure_class, found.code) == (FailureClass.UNKNOWN_OUTCOME, "CONNECTION_LOST")


async def test_a_switch_of_protocols_that_nobody_asked_for() -> None:
    found = await answered(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")
    assert isinstance(found, Failure)
    assert (found.failure_class, found.code) == (FailureClass.UNKNOWN_OUTCOME, "PROTOCOL_ERROR")


async def test_an_answer_before_the_whole_request_was_read() -> None:
    """It counts, but the rest of the request must not run into the next one."""
    let_go = asyncio.Event()
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Big\r\nContent-Length: 0\r\n\r\n")
        await let_go.wait()

    async with raw_server(handle) as url, connection() as over:
        for number in (1, 2):
            found = await ask(over, url, content=b"x" * 50_000_000)
            assert isinstance(found, Answer), found
            assert (found.status, connections) == (413, number)
        let_go.set()


# -- connecting -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_address_is_told_when_nobody_listens(scheme: str) -> None:
    url = closed_port().replace("http", scheme)
    sender = sender_to(url)
    event = await sender.perform(work(), sending(interface(short_retries=0)))
    await sender.close()
    assert isinstance(event, CalloutFailed)
    assert event.failure.code == "CONNECT_FAILED"
    assert url.rpartition(":")[2] not in str(event.failure)
    assert "127.0.0.1" not in str(event.failure)


async def test_the_second_address_of_a_host() -> None:
    """`localhost` may be ::1 first, where nobody listens."""
    system = Told(OK)
    async with raw_server(system) as url, connection() as over:
        assert isinstance(await ask(over, url.replace("127.0.0.1", "localhost")), Answer)


async def test_a_secure_connection_is_kept_too(certificate: Path) -> None:
    context = tls(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    system = Told(OK)
    async with raw_server(system, context) as url, connection(ca_file=certificate) as over:
        assert [isinstance(await ask(over, url), Answer) for _ in range(3)] == [True] * 3
    assert system.counts == [3]
