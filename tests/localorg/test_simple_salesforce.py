"""simple-salesforce, a client that nobody here wrote, against the local org."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed, SalesforceMalformedRequest

from connector.localorg import LocalOrg
from tests.localorg.world import Catalog, key_and_certificate


class ToLocalOrg(HTTPAdapter):
    """Sends whatever goes to https to the local org: simple-salesforce knows no plain http."""

    def __init__(self, org: LocalOrg) -> None:
        super().__init__()
        self._host = urlsplit(org.url).netloc

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert isinstance(request.url, str)
        parts = urlsplit(request.url)
        request.url = urlunsplit(("http", self._host, parts.path, parts.query, ""))
        return super().send(request, *args, **kwargs)


@pytest.fixture
def session(org: LocalOrg) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.mount("https://", ToLocalOrg(org))
        yield session


@pytest.fixture
def salesforce(org: LocalOrg, session: requests.Session) -> Any:
    token = org.access_token("admin@localorg.example")
    return Salesforce(
        session_id=token, instance_url="https://localorg.my.salesforce.com", session=session, version="66.0"
    )


def test_create_read_update_delete(salesforce: Any) -> None:
    made = salesforce.Account.create({"Name": "Acme"})
    assert made["success"]
    assert salesforce.Account.get(made["id"])["Name"] == "Acme"
    assert salesforce.Account.update(made["id"], {"Phone": "1"}) == 204
    assert salesforce.query("SELECT Phone FROM Account")["records"][0]["Phone"] == "1"
    assert salesforce.Account.delete(made["id"]) == 204
    assert salesforce.query("SELECT Id FROM Account")["totalSize"] == 0
    assert salesforce.query("SELECT Id FROM Account", include_deleted=True)["totalSize"] == 1


def test_upsert_by_external_id(salesforce: Any) -> None:
    assert salesforce.Inventory_Item__c.upsert("External_Id__c/A:B", {"Name": "first"}) == 201
    assert salesforce.Inventory_Item__c.upsert("External_Id__c/A:B", {"Name": "second"}) == 200
    assert salesforce.Inventory_Item__c.get_by_custom_id("External_Id__c", "A:B")["Name"] == "second"


def test_collections_write_what_they_can(salesforce: Any) -> None:
    records = [
        {"attributes": {"type": "Orchestration_Item__c"}, "External_Id__c": "o-1", "Name": "one", "State__c": "Ready"},
        {"attributes": {"type": "Orchestration_Item__c"}, "External_Id__c": "o-2", "Name": "two", "State__c": "Nope"},
    ]
    path = "composite/sobjects/Orchestration_Item__c/External_Id__c"
    first, second = salesforce.restful(path, method="PATCH", json={"allOrNone": False, "records": records})
    assert first["success"]
    assert first["created"]
    assert not second["success"]
    assert second["errors"][0]["statusCode"] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    assert second["errors"][0]["fields"] == ["State__c"]


def test_query_all_pages(salesforce: Any, org: LocalOrg) -> None:
    with org.org.store.transaction():
        for number in range(4_100):
            org.create("Account", Name=f"Account {number:04d}")
    found = salesforce.query_all("SELECT Name FROM Account ORDER BY Name DESC")
    assert found["totalSize"] == 4_100
    assert [record["Name"] for record in found["records"]] == [f"Account {n:04d}" for n in reversed(range(4_100))]


def test_describe_and_limits(salesforce: Any) -> None:
    fields = {field["name"]: field for field in salesforce.Order.describe()["fields"]}
    assert fields["Fulfillment_Status__c"]["type"] == "picklist"
    assert fields["Fulfillment_Status__c"]["restrictedPicklist"]
    assert salesforce.limits()["DailyApiRequests"]["Max"] == 100_000
    assert salesforce.api_usage["api-usage"].used >= 1


def test_publishes_an_event(salesforce: Any, org: LocalOrg) -> None:
    answer = salesforce.Order_Submitted__e.create({"Order_Id__c": "801", "Reason__c": "Test"})
    assert answer["success"]
    assert answer["errors"][0]["statusCode"] == "OPERATION_ENQUEUED"
    assert len(org.org.bus) == 1


def test_refusals_arrive_as_they_should(salesforce: Any, catalog: Catalog) -> None:
    with pytest.raises(SalesforceMalformedRequest) as refusal:
        salesforce.Order.create({"AccountId": catalog.account, "Status": "Draft"})
    content: Any = refusal.value.content
    assert content == [
        {
            "message": "Required fields are missing: [EffectiveDate]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["EffectiveDate"],
        }
    ]


def test_signs_in_with_a_jwt(org: LocalOrg, session: requests.Session) -> None:
    private, certificate = key_and_certificate()
    org.add_user("connector@localorg.example", permission_sets=["Order_Connector_Integration"])
    org.register_app("the-key", public_key=certificate)
    for domain in ("login", "localorg.my"):
        salesforce: Any = Salesforce(
            username="connector@localorg.example",
            consumer_key="the-key",
            privatekey=private,
            domain=domain,
            session=session,
            version="66.0",
        )
        assert salesforce.query("SELECT Id FROM Order")["totalSize"] == 0


def test_signs_in_with_client_credentials(org: LocalOrg, session: requests.Session) -> None:
    org.add_user("connector@localorg.example", permission_sets=["Order_Connector_Integration"])
    org.register_app("the-key", consumer_secret="the secret", username="connector@localorg.example")
    settings: dict[str, Any] = {
        "consumer_key": "the-key",
        "domain": "localorg.my",
        "session": session,
        "version": "66.0",
    }
    assert Salesforce(consumer_secret="the secret", **settings).query("SELECT Id FROM Order")["done"]
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid_client"):
        Salesforce(consumer_secret="another", **settings)
