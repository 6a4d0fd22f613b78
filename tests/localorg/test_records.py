"""Single records over plain HTTP, and what permissions allow."""

from __future__ import annotations

import httpx

from connector.localorg import LocalOrg
from tests.localorg.world import Catalog, error


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


# -- permissions ------------------------------------------------------------------------------------------


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
