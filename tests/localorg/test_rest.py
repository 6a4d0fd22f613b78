"""Single records, describe, paging and limits over plain HTTP; and every error with its status and body."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connector.localorg import Fault, LocalOrg
from tests.localorg.world import Catalog

LONG = "x" * 81


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error answer."""
    body = answer.json()
    assert isinstance(body, list)
    return answer.status_code, body[0]["errorCode"], body[0]["message"]


# -- records ------------------------------------------------------------------------------------------------


def test_a_record_is_created_with_its_system_fields(admin: httpx.Client, org: LocalOrg) -> None:
    made = admin.post("sobjects/Inventory_Item__c", json={"External_Id__c": "a"})
    assert made.status_code == 201
    assert made.json() == {"id": made.json()["id"], "success": True, "errors": []}
    assert made.headers["Location"] == f"/services/data/v66.0/sobjects/Inventory_Item__c/{made.json()['id']}"
    record = admin.get(f"sobjects/Inventory_Item__c/{made.json()['id'][:15]}").json()
    user = org.query("SELECT Id FROM User")[0]["Id"]
    assert record["attributes"]["type"] == "Inventory_Item__c"
    assert record["OwnerId"] == record["CreatedById"] == record["LastModifiedById"] == user
    assert record["CreatedDate"] == record["LastModifiedDate"] == record["SystemModstamp"]
    assert record["IsDeleted"] is False
    assert record["Name"] == record["Id"][:15]
    assert record["Status__c"] is None


def test_asking_for_some_fields(admin: httpx.Client, org: LocalOrg) -> None:
    account = org.create("Account", Name="Acme", Phone="1")
    answer = admin.get(f"sobjects/Account/{account}", params={"fields": "name,Phone"})
    assert {key: value for key, value in answer.json().items() if key != "attributes"} == {
        "Name": "Acme",
        "Phone": "1",
        "Id": account,
    }
    assert error(admin.get(f"sobjects/Account/{account}", params={"fields": "Nope"}))[:2] == (400, "INVALID_FIELD")


def test_names_are_read_in_any_case(admin: httpx.Client) -> None:
    made = admin.post("sobjects/account", json={"name": "Acme", "PHONE": "1"}).json()["id"]
    assert admin.get(f"sobjects/ACCOUNT/{made}").json()["Phone"] == "1"


def test_values_are_stored_as_salesforce_shows_them(admin: httpx.Client) -> None:
    body = {
        "External_Id__c": "  k  ",
        "Name": "n",
        "Number__c": 7,
        "Due_At__c": "2026-11-22T09:00:00.5+01:00",
        "Outcome__c": "",
    }
    made = admin.post("sobjects/Orchestration_Item__c", json=body).json()["id"]
    answer = admin.get(f"sobjects/Orchestration_Item__c/{made}")
    record = answer.json()
    assert record["External_Id__c"] == "k"
    assert '"Number__c":7.0' in answer.text
    assert record["Due_At__c"] == "2026-11-22T08:00:00.500+0000"
    assert record["Outcome__c"] is None


def test_auto_numbers_count(admin: httpx.Client, org: LocalOrg) -> None:
    for key in ("a", "b"):
        admin.post("sobjects/Orchestration_Plan__c", json={"External_Id__c": key})
    names = [row["Name"] for row in org.query("SELECT Name FROM Orchestration_Plan__c")]
    assert names == ["OP-000001", "OP-000002"]


def test_change_and_delete(admin: httpx.Client, org: LocalOrg) -> None:
    account = org.create("Account", Name="Acme", Phone="1")
    assert admin.patch(f"sobjects/Account/{account}", json={"Phone": None}).status_code == 204
    assert admin.post(f"sobjects/Account/{account}?_HttpMethod=PATCH", json={"Site": "x"}).status_code == 204
    assert org.query("SELECT Phone, Site FROM Account")[0].items() >= {"Phone": None, "Site": "x"}.items()
    assert admin.delete(f"sobjects/Account/{account}").status_code == 204
    gone = (404, "ENTITY_IS_DELETED", "entity is deleted")
    assert error(admin.get(f"sobjects/Account/{account}")) == gone
    assert error(admin.patch(f"sobjects/Account/{account}", json={})) == gone
    assert error(admin.delete(f"sobjects/Account/{account}")) == gone
    assert admin.get("query", params={"q": "SELECT Id FROM Account"}).json()["totalSize"] == 0
    assert admin.get("queryAll", params={"q": "SELECT Id, IsDeleted FROM Account"}).json()["records"][0]["IsDeleted"]


def test_deleting_takes_details_along_and_empties_lookups(admin: httpx.Client, org: LocalOrg) -> None:
    catalog = Catalog(org)
    order = catalog.draft(2)
    plan = org.create("Orchestration_Plan__c", External_Id__c="p", Order__c=order)
    assert admin.delete(f"sobjects/Order/{order}").status_code == 204
    assert org.query("SELECT Id FROM OrderItem") == []
    assert org.query(f"SELECT Order__c FROM Orchestration_Plan__c WHERE Id = '{plan}'")[0]["Order__c"] is None


def test_upsert_says_whether_it_created(admin: httpx.Client) -> None:
    path = "sobjects/Inventory_Item__c/External_Id__c/acc%3Aprod%2F1"
    created = admin.patch(path, json={"Name": "one"})
    assert (created.status_code, created.json()["created"]) == (201, True)
    updated = admin.patch(path, json={"Name": "two"})
    assert (updated.status_code, updated.json()["created"]) == (200, False)
    assert created.json()["id"] == updated.json()["id"]
    assert admin.get(path).json()["External_Id__c"] == "acc:prod/1"
    old = admin.patch(str(admin.base_url).replace("v66.0", "v45.0") + path, json={"Name": "three"})
    assert old.status_code == 204
    assert admin.delete(path).status_code == 204
    assert error(admin.get(path))[:2] == (404, "NOT_FOUND")


def test_parents_are_named_by_external_id(admin: httpx.Client, org: LocalOrg) -> None:
    plan = org.create("Orchestration_Plan__c", External_Id__c="p")
    body = {"Name": "i", "Plan__r": {"attributes": {"type": "Orchestration_Plan__c"}, "External_Id__c": "p"}}
    admin.patch("sobjects/Orchestration_Item__c/External_Id__c/i", json=body).raise_for_status()
    assert org.query("SELECT Plan__c FROM Orchestration_Item__c")[0]["Plan__c"] == plan
    admin.patch("sobjects/Orchestration_Item__c/External_Id__c/i", json={"Plan__r": None}).raise_for_status()
    assert org.query("SELECT Plan__c FROM Orchestration_Item__c")[0]["Plan__c"] is None


# -- every error --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("Account", {"Phone": "1"}, (400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]")),
        (
            "Account",
            {"Name": "a", "Nope": 1},
            (400, "INVALID_FIELD", "No such column 'Nope' on sobject of type Account"),
        ),
        (
            "Account",
            {"Name": "a", "Owner": "x"},
            (400, "INVALID_FIELD", "No such column 'Owner' on sobject of type Account"),
        ),
        (
            "Orchestration_Item__c",
            {"Name": LONG},
            (400, "STRING_TOO_LONG", f"Step: data value too large: {LONG} (max length=80)"),
        ),
        (
            "Orchestration_Item__c",
            {"State__c": "Sleeping"},
            (
                400,
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "State: bad value for restricted picklist field: Sleeping",
            ),
        ),
        (
            "Orchestration_Item__c",
            {"Number__c": 1_000_000},
            (400, "NUMBER_OUTSIDE_VALID_RANGE", "Number: value outside of valid range on numeric field: 1000000.0"),
        ),
        (
            "Contact",
            {"LastName": "x", "Email": "nobody"},
            (400, "INVALID_EMAIL_ADDRESS", "Email: invalid email address: nobody"),
        ),
        (
            "Account",
            {"Name": "a", "ParentId": "zzz"},
            (400, "MALFORMED_ID", "Parent Account ID: id value of incorrect type: zzz"),
        ),
        (
            "Account",
            {"Name": "a", "ParentId": "801000000000001AAA"},
            (400, "MALFORMED_ID", "Parent Account ID: id value of incorrect type: 801000000000001AAA"),
        ),
        (
            "Account",
            {"Name": "a", "ParentId": "001000000000001AAA"},
            (400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        ),
        (
            "Orchestration_Item__c",
            {"Plan__r": {"External_Id__c": "none"}},
            (
                400,
                "INVALID_FIELD",
                "Foreign key external ID: none not found for field External_Id__c in entity Orchestration_Plan__c",
            ),
        ),
        (
            "Account",
            {"Name": "a", "IsDeleted": True},
            (400, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/update fields"),
        ),
        (
            "Account",
            {"Name": "a", "CreatedDate": "2026-01-01"},
            (400, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to create/upda"),
        ),
        (
            "Case",
            {"IsEscalated": None},
            (400, "INVALID_TYPE_ON_FIELD_IN_RECORD", "Escalated: value not of required type: null"),
        ),
        (
            "Account",
            {"Name": 5},
            (400, "JSON_PARSER_ERROR", "Cannot deserialize instance of string from VALUE_NUMBER_INT value 5"),
        ),
        (
            "Account",
            {"Name": ["a"]},
            (400, "JSON_PARSER_ERROR", "Cannot deserialize instance of string from START_ARRAY"),
        ),
        (
            "Case",
            {"IsEscalated": "maybe"},
            (400, "JSON_PARSER_ERROR", "Cannot deserialize instance of boolean from VALUE_STRING"),
        ),
        (
            "Asset",
            {"Name": "a", "InstallDate": "soon"},
            (400, "JSON_PARSER_ERROR", "Cannot deserialize instance of date from VALUE"),
        ),
        (
            "Asset",
            {"Name": "a", "Price": "cheap"},
            (400, "JSON_PARSER_ERROR", "Cannot deserialize instance of currency from VALUE"),
        ),
        (
            "Account",
            {"Name": "a", "NumberOfEmployees": 1.5},
            (400, "JSON_PARSER_ERROR", "Cannot deserialize instance of int"),
        ),
        ("Account", [1], (400, "JSON_PARSER_ERROR", "The HTTP entity body is required to be a JSON object")),
        ("Nope", {}, (404, "NOT_FOUND", "The requested resource does not exist")),
        ("Name", {}, (404, "NOT_FOUND", "The requested resource does not exist")),
    ],
)
def test_what_is_refused(admin: httpx.Client, path: str, body: Any, expected: tuple[int, str, str]) -> None:
    status, code, message = error(admin.post(f"sobjects/{path}", json=body))
    assert (status, code) == expected[:2]
    assert message.startswith(expected[2])


def test_a_body_that_is_no_json(admin: httpx.Client) -> None:
    status, code, message = error(admin.post("sobjects/Account", content=b'{"Name": '))
    assert (status, code) == (400, "JSON_PARSER_ERROR")
    assert "[line:1, column:" in message


def test_a_duplicate_names_the_other_record(admin: httpx.Client, org: LocalOrg) -> None:
    first = org.create("Inventory_Item__c", External_Id__c="Key")
    second = org.create("Inventory_Item__c", External_Id__c="other")
    expected = (
        400,
        "DUPLICATE_VALUE",
        f"duplicate value found: External_Id__c duplicates value on record with id: {first[:15]}",
    )
    assert error(admin.post("sobjects/Inventory_Item__c", json={"External_Id__c": "Key"})) == expected
    assert error(admin.patch(f"sobjects/Inventory_Item__c/{second}", json={"External_Id__c": "Key"})) == expected


def test_external_ids_that_are_not_unique_give_300(org: LocalOrg, admin: httpx.Client, tmp_path: Any) -> None:
    table = org.org.store.table("Inventory_Item__c")
    with org.org.store.transaction() as transaction:
        for number in (1, 2):
            record_id = transaction.new_id(table, org.org.schema["Inventory_Item__c"].prefix)
            transaction.put(table, {"Id": record_id, "Name": str(number), "External_Id__c": "same"})
    for answer in (
        admin.get("sobjects/Inventory_Item__c/External_Id__c/same"),
        admin.patch("sobjects/Inventory_Item__c/External_Id__c/same", json={"Name": "x"}),
    ):
        assert answer.status_code == 300
        assert answer.json() == [f"/services/data/v66.0/sobjects/Inventory_Item__c/{each}" for each in table.live]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        (
            "GET",
            "sobjects/Account/zzz",
            (404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: zzz"),
        ),
        ("GET", "sobjects/Account/801000000000001AAA", (404, "NOT_FOUND", "The requested resource does not exist")),
        ("GET", "sobjects/Account/001000000000001AAA", (404, "NOT_FOUND", "The requested resource does not exist")),
        ("GET", "sobjects/Account/Phone/1", (404, "NOT_FOUND", "Provided external ID field does not exist or is not")),
        ("GET", "nothing/here", (404, "NOT_FOUND", "The requested resource does not exist")),
        ("DELETE", "query", (405, "METHOD_NOT_ALLOWED", "HTTP Method 'DELETE' not allowed. Allowed are GET,HEAD")),
        ("GET", "query", (400, "MALFORMED_QUERY", "A query string has to be specified")),
        ("GET", "query/01gxx-2000", (400, "INVALID_QUERY_LOCATOR", "invalid query locator")),
        ("GET", "query?q=SELECT+Id+FROM", (400, "MALFORMED_QUERY", "\nSELECT Id FROM\n")),
        ("GET", "query?q=SELECT+Id+FROM+Nope", (400, "INVALID_TYPE", "\nSELECT Id FROM Nope\n")),
    ],
)
def test_what_is_not_there(admin: httpx.Client, method: str, path: str, expected: tuple[int, str, str]) -> None:
    status, code, message = error(admin.request(method, path))
    assert (status, code) == expected[:2]
    assert message.startswith(expected[2])


def test_the_id_is_not_written(admin: httpx.Client, org: LocalOrg) -> None:
    account = org.create("Account", Name="Acme")
    refused = (400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    assert error(admin.patch(f"sobjects/Account/{account}", json={"Id": account})) == refused


def test_sessions(org: LocalOrg) -> None:
    refused = (401, "INVALID_SESSION_ID", "Session expired or invalid")
    url = f"{org.url}/services/data/v66.0/limits"
    assert error(httpx.get(url)) == refused
    assert error(httpx.get(url, headers={"Authorization": "Bearer nonsense"})) == refused
    assert error(httpx.get(url, headers={"Authorization": "Basic eDp5"}))[:2] == (401, "INVALID_AUTH_HEADER")
    token = org.access_token("admin@localorg.example")
    assert httpx.get(url, headers={"Authorization": f"OAuth {token}"}).status_code == 200
    assert error(httpx.get(url, headers={"Authorization": f"Bearer {org.admin_token}"})) == refused


# -- permissions --------------------------------------------------------------------------------------------


def test_the_integration_user_may_do_what_its_permission_set_says(integration: httpx.Client, org: LocalOrg) -> None:
    catalog = Catalog(org)
    order = catalog.activated()
    item = {"Name": "i", "State__c": "Ready", "Order__c": order}
    assert integration.patch("sobjects/Orchestration_Item__c/External_Id__c/i", json=item).status_code == 201
    assert integration.patch(f"sobjects/Order/{order}", json={"Fulfillment_Status__c": "Completed"}).status_code == 204
    assert integration.get(f"sobjects/Order/{order}").json()["Fulfillment_Status__c"] == "Completed"


def test_what_no_permission_set_gives_is_refused(integration: httpx.Client, org: LocalOrg) -> None:
    account = org.create("Account", Name="Acme", Industry="Energy")
    assert "Industry" not in integration.get(f"sobjects/Account/{account}").json()
    create = error(integration.post("sobjects/Account", json={"Name": "x"}))
    assert create[:2] == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    edit = error(integration.patch(f"sobjects/Account/{account}", json={"Phone": "1"}))
    assert edit == (403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    delete = error(integration.delete(f"sobjects/Account/{account}"))
    assert delete[:2] == (403, "INSUFFICIENT_ACCESS_OR_READONLY")
    assert error(integration.get("sobjects/Asset/02i000000000001AAA"))[:2] == (404, "NOT_FOUND")
    hidden = error(integration.get("query", params={"q": "SELECT Industry FROM Account"}))
    assert hidden[:2] == (400, "INVALID_FIELD")


def test_fields_that_may_be_read_only(org: LocalOrg) -> None:
    plan = org.create("Orchestration_Plan__c", External_Id__c="p")
    org.add_user("op@localorg.example", permission_sets=["Fulfillment_Operator"])
    headers = {"Authorization": f"Bearer {org.access_token('op@localorg.example')}"}
    with httpx.Client(base_url=f"{org.url}/services/data/v66.0/", headers=headers) as operator:
        assert operator.get(f"sobjects/Orchestration_Plan__c/{plan}").json()["External_Id__c"] == "p"
        described = operator.get("sobjects/Orchestration_Plan__c/describe").json()
        assert not described["updateable"]
        assert not any(field["updateable"] for field in described["fields"] if field["name"] == "State__c")
        refused = error(operator.patch(f"sobjects/Orchestration_Plan__c/{plan}", json={"State__c": "Frozen"}))
        assert refused[1] == "INSUFFICIENT_ACCESS_OR_READONLY"


def test_a_queue_owns_only_what_it_is_for(admin: httpx.Client, org: LocalOrg) -> None:
    queue = org.query("SELECT Id FROM Group WHERE DeveloperName = 'Order_Fallout'")[0]["Id"]
    assert admin.post("sobjects/Case", json={"Subject": "x", "OwnerId": queue}).status_code == 201
    status, code, message = error(
        admin.post("sobjects/Orchestration_Plan__c", json={"External_Id__c": "x", "OwnerId": queue})
    )
    assert (status, code, message) == (
        400,
        "FIELD_INTEGRITY_EXCEPTION",
        "Queue not associated with this SObject type",
    )


# -- paging, versions, limits -------------------------------------------------------------------------------


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


# -- faults -------------------------------------------------------------------------------------------------


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
