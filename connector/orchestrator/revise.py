"""What a revision would do to a plan, decided before anything is done. Pure.

The rules are in docs/adr/0018. Preview shows the assessment; `connector.orchestrator.amend` carries it out.
"""

from __future__ import annotations

from datetime import datetime

from connector.mappings.set import MappingSet
from connector.model.order import Order
from connector.model.plan import Plan
from connector.model.revision import Assessment, ItemEffect, LineChange, LineEffect
from connector.orchestrator.noreturn import passing
from connector.orchestrator.outlook import Outlook, change_of, is_busy
from connector.orchestrator.versions import CANCEL, successor, technical_differences


def look(plan: Plan, given: Order, mappings: MappingSet, now: datetime) -> Outlook:
    """What carrying the revision out needs to know, and what is told of it."""
    return Outlook(plan, successor(plan.order, given), mappings, now)


def assessed(outlook: Outlook, *, overridden_by: str = "") -> Assessment:
    """What the supplemental order would do to the plan, which is left as it is.

    Callouts that are being sent count as if they had succeeded; who carries the revision out waits for them.
    """
    plan, following = outlook.plan, outlook.following.order
    if outlook.after.problems:
        return Assessment(order=following.id, action="Amend", problems=outlook.after.problems)
    items = [*outlook.effects.values(), *(change for _, change in outlook.overtaken)]
    told = {change.item for change in items}
    items += [
        change_of(item, ItemEffect.KEPT, "an earlier revision has decided on it")
        for item in plan.items.values()
        if not item.is_final and item.no not in told
    ]
    items += [
        change_of(item, ItemEffect.NEW, "the new version brings it", is_new=True)
        for key, item in outlook.after_items.items()
        if key not in outlook.live_items
    ]
    lines = _line_changes(outlook)
    is_same = all(line.effect is LineEffect.NO_CHANGE for line in lines) and not outlook.amended_sources
    return Assessment(
        order=following.id,
        action="Cancel" if following.supplemental_action == CANCEL else "Amend",
        lines=lines,
        items=tuple(items),
        passing=passing(outlook),
        is_date_change=outlook.is_moved and is_same and not outlook.changes.order,
        waits_for=tuple(item.no for item in plan.items.values() if is_busy(item)),
        overridden_by=overridden_by,
    )


def _line_changes(outlook: Outlook) -> tuple[LineChange, ...]:
    found = []
    for key, line in outlook.live_lines.items():
        old, new = outlook.before_lines.get(key), outlook.after_lines.get(key)
        changed = tuple(sorted(technical_differences(old, new))) if old is not None and new is not None else ()
        effect = LineEffect.AMEND if changed else LineEffect.NO_CHANGE
        if line.no in outlook.changes.canceled:
            effect = LineEffect.CANCEL
        product, scope_key = key
        found.append(LineChange(line=line.no, product=product, scope_key=scope_key, effect=effect, changed=changed))
    found += [
        LineChange(line=None, product=line.product, scope_key=line.scope_key, effect=LineEffect.ADD)
        for line in outlook.added
    ]
    return tuple(found)
