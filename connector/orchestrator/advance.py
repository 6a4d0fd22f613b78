"""What has become possible begins: conditions are looked at, items start, the plan comes to its end."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from connector.errors import RefusedError
from connector.mappings.expression import EvaluationError
from connector.mappings.set import ItemDefinition
from connector.model.commands import (
    Assetize,
    ClearTimers,
    DropCallout,
    InvokeCallout,
    RaiseFallout,
    ResolveFallout,
    SetTimer,
)
from connector.model.events import TimerKind
from connector.model.failure import Failure, FailureClass
from connector.model.ids import WHOLE_ORDER, TechnicalLineNo
from connector.model.json import JsonObject
from connector.model.order import Action
from connector.model.plan import Item
from connector.model.states import ItemState, ItemTrigger, ItemType, Phase, PlanState, PlanTrigger
from connector.orchestrator.before import is_on_skipped_branch
from connector.orchestrator.fallout import configuration, judge
from connector.orchestrator.late import failure_of, take_out, tell_what_never_fired
from connector.orchestrator.pausing import holds_back
from connector.orchestrator.requests import RenderError, render
from connector.orchestrator.schedule import later, not_before, timer_end
from connector.orchestrator.step import Step
from connector.orchestrator.subplans import Unlistable, items_of, outputs_of
from connector.orchestrator.unwanted import (
    BY_PERSON,
    TOO_LATE,
    amend_no_more,
    close_fallout,
    end,
    give_up,
    is_recall,
    is_wanted,
    nothing_to_undo,
    recalled,
)


def settle(step: Step) -> None:
    """Begin all that has become possible, until nothing more has; end the plan when no item is open."""
    plan, to_look_at = step.plan, step.to_look_at
    while to_look_at:
        item = plan.items[to_look_at.popleft()]
        if item.state is ItemState.PENDING and plan.is_unblocked(item.no):
            if plan.state is not PlanState.IN_PROGRESS:
                step.move(item, ItemTrigger.FROZEN, waiting_for="the plan to go on")
            elif not holds_back(step, item):
                _begin(step, item)
        elif item.type is ItemType.SUBPLAN and item.state is ItemState.RUNNING:
            _close_subplan(step, item)
    if plan.open_items == 0 and plan.state is PlanState.IN_PROGRESS:
        if plan.parked and not plan.is_canceling:
            tell_what_never_fired(step)
        step.turn(PlanTrigger.UNDONE if plan.is_canceling else PlanTrigger.DONE)
        plan.finished_at = step.now
        plan.pause = None
        step.record("plan canceled" if plan.is_canceling else "plan completed")


def watch(step: Step) -> None:
    """Raise an alarm when the plan is neither over nor at work nor waiting for anything that has a name.

    That is a bug of ours, or of a mapping set that no check has found; nothing would ever happen to the order again.
    """
    plan, phases = step.plan, step.plan.phases
    goes_on = phases[Phase.BUSY] or phases[Phase.WAITING] or phases[Phase.FALLOUT]
    if goes_on and not plan.alarmed:  # as nearly always
        return
    is_over = plan.state not in (PlanState.IN_PROGRESS, PlanState.FREEZING)
    if is_over or goes_on or plan.pause is not None:
        if plan.alarmed and not is_over:
            _set_alarm(step, on=False)
            step.command(ResolveFallout(item=WHOLE_ORDER, episode=_STUCK, how="The plan goes on."))
        return
    if plan.alarmed:
        return
    _set_alarm(step, on=True)
    stuck = [item for item in plan.items.values() if not item.is_final]
    named = ", ".join(f"{item.name} ({item.state})" for item in stuck[:5])
    message = f"Nothing will ever happen to this plan again: it waits for {named or 'nothing'}."
    failure = Failure(failure_class=FailureClass.CONFIGURATION, code=PLAN_STUCK, message=message[:1000])
    step.record("plan is stuck", detail=message[:500])
    suggestions = ("Complete or skip the item that waits for nothing.", "Report this: it must not happen.")
    step.command(
        RaiseFallout(
            item=WHOLE_ORDER,
            episode=_STUCK,
            attempts=0,
            failure=failure,
            queue=step.mappings.fallout_queue,
            severity="High",
            suggestions=suggestions,
        )
    )


PLAN_STUCK = "PLAN_STUCK"
"""The code of that alarm."""

_STUCK = 2
"""The episode of an order's fallout that tells of a plan that is stuck; the first one is its rejection."""


def _set_alarm(step: Step, *, on: bool) -> None:
    step.plan.alarmed = on
    step.plan.changed_head = True


def _begin(step: Step, item: Item) -> None:
    definition = step.definition(item)
    if is_on_skipped_branch(step.plan, item):
        _leave_out(step, item, "with the branch that it is on", with_branch=True)
        return
    try:
        wanted = definition.when is None or definition.when.is_true(step.activation(item, definition.when))
    except EvaluationError as error:
        fail_finally(step, item, _unevaluable(error))
        return
    if not wanted:
        reason = f"{definition.when.text if definition.when else ''} is false"
        _leave_out(step, item, reason, with_branch=definition.skip_branch)
        return
    if definition.not_before is None:
        start(step, item, ItemTrigger.DEPENDENCIES_MET, ItemTrigger.STARTED)
        return
    try:
        begin = not_before(step, item, definition.not_before)
    except EvaluationError as error:
        fail_finally(step, item, _unevaluable(error))
    except RenderError as error:
        fail_finally(step, item, configuration("START", error.message))
    else:
        if begin is not None and begin > step.now:
            _schedule(step, item, begin)
        else:
            start(step, item, ItemTrigger.DEPENDENCIES_MET, ItemTrigger.STARTED)


def _schedule(step: Step, item: Item, begin: datetime) -> None:
    """All that the item waits for is its time."""
    scheduled = step.move(item, ItemTrigger.TIME_SET, due_at=begin, waiting_for=f"{begin:%Y-%m-%d %H:%M:%S} UTC")
    step.command(SetTimer(item=item.no, kind=TimerKind.START, epoch=item.epoch, due=begin))
    step.record("scheduled", scheduled, f"for {begin:%Y-%m-%d %H:%M:%S} UTC")


def _leave_out(step: Step, item: Item, reason: str, *, with_branch: bool) -> None:
    if problems := take_out(step, item, {}):
        fail_finally(step, item, failure_of(problems))
        return
    skipped = step.move(
        item, ItemTrigger.CONDITION_FALSE, finished_at=step.now, waiting_for=None, branch_skipped=with_branch
    )
    step.record("skipped", skipped, reason)


def start(step: Step, item: Item, *triggers: ItemTrigger) -> None:
    """Set an item going that has become possible, or that is to be tried anew.

    What can be done here and now is: milestones and built-in tasks complete at once.
    """
    calls = item.type is ItemType.CALLOUT
    definition = step.definition(item)
    running = step.move(
        item,
        *triggers,
        ready_at=item.ready_at or step.now,
        started_at=item.started_at or step.now,
        attempts=item.attempts + calls,
        request_epoch=item.epoch if calls else item.request_epoch,
        waiting_for=f"{definition.interface} to answer" if calls else None,
        due_at=None,
        failure=None,
        accepted=False,
    )
    try:
        _start(step, running, definition, is_new_request=item.request_epoch != item.epoch)
    except EvaluationError as error:
        fail_finally(step, running, _unevaluable(error))
    except RenderError as error:
        fail_finally(step, running, configuration("REQUEST", error.message))
    except Unlistable as error:
        fail_finally(step, running, configuration(error.code, error.message))


def _start(step: Step, item: Item, definition: ItemDefinition, *, is_new_request: bool) -> None:
    match item.type:
        case ItemType.CALLOUT:
            _call_out(step, item, definition, is_new_request=is_new_request)
        case ItemType.AUTO:
            _run_task(step, item, definition)
        case ItemType.MANUAL:
            _open_task(step, item, definition)
        case ItemType.EVENT:
            _wait_for_event(step, item, definition)
        case ItemType.TIMER:
            _wait_for_time(step, item)
        case ItemType.MILESTONE:
            complete(step, item, {})
        case ItemType.SUBPLAN:
            _open_subplan(step, item)
        case _:
            assert_never(item.type)


def _call_out(step: Step, item: Item, definition: ItemDefinition, *, is_new_request: bool) -> None:
    interface = step.mappings.interface(definition.interface or "")
    request = None
    if is_new_request:
        request = render(interface, step.activation(item, *interface.request.expressions))
    step.command(
        InvokeCallout(
            item=item.no,
            epoch=item.epoch,
            attempt=item.attempts,
            interface=definition.interface or "",
            awaits_event=definition.completes is not None,
            request=request,
        )
    )


def _run_task(step: Step, item: Item, definition: ItemDefinition) -> None:
    outputs: JsonObject = {}
    if definition.task == "set":
        activation = step.activation(item, *definition.sets.values())
        outputs = {name: expression.evaluate(activation) for name, expression in definition.sets.items()}
    elif definition.task == "assetize":
        step.command(Assetize(lines=_changing_lines(step, item)))
    complete(step, item, outputs)


def _changing_lines(step: Step, item: Item) -> tuple[TechnicalLineNo, ...]:
    """The technical lines of the item's sources that change what is installed, and that the order still wants."""
    sources = set(item.sources)
    return tuple(
        no
        for no, line in step.plan.lines.items()
        if line.is_live and line.action is not Action.NO_CHANGE and sources.intersection(line.sources)
    )


def _open_task(step: Step, item: Item, definition: ItemDefinition) -> None:
    queue = step.mappings.queues[definition.queue or ""]
    text = definition.instructions
    instructions = text.evaluate(step.activation(item, text)) if text else None
    opened = step.change(
        item,
        due_at=later(step.now, definition.due, definition) if definition.due is not None else None,
        waiting_for=f"a person of queue {queue.label}",
        queue=queue.developer_name,
        instructions=str(instructions) if instructions is not None else None,
        choices=definition.outcomes,
    )
    step.record("task opened", opened, f"in queue {queue.label}")


def _wait_for_event(step: Step, item: Item, definition: ItemDefinition) -> None:
    completion = definition.completes
    if completion is None:  # the check of the set forbids it
        raise RenderError(f"item {item.key} names no event to wait for")
    due = later(step.now, completion.within, definition) if completion.within else None
    waiting = step.change(item, waiting_for=completion.on, due_at=due)
    for event in step.plan.unclaimed:
        if event.name == completion.on and matches(step, waiting, event.payload):
            step.plan.unclaimed = tuple(other for other in step.plan.unclaimed if other is not event)
            step.plan.changed_head = True
            complete(step, waiting, event.payload)
            return
    if due:
        step.command(SetTimer(item=item.no, kind=TimerKind.TIMEOUT, epoch=item.epoch, due=due))


def _wait_for_time(step: Step, item: Item) -> None:
    due = timer_end(step, item)
    if due <= step.now:
        complete(step, item, {})
        return
    step.change(item, waiting_for=f"{due:%Y-%m-%d %H:%M:%S} UTC", due_at=due)
    step.command(SetTimer(item=item.no, kind=TimerKind.WAIT, epoch=item.epoch, due=due))


def _open_subplan(step: Step, item: Item) -> None:
    made = items_of(step, item)
    step.plan.add(made, ())
    step.to_look_at.extend([each.no for each in made])
    opened = step.change(item, waiting_for=f"its {len(made)} items" if len(made) != 1 else "its item")
    step.record("subplan begun", opened, f"{len(made)} items of {step.definition(item).subplan}")
    _close_subplan(step, opened)


def _close_subplan(step: Step, item: Item) -> None:
    """The subplan is done when its items are."""
    if not step.plan.has_open_below(item.no):
        complete(step, item, outputs_of(step, item))


def matches(step: Step, item: Item, payload: JsonObject) -> bool:
    """The item waits for an external event with this payload (the name has been compared)."""
    completion = step.definition(item).completes
    if completion is None:
        return False
    if completion.match is None:
        return True
    try:
        return completion.match.is_true(step.matching(item, payload, completion.match))
    except EvaluationError as error:
        step.record("event not matched", item, str(error))
        return False


def complete(
    step: Step,
    item: Item,
    outputs: JsonObject,
    *,
    trigger: ItemTrigger = ItemTrigger.SUCCEEDED,
    outcome: str | None = None,
    by: str = "",
) -> None:
    """The item is done: its outputs become attributes of its line, rules that waited for them are decided on, and
    what comes after it may begin. What it puts out may be impossible: then it has failed.

    An output that is null is none: `has(line.attributes.x)` means that there is a value.

    Raises:
        RefusedError: a person completes it with what is impossible; nothing has changed.
    """
    if None in outputs.values():
        outputs = {name: value for name, value in outputs.items() if value is not None}
    if problems := take_out(step, item, outputs):
        if by:
            raise RefusedError(problems[0].message, hint=problems[0].hint)
        (learn if item.state is ItemState.FATALLY_FAILED else fail_finally)(step, item, failure_of(problems))
        return
    close_fallout(step, item, "The item was completed.", by)
    done = step.move(
        item,
        trigger,
        outputs={**item.outputs, **outputs} if item.outputs else outputs,
        outcome=outcome,
        finished_at=step.now,
        waiting_for=None,
        due_at=None,
        failure=None,
        accepted=False,
        in_doubt=False,
        told=None,
    )
    _forget(step, item)
    if item.ends_as is not None:
        end(step, done)
    if item.undoes is not None and outcome is None and is_recall(item):
        recalled(step, item)
    detail = f"outcome {outcome}" if outcome else ", ".join(f"{name}={value}" for name, value in outputs.items())
    step.record("completed", done, detail[:500], by)


def skip(step: Step, item: Item, by: str) -> None:
    """The item is left out by decision of an operator."""
    close_fallout(step, item, "The item was skipped.", by)
    if item.ends_as is not None:
        nothing_to_undo(step, item)
    skipped = step.move(
        item,
        ItemTrigger.SKIPPED_BY_OPERATOR,
        outcome=BY_PERSON,
        finished_at=step.now,
        waiting_for=None,
        due_at=None,
        accepted=False,
        ends_as=None,
        told=None,
    )
    _forget(step, item)
    step.record("skipped", skipped, by=by)


def retry(step: Step, item: Item, by: str) -> None:
    """Try a failed item again because a person says so.

    A new logical attempt, hence a new idempotency key, only when no sending is in doubt. Else one of those
    under this key, the last one or one before it, may have had its effect: the same request goes out again,
    so that the system can recognise it.
    """
    waiting = item.state is ItemState.FAILED
    close_fallout(step, item, "The item was retried.", by)
    step.command(ClearTimers(item=item.no))
    if not (item.in_doubt or waiting):
        step.command(DropCallout(item=item.no))
        item = step.change(item, epoch=item.epoch + 1, attempts=0)
    step.record("retried", item, by=by)
    start(step, item, ItemTrigger.RETRIED)


def _forget(step: Step, item: Item) -> None:
    """Drop what was kept for a running item; whoever waits for a time has it in `due_at`."""
    if item.due_at is not None:
        step.command(ClearTimers(item=item.no))
    if item.type is ItemType.CALLOUT:
        step.command(DropCallout(item=item.no))


def fail(step: Step, item: Item, failure: Failure, *, sent_before: bool = False) -> None:
    """An attempt failed: try again later if the policy says so, else ask a person.

    The next attempt is another logical one only when no sending of this one is in doubt. A system that says
    no has answered for all of them. `sent_before`: the attempt's request had gone out before without an answer.
    """
    item = step.change(item, in_doubt=_in_doubt(item, failure, sent_before=sent_before))
    if item.ends_as is not None:
        if not is_wanted(step, item):
            give_up(step, item, failure)
            return
        if not item.in_doubt:
            item = amend_no_more(step, item)
    if is_recall(item) and failure.failure_class is FailureClass.BUSINESS:
        complete(step, item, {}, outcome=TOO_LATE)
        return
    definition = step.definition(item)
    safe = item.type is not ItemType.CALLOUT or step.mappings.interface(definition.interface or "").is_idempotent
    verdict = judge(step.plan.id, item, failure, step.mappings, resend_is_safe=safe)
    if verdict.wait is None or item.type is not ItemType.CALLOUT:
        fail_finally(step, item, failure)
        return
    due = step.now + verdict.wait
    if not item.in_doubt:
        step.command(DropCallout(item=item.no))
    failed = step.move(
        item,
        ItemTrigger.FAILED_ATTEMPT,
        failure=failure,
        due_at=due,
        accepted=False,
        waiting_for=f"the next attempt (policy {verdict.policy}): {failure.message}"[:255],
        epoch=item.epoch + (not item.in_doubt),
    )
    step.record("failed, will be retried", failed, f"{failure.code}: {failure.message}"[:500])
    step.command(ClearTimers(item=item.no))
    step.command(SetTimer(item=item.no, kind=TimerKind.RETRY, epoch=failed.epoch, due=due))


def _in_doubt(item: Item, failure: Failure, *, sent_before: bool = False) -> bool:
    if failure.failure_class is FailureClass.BUSINESS:
        return False
    return item.in_doubt or sent_before or (item.type is ItemType.CALLOUT and failure.leaves_doubt)


def fail_finally(step: Step, item: Item, failure: Failure) -> None:
    """The item can't go on without a person: tell the people whose queue it is."""
    failed = step.move(
        item,
        ItemTrigger.FAILED_FINALLY,
        due_at=None,
        accepted=False,
        told=None,
        fallouts=item.fallouts + 1,
    )
    step.command(ClearTimers(item=item.no))
    _ask_for_help(step, failed, failure)
    step.record("failed finally", failed, f"{failure.code}: {failure.message}"[:500])


def learn(step: Step, item: Item, failure: Failure) -> None:
    """A system tells at last that an attempt which was given up in doubt has failed."""
    _ask_for_help(step, step.change(item, in_doubt=False), failure)
    step.record("told that it failed", item, f"{failure.code}: {failure.message}"[:500])


def _ask_for_help(step: Step, item: Item, failure: Failure) -> None:
    verdict = judge(step.plan.id, item, failure, step.mappings, resend_is_safe=False)
    failed = step.change(item, failure=failure, waiting_for=f"a decision: {failure.message}"[:255])
    step.command(
        RaiseFallout(
            item=item.no,
            episode=failed.fallouts,
            failure=failure,
            attempts=failed.attempts,
            queue=verdict.queue,
            severity=verdict.severity,
            suggestions=verdict.suggestions,
        )
    )


def _unevaluable(error: EvaluationError) -> Failure:
    return configuration("CEL_EVALUATION", str(error))
