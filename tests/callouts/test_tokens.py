"""OAuth 2.0 client credentials, against a token server on a real socket."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
from pydantic import SecretStr

from connector.callouts.connections import Connections, trust_in
from connector.callouts.destination import ClientCredentials
from connector.callouts.sender import CalloutSender
from connector.callouts.tokens import NoToken, TokenSource
from connector.model.events import CalloutCompleted, CalloutFailed
from connector.model.failure import Failure, FailureClass

from .building import interface, sender_to, sending, work
from .stub import Reply, Send, StubSystem, answer, closed_port, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "s3cret:/+value"


@pytest_asyncio.fixture(loop_scope="module")
async def issuer() -> AsyncIterator[StubSystem]:
    """A token server."""
    system = StubSystem()
    async with serving(system) as url:
        system.url = url
        yield system


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def credentials(issuer: StubSystem, *, in_body: bool = False, scope: str = "") -> ClientCredentials:
    return ClientCredentials(
        token_url=f"{issuer.url}/token",
        client_id="me & co",
        client_secret=SecretStr(SECRET),
        in_body=in_body,
        scope=scope,
    )


def token(value: str, expires_in: object = 100) -> Reply:
    return answer(200, {"access_token": value, "token_type": "Bearer", "expires_in": expires_in})


@pytest_asyncio.fixture(loop_scope="module")
async def client() -> AsyncIterator[Connections]:
    connections = Connections(10, trust_in(None))
    yield connections
    await connections.close()


def signed(stub: StubSystem, issuer: StubSystem) -> CalloutSender:
    return sender_to(stub.url, credentials(issuer))


OAUTH = sending(interface(short_retries=0), auth="oauth2")


async def failure_of(issuer: StubSystem, client: Connections) -> Failure:
    with pytest.raises(NoToken) as raised:
        await TokenSource(credentials(issuer), client).headers()
    return raised.value.failure


# -- asking -----------------------------------------------------------------------------------------------


async def test_the_token_is_asked_for_with_basic(issuer: StubSystem, client: Connections) -> None:
    issuer.will(token("T1"))
    assert await TokenSource(credentials(issuer, scope="a b"), client).headers() == {"authorization": "Bearer T1"}

    (request,) = issuer.received
    assert (request.method, request.path) == ("POST", "/token")
    assert parse_qs(request.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["a b"]}
    pair = base64.b64decode(str(request.header("authorization")).removeprefix("Basic ")).decode()
    assert pair == "me+%26+co:s3cret%3A%2F%2Bvalue"


async def test_the_token_is_asked_for_in_the_form(issuer: StubSystem, client: Connections) -> None:
    issuer.will(token("T1"))
    await TokenSource(credentials(issuer, in_body=True), client).headers()

    (request,) = issuer.received
    assert request.header("authorization") is None
    form = parse_qs(request.body.decode())
    assert (form["client_id"], form["client_secret"]) == (["me & co"], [SECRET])


# -- keeping ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expires_in", "fresh", "stale"),
    [(100, 79.9, 80.0), ("100", 79.9, 80.0), (None, 239.9, 240.0), (-5, None, 0.0), (True, None, 0.9)],
)
async def test_a_token_is_replaced_before_its_end(
    issuer: StubSystem, client: Connections, expires_in: object, fresh: float | None, stale: float
) -> None:
    clock = Clock()
    issuer.will(token("T1", expires_in), token("T2"))
    source = TokenSource(credentials(issuer), client, clock)
    assert (await source.headers())["authorization"] == "Bearer T1"
    if fresh is not None:
        clock.now = fresh
        assert (await source.headers())["authorization"] == "Bearer T1"
    clock.now = stale
    assert (await source.headers())["authorization"] == "Bearer T2"


async def test_many_who_need_a_token_wait_for_one(issuer: StubSystem, client: Connections) -> None:
    issuer.will(token("T1"))
    source = TokenSource(credentials(issuer), client)
    headers = await asyncio.gather(*(source.headers() for _ in range(50)))
    assert {each["authorization"] for each in headers} == {"Bearer T1"}
    assert len(issuer.received) == 1


async def test_many_who_need_a_token_share_its_failure(issuer: StubSystem, client: Connections) -> None:
    issuer.will(answer(503), token("T2"))
    source = TokenSource(credentials(issuer), client)
    results = await asyncio.gather(*(source.headers() for _ in range(50)), return_exceptions=True)
    assert all(isinstance(result, NoToken) for result in results)
    assert len(issuer.received) == 1
    assert (await source.headers())["authorization"] == "Bearer T2"


async def test_one_who_gives_up_does_not_take_the_token_from_the_others(
    issuer: StubSystem, client: Connections
) -> None:
    async def late(send: Send, _gone: asyncio.Event) -> None:
        await issuer.closing.wait()
        await send(b'{"access_token": "T1"}')

    issuer.will(Reply(stream=late))
    source = TokenSource(credentials(issuer), client)
    impatient, patient = asyncio.create_task(source.headers()), asyncio.create_task(source.headers())
    await issuer.until(lambda: bool(issuer.received))
    impatient.cancel()
    issuer.closing.set()
    assert (await patient)["authorization"] == "Bearer T1"
    assert len(issuer.received) == 1


async def test_closing_ends_a_fetch(issuer: StubSystem, client: Connections) -> None:
    async def never(_send: Send, gone: asyncio.Event) -> None:
        await gone.wait()

    issuer.will(Reply(stream=never))
    source = TokenSource(credentials(issuer), client)
    waiting = asyncio.create_task(source.headers())
    await issuer.until(lambda: bool(issuer.received))
    await source.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await issuer.until(lambda: issuer.hang_ups == 1)


async def test_a_refusal_of_an_older_token_does_not_cost_the_newer_one(issuer: StubSystem, client: Connections) -> None:
    issuer.will(token("T1"), token("T2"), token("T3"))
    source = TokenSource(credentials(issuer), client)
    older = await source.headers()
    assert source.refused(older)
    newer = await source.headers()
    assert source.refused(older)
    assert await source.headers() == newer == {"authorization": "Bearer T2"}


# -- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "failure_class", "code"),
    [
        (answer(401, {"error": "invalid_client"}), FailureClass.CONFIGURATION, "TOKEN_REFUSED"),
        (answer(400, {"error": "invalid_scope"}), FailureClass.CONFIGURATION, "TOKEN_REFUSED"),
        (answer(302, None, location="http://127.0.0.1:9/"), FailureClass.CONFIGURATION, "TOKEN_REFUSED"),
        (answer(500), FailureClass.TRANSIENT, "TOKEN_UNAVAILABLE"),
        (answer(429), FailureClass.TRANSIENT, "TOKEN_UNAVAILABLE"),
        (answer(200, {}), FailureClass.CONFIGURATION, "TOKEN_INVALID"),
        (answer(200, {"access_token": "a\nb"}), FailureClass.CONFIGURATION, "TOKEN_INVALID"),
        (answer(200, {"access_token": "T1", "token_type": "mac"}), FailureClass.CONFIGURATION, "TOKEN_INVALID"),
        (Reply(body=b"<html>"), FailureClass.CONFIGURATION, "TOKEN_INVALID"),
        (Reply(body=b'"' + b"x" * 100_000 + b'"'), FailureClass.CONFIGURATION, "TOKEN_INVALID"),
    ],
)
async def test_no_token(
    issuer: StubSystem, client: Connections, reply: Reply, failure_class: FailureClass, code: str
) -> None:
    issuer.will(reply)
    found = await failure_of(issuer, client)
    assert (found.failure_class, found.code) == (failure_class, code)
    assert "nothing was sent" in found.message


async def test_without_a_token_the_system_hears_nothing(stub: StubSystem, issuer: StubSystem) -> None:
    stub.will(answer(200))
    issuer.will(answer(401, {"error": f"invalid_client {SECRET}"}))
    sender = signed(stub, issuer)
    event = await sender.perform(work(), OAUTH)
    await sender.close()

    assert isinstance(event, CalloutFailed)
    assert (event.failure.code, event.failure.http_status) == ("TOKEN_REFUSED", None)
    assert SECRET not in str(event)
    assert stub.received == []


async def test_a_token_server_that_is_down(stub: StubSystem) -> None:
    sender = sender_to(
        stub.url,
        ClientCredentials(token_url=closed_port(), client_id="me", client_secret=SecretStr(SECRET)),
    )
    event = await sender.perform(work(), OAUTH)
    await sender.close()

    assert isinstance(event, CalloutFailed)
    assert (event.failure.failure_class, event.failure.code) == (FailureClass.TRANSIENT, "TOKEN_UNAVAILABLE")


# -- 401 from the system ----------------------------------------------------------------------------------


async def test_after_a_401_the_request_is_sent_once_more_with_a_new_token(stub: StubSystem, issuer: StubSystem) -> None:
    issuer.will(token("T1"), token("T2"))
    stub.will(answer(401), answer(200))
    sender = signed(stub, issuer)
    attempt = await sender.attempt(work(), OAUTH)
    await sender.close()

    assert isinstance(attempt.event, CalloutCompleted)
    assert attempt.record.sendings == 2
    assert [request.header("authorization") for request in stub.received] == ["Bearer T1", "Bearer T2"]


async def test_a_second_401_is_the_answer(stub: StubSystem, issuer: StubSystem) -> None:
    issuer.will(token("T1"), token("T2"))
    stub.will(answer(401, {"seen": "T2"}))
    sender = signed(stub, issuer)
    event = await sender.perform(work(), OAUTH)
    await sender.close()

    assert isinstance(event, CalloutFailed)
    assert (event.failure.failure_class, event.failure.code) == (FailureClass.CONFIGURATION, "HTTP_401")
    assert len(stub.received) == 2
    assert event.failure.detail is not None
    assert "T2" not in event.failure.detail


async def test_after_many_401s_at_once_one_new_token_is_fetched(stub: StubSystem, issuer: StubSystem) -> None:
    issuer.will(token("T1"), token("T2"), token("T3"))
    stub.will(*(answer(401) for _ in range(5)), answer(200))
    sender = signed(stub, issuer)
    events = await asyncio.gather(*(sender.perform(work(item=item), OAUTH) for item in range(1, 6)))
    await sender.close()

    # All five hold T1 when they are refused; whoever sees it first forgets it, the others find the new one.
    assert all(isinstance(event, CalloutCompleted) for event in events)
    assert len(issuer.received) == 2
