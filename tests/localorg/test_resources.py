"""Paging, versions, limits, describe and statistics; and the faults that hit calls and rows."""

from __future__ import annotations

import httpx
import pytest

from connector.localorg import Fault, LocalOrg
from tests.localorg.world import error


def test_pages_show_the_moment_of_the_query(admin: httpx.Client, org: LocalOrg) -> None:
    with org.org.store.transaction():
        accounts = [org.create("Account", Name=f"{number:04d}") for number in range(450)]
    headers = {"Sforce-Query-Options": "batchSize=200"}
    page = admin.get("query", params={"q": "SELECT Name FROM Account"}, headers=headers).json()
    org.delete(accounts[300])
    found = list(page["records"])
    while not page["done"]:
        page = admin.get(f"{org.url}{page['nextRecordsUrl']}").json()
        found += page["records"]
    assert [record["Name"] for record in found] == [f"{number:04d}" for number in range(450)]
    assert page["totalSize"] == 450


def test_the_columns_of_a_query(admin: httpx.Client) -> None:
    soql = "SELECT Id, Name, Owner.Name, IsDeleted, (SELECT Status FROM Orders) FROM Account"
    answer = admin.get("query", params={"q": soql, "columns": "true"}).json()
    listed = answer["columnMetadata"]
    assert (answer["entityName"], answer["idSelected"], answer["keyPrefix"]) == ("Account", True, "001")
    assert [column["columnName"] for column in listed] == ["Id", "Name", "Owner", "IsDeleted", "Orders"]
    assert [column["columnName"] for column in listed[2]["joinColumns"]] == ["Name"]
    assert [column["columnName"] for column in listed[4]["joinColumns"]] == ["Status"]
    assert (listed[1]["textType"], listed[3]["booleanType"]) == (True, True)
    grouped = admin.get("query", params={"q": "SELECT Type, COUNT(Id) FROM Account GROUP BY Type", "columns": "true"})
    assert [column["columnName"] for column in grouped.json()["columnMetadata"]] == ["Type", "expr0"]
    assert error(admin.get("query", params={"q": "SELECT Nope FROM Account", "columns": "true"}))[1] == "INVALID_FIELD"


def test_repeated_slashes_are_one(admin: httpx.Client, org: LocalOrg) -> None:
    assert admin.get(f"{org.url}////services//data/v66.0/limits/").status_code == 200


def test_versions(admin: httpx.Client, org: LocalOrg) -> None:
    versions = httpx.get(f"{org.url}/services/data").json()
    assert {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"} in versions
    assert {"label": "Winter '26", "url": "/services/data/v65.0", "version": "65.0"} in versions
    assert admin.get(f"{org.url}/services/data/v66.0").json()["query"] == "/services/data/v66.0/query"
    assert error(admin.get(f"{org.url}/services/data/v20.0/limits"))[:2] == (404, "NOT_FOUND")


def test_every_answer_says_what_is_used(admin: httpx.Client, org: LocalOrg) -> None:
    org.org.meter.daily_maximum = 3
    assert [admin.get("limits").headers["Sforce-Limit-Info"] for _ in range(2)] == ["api-usage=1/3", "api-usage=2/3"]
    assert admin.get("nothing").headers["Sforce-Limit-Info"] == "api-usage=3/3"
    over = admin.get("limits")
    assert error(over) == (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    assert over.headers["Sforce-Limit-Info"] == "api-usage=3/3"


def test_statistics_tell_clients_apart(admin: httpx.Client, org: LocalOrg) -> None:
    admin.get("limits", headers={"Sforce-Call-Options": "client=order-connector"})
    admin.post("sobjects/Account", json={"Name": "Acme"})
    stats = org.org.statistics()
    assert stats["calls_by_client"] == {"order-connector": 1, "(none)": 1}
    assert stats["calls_by_kind"] == {"GET limits": 1, "POST sobjects": 1}
    assert stats["rows_written"] == {"Account": 1}
    assert stats["records"]["Account"] == 1


def test_describe_global_lists_what_the_user_may_see(integration: httpx.Client, admin: httpx.Client) -> None:
    everything = {each["name"] for each in admin.get("sobjects").json()["sobjects"]}
    seen = {each["name"] for each in integration.get("sobjects").json()["sobjects"]}
    assert {"Order", "Orchestration_Plan__c", "Order_Submitted__e", "User"} <= seen < everything
    basic = admin.get("sobjects/Order").json()["objectDescribe"]
    assert (basic["keyPrefix"], basic["urls"]["describe"]) == ("801", "/services/data/v66.0/sobjects/Order/describe")
    children = {
        each["relationshipName"]: each for each in admin.get("sobjects/Order/describe").json()["childRelationships"]
    }
    assert children["OrderItems"]["cascadeDelete"]


def test_events_are_published_and_checked(admin: httpx.Client, org: LocalOrg) -> None:
    made = admin.post("sobjects/Order_Submitted__e", json={"Order_Id__c": "801"}).json()
    assert made["id"].startswith("e0")
    assert made["errors"][0]["statusCode"] == "OPERATION_ENQUEUED"
    assert error(admin.post("sobjects/Order_Submitted__e", json={"Nope__c": "x"}))[1] == "INVALID_FIELD"
    assert len(org.org.bus) == 1


# -- faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault.UNAVAILABLE, 503, "SERVER_UNAVAILABLE"),
        (Fault.LIMIT_EXCEEDED, 403, "REQUEST_LIMIT_EXCEEDED"),
        (Fault.SESSION_INVALID, 401, "INVALID_SESSION_ID"),
    ],
)
def test_calls_fail_as_often_as_switched_on(
    admin: httpx.Client, org: LocalOrg, fault: Fault, status: int, code: str
) -> None:
    org.fault(fault, 2)
    assert [error(admin.get("limits"))[:2] for _ in range(2)] == [(status, code)] * 2
    assert admin.get("limits").status_code == 200


def test_rows_are_locked_as_often_as_switched_on(admin: httpx.Client, org: LocalOrg) -> None:
    org.fault(Fault.ROW_LOCK, 2, object="Inventory_Item__c")
    rows = [{"attributes": {"type": "Inventory_Item__c"}, "External_Id__c": key} for key in "abc"]
    path = "composite/sobjects/Inventory_Item__c/External_Id__c"
    results = admin.patch(path, json={"records": rows}).json()
    assert [result["success"] for result in results] == [False, False, True]
    assert results[0]["errors"][0]["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert admin.post("sobjects/Account", json={"Name": "other objects are not locked"}).status_code == 201


def test_rows_fail_in_any_way(admin: httpx.Client, org: LocalOrg) -> None:
    org.fault(Fault.ROW_ERROR, code="FIELD_CUSTOM_VALIDATION_EXCEPTION", message="Not on a Sunday")
    expected = (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "Not on a Sunday")
    assert error(admin.post("sobjects/Account", json={"Name": "x"})) == expected


def test_an_answer_is_lost_but_the_work_is_done(admin: httpx.Client, org: LocalOrg) -> None:
    org.fault(Fault.ANSWER_LOST)
    with pytest.raises(httpx.RemoteProtocolError):
        admin.post("sobjects/Account", json={"Name": "Acme"})
    assert len(org.query("SELECT Id FROM Account")) == 1


def test_a_slow_answer_comes(admin: httpx.Client, org: LocalOrg) -> None:
    org.fault(Fault.SLOW, seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        admin.get("limits", timeout=0.2)
    assert admin.get("limits").status_code == 200


def test_faults_can_be_cleared(admin: httpx.Client, org: LocalOrg) -> None:
    org.fault(Fault.UNAVAILABLE, 99)
    org.clear_faults()
    assert admin.get("limits").status_code == 200
