"""What is paused does not start; what runs finishes, and what is told is kept. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.errors import RefusedError
from connector.model.commands import SetTimer
from connector.model.events import OperatorCommanded, TimerKind
from connector.model.ids import WHOLE_ORDER
from connector.model.json import Json
from connector.model.pauses import Pause, PauseKind
from connector.model.plan import Item
from connector.model.states import ItemState, PlanState
from connector.orchestrator.step import Step

LOOK_AGAIN = timedelta(minutes=5)
"""An item that waits for its plan definition to be resumed is looked at anew after this time, should nobody wake it."""

_OVER = frozenset({PlanState.COMPLETED, PlanState.CANCELED, PlanState.REJECTED})


def holds_back(step: Step, item: Item) -> bool:
    """Whether an item that could start may not. One that waits for its plan definition says so."""
    if step.plan.pause is not None:
        return True
    pause = step.pauses.of_plan(item.definition)
    if pause is None:
        return False
    reason = pause.end[:255]
    if item.waiting_for != reason:
        step.change(item, waiting_for=reason)
        step.record("held back", item, str(pause)[:500])
    due = step.now + LOOK_AGAIN
    step.command(SetTimer(item=item.no, kind=TimerKind.PAUSE, epoch=item.epoch, due=due))
    return True


def put_off(step: Step, item: Item) -> bool:
    """Whether an item whose time has come, to be tried again or to start, may not all the same."""
    if step.plan.pause is None:
        return item.state is ItemState.SCHEDULED and holds_back(step, item)
    step.change(item, due_at=None, waiting_for="its order to be resumed")
    return True


def is_silenced(step: Step, name: str, interface: str | None) -> bool:
    """Whether the system that should have told us `name` by now is paused, and the wait begins anew."""
    pauses = step.pauses
    return any(pauses.of_callout(each) is not None for each in (name, interface) if each)


def pause_order(step: Step, command: OperatorCommanded) -> str:
    """Nothing of the order starts from now on.

    Raises:
        RefusedError: it is over, or paused already.
    """
    plan = step.plan
    if plan.state in _OVER:
        raise RefusedError(f"Order {plan.order.number} is {plan.state}; there is nothing to pause.")
    if plan.pause is not None:
        raise RefusedError(plan.pause.sentence)
    reason, until = str(command.outputs.get("reason") or "")[:255], _moment(command.outputs.get("until"))
    if until is not None and until <= step.now:
        raise RefusedError(f"{until:%Y-%m-%d %H:%M} UTC is over.")
    plan.pause = Pause(
        kind=PauseKind.ORDER, name=plan.order.number, reason=reason, by=command.by, since=step.now, until=until
    )
    plan.changed_head = True
    if until is not None:
        step.command(SetTimer(item=WHOLE_ORDER, kind=TimerKind.PAUSE, epoch=0, due=until))
    step.record("order paused", detail=reason, by=command.by)
    return f"Order {plan.order.number} is paused: nothing more of it starts; what runs finishes."


def resume_order(step: Step, by: str) -> str:
    """What could have started meanwhile may start now; for what was put off its time is now.

    Raises:
        RefusedError: it is not paused.
    """
    plan = step.plan
    if plan.pause is None:
        raise RefusedError(f"Order {plan.order.number} is not paused.")
    plan.pause = None
    plan.changed_head = True
    step.record("order resumed", by=by)
    step.to_look_at.extend(no for no, item in plan.items.items() if item.state is ItemState.PENDING)
    for item in list(plan.items.values()):
        kind = _WAKING.get(item.state)
        if kind is not None and item.due_at is None:
            step.change(item, due_at=step.now)
            step.command(SetTimer(item=item.no, kind=kind, epoch=item.epoch, due=step.now))
    return f"Order {plan.order.number} goes on."


_WAKING = {ItemState.FAILED: TimerKind.RETRY, ItemState.SCHEDULED: TimerKind.START}


def refuse_while_paused(step: Step, what: str) -> None:
    """An order that is paused starts nothing, even if somebody asks for it.

    Raises:
        RefusedError: it is paused.
    """
    if step.plan.pause is not None:
        raise RefusedError(f"{what}: {step.plan.pause}.", hint="Resume the order first.")


def _moment(value: Json) -> datetime | None:
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise RefusedError(f"{value!r} is no date and time.", hint="Write it like 2026-03-01T18:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
