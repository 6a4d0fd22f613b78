"""What a preview told, held against what then happened, item for item and line for line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from connector.model.ids import ItemNo, TechnicalLineNo
from connector.model.plan import Item, Plan
from connector.model.revision import Assessment, ItemChange, ItemEffect, LineEffect
from connector.model.states import ItemState
from connector.model.technical import TechnicalLine

_DEAD = (ItemState.AMENDED, ItemState.CANCELED, ItemState.DISCARDED, ItemState.FAILED_DISCARDED)


def agrees(
    assessment: Assessment, before: Mapping[ItemNo, Item], lines: Mapping[TechnicalLineNo, TechnicalLine], plan: Plan
) -> None:
    """The revision was accepted: everything that was told has happened, and nothing else."""
    told = [each.item for each in assessment.items if each.item is not None]
    assert len(told) == len(set(told)), "an item is told of twice"
    for change in assessment.items:
        if change.item is not None:
            _item(change, before[change.item], plan)
    open_before = {no for no, each in before.items() if not each.is_final}
    assert open_before <= set(told), "an open item is not spoken of"
    _made(assessment, before, plan)
    _lines(assessment, lines, plan)


def _item(change: ItemChange, was: Item, plan: Plan) -> None:
    now = plan.items[was.no]
    match change.effect:
        case ItemEffect.KEPT:
            assert now.state not in _DEAD or now.state is was.state or was.ends_as is not None or was.undoes is not None
            assert now.epoch == was.epoch
        case ItemEffect.UPDATED:
            assert now.state not in _DEAD
        case ItemEffect.DISCARDED:
            assert now.state in (ItemState.DISCARDED, ItemState.FAILED_DISCARDED)
        case ItemEffect.UNDONE:
            assert now.ends_as is ItemState.CANCELED or now.state in _DEAD
        case ItemEffect.AMENDED:
            assert now.ends_as is ItemState.AMENDED or now.state is ItemState.AMENDED
        case ItemEffect.REDONE:
            assert now.ends_as is ItemState.AMENDED or now.state in _DEAD
        case ItemEffect.NEW:
            raise AssertionError("an item that the plan has is not new")


def _made(assessment: Assessment, before: Mapping[ItemNo, Item], plan: Plan) -> None:
    """Every item that came was told of: as new, as done again, or as what undoes or amends."""
    found: Counter[tuple[str, str, str]] = Counter()
    groups: Counter[tuple[ItemNo, str]] = Counter()
    for no, each in plan.items.items():
        if no in before:
            continue
        if each.undoes is None:
            found[each.definition, each.key, each.scope_key] += 1
        elif not each.definition.startswith("recall"):
            groups[each.undoes, each.definition] += 1
    wanted = Counter(
        (each.definition, each.key, each.scope_key)
        for each in assessment.items
        if each.effect in (ItemEffect.NEW, ItemEffect.REDONE)
    )
    assert found == wanted, "other items came than were told of"
    by = Counter((each.item, each.by) for each in assessment.items if each.by and each.item is not None)
    assert groups == by, "other compensations came than were told of"


def _lines(assessment: Assessment, before: Mapping[TechnicalLineNo, TechnicalLine], plan: Plan) -> None:
    for change in assessment.lines:
        if change.line is None:
            assert any(
                no not in before and (line.product, line.scope_key) == (change.product, change.scope_key)
                for no, line in plan.lines.items()
            )
            continue
        was, now = before[change.line], plan.lines[change.line]
        match change.effect:
            case LineEffect.CANCEL:
                assert now.supplement == "Cancel"
            case LineEffect.AMEND:
                assert now.supplement == "Amend"
            case _:
                assert now.is_live
                assert now.supplement == was.supplement
