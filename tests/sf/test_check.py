"""Is the org ready? Everything that the mappings name and the org lacks is found in one run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from connector.errors import TransientError
from connector.localorg import Fault, LocalOrg
from connector.mappings.policies import Queue
from connector.mappings.salesforce import IntakeField
from connector.mappings.set import MappingSet
from connector.sf.check import Finding, check_org
from connector.sf.config import ClientCredentials, OrgConfig
from connector.sf.connection import Connection, connect
from tests.sf.conftest import KEY, SECRET
from tests.sf.mapping import EXTERNAL_ID, INTAKE, WRITES, mapping_set, record
from tests.sf.shop import Shop


async def findings(connection: Connection, *sets: MappingSet) -> list[Finding]:
    return await check_org(
        connection.config, connection.org, connection.tokens, connection.schema, sets or (mapping_set(),)
    )


async def test_an_org_as_deployed_is_ready(connection: Connection) -> None:
    assert await findings(connection) == []


async def test_who_is_not_let_in_is_told_that_alone(config: OrgConfig) -> None:
    wrong = replace(config, credentials=ClientCredentials(consumer_key="other", consumer_secret=SecretStr("x")))
    with connect(wrong, lambda: datetime.now(UTC)) as connection:
        (finding,) = await findings(connection)

    assert (finding.level, finding.code) == ("error", "SF_SIGN_IN")
    assert "consumer key" in finding.hint


async def test_an_org_without_our_metadata() -> None:
    with LocalOrg() as bare:
        bare.add_user("u@x.example", "Somebody", administrator=True)
        bare.register_app(KEY, consumer_secret=SECRET, username="u@x.example")
        config = OrgConfig(
            url=bare.url, credentials=ClientCredentials(consumer_key=KEY, consumer_secret=SecretStr(SECRET))
        )
        with connect(config, lambda: datetime.now(UTC)) as connection:
            found = await findings(connection)

    told = [str(finding) for finding in found]
    for name in ("Order_Submitted__e", "Orchestration_Plan__c", "Fulfillment_Status__c", "Credit_Check"):
        assert any(name in text for text in told), name
    assert all("Deploy deploy/salesforce" in text or "queue" in text for text in told)


async def test_a_user_without_the_permission_set(local_org: LocalOrg, config: OrgConfig) -> None:
    local_org.add_user("plain@x.example", "Plain")
    local_org.register_app("plain", consumer_secret=SECRET, username="plain@x.example")
    plain = replace(config, credentials=ClientCredentials(consumer_key="plain", consumer_secret=SecretStr(SECRET)))
    with connect(plain, lambda: datetime.now(UTC)) as connection:
        found = await findings(connection)

    assert found
    assert {finding.level for finding in found} == {"error"}
    assert any("permission set" in finding.hint for finding in found)


@pytest.mark.parametrize(
    ("path", "code", "told"),
    [
        ("Nonsense__c", "FIELD_MISSING", "Nonsense__c of OrderItem"),
        ("Product2.Nonsense__c", "FIELD_MISSING", "Nonsense__c of Product2"),
        ("Nobody__r.Name", "RELATIONSHIP_MISSING", "no lookup Nobody__r"),
        ("Order.Account.Nope__c", "FIELD_MISSING", "Nope__c of Account"),
    ],
)
async def test_a_field_that_the_intake_reads(connection: Connection, path: str, code: str, told: str) -> None:
    lines = {**INTAKE.lines, "attributes.x": IntakeField(path=path)}
    (finding,) = await findings(connection, mapping_set(intake=replace(INTAKE, lines=lines)))

    assert (finding.level, finding.code) == ("error", code)
    assert told in finding.message
    assert "test/intake.yaml" in finding.message


async def test_a_relationship_that_the_order_does_not_have(connection: Connection) -> None:
    (finding,) = await findings(connection, mapping_set(intake=replace(INTAKE, lines_relationship="Items__r")))

    assert finding.code == "RELATIONSHIP_MISSING"


@pytest.mark.parametrize(
    ("fields", "external_id", "code", "told"),
    [
        ({"Nonsense__c": "1"}, EXTERNAL_ID, "FIELD_MISSING", "Nonsense__c"),
        ({"CreatedDate": "now"}, EXTERNAL_ID, "FIELD_READ_ONLY", "CreatedDate"),
        ({"Nobody__r.External_Id__c": "1"}, EXTERNAL_ID, "RELATIONSHIP_MISSING", "Nobody__r"),
        ({"Order__r.OrderReferenceNumber": "1"}, EXTERNAL_ID, "NO_EXTERNAL_ID", "Order.OrderReferenceNumber"),
        ({}, "Message__c", "NO_EXTERNAL_ID", "Orchestration_Plan__c.Message__c"),
    ],
)
async def test_a_field_that_is_written(
    connection: Connection, fields: dict[str, str], external_id: str, code: str, told: str
) -> None:
    writes = {**WRITES, "plan": record("plan", "Orchestration_Plan__c", fields, external_id=external_id)}
    (finding,) = await findings(connection, mapping_set(writes=writes))

    assert (finding.level, finding.code) == ("error", code)
    assert told in finding.message
    assert "writeback.yaml, plan" in finding.message


async def test_a_queue_that_nobody_made(connection: Connection) -> None:
    lost = Queue(name="lost", developer_name="Lost_And_Found", label="Lost and found")
    (finding,) = await findings(connection, replace(mapping_set(), queues={"lost": lost}))

    assert finding.code == "QUEUE_MISSING"
    assert "Lost_And_Found" in finding.message


async def test_orders_of_before_our_time_are_a_warning(connection: Connection, shop: Shop) -> None:
    for _ in range(201):
        shop.order("PHONE")
    (finding,) = await findings(connection)

    assert (finding.level, finding.code) == ("warning", "MANY_WAITING_ORDERS")
    assert "201" in finding.message


async def test_two_sets_tell_the_same_thing_once(connection: Connection) -> None:
    found = await findings(connection, mapping_set(), mapping_set())

    assert found == []


async def test_an_org_that_is_away_keeps_only_the_first_start_from_being_made(
    local_org: LocalOrg, connection: Connection
) -> None:
    local_org.fault(Fault.UNAVAILABLE, 1_000)
    with pytest.raises(TransientError, match="503"):
        await check_org(
            connection.config,
            connection.org,
            connection.tokens,
            connection.schema,
            (mapping_set(),),
            first_start=True,
        )
    (finding,) = await findings(connection)
    assert (finding.level, finding.code) == ("warning", "NOT_CHECKED")
    assert "503" in finding.message
    local_org.clear_faults()
    assert await findings(connection) == []
