"""What outlives the process, and what outlives 72 hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from connector.localorg import LocalOrg
from connector.localorg.errors import SalesforceError
from connector.localorg.events.bus import NEWEST, OLDEST, PositionRefused
from tests.localorg.test_schema import custom_object, field
from tests.localorg.world import METADATA, Catalog, key_and_certificate

TOPIC = ("Order_Submitted__e",)


def snapshot(org: LocalOrg) -> dict[str, object]:
    """Everything that the org holds."""
    return {table.name: (dict(table.live), dict(table.deleted)) for table in org.org.store.tables()}


def test_a_restart_changes_nothing(data: Path) -> None:
    with LocalOrg(data=data, metadata=METADATA) as org:
        catalog = Catalog(org)
        order = catalog.activated(2)
        org.create("Orchestration_Plan__c", External_Id__c="p", Order__c=order)
        org.delete(org.create("Account", Name="gone"))
        org.add_user("c@localorg.example", permission_sets=["Order_Connector_Integration"])
        org.register_app("the-key", public_key=key_and_certificate()[1])
        token = org.access_token("c@localorg.example")
        before, events = snapshot(org), org.org.bus.after(0, TOPIC, 100)
        org_id = org.org.org_id
    with LocalOrg(data=data, metadata=METADATA) as org:
        assert snapshot(org) == before
        assert org.org.bus.after(0, TOPIC, 100) == events
        assert org.org.org_id == org_id
        headers = {"Authorization": f"Bearer {token}"}
        query = {"q": "SELECT Id FROM Orchestration_Plan__c WHERE External_Id__c = 'p'"}
        answer = httpx.get(f"{org.url}/services/data/v66.0/query", params=query, headers=headers)
        assert answer.json()["totalSize"] == 1
        org.update(order, Status="Draft")
        org.update(order, Status="Activated")
        assert org.org.bus.after(0, TOPIC, 100)[-1].replay_id > events[-1].replay_id
        assert org.create("Account", Name="new") not in before["Account"][0]  # type: ignore[index]
        assert org.query("SELECT Name FROM Orchestration_Plan__c")[0]["Name"] == "OP-000001"
        org.create("Orchestration_Plan__c", External_Id__c="q")
        assert org.query("SELECT Name FROM Orchestration_Plan__c ORDER BY Name DESC")[0]["Name"] == "OP-000002"


def test_what_was_undone_stays_undone(data: Path) -> None:
    org = LocalOrg(data=data, metadata=METADATA)
    account = org.create("Account", Name="Acme")

    def fail() -> None:
        with org.org.store.transaction():
            org.update(account, Phone="1")
            org.create("Order_Submitted__e", Order_Id__c="801")
            org.create("Account", Name="Other")
            org.delete(account)
            org.create("Account")

    with pytest.raises(SalesforceError):
        fail()
    assert [row["Phone"] for row in org.query("SELECT Phone FROM Account")] == [None]
    before = snapshot(org)
    org.stop()
    again = LocalOrg(data=data, metadata=METADATA)
    assert snapshot(again) == before
    assert len(again.org.bus) == 0
    again.stop()


def test_prefixes_stay_with_their_objects(data: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    custom_object(first, "Middle__c")
    custom_object(second, "Middle__c")
    custom_object(second, "Early__c")
    org = LocalOrg(data=data, metadata=first)
    record = org.create("Middle__c", Name="kept")
    org.stop()
    org = LocalOrg(data=data, metadata=second)
    assert org.org.schema["Middle__c"].prefix == record[:3]
    assert org.org.schema["Early__c"].prefix != record[:3]
    assert org.query("SELECT Id FROM Middle__c")[0]["Id"] == record
    org.stop()


def test_fields_may_come_and_objects_may_go(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metadata = tmp_path / "metadata"
    custom_object(metadata, "Thing__c")
    org = LocalOrg(data=data, metadata=metadata)
    org.create("Thing__c", Name="kept")
    org.stop()
    field(metadata, "Thing__c", "Key__c", "<type>Text</type><length>9</length><externalId>true</externalId>")
    org = LocalOrg(data=data, metadata=metadata)
    assert org.query("SELECT Name, Key__c FROM Thing__c")[0]["Key__c"] is None
    org.stop()
    org = LocalOrg(data=data)
    assert "Thing__c" in caplog.text
    org.stop()


def test_events_published_at_once_survive_the_failure(tmp_path: Path) -> None:
    for name, behaviour in (("At_Once__e", "PublishImmediately"), ("After__e", "PublishAfterCommit")):
        custom_object(tmp_path, name, f"<publishBehavior>{behaviour}</publishBehavior>")
    org = LocalOrg(metadata=tmp_path)

    def fail() -> None:
        with org.org.store.transaction():
            org.create("At_Once__e")
            org.create("After__e")
            org.create("Account")

    with pytest.raises(SalesforceError):
        fail()
    assert [event.object for event in org.org.bus.after(0, ("At_Once__e", "After__e"), 10)] == ["At_Once__e"]
    org.stop()


def test_events_are_kept_for_72_hours(data: Path) -> None:
    start = datetime(2026, 11, 22, tzinfo=UTC)
    moments = [start]
    org = LocalOrg(data=data, metadata=METADATA, clock=lambda: moments[-1])
    for hours in (0, 1, 80):
        moments.append(start + timedelta(hours=hours))
        org.create("Order_Submitted__e", Order_Id__c=str(hours))
        if hours == 0:
            (old,) = org.org.bus.after(0, TOPIC, 10)
    bus = org.org.bus
    assert [event.payload["Order_Id__c"] for event in bus.after(bus.position(OLDEST), TOPIC, 10)] == ["80"]
    assert bus.after(bus.position(NEWEST), TOPIC, 10) == []
    with pytest.raises(PositionRefused):
        bus.position(old.replay_id)
    org.stop()
    org = LocalOrg(data=data, metadata=METADATA, clock=lambda: moments[-1])
    assert len(org.org.bus) == 1
    moments.append(start + timedelta(hours=200))
    assert org.org.bus.after(org.org.bus.position(OLDEST), TOPIC, 10) == []
    org.create("Order_Submitted__e", Order_Id__c="late")
    assert len(org.org.bus.after(org.org.bus.position(OLDEST), TOPIC, 10)) == 1
    org.stop()
