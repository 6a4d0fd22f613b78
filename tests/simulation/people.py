"""People: customers who order, operators who look at Salesforce and press buttons; and the technicians' visits."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import orjson

from connector.model.events import Addressed, ExternalEventArrived
from connector.model.ids import OrderId, parse_item_ref
from connector.sf.record_ids import canonical_id
from tests.simulation.checker import Checker
from tests.simulation.revising import Revising
from tests.simulation.salesforce import FULFILLMENT_COMMAND, ORDER_SUBMITTED, Salesforce
from tests.simulation.world import World

_MOST_ORDERS = 4
_PATIENCE = 2.5
"""Seconds between two looks of an operator."""


class People:
    """Everybody in front of a screen. `tell` brings a message of a technician to the connector."""

    def __init__(
        self, world: World, salesforce: Salesforce, checker: Checker, tell: Callable[[Addressed], None]
    ) -> None:
        self.world = world
        self.salesforce = salesforce
        self.orders: list[OrderId] = []
        self.given_up: set[str] = set()
        """Items and orders that nobody will ever mend."""
        self._checker = checker
        self._tell = tell
        self.meddled: set[str] = set()
        """Items that people have completed or skipped: nobody can say what their systems have."""
        self._commands = 0
        self._following = world.rng.choice((0.0, 0.0, 0.4, 0.9))
        self._asked: dict[str, str] = {}
        self.revising = Revising(world, salesforce, lambda action, order: self._command(action, order, None))
        self._seen: set[str] = set()
        self._pausing = random.Random(f"paused orders {world.seed}")  # noqa: S311
        self._pauses = self._pausing.random() < world.faults.pauses
        self._paused: set[OrderId] = set()

    # -- customers ----------------------------------------------------------------------------------------------

    def order_something(self, seconds: float) -> None:
        """A few orders within this time."""
        rng = self.world.rng
        for number in range(rng.randint(1, _MOST_ORDERS)):
            order = OrderId(canonical_id(f"801{number + 1:012d}"))
            self.orders.append(order)
            self.world.loop.outside(rng.uniform(0.1, seconds), lambda order=order: self._submit(order))  # type: ignore[misc]

    def _submit(self, order: OrderId) -> None:
        rng, number = self.world.rng, self.orders.index(order) + 1
        account = canonical_id(f"001{rng.randint(1, 2):012d}")
        lines = [self._line(number, no) for no in range(1, rng.randint(1, 3) + 1)]
        record = {
            "Id": order,
            "OrderNumber": f"{number:05d}",
            "StatusCode": "Activated",
            "AccountId": account,
            "Follows__c": self._followed(order),
            "Fulfillment_Priority__c": rng.choice(("High", "Default", "Bulk")),
            "OrderItems": {"records": lines, "done": True},
        }
        for line in lines:
            self.salesforce.records["OrderItem", str(line["Id"])] = {}
        self.world.note("submitted", order)
        # The event may be faster than its transaction.
        self.world.loop.outside(
            rng.choice((0.0, 0.0, 1.5)), lambda: self.salesforce.records.__setitem__(("Order", order), record)
        )
        self.salesforce.publish(ORDER_SUBMITTED, {"Order_Id__c": order, "Reason__c": "Activated"})
        for visit in range(1, 2 * len(lines) + 1):
            self._visit(order, visit)

    def _followed(self, order: OrderId) -> OrderId | None:
        """Now and then an order follows another one, which may not have come yet; a few go round a ring."""
        rng, others = self.world.rng, [other for other in self.orders if other != order]
        return rng.choice(others) if others and rng.random() < self._following else None

    def _line(self, order: int, number: int) -> dict[str, Any]:
        rng = self.world.rng
        attributes = {"tier": rng.choice("SL")} if rng.random() < 0.95 else {}
        return {
            "Id": canonical_id(f"802{order * 100 + number:012d}"),
            "OrderItemNumber": f"{number}",
            "Product2": {"ProductCode": rng.choice(("PHONE", "HOME"))},
            "Action__c": "Add",
            "Quantity": 1,
            "Attributes__c": orjson.dumps(attributes).decode(),
        }

    def _visit(self, order: OrderId, visit: int) -> None:
        """A technician comes, perhaps before anybody expects him, and is told of once or twice."""
        rng = self.world.rng
        event = ExternalEventArrived(name="field.visited", payload={"visit": visit}, delivery=f"{order}-visit-{visit}")
        when = rng.uniform(0.5, 40.0)
        for _ in range(1 + (rng.random() < self.world.faults.message_twice)):
            delay = when + rng.uniform(0.0, 10.0)
            self.world.loop.outside(delay, lambda: self._tell(Addressed(order=order, event=event)))

    # -- operators ----------------------------------------------------------------------------------------------

    def watch(self) -> None:
        """Look at Salesforce for ever, and do what is to be done."""
        self._look()
        self.world.loop.outside(self.world.rng.uniform(0.5, 1.5) * _PATIENCE, self.watch)

    def _look(self) -> None:
        for order in self.orders:
            self._pause_or_resume(order)
            self.revising.look_at(order)
            record = self.salesforce.records.get(("Order", order), {})
            if record.get("Fulfillment_Status__c") == "Rejected":
                self._mend_order(order, record)
        for key, item in self.salesforce.of("Orchestration_Item__c").items():
            self._look_at(key, item)

    def _pause_or_resume(self, order: OrderId) -> None:
        """Orders too are paused now and then. What is asked next is asked when this is answered."""
        if order in self._paused:
            if (self.world.calm or self._pausing.random() < 0.3) and self._command("Resume", order, None):
                self._paused.discard(order)
        elif self._pauses and not self.world.calm and self._pausing.random() < 0.1:
            record = self.salesforce.records.get(("Order", order), {})
            if record.get("Fulfillment_Status__c") in ("In Progress", "Waiting") and self._command(
                "Pause", order, None, outputs={"reason": "wait"}
            ):
                self._paused.add(order)

    def _mend_order(self, order: OrderId, record: dict[str, Any]) -> None:
        for line in record["OrderItems"]["records"]:
            line["Attributes__c"] = '{"tier": "S"}'
        if "ring" in record.get("Fulfillment_Message__c", ""):
            record["Follows__c"] = None
        self._command("Retry", order, None)

    def _look_at(self, key: str, item: dict[str, Any]) -> None:
        rng, state = self.world.rng, item["State__c"]
        if key in self.given_up:
            return
        if state == "FatallyFailed":
            if self._is_given_up(key):
                return
            action = "Retry" if rng.random() < 0.7 else rng.choice(("Complete", "Skip"))
            self._command(action, item["Order__c"], key, outcome="Fine", outputs={"score": 1})
        elif state == "OnHold":
            if self.world.calm or rng.random() < 0.5:
                self._command("Resume", item["Order__c"], key)
        elif state == "Running" and item["Type__c"] == "manual":
            outcome = "Bad" if rng.random() < 0.2 and not self.world.calm else "Fine"
            outputs = {"score": 7} if rng.random() < 0.8 or self.world.calm else {}
            self._command("Complete", item["Order__c"], key, outcome=outcome, outputs=outputs)
        elif state == "Running" and item["Type__c"] == "event" and self.world.calm:
            self._command("Complete", item["Order__c"], key)
        elif state == "Failed" and not self.world.calm and rng.random() < 0.6:
            self._command("Hold", item["Order__c"], key)
        elif state not in ("Completed", "Skipped") and not self.world.calm and rng.random() < 0.03:
            action = rng.choice(("Hold", "Skip", "Complete", "Retry", "Resume"))
            self._command(action, item["Order__c"], key)

    def _is_given_up(self, key: str) -> bool:
        """Once, when it is first seen, it is decided whether anybody will care."""
        if key not in self._seen:
            self._seen.add(key)
            if self.world.rng.random() < 0.04:
                self.given_up.add(key)
                return True
        return False

    def _command(
        self,
        action: str,
        order: str,
        item: str | None,
        outcome: str | None = None,
        outputs: dict[str, Any] | None = None,
    ) -> bool:
        """Press a button, unless one was pressed for the same thing that is not answered."""
        about = item or order
        pending = self.salesforce.records.get(("Fulfillment_Command__c", self._asked.get(about, "")))
        if pending is not None and pending["Status__c"] == "New":
            return False
        self._commands += 1
        command = canonical_id(f"a0C{self._commands:012d}")
        self._asked[about] = command
        self.salesforce.records["Fulfillment_Command__c", command] = {
            "Action__c": action,
            "Status__c": "New",
            "Created": self.world.now(),
            "Order__c": order,
            "Item__c": "an item" if item else None,
            "Item__r": {"External_Id__c": item} if item else None,
            "Outcome__c": outcome,
            "Outputs__c": orjson.dumps(outputs).decode() if outputs else None,
        }
        self.world.note("command", command, action, about)
        if item and action in ("Complete", "Skip"):
            self.meddled.add(item)
        if item and action == "Retry":
            target = parse_item_ref(item)
            self._checker.retries[target] = self._checker.retries.get(target, 0) + 1
        payload = {"Command_Id__c": command, "Order_Id__c": order, "Action__c": action}
        self.salesforce.publish(FULFILLMENT_COMMAND, payload)
        return True
