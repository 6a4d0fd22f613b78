"""Items that a revision has overtaken while they were running: what becomes of them when their end comes. Pure."""

from __future__ import annotations

from connector.mappings.set import recall_plan
from connector.model.commands import ClearTimers, DropCallout, ResolveFallout
from connector.model.failure import Failure
from connector.model.plan import Item
from connector.model.states import ItemState, ItemTrigger, ItemType
from connector.orchestrator.step import Step

BY_PERSON = "Skipped by a person"
"""Outcome of an item that a person has skipped: a revision leaves it so."""

TOO_LATE = "Too late"
"""Outcome of a recall that the system refused: what was to be recalled goes on to its end."""

_RECALLS = recall_plan("")


def is_recall(item: Item) -> bool:
    """The item calls back the request of another."""
    return item.undoes is not None and item.definition.startswith(_RECALLS)


def has_effect(item: Item) -> bool:
    """The request of an item that has not completed may have had its effect, or surely has."""
    return item.told.failure is None if item.told is not None else item.in_doubt


def end(step: Step, item: Item) -> None:
    """The item has completed, and that is to be undone or amended: what does so comes after it, and may begin."""
    trigger = ItemTrigger.AMENDED if item.ends_as is ItemState.AMENDED else ItemTrigger.UNDONE
    _need_no_recall(step, item)
    step.move(item, trigger, ends_as=None)


def is_wanted(step: Step, item: Item) -> bool:
    """The item is to be amended when it has completed, and none like it was made to be done instead."""
    same = (item.definition, item.key, item.scope_key)
    return item.ends_as is ItemState.AMENDED and not any(
        other.no > item.no and other.undoes is None and (other.definition, other.key, other.scope_key) == same
        for other in step.plan.items.values()
    )


def amend_no_more(step: Step, item: Item) -> Item:
    """The item was surely refused: what it is asked next has the new values already."""
    nothing_to_undo(step, item)
    return step.change(item, ends_as=None)


def give_up(step: Step, item: Item, failure: Failure) -> None:
    """The item failed, and nobody wants it any more: it is not tried again. In doubt it is undone all the same."""
    if not item.in_doubt:
        nothing_to_undo(step, item)
    _need_no_recall(step, item)
    failed = step.move(item, ItemTrigger.FAILED_FINALLY, failure=failure)
    failed = discard(step, failed, "")
    step.record("failed, not wanted any more", failed, f"{failure.code}: {failure.message}"[:500])


def discard(step: Step, item: Item, how: str) -> Item:
    """The item is not needed any more; `how` its fallout, where people were called, is over."""
    close_fallout(step, item, how)
    step.command(ClearTimers(item=item.no))
    if item.type is ItemType.CALLOUT:
        step.command(DropCallout(item=item.no))
    return step.move(
        item,
        ItemTrigger.DISCARDED,
        finished_at=step.now,
        ends_as=None,
        accepted=False,
        waiting_for=None,
        due_at=None,
        told=None,
    )


def close_fallout(step: Step, item: Item, how: str, by: str = "") -> None:
    """People who were called for help learn that it is over."""
    if item.state is ItemState.FATALLY_FAILED and item.fallouts:
        step.command(ResolveFallout(item=item.no, episode=item.fallouts, how=how, by=by))


def nothing_to_undo(step: Step, item: Item) -> None:
    """The item has had no effect: what was to undo or amend it is not needed."""
    for other in list(step.plan.items.values()):
        has_begun = other.started_at is not None or other.is_final
        if other.undoes == item.no and not is_recall(other) and not has_begun:
            discard(step, other, "")


def _need_no_recall(step: Step, item: Item) -> None:
    """What was to call the item back, and is not on its way, comes too late."""
    for other in list(step.plan.items.values()):
        if other.undoes == item.no and is_recall(other) and not other.is_final and other.state is not ItemState.RUNNING:
            discard(step, other, f"{item.name} has ended before it was called back.")


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
