"""Plans that grow, on a real PostgreSQL: what is kept of that, and that nobody notices a worker's death in between."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from connector.model.events import Addressed, CalloutCompleted, Event, Operation, OperatorCommanded, OrderRead
from connector.model.ids import CommandId, ItemNo, LineId, OrderId
from connector.model.order import Account, Action, InventoryItem, Order, OrderLine
from connector.model.plan import Plan
from connector.model.states import ItemState
from connector.store import codec
from connector.store.intake import Heard
from connector.store.retention import Retention
from tests.orchestrator.turning import NOW, Bench

ORDER = OrderId("801000000000001AAA")
FIBER = LineId("802000000000001AAA")
ACCOUNT = "001000000000001AAA"


def home() -> Order:
    """Fiber for somebody who installs it without help: the kind of terminal is not known yet."""
    attributes = {"speed": "250", "installation": "self", "street": "A 1", "postalCode": "50672", "city": "Köln"}
    line = OrderLine(id=FIBER, number="1", product="HOME-INTERNET", action=Action.ADD, attributes=attributes)
    return Order(id=ORDER, number="00000001", account=Account(id=ACCOUNT, name="Ada"), lines=(line,))


def item(plan: Plan, key: str) -> ItemNo:
    (found,) = [each.no for each in plan.items.values() if each.key == key]
    return found


def answer(plan: Plan, key: str, **outputs: Any) -> dict[OrderId, list[Event]]:
    found = plan.items[item(plan, key)]
    return {ORDER: [CalloutCompleted(item=found.no, epoch=found.epoch, attempt=found.attempts, outputs=outputs)]}


async def value(bench: Bench, sql: str, *arguments: object) -> Any:
    async with bench.database.connection() as connection:
        return await connection.fetchval(sql, *arguments)


async def test_what_a_plan_grows_by_is_kept_with_why(bench: Bench) -> None:
    await bench.submit(home())
    await bench.turn()
    plan = await bench.plan(ORDER)
    assert [str(rule) for rule in plan.parked] == ["rule access-to-terminal of T3 waits for technology"]

    await bench.turn(answer(plan, "check-availability", port="P", technology="gpon"))

    plan = await bench.plan(ORDER)
    terminal = plan.lines[max(plan.lines)]
    assert (terminal.product, terminal.attributes) == ("TERMINAL", {"model": "FT-100", "sku": "ONT-FT100"})
    assert (plan.parked, plan.late) == ((), {3: {"technology": "gpon"}})
    delivered = item(plan, "delivered")
    assert delivered in plan.items[item(plan, "activate-fiber")].after, (
        "an item that had not begun waits for the new one"
    )
    body = await value(bench, "select body from later_explanations where order_id = $1", ORDER)
    told = codec.explanation(body).decisions
    assert 'is "gpon", from item 1 (check-availability)' in [each.reason for each in told]
    assert await value(
        bench, "select count(*) from outbox where 'line' = any (kinds) and $1 = any (keys)", f"{ORDER}-T4"
    )


async def test_another_worker_goes_on_where_one_died(bench: Bench) -> None:
    """Whatever of the plan is in memory only is lost after every turn."""
    await bench.submit(home())
    await bench.turn()
    other = Bench(bench.database, bench.sets, "worker-2")
    await other.turn(answer(await bench.plan(ORDER), "check-availability", technology="xgspon"))
    approved = OperatorCommanded(
        command=CommandId("a0C000000000001AAA"),
        operation=Operation.COMPLETE,
        by="Ann",
        item=item(await bench.plan(ORDER), "credit-check"),
        outcome="Approved",
    )
    third = Bench(bench.database, bench.sets, "worker-3")
    await third.put(Addressed(order=ORDER, event=approved))
    result = await third.turn()

    assert {work.interface for work in result.work} == {"warehouse.ship"}
    plan = await bench.plan(ORDER)
    assert plan.items[item(plan, "activate-fiber")].state is ItemState.PENDING


async def test_a_turn_that_does_not_commit_leaves_nothing_and_the_next_one_makes_the_same(bench: Bench) -> None:
    await bench.submit(home())
    await bench.turn()
    before = await bench.plan(ORDER)
    happened = answer(before, "check-availability", technology="gpon")
    await run(bench, _DYING)
    with pytest.raises(asyncpg.SerializationError):
        await bench.turn(dict(happened))
    assert await bench.plan(ORDER) == before
    assert await bench.count("later_explanations") == 0

    await run(bench, "drop trigger dying on later_explanations")
    await bench.turn(dict(happened))

    after = await bench.plan(ORDER)
    assert [line.product for line in after.lines.values()][-1] == "TERMINAL"
    assert await bench.count("later_explanations") == 1


_DYING = """
create function die() returns trigger language plpgsql as
$$ begin raise exception 'the turn ends here' using errcode = '40001'; end $$;
create trigger dying before insert on later_explanations for each row execute function die()
"""


async def run(bench: Bench, sql: str) -> None:
    async with bench.database.connection() as connection:
        await connection.execute(sql)


async def test_what_was_installed_when_the_order_began_is_there_when_the_value_comes(bench: Bench) -> None:
    installed = InventoryItem(
        id="i", account=ACCOUNT, product="TERMINAL", scope_key="A1", attributes={"model": "FT-100", "sku": "ONT-FT100"}
    )
    order = home()
    line = replace(order.lines[0], attributes={**order.lines[0].attributes, "assetId": "A1"})
    order = replace(order, lines=(line,))
    await bench.intake.heard([Heard(kind="order", id=ORDER, received_at=NOW)])
    await bench.put(Addressed(order=ORDER, event=OrderRead(order=order, inventory=(installed,))))
    await bench.turn()

    other = Bench(bench.database, bench.sets, "worker-2")
    await other.turn(answer(await bench.plan(ORDER), "check-availability", technology="gpon"))

    plan = await bench.plan(ORDER)
    assert [line.action for line in plan.lines.values() if line.product == "TERMINAL"] == [Action.NO_CHANGE]


async def test_the_later_explanations_go_to_the_archive_with_their_order(bench: Bench) -> None:
    await bench.submit(home())
    await bench.turn()
    await bench.turn(answer(await bench.plan(ORDER), "check-availability", technology="gpon"))
    await run(bench, f"update orders set state = 'Completed', finished_at = '{NOW.isoformat()}'")
    for statement in (
        "delete from work",
        "delete from timers",
        "delete from outbox",
        "update intake set done_at = now()",
    ):
        await run(bench, statement)

    hot = timedelta(days=30)
    await Retention(bench.database, lambda: NOW + 2 * hot, hot=hot, keep=None, batch=2, pause=0).once()

    assert await bench.count("later_explanations") == 0
    kept = json.loads(await value(bench, "select body -> 'later_explanations' from archived_orders"))
    assert len(kept) == 1
