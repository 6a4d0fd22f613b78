"""A plan that is to go on with another version of its mapping set: whether that is safe, and doing it. Pure.

It is, when nothing that was begun would be undone or done again, and everything that has begun means the same in the
new set: then what has not begun is as the new set wants it. Other plans finish on the set that they began with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from connector.mappings.set import ItemDefinition, MappingSet
from connector.model.events import MigrationAsked
from connector.model.ids import ItemNo, LineId
from connector.model.order import Order
from connector.model.plan import Item, Plan
from connector.model.revision import ItemChange, ItemEffect
from connector.model.states import PlanState
from connector.orchestrator.amend import carry_out
from connector.orchestrator.outlook import GONE, NOT_BEGUN, Outlook
from connector.orchestrator.revise import assessed
from connector.orchestrator.step import Step
from connector.orchestrator.versions import Successor

_UNSAFE = {
    ItemEffect.UNDONE: "would be undone",
    ItemEffect.REDONE: "would be done again",
    ItemEffect.AMENDED: "would have to be amended",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """What going over to another set would mean for one plan."""

    reasons: tuple[str, ...]
    """Why it is not safe; none: it is."""
    changes: tuple[ItemChange, ...] = ()
    """The items that would not be as they are."""

    @property
    def is_safe(self) -> bool:
        """The plan may go over."""
        return not self.reasons


def assess_migration(plan: Plan, present: MappingSet, following: MappingSet, now: datetime) -> Migration:
    """What going over to the `following` set would mean; the plan is left as it is."""
    reasons = tuple(_obstacles(plan, present, following))
    if reasons:
        return Migration(reasons=reasons)
    outlook = _outlook(plan, present, following, now)
    changes = tuple(each for each in assessed(outlook).items if each.effect is not ItemEffect.KEPT)
    return Migration(reasons=tuple(_risks(plan, outlook)), changes=changes)


def migrate(step: Step, event: MigrationAsked, following: MappingSet) -> None:
    """Let the plan go on with the set, or say why it stays with its own."""
    plan = step.plan
    asked = f"to set {following.name} {following.version} ({following.hash})"
    if plan.set_hash == following.hash:
        step.record("not migrated", detail=f"{asked}: it has that set already", by=event.by)
        return
    migration = assess_migration(plan, step.mappings, following, step.now)
    if not migration.is_safe:
        step.record("not migrated", detail=f"{asked}: {'; '.join(migration.reasons)}"[:500], by=event.by)
        return
    outlook = _outlook(plan, step.mappings, following, step.now)
    step.mappings = following
    plan.set_hash = following.hash
    plan.changed_head = True
    step.record("migrated", detail=f"{asked}; {len(migration.changes)} items differ", by=event.by)
    carry_out(step, outlook)


def _outlook(plan: Plan, present: MappingSet, following: MappingSet, now: datetime) -> Outlook:
    return Outlook(plan, _same(plan.order), present, now, into=following)


def _same(order: Order) -> Successor:
    """The order as its own next version."""
    lines: Mapping[LineId, LineId] = {line.id: line.id for line in order.lines}
    return Successor(order=order, of=lines, canceled=frozenset())


def _obstacles(plan: Plan, present: MappingSet, following: MappingSet) -> Iterator[str]:
    """What is against it before the order is looked at."""
    if plan.state is not PlanState.IN_PROGRESS or plan.revisions:
        yield f"the plan is {plan.state}" if not plan.revisions else "a revision waits to be decided on"
        return
    for item in plan.items.values():
        new = _definition(following, item)
        if item.state in GONE:
            if new is None:
                yield f"the set does not know {item.definition}/{item.key}, which the plan has had"
            continue
        begun = item.state not in NOT_BEGUN
        if new is None and (begun or item.undoes is not None):
            yield f"{item.name} has begun, and the set does not have it any more"
        elif new is not None and begun and not _means_the_same(present.definition(item.definition, item.key), new):
            yield f"{item.name} has begun, and is something else in the set"


def _definition(mappings: MappingSet, item: Item) -> ItemDefinition | None:
    plan = mappings.plans.get(item.definition)
    return plan.items.get(item.key) if plan is not None else None


def _means_the_same(old: ItemDefinition, new: ItemDefinition) -> bool:
    return (
        (old.type, old.scope, old.interface, old.queue, old.task, old.subplan)
        == (new.type, new.scope, new.interface, new.queue, new.task, new.subplan)
        and (old.completes.on if old.completes else None) == (new.completes.on if new.completes else None)
        and old.outcomes == new.outcomes
    )


def _risks(plan: Plan, outlook: Outlook) -> Iterator[str]:
    """What is against it after a look at what the set makes of the order."""
    for problem in outlook.after.problems:
        yield str(problem)
    if outlook.after.problems:
        return
    for change in assessed(outlook).items:
        item = plan.items.get(change.item) if change.item is not None else None
        if change.effect in _UNSAFE and item is not None:
            yield f"{item.name} {_UNSAFE[change.effect]}: {change.why}"
        elif change.effect is ItemEffect.DISCARDED and item is not None and item.state not in NOT_BEGUN:
            yield f"{item.name} has begun, and would be discarded"
    yield from _too_late(plan, outlook)


def _too_late(plan: Plan, outlook: Outlook) -> Iterator[str]:
    """New items that something comes after which has begun already."""
    by_number = {item.no: key for key, item in outlook.after_items.items()}
    for key, item in outlook.after_items.items():
        live = outlook.live_items.get(key)
        if live is None or live.state in NOT_BEGUN:
            continue
        for no in item.after:
            before = by_number[ItemNo(no)]
            if before not in outlook.live_items:
                yield f"{outlook.after_items[before].name} is new, and {plan.items[live.no].name} after it has begun"
