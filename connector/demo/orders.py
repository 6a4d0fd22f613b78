"""The demo's orders as plain data, what is to become of each, and how one is submitted like any client would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from connector.demo.catalog import MARTA, OMAR, ROSA, TEO, SampleAccount, Seeded
from connector.demo.org import create, query, update
from connector.demo.simulated.network import BLOCKED_NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleLine:
    """One line. `key` names it inside its order, `parent` is the key of the line above."""

    key: str
    product: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    action: str = "Add"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """How an order stands when nothing more happens to it by itself, as read from the org."""

    status: str
    """`Order.Fulfillment_Status__c`."""
    completed: int = 0
    """Items in state Completed."""
    skipped: int = 0
    """Items in state Skipped."""
    failed: int = 0
    """Items in state FatallyFailed."""
    closed_cases: int = 0
    open_cases: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOrder:
    """One order. `key` is its `OrderReferenceNumber`, by which a second run finds it again."""

    key: str
    title: str
    story: str
    """What to watch, for the terminal and the documentation."""
    account: SampleAccount
    lines: tuple[SampleLine, ...]
    expected: Expected
    priority: str = "Default"

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The order's own attributes: where parcels go."""
        account = self.account
        return {"shipTo": {"street": account.street, "postalCode": account.postal_code, "city": account.city}}


def _address(account: SampleAccount) -> dict[str, str]:
    return {"street": account.street, "postalCode": account.postal_code, "city": account.city}


MOBILE = SampleOrder(
    key="DEMO-MOBILE",
    title="Mobile plan with a phone",
    story="Two parcels, one number; the SIM works when it has been delivered, and billing starts after that.",
    account=MARTA,
    lines=(
        SampleLine(key="bundle", product="MOBILE-BUNDLE"),
        SampleLine(key="plan", product="MOBILE-PLAN", parent="bundle", attributes={"tier": "M", "simType": "physical"}),
        SampleLine(
            key="handset",
            product="HANDSET",
            parent="bundle",
            attributes={"model": "Aria 9", "colour": "graphite"},
        ),
    ),
    expected=Expected(status="Completed", completed=11, skipped=1),
)

ESIM = SampleOrder(
    key="DEMO-ESIM",
    title="Mobile plan with an eSIM",
    story="Nothing to ship: the eSIM is provisioned at once. Bulk priority: others go first.",
    account=OMAR,
    priority="Bulk",
    lines=(SampleLine(key="plan", product="MOBILE-PLAN", attributes={"tier": "S", "simType": "esim"}),),
    expected=Expected(status="Completed", completed=8, skipped=2),
)

HOME = SampleOrder(
    key="DEMO-HOME",
    title="Fiber internet for the home",
    story="Is there fiber, and of what kind? Is the customer's credit good? Then parcels, technician, billing.",
    account=ROSA,
    priority="High",
    lines=(
        SampleLine(
            key="internet",
            product="HOME-INTERNET",
            attributes={"speed": "250", "installation": "technician", **_address(ROSA)},
        ),
        SampleLine(key="router", product="ROUTER", parent="internet", attributes={"model": "IW-AX5400"}),
    ),
    expected=Expected(status="Completed", completed=13),
)

BLOCKED = SampleOrder(
    key="DEMO-BLOCKED",
    title="Mobile plan with a number that is blocked",
    story="The network refuses the activation; a Case says why; the number is unblocked; Retry does the rest.",
    account=OMAR,
    lines=(
        SampleLine(
            key="plan",
            product="MOBILE-PLAN",
            attributes={"tier": "L", "simType": "esim", "phoneNumber": BLOCKED_NUMBER},
        ),
    ),
    expected=Expected(status="Completed", completed=8, skipped=2, closed_cases=1),
)

SWITCH = SampleOrder(
    key="DEMO-SWITCH",
    title="Switch of the electricity supplier",
    story="Cooling-off, notice to the previous supplier, registration, a meter reading, then contract and billing.",
    account=MARTA,
    lines=(
        SampleLine(
            key="supply",
            product="SUPPLY-SWITCH",
            attributes={
                "tariff": "flex",
                "marketLocation": "51238696780",
                "meterNumber": "1ESY1160023487",
                "meterType": "classic",
                "annualKwh": 2800,
                "previousSupplier": "Stadtwerke Havel",
                "coolingOff": "2s",
            },
        ),
        SampleLine(key="green", product="GREEN-POWER", parent="supply"),
    ),
    expected=Expected(status="Completed", completed=10, skipped=4),
)

ORDERS = (MOBILE, ESIM, HOME, BLOCKED, SWITCH)
"""What `connector demo` submits, in this order."""

MOVE_IN = SampleOrder(
    key="EXTRA-MOVE-IN",
    title="Electricity for somebody who moves in",
    story="No previous supplier to give notice to, and a smart meter that is read at once.",
    account=ROSA,
    lines=(
        SampleLine(
            key="supply",
            product="SUPPLY-SWITCH",
            attributes={
                "tariff": "basic",
                "marketLocation": "41373559241",
                "meterNumber": "1EMH0010457702",
                "meterType": "smart",
                "annualKwh": 1900,
                "coolingOff": "1s",
            },
        ),
    ),
    expected=Expected(status="Completed", completed=8, skipped=6),
)

NO_FIBER = SampleOrder(
    key="EXTRA-NO-FIBER",
    title="Fiber internet where there is none",
    story="The answer is no, and a person has to talk to the customer.",
    account=TEO,
    lines=(
        SampleLine(
            key="internet",
            product="HOME-INTERNET",
            attributes={"speed": "1000", "installation": "self", **_address(TEO)},
        ),
    ),
    expected=Expected(status="Fallout", failed=1, open_cases=1),
)

UNKNOWN_PRODUCT = SampleOrder(
    key="EXTRA-UNKNOWN",
    title="Something that nobody can fulfill",
    story="No mapping set knows the product: the order is rejected as a whole, with what is wrong with it.",
    account=TEO,
    lines=(SampleLine(key="charger", product="CAR-CHARGER"),),
    expected=Expected(status="Rejected", open_cases=1),
)

EXTRAS = (MOVE_IN, NO_FIBER, UNKNOWN_PRODUCT)
"""Further orders, for the documentation, tests and whoever wants to try."""


async def submit(org: httpx.AsyncClient, order: SampleOrder, seeded: Seeded) -> str:
    """Create the order with its lines as a draft, activate it once, and give its Id.

    Raises:
        OrgRefused: the org does not accept something.
    """
    identity, is_active = await draft(org, order, seeded)
    if not is_active:
        await update(org, "Order", identity, {"Status": "Activated"})
    return identity


async def draft(org: httpx.AsyncClient, order: SampleOrder, seeded: Seeded) -> tuple[str, bool]:
    """Create the order with its lines; gives its Id, and whether it has been activated already.

    What an earlier, interrupted call has made is found by the order's reference and the lines' descriptions,
    and only the rest is done.

    Raises:
        OrgRefused: the org does not accept something.
    """
    soql = "SELECT Id, Status FROM Order WHERE OrderReferenceNumber = {key}"
    found = await query(org, soql, key=order.key)
    identity = str(found[0]["Id"]) if found else await create(org, "Order", _order_fields(order, seeded))
    if found and found[0]["Status"] == "Activated":
        return identity, True
    made = await query(org, "SELECT Id, Description FROM OrderItem WHERE OrderId = {order}", order=identity)
    lines = {str(record["Description"]): str(record["Id"]) for record in made}
    for line in order.lines:
        if line.key not in lines:
            fields = _line_fields(line, identity, seeded, lines)
            lines[line.key] = await create(org, "OrderItem", fields)
    return identity, False


def _order_fields(order: SampleOrder, seeded: Seeded) -> dict[str, Any]:
    return {
        "Name": order.title,
        "OrderReferenceNumber": order.key,
        "AccountId": seeded.accounts[order.account.name],
        "Pricebook2Id": seeded.pricebook,
        "EffectiveDate": datetime.now(UTC).date().isoformat(),
        "Status": "Draft",
        "Fulfillment_Priority__c": order.priority,
        "Attributes__c": json.dumps(order.attributes, ensure_ascii=False),
    }


def _line_fields(line: SampleLine, order: str, seeded: Seeded, lines: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "OrderId": order,
        "PricebookEntryId": seeded.entries[line.product],
        "Quantity": 1,
        "UnitPrice": seeded.prices[line.product],
        "Action__c": line.action,
        "Description": line.key,
        "Attributes__c": json.dumps(dict(line.attributes), ensure_ascii=False),
    }
    return fields | ({"Parent_Line__c": lines[line.parent]} if line.parent else {})
