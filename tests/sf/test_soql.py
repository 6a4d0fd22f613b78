"""The queries that follow from the intake mapping."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connector.errors import MappingError
from connector.mappings.salesforce import IntakeField
from connector.sf.soql import in_groups, inventory_query, order_query
from tests.sf.mapping import INTAKE


def test_an_order_is_read_with_its_lines() -> None:
    assert order_query(INTAKE, ["801000000000001AAA", "801000000000002AAA"]) == (
        "SELECT Id, OrderNumber, Fulfillment_Priority__c, Requested_Completion__c, Supersedes__c, "
        "Supplemental_Action__c, Follows__c, Penalty_Approved__c, AccountId, Account.Name, Account.Type, Attributes__c, StatusCode, "
        "(SELECT Id, OrderItemNumber, Product2.ProductCode, Action__c, Sub_Action__c, Quantity, Parent_Line__c, "
        "Supersedes_Line__c, Supplemental_Action__c, Attributes__c FROM OrderItems ORDER BY OrderItemNumber) "
        "FROM Order WHERE Id IN ('801000000000001AAA','801000000000002AAA')"
    )


def test_a_field_of_the_mapping_is_a_field_read_and_each_once() -> None:
    more = {
        **INTAKE.order,
        "attributes.region": IntakeField(path="Account.Region__c"),
        "attributes.kind": IntakeField(path="account.type"),
    }
    query = order_query(replace(INTAKE, order=more), ())

    assert "Account.Region__c" in query
    assert query.lower().count("account.type") == 1


def test_an_order_object_of_the_orgs_own_has_no_status_code() -> None:
    query = order_query(replace(INTAKE, order_object="Request__c", lines_relationship="Lines__r"), ())

    assert "StatusCode" not in query
    assert "FROM Lines__r" in query


def test_inventory_is_read_by_account_in_a_stable_order() -> None:
    assert inventory_query(INTAKE, ["001000000000001AAA"]) == (
        "SELECT Id, Account__c, Product__c, Scope_Key__c, Status__c, Attributes__c FROM Inventory_Item__c "
        "WHERE Account__c IN ('001000000000001AAA') ORDER BY Id"
    )


@pytest.mark.parametrize("path", ["Name FROM User", "Name)", "A..B", "1x", "Näme"])
def test_what_is_no_field_name_never_reaches_a_query(path: str) -> None:
    fields = {**INTAKE.lines, "number": IntakeField(path=path)}
    with pytest.raises(MappingError):
        order_query(replace(INTAKE, lines=fields), ())


def test_nor_does_what_is_no_order_of_lines() -> None:
    with pytest.raises(MappingError):
        order_query(replace(INTAKE, lines_order_by="Id LIMIT 1"), ())

    assert "ORDER BY Position__c DESC NULLS LAST, Id)" in order_query(
        replace(INTAKE, lines_order_by="Position__c DESC NULLS LAST, Id"), ()
    )


def test_ids_come_in_groups_that_fit_a_query() -> None:
    ids = [f"801{number:012}AAA" for number in range(450)]
    groups = in_groups([*ids, *ids[:3]])

    assert [len(group) for group in groups] == [200, 200, 50]
    assert [record for group in groups for record in group] == ids
