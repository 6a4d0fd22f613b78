"""What the standard objects do by themselves when they are saved: order activation, prices, closing a case.

Source: Object Reference (Order, OrderItem, PricebookEntry, Case), Salesforce Help "Edit Order Products". Each rule
is a function of one change; `RULES` says which objects have one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from connector.localorg.errors import refused
from connector.localorg.schema.model import Schema
from connector.localorg.security import Actor
from connector.localorg.store.database import Record
from connector.localorg.store.store import Store, Transaction

_FROZEN_ORDER = "Unable to modify activated or superseded Order: cannot delete Order, or add or remove Order Products"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record about to be saved. `new` may still be changed; `old` is None for a new record."""

    store: Store
    schema: Schema
    transaction: Transaction
    actor: Actor
    now: str
    old: Record | None
    new: Record

    def group(self, object_name: str, field: str) -> str:
        """The group of the picklist value that the record will have: a status code, or `closed`."""
        definition = self.schema[object_name].field(field)
        value = self.new.get(field)
        return next((each.group for each in definition.values if each.value == value), "") if definition else ""

    def was(self, field: str) -> object:
        """The value before."""
        return self.old.get(field) if self.old else None


def _order(change: Change) -> None:
    change.new["StatusCode"] = code = change.group("Order", "Status") or "Draft"
    before = change.was("StatusCode")
    if before == "Activated" and not change.actor.access.may("EditActivatedOrders"):
        raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", ())
    if before == code == "Activated" and change.was("AccountId") != change.new.get("AccountId"):
        raise refused("FIELD_INTEGRITY_EXCEPTION", "The account of an activated order can't be changed", ["AccountId"])
    if code == "Activated" and before != "Activated":
        _activate(change)
    elif code == "Draft" and before == "Activated":
        change.new.pop("ActivatedDate", None)
        change.new.pop("ActivatedById", None)


def _activate(change: Change) -> None:
    if change.old is None:
        message = "Choose a valid order status and save your changes. Ask your admin for details."
        raise refused("FAILED_ACTIVATION", message, ["Status"])
    if not change.actor.access.may("ActivateOrder"):
        raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", ())
    if not change.store.table("OrderItem").find("OrderId", change.new["Id"]):
        raise refused("FAILED_ACTIVATION", "An order must have at least one product.", ())
    change.new["ActivatedDate"] = change.now
    change.new["ActivatedById"] = change.actor.user_id


def _order_item(change: Change) -> None:
    new = change.new
    order = change.store.table("Order").live[new["OrderId"]]
    if change.old is None:
        demand_open_order(order)
        _price(change, order)
    elif order.get("StatusCode") == "Activated" and not change.actor.access.may("EditActivatedOrders"):
        raise refused("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", ())
    new["AvailableQuantity"] = new["Quantity"]
    new["TotalPrice"] = (new.get("UnitPrice") or 0.0) * new["Quantity"]
    difference = new["TotalPrice"] - (change.old or {}).get("TotalPrice", 0.0)
    if difference:
        total = (order.get("TotalAmount") or 0.0) + difference
        change.transaction.put(change.store.table("Order"), order | {"TotalAmount": total})


def _price(change: Change, order: Record) -> None:
    new = change.new
    entry = change.store.table("PricebookEntry").live.get(new.get("PricebookEntryId") or "")
    if entry is None:
        message = "field integrity exception: PricebookEntryId (pricebook entry must be specified)"
        raise refused("FIELD_INTEGRITY_EXCEPTION", message, ["PricebookEntryId"])
    if entry["Pricebook2Id"] != order.get("Pricebook2Id"):
        message = (
            "field integrity exception: PricebookEntryId (pricebook entry is in a different pricebook than the one "
            "assigned to the order)"
        )
        raise refused("FIELD_INTEGRITY_EXCEPTION", message, ["PricebookEntryId"])
    new["Product2Id"] = entry["Product2Id"]
    new["ListPrice"] = entry["UnitPrice"]


def demand_open_order(order: Record) -> None:
    """Refuse to add or remove products of an activated order, or the order itself."""
    if order.get("StatusCode") == "Activated":
        raise refused("ENTITY_IS_LOCKED", _FROZEN_ORDER, ())


def _pricebook_entry(change: Change) -> None:
    new = change.new
    product = change.store.table("Product2").live[new["Product2Id"]]
    new["Name"] = product["Name"]
    if "ProductCode" in product:
        new["ProductCode"] = product["ProductCode"]
    if change.old is not None:
        return
    books = change.store.table("Pricebook2").live
    entries = change.store.table("PricebookEntry")
    others = [entries.live[each]["Pricebook2Id"] for each in entries.find("Product2Id", new["Product2Id"])]
    if new["Pricebook2Id"] in others:
        raise refused("DUPLICATE_VALUE", "This price definition already exists in this price book", ())
    standard = books[new["Pricebook2Id"]].get("IsStandard") or any(books[each].get("IsStandard") for each in others)
    if not standard:
        raise refused("STANDARD_PRICE_NOT_DEFINED", "No standard price defined for this product", ())


def _case(change: Change) -> None:
    closed = change.group("Case", "Status") == "closed"
    change.new["IsClosed"] = closed
    if closed and not change.was("IsClosed"):
        change.new["ClosedDate"] = change.now
    elif not closed:
        change.new.pop("ClosedDate", None)


def _person(change: Change) -> None:
    parts = (change.new.get("FirstName"), change.new.get("LastName"))
    change.new["Name"] = " ".join(part for part in parts if part)


RULES: dict[str, Callable[[Change], None]] = {
    "Order": _order,
    "OrderItem": _order_item,
    "PricebookEntry": _pricebook_entry,
    "Case": _case,
    "Contact": _person,
    "User": _person,
}
