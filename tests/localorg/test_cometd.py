"""aiosfstream-ng, a CometD client that nobody here wrote, against the local org; and what Bayeux says beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from aiosfstream_ng.auth import AuthenticatorBase
from aiosfstream_ng.client import Client
from aiosfstream_ng.exceptions import ServerError
from aiosfstream_ng.replay import MappingStorage, ReplayOption

from connector.localorg import Fault, LocalOrg
from tests.localorg.world import Catalog

SUBMITTED = "/event/Order_Submitted__e"


class WithToken(AuthenticatorBase):
    """Signs in with a session that is there already."""

    def __init__(self, org: LocalOrg) -> None:
        super().__init__()
        self._org = org

    async def _authenticate(self) -> tuple[int, dict[str, str]]:
        token = self._org.access_token("admin@localorg.example")
        return 200, {"access_token": token, "instance_url": self._org.url, "token_type": "Bearer"}


@pytest.fixture(autouse=True)
def _quiet_close(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """aiocometd-ng logs a CancelledError of its own at every close."""
    logging.getLogger("aiocometd_ng").setLevel(logging.CRITICAL)
    yield
    caplog.clear()


def submit(org: LocalOrg, order: str) -> None:
    org.create("Order_Submitted__e", Order_Id__c=order, Reason__c="Test")


async def received(client: Client, count: int) -> list[str]:
    """The order ids of the next events."""
    messages = [await asyncio.wait_for(client.receive(), 10) for _ in range(count)]
    return [message["data"]["payload"]["Order_Id__c"] for message in messages]


def subscribed(org: LocalOrg, replay: Any, **settings: Any) -> Client:
    return Client(WithToken(org), replay=replay, **settings)


async def test_new_events_arrive(org: LocalOrg) -> None:
    submit(org, "before")
    async with subscribed(org, ReplayOption.NEW_EVENTS) as client:
        await client.subscribe(SUBMITTED)
        submit(org, "one")
        submit(org, "two")
        assert await received(client, 2) == ["one", "two"]


async def test_a_stored_position_is_resumed(org: LocalOrg) -> None:
    positions: dict[str, Any] = {}
    for order in ("one", "two", "three"):
        submit(org, order)
    async with subscribed(org, MappingStorage(positions), replay_fallback=ReplayOption.ALL_EVENTS) as client:
        await client.subscribe(SUBMITTED)
        submit(org, "four")
        assert await received(client, 1) == ["four"]
    submit(org, "five")
    submit(org, "six")
    async with subscribed(org, MappingStorage(positions)) as client:
        await client.subscribe(SUBMITTED)
        assert await received(client, 2) == ["five", "six"]


async def test_all_kept_events_are_replayed(org: LocalOrg) -> None:
    for order in ("one", "two", "three"):
        submit(org, order)
    async with subscribed(org, ReplayOption.ALL_EVENTS) as client:
        await client.subscribe(SUBMITTED)
        assert await received(client, 3) == ["one", "two", "three"]


async def test_a_refused_position_falls_back(org: LocalOrg) -> None:
    positions: dict[str, Any] = {}
    submit(org, "one")
    async with subscribed(org, MappingStorage(positions), replay_fallback=ReplayOption.ALL_EVENTS) as client:
        await client.subscribe(SUBMITTED)
        submit(org, "two")
        assert await received(client, 1) == ["two"]
    org.fault(Fault.POSITION_REFUSED)
    async with subscribed(org, MappingStorage(positions), replay_fallback=ReplayOption.ALL_EVENTS) as client:
        await client.subscribe(SUBMITTED)
        assert await received(client, 2) == ["one", "two"]


async def test_a_forgotten_client_shakes_hands_again_and_misses_nothing(org: LocalOrg) -> None:
    positions: dict[str, Any] = {}
    async with subscribed(org, MappingStorage(positions)) as client:
        await client.subscribe(SUBMITTED)
        submit(org, "one")
        assert await received(client, 1) == ["one"]
        org.fault(Fault.STREAM_FORGET)
        submit(org, "two")
        assert await received(client, 1) == ["two"]


async def test_an_expired_session_is_renewed_and_nothing_missed(org: LocalOrg) -> None:
    positions: dict[str, Any] = {}
    async with subscribed(org, MappingStorage(positions)) as client:
        await client.subscribe(SUBMITTED)
        submit(org, "one")
        assert await received(client, 1) == ["one"]
        org.expire_tokens()
        submit(org, "two")
        assert await received(client, 1) == ["two"]


async def test_an_unknown_channel_is_refused(org: LocalOrg) -> None:
    async with subscribed(org, ReplayOption.NEW_EVENTS) as client:
        with pytest.raises(ServerError, match="400"):
            await client.subscribe("/event/Nothing__e")


async def test_activation_of_an_order_rings(org: LocalOrg, catalog: Catalog) -> None:
    async with subscribed(org, ReplayOption.NEW_EVENTS) as client:
        await client.subscribe(SUBMITTED)
        order = await asyncio.to_thread(catalog.activated)
        message = await asyncio.wait_for(client.receive(), 10)
        assert message["data"]["payload"]["Order_Id__c"] == order
        assert message["data"]["payload"]["Reason__c"] == "Activated"
        assert message["data"]["event"].keys() == {"EventApiName", "EventUuid", "replayId"}


def test_the_protocol_is_json_over_post_only(org: LocalOrg) -> None:
    assert httpx.get(f"{org.url}/cometd/66.0").status_code == 400
