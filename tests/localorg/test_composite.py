"""Many records and many requests in one call."""

from __future__ import annotations

from typing import Any

import httpx

from connector.localorg import Fault, LocalOrg
from tests.localorg.world import Catalog

ROOT = "/services/data/v66.0"
ITEMS = "composite/sobjects/Orchestration_Item__c/External_Id__c"


def item(key: str | None, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Orchestration_Item__c"}, "External_Id__c": key, "Name": "n", **fields}


def codes(results: list[dict[str, Any]]) -> list[str]:
    """`ok`, or the code of the first error, for each row."""
    return ["ok" if result["success"] else result["errors"][0]["statusCode"] for result in results]


def keys(org: LocalOrg) -> list[str]:
    rows = org.query("SELECT External_Id__c FROM Orchestration_Item__c ORDER BY External_Id__c")
    return [row["External_Id__c"] for row in rows]


# -- collections ----------------------------------------------------------------------------------------------


def test_upsert_answers_row_by_row(admin: httpx.Client, org: LocalOrg) -> None:
    org.create("Orchestration_Item__c", External_Id__c="old", Name="n")
    rows = [
        item("new"),
        item("old", State__c="Ready"),
        item("bad", State__c="Nope"),
        item(None),
        item("twice"),
        item("twice"),
        {"attributes": {"type": "Account"}, "External_Id__c": "x"},
        item("unknown", Nope__c=1),
    ]
    answer = admin.patch(ITEMS, json={"allOrNone": False, "records": rows})
    assert answer.status_code == 200
    results = answer.json()
    assert codes(results) == [
        "ok",
        "ok",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "MISSING_ARGUMENT",
        "DUPLICATE_VALUE",
        "DUPLICATE_VALUE",
        "INVALID_TYPE",
        "INVALID_FIELD",
    ]
    assert [result["created"] for result in results[:2]] == [True, False]
    assert results[2] == {
        "success": False,
        "errors": [
            {
                "statusCode": "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "message": "State: bad value for restricted picklist field: Nope",
                "fields": ["State__c"],
            }
        ],
    }
    assert keys(org) == ["new", "old"]


def test_all_or_none_undoes_everything(admin: httpx.Client, org: LocalOrg) -> None:
    rows = [item("a"), item("b", State__c="Nope"), item("c")]
    results = admin.patch(ITEMS, json={"allOrNone": True, "records": rows}).json()
    assert codes(results) == [
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    ]
    assert keys(org) == []


def test_a_row_that_can_not_be_read_fails_the_call(admin: httpx.Client, org: LocalOrg) -> None:
    answer = admin.patch(ITEMS, json={"records": [item("a"), item("b", Number__c="many")]})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert keys(org) == []


def test_no_more_than_200_rows(admin: httpx.Client) -> None:
    answer = admin.patch(ITEMS, json={"records": [item(str(number)) for number in range(201)]})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert len(admin.patch(ITEMS, json={"records": [item(str(number)) for number in range(200)]}).json()) == 200
    assert admin.patch(ITEMS, json={"records": "x"}).json()[0]["errorCode"] == "JSON_PARSER_ERROR"


def test_by_a_field_that_is_no_external_id(admin: httpx.Client) -> None:
    answer = admin.patch("composite/sobjects/Account/Name", json={"records": []})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (404, "NOT_FOUND")


def test_create_update_read_delete_of_several_objects(admin: httpx.Client, org: LocalOrg) -> None:
    rows = [{"attributes": {"type": "Account"}, "Name": "Acme"}, {"attributes": {"type": "Case"}, "Subject": "s"}]
    created = admin.post("composite/sobjects", json={"records": [*rows, {"Name": "of no type"}]}).json()
    assert codes(created) == ["ok", "ok", "INVALID_TYPE"]
    account, case = created[0]["id"], created[1]["id"]
    changes = [
        {"attributes": {"type": "Account"}, "id": account, "Phone": "1"},
        {"attributes": {"type": "Case"}, "Id": case, "Status": "Closed"},
        {"attributes": {"type": "Account"}, "id": "001000000000001AAA"},
        {"attributes": {"type": "Account"}, "id": case},
        {"attributes": {"type": "Account"}, "id": "zzz"},
        {"attributes": {"type": "Account"}, "Phone": "2"},
    ]
    updated = admin.patch("composite/sobjects", json={"records": changes}).json()
    assert codes(updated) == [
        "ok",
        "ok",
        "INVALID_CROSS_REFERENCE_KEY",
        "INVALID_CROSS_REFERENCE_KEY",
        "MALFORMED_ID",
        "MISSING_ARGUMENT",
    ]
    read = admin.post("composite/sobjects/Account", json={"ids": [account, "001000000000001AAA"], "fields": ["Phone"]})
    assert [record and record["Phone"] for record in read.json()] == ["1", None]
    read = admin.get("composite/sobjects/Account", params={"ids": account, "fields": "Phone"})
    assert read.json()[0]["Phone"] == "1"
    gone = admin.delete("composite/sobjects", params={"ids": f"{account},{case},zzz,001000000000001AAA"}).json()
    assert codes(gone) == ["ok", "ok", "MALFORMED_ID", "INVALID_CROSS_REFERENCE_KEY"]
    assert org.query("SELECT Id FROM Account") == []


def test_upsert_by_id_changes_only(admin: httpx.Client, org: LocalOrg) -> None:
    account = org.create("Account", Name="Acme")
    row = {"attributes": {"type": "Account"}, "Id": account, "Phone": "1"}
    results = admin.patch("composite/sobjects/Account/Id", json={"records": [row]}).json()
    assert results[0]["created"] is False
    assert org.query("SELECT Phone FROM Account")[0]["Phone"] == "1"


def test_events_are_published_in_collections(admin: httpx.Client, org: LocalOrg) -> None:
    rows = [{"attributes": {"type": "Order_Submitted__e"}, "Order_Id__c": str(number)} for number in range(3)]
    assert codes(admin.post("composite/sobjects", json={"records": rows}).json()) == ["ok"] * 3
    assert len(org.org.bus) == 3


def test_events_are_never_found_by_id(admin: httpx.Client) -> None:
    row = {"attributes": {"type": "Order_Submitted__e"}, "Order_Id__c": "1"}
    (made,) = admin.post("composite/sobjects", json={"records": [row]}).json()
    read = admin.get("composite/sobjects/Order_Submitted__e", params={"ids": made["id"], "fields": "Order_Id__c"})
    assert (read.status_code, read.json()) == (200, [None])
    alone = admin.get(f"sobjects/Order_Submitted__e/{made['id']}")
    assert (alone.status_code, alone.json()[0]["errorCode"]) == (404, "NOT_FOUND")
    assert codes(admin.delete("composite/sobjects", params={"ids": made["id"]}).json()) != ["ok"]


# -- composite ------------------------------------------------------------------------------------------------


def part(method: str, path: str, reference: str, body: Any = None) -> dict[str, Any]:
    return {"method": method, "url": f"{ROOT}/{path}", "referenceId": reference} | ({"body": body} if body else {})


def composite(client: httpx.Client, *parts: dict[str, Any], all_or_none: bool = False) -> list[dict[str, Any]]:
    answer = client.post("composite", json={"allOrNone": all_or_none, "compositeRequest": parts})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["compositeResponse"]
    return results


def test_later_requests_use_earlier_answers(admin: httpx.Client, org: LocalOrg) -> None:
    results = composite(
        admin,
        part("POST", "sobjects/Account", "account", {"Name": "Acme"}),
        part("POST", "sobjects/Contact", "contact", {"LastName": "Doe", "AccountId": "@{account.id}"}),
        part("GET", "query?q=SELECT+Name,Account.Name+FROM+Contact+WHERE+AccountId='@{account.id}'", "found"),
        part("PATCH", "sobjects/Contact/@{contact.id}", "changed", {"Title": "Friend of @{found.records[0].Name}"}),
        part("GET", "sobjects/Contact/@{contact.id}?fields=Title", "read"),
    )
    assert [result["httpStatusCode"] for result in results] == [201, 201, 200, 204, 200]
    assert [result["referenceId"] for result in results] == ["account", "contact", "found", "changed", "read"]
    assert results[0]["httpHeaders"]["Location"].startswith(f"{ROOT}/sobjects/Account/001")
    assert results[3]["body"] is None
    assert results[4]["body"]["Title"] == "Friend of Doe"
    assert org.org.meter.used == 1


def test_five_collections_in_one_call(admin: httpx.Client, org: LocalOrg) -> None:
    parts = [
        part("PATCH", ITEMS, f"group{group}", {"records": [item(f"{group}-{number}") for number in range(200)]})
        for group in range(5)
    ]
    results = composite(admin, *parts)
    assert all(codes(result["body"]) == ["ok"] * 200 for result in results)
    assert len(keys(org)) == 1_000
    too_many = admin.post("composite", json={"compositeRequest": [*parts, part("GET", "query?q=x", "sixth")]})
    assert (too_many.status_code, too_many.json()[0]["errorCode"]) == (400, "LIMIT_EXCEEDED")


def test_one_failure_does_not_stop_the_others(admin: httpx.Client, org: LocalOrg) -> None:
    results = composite(
        admin,
        part("POST", "sobjects/Account", "bad", {"Phone": "1"}),
        part("POST", "sobjects/Contact", "depends", {"LastName": "Doe", "AccountId": "@{bad.id}"}),
        part("POST", "sobjects/Account", "good", {"Name": "Acme"}),
        part("GET", "nothing", "nowhere"),
    )
    assert [result["httpStatusCode"] for result in results] == [400, 400, 201, 404]
    assert results[0]["body"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert results[1]["body"][0]["errorCode"] == "PROCESSING_HALTED"
    assert len(org.query("SELECT Id FROM Account")) == 1


def test_all_or_none_of_requests(admin: httpx.Client, org: LocalOrg) -> None:
    results = composite(
        admin,
        part("POST", "sobjects/Account", "good", {"Name": "Acme"}),
        part("POST", "sobjects/Order_Submitted__e", "event", {"Order_Id__c": "801"}),
        part("POST", "sobjects/Account", "bad", {"Phone": "1"}),
        part("POST", "sobjects/Account", "after", {"Name": "Other"}),
        all_or_none=True,
    )
    assert [result["body"][0]["errorCode"] for result in results] == [
        "PROCESSING_HALTED",
        "PROCESSING_HALTED",
        "REQUIRED_FIELD_MISSING",
        "PROCESSING_HALTED",
    ]
    assert org.query("SELECT Id FROM Account") == []
    assert len(org.org.bus) == 0


def test_graphs_stand_or_fall_alone(admin: httpx.Client, org: LocalOrg) -> None:
    def graph(name: str, *, good: bool = True) -> dict[str, Any]:
        contact = {"LastName": name, "AccountId": "@{account.id}"} | ({} if good else {"Nope": 1})
        return {
            "graphId": name,
            "compositeRequest": [
                part("POST", "sobjects/Account", "account", {"Name": name}),
                part("POST", "sobjects/Contact", "contact", contact),
            ],
        }

    answer = admin.post("composite/graph", json={"graphs": [graph("good"), graph("bad", good=False)]})
    good, bad = answer.json()["graphs"]
    assert (good["graphId"], good["isSuccessful"]) == ("good", True)
    assert [part["httpStatusCode"] for part in good["graphResponse"]["compositeResponse"]] == [201, 201]
    assert (bad["graphId"], bad["isSuccessful"]) == ("bad", False)
    refusals = [part["body"][0]["errorCode"] for part in bad["graphResponse"]["compositeResponse"]]
    assert refusals == ["PROCESSING_HALTED", "INVALID_FIELD"]
    assert [row["Name"] for row in org.query("SELECT Name FROM Account")] == ["good"]
    too_many = admin.post("composite/graph", json={"graphs": [graph(str(number)) for number in range(76)]})
    assert too_many.json()[0]["errorCode"] == "LIMIT_EXCEEDED"


def test_what_is_no_composite_request(admin: httpx.Client) -> None:
    def refused(*parts: Any) -> str:
        answer = admin.post("composite", json={"compositeRequest": list(parts)})
        assert answer.status_code == 400
        code: str = answer.json()[0]["errorCode"]
        return code

    one = part("GET", "limits", "one")
    assert refused() == "JSON_PARSER_ERROR"
    assert refused(*(part("GET", "limits", f"r{number}") for number in range(26))) == "LIMIT_EXCEEDED"
    assert refused(one, one) == "INVALID_INPUT"
    assert composite(admin, one | {"url": "https://example.com/"})[0]["body"][0]["errorCode"] == "INVALID_INPUT"


def test_locks_hit_single_rows_of_a_composite_request(admin: httpx.Client, org: LocalOrg) -> None:
    org.fault(Fault.ROW_LOCK, 1)
    rows = {"records": [item("a"), item("b")]}
    (result,) = composite(admin, part("PATCH", ITEMS, "items", rows))
    assert codes(result["body"]) == ["UNABLE_TO_LOCK_ROW", "ok"]


def test_an_order_is_made_in_one_call(admin: httpx.Client, org: LocalOrg) -> None:
    catalog = Catalog(org)
    order = {
        "AccountId": catalog.account,
        "Pricebook2Id": catalog.pricebook,
        "EffectiveDate": "2026-11-22",
        "Status": "Draft",
    }
    line = {"OrderId": "@{order.id}", "PricebookEntryId": catalog.entry, "Quantity": 2, "UnitPrice": 9.5}
    results = composite(
        admin,
        part("POST", "sobjects/Order", "order", order),
        part("POST", "sobjects/OrderItem", "line", line),
        part("PATCH", "sobjects/Order/@{order.id}", "activation", {"Status": "Activated"}),
        all_or_none=True,
    )
    assert [result["httpStatusCode"] for result in results] == [201, 201, 204]
    assert org.query("SELECT StatusCode, TotalAmount FROM Order")[0]["TotalAmount"] == 19.0
    assert len(org.org.bus) == 1
