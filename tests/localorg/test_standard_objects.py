"""What standard objects do by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connector.localorg import LocalOrg
from connector.localorg.errors import SalesforceError
from connector.localorg.security import Actor
from tests.localorg.world import METADATA, Catalog


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    org = LocalOrg(metadata=METADATA)
    yield org
    org.stop()


@pytest.fixture
def rep(org: LocalOrg) -> Actor:
    user = org.add_user("rep@localorg.example", permission_sets=["Fulfillment_Rep"])
    return org.org.security.actor(user)


def test_activation(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.draft(2)
    (before,) = org.query("SELECT Status, StatusCode, TotalAmount, ActivatedDate, OrderNumber FROM Order")
    assert (before["StatusCode"], before["TotalAmount"], before["ActivatedDate"]) == ("Draft", 20.0, None)
    assert before["OrderNumber"] == "00000100"
    org.update(order, Status="Activated")
    (after,) = org.query("SELECT StatusCode, ActivatedDate, ActivatedBy.Username FROM Order")
    assert after["StatusCode"] == "Activated"
    assert after["ActivatedDate"] is not None
    assert after["ActivatedBy"]["Username"] == "admin@localorg.example"
    org.update(order, Status="Draft")
    assert org.query("SELECT ActivatedDate FROM Order")[0]["ActivatedDate"] is None


def test_an_order_starts_as_a_draft_and_needs_a_product(org: LocalOrg, catalog: Catalog) -> None:
    with pytest.raises(SalesforceError, match="FAILED_ACTIVATION: Choose a valid order status"):
        org.create("Order", AccountId=catalog.account, EffectiveDate="2026-11-22", Status="Activated")
    empty = catalog.draft(0)
    with pytest.raises(SalesforceError, match="FAILED_ACTIVATION: An order must have at least one product"):
        org.update(empty, Status="Activated")
    with pytest.raises(SalesforceError, match="INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"):
        org.update(empty, Status="Shipped")


def test_an_activated_order_keeps_its_products(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.activated()
    (line,) = org.query("SELECT Id FROM OrderItem")
    with pytest.raises(SalesforceError, match="ENTITY_IS_LOCKED: Unable to modify activated"):
        org.create("OrderItem", OrderId=order, PricebookEntryId=catalog.entry, Quantity=1, UnitPrice=1)
    with pytest.raises(SalesforceError, match="ENTITY_IS_LOCKED"):
        org.delete(line["Id"])
    with pytest.raises(SalesforceError, match="ENTITY_IS_LOCKED"):
        org.delete(order)
    other = org.create("Account", Name="Other")
    with pytest.raises(SalesforceError, match="FIELD_INTEGRITY_EXCEPTION"):
        org.update(order, AccountId=other)
    org.update(line["Id"], Fulfillment_Status__c="In Progress")


def test_activating_and_editing_activated_orders_take_permissions(org: LocalOrg, catalog: Catalog, rep: Actor) -> None:
    orders = org.org.schema["Order"]
    draft, active = catalog.draft(), catalog.activated()
    for order, change in ((draft, {"Status": "Activated"}), (active, {"Status": "Draft"})):
        with pytest.raises(SalesforceError, match="INSUFFICIENT_ACCESS_OR_READONLY"):
            org.org.records.update(rep, orders, order, change)


def test_lines_take_their_product_and_price_from_the_price_book(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.draft(1)
    (line,) = org.query("SELECT Product2Id, ListPrice, TotalPrice, AvailableQuantity FROM OrderItem")
    assert (line["Product2Id"], line["ListPrice"], line["TotalPrice"]) == (catalog.product, 10.0, 10.0)
    other = org.create("Pricebook2", Name="Other", IsActive=True)
    entry = org.create("PricebookEntry", Pricebook2Id=other, Product2Id=catalog.product, UnitPrice=8, IsActive=True)
    for wrong in (entry, None):
        with pytest.raises(SalesforceError, match="FIELD_INTEGRITY_EXCEPTION"):
            org.create("OrderItem", OrderId=order, PricebookEntryId=wrong, Quantity=1, UnitPrice=1)


def test_total_follows_the_lines(org: LocalOrg, catalog: Catalog) -> None:
    catalog.draft(2)
    first, second = org.query("SELECT Id FROM OrderItem ORDER BY Id")
    org.update(first["Id"], Quantity=3)
    assert org.query("SELECT TotalAmount FROM Order")[0]["TotalAmount"] == 40.0
    org.delete(second["Id"])
    assert org.query("SELECT TotalAmount FROM Order")[0]["TotalAmount"] == 30.0


def test_a_price_needs_a_standard_price_first(org: LocalOrg, catalog: Catalog) -> None:
    product = org.create("Product2", Name="New", IsActive=True)
    other = org.create("Pricebook2", Name="Other", IsActive=True)
    with pytest.raises(SalesforceError, match="STANDARD_PRICE_NOT_DEFINED"):
        org.create("PricebookEntry", Pricebook2Id=other, Product2Id=product, UnitPrice=1)
    with pytest.raises(SalesforceError, match="DUPLICATE_VALUE: This price definition already exists"):
        org.create("PricebookEntry", Pricebook2Id=catalog.pricebook, Product2Id=catalog.product, UnitPrice=1)
    (row,) = org.query("SELECT Name, ProductCode FROM PricebookEntry")
    assert (row["Name"], row["ProductCode"]) == ("Fiber 500", "FIBER-500")


def test_a_case_closes_and_opens(org: LocalOrg) -> None:
    case = org.create("Case", Subject="s")

    def state() -> tuple[str, bool, bool]:
        (row,) = org.query("SELECT Status, IsClosed, ClosedDate FROM Case")
        return row["Status"], row["IsClosed"], row["ClosedDate"] is not None

    assert state() == ("New", False, False)
    org.update(case, Status="Closed")
    assert state() == ("Closed", True, True)
    org.update(case, Status="Working")
    assert state() == ("Working", False, False)
    (row,) = org.query("SELECT CaseNumber, Priority FROM Case WHERE IsClosed = false")
    assert (row["CaseNumber"], row["Priority"]) == ("00001000", "Medium")


def test_people_have_names(org: LocalOrg) -> None:
    org.create("Contact", FirstName="Ada", LastName="Lovelace")
    assert org.query("SELECT Name FROM Contact")[0]["Name"] == "Ada Lovelace"
