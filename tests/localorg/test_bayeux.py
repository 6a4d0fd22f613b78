"""The Bayeux protocol message by message: what the client that we test with never asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from connector.localorg import Fault, LocalOrg

SUBMITTED = "/event/Order_Submitted__e"
COMMANDS = "/event/Fulfillment_Command__e"


class Bayeux:
    """One CometD client, as bare as can be."""

    def __init__(self, org: LocalOrg, token: str) -> None:
        self.org = org
        self.http = httpx.AsyncClient(headers={"Authorization": f"OAuth {token}"}, timeout=10)
        self.id = ""

    async def send(self, *messages: dict[str, Any]) -> list[dict[str, Any]]:
        sent = [({"clientId": self.id} if self.id else {}) | message for message in messages]
        answer = await self.http.post(f"{self.org.url}/cometd/66.0", json=sent)
        assert answer.status_code == 200
        replies: list[dict[str, Any]] = answer.json()
        return replies

    async def handshake(self) -> dict[str, Any]:
        types = ["long-polling"]
        (reply,) = await self.send(
            {"channel": "/meta/handshake", "id": "1", "version": "1.0", "supportedConnectionTypes": types}
        )
        self.id = reply.get("clientId", "")
        return reply

    async def subscribe(self, channel: str, replay: int | str | None = None) -> dict[str, Any]:
        ext = {} if replay is None else {"ext": {"replay": {channel: replay}}}
        (reply,) = await self.send({"channel": "/meta/subscribe", "subscription": channel, **ext})
        return reply

    async def connect(self, **more: Any) -> tuple[list[str], dict[str, Any]]:
        """The order ids of the events that came, and the reply to the connect."""
        *events, reply = await self.send({"channel": "/meta/connect", "connectionType": "long-polling", **more})
        return [event["data"]["payload"]["Order_Id__c"] for event in events], reply


@pytest.fixture
async def bayeux(org: LocalOrg) -> AsyncIterator[Bayeux]:
    client = Bayeux(org, org.access_token("admin@localorg.example"))
    yield client
    await client.http.aclose()


def submit(org: LocalOrg, *orders: str) -> None:
    for order in orders:
        org.create("Order_Submitted__e", Order_Id__c=order)


def command(org: LocalOrg, order: str) -> None:
    org.create("Fulfillment_Command__e", Order_Id__c=order, Command_Id__c="c", Action__c="Retry")


async def listening(bayeux: Bayeux, *channels: str, replay: int | None = -2) -> None:
    """Shake hands, subscribe, and make the first connect, which is answered at once."""
    await bayeux.handshake()
    for channel in channels or (SUBMITTED,):
        assert (await bayeux.subscribe(channel, replay))["successful"]
    events, _ = await bayeux.connect()
    assert events == []


async def test_the_handshake(bayeux: Bayeux) -> None:
    reply = await bayeux.handshake()
    assert reply.pop("clientId")
    assert reply == {
        "channel": "/meta/handshake",
        "id": "1",
        "successful": True,
        "version": "1.0",
        "minimumVersion": "1.0",
        "supportedConnectionTypes": ["long-polling"],
        "ext": {"replay": True, "payload.format": True},
    }


async def test_a_handshake_without_a_session_is_denied(org: LocalOrg) -> None:
    stranger = Bayeux(org, "nonsense")
    reply = await stranger.handshake()
    assert reply["successful"] is False
    assert reply["error"] == "403::Handshake denied"
    assert reply["ext"] == {"sfdc": {"failureReason": "401::Authentication invalid"}}
    assert reply["advice"] == {"reconnect": "none"}
    await stranger.http.aclose()


async def test_only_long_polling(bayeux: Bayeux) -> None:
    (reply,) = await bayeux.send({"channel": "/meta/handshake", "supportedConnectionTypes": ["websocket"]})
    assert reply["error"] == "400::Invalid connection type"


async def test_what_an_event_looks_like(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    submit(org, "801")
    event, reply = await bayeux.send({"channel": "/meta/connect", "id": "7", "connectionType": "long-polling"})
    assert event["channel"] == SUBMITTED
    assert event["data"]["event"].keys() == {"EventApiName", "EventUuid", "replayId"}
    assert event["data"]["payload"].keys() == {"CreatedDate", "CreatedById", "Order_Id__c", "Reason__c"}
    assert event["data"]["payload"]["Reason__c"] is None
    assert reply["id"] == "7"
    assert reply["advice"] == {"reconnect": "retry", "interval": 0, "timeout": 110_000}


async def test_a_connect_waits_for_an_event(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    waiting = asyncio.create_task(bayeux.connect())
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    await asyncio.to_thread(submit, org, "801")
    assert (await waiting)[0] == ["801"]


async def test_a_connect_ends_without_events(bayeux: Bayeux) -> None:
    await listening(bayeux)
    events, reply = await bayeux.connect(advice={"timeout": 10})
    assert (events, reply["successful"]) == ([], True)


async def test_a_second_connect_releases_the_first(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    first = asyncio.create_task(bayeux.connect())
    await asyncio.wait({first}, timeout=0.05)
    second = asyncio.create_task(bayeux.connect())
    assert (await first)[0] == []
    await asyncio.to_thread(submit, org, "801")
    assert (await second)[0] == ["801"]


async def test_events_are_not_lost_with_a_connection_that_went_away(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    waiting = asyncio.create_task(bayeux.connect())
    await asyncio.wait({waiting}, timeout=0.05)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert (await bayeux.connect(advice={"timeout": 10}))[0] == []
    submit(org, "801")
    assert (await bayeux.connect())[0] == ["801"]


async def test_connect_and_subscribe_in_one_request(bayeux: Bayeux, org: LocalOrg) -> None:
    submit(org, "801")
    await bayeux.handshake()
    replies = await bayeux.send(
        {"channel": "/meta/connect", "connectionType": "long-polling"},
        {"channel": "/meta/subscribe", "subscription": SUBMITTED, "ext": {"replay": {SUBMITTED: "-2"}}},
    )
    assert [reply["channel"] for reply in replies] == ["/meta/subscribe", SUBMITTED, "/meta/connect"]


async def test_events_of_two_channels_come_in_order(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux, SUBMITTED, COMMANDS)
    submit(org, "1")
    command(org, "2")
    submit(org, "3")
    assert (await bayeux.connect())[0] == ["1", "2", "3"]


async def test_unsubscribe_and_disconnect(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux, SUBMITTED, COMMANDS)
    (reply,) = await bayeux.send({"channel": "/meta/unsubscribe", "subscription": SUBMITTED})
    assert reply["successful"]
    submit(org, "1")
    command(org, "2")
    assert (await bayeux.connect())[0] == ["2"]
    (reply,) = await bayeux.send({"channel": "/meta/disconnect"})
    assert reply["successful"]
    _, reply = await bayeux.connect()
    assert reply["error"] == "403::Unknown client"
    assert reply["advice"] == {"reconnect": "handshake", "interval": 0}


async def test_positions(bayeux: Bayeux, org: LocalOrg) -> None:
    submit(org, "1", "2", "3", "4")
    ids = [event.replay_id for event in org.org.bus.after(0, ["Order_Submitted__e"], 10)]
    assert ids == sorted(set(ids))
    assert ids[-1] - ids[0] > 3
    await bayeux.handshake()
    assert (await bayeux.subscribe(SUBMITTED, ids[1]))["successful"]
    assert (await bayeux.connect())[0] == ["3", "4"]
    for wrong in (ids[-1] + 1_000, 0, "x"):
        reply = await bayeux.subscribe(SUBMITTED, wrong)
        assert reply["successful"] is False
        assert reply["error"].startswith(f"400::The replayId {{{wrong}}} you provided was invalid.")


async def test_channels_that_are_not_there(bayeux: Bayeux) -> None:
    await bayeux.handshake()
    for channel in ("/event/Nothing__e", "/event/Order", "/data/OrderChangeEvent", "event", ""):
        reply = await bayeux.subscribe(channel)
        assert reply["error"].startswith("400::The channel you requested to subscribe to does not exist")
    (reply,) = await bayeux.send({"channel": SUBMITTED, "data": {}})
    assert reply["successful"] is False


async def test_channels_that_are_not_for_this_user(org: LocalOrg) -> None:
    org.add_user("nobody@localorg.example")
    nobody = Bayeux(org, org.access_token("nobody@localorg.example"))
    await nobody.handshake()
    assert (await nobody.subscribe(SUBMITTED))["error"] == "403:denied_by_security_policy:create_denied"
    await nobody.http.aclose()


async def test_the_end_of_a_session_ends_the_wait(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    waiting = asyncio.create_task(bayeux.connect())
    await asyncio.wait({waiting}, timeout=0.05)
    org.expire_tokens()
    _, reply = await waiting
    assert reply["error"] == "401::Authentication invalid"
    assert reply["advice"]["reconnect"] == "none"


async def test_who_stays_away_is_forgotten(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    org.comet.patience_seconds = -1
    _, reply = await bayeux.connect()
    assert reply["error"] == "403::Unknown client"


async def test_a_stop_keeps_nobody_waiting(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    waiting = asyncio.create_task(bayeux.connect())
    await asyncio.wait({waiting}, timeout=0.05)
    org.ask_to_stop()
    assert (await waiting)[1]["successful"]


# -- bad days -------------------------------------------------------------------------------------------------


async def test_a_dropped_stream(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    org.fault(Fault.STREAM_DROP)
    with pytest.raises(httpx.RemoteProtocolError):
        await bayeux.connect(advice={"timeout": 0})
    submit(org, "801")
    assert (await bayeux.connect())[0] == ["801"]


async def test_missed_doubled_and_swapped_events(bayeux: Bayeux, org: LocalOrg) -> None:
    await listening(bayeux)
    org.fault(Fault.EVENT_MISSED)
    submit(org, "1", "2")
    assert (await bayeux.connect())[0] == ["2"]
    org.fault(Fault.EVENT_DUPLICATE, object="Order_Submitted__e")
    submit(org, "3", "4")
    assert (await bayeux.connect())[0] == ["3", "3", "4"]
    org.fault(Fault.EVENT_OUT_OF_ORDER)
    submit(org, "5", "6")
    assert (await bayeux.connect())[0] == ["6", "5"]


async def test_a_refused_position(bayeux: Bayeux, org: LocalOrg) -> None:
    submit(org, "1")
    (event,) = org.org.bus.after(0, ["Order_Submitted__e"], 10)
    org.fault(Fault.POSITION_REFUSED)
    await bayeux.handshake()
    assert (await bayeux.subscribe(SUBMITTED, -2))["successful"]
    assert not (await bayeux.subscribe(SUBMITTED, event.replay_id))["successful"]
    assert (await bayeux.subscribe(SUBMITTED, event.replay_id))["successful"]
