"""Which plan an order belongs to: a supplemental order has none of its own, it revises that of its family.

A family is named by the id of its first order, which is the plan's. A supplemental order that comes before the order
that it supersedes waits in that one's inbox, and that one is read as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.model.events import Addressed, OrderRead, OrderUnreadable, RevisionRead
from connector.model.failure import Problem
from connector.model.ids import OrderId
from connector.store.database import Connection
from connector.store.queries import queries


async def plans_of(connection: Connection, orders: Iterable[OrderId]) -> dict[OrderId, OrderId]:
    """Of those orders that are versions of another one: whose plan they belong to."""
    rows = await connection.fetch(queries("families")["plans_of"], list(set(orders)))
    return {OrderId(row["order_id"]): OrderId(row["plan_id"]) for row in rows}


async def located(
    connection: Connection, events: Sequence[Addressed]
) -> tuple[Sequence[Addressed], frozenset[OrderId]]:
    """The events addressed to the plans that they are for; and which of those orders are archived."""
    sql = queries("families")["whereabouts"]
    rows = await connection.fetch(sql, list({one.order for one in events}))
    families = {row["order_id"]: OrderId(row["plan_id"]) for row in rows if row["plan_id"] is not None}
    archived = {OrderId(row["order_id"]) for row in rows if row["plan_id"] is None}
    if families:
        rows = await connection.fetch(sql, list(families.values()))
        archived |= {OrderId(row["order_id"]) for row in rows if row["plan_id"] is None}
        events = [Addressed(order=families.get(one.order, one.order), event=one.event) for one in events]
    return events, frozenset(archived)


async def parted(connection: Connection, revision: RevisionRead) -> Addressed:
    """A revision of an order that was archived in this moment, as an order that can't be fulfilled."""
    order = revision.order
    await connection.execute(queries("families")["part"], order.id)
    event = OrderUnreadable(order=order, problems=(_FINISHED,), set_hash=revision.set_hash)
    return Addressed(order=order.id, event=event)


_FINISHED = Problem(
    code="ORDER_FINISHED",
    message="The order that it supersedes is finished and archived.",
    where="order",
    hint="Make a new order for what is installed.",
)


async def routed(connection: Connection, events: Sequence[Addressed]) -> list[Addressed]:
    """The same events; those of supplemental orders as revisions of the plans that they belong to."""
    revising = [one for one in events if _superseded(one) is not None]
    if not revising:
        return list(events)
    families = await plans_of(connection, [each for one in revising if (each := _superseded(one)) is not None])
    found = []
    for one in events:
        superseded = _superseded(one)
        found.append(one if superseded is None else await _route(connection, one, superseded, families))
    return found


def _superseded(one: Addressed) -> OrderId | None:
    return one.event.order.supersedes if isinstance(one.event, OrderRead | OrderUnreadable) else None


async def _route(
    connection: Connection, one: Addressed, superseded: OrderId, families: dict[OrderId, OrderId]
) -> Addressed:
    event = one.event
    assert isinstance(event, OrderRead | OrderUnreadable)
    plan = families.get(superseded, superseded)
    sql = queries("families")
    row = await connection.fetchrow(sql["look"], plan, one.order)
    if plan == one.order:
        message = f"Order {event.order.number} supersedes itself."
        problem = Problem(code="SUPERSEDES_ITSELF", message=message, where="order", hint="Mend the field Supersedes.")
        return _refused(one, problem)
    if row["is_archived"]:
        return _refused(one, _FINISHED)
    if row["has_plan"]:
        return one  # it was read before it superseded anything, and has begun as an order of its own
    if not row["is_known"]:
        await connection.execute(sql["hear_of"], plan, f"Superseded by order {event.order.number}"[:200])
    await connection.execute(sql["join"], one.order, plan, event.order.number)
    await connection.execute(sql["bring_family"], one.order, plan)
    await connection.execute(sql["bring_inbox"], one.order, plan)
    await connection.execute(sql["leave"], one.order)
    families.update({one.order: plan, **{each: plan for each, of in families.items() if of == one.order}})
    problems = event.problems if isinstance(event, OrderUnreadable) else ()
    inventory = event.inventory if isinstance(event, OrderRead) else ()
    revision = RevisionRead(order=event.order, inventory=inventory, problems=problems, set_hash=event.set_hash)
    return Addressed(order=plan, event=revision)


def _refused(one: Addressed, problem: Problem) -> Addressed:
    event = one.event
    assert isinstance(event, OrderRead | OrderUnreadable)
    return Addressed(
        order=one.order, event=OrderUnreadable(order=event.order, problems=(problem,), set_hash=event.set_hash)
    )
