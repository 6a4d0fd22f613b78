"""Asking how far an accepted callout is, until its system says done or failed, or something else ends the wait. Pure.

When to ask follows from the moment of acceptance alone: what is known of the questions is the timer of the next one.
So a question that is lost with its worker is simply followed by the next, and asking leaves no trace in the item.
"""

from __future__ import annotations

from datetime import datetime

from connector.mappings.expression import EvaluationError
from connector.mappings.set import Completion, Poll
from connector.model.commands import PollCallout, SetTimer
from connector.model.events import CalloutPolled, PollVerdict, TimerKind
from connector.model.failure import Failure, FailureClass
from connector.model.plan import Item
from connector.model.states import ItemState
from connector.orchestrator.advance import complete, fail, fail_finally
from connector.orchestrator.requests import RenderError, render
from connector.orchestrator.step import Step


def set_question(step: Step, item: Item) -> None:
    """Wake the accepted item when it is to be asked next, if it is asked at all."""
    found = _polled_by(step, item)
    if found is not None:
        poll, since = found
        _, due = next_question(poll, since, step.now)
        step.command(SetTimer(item=item.no, kind=TimerKind.POLL, epoch=item.epoch, due=due))


def ask(step: Step, item: Item) -> None:
    """The time for a question has come; the one after it is set at once, in case that this one gets lost."""
    found = _polled_by(step, item)
    if found is None or not _is_awaited(item):
        return
    poll, since = found
    interface = step.mappings.interface(poll.interface)
    try:
        request = render(interface, step.activation(item, *interface.request.expressions))
    except (EvaluationError, RenderError) as error:
        code = "CEL_EVALUATION" if isinstance(error, EvaluationError) else "REQUEST"
        _give_up(step, item, Failure(failure_class=FailureClass.CONFIGURATION, code=code, message=str(error)))
        return
    number, due = next_question(poll, since, step.now)
    step.command(
        PollCallout(
            item=item.no,
            epoch=item.epoch,
            poll=number - 1,
            interface=interface.full_name,
            definition=item.definition,
            key=item.key,
            request=request,
        )
    )
    step.command(SetTimer(item=item.no, kind=TimerKind.POLL, epoch=item.epoch, due=due))


def polled(step: Step, event: CalloutPolled) -> None:
    """A question was answered. When the wait is over, or another attempt has begun, the answer says nothing new."""
    item = step.plan.items.get(event.item)
    found = _polled_by(step, item) if item is not None else None
    if item is None or found is None or item.epoch != event.epoch or not _is_awaited(item):
        return
    failure = event.failure
    if event.verdict is PollVerdict.DONE:
        complete(step, item, event.outputs)
    elif event.verdict is PollVerdict.FAILED and failure is not None:
        fail(step, item, failure)
    elif failure is None:
        if item.failed_polls:
            step.change(item, failed_polls=0)
    elif item.failed_polls + 1 < found[0].most_failures:
        step.change(item, failed_polls=item.failed_polls + 1)
    else:
        _give_up(step, item, failure)


def next_question(poll: Poll, since: datetime, now: datetime) -> tuple[int, datetime]:
    """The number (from 1) and the time of the first question after `now`, of a callout accepted at `since`."""
    number, due, wait = 1, since + poll.every, poll.every
    longest = poll.every if poll.factor == 1 else poll.longest or poll.every
    while due <= now and wait < longest:
        wait = min(wait * poll.factor, longest)
        number, due = number + 1, due + wait
    if due <= now:
        more = (now - due) // longest + 1
        number, due = number + more, due + more * longest
    return number, due


def _polled_by(step: Step, item: Item) -> tuple[Poll, datetime] | None:
    """How the item is asked about, and since when."""
    completion: Completion | None = step.definition(item).completes
    if completion is None or completion.poll is None or item.polled_from is None:
        return None
    return completion.poll, item.polled_from


def _is_awaited(item: Item) -> bool:
    return item.state is ItemState.RUNNING and item.accepted


def _give_up(step: Step, item: Item, failure: Failure) -> None:
    """Nobody can be asked how far it is; the request was accepted, so it may have had its effect."""
    fail_finally(step, step.change(item, in_doubt=True, failed_polls=0), failure)
