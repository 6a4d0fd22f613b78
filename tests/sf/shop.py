"""People at work in the org: accounts, products, orders and commands, made as an administrator makes them."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from connector.localorg import LocalOrg
from connector.model.ids import CommandId, OrderId


class Shop:
    """Makes records."""

    def __init__(self, org: LocalOrg) -> None:
        self.org = org
        self._entries: dict[str, str] = {}

    @cached_property
    def account(self) -> str:
        """One customer."""
        return self.new_account("Ada Lovelace")

    def new_account(self, name: str) -> str:
        """A customer."""
        return self.org.create("Account", Name=name, Type="Consumer")

    @cached_property
    def pricebook(self) -> str:
        """The standard price book."""
        (found,) = self.org.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")
        return str(found["Id"])

    def entry(self, code: str | None) -> str:
        """The price of a product, which is made when it is new."""
        name = code or "no code"
        if name not in self._entries:
            fields = {"ProductCode": code} if code else {}
            product = self.org.create("Product2", Name=name, IsActive=True, **fields)
            self._entries[name] = self.org.create(
                "PricebookEntry", Pricebook2Id=self.pricebook, Product2Id=product, UnitPrice=10, IsActive=True
            )
        return self._entries[name]

    def order(
        self,
        *products: str | None,
        account: str | None = None,
        activate: bool = True,
        lines: dict[str, Any] | None = None,
        **fields: Any,
    ) -> OrderId:
        """An order with a line for each product code."""
        order = self.org.create(
            "Order",
            AccountId=account or self.account,
            EffectiveDate="2026-11-22",
            Status="Draft",
            Pricebook2Id=self.pricebook,
            **fields,
        )
        for product in products:
            self.line(order, product, **(lines or {}))
        if activate:
            self.org.update(order, Status="Activated")
        return OrderId(order)

    def line(self, order: str, product: str | None, **fields: Any) -> str:
        """One line of an order."""
        return self.org.create(
            "OrderItem",
            OrderId=order,
            PricebookEntryId=self.entry(product),
            Quantity=fields.pop("Quantity", 1),
            UnitPrice=10,
            **fields,
        )

    def installed(self, account: str, product: str, scope: str, **attributes: Any) -> str:
        """An inventory item."""
        return self.org.create(
            "Inventory_Item__c",
            Name=product,
            External_Id__c=f"{account}:{product}:{scope}",
            Account__c=account,
            Product__c=product,
            Scope_Key__c=scope,
            Status__c="Active",
            Attributes__c=json.dumps(attributes),
        )

    def command(self, action: str, **fields: Any) -> CommandId:
        """What an operator asks for."""
        return CommandId(self.org.create("Fulfillment_Command__c", Action__c=action, **fields))

    def get(self, record_id: str, *fields: str) -> dict[str, Any]:
        """A record's fields."""
        name = self.org.org.schema.of(record_id)
        assert name is not None
        (found,) = self.org.query(f"SELECT {', '.join(fields)} FROM {name.name} WHERE Id = '{record_id}'")
        return {field: found[field] for field in fields}
