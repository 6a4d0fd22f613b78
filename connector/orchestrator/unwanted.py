"""Items that a revision has overtaken while they were running: what becomes of them when their end comes. Pure."""

from __future__ import annotations

from connector.mappings.set import recall_plan
from connector.model.commands import ClearTimers, DropCallout
from connector.model.failure import Failure
from connector.model.plan import Item
from connector.model.states import ItemState, ItemTrigger
from connector.orchestrator.step import Step

BY_PERSON = "Skipped by a person"
"""Outcome of an item that a person has skipped: a revision leaves it so."""

TOO_LATE = "Too late"
"""Outcome of a recall that the system refused: what was to be recalled goes on to its end."""

_RECALLS = recall_plan("")


def is_recall(item: Item) -> bool:
    """The item calls back the request of another."""
    return item.undoes is not None and item.definition.startswith(_RECALLS)


def end(step: Step, item: Item) -> None:
    """The item has completed, and that is to be undone or amended: what does so comes after it, and may begin."""
    trigger = ItemTrigger.AMENDED if item.ends_as is ItemState.AMENDED else ItemTrigger.UNDONE
    step.move(item, trigger, ends_as=None)


def give_up(step: Step, item: Item, failure: Failure) -> None:
    """The item failed, and nobody wants it any more: it is not tried again. In doubt it is undone all the same."""
    if not item.in_doubt:
        nothing_to_undo(step, item)
    step.command(ClearTimers(item=item.no))
    step.command(DropCallout(item=item.no))
    failed = step.move(
        item,
        ItemTrigger.FAILED_FINALLY,
        ItemTrigger.DISCARDED,
        failure=failure,
        ends_as=None,
        accepted=False,
        waiting_for=None,
        due_at=None,
        finished_at=step.now,
    )
    step.record("failed, not wanted any more", failed, f"{failure.code}: {failure.message}"[:500])


def nothing_to_undo(step: Step, item: Item) -> None:
    """The item has had no effect: what was to undo it is not needed."""
    for other in list(step.plan.items.values()):
        if other.undoes == item.no and not is_recall(other) and other.state in (ItemState.PENDING, ItemState.FROZEN):
            step.move(other, ItemTrigger.DISCARDED, finished_at=step.now)


def recalled(step: Step, recall: Item) -> None:
    """A request was called back before it had its effect."""
    item = step.plan.items[recall.undoes] if recall.undoes is not None else None
    if item is None or item.state is not ItemState.RUNNING:
        return
    nothing_to_undo(step, item)
    step.command(ClearTimers(item=item.no))
    step.command(DropCallout(item=item.no))
    gone = step.move(
        item, ItemTrigger.RECALLED, ends_as=None, accepted=False, waiting_for=None, due_at=None, finished_at=step.now
    )
    step.record("recalled", gone)
