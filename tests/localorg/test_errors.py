"""Every error with its status, its code and its words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connector.localorg import LocalOrg
from tests.localorg.world import METADATA, api, error

LONG = "x" * 81


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    """One org for all: what is refused changes nothing."""
    with LocalOrg(metadata=METADATA) as running:
        yield running


@pytest.fixture(scope="module")
def admin(org: LocalOrg) -> Iterator[httpx.Client]:
    with api(org, org.access_token("admin@localorg.example")) as client:
        yield client


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
        assert answer.json() == [
            f"/services/data/v66.0/sobjects/Inventory_Item__c/{each}" for each in table.find("External_Id__c", "same")
        ]


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
