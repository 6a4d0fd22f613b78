"""The simulated systems behave as good systems should, and misbehave only when told to."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.demo.processes import Child
from connector.demo.simulated.billing import BILLING
from connector.demo.simulated.network import BLOCKED_NUMBER
from connector.demo.systems import SYSTEMS, Served, environment, serving
from tests.demo.inbound_listener import Listener

FAST = 100.0
SHIPMENT = {"sku": "SIM-NANO", "orderId": "801A", "reference": "801A-3", "quantity": 1}


def headers(served: Served, key: str | None = None) -> dict[str, str]:
    secrets = served["credentials"]
    match served["kind"]:
        case "basic":
            plain = f"{secrets['username']}:{secrets['password']}".encode()
            made = {"Authorization": "Basic " + base64.b64encode(plain).decode()}
        case "header":
            made = {secrets["header"]: secrets["value"]}
        case _:
            made = {"Authorization": f"Bearer {secrets['token']}"}
    return made | ({"Idempotency-Key": key} if key else {})


@pytest.fixture
async def systems(tmp_path: Path) -> AsyncIterator[Mapping[str, Served]]:
    async with serving(tmp_path, speed=FAST) as served:
        yield served


async def requests_of(http: httpx.AsyncClient, served: Served) -> list[dict[str, Any]]:
    return list((await http.get(f"{served['url']}/_sim/requests")).json())


async def state_of(http: httpx.AsyncClient, served: Served) -> dict[str, Any]:
    return dict((await http.get(f"{served['url']}/_sim/state")).json())


async def test_every_system_turns_strangers_away(systems: Mapping[str, Served], http: httpx.AsyncClient) -> None:
    for name, definition in SYSTEMS.items():
        operation = definition.operations[0]
        url = systems[name]["url"] + operation.path.format(service="s", location="l", meter="m", subscription="b")
        answer = await http.request(operation.method, url, headers={"Idempotency-Key": "k"}, json={})
        assert answer.status_code == 401, name


async def test_oauth2_token_opens_the_grid(systems: Mapping[str, Served], http: httpx.AsyncClient) -> None:
    grid = systems["grid"]
    secrets = grid["credentials"]
    grant = {"grant_type": "client_credentials"}
    wrong = await http.post(secrets["token_url"], data=grant, auth=(secrets["client_id"], "guessed"))
    assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
    in_header = await http.post(secrets["token_url"], data=grant, auth=(secrets["client_id"], secrets["client_secret"]))
    in_body = await http.post(
        secrets["token_url"],
        data=grant | {"client_id": secrets["client_id"], "client_secret": secrets["client_secret"]},
    )
    assert in_header.json()["access_token"] == in_body.json()["access_token"]
    allowed = {"Authorization": f"Bearer {in_body.json()['access_token']}", "Idempotency-Key": "k"}
    answer = await http.post(
        f"{grid['url']}/v1/registrations",
        headers=allowed,
        json={"orderId": "801A", "reference": "801A-1", "marketLocation": "51238696780"},
    )
    assert answer.status_code == 202


async def test_a_change_without_idempotency_key_is_refused(
    systems: Mapping[str, Served], http: httpx.AsyncClient
) -> None:
    warehouse = systems["warehouse"]
    answer = await http.post(f"{warehouse['url']}/v1/shipments", headers=headers(warehouse), json=SHIPMENT)
    assert answer.status_code == 400
    assert answer.json()["code"] == "NO_IDEMPOTENCY_KEY"
    assert "shipment" not in await state_of(http, warehouse)


async def test_the_same_call_twice_has_the_effect_of_once(
    systems: Mapping[str, Served], http: httpx.AsyncClient
) -> None:
    warehouse = systems["warehouse"]
    url, allowed = f"{warehouse['url']}/v1/shipments", headers(warehouse, "801A-3-1")
    first, second = [await http.post(url, headers=allowed, json=SHIPMENT) for _ in range(2)]
    assert (first.status_code, first.json()) == (202, {"shipmentId": "SH-000001"})
    assert (second.status_code, second.json()) == (202, {"shipmentId": "SH-000001"})
    assert second.headers["Idempotent-Replayed"] == "true"
    assert list((await state_of(http, warehouse))["shipment"]) == ["SH-000001"]
    seen = await requests_of(http, warehouse)
    assert [(call["method"], call["path"], call["key"], call["repeated"]) for call in seen] == [
        ("POST", "/v1/shipments", "801A-3-1", False),
        ("POST", "/v1/shipments", "801A-3-1", True),
    ]
    assert seen[0]["at"] <= seen[1]["at"]


async def test_a_key_that_comes_with_another_request_is_refused(
    systems: Mapping[str, Served], http: httpx.AsyncClient
) -> None:
    warehouse = systems["warehouse"]
    url, allowed = f"{warehouse['url']}/v1/shipments", headers(warehouse, "801A-3-1")
    await http.post(url, headers=allowed, json=SHIPMENT)
    answer = await http.post(url, headers=allowed, json=SHIPMENT | {"sku": "HS-ARIA9"})
    assert (answer.status_code, answer.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_a_refusal_is_repeated_under_the_same_key_and_a_new_key_asks_anew(
    systems: Mapping[str, Served], http: httpx.AsyncClient
) -> None:
    network = systems["network"]
    service = f"{network['url']}/v1/services/802A"
    number = {"reference": "801A-1", "orderId": "801A", "wanted": BLOCKED_NUMBER}
    profile = {"reference": "801A-4", "orderId": "801A", "profile": "IW-5G-M"}
    await http.post(f"{service}/number", headers=headers(network, "801A-1-1"), json=number)
    await http.put(f"{service}/sim", headers=headers(network, "801A-3-1"), json={"iccid": "894920"})
    blocked = await http.post(f"{service}/activation", headers=headers(network, "801A-4-1"), json=profile)
    assert (blocked.status_code, blocked.json()["code"]) == (409, "NUMBER_BLOCKED")

    mended = await http.put(f"{network['url']}/_sim/numbers/{BLOCKED_NUMBER}", json={"blocked": False})
    assert mended.json()["blocked"] is False

    again = await http.post(f"{service}/activation", headers=headers(network, "801A-4-1"), json=profile)
    assert again.status_code == 409
    anew = await http.post(f"{service}/activation", headers=headers(network, "801A-4-2"), json=profile)
    assert (anew.status_code, anew.json()["state"]) == (200, "active")


async def test_messages_are_signed_and_name_the_item_or_the_order(
    tmp_path: Path, listener: Listener, http: httpx.AsyncClient
) -> None:
    async with serving(tmp_path, speed=FAST, connector=listener.url) as systems:
        warehouse = systems["warehouse"]
        await http.post(f"{warehouse['url']}/v1/shipments", headers=headers(warehouse, "k"), json=SHIPMENT)
        shipped, delivered = await listener.until(lambda received: len(received) == 2)
    assert shipped.system == "warehouse"
    assert shipped.is_signed_with(warehouse["inbound_secret"])
    assert not shipped.is_signed_with("another")
    assert (shipped.body["event"], shipped.body["reference"]) == ("shipment.shipped", "801A-3")
    assert shipped.body["iccid"].startswith("8949")
    assert (delivered.body["event"], delivered.body["orderId"]) == ("shipment.delivered", "801A")
    assert delivered.body["shipmentId"] == shipped.body["shipmentId"]


async def test_a_message_is_sent_until_it_is_taken(tmp_path: Path, listener: Listener, http: httpx.AsyncClient) -> None:
    listener.answers = [503, 404, 500]
    async with serving(tmp_path, speed=FAST, connector=listener.url) as systems:
        warehouse = systems["warehouse"]
        await http.post(f"{warehouse['url']}/v1/shipments", headers=headers(warehouse, "k"), json=SHIPMENT)
        received = await listener.until(lambda received: len(received) == 5)
    by_delivery: dict[str, int] = {}
    for message in received:
        by_delivery[message.body["deliveryId"]] = by_delivery.get(message.body["deliveryId"], 0) + 1
    assert len(by_delivery) == 2
    assert sum(by_delivery.values()) == 5


async def test_a_message_that_nobody_will_ever_take_is_given_up(
    tmp_path: Path, listener: Listener, http: httpx.AsyncClient
) -> None:
    listener.answers = [400]
    async with serving(tmp_path, speed=FAST, connector=listener.url) as systems:
        warehouse = systems["warehouse"]
        await http.post(f"{warehouse['url']}/v1/shipments", headers=headers(warehouse, "k"), json=SHIPMENT)
        await listener.until(lambda received: len(received) == 2)
        messages = (await http.get(f"{warehouse['url']}/_sim/messages")).json()
    assert messages[0]["refused"].startswith("400")
    assert messages[0]["attempts"] == 1


async def test_a_message_can_be_made_to_come_twice(tmp_path: Path, listener: Listener, http: httpx.AsyncClient) -> None:
    async with serving(tmp_path, speed=FAST, connector=listener.url) as systems:
        warehouse = systems["warehouse"]
        await http.post(f"{warehouse['url']}/_sim/behaviour", json={"deliver_twice": True})
        await http.post(f"{warehouse['url']}/v1/shipments", headers=headers(warehouse, "k"), json=SHIPMENT)
        received = await listener.until(lambda received: len(received) == 4)
    assert received[0].body["deliveryId"] == received[1].body["deliveryId"]


async def test_a_restart_goes_on_with_what_was_known_and_what_was_to_be_told(
    tmp_path: Path, listener: Listener, http: httpx.AsyncClient
) -> None:
    async with serving(tmp_path, speed=FAST) as systems:  # the connector is not there yet
        before = systems["warehouse"]
        first = await http.post(f"{before['url']}/v1/shipments", headers=headers(before, "k"), json=SHIPMENT)
    async with serving(tmp_path, speed=FAST) as systems:
        after = systems["warehouse"]
        assert after["credentials"] == before["credentials"]
        assert after["inbound_secret"] == before["inbound_secret"]
        again = await http.post(f"{after['url']}/v1/shipments", headers=headers(after, "k"), json=SHIPMENT)
        assert again.json() == first.json()
        assert [call["repeated"] for call in await requests_of(http, after)] == [False, True]
        assert listener.received == []
        await http.post(f"{after['url']}/_sim/connector", json={"url": listener.url})
        await listener.until(lambda received: len(received) == 2)


async def test_billing_fails_at_first_and_only_once_in_its_life(tmp_path: Path, http: httpx.AsyncClient) -> None:
    start = {"subscription": "802A", "account": "001A", "monthlyFeeCents": 4499, "orderId": "801A"}
    only = {"billing": BILLING}
    async with serving(tmp_path, speed=FAST, definitions=only) as systems:
        url, allowed = f"{systems['billing']['url']}/v1/subscriptions", headers(systems["billing"], "k")
        first = await http.post(url, headers=allowed, json=start)
    async with serving(tmp_path, speed=FAST, definitions=only) as systems:
        url = f"{systems['billing']['url']}/v1/subscriptions"
        statuses = [(await http.post(url, headers=allowed, json=start)).status_code for _ in range(3)]
        assert [first.status_code, *statuses] == [503, 503, 201, 201]
        assert len((await state_of(http, systems["billing"]))["subscription"]) == 1


async def test_any_system_can_be_made_to_fail(systems: Mapping[str, Served], http: httpx.AsyncClient) -> None:
    network = systems["network"]
    behaviour = f"{network['url']}/_sim/behaviour"
    unknown = await http.post(behaviour, json={"explode": True})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "UNKNOWN_BEHAVIOUR")
    await http.post(behaviour, json={"fail_next": 1, "fail_status": 429})
    url = f"{network['url']}/v1/services/802A/esim"
    answers = [await http.post(url, headers=headers(network, "k"), json={}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [429, 201]
    assert (await http.get(behaviour)).json()["fail_next"] == 0


async def test_serviceability_answers_questions_without_a_key(
    systems: Mapping[str, Served], http: httpx.AsyncClient
) -> None:
    asked = systems["serviceability"]
    url = f"{asked['url']}/v1/addresses"
    address = {"street": "Chausseestraße 20", "postalCode": "10115", "city": "Berlin"}
    there = await http.get(url, params=address, headers=headers(asked))
    assert there.json()["fiber"] is True
    nowhere = await http.get(url, params=address | {"postalCode": "17255"}, headers=headers(asked))
    assert nowhere.json() == {"fiber": False, "address": "Chausseestraße 20, 17255 Berlin"}
    nonsense = await http.get(url, params=address | {"postalCode": "1"}, headers=headers(asked))
    assert (nonsense.status_code, nonsense.json()["code"]) == (404, "UNKNOWN_ADDRESS")


async def test_the_process_says_when_it_serves_and_stops_when_told(tmp_path: Path, http: httpx.AsyncClient) -> None:
    arguments = ["connector.demo.systems", "--data", str(tmp_path / "data"), "--speed", "50"]
    process = Child("systems", arguments, tmp_path, {})
    try:
        served = await process.start()
        assert set(served) == set(SYSTEMS)
        assert (tmp_path / "systems.ready").stat().st_mode & 0o077 == 0
        assert (tmp_path / "data" / "credentials.json").stat().st_mode & 0o077 == 0
        for one in served.values():
            assert await requests_of(http, one) == []
    finally:
        await process.stop()
    assert process._process is not None
    assert process._process.returncode == 0


def test_the_connector_is_given_everything_that_the_sets_name() -> None:
    served: dict[str, Served] = {
        "warehouse": {
            "url": "http://127.0.0.1:1",
            "setting": "WAREHOUSE_URL",
            "kind": "basic",
            "credentials": {"username": "connector", "password": "secret"},
            "inbound_secret": "shared",
        }
    }
    assert environment(served) == {
        "CONNECTOR_DESTINATIONS__WAREHOUSE_URL": "http://127.0.0.1:1",
        "CONNECTOR_CREDENTIALS__WAREHOUSE__USERNAME": "connector",
        "CONNECTOR_CREDENTIALS__WAREHOUSE__PASSWORD": "secret",
        "CONNECTOR_INBOUND_SECRETS__WAREHOUSE": "shared",
    }


async def test_a_behaviour_of_the_wrong_kind_is_refused(systems: Mapping[str, Served], http: httpx.AsyncClient) -> None:
    behaviour = f"{systems['network']['url']}/_sim/behaviour"
    before = (await http.get(behaviour)).json()
    for wrong in ({"fail_next": "two"}, {"fail_next": True}, {"latency": "slow"}, {"deliver_twice": 1}):
        assert (await http.post(behaviour, json=wrong)).status_code == 400
    assert (await http.get(behaviour)).json() == before
    assert (await http.post(behaviour, json={"latency": 0.01})).json()["latency"] == 0.01
