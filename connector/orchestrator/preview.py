"""An assessment in words and as JSON: what a revision would do, before anybody decides. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from connector.model.failure import Problem
from connector.model.ids import OrderId
from connector.model.json import JsonObject
from connector.model.order import Order
from connector.model.plan import Plan
from connector.model.revision import Assessment, ItemChange, ItemEffect, LineEffect, VersionState

_TITLES = {
    ItemEffect.UNDONE: "Undone",
    ItemEffect.REDONE: "Undone and done again",
    ItemEffect.AMENDED: "Brought to the new values",
    ItemEffect.UPDATED: "Goes on with the new values",
    ItemEffect.DISCARDED: "Not done any more",
    ItemEffect.NEW: "New",
    ItemEffect.KEPT: "Kept",
}
_MOST_NAMED = 20


def proposed(plan: Plan, given: Order | None) -> Order:
    """The next version of a plan's order as somebody imagines it (None: cancelling), as if it had been submitted."""
    accepted = [each.order for each in plan.versions if each.state is VersionState.ACCEPTED]
    present = accepted[-1] if accepted else plan.order.id
    order = plan.order if given is None else given
    is_new = given is not None and given.id not in ("", plan.id, plan.order.id)
    return replace(
        order,
        id=order.id if is_new else OrderId(f"{plan.order.id}+"),
        number=order.number if is_new and order.number else f"{plan.order.number} (new)",
        account=plan.order.account,
        supersedes=present,
        supplemental_action="Cancel" if given is None else order.supplemental_action or "Amend",
    )


def as_text(plan: Plan, given: Order, assessment: Assessment, refusal: Problem | None = None) -> str:
    """For people: the verdict first, then what happens to lines and items, the kept ones counted only."""
    problems = [refusal] if refusal is not None else list(assessment.problems)
    head = f"Order {given.number} {'cancels' if assessment.action == 'Cancel' else 'amends'} order {plan.order.number}"
    if problems:
        return "\n".join([f"{head}: it would be rejected.", *(f"- {problem}" for problem in problems)])
    parts = [f"{head}: {_verdict(assessment)}"]
    parts += [f"- {point.line}: {point.name} has passed its point of no return" for point in assessment.blocked_by]
    parts += [f"- penalty for {point.line}: {point.penalty or point.name}" for point in assessment.penalties]
    for change in assessment.lines:
        if change.effect is not LineEffect.NO_CHANGE:
            what = f" ({', '.join(change.changed)})" if change.changed else ""
            parts.append(f"{change.effect} {change.product}{what}")
    for effect, title in _TITLES.items():
        items = [change for change in assessment.items if change.effect is effect]
        if items:
            parts.append(f"{title}: {_named(effect, items)}")
    return "\n".join(parts)


def _verdict(assessment: Assessment) -> str:
    if assessment.blocked_by:
        return "it would be rejected as a whole."
    if assessment.changes_nothing:
        return "it would change nothing that is still to be done."
    if assessment.penalties:
        return "it would wait for the approval of penalties, then be accepted."
    if assessment.is_date_change:
        return "it would be accepted; only dates move."
    return "it would be accepted."


def _named(effect: ItemEffect, items: Sequence[ItemChange]) -> str:
    if effect is ItemEffect.KEPT:
        return str(len(items))
    named = [f"{item.name}{' (nothing undoes it)' if _is_left(item) else ''}" for item in items[:_MOST_NAMED]]
    more = f", and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else ""
    return ", ".join(named) + more


def _is_left(item: ItemChange) -> bool:
    return item.effect is ItemEffect.UNDONE and not item.by


def as_json(plan: Plan, given: Order, assessment: Assessment, refusal: Problem | None = None) -> JsonObject:
    """For machines: the verdict, and the assessment whole."""
    problems = (refusal,) if refusal is not None else assessment.problems
    verdict = "accepted"
    if problems or assessment.blocked_by:
        verdict = "rejected"
    elif assessment.penalties:
        verdict = "approval"
    found: JsonObject = msgspec.to_builtins(assessment, str_keys=True)
    return {
        **found,
        "verdict": verdict,
        "plan": plan.id,
        "order": given.id,
        "changes_nothing": assessment.changes_nothing,
        "problems": msgspec.to_builtins(problems),
    }
