"""The org over real sockets: signing in by both flows, an expired token in the middle, calls that fail."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from connector.localorg import Fault, LocalOrg
from connector.sf.config import ClientCredentials, JwtBearer, OrgConfig, Timeouts
from connector.sf.connection import Connection, connect
from connector.sf.failures import LimitReached, Refused, SessionRefused, SignInFailed, Unavailable
from connector.sf.org import Subrequest
from tests.sf.conftest import KEY, USER
from tests.sf.keys import key_pair
from tests.sf.shop import Shop

ACCOUNTS = "SELECT Id, Name FROM Account ORDER BY Name"


def utc_now() -> datetime:
    return datetime.now(UTC)


async def names(connection: Connection) -> list[str]:
    return [record["Name"] for record in await connection.org.query_all(ACCOUNTS)]


async def test_signing_in_with_a_secret(connection: Connection, shop: Shop) -> None:
    shop.new_account("Ada")

    assert await names(connection) == ["Ada"]


async def test_signing_in_with_a_certificate(config: OrgConfig, shop: Shop) -> None:
    shop.new_account("Ada")
    certificate = JwtBearer(consumer_key=KEY, username=USER, private_key=SecretStr(key_pair()[0]))

    with connect(replace(config, credentials=certificate), utc_now) as connection:
        assert await names(connection) == ["Ada"]


async def test_a_user_who_has_not_been_admitted(config: OrgConfig) -> None:
    stranger = JwtBearer(consumer_key=KEY, username="nobody@acme.example", private_key=SecretStr(key_pair()[0]))

    with connect(replace(config, credentials=stranger), utc_now) as connection, pytest.raises(SignInFailed) as caught:
        await names(connection)

    assert "permission set" in caught.value.hint


async def test_a_wrong_secret_is_not_repeated(config: OrgConfig) -> None:
    wrong = ClientCredentials(consumer_key=KEY, consumer_secret=SecretStr("guess"))

    with connect(replace(config, credentials=wrong), utc_now) as connection, pytest.raises(SignInFailed) as caught:
        await names(connection)

    assert "guess" not in str(caught.value)


async def test_a_token_that_expires_in_the_middle_is_renewed(
    connection: Connection, local_org: LocalOrg, shop: Shop
) -> None:
    shop.new_account("Ada")
    before = await connection.tokens.token()
    assert await names(connection) == ["Ada"]
    local_org.expire_tokens()

    assert await asyncio.gather(*(names(connection) for _ in range(8))) == [["Ada"]] * 8
    assert (await connection.tokens.token()).access != before.access


async def test_a_token_that_is_refused_twice_is_an_error(connection: Connection, local_org: LocalOrg) -> None:
    local_org.fault(Fault.SESSION_INVALID, 2)

    with pytest.raises(SessionRefused):
        await names(connection)

    assert await names(connection) == []


async def test_a_query_in_pages(connection: Connection, shop: Shop) -> None:
    for number in range(2_010):
        shop.new_account(f"Account {number:05}")

    found = await names(connection)

    assert len(found) == 2_010
    assert found == sorted(found)
    assert await connection.org.count("SELECT COUNT() FROM Account") == 2_010


async def test_usage_is_known_after_each_call(connection: Connection, local_org: LocalOrg) -> None:
    await names(connection)
    first = connection.gauge.last
    local_org.fault(Fault.UNAVAILABLE)
    with pytest.raises(Unavailable):
        await names(connection)
    await names(connection)

    assert first is not None
    assert connection.gauge.last is not None
    assert connection.gauge.last.used > first.used
    assert connection.gauge.last.allowed == 100_000


async def test_calls_that_fail_say_how(connection: Connection, local_org: LocalOrg) -> None:
    local_org.fault(Fault.LIMIT_EXCEEDED)
    with pytest.raises(LimitReached) as limited:
        await names(connection)
    assert limited.value.limit == "daily"

    with pytest.raises(Refused) as refused:
        await connection.org.query("SELECT Nonsense__c FROM Account")
    assert refused.value.sf_code == "INVALID_FIELD"

    with pytest.raises(Refused) as unknown:
        await connection.org.describe("Nonsense__c")
    assert unknown.value.sf_code == "NOT_FOUND"


async def test_an_answer_that_is_lost(connection: Connection, local_org: LocalOrg) -> None:
    await connection.tokens.token()
    local_org.fault(Fault.ANSWER_LOST)

    with pytest.raises(Unavailable):
        await names(connection)


async def test_an_answer_that_takes_too_long(config: OrgConfig, local_org: LocalOrg) -> None:
    hasty = replace(config, timeouts=Timeouts(connect=5.0, read=0.2, call=20.0))
    with connect(hasty, utc_now) as connection:
        await connection.tokens.token()
        local_org.fault(Fault.SLOW, seconds=2.0)

        with pytest.raises(Unavailable, match="ReadTimeout"):
            await names(connection)


async def test_an_org_that_is_gone(config: OrgConfig, local_org: LocalOrg) -> None:
    with connect(config, utc_now) as connection:
        await connection.tokens.token()
        local_org.stop()

        with pytest.raises(Unavailable, match="can't be reached"):
            await names(connection)


async def test_parts_of_a_composite_request_fail_alone(connection: Connection, shop: Shop) -> None:
    order = shop.order("PHONE")
    bodies: list[dict[str, object]] = [{"External_Id__c": "P1", "Order__c": order}, {"Nonsense__c": 1}]
    bodies.append({"External_Id__c": "P2"})
    parts = [
        Subrequest(
            method="PATCH",
            path="composite/sobjects/Orchestration_Plan__c/External_Id__c",
            reference=f"group{number}",
            body={"allOrNone": False, "records": [{"attributes": {"type": "Orchestration_Plan__c"}, **fields}]},
        )
        for number, fields in enumerate(bodies)
    ]

    good, bad, other = await connection.org.composite(parts)

    assert (good.status, good.body[0]["success"]) == (200, True)
    assert bad.status == 400 or not bad.body[0]["success"]
    assert (other.status, other.body[0]["success"]) == (200, True)


async def test_our_calls_name_themselves(connection: Connection, local_org: LocalOrg) -> None:
    await names(connection)

    assert "order-connector" in local_org.org.statistics()["calls_by_client"]
