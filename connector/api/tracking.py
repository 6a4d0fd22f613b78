"""How an order is doing, in the form that order tracking shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.model.ids import OrderId, item_ref
from connector.model.pauses import Pause
from connector.model.plan import Item, Plan
from connector.model.states import Phase
from connector.orchestrator.status import progress


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedItem:
    """One item. `waiting_for` and `problem` are sentences for people; no request or answer is shown."""

    ref: str
    key: str
    name: str
    type: str
    state: str
    phase: str
    attempts: int
    waiting_for: str | None
    due_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    error_code: str | None
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedOrder:
    """One order. `progress` is the share of items that need nothing more, in percent."""

    id: str
    number: str
    state: str
    progress: int
    message: str
    items_total: int
    items_done: int
    started_at: datetime | None
    finished_at: datetime | None
    items: tuple[TrackedItem, ...] = ()


def tracked(plan: Plan, held: Mapping[int, Pause] | None = None) -> TrackedOrder:
    """What order tracking shows of a plan. `held`: by item, the pause whose end its request waits for."""
    total = len(plan.items)
    done = total - plan.open_items
    return TrackedOrder(
        id=plan.id,
        number=plan.order.number,
        state=plan.state.value,
        progress=progress(plan),
        message=plan.pause.sentence if plan.pause else plan.message,
        items_total=total,
        items_done=done,
        started_at=plan.created_at,
        finished_at=plan.finished_at,
        items=tuple(_tracked_item(plan.id, item, (held or {}).get(item.no)) for item in plan.items.values()),
    )


def _tracked_item(order: OrderId, item: Item, pause: Pause | None) -> TrackedItem:
    return TrackedItem(
        ref=item_ref(order, item.no),
        key=item.key,
        name=item.name,
        type=item.type.value,
        state=item.state.value,
        phase=(Phase.WAITING if pause else item.phase).value,
        attempts=item.attempts,
        waiting_for=pause.end if pause else item.waiting_for,
        due_at=item.due_at,
        started_at=item.started_at,
        finished_at=item.finished_at,
        error_code=item.failure.code if item.failure else None,
        problem=item.failure.message if item.failure else None,
    )
