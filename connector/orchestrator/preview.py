"""An assessment in words and as JSON: what a revision would do, before anybody decides. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec

from connector.mappings.set import MappingSet
from connector.mappings.views import iso
from connector.model.failure import Problem
from connector.model.ids import OrderId
from connector.model.json import JsonObject
from connector.model.order import Order
from connector.model.plan import Plan
from connector.model.revision import (
    Assessment,
    ItemChange,
    ItemEffect,
    LineChange,
    LineEffect,
    Supplement,
    Version,
    VersionState,
)
from connector.model.states import ItemType
from connector.orchestrator.amend import carry_out
from connector.orchestrator.estimate import estimate, is_estimated
from connector.orchestrator.inflight import refusal_of, revises_unbegun
from connector.orchestrator.revise import assessed, look
from connector.orchestrator.step import Step
from connector.orchestrator.versions import CANCEL

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
_EFFECTIVE = (ItemType.CALLOUT, ItemType.MANUAL)
"""Items whose effect is outside of the plan."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a supplemental order would do to a plan; a `refusal` says why it would not even be looked at."""

    plan: Plan
    given: Order
    assessment: Assessment
    refusal: Problem | None = None
    now_done_at: datetime | None = None
    """When the plan is expected to be done as it is; None when nothing is said about times."""
    then_done_at: datetime | None = None
    """When it would be, revised."""
    is_unbegun: bool = False
    """Nothing of the plan's order has begun: it is simply cancelled, or another takes its place."""

    @property
    def before(self) -> Sequence[Version]:
        """The revisions that came first and are not decided on."""
        waiting = {each.order.id for each in self.plan.revisions if each.order.id != self.given.id}
        return [each for each in self.plan.versions if each.order in waiting]

    @property
    def verdict(self) -> Literal["accepted", "approval", "rejected"]:
        """What would become of the supplemental order."""
        if self.refusal is not None or self.assessment.problems or self.assessment.blocked_by:
            return "rejected"
        return "approval" if self.assessment.penalties else "accepted"

    def text(self) -> str:
        """For people: the verdict first, then what happens to lines and items, the kept ones counted only."""
        assessment = self.assessment
        verb = "cancels" if assessment.action == "Cancel" else "amends"
        head = f"Order {self.given.number} {verb} order {self.plan.order.number}"
        problems = [self.refusal] if self.refusal is not None else list(assessment.problems)
        if problems:
            return "\n".join([f"{head}: it would be rejected.", *(f"- {problem}" for problem in problems)])
        if self.is_unbegun:
            what = "be accepted" if assessment.action == "Cancel" else "take its place, and be read like a new order"
            return f"{head}, of which nothing has begun: it would {what}."
        parts = [f"{head}: {_verdict(assessment)}"]
        parts += [
            f"- order {each.number or each.order} is decided on first; if it is accepted, this one has to supersede it"
            for each in self.before
        ]
        parts += [f"- {point.line}: {point.name} has passed its point of no return" for point in assessment.blocked_by]
        parts += [f"- penalty for {point.line}: {point.penalty or point.name}" for point in assessment.penalties]
        parts += [_line(change) for change in assessment.lines if change.effect is not LineEffect.NO_CHANGE]
        for effect, title in _TITLES.items():
            items = [change for change in assessment.items if change.effect is effect]
            if items:
                parts.append(f"{title}: {_named(self.plan, effect, items)}")
        if self.then_done_at is not None:
            before = f", now {self.now_done_at:%Y-%m-%d %H:%M} UTC" if self.now_done_at is not None else ""
            parts.append(f"Expected to be done: {self.then_done_at:%Y-%m-%d %H:%M} UTC{before}")
        return "\n".join(parts)

    def document(self) -> JsonObject:
        """For machines: the verdict, and the assessment whole."""
        problems = (self.refusal,) if self.refusal is not None else self.assessment.problems
        found: JsonObject = msgspec.to_builtins(self.assessment, str_keys=True)
        return {
            **found,
            "verdict": self.verdict,
            "plan": self.plan.id,
            "order": self.given.id,
            "changes_nothing": self.assessment.changes_nothing,
            "decided_before": [each.order for each in self.before],
            "problems": msgspec.to_builtins(problems),
            "completion": {"now": _iso(self.now_done_at), "then": _iso(self.then_done_at)},
        }


def foresee(plan: Plan, given: Order, mappings: MappingSet, now: datetime) -> Prospect:
    """What the supplemental order would do to the plan, which is left as it is."""
    is_unbegun = revises_unbegun(plan, given)
    refusal = None if is_unbegun else refusal_of(plan, given)
    if is_unbegun or refusal is not None:
        action: Supplement = "Cancel" if given.supplemental_action == CANCEL else "Amend"
        nothing = Assessment(order=given.id, action=action)
        return Prospect(plan=plan, given=given, assessment=nothing, refusal=refusal, is_unbegun=is_unbegun)
    imagined = _copy(plan)
    outlook = look(imagined, given, mappings, now)
    assessment = assessed(outlook)
    before = after = None
    if is_estimated(mappings) and not assessment.problems:
        before = estimate(plan, now, mappings).completion
        carry_out(Step(imagined, now, mappings), outlook)
        after = estimate(imagined, now, mappings).completion
    return Prospect(plan=plan, given=given, assessment=assessment, now_done_at=before, then_done_at=after)


def _copy(plan: Plan) -> Plan:
    """A plan that may be changed without the other one noticing."""
    return replace(
        plan,
        items=dict(plan.items),
        lines=dict(plan.lines),
        changed_items={},
        changed_lines=set(),
        changed_versions=set(),
        respecified=set(),
        phases={},
        memo={},
        _dependents={},
        _unmet={},
        _bundles=None,
    )


def _line(change: LineChange) -> str:
    what = f" ({', '.join(change.changed)})" if change.changed else ""
    return f"{change.effect} {change.product}{what}"


def _iso(moment: datetime | None) -> str | None:
    return iso(moment) if moment is not None else None


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


def _named(plan: Plan, effect: ItemEffect, items: Sequence[ItemChange]) -> str:
    if effect is ItemEffect.KEPT:
        return str(len(items))
    named = [f"{item.name}{' (nothing undoes it)' if _is_left(plan, item) else ''}" for item in items[:_MOST_NAMED]]
    more = f", and {len(items) - _MOST_NAMED} more" if len(items) > _MOST_NAMED else ""
    return ", ".join(named) + more


def _is_left(plan: Plan, change: ItemChange) -> bool:
    """What the item did somewhere else, or what a person did, stays so."""
    if change.effect is not ItemEffect.UNDONE or change.by or change.item is None:
        return False
    return plan.items[change.item].type in _EFFECTIVE
