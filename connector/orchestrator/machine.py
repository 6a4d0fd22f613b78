"""The machine: an event happens to a plan; the plan changes, and commands say what the shell must do.

Pure: the same plan, event, time and mapping set give the same changes and commands. An event that no
longer fits (an answer to an attempt that is over, a repeated message) changes nothing and is recorded.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never, cast

from connector.decomposition import Decomposition, decompose
from connector.errors import InvariantBroken
from connector.mappings.set import Completion, MappingSet
from connector.model.commands import Command, ResolveFallout, SetTimer
from connector.model.events import (
    CallbackArrived,
    CalloutAccepted,
    CalloutCompleted,
    CalloutFailed,
    CalloutPolled,
    Event,
    ExternalEventArrived,
    FollowedTold,
    FollowerCame,
    MigrationAsked,
    Operation,
    OperatorCommanded,
    OrderRead,
    OrderUnreadable,
    RevisionRead,
    TimerDue,
    TimerKind,
)
from connector.model.failure import Failure, FailureClass
from connector.model.ids import WHOLE_ORDER, ItemNo, idempotency_key
from connector.model.json import JsonObject
from connector.model.order import InventoryItem, Order
from connector.model.pauses import NO_PAUSES, Pauses
from connector.model.plan import Item, Plan, Told, UnclaimedEvent
from connector.model.states import ItemState, ItemTrigger, ItemType, PlanState, PlanTrigger
from connector.model.technical import Explanation
from connector.orchestrator.advance import (
    complete,
    fail,
    fail_finally,
    learn,
    matches,
    settle,
    start,
    watch,
)
from connector.orchestrator.fallout import configuration
from connector.orchestrator.following import announce, came, lose_patience, queue_up, told
from connector.orchestrator.inflight import go_on, take
from connector.orchestrator.late import came_from, failure_of, take_in
from connector.orchestrator.migrate import migrate
from connector.orchestrator.pausing import is_silenced, put_off
from connector.orchestrator.people import obey, resume
from connector.orchestrator.polling import ask, polled, set_question
from connector.orchestrator.refusing import EPISODE, refuse
from connector.orchestrator.requests import RenderError
from connector.orchestrator.schedule import later
from connector.orchestrator.step import Step

MOST_DELIVERIES = 200
"""Messages are known again among this many of an order's last ones."""

MOST_UNCLAIMED = 100
"""External events that nothing waited for yet are kept up to this number per order, the oldest dropped."""


def begin(
    event: OrderRead | OrderUnreadable,
    now: datetime,
    mappings: MappingSet,
    *,
    earlier: Plan | None = None,
    pauses: Pauses = NO_PAUSES,
    waits: bool = False,
) -> tuple[Plan, list[Command], Explanation]:
    """Make the plan of an order that was read, and set going what can go; or let it wait for the order that it
    follows; or reject it.

    The reasons of a rejection are all in the plan's `problems`; nothing is half-built then. `earlier` is the plan that
    an earlier reading left: of an order that was rejected or has waited. What happened to it meanwhile is kept, and its
    Case is closed when nothing is wrong with it any more.
    With `waits` nothing is set going: a command that pauses the order is about to be applied.
    """
    step = _anew(event.order, now, mappings, earlier, pauses)
    plan, explanation = step.plan, Explanation(set_hash=mappings.hash)
    if isinstance(event, OrderUnreadable):
        refuse(step, event.problems)
    elif event.order.follows is None or not queue_up(step, event.order.follows):
        made = decompose(event.order, event.inventory, mappings, now)
        explanation = made.explanation
        if made.problems:
            refuse(step, made.problems)
        else:
            _begin(step, made, event.inventory)
            if not waits:
                step.to_look_at.extend(plan.items)
                settle(step)
                watch(step)
    if earlier is not None and earlier.problems and not plan.problems:
        how = "The order was read again and can be fulfilled."
        step.command(ResolveFallout(item=WHOLE_ORDER, episode=EPISODE, how=how))
    if earlier is not None and plan.followers:
        announce(step, earlier.state)
    return plan, step.commands, explanation


def _begin(step: Step, made: Decomposition, installed: tuple[InventoryItem, ...]) -> None:
    plan = step.plan
    step.turn(PlanTrigger.BEGUN)
    plan.order, plan.as_is, plan.parked = made.order, installed, made.parked
    plan.add(made.items, made.lines)
    waiting = f", {len(made.parked)} rules that wait for what items will bring" if made.parked else ""
    step.record("plan made", detail=f"{len(made.lines)} technical lines, {len(made.items)} items{waiting}")


def _anew(order: Order, now: datetime, mappings: MappingSet, earlier: Plan | None, pauses: Pauses) -> Step:
    """A plan that has not begun; what happened to the order since an earlier reading, it has not forgotten."""
    plan = Plan(order=order, state=PlanState.NOT_STARTED, set_hash=mappings.hash, created_at=now)
    if earlier is not None:
        plan.unclaimed, plan.deliveries = earlier.unclaimed, earlier.deliveries
        plan.waits_for, plan.followers, plan.versions = earlier.waits_for, earlier.followers, earlier.versions
        plan.pause = earlier.pause
    return Step(plan, now, mappings, pauses=pauses)


def handle(plan: Plan, event: Event, now: datetime, mappings: MappingSet, pauses: Pauses = NO_PAUSES) -> list[Command]:
    """Apply an event to a plan.

    `mappings` is the set that the plan was made with, `pauses` what people have paused. The plan is changed
    in place; who calls this throws it away when its changes can't be saved.
    """
    step = Step(plan, now, mappings, pauses=pauses)
    before = plan.state
    _apply(step, event)
    if plan.revisions or plan.state in (PlanState.FREEZING, PlanState.FROZEN):
        go_on(step)
    settle(step)
    watch(step)
    if plan.followers and plan.state is not before:
        announce(step, before)
    return step.commands


def go_over(
    plan: Plan, event: MigrationAsked, now: datetime, mappings: MappingSet, following: MappingSet
) -> list[Command]:
    """Let the plan go on with the `following` mapping set, if that is safe."""
    step = Step(plan, now, mappings)
    migrate(step, event, following)
    settle(step)
    watch(step)
    return step.commands


def _apply(step: Step, event: Event) -> None:  # noqa: C901, PLR0912 - one case for each event
    match event:
        case CalloutAccepted():
            _accepted(step, event)
        case CalloutCompleted():
            _answered(step, event)
        case CalloutFailed():
            _attempt_failed(step, event)
        case CalloutPolled():
            polled(step, event)
        case CallbackArrived() | ExternalEventArrived() if _is_repeated(step, event):
            step.record("repeated message ignored", detail=f"{event.name}, delivery {event.delivery}")
        case CallbackArrived():
            _called_back(step, event)
        case ExternalEventArrived():
            _happened(step, event.name, event.payload)
        case TimerDue():
            _time_came(step, event)
        case OperatorCommanded():
            obey(step, event)
        case RevisionRead():
            take(step, event)
        case MigrationAsked():
            raise InvariantBroken("To go over to another set takes that set.")
        case OrderRead() | OrderUnreadable():
            step.record("already in fulfillment", detail="The order was submitted again; nothing changes.")
        case FollowerCame():
            came(step, event)
        case FollowedTold():
            told(step, event)
        case _:
            assert_never(event)


def may_revise(event: Event) -> bool:
    """Handling the event may look at a revision, which needs to know what was installed when the order began."""
    kind = type(event)
    if kind is OperatorCommanded:
        return cast("OperatorCommanded", event).operation in (Operation.PREVIEW, Operation.APPROVE, Operation.OVERRIDE)
    return kind is RevisionRead or kind is MigrationAsked


def _present_attempt(step: Step, number: ItemNo, epoch: int, attempt: int) -> Item | None:
    """The item, if this very attempt of it is still under way."""
    item = step.plan.items.get(number)
    if item is not None and item.epoch == epoch and item.state is ItemState.COMPLETED:
        return None  # its call-back was faster
    if item is None or (item.epoch, item.attempts) != (epoch, attempt) or item.state is not ItemState.RUNNING:
        step.record("late answer ignored", item, f"epoch {epoch}, attempt {attempt}")
        return None
    return item


def _accepted(step: Step, event: CalloutAccepted) -> None:
    item = _present_attempt(step, event.item, event.epoch, event.attempt)
    if item is None:
        return
    definition = step.definition(item)
    completion = definition.completes
    try:
        due = later(step.now, completion.within, definition) if completion and completion.within else None
    except RenderError as error:
        fail_finally(step, item, configuration("WITHIN", error.message))
        return
    if problems := take_in(step, item, event.outputs, came_from(item)):
        fail_finally(step, item, failure_of(problems))
        return
    waiting = step.change(
        item,
        accepted=True,
        outputs={**item.outputs, **event.outputs},
        waiting_for=completion.awaited if completion else "a call-back",
        due_at=due,
        polled_from=step.now if completion and completion.poll else None,
        failed_polls=0,
    )
    step.record("accepted", waiting, f"waits for {waiting.waiting_for}")
    if due:
        step.command(SetTimer(item=item.no, kind=TimerKind.TIMEOUT, epoch=item.epoch, due=due))
    set_question(step, waiting)


def _answered(step: Step, event: CalloutCompleted) -> None:
    item = _present_attempt(step, event.item, event.epoch, event.attempt)
    if item is not None:
        complete(step, item, event.outputs)


def _attempt_failed(step: Step, event: CalloutFailed) -> None:
    item = _present_attempt(step, event.item, event.epoch, event.attempt)
    if item is not None:
        fail(step, item, event.failure, sent_before=event.sent_before)


def _is_repeated(step: Step, event: CallbackArrived | ExternalEventArrived) -> bool:
    """Whether the message came before. Senders repeat what they were not told the reception of."""
    if event.delivery is None:
        return False
    delivery = f"{event.name.partition('.')[0]}:{event.delivery}"
    if delivery in step.plan.deliveries:
        return True
    step.plan.deliveries = (*step.plan.deliveries, delivery)[-MOST_DELIVERIES:]
    return False


def _called_back(step: Step, event: CallbackArrived) -> None:
    """A system told the outcome of a callout, perhaps before it answered the call itself.

    A message that is not the one that completes the item is news about the order: something else may
    be waiting for it.
    """
    item = step.plan.items.get(event.item)
    if item is None:
        step.record("call-back ignored", detail=f"{event.name} for item {event.item}, which the plan does not have")
        return
    completion = step.definition(item).completes if item.type is ItemType.CALLOUT else None
    if completion is None or completion.on != event.name or not matches(step, item, event.outputs):
        _happened(step, event.name, event.outputs, item)
        return
    if _is_about_another(item, event):
        sent = idempotency_key(step.plan.id, item.no, item.request_epoch)
        detail = (
            f"{event.name} is about attempt {event.epoch}; what was sent last is attempt {item.request_epoch}, {sent}"
        )
        step.record("call-back ignored", item, detail)
        return
    _told(step, item, event)


def _is_about_another(item: Item, event: CallbackArrived) -> bool:
    """Whether the call-back names an attempt that is not the one whose request was sent last."""
    return event.epoch is not None and event.epoch != item.request_epoch


def _told(step: Step, item: Item, event: CallbackArrived) -> None:
    """The outcome of the item's last request, whatever has become of the item meanwhile.

    On hold nothing goes on; what was told counts when the item is resumed.
    """
    match item.state, event.failure:
        case ((ItemState.RUNNING | ItemState.FAILED | ItemState.FATALLY_FAILED), None):
            complete(step, item, event.outputs)
        case ItemState.RUNNING, Failure():
            fail(step, item, event.failure)
        case ((ItemState.FAILED | ItemState.FATALLY_FAILED | ItemState.ON_HOLD), Failure()) if not item.in_doubt:
            step.record("call-back ignored", item, f"{event.name} tells of a failure that is known")
        case ItemState.FAILED, Failure():
            fail(step, item, event.failure)
        case ItemState.FATALLY_FAILED, Failure():
            learn(step, item, event.failure)
        case ItemState.ON_HOLD, _ if item.request_epoch:
            waiting_for = item.waiting_for if item.told else f"{item.waiting_for}; {event.name} has come"[:255]
            told = Told(outputs=event.outputs, failure=event.failure)
            step.change(item, told=told, waiting_for=waiting_for)
            step.record("call-back kept", item, f"{event.name} counts when the item is resumed")
        case _:
            step.record("call-back ignored", item, f"{event.name} came when the item was {item.state}")


def _happened(step: Step, name: str, payload: JsonObject, about: Item | None = None) -> None:
    """Give an external event to the first item that waits for it, or keep it for one that will."""
    if about is not None:
        for problem in take_in(step, about, payload, f"from {name}"):
            step.record("values not taken", about, f"{name}: {problem}"[:500])
    for item in step.plan.items.values():
        if item.type is ItemType.EVENT and item.state is ItemState.RUNNING:
            completion = step.definition(item).completes
            if completion is not None and completion.on == name and matches(step, item, payload):
                complete(step, item, payload)
                return
    kept = (*step.plan.unclaimed, UnclaimedEvent(name=name, payload=payload, at=step.now))
    step.plan.unclaimed = kept[-MOST_UNCLAIMED:]
    step.plan.changed_head = True
    step.record("event kept", about, f"{name}: nothing waits for it yet")


def _time_came(step: Step, event: TimerDue) -> None:
    """The timer of an item is due. That of the plan as a whole is for whoever follows its dates, after every turn, or
    the end of a pause.
    """
    if event.kind is TimerKind.FOLLOW:
        lose_patience(step)
        return
    if event.item == WHOLE_ORDER and event.kind is TimerKind.PAUSE:
        _pause_is_over(step)
    item = step.plan.items.get(event.item)
    if item is None or item.epoch != event.epoch:
        return
    goes_on = step.plan.state is PlanState.IN_PROGRESS
    match event.kind, item.state:
        case TimerKind.RETRY, ItemState.FAILED if goes_on and not put_off(step, item):
            start(step, item, ItemTrigger.RETRY_DUE)
        case ((TimerKind.START | TimerKind.PAUSE), ItemState.SCHEDULED) if goes_on and not put_off(step, item):
            start(step, item, ItemTrigger.TIME_COME, ItemTrigger.STARTED)
        case TimerKind.PAUSE, ItemState.PENDING:
            step.to_look_at.append(item.no)
        case TimerKind.WAIT, ItemState.RUNNING:
            complete(step, item, {})
        case TimerKind.TIMEOUT, ItemState.RUNNING:
            _did_not_come(step, item)
        case TimerKind.POLL, _:
            ask(step, item)


def _pause_is_over(step: Step) -> None:
    pause = step.plan.pause
    if pause is not None and pause.until is not None and pause.until <= step.now:
        resume(step, by="")


def _did_not_come(step: Step, item: Item) -> None:
    definition = step.definition(item)
    completion = definition.completes
    interface = definition.interface
    if completion is not None and completion.within and is_silenced(step, completion.on, interface):
        due = step.now + completion.within
        step.change(item, due_at=due)
        step.command(SetTimer(item=item.no, kind=TimerKind.TIMEOUT, epoch=item.epoch, due=due))
        return
    failure = Failure(
        failure_class=FailureClass.UNKNOWN_OUTCOME if item.type is ItemType.CALLOUT else FailureClass.BUSINESS,
        code="EVENT_TIMEOUT",
        message=_too_late(completion),
        system=completion.on.partition(".")[0] or None if completion else None,
        interface=interface,
    )
    fail(step, item, failure)


def _too_late(completion: Completion | None) -> str:
    if completion is None or completion.on:
        return f"{completion.on if completion else 'The event'} did not come in time."
    return f"{completion.poll.interface if completion.poll else 'Nobody'} did not say in time that it is done."
