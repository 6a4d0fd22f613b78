"""What a stream server can do at its worst, by a server that does exactly what a test tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from connector.sf.auth import Token
from connector.sf.config import ClientCredentials, OrgConfig
from connector.sf.events import ORDER_SUBMITTED, ReceivedEvent
from connector.sf.events.cometd import CometdSource, to_position
from connector.sf.tally import Tally
from tests.sf.fakes import now

Message = dict[str, Any]
Poll = Callable[["Script", web.Request, Message], Awaitable[web.StreamResponse]]


def event(replay_id: int) -> Message:
    about = {"replayId": replay_id, "EventUuid": f"uuid-{replay_id}"}
    payload = {"Order_Id__c": "801000000000001", "CreatedDate": "2026-11-22T00:00:00Z"}
    return {"channel": ORDER_SUBMITTED, "data": {"schema": "s", "payload": payload, "event": about}}


def reply(request: Message, **more: Any) -> Message:
    return {"channel": request["channel"], "id": request.get("id"), "successful": True, **more}


@dataclass
class Script:
    """A Bayeux server: the polls are answered by the script, one after another; the last one for ever."""

    polls: list[Poll]
    replays: list[int] = field(default_factory=list)
    """The positions that were subscribed from."""
    tokens: list[str] = field(default_factory=list)
    """The token of each handshake."""
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        (message,) = json.loads(await request.text())
        match message["channel"]:
            case "/meta/handshake":
                self.tokens.append(request.headers["Authorization"])
                return web.json_response(
                    [reply(message, clientId="c", supportedConnectionTypes=["long-polling"], version="1.0")]
                )
            case "/meta/subscribe":
                self.replays.append(message["ext"]["replay"][ORDER_SUBMITTED])
                return web.json_response([reply(message, subscription=message["subscription"])])
            case "/meta/connect":
                poll = self.polls.pop(0) if len(self.polls) > 1 else self.polls[0]
                return await poll(self, request, message)
            case _:
                return web.json_response([reply(message)])


async def at_once(_script: Script, _request: web.Request, message: Message) -> web.StreamResponse:
    return web.json_response([reply(message, advice={"reconnect": "retry", "interval": 0, "timeout": 110_000})])


def delivers(*replay_ids: int) -> Poll:
    async def poll(_script: Script, _request: web.Request, message: Message) -> web.StreamResponse:
        return web.json_response([*(event(number) for number in replay_ids), reply(message)])

    return poll


async def cut(_script: Script, request: web.Request, message: Message) -> web.StreamResponse:
    """Half of an answer that holds an event, and then nothing more."""
    body = json.dumps([event(2), reply(message)]).encode()
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


def refuses(error: str, **more: Any) -> Poll:
    async def poll(_script: Script, _request: web.Request, message: Message) -> web.StreamResponse:
        return web.json_response([reply(message, error=error, **more) | {"successful": False}])

    return poll


def answers(body: Any, status: int = 200) -> Poll:
    async def poll(_script: Script, _request: web.Request, _message: Message) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return poll


async def page(_script: Script, _request: web.Request, _message: Message) -> web.StreamResponse:
    return web.Response(text="<html>Bad Gateway</html>", status=502, content_type="text/html")


@dataclass
class Tokens:
    """A token source that counts."""

    url: str
    number: int = 1

    async def token(self) -> Token:
        return Token(f"token-{self.number}", self.url)

    async def renew(self, refused: Token) -> Token:
        if refused.access == f"token-{self.number}":
            self.number += 1
        return await self.token()


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/cometd/66.0", script.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    script.url = "http://{}:{}".format(*runner.addresses[0])
    try:
        yield
    finally:
        await runner.cleanup()


@dataclass
class Told:
    """What a source did."""

    events: list[ReceivedEvent] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    rests: list[float] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


async def listen(script: Script, count: int, position: int | None = None) -> Told:
    """Listen until so many events have come."""
    told = Told()

    async def rest(seconds: float) -> None:
        told.rests.append(seconds)
        await asyncio.sleep(0)

    async with serving(script), asyncio.timeout(30):
        config = OrgConfig(
            url=script.url, credentials=ClientCredentials(consumer_key="k", consumer_secret=SecretStr("s"))
        )
        source = CometdSource(config, Tokens(script.url), told.tally, now, rest=rest)
        positions = {} if position is None else {ORDER_SUBMITTED: to_position(position)}
        async with aclosing(source.subscribe([ORDER_SUBMITTED], positions, told.gaps.append)) as events:
            async for received in events:
                told.events.append(received)
                if len(told.events) == count:
                    break
    return told


async def test_what_was_in_an_answer_that_broke_comes_again() -> None:
    script = Script([at_once, delivers(1), cut, at_once, delivers(2, 3)])
    told = await listen(script, 3)

    assert [one.uuid for one in told.events] == ["uuid-1", "uuid-2", "uuid-3"]
    assert script.replays == [-2, 1]
    assert told.gaps == []


@pytest.mark.parametrize(
    "bad",
    [
        page,
        answers({"error": "x"}),
        answers("nonsense"),
        answers([{"channel": 7}]),
        answers([[]]),
        answers([]),
        refuses("402::Unknown client"),
        refuses("403::Unknown client", advice={"reconnect": "handshake", "interval": 0}),
        refuses("500::Internal", advice={"reconnect": "none"}),
    ],
)
async def test_whatever_a_poll_is_answered_the_next_connection_goes_on(bad: Poll) -> None:
    script = Script([at_once, delivers(1), bad, at_once, delivers(2)])
    told = await listen(script, 2)

    assert [one.uuid for one in told.events] == ["uuid-1", "uuid-2"]
    assert script.replays == [-2, 1]
    assert told.tally.stream_failures == 1


@pytest.mark.parametrize(
    "bad",
    [
        refuses("401::Authentication invalid", advice={"reconnect": "none"}),
        answers([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], 401),
        refuses("403::Handshake denied", ext={"sfdc": {"failureReason": "401::Authentication invalid"}}),
    ],
)
async def test_a_refused_token_is_replaced(bad: Poll) -> None:
    script = Script([at_once, bad, at_once, delivers(1)])
    await listen(script, 1)

    assert script.tokens == ["Bearer token-1", "Bearer token-2"]


async def test_a_spent_allowance_of_deliveries_is_waited_for_and_orders_are_found_by_query() -> None:
    spent = refuses("403::Organization total events daily limit exceeded")
    told = await listen(Script([at_once, spent, at_once, delivers(1)]), 1)

    assert told.gaps == [ORDER_SUBMITTED]
    assert told.rests == [300.0]


async def test_repeated_failures_are_less_and_less_often() -> None:
    told = await listen(Script([page] * 12 + [at_once, delivers(1)]), 1)

    assert len(told.rests) == 12
    assert 0.25 <= told.rests[0] <= 0.5
    assert 30 <= told.rests[11] <= 60


async def test_it_goes_on_after_the_stored_position() -> None:
    script = Script([at_once, delivers(8)])
    told = await listen(script, 1, position=7)

    assert script.replays == [7]
    assert told.events[0].position == to_position(8)
