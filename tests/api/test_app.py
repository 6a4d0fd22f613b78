"""The HTTP face, over real sockets: uvicorn serves it, httpx and bare TCP ask."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from msgspec.structs import replace as changed
from pydantic import SecretStr

from connector.api.app import create_app
from connector.api.ports import Check
from connector.api.tracking import TrackedItem, TrackedOrder, tracked
from connector.callouts.inbound import MAX_BYTES
from connector.callouts.signature import sign
from connector.errors import MappingError, TransientError
from connector.mappings.set import MappingSet, System
from connector.model.events import Addressed, CallbackArrived, ExternalEventArrived
from connector.model.failure import Failure, FailureClass
from connector.model.ids import ItemNo, OrderId
from connector.model.json import JsonObject
from connector.model.order import Account, Order
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, ItemType, PlanState
from tests.callouts.building import event, mapping_set
from tests.callouts.stub import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORDER = OrderId("801000000000001AAA")
TOKEN = "the-api-token"
EVENTS = (
    event("shipped", "body.type == 'shipped'", item="body.ref", outputs={"tracking": "body.tracking"}),
    event("stock", "has(body.stock)", order="body.order", outputs={"left": "body.stock"}),
)
SETS = (
    mapping_set(
        System(name="warehouse", base_url="X", inbound_secret="warehouse", events={each.name: each for each in EVENTS})
    ),
)


class House:
    """The rest of the house, as the HTTP face sees it."""

    def __init__(self) -> None:
        self.stored: list[Addressed] = []
        self.error: Exception | None = None
        self.error_of_put: Exception | None = None
        self.hangs = False
        self.checks_seen: Sequence[Check] = ()
        self.reset()

    def reset(self) -> None:
        self.stored.clear()
        self.error = self.error_of_put = None
        self.hangs = False
        self.checks_seen = (Check(name="database", ok=True), Check(name="salesforce", ok=True, detail="org 00D"))

    async def _trouble(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error

    async def mapping_sets(self) -> Sequence[MappingSet]:
        return SETS

    async def exists(self, order: OrderId, item: ItemNo | None) -> bool:
        await self._trouble()
        return order == ORDER and (item is None or item <= 7)

    async def put(self, addressed: Addressed) -> None:
        if self.error_of_put is not None:
            raise self.error_of_put
        self.stored.append(addressed)

    async def track(self, order: OrderId) -> TrackedOrder | None:
        await self._trouble()
        return TRACKED if order == ORDER else None

    async def preview(self, order: OrderId, given: Order | None) -> JsonObject | None:
        await self._trouble()
        lines = len(given.lines) if given else 0
        return {"verdict": "accepted", "lines": lines} if order == ORDER else None

    async def checks(self) -> Sequence[Check]:
        await self._trouble()
        return self.checks_seen


TRACKED = TrackedOrder(
    id=ORDER,
    number="00000100",
    state="InProgress",
    progress=50,
    message="",
    items_total=2,
    items_done=1,
    started_at=NOW,
    finished_at=None,
    items=(
        TrackedItem(
            ref=f"{ORDER}-1",
            key="ship",
            name="Ship the SIM",
            type="callout",
            state="Running",
            phase="waiting",
            attempts=1,
            waiting_for="warehouse.shipped",
            due_at=None,
            started_at=NOW,
            finished_at=None,
            error_code=None,
            problem=None,
        ),
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[tuple[House, str]]:
    house = House()
    app = create_app(
        inbox=house,
        orders=house,
        health=house,
        inbound_secrets={"warehouse": [SecretStr("s1")]}.__getitem__,
        api_tokens=[SecretStr("older-token"), SecretStr(TOKEN)],
        clock=lambda: NOW,
        patience=0.25,
    )
    async with serving(app) as url:
        yield house, url


@pytest.fixture
def house(served: tuple[House, str]) -> House:
    served[0].reset()
    return served[0]


@pytest_asyncio.fixture(loop_scope="module")
async def client(served: tuple[House, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served[1], trust_env=False) as opened:
        yield opened


def signed(body: bytes, secret: str = "s1") -> dict[str, str]:  # noqa: S107 - of a test
    stamp = int(NOW.timestamp())
    return {"X-Connector-Timestamp": str(stamp), "X-Connector-Signature": sign(secret, stamp, body)}


async def post(client: httpx.AsyncClient, message: Any, system: str = "warehouse", **headers: str) -> httpx.Response:
    body = json.dumps(message).encode()
    return await client.post(f"/v1/inbound/{system}", content=body, headers=signed(body) | headers)


SHIPPED = {"type": "shipped", "ref": f"{ORDER}-7", "tracking": "T1"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error answer, after a look at its form."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "hint"}
    assert "Traceback" not in response.text
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    return response.status_code, body["error"]["code"]


# -- inbound ----------------------------------------------------------------------------------------------


async def test_a_call_back_is_stored_before_it_is_taken(house: House, client: httpx.AsyncClient) -> None:
    response = await post(client, SHIPPED)
    assert (response.status_code, response.json()) == (202, {"accepted": True})
    assert house.stored == [
        Addressed(
            order=ORDER, event=CallbackArrived(item=ItemNo(7), name="warehouse.shipped", outputs={"tracking": "T1"})
        )
    ]


async def test_an_external_event_is_stored(house: House, client: httpx.AsyncClient) -> None:
    assert (await post(client, {"stock": 3, "order": ORDER})).status_code == 202
    assert house.stored == [
        Addressed(order=ORDER, event=ExternalEventArrived(name="warehouse.stock", payload={"left": 3}))
    ]


async def test_what_is_about_nothing_here(house: House, client: httpx.AsyncClient) -> None:
    assert refusal(await post(client, SHIPPED | {"ref": f"{ORDER}-8"})) == (404, "UNKNOWN_ITEM")
    assert refusal(await post(client, SHIPPED | {"ref": "801000000000002AAA-7"})) == (404, "UNKNOWN_ITEM")
    assert refusal(await post(client, {"stock": 3, "order": "801000000000002AAA"})) == (404, "UNKNOWN_ORDER")
    assert refusal(await post(client, SHIPPED, system="billing")) == (404, "UNKNOWN_SYSTEM")
    assert house.stored == []


async def test_what_can_not_be_understood(house: House, client: httpx.AsyncClient) -> None:
    assert refusal(await post(client, {"type": "lost"})) == (400, "NO_EVENT")
    assert refusal(await post(client, [1])) == (400, "NOT_AN_OBJECT")
    body = b"<xml/>"
    response = await client.post("/v1/inbound/warehouse", content=body, headers=signed(body))
    assert refusal(response) == (400, "NOT_JSON")
    assert house.stored == []


async def test_who_is_not_known(house: House, client: httpx.AsyncClient) -> None:
    response = await post(client, SHIPPED, **signed(b"other"))
    assert refusal(response) == (401, "SIGNATURE_WRONG")
    assert "www-authenticate" in response.headers
    assert refusal(await client.post("/v1/inbound/warehouse", json=SHIPPED)) == (401, "SIGNATURE_MISSING")
    assert house.stored == []


async def test_a_second_signature_is_not_chosen_from(house: House, client: httpx.AsyncClient) -> None:
    body = json.dumps(SHIPPED).encode()
    headers = [*signed(body, "wrong").items(), *signed(body).items()]
    response = await client.post("/v1/inbound/warehouse", content=body, headers=headers)
    assert refusal(response) == (401, "SIGNATURE_WRONG")
    assert house.stored == []


@pytest.mark.parametrize(
    "error", [TransientError("database is away, password=hunter22"), ConnectionRefusedError("10.0.0.7"), TimeoutError()]
)
@pytest.mark.parametrize("where", ["error", "error_of_put"])
async def test_while_nothing_can_be_stored_the_sender_is_asked_to_repeat(
    house: House, client: httpx.AsyncClient, error: Exception, where: str
) -> None:
    setattr(house, where, error)
    response = await post(client, SHIPPED)
    assert refusal(response) == (503, "UNAVAILABLE")
    assert int(response.headers["retry-after"]) > 0
    assert "hunter22" not in response.text
    assert "10.0.0.7" not in response.text
    setattr(house, where, None)
    assert (await post(client, SHIPPED)).status_code == 202


async def test_a_database_that_hangs_is_one_that_is_away(house: House, client: httpx.AsyncClient) -> None:
    house.hangs = True
    assert refusal(await post(client, SHIPPED)) == (503, "UNAVAILABLE")


async def test_a_bug_shows_no_stack_trace(
    house: House, client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    house.error = ZeroDivisionError("secret detail")
    response = await post(client, SHIPPED)
    assert refusal(response) == (500, "INTERNAL")
    assert "secret detail" not in response.text
    assert "request_failed" in capsys.readouterr().out
    assert house.stored == []


# -- the size of bodies -----------------------------------------------------------------------------------


async def test_the_biggest_message_is_taken(house: House, client: httpx.AsyncClient) -> None:
    filler = "x" * (MAX_BYTES - len(json.dumps(SHIPPED | {"tracking": ""})))
    assert (await post(client, SHIPPED | {"tracking": filler})).status_code == 202
    assert refusal(await post(client, SHIPPED | {"tracking": filler + "x"})) == (413, "TOO_BIG")
    assert len(house.stored) == 1


async def talk(url: str, *sends: bytes) -> bytes:
    """Send bytes on a bare connection, and read until the server ends it."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for data in sends:
            writer.write(data)
            await writer.drain()
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


HEAD = b"POST /v1/inbound/warehouse HTTP/1.1\r\nHost: x\r\n"


async def test_an_announced_size_is_refused_before_the_body_comes(house: House, served: tuple[House, str]) -> None:
    answered = await talk(served[1], HEAD + b"Content-Length: 9999999999\r\n\r\n{")
    assert b" 413 " in answered.splitlines()[0]
    assert b"TOO_BIG" in answered


async def test_a_chunked_body_is_counted_while_it_comes(house: House, served: tuple[House, str]) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    answered = await talk(served[1], HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 4)
    assert b" 413 " in answered.splitlines()[0]


async def test_a_size_that_lies(house: House, served: tuple[House, str]) -> None:
    body = json.dumps(SHIPPED).encode()
    stamp = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items()).encode()
    # What is beyond the announced size is not part of the message, and so the signature does not fit.
    answered = await talk(
        served[1], HEAD + stamp + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % (len(body) - 1) + body
    )
    assert b" 401 " in answered.splitlines()[0]
    assert house.stored == []


async def test_a_body_that_never_ends_is_given_up(house: House, served: tuple[House, str]) -> None:
    answered = await talk(served[1], HEAD + b"Content-Length: 100\r\n\r\n{")
    assert b" 408 " in answered.splitlines()[0]
    assert b"TOO_SLOW" in answered


async def test_a_sender_that_hangs_up_leaves_nothing_behind(house: House, served: tuple[House, str]) -> None:
    host, port = served[1].removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(HEAD + b"Content-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with httpx.AsyncClient(base_url=served[1], trust_env=False) as other:
        assert (await other.get("/health/live")).status_code == 200
    assert house.stored == []


# -- order tracking ---------------------------------------------------------------------------------------


async def test_an_order_is_shown_to_who_has_a_token(house: House, client: httpx.AsyncClient) -> None:
    for token in (TOKEN, "older-token"):
        response = await client.get(f"/v1/orders/{ORDER}", headers={"Authorization": f"bearer {token}"})
        assert response.status_code == 200
        shown = response.json()
        assert (shown["id"], shown["progress"], shown["started_at"]) == (ORDER, 50, "2026-03-01T12:00:00+00:00")
        assert shown["items"][0]["waiting_for"] == "warehouse.shipped"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": TOKEN},
    ],
)
async def test_nobody_else_learns_anything(house: House, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    for order in (ORDER, "801000000000002AAA", "not-an-order"):
        response = await client.get(f"/v1/orders/{order}", headers=headers)
        assert refusal(response) == (401, "UNAUTHORIZED")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("order", ["801000000000002AAA", "x", "a" * 5000, "%27%20or%201=1", "%00"])
async def test_orders_that_are_not_here(house: House, client: httpx.AsyncClient, order: str) -> None:
    assert refusal(await client.get(f"/v1/orders/{order}", headers=BEARER)) == (404, "UNKNOWN_ORDER")


async def test_tracking_while_the_database_is_away(house: House, client: httpx.AsyncClient) -> None:
    house.error = TransientError("away")
    assert refusal(await client.get(f"/v1/orders/{ORDER}", headers=BEARER)) == (503, "UNAVAILABLE")


NEW_VERSION = {"account": {"id": "A1"}, "lines": [{"product": "PLAN", "action": "Add"}]}


@pytest.mark.parametrize(("body", "lines"), [(NEW_VERSION, 1), ({"order": NEW_VERSION}, 1), ({"cancel": True}, 0)])
async def test_a_revision_is_previewed(
    house: House, client: httpx.AsyncClient, body: dict[str, object], lines: int
) -> None:
    response = await client.post(f"/v1/orders/{ORDER}/preview", json=body, headers=BEARER)
    assert (response.status_code, response.json()) == (200, {"verdict": "accepted", "lines": lines})
    assert house.stored == []


async def test_a_preview_that_can_not_be_given_says_why(house: House, client: httpx.AsyncClient) -> None:
    path = f"/v1/orders/{ORDER}/preview"
    assert refusal(await client.post(path, json=NEW_VERSION)) == (401, "UNAUTHORIZED")
    wrong = await client.post(path, content=b"{", headers=BEARER)
    assert refusal(wrong) == (422, "INVALID")
    assert "not JSON" in wrong.text
    assert refusal(await client.post(path, content=b"\xff", headers=BEARER)) == (422, "INVALID")
    assert refusal(await client.post(path, json={"lines": [{}]}, headers=BEARER)) == (422, "INVALID")
    half = json.dumps({**NEW_VERSION, "id": "\ud800"})
    assert refusal(await client.post(path, content=half, headers=BEARER)) == (422, "INVALID")
    house.error = MappingError("Mapping set x is not in the database.")
    assert refusal(await client.post(path, json=NEW_VERSION, headers=BEARER)) == (409, "MAPPING")
    house.error = None
    other = "/v1/orders/801000000000002AAA/preview"
    assert refusal(await client.post(other, json=NEW_VERSION, headers=BEARER)) == (404, "UNKNOWN_ORDER")
    assert refusal(await client.post("/v1/orders/x/preview", json=NEW_VERSION, headers=BEARER)) == (
        404,
        "UNKNOWN_ORDER",
    )
    house.error = TransientError("away")
    assert refusal(await client.post(path, json=NEW_VERSION, headers=BEARER)) == (503, "UNAVAILABLE")


async def test_what_tracking_shows_of_a_plan() -> None:
    item = Item(
        no=ItemNo(1), definition="mobile", key="ship", type=ItemType.CALLOUT, scope_key="x", state=ItemState.RUNNING
    )
    failure = Failure(failure_class=FailureClass.BUSINESS, code="TAKEN", message="Taken.", detail="request and answer")
    plan = Plan(
        order=Order(id=ORDER, number="100", account=Account(id="001"), lines=()),
        state=PlanState.IN_PROGRESS,
        set_hash="h1",
        items={
            ItemNo(1): item,
            ItemNo(2): changed(item, no=ItemNo(2), state=ItemState.FATALLY_FAILED, failure=failure),
            ItemNo(3): changed(item, no=ItemNo(3), state=ItemState.COMPLETED),
        },
    )
    shown = tracked(plan)
    assert (shown.state, shown.progress, shown.items_total, shown.items_done) == ("InProgress", 33, 3, 1)
    assert [(each.ref, each.phase, each.error_code) for each in shown.items] == [
        (f"{ORDER}-1", "busy", None),
        (f"{ORDER}-2", "fallout", "TAKEN"),
        (f"{ORDER}-3", "done", None),
    ]
    assert "request and answer" not in str(shown)
    assert tracked(replace(plan, items={})).progress == 0


# -- health -----------------------------------------------------------------------------------------------


async def test_health(house: House, client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).json() == {"status": "live"}
    ready = await client.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("error", [None, TransientError("no route to db7"), OSError("db7")])
async def test_what_is_wrong_is_for_operators_only(
    house: House, client: httpx.AsyncClient, error: Exception | None
) -> None:
    house.checks_seen = (Check(name="database", ok=True), Check(name="subscription", ok=False, detail="db7 is down"))
    house.error = error
    anonymous = await client.get("/health/ready")
    assert (anonymous.status_code, anonymous.json()) == (503, {"status": "not ready"})
    operator = (await client.get("/health/ready", headers=BEARER)).json()
    assert "db7" in operator["checks"][-1]["detail"]
    assert (await client.get("/health/live")).status_code == 200


async def test_nothing_to_check_is_not_ready(house: House, client: httpx.AsyncClient) -> None:
    house.checks_seen = ()
    assert (await client.get("/health/ready")).status_code == 503


# -- everything else --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/redoc", "/openapi.json", "/v1/orders", f"/v1/orders/{ORDER}/", "/v1/x/../y"]
)
async def test_unknown_routes(house: House, client: httpx.AsyncClient, path: str) -> None:
    assert refusal(await client.get(path, headers=BEARER)) == (404, "NOT_FOUND")


async def test_wrong_methods(house: House, client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/inbound/warehouse")
    assert refusal(response) == (405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"
    assert refusal(await client.delete(f"/v1/orders/{ORDER}")) == (405, "METHOD_NOT_ALLOWED")


async def test_without_tokens_nobody_gets_in_and_the_documentation_opens_on_request(house: House) -> None:
    app = create_app(inbox=house, orders=house, health=house, inbound_secrets=lambda _name: (), docs=True)
    async with serving(app) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        for token in ("", TOKEN):
            response = await client.get(f"/v1/orders/{ORDER}", headers={"Authorization": f"Bearer {token}".strip()})
            assert refusal(response) == (401, "UNAUTHORIZED")
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert set(paths) == {
            "/v1/inbound/{system}",
            "/v1/orders/{order_id}",
            "/v1/orders/{order_id}/preview",
            "/health/live",
            "/health/ready",
        }
        assert refusal(await post(client, SHIPPED)) == (503, "NO_SECRET")
