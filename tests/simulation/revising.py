"""Customers who change their minds: supplemental orders at random moments, and who approves what they cost."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson

from connector.model.ids import OrderId
from connector.sf.record_ids import canonical_id
from tests.simulation.salesforce import ORDER_SUBMITTED, Salesforce
from tests.simulation.world import World

_MOST_REVISIONS = 3
_UNDER_WAY = ("In Progress", "Waiting", "Fallout", "Freezing", "Frozen")

Press = Callable[[str, OrderId], object]
"""Press a button about an order as a whole."""


class Revising:
    """The versions of every order. Its dice are its own: the worlds without revisions stay what they were."""

    def __init__(self, world: World, salesforce: Salesforce, press: Press) -> None:
        self._world = world
        self._salesforce = salesforce
        self._press = press
        self._rng = random.Random(f"revisions {world.seed}")  # noqa: S311
        self._happens = self._rng.random() < 0.6
        self.versions: dict[OrderId, list[OrderId]] = {}
        """By first order: its supplemental ones, the newest last."""

    def look_at(self, order: OrderId) -> None:
        """Once in a while: revise it, and decide what waits for a decision."""
        record = self._salesforce.records.get(("Order", order), {})
        newest = self.versions.get(order, [order])[-1]
        status = self._salesforce.records.get(("Order", newest), {}).get("Fulfillment_Status__c")
        frozen = record.get("Fulfillment_Status__c") == "Frozen" or status == "Frozen"
        frozen = frozen or any(
            plan.get("State__c") == "Frozen" and plan.get("Order__c") in (order, *self.versions.get(order, ()))
            for plan in self._salesforce.of("Orchestration_Plan__c").values()
        )
        if frozen:
            self._press("Approve" if self._world.calm or self._rng.random() < 0.7 else "Reject", order)
        if not self._happens or self._world.calm or len(self.versions.get(order, ())) >= _MOST_REVISIONS:
            return
        follows = {each.get("Follows__c") for each in self._salesforce.of("Order").values()}
        is_alone = record.get("Follows__c") is None and order not in follows  # who follows whom is another matter
        if is_alone and record.get("Fulfillment_Status__c") in _UNDER_WAY and self._rng.random() < 0.25:
            self._revise(order)

    def _revise(self, order: OrderId) -> None:
        rng, versions = self._rng, self.versions.setdefault(order, [])
        base = versions[-1] if versions and rng.random() < 0.9 else order
        before = self._salesforce.records["Order", base]
        number = len(versions) + 1
        new = OrderId(canonical_id(f"801{int(order[3:15]) * 100 + 10_000 + number:012d}"))
        versions.append(new)
        kind = rng.choice(("amend", "amend", "cancel line", "drop line", "add line", "cancel", "nothing"))
        lines = [self._next(line, number, kind) for line in before["OrderItems"]["records"]]
        if kind == "drop line" and len(lines) > 1:
            lines.pop(rng.randrange(len(lines)))
        if kind == "cancel line":
            rng.choice(lines)["Supplemental_Action__c"] = "Cancel"
        if kind == "add line":
            lines.append(self._new_line(order, number))
        record = {
            **{name: before[name] for name in ("StatusCode", "AccountId", "Fulfillment_Priority__c")},
            "Id": new,
            "OrderNumber": f"{before['OrderNumber']}.{number}",
            "Supersedes__c": base,
            "Supplemental_Action__c": "Cancel" if kind == "cancel" else "Amend",
            "OrderItems": {"records": lines, "done": True},
        }
        for line in lines:
            self._salesforce.records["OrderItem", str(line["Id"])] = {}
        self._world.note("revised", new, kind)
        self._salesforce.records["Order", new] = record
        self._salesforce.publish(ORDER_SUBMITTED, {"Order_Id__c": new, "Reason__c": "Activated"})

    def _next(self, line: dict[str, Any], number: int, kind: str) -> dict[str, Any]:
        """The line in the new version; mostly it says which one it supersedes."""
        attributes = orjson.loads(line["Attributes__c"])
        if kind == "amend" and self._rng.random() < 0.6:
            attributes["tier"] = "S" if attributes.get("tier") == "L" else "L"
        following = {name: value for name, value in line.items() if name != "Supplemental_Action__c"}
        return {
            **following,
            "Id": canonical_id(f"802{int(str(line['Id'])[3:15]) + 100_000 * number:012d}"),
            "Supersedes__c": line["Id"],
            "Attributes__c": orjson.dumps({"tier": "S", **attributes}).decode(),
        }

    def _new_line(self, order: OrderId, number: int) -> dict[str, Any]:
        return {
            "Id": canonical_id(f"802{int(order[3:15]) * 100 + 50 + 1_000_000 * number:012d}"),
            "OrderItemNumber": f"{90 + number}",
            "Product2": {"ProductCode": self._rng.choice(("PHONE", "HOME"))},
            "Action__c": "Add",
            "Quantity": 1,
            "Attributes__c": '{"tier": "S"}',
        }
