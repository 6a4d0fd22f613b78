"""Plans out of their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.model.ids import ItemNo, OrderId
from connector.model.order import InventoryItem
from connector.model.plan import Plan
from connector.model.states import PlanState
from connector.store import codec
from connector.store.database import Connection
from connector.store.pause import Pause, beside
from connector.store.queries import queries


async def load_plans(
    connection: Connection, orders: Sequence[OrderId], *, archived: bool = False
) -> dict[OrderId, Plan]:
    """The plans of these orders, whole; an order that has been heard of but not read has none.

    With `archived` those of archived orders, as they were in the end, instead of the others.
    """
    where = f"{queries('retention')['as_they_were']}\n" if archived else ""
    sql = queries("turns")
    heads = await connection.fetch(where + sql["load_orders"], orders)
    found = [row["order_id"] for row in heads]
    if not found:
        return {}
    lines: dict[str, list[str]] = {order: [] for order in found}
    for row in await connection.fetch(where + sql["load_lines"], found):
        lines[row["order_id"]].append(row["body"])
    items: dict[str, list[tuple[int, str, str, str]]] = {order: [] for order in found}
    for row in await connection.fetch(where + sql["load_items"], found):
        items[row["order_id"]].append((row["item_no"], row["spec"], row["state"], row["progress"]))
    plans: dict[OrderId, Plan] = {}
    pause = Pause()
    for row in heads:
        order = OrderId(row["order_id"])
        plans[order] = await beside(len(items[order]), _plan, row, lines[order], items[order])
        await pause.now_and_then()
    return plans


async def plans_with_as_is(connection: Connection, orders: Sequence[OrderId]) -> dict[OrderId, Plan]:
    """The plans of those orders that are in flight, with what was installed when each began."""
    plans = await load_plans(connection, orders)
    for order, as_is in (await load_as_is(connection, list(plans))).items():
        plans[order].as_is = as_is
    return plans


async def load_as_is(connection: Connection, orders: Sequence[OrderId]) -> dict[OrderId, tuple[InventoryItem, ...]]:
    """What the accounts of these orders had installed when the orders began."""
    rows = await connection.fetch(queries("turns")["load_as_is"], orders)
    return {OrderId(row["order_id"]): codec.as_is(row["as_is"]) for row in rows}


def _plan(row: Mapping[str, Any], lines: Sequence[str], items: Sequence[tuple[int, str, str, str]]) -> Plan:
    head = codec.head(row["head"])
    technical = [codec.technical_line(body) for body in lines]
    return Plan(
        order=codec.order(row["document"]),
        state=PlanState(row["state"]),
        set_hash=row["set_hash"],
        items={ItemNo(no): codec.item(no, spec, state, progress) for no, spec, state, progress in items},
        lines={line.no: line for line in technical},
        unclaimed=head.unclaimed,
        deliveries=head.deliveries,
        versions=head.versions,
        revisions=head.revisions,
        blocked=head.blocked,
        alarmed=head.alarmed,
        parked=head.parked,
        late=head.late,
        waits_for=head.waits_for,
        followers=head.followers,
        problems=head.problems,
        forecast=head.forecast,
        message=row["message"],
        pause=head.pause,
        revision=row["revision"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
