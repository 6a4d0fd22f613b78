"""Pauses and workers through the API, over real sockets and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from connector.api.app import create_app
from connector.bridges.control import ControlBridge
from connector.model.events import Operation
from connector.model.ids import OrderId
from connector.store.database import Database
from connector.store.pauses import PauseTable
from connector.store.work import WorkTable
from tests.callouts.stub import serving
from tests.orchestrator.test_holding import Site, until
from tests.orchestrator.turning import infiwave

from .test_app import House

READER, OPERATOR = {"Authorization": "Bearer reads"}, {"Authorization": "Bearer operates"}
NETWORK = {"kind": "system", "name": "network", "reason": "they move house", "by": "Eva"}


@pytest.fixture
async def site(migrated_url: str) -> AsyncIterator[Site]:
    async with await Database.connect(migrated_url, size=10) as database:
        yield Site(await infiwave(database))


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    house = House()
    app = create_app(
        inbox=house,
        orders=house,
        health=house,
        control=ControlBridge(site.database, site.bench.sets, PauseTable(site.database)),
        inbound_secrets=lambda _name: (),
        api_tokens=[SecretStr("reads")],
        operator_tokens=[SecretStr("operates")],
        patience=5.0,
    )
    async with serving(app) as url, httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
        yield client


async def test_pausing_and_resuming(http: httpx.AsyncClient) -> None:
    made = await http.post("/v1/pauses", json=NETWORK, headers=OPERATOR)
    assert made.status_code == 201
    assert {**made.json(), "since": ""} == {**NETWORK, "since": "", "until": None, "order": None, "waiting": 0}
    listed = await http.get("/v1/pauses", headers=READER)
    assert listed.json() == {"pauses": [made.json()]}
    again = await http.post("/v1/pauses", json=NETWORK, headers=OPERATOR)
    assert again.status_code == 409
    assert "they move house" in again.json()["error"]["message"]
    assert (await http.delete("/v1/pauses/system/network", headers=OPERATOR)).status_code == 200
    gone = await http.delete("/v1/pauses/system/network", headers=OPERATOR)
    assert (gone.status_code, gone.json()["error"]["message"]) == (409, "System network is not paused.")
    assert (await http.get("/v1/pauses", headers=OPERATOR)).json() == {"pauses": []}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**NETWORK, "name": "netwrk"}, 404),
        ({**NETWORK, "kind": "world"}, 422),
        ({**NETWORK, "reason": ""}, 422),
        ({**NETWORK, "until": "2026-03-01T12:00:00"}, 422),
        ({**NETWORK, "more": 1}, 422),
        ({**NETWORK, "until": (datetime.now(UTC) - timedelta(days=1)).isoformat()}, 409),
        ({**NETWORK, "kind": "order", "name": "801000000000099AAA"}, 409),
        ([], 422),
        ({**NETWORK, "reason": "  "}, 422),
        ({**NETWORK, "reason": "a\0b"}, 422),
        ({**NETWORK, "by": "\0"}, 422),
        ({**NETWORK, "kind": "order", "name": "8\0"}, 422),
        ({**NETWORK, "until": 32503680000}, 422),
        ({**NETWORK, "until": "9999-12-31T23:59:59-14:00"}, 422),
    ],
)
async def test_what_can_not_be_done_is_told(http: httpx.AsyncClient, body: object, status: int) -> None:
    answer = await http.post("/v1/pauses", json=body, headers=OPERATOR)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert (await http.get("/v1/pauses", headers=READER)).json() == {"pauses": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/pauses/system/%00"),
        ("DELETE", "/v1/pauses/order/%00"),
        ("POST", "/v1/workers/%00/drain"),
    ],
)
async def test_a_name_that_nothing_can_have_is_unknown(http: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, path, headers=OPERATOR)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "UNKNOWN")


async def test_what_is_not_valid_is_told_by_name_and_reason(http: httpx.AsyncClient) -> None:
    body = {**NETWORK, "by": "\0", "until": "2026-03-01T12:00:00"}
    told = (await http.post("/v1/pauses", json=body, headers=OPERATOR)).json()["error"]["message"]
    assert told == "Not valid: by: holds a character that can't be stored; until: Input should have timezone info."


async def test_a_body_that_is_too_big_is_told_so_though_it_is_sent_whole(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/pauses", content=b"x" * 5_000_000, headers=OPERATOR)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "TOO_BIG")


async def test_who_may_read_may_not_pause(http: httpx.AsyncClient) -> None:
    for headers in ({}, READER, {"Authorization": "Bearer x"}):
        refused = await http.post("/v1/pauses", json=NETWORK, headers=headers)
        assert refused.status_code == 401
        assert "CONNECTOR_API__OPERATOR_TOKEN" in refused.json()["error"]["hint"]
        assert (await http.delete("/v1/pauses/system/network", headers=headers)).status_code == 401
        assert (await http.post("/v1/workers/worker-1/drain", headers=headers)).status_code == 401
    assert (await http.get("/v1/pauses")).status_code == 401
    assert (await http.get("/v1/workers")).status_code == 401


async def test_an_order_is_paused_by_its_worker(http: httpx.AsyncClient, site: Site) -> None:
    order = await site.submit()
    async with site.member("worker-1") as member:
        await until(lambda: len(member.systems.begun) == 2)
        body = {"kind": "order", "name": order, "reason": "the customer moves", "by": "Eva"}
        paused = await http.post("/v1/pauses", json=body, headers=OPERATOR)
        assert (paused.status_code, paused.json()["done"]) == (200, True)
        (row,) = (await http.get("/v1/pauses", headers=READER)).json()["pauses"]
        assert (row["kind"], row["order"], row["by"]) == ("order", order, "Eva")
        again = await http.post("/v1/pauses", json=body, headers=OPERATOR)
        assert again.status_code == 409
        resumed = await http.delete("/v1/pauses/order/00000001?by=Ann", headers=OPERATOR)
        assert resumed.json() == {"done": True, "message": "Order 00000001 goes on."}


async def test_an_answer_that_is_still_to_come(site: Site) -> None:
    order: OrderId = await site.submit()
    bridge = ControlBridge(site.database, site.bench.sets, site.pauses)
    assert await bridge.command(order, Operation.PAUSE, by="", outputs={}, seconds=0.01) is None


async def test_workers_and_draining_one(http: httpx.AsyncClient, site: Site) -> None:
    await WorkTable(site.database, "worker-1", "here").beat()
    (row,) = (await http.get("/v1/workers", headers=READER)).json()["workers"]
    assert (row["worker"], row["host"], row["state"]) == ("worker-1", "here", "working")
    assert (await http.post("/v1/workers/worker-1/drain", headers=OPERATOR)).status_code == 202
    (row,) = (await http.get("/v1/workers", headers=READER)).json()["workers"]
    assert row["state"] == "draining"
    assert (await http.post("/v1/workers/worker-9/drain", headers=OPERATOR)).status_code == 409
