"""How long decomposition takes, and that it grows with the lines and no faster.

    python -m bench.decomposition [lines ...]

Decomposes orders of the Infiwave set: bundles of a mobile plan and a handset beside internet lines with a
router. Prints the best of five in processor time, that for a thousand lines, and what came of it.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connector.decomposition import decompose
from connector.mappings.load import load
from connector.model.ids import LineId, OrderId
from connector.model.json import JsonObject
from connector.model.order import Account, Action, InventoryItem, Order, OrderLine

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SET = load(Path(__file__).resolve().parent.parent / "mappings" / "infiwave")
ROUNDS = 5
ADDRESS = {"street": "Ehrenstraße 8", "postalCode": "50672", "city": "Köln"}


def order(count: int) -> Order:
    return Order(
        id=OrderId("801"),
        number="1",
        account=Account(id="001", name="Ada", type="Customer - Direct"),
        lines=tuple(lines(count)),
    )


def lines(count: int) -> Iterator[OrderLine]:
    number = 0

    def line(product: str, parent: int | None = None, **attributes: Any) -> OrderLine:
        nonlocal number
        number += 1
        above = None if parent is None else LineId(f"802-{parent}")
        return OrderLine(
            id=LineId(f"802-{number}"),
            number=str(number),
            product=product,
            action=Action.ADD,
            parent=above,
            attributes=attributes,
        )

    while number + 5 <= count:
        yield line("MOBILE-BUNDLE")
        bundle = number
        yield line("MOBILE-PLAN", bundle, tier="ML"[number % 2], simType="physical")
        yield line("HANDSET", bundle, model="Aria 9")
        yield line("HOME-INTERNET", None, speed="250", **ADDRESS)
        yield line("ROUTER", number)
    while number < count:
        yield line("MOBILE-PLAN", tier="S")


def changed(given: Order) -> Order:
    """The order of a change that names what the first order installed, and wants the smallest tier."""
    new: list[OrderLine] = []
    for line in given.lines:
        attributes: JsonObject = {**line.attributes, "assetId": line.id}
        action = Action.NO_CHANGE
        if line.product == "MOBILE-PLAN":
            attributes, action = {**attributes, "tier": "S"}, Action.CHANGE
        new.append(
            OrderLine(
                id=line.id,
                number=line.number,
                product=line.product,
                action=action,
                parent=line.parent,
                attributes=attributes,
            )
        )
    return Order(id=OrderId("801-2"), number="2", account=given.account, lines=tuple(new))


def measure(name: str, given: Order, inventory: tuple[InventoryItem, ...]) -> None:
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        start = time.process_time()
        made = decompose(given, inventory, SET, NOW)
        best = min(best, time.process_time() - start)
    assert not made.problems, made.problems[:3]
    print(
        f"{name:8} {len(given.lines):6,} lines  {best * 1000:8.1f} ms  {best * 1e6 / len(given.lines):6.1f} ms/1,000"
        f"  → {len(made.lines):6,} technical lines, {len(made.items):6,} items,"
        f" {len(made.explanation.decisions):8,} decisions"
    )


def main() -> None:
    for count in [int(each) for each in sys.argv[1:]] or [10, 100, 1_000, 10_000]:
        first = order(count)
        installed = tuple(
            InventoryItem(
                id=f"{line.product}:{line.scope_key}",
                account="001",
                product=line.product,
                scope_key=line.scope_key,
                attributes=line.attributes,
            )
            for line in decompose(first, (), SET, NOW).lines
        )
        measure("add", first, ())
        measure("change", changed(first), installed)


if __name__ == "__main__":
    main()
