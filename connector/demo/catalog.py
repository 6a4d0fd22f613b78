"""Who buys, and what is sold: accounts and products of the demo as plain data, and their way into an org."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import httpx

from connector.demo.org import create, query
from connector.errors import RemoteError


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleAccount:
    """A customer."""

    name: str
    street: str
    postal_code: str
    city: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleProduct:
    """Something that can be ordered. `price` is what the order line costs, in whatever the org counts in."""

    code: str
    name: str
    price: float


MARTA = SampleAccount(name="Marta Lindqvist", street="Chausseestraße 20", postal_code="10115", city="Berlin")
OMAR = SampleAccount(name="Omar Haddad", street="Schulterblatt 73", postal_code="20357", city="Hamburg")
ROSA = SampleAccount(name="Rosa Okafor", street="Ehrenstraße 8", postal_code="50672", city="Köln")
TEO = SampleAccount(name="Teo Brandt", street="Dorfstraße 3", postal_code="17255", city="Wesenberg")

ACCOUNTS = (MARTA, OMAR, ROSA, TEO)

PRODUCTS = (
    SampleProduct(code="MOBILE-BUNDLE", name="Mobile with handset", price=0.0),
    SampleProduct(code="MOBILE-PLAN", name="Mobile plan", price=19.99),
    SampleProduct(code="HANDSET", name="Handset", price=25.00),
    SampleProduct(code="HOME-INTERNET", name="Fiber internet for the home", price=39.99),
    SampleProduct(code="ROUTER", name="Wi-Fi router", price=0.0),
    SampleProduct(code="SUPPLY-SWITCH", name="Electricity supply", price=12.90),
    SampleProduct(code="GREEN-POWER", name="Green power option", price=4.90),
    # Sold, but unknown to both mapping sets: what an order looks like that nobody can fulfill.
    SampleProduct(code="CAR-CHARGER", name="Charger for the car", price=499.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """Where the sample data is in the org."""

    pricebook: str
    accounts: Mapping[str, str]
    """Id by name."""
    entries: Mapping[str, str]
    """Id of the PricebookEntry by product code."""
    prices: Mapping[str, float]
    """By product code."""


async def seed(org: httpx.AsyncClient) -> Seeded:
    """Bring accounts, products and prices into the org; what is there already is left as it is.

    Raises:
        OrgRefused: the org does not accept something.
        RemoteError: the org has no standard price book.
    """
    pricebook = await _standard_pricebook(org)
    return Seeded(
        pricebook=pricebook,
        accounts=MappingProxyType(await _accounts(org)),
        entries=MappingProxyType(await _entries(org, pricebook, await _products(org))),
        prices=MappingProxyType({product.code: product.price for product in PRODUCTS}),
    )


async def _standard_pricebook(org: httpx.AsyncClient) -> str:
    found = await query(org, "SELECT Id, IsActive FROM Pricebook2 WHERE IsStandard = true")
    if not found:
        raise RemoteError("The org has no standard price book.", hint="Salesforce makes one for every new org.")
    return str(found[0]["Id"])


async def _accounts(org: httpx.AsyncClient) -> dict[str, str]:
    names = [account.name for account in ACCOUNTS]
    found = await query(org, "SELECT Id, Name FROM Account WHERE Name IN {names}", names=names)
    known = {str(record["Name"]): str(record["Id"]) for record in found}
    for account in ACCOUNTS:
        if account.name not in known:
            known[account.name] = await create(
                org,
                "Account",
                {
                    "Name": account.name,
                    "Type": "Customer - Direct",
                    "ShippingStreet": account.street,
                    "ShippingPostalCode": account.postal_code,
                    "ShippingCity": account.city,
                },
            )
    return known


async def _products(org: httpx.AsyncClient) -> dict[str, str]:
    codes = [product.code for product in PRODUCTS]
    found = await query(org, "SELECT Id, ProductCode FROM Product2 WHERE ProductCode IN {codes}", codes=codes)
    known = {str(record["ProductCode"]): str(record["Id"]) for record in found}
    for product in PRODUCTS:
        if product.code not in known:
            fields = {"Name": product.name, "ProductCode": product.code, "IsActive": True}
            known[product.code] = await create(org, "Product2", fields)
    return known


async def _entries(org: httpx.AsyncClient, pricebook: str, products: Mapping[str, str]) -> dict[str, str]:
    soql = "SELECT Id, Product2Id FROM PricebookEntry WHERE Pricebook2Id = {pricebook}"
    found = await query(org, soql, pricebook=pricebook)
    by_product = {str(record["Product2Id"]): str(record["Id"]) for record in found}
    known: dict[str, str] = {}
    for product in PRODUCTS:
        identity = products[product.code]
        known[product.code] = by_product.get(identity) or await create(
            org,
            "PricebookEntry",
            {"Pricebook2Id": pricebook, "Product2Id": identity, "UnitPrice": product.price, "IsActive": True},
        )
    return known
