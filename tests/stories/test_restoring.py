"""A change order that is amended and then cancelled in flight leaves what was installed before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from connector.model.events import RevisionRead
from connector.model.ids import OrderId
from connector.model.plan import Plan
from connector.model.states import ItemState, PlanState
from tools.stories.example import Example, case_of, supplemental
from tools.stories.world import world

LARGER = Example(
    name="tier",
    set="infiwave",
    case="change-of-tier",
    begins=datetime(2026, 3, 2, 14, tzinfo=UTC),
    when={},
    action="Amend",
    lines={"new-plan": {"tier": "S"}},
)


def is_completed(plan: Plan, key: str) -> bool:
    return any(item.key == key and item.state is ItemState.COMPLETED for item in plan.items.values())


def test_what_was_installed_is_restored() -> None:
    mappings, order, inventory = case_of(LARGER)
    amendment = supplemental(order, LARGER)
    cancellation = replace(
        amendment,
        id=OrderId("80100000103"),
        number="00000103",
        supersedes=amendment.id,
        supplemental_action="Cancel",
    )
    with world(order, inventory, mappings, LARGER.begins) as stage:
        stage.memories["network"].put("service", "plan", {"profile": "IW-5G-M"})
        stage.memories["billing"].put("subscription", "bundle", {"monthlyFeeCents": 4499, "positions": []})
        stage.play(lambda plan: is_completed(plan, "change-profile"))
        assert stage.memories["network"].get("service", "plan") == {"profile": "IW-5G-L"}
        stage.happen(RevisionRead(order=amendment))
        stage.play(lambda plan: is_completed(plan, "set-profile"))
        assert stage.memories["network"].get("service", "plan") == {"profile": "IW-5G-S"}
        stage.happen(RevisionRead(order=cancellation))
        stage.play(lambda plan: plan.state is PlanState.CANCELED)
        assert stage.memories["network"].get("service", "plan") == {"profile": "IW-5G-M"}
        bill = stage.memories["billing"].get("subscription", "bundle")
        assert bill is not None
        assert bill["monthlyFeeCents"] == 4499
        assert stage.assets == {}
