"""The demo's orders, decomposed, orchestrated and called out for real; only store and Salesforce are not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.demo.orders import BLOCKED, ESIM, HOME, MOBILE, MOVE_IN, NO_FIBER, SWITCH, UNKNOWN_PRODUCT, SampleOrder
from connector.demo.simulated.network import BLOCKED_NUMBER
from connector.mappings.set import WRITEBACK
from connector.model.dossier import FalloutEpisode
from connector.model.events import CalloutPolled, Operation, OperatorCommanded, PollVerdict
from connector.model.ids import WHOLE_ORDER, CommandId
from connector.model.json import Json
from connector.model.mark import RecordKind
from connector.model.plan import Plan
from connector.model.states import ItemState, PlanState
from connector.model.work import Work
from connector.orchestrator.marks import inventory_key
from connector.orchestrator.present import Present, fallouts_by_key
from connector.orchestrator.requests import render
from connector.orchestrator.step import Step
from tests.demo.small_shell import SmallShell, item_of, sample_order, small_shell, states


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[SmallShell]:
    async with small_shell(tmp_path, speed=20.0) as one:
        yield one


def is_completed(plan: Plan) -> bool:
    return plan.state is PlanState.COMPLETED


def as_expected(sample: SampleOrder, plan: Plan) -> bool:
    expected = sample.expected
    return states(plan) == {
        state: count for state, count in (("Completed", expected.completed), ("Skipped", expected.skipped)) if count
    }


async def seen_by(http: httpx.AsyncClient, shell: SmallShell, system: str) -> list[dict[str, Any]]:
    return list((await http.get(f"{shell.systems[system]['url']}/_sim/requests")).json())


def order_of_completion(plan: Plan, *keys: str) -> list[str]:
    finished = {key: max(str(item.finished_at) for item in plan.items.values() if item.key == key) for key in keys}
    return sorted(keys, key=finished.__getitem__)


async def test_a_phone_and_a_plan(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await shell.submit(sample_order(MOBILE, 1))
    await shell.until(plan, is_completed)
    assert as_expected(MOBILE, plan)
    by_product = {line.product: line for line in plan.lines.values()}
    assert set(by_product) == {"MOBILE-CFS", "MSISDN", "SIM", "MOBILE-ACCESS", "DEVICE", "SUBSCRIPTION"}
    assert by_product["SUBSCRIPTION"].attributes["monthlyFeeCents"] == 1999 + 2500
    assert by_product["SUBSCRIPTION"].attributes["positions"] == ["Aria 9", "Mobile plan M"]
    assert by_product["SIM"].attributes["iccid"]
    keys = ("sim-delivered", "bind-sim", "activate", "start-billing", "order-fulfilled")
    assert order_of_completion(plan, *keys) == list(keys)
    assert {line.product for line in shell.assets[plan.id]} == set(by_product)
    parcels = await seen_by(http, shell, "warehouse")
    assert sorted(parcel["body"]["sku"] for parcel in parcels) == ["HS-ARIA9", "SIM-NANO"]
    assert all(parcel["key"] and parcel["body"]["address"]["city"] == "Berlin" for parcel in parcels)


async def test_an_esim_is_not_shipped(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await shell.submit(sample_order(ESIM, 2))
    await shell.until(plan, is_completed)
    assert as_expected(ESIM, plan)
    assert item_of(plan, "ship-sim").state is ItemState.SKIPPED
    assert await seen_by(http, shell, "warehouse") == []


async def test_billing_that_fails_at_first_is_tried_again(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await shell.submit(sample_order(ESIM, 2))
    await shell.until(plan, is_completed)
    assert [call["status"] for call in await seen_by(http, shell, "billing")] == [503, 503, 201]
    assert shell.fallouts == []


async def test_internet_for_the_home_waits_for_the_credit_check(shell: SmallShell) -> None:
    plan = await shell.submit(sample_order(HOME, 3))
    await shell.until(plan, lambda plan: item_of(plan, "credit-check").state is ItemState.RUNNING)
    task = item_of(plan, "credit-check")
    assert task.queue == "Credit_Check"
    assert "Rosa Okafor" in (task.instructions or "")
    parcels = [item for item in plan.items.values() if item.key == "ship"]
    assert [item.state for item in parcels] == [ItemState.PENDING] * 2, "the router, and by now the terminal"
    approve = OperatorCommanded(
        command=CommandId("a00"),
        operation=Operation.COMPLETE,
        by="clerk",
        item=task.no,
        outcome="Approved",
        outputs={"creditScore": 712},
    )
    await shell.happen(plan.id, approve)
    await shell.until(plan, is_completed)
    assert as_expected(HOME, plan)
    access = next(line for line in plan.lines.values() if line.product == "FIBER-ACCESS")
    assert str(access.attributes["port"]).startswith("OLT-50672-")
    terminal = next(line for line in plan.lines.values() if line.product == "TERMINAL")
    assert terminal.attributes["sku"] in {"ONT-FT100", "ONT-FT1000"}
    keys = ("credit-check", "delivered", "visit-done", "activate-fiber", "start-billing", "order-fulfilled")
    assert order_of_completion(plan, *keys) == list(keys)


async def test_declined_credit_is_fallout(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await shell.submit(sample_order(HOME, 3))
    await shell.until(plan, lambda plan: item_of(plan, "credit-check").state is ItemState.RUNNING)
    task = item_of(plan, "credit-check").no
    decline = OperatorCommanded(
        command=CommandId("a00"), operation=Operation.COMPLETE, by="clerk", item=task, outcome="Declined"
    )
    await shell.happen(plan.id, decline)
    (fallout,) = shell.fallouts
    assert (fallout.failure.code, fallout.queue) == ("OUTCOME_DECLINED", "Order_Fallout")
    assert await seen_by(http, shell, "warehouse") == []


async def test_no_fiber_at_the_address_is_fallout(shell: SmallShell) -> None:
    plan = await shell.submit(sample_order(NO_FIBER, 4))
    await shell.until(plan, lambda plan: plan.items[item_of(plan, "check-availability").no].failure is not None)
    (fallout,) = shell.fallouts
    assert fallout.failure.code == "NO_FIBER"
    assert "Dorfstraße 3, 17255 Wesenberg" in fallout.failure.message
    assert any("mobile internet" in suggestion for suggestion in fallout.suggestions)
    assert states(plan)["FatallyFailed"] == NO_FIBER.expected.failed


async def test_a_blocked_number_needs_a_person_and_then_a_retry(shell: SmallShell, http: httpx.AsyncClient) -> None:
    plan = await shell.submit(sample_order(BLOCKED, 5))
    await shell.until(plan, lambda plan: item_of(plan, "activate").state is ItemState.FATALLY_FAILED)
    (fallout,) = shell.fallouts
    assert (fallout.failure.code, fallout.severity) == ("NUMBER_BLOCKED", "High")
    unblock = f"{shell.systems['network']['url']}/_sim/numbers/{BLOCKED_NUMBER}"
    await http.put(unblock, json={"blocked": False})
    item = item_of(plan, "activate").no
    retry = OperatorCommanded(command=CommandId("a01"), operation=Operation.RETRY, by="operator", item=item)
    await shell.happen(plan.id, retry)
    await shell.until(plan, is_completed)
    assert as_expected(BLOCKED, plan)
    assert [resolved.item for resolved in shell.resolved] == [item]
    calls = [call for call in await seen_by(http, shell, "network") if call["path"].endswith("/activation")]
    assert [call["status"] for call in calls] == [409, 200]
    assert len({call["key"] for call in calls}) == 2


async def test_a_switch_of_the_electricity_supplier(shell: SmallShell) -> None:
    plan = await shell.submit(sample_order(SWITCH, 6))
    await shell.until(plan, is_completed)
    assert as_expected(SWITCH, plan)
    account = next(line for line in plan.lines.values() if line.product == "ENERGY-ACCOUNT")
    assert account.attributes["baseFeeCents"] == 1290 + 490
    keys = ("cooling-off", "give-notice", "register-supply", "activate-contract", "open-account", "supplied")
    assert order_of_completion(plan, *keys) == list(keys)


async def test_who_moves_in_gives_no_notice_and_a_smart_meter_is_read_at_once(shell: SmallShell) -> None:
    plan = await shell.submit(sample_order(MOVE_IN, 7))
    await shell.until(plan, is_completed)
    assert as_expected(MOVE_IN, plan)
    skipped = {item.key for item in plan.items.values() if item.state is ItemState.SKIPPED}
    assert skipped == {
        *("review-consumption", "look-at-site", "give-notice"),
        *("request-reading", "reading-arrived", "read-sub-meters"),
    }


async def test_a_house_with_flats_is_looked_at_and_all_of_its_meters_are_read(shell: SmallShell) -> None:
    order = sample_order(MOVE_IN, 7)
    more: dict[str, Json] = {"annualKwh": 26_000, "subMeters": ["1EMH0010457801", "1EMH0010457802"]}
    (line,) = order.lines
    plan = await shell.submit(replace(order, lines=(replace(line, attributes={**line.attributes, **more}),)))
    for key, outcome in (("review-consumption", "Visit first"), ("look-at-site", "Approved")):
        await shell.until(plan, lambda plan, key=key: item_of(plan, key).state is ItemState.RUNNING)  # type: ignore[misc]
        decided = OperatorCommanded(
            command=CommandId("a00"),
            operation=Operation.COMPLETE,
            by="clerk",
            item=item_of(plan, key).no,
            outcome=outcome,
        )
        await shell.happen(plan.id, decided)
    await shell.until(plan, is_completed)

    names = [item.name for item in plan.items.values() if item.parent == item_of(plan, "read-sub-meters").no]
    assert names == [
        *("Read a sub-meter (1 of 2)", "Note the reading of a sub-meter (1 of 2)"),
        *("Read a sub-meter (2 of 2)", "Note the reading of a sub-meter (2 of 2)"),
    ]
    (metering,) = [line for line in plan.lines.values() if line.product == "METERING-POINT"]
    readings = metering.attributes["subReadings"]
    assert isinstance(readings, list)
    assert [reading["subMeter"] for reading in readings if isinstance(reading, dict)] == more["subMeters"]
    assert all(
        set(reading) == {"readingKwh", "readAt", "subMeter"} for reading in readings if isinstance(reading, dict)
    )
    assert metering.attributes["readingKwh"] not in [reading["readingKwh"] for reading in readings]


async def test_whoever_asks_the_grid_operator_is_told_as_well(shell: SmallShell) -> None:
    plan = await shell.submit(sample_order(MOVE_IN, 7))
    await shell.until(plan, lambda plan: item_of(plan, "register-supply").accepted)
    item = item_of(plan, "register-supply")
    completion = shell.set_of(plan).definition(item.definition, item.key).completes
    assert completion is not None
    assert completion.poll is not None
    interface = shell.set_of(plan).interface(completion.poll.interface)
    step = Step(plan, datetime.now(UTC), shell.set_of(plan))
    work = Work(
        order=plan.id,
        item=item.no,
        epoch=item.epoch,
        attempt=1,
        interface=interface.full_name,
        set_hash=plan.set_hash,
        request=render(interface, step.activation(item, *interface.request.expressions)),
        poll=(item.definition, item.key),
    )
    asked = await shell.sender.perform(work, shell.set_of(plan))
    assert isinstance(asked, CalloutPolled)
    assert asked.verdict is PollVerdict.PENDING
    await shell.until(plan, lambda plan: item_of(plan, "register-supply").is_final)
    asked = await shell.sender.perform(work, shell.set_of(plan))
    assert isinstance(asked, CalloutPolled)
    assert (asked.verdict, asked.outputs["gridOperator"]) == (PollVerdict.DONE, "Netze Mitte")


async def test_an_unknown_product_is_rejected_and_named(shell: SmallShell) -> None:
    plan = await shell.submit(sample_order(UNKNOWN_PRODUCT, 8))
    assert plan.state is PlanState.REJECTED
    assert "CAR-CHARGER" in plan.message
    assert [fallout.item for fallout in shell.fallouts] == [WHOLE_ORDER]


async def test_every_call_that_changes_something_carries_its_own_key(
    shell: SmallShell, http: httpx.AsyncClient
) -> None:
    for number, sample in enumerate((MOBILE, ESIM, SWITCH), start=1):
        plan = await shell.submit(sample_order(sample, number))
        await shell.until(plan, is_completed)
    for system in shell.systems:
        changing = [call for call in await seen_by(http, shell, system) if call["method"] != "GET"]
        assert all(call["key"] for call in changing), system
        effective = [call["key"] for call in changing if call["status"] < 300 and not call["repeated"]]
        assert len(effective) == len(set(effective)), system


async def test_everything_can_be_written_to_salesforce(shell: SmallShell) -> None:
    """Every expression of the write-back mapping fits the states that the story comes through."""
    blocked = await shell.submit(sample_order(BLOCKED, 1))
    assert written(shell, blocked)["order", blocked.id]["Fulfillment_Status__c"] == "In Progress"
    await shell.until(blocked, lambda _: bool(shell.fallouts))
    fallen_out = written(shell, blocked)
    assert fallen_out["order", blocked.id]["Fulfillment_Status__c"] == "Fallout"
    (case,) = [fields for (kind, _), fields in fallen_out.items() if kind == "fallout"]
    assert (case["Status"], case["Priority"], case["OwnerId"]) == ("New", "High", "Order_Fallout")
    assert case["Orchestration_Item__r.External_Id__c"] == f"{blocked.id}-{item_of(blocked, 'activate').no}"
    assert "network operations centre" in str(case["Description"])

    switch = await shell.submit(sample_order(SWITCH, 2))
    await shell.until(switch, is_completed)
    done = written(shell, switch)
    assert done["order", switch.id]["Fulfillment_Status__c"] == "Completed"
    assert str(done["plan", switch.id]["Mapping_Set__c"]).startswith("voltara 2026.1 ")
    assert {kind for kind, _ in done} == {"order", "plan", "order_line", "request", "line", "item", "inventory"}

    rejected = await shell.submit(sample_order(UNKNOWN_PRODUCT, 3))
    (case,) = [fields for (kind, _), fields in written(shell, rejected).items() if kind == "fallout"]
    assert case["Orchestration_Item__r.External_Id__c"] is None


def written(shell: SmallShell, plan: Plan) -> dict[tuple[RecordKind, str], dict[str, Json]]:
    """The fields of every record of an order, as they would go to Salesforce now."""
    lines = list(plan.lines.values())
    assets = tuple(shell.assets.get(plan.id, ()))
    states = [
        FalloutEpisode(
            item=raised.item,
            episode=raised.episode,
            failure=raised.failure,
            queue=raised.queue,
            severity=raised.severity,
            suggestions=raised.suggestions,
            attempts=raised.attempts,
            raised_at=datetime.now(UTC),
        )
        for raised in shell.fallouts
        if raised.item in plan.items or plan.state is PlanState.REJECTED
    ]
    present = Present(
        plan=plan,
        set_name=shell.set_of(plan).name + " 2026.1",
        fallouts=fallouts_by_key(plan.id, states[-1:] if plan.state is not PlanState.COMPLETED else ()),
        inventory=assets,
    )
    keys: list[tuple[RecordKind, str]] = [
        ("order", plan.id),
        ("plan", plan.id),
        *(("order_line", line.id) for line in plan.order.lines),
        *(("request", f"{plan.id}-{domain}") for domain in {line.request for line in lines}),
        *(("line", f"{plan.id}-T{line.no}") for line in lines),
        *(("item", f"{plan.id}-{no}") for no in plan.items),
        *(("inventory", inventory_key(plan.order.account.id, line)) for line in assets),
        *(("fallout", key) for key in present.fallouts),
    ]
    mapping = shell.set_of(plan).writeback
    found = {}
    for kind, key in keys:
        variables = present.variables(kind, key)
        assert variables is not None
        activation = WRITEBACK.activation(variables)
        found[kind, key] = {name: value.evaluate(activation) for name, value in mapping[kind].fields.items()}
    return found
