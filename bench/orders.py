"""Orders of the set in `bench/sets/ten`, as the reader of Salesforce would give them."""

from __future__ import annotations

from pathlib import Path

from connector.mappings.load import load
from connector.mappings.set import MappingSet
from connector.model.events import Addressed, OrderRead
from connector.model.ids import LineId, OrderId
from connector.model.order import Account, Action, Order, OrderLine, Priority

SET_FOLDER = Path(__file__).parent / "sets" / "ten"
ITEMS_A_LINE = 10
"""Items that one line of the product TEN becomes."""

LEVELS = 7
"""Items of a line that can only come one after the other."""

LAST = "/v1/close"
"""Path of the request of a line's last item."""


def ten_set() -> MappingSet:
    """The compiled set."""
    return load(SET_FOLDER)


def order_id(prefix: str, number: int) -> OrderId:
    """An id of the length that Salesforce's have."""
    return OrderId(f"801{prefix}{number:0{15 - len(prefix)}}")


def order(identity: OrderId, *, lines: int = 1, product: str = "TEN", priority: Priority = Priority.DEFAULT) -> Order:
    """An order with so many lines of the product."""
    tail = identity[3:]
    return Order(
        id=identity,
        number=identity[-8:],
        account=Account(id=f"001{tail}", name=f"Customer {tail}", type="Customer - Direct"),
        priority=priority,
        lines=tuple(
            OrderLine(
                id=LineId(f"802{tail}-{no}"),
                number=str(no),
                product=product,
                action=Action.ADD,
                attributes={"tier": "SML"[no % 3], "number": f"+49{tail}{no}"} if product == "TEN" else {},
            )
            for no in range(1, lines + 1)
        ),
    )


def read(given: Order, set_hash: str) -> Addressed:
    """The event that the order was read."""
    return Addressed(order=given.id, event=OrderRead(order=given, set_hash=set_hash))
