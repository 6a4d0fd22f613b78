"""How an order stands in the org, and where that is not as the story says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from connector.demo.orders import Expected
from connector.demo.org import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the org says of an order."""

    number: str
    status: str
    """Empty while the connector has written nothing yet."""
    progress: float
    message: str
    items: Mapping[str, int]
    """How many items are in each state."""
    lines: Mapping[str, int]
    """How many order lines have each status."""
    cases: Mapping[str, int]
    """How many fallout Cases have each status."""


async def standing(org: httpx.AsyncClient, order: str) -> Standing:
    """Read an order, its lines, its items and its Cases.

    Raises:
        OrgRefused: the org does not accept a query.
    """
    (head,) = await query(
        org,
        "SELECT OrderNumber, Fulfillment_Status__c, Fulfillment_Progress__c, Fulfillment_Message__c"
        " FROM Order WHERE Id = {order}",
        order=order,
    )
    lines = await query(org, "SELECT Fulfillment_Status__c FROM OrderItem WHERE OrderId = {order}", order=order)
    items = await query(org, "SELECT State__c FROM Orchestration_Item__c WHERE Order__c = {order}", order=order)
    cases = await query(org, "SELECT Status FROM Case WHERE Fulfillment_Order__c = {order}", order=order)
    return Standing(
        number=str(head["OrderNumber"]),
        status=head["Fulfillment_Status__c"] or "",
        progress=float(head["Fulfillment_Progress__c"] or 0),
        message=head["Fulfillment_Message__c"] or "",
        items=Counter(str(record["State__c"]) for record in items),
        lines=Counter(str(record["Fulfillment_Status__c"] or "") for record in lines),
        cases=Counter(str(record["Status"]) for record in cases),
    )


def differences(expected: Expected, seen: Standing) -> list[str]:
    """What is not as expected, in sentences; empty when everything is."""
    closed = seen.cases.get("Closed", 0)
    compared = {
        "items in state Completed": (expected.completed, seen.items.get("Completed", 0)),
        "items in state Skipped": (expected.skipped, seen.items.get("Skipped", 0)),
        "items in state FatallyFailed": (expected.failed, seen.items.get("FatallyFailed", 0)),
        "closed Cases": (expected.closed_cases, closed),
        "open Cases": (expected.open_cases, sum(seen.cases.values()) - closed),
    }
    found = [] if seen.status == expected.status else [f"The status is {seen.status!r}, not {expected.status!r}."]
    if expected.status == "Fallout":  # how far the rest has come is nobody's promise
        del compared["items in state Completed"], compared["items in state Skipped"]
    if expected.status == "Completed":
        compared["items in all"] = (expected.completed + expected.skipped, sum(seen.items.values()))
        if seen.progress != 100:  # noqa: PLR2004 - percent
            found.append(f"The progress is {seen.progress:g} %, not 100 %.")
        if unfinished := {status: count for status, count in seen.lines.items() if status not in _DONE}:
            found.append(f"There are lines that are not finished: {unfinished}.")
    return found + [
        f"There are {is_} {what}, not {wanted}." for what, (wanted, is_) in compared.items() if wanted != is_
    ]


_DONE = frozenset({"Completed", "Not Needed"})
