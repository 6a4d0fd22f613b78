"""What operators ask for: every command is guarded by state and answered, whatever comes of it."""

from __future__ import annotations

from connector.errors import RefusedError
from connector.mappings.set import FormField, ItemDefinition
from connector.model.commands import AnswerCommand, ClearTimers, ReadOrderAgain
from connector.model.events import Operation, OperatorCommanded
from connector.model.failure import Failure, FailureClass
from connector.model.ids import WHOLE_ORDER
from connector.model.json import Json
from connector.model.plan import Item
from connector.model.states import ItemState, ItemTrigger, ItemType, PlanState
from connector.orchestrator.advance import complete, fail_finally, retry, skip
from connector.orchestrator.inflight import decide, make_up
from connector.orchestrator.late import take_in
from connector.orchestrator.pausing import pause_order, refuse_while_paused, resume_order
from connector.orchestrator.preview import foresee
from connector.orchestrator.step import Step


def obey(step: Step, command: OperatorCommanded) -> None:
    """Do what was asked, or refuse with a reason; the operator is told either way."""
    try:
        if command.operation is Operation.PREVIEW:
            step.command(_preview(step, command))
            return
        done = _for_order(step, command) if command.item in (None, WHOLE_ORDER) else _for_item(step, command)
    except RefusedError as refusal:
        step.command(AnswerCommand(command=command.command, answer="Refused", message=str(refusal)))
        step.record("command refused", detail=f"{command.operation}: {refusal}", by=command.by)
        return
    step.command(AnswerCommand(command=command.command, answer="Done", message=done))


def _preview(step: Step, command: OperatorCommanded) -> AnswerCommand:
    """What a revision would do to the plan, which stays as it is."""
    if command.revision is None:
        raise RefusedError("There is no supplemental order to look at.", hint="Ask it of an order that supersedes one.")
    prospect = foresee(step.plan, command.revision, step.mappings, step.now)
    return AnswerCommand(command=command.command, answer="Done", message=prospect.text(), result=prospect.document())


def _for_order(step: Step, command: OperatorCommanded) -> str:
    plan = step.plan
    match command.operation:
        case Operation.APPROVE | Operation.REJECT | Operation.OVERRIDE:
            return decide(step, command)
        case Operation.PAUSE:
            # Should it be refused, an order that has only just been read must begin all the same.
            step.to_look_at.extend(no for no, item in plan.items.items() if item.state is ItemState.PENDING)
            return pause_order(step, command)
        case Operation.RESUME:
            return resume(step, command.by)
        case Operation.RETRY:
            refuse_while_paused(step, "Nothing can be tried again")
        case _:
            raise RefusedError(f"{command.operation} needs an item.", hint="Choose the item on the command.")
    if not plan.has_begun:
        step.command(ReadOrderAgain())
        step.record("order is read again", by=command.by)
        return "The order is read again from Salesforce."
    failed = [item for item in plan.items.values() if item.state is ItemState.FATALLY_FAILED]
    if not failed:
        raise RefusedError(f"Nothing of order {plan.order.number} has failed.")
    _refuse_while_standing_still(step)
    for item in failed:
        retry(step, item, command.by)
    return f"{len(failed)} failed item{'s' if len(failed) > 1 else ''} started again."


def resume(step: Step, by: str) -> str:
    """The order is not paused any more."""
    done = resume_order(step, by)
    if step.plan.state is PlanState.IN_PROGRESS:
        make_up(step)
    return done


def _refuse_while_standing_still(step: Step) -> None:
    if step.plan.state is not PlanState.IN_PROGRESS:
        raise RefusedError(
            f"The plan of order {step.plan.order.number} stands still: {step.plan.message}",
            hint="Try again when it goes on.",
        )


def _for_item(step: Step, command: OperatorCommanded) -> str:
    item = step.plan.items.get(command.item) if command.item is not None else None
    if item is None:
        raise RefusedError(f"The plan of order {step.plan.order.number} has no item {command.item}.")
    if command.operation in (Operation.RETRY, Operation.RESUME):
        _refuse_while_standing_still(step)
    match command.operation:
        case Operation.RETRY:
            return _retry(step, item, command)
        case Operation.COMPLETE:
            return _complete(step, item, command)
        case Operation.SKIP:
            _refuse_while_sending(item, "skipped")
            skip(step, item, command.by)
            return f"{item.name} was skipped."
        case Operation.HOLD:
            step.move(item, ItemTrigger.HELD, waiting_for=f"{command.by} to resume it", due_at=None)
            step.command(ClearTimers(item=item.no))
            step.record("held", item, by=command.by)
            return f"{item.name} is on hold."
        case Operation.RESUME:
            return _resume(step, item, command)
        case _:
            raise RefusedError(f"{command.operation} is about an order as a whole.", hint="Leave the item empty.")


def _resume(step: Step, item: Item, command: OperatorCommanded) -> str:
    if item.told is not None:
        step.record("resumed", item, by=command.by)
        if item.told.failure is None:
            complete(step, item, item.told.outputs)
            return f"{item.name} is completed: its system said so while it was on hold."
        fail_finally(step, step.change(item, in_doubt=False), item.told.failure)
        return f"{item.name} has failed: its system said so while it was on hold."
    step.move(item, ItemTrigger.RESUMED, waiting_for=None)
    step.to_look_at.append(item.no)
    step.record("resumed", item, by=command.by)
    return f"{item.name} goes on."


def _retry(step: Step, item: Item, command: OperatorCommanded) -> str:
    if item.state not in (ItemState.FAILED, ItemState.FATALLY_FAILED):
        raise RefusedError(f"{item.name} is {item.state}; only a failed item can be retried.")
    refuse_while_paused(step, f"{item.name} can't be tried again")
    if command.outputs and item.line is not None:
        if problems := take_in(step, item, command.outputs, f"from {command.by}"):
            raise RefusedError(str(problems[0]), hint=problems[0].hint)
        item = step.change(item, outputs={**item.outputs, **command.outputs}) if item.each is not None else item
        step.record("attributes corrected", item, ", ".join(command.outputs), command.by)
    retry(step, item, command.by)
    if step.plan.items[item.no].in_doubt:
        return f"{item.name} was started again, with the same request: an earlier one may have had its effect."
    return f"{item.name} was started again."


def _complete(step: Step, item: Item, command: OperatorCommanded) -> str:
    _refuse_while_sending(item, "completed by hand")
    definition = step.definition(item)
    if item.type is ItemType.MANUAL:
        _check_form(definition, command)
        if command.outcome in definition.failing_outcomes:
            if item.state is not ItemState.RUNNING:
                raise RefusedError(f"{item.name} is {item.state}; it has no outcome to be given.")
            fail_finally(step, item, _bad_outcome(item, command.outcome or ""))
            return f"{item.name} ended with {command.outcome}."
    complete(step, item, command.outputs, trigger=ItemTrigger.FORCED_COMPLETE, outcome=command.outcome, by=command.by)
    return f"{item.name} is completed."


def _refuse_while_sending(item: Item, what: str) -> None:
    if item.type is ItemType.SUBPLAN and item.state is ItemState.RUNNING:
        raise RefusedError(f"{item.name} can't be {what} while {item.waiting_for} are not done.", hint="See to those.")
    if item.type is ItemType.CALLOUT and item.state is ItemState.RUNNING and not item.accepted:
        raise RefusedError(
            f"{item.name} can't be {what} while {item.waiting_for or 'its system'}.", hint="Try again in a minute."
        )


def _bad_outcome(item: Item, outcome: str) -> Failure:
    code = f"OUTCOME_{outcome.upper().replace(' ', '_')}"
    return Failure(failure_class=FailureClass.BUSINESS, code=code, message=f"{item.name} ended with {outcome}.")


def _check_form(definition: ItemDefinition, command: OperatorCommanded) -> None:
    if definition.outcomes and command.outcome not in definition.outcomes:
        choices = ", ".join(definition.outcomes)
        given = f"{command.outcome!r} is not one of them" if command.outcome else "none was given"
        raise RefusedError(f"{definition.name} ends with one of: {choices}; {given}.")
    for form_field in definition.form:
        if form_field.name not in command.outputs:
            if form_field.required and command.outcome not in definition.failing_outcomes:
                raise RefusedError(f"{definition.name} needs the field {form_field.label} ({form_field.name}).")
        elif not _fits(form_field, command.outputs[form_field.name]):
            raise RefusedError(f"{form_field.label} ({form_field.name}) has to be a {form_field.type}.")


def _fits(form_field: FormField, value: Json) -> bool:
    match form_field.type:
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case "string" | "date":
            return isinstance(value, str)
