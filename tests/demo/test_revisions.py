"""Orders that are revised while real systems are at work on them: what was done is really undone there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.demo.orders import HOME, MOBILE, SWITCH, SampleOrder
from connector.model.events import Operation, OperatorCommanded, RevisionRead
from connector.model.ids import CommandId, LineId, OrderId
from connector.model.json import JsonObject
from connector.model.order import Order, OrderLine
from connector.model.plan import Plan
from connector.model.revision import VersionState
from connector.model.states import ItemState, PlanState
from tests.demo.small_shell import SmallShell, item_of, sample_order, small_shell, states


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[SmallShell]:
    async with small_shell(tmp_path, speed=20.0) as one:
        yield one


def revision(order: Order, *, action: str = "Amend", **changed: JsonObject) -> RevisionRead:
    """The supplemental order; `changed` gives by product the attributes that differ."""

    def line(old: OrderLine) -> OrderLine:
        new = {**old.attributes, **changed.get(old.product.replace("-", "_"), {})}
        parent = LineId(f"{old.parent}-2") if old.parent else None
        return replace(old, id=LineId(f"{old.id}-2"), supersedes=old.id, parent=parent, attributes=new)

    supplemental = replace(
        order,
        id=OrderId(f"{order.id[:-1]}2"),
        number=f"{order.number}-2",
        lines=tuple(line(old) for old in order.lines),
        supersedes=order.id,
        supplemental_action=action,
        approved_by="sam",
    )
    return RevisionRead(order=supplemental)


async def remembered(http: httpx.AsyncClient, shell: SmallShell, system: str) -> dict[str, Any]:
    return dict((await http.get(f"{shell.systems[system]['url']}/_sim/state")).json())


async def begun(shell: SmallShell, sample: SampleOrder, **reached: ItemState) -> Plan:
    """The plan of an order, when these items (`_` stands for `-`) have come to these states."""
    plan = await shell.submit(sample_order(sample, 1))
    keys: Mapping[str, ItemState] = {key.replace("_", "-"): state for key, state in reached.items()}
    await shell.until(plan, lambda plan: all(item_of(plan, key).state is state for key, state in keys.items()))
    return plan


async def approve_credit(shell: SmallShell, plan: Plan) -> None:
    await shell.until(plan, lambda plan: item_of(plan, "credit-check").state is ItemState.RUNNING)
    approve = OperatorCommanded(
        command=CommandId("a00"),
        operation=Operation.COMPLETE,
        by="clerk",
        item=item_of(plan, "credit-check").no,
        outcome="Approved",
    )
    await shell.happen(plan.id, approve)


def is_canceled(plan: Plan) -> bool:
    return plan.state is PlanState.CANCELED


def is_completed(plan: Plan) -> bool:
    return plan.state is PlanState.COMPLETED


async def test_what_was_shipped_comes_back_and_the_number_is_free_again(
    shell: SmallShell, http: httpx.AsyncClient
) -> None:
    plan = await begun(shell, MOBILE, ship=ItemState.COMPLETED, ship_sim=ItemState.COMPLETED)
    await shell.happen(plan.id, revision(plan.order, action="Cancel"))
    await shell.until(plan, is_canceled)
    network, warehouse = await remembered(http, shell, "network"), await remembered(http, shell, "warehouse")
    assert "number" not in network
    assert len(network["void"]) == 1
    (returned,) = warehouse["return"].values()
    assert warehouse["shipment"][returned["shipmentId"]]["sku"] == "HS-ARIA9"
    assert "subscription" not in await remembered(http, shell, "billing")


async def test_what_has_not_left_is_recalled(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await begun(shell, MOBILE, reserve_number=ItemState.COMPLETED)
    await shell.until(plan, lambda plan: item_of(plan, "ship").accepted and item_of(plan, "ship-sim").accepted)
    await shell.happen(plan.id, revision(plan.order, action="Cancel"))
    await shell.until(plan, is_canceled)
    warehouse = await remembered(http, shell, "warehouse")
    assert all(shipment["recalled"] for shipment in warehouse["shipment"].values())
    assert "return" not in warehouse
    assert "void" not in await remembered(http, shell, "network")
    assert states(plan)["FatallyFailed"] == 0


async def test_a_larger_plan_is_activated_as_such(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await begun(shell, MOBILE, reserve_number=ItemState.COMPLETED)
    await shell.happen(plan.id, revision(plan.order, MOBILE_PLAN={"tier": "L"}))
    await shell.until(plan, is_completed)
    (service,) = (await remembered(http, shell, "network"))["service"].values()
    assert service["profile"] == "IW-5G-L"
    (bill,) = (await remembered(http, shell, "billing"))["subscription"].values()
    assert bill["monthlyFeeCents"] == 2999 + 2500
    assert len((await remembered(http, shell, "warehouse"))["shipment"]) == 2


async def test_another_phone_is_sent_when_the_first_one_is_called_back(
    shell: SmallShell, http: httpx.AsyncClient
) -> None:
    plan = await begun(shell, MOBILE, ship=ItemState.COMPLETED)
    await shell.happen(plan.id, revision(plan.order, HANDSET={"model": "Aria 9 Pro"}))
    await shell.until(plan, is_completed)
    warehouse = await remembered(http, shell, "warehouse")
    assert sorted(shipment["sku"] for shipment in warehouse["shipment"].values()) == [
        "HS-ARIA9",
        "HS-ARIA9P",
        "SIM-NANO",
    ]
    (returned,) = warehouse["return"].values()
    assert warehouse["shipment"][returned["shipmentId"]]["sku"] == "HS-ARIA9"
    device = next(line for line in shell.assets[plan.id] if line.product == "DEVICE")
    assert warehouse["shipment"][str(device.attributes["shipmentId"])]["sku"] == "HS-ARIA9P"


async def test_the_technician_is_sent_to_the_new_address(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await shell.submit(sample_order(HOME, 1))
    await approve_credit(shell, plan)
    await shell.until(plan, lambda plan: item_of(plan, "book-visit").state is ItemState.COMPLETED)
    await shell.happen(plan.id, revision(plan.order, HOME_INTERNET={"street": "Aachener Straße 60"}))
    await shell.until(plan, is_completed)
    (visit,) = (await remembered(http, shell, "workforce"))["visit"].values()
    assert visit["address"]["street"] == "Aachener Straße 60"
    access = next(line for line in plan.lines.values() if line.product == "FIBER-ACCESS" and line.is_live)
    (fiber,) = (await remembered(http, shell, "network"))["fiber"].values()
    assert fiber["port"] == access.attributes["port"]
    checks = [item for item in plan.items.values() if item.key == "check-availability"]
    assert [item.state for item in checks] == [ItemState.AMENDED, ItemState.COMPLETED]


async def test_a_visit_is_cancelled_at_a_price(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await shell.submit(sample_order(HOME, 1))
    await approve_credit(shell, plan)
    await shell.until(plan, lambda plan: item_of(plan, "visit-done").state is ItemState.RUNNING)
    await shell.happen(plan.id, revision(plan.order, action="Cancel"))
    await shell.until(plan, is_canceled)
    (visit,) = (await remembered(http, shell, "workforce"))["visit"].values()
    assert visit["canceled"]
    assert "49.00 EUR" in plan.versions[-1].reason


async def test_a_notice_is_withdrawn_before_the_grid_operator_is_asked(
    shell: SmallShell, http: httpx.AsyncClient
) -> None:
    plan = await begun(shell, SWITCH, give_notice=ItemState.RUNNING)
    await shell.until(plan, lambda plan: item_of(plan, "give-notice").accepted)
    await shell.happen(plan.id, revision(plan.order, action="Cancel"))
    await shell.until(plan, is_canceled)
    grid = await remembered(http, shell, "grid")
    assert "notice" not in grid
    assert "registration" not in grid


async def test_nothing_of_a_supply_that_is_registered_is_cancelled(shell: SmallShell) -> None:
    plan = await begun(shell, SWITCH, register_supply=ItemState.RUNNING)
    await shell.until(plan, lambda plan: item_of(plan, "register-supply").accepted)
    await shell.happen(plan.id, revision(plan.order, action="Cancel"))
    assert plan.versions[-1].state is VersionState.REJECTED
    assert "Register the supply with the grid operator has passed its point of no return" in plan.versions[-1].reason
    await shell.until(plan, is_completed)
