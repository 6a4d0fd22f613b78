"""What a revision does to an item, by its state: asked of the program, one item at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from connector.mappings.set import Completion, ItemDefinition, MappingSet, PlanDefinition
from connector.model.events import OrderRead
from connector.model.revision import ItemEffect
from connector.model.states import ItemState, ItemType
from connector.orchestrator.machine import begin
from connector.orchestrator.revise import assessed, look
from connector.orchestrator.unwanted import BY_PERSON
from tools.stories.example import Example, case_of, supplemental

_WORDS = {
    ItemEffect.KEPT: "left alone",
    ItemEffect.UPDATED: "goes on, or begins, with the new values",
    ItemEffect.DISCARDED: "Discarded",
    ItemEffect.UNDONE: "undone (`on_cancel`), then Canceled",
    ItemEffect.REDONE: "undone (`on_cancel`), then Amended, and done again",
    ItemEffect.AMENDED: "brought to the new values (`on_amend`), then Amended",
}

_S, _T = ItemState, ItemType
_ALL = tuple(ItemType)
_AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
_BEGUN = {"started_at": _AT}
_ACCEPTED = {"started_at": _AT, "accepted": True}
_NOBODY_KNOWS = {"started_at": _AT, "in_doubt": True}
_DONE_BY = (_T.CALLOUT, _T.AUTO, _T.MANUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A state of an item, and what else there is to say of it."""

    states: tuple[ItemState, ...]
    types: tuple[ItemType, ...]
    told: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    amends: bool = False
    """It has `on_amend`."""


_EXAMPLE = Example(
    name="matrix",
    set="infiwave",
    case="mobile-esim",
    begins=_AT,
    when={},
    action="Amend",
    lines={"plan": {"phoneNumber": "+491705557700"}},
)
"""The item that is looked at reserves the number: it is touched when another one is wished for."""

_DEFINITION, _KEY = "reserve-number", "reserve-number"

_CASES = (
    _Case(states=(_S.PENDING, _S.SCHEDULED, _S.READY, _S.FROZEN), types=_ALL),
    _Case(states=(_S.ON_HOLD,), types=_ALL, told="nothing was sent"),
    _Case(states=(_S.SKIPPED,), types=_ALL, told="its condition was false"),
    _Case(states=(_S.SKIPPED,), types=_ALL, told="a person has skipped it", more={"outcome": BY_PERSON}),
    _Case(states=(_S.RUNNING,), types=(_T.CALLOUT,), told="callout that is being sent", more=_BEGUN),
    _Case(
        states=(_S.RUNNING,), types=(_T.CALLOUT,), told="callout that is accepted", more={"accepted": True, **_BEGUN}
    ),
    _Case(
        states=(_S.RUNNING,),
        types=(_T.CALLOUT,),
        told="callout that is accepted, with `on_amend`",
        more=_ACCEPTED,
        amends=True,
    ),
    _Case(states=(_S.RUNNING,), types=(_T.MANUAL,), told="manual task", more=_BEGUN),
    _Case(states=(_S.RUNNING,), types=(_T.EVENT, _T.TIMER), told="event, timer", more=_BEGUN),
    _Case(states=(_S.COMPLETED,), types=_DONE_BY, told="callout, auto, manual", more=_BEGUN),
    _Case(
        states=(_S.COMPLETED,), types=_DONE_BY, told="callout, auto, manual, with `on_amend`", more=_BEGUN, amends=True
    ),
    _Case(
        states=(_S.COMPLETED,), types=(_T.EVENT, _T.TIMER, _T.MILESTONE), told="event, timer, milestone", more=_BEGUN
    ),
    _Case(states=(_S.FAILED, _S.FATALLY_FAILED), types=_ALL, told="surely without effect", more=_BEGUN),
    _Case(
        states=(_S.FAILED, _S.FATALLY_FAILED, _S.ON_HOLD),
        types=(_T.CALLOUT,),
        told="in doubt: it may have had its effect",
        more=_NOBODY_KNOWS,
    ),
    _Case(
        states=(_S.AMENDED,), types=_DONE_BY, told="by an earlier revision, with `on_amend`", more=_BEGUN, amends=True
    ),
    _Case(states=(_S.CANCELED, _S.DISCARDED, _S.FAILED_DISCARDED), types=_ALL, told="in an earlier revision"),
)


def revision_matrix() -> str:
    """The table, as Markdown."""
    rows = ["| state | of what | cancelled | affected |", "|---|---|---|---|"]
    for case in _CASES:
        states = ", ".join(f"`{state}`" for state in case.states)
        rows.append(f"| {states} | {case.told} | {' | '.join(_effects(case))} |")
    return "\n".join(rows)


def _effects(case: _Case) -> tuple[str, str]:
    """What a cancellation and an amendment do: the same for every state and type of the case.

    Raises:
        ValueError: it is not the same.
    """
    found = {_effect(state, kind, case) for state in case.states for kind in case.types}
    if len(found) != 1:
        raise ValueError(f"{case.states}, {case.told}: {found}")
    return found.pop()


def _effect(state: ItemState, kind: ItemType, case: _Case) -> tuple[str, str]:
    mappings = _set_with(kind, amends=case.amends)
    _, order, inventory = case_of(_EXAMPLE)
    plan, _, _ = begin(OrderRead(order=order, inventory=inventory), _AT, mappings)
    item = next(item for item in plan.items.values() if item.key == _KEY)
    so_far = {"started_at": None, "accepted": False, **case.more}
    plan.put(item.but(state=state, type=kind, **so_far))

    def told(action: Literal["Amend", "Cancel"]) -> str:
        given = supplemental(order, replace(_EXAMPLE, action=action))
        assessment = assessed(look(plan, given, mappings, _AT))
        if item.no in assessment.waits_for:
            return "the plan freezes until it is answered"
        effect = next((each for each in assessment.items if each.item == item.no), None)
        if effect is None:
            return _WORDS[ItemEffect.KEPT]
        return f"{'finishes, or is recalled; then ' if effect.after else ''}{_WORDS[effect.effect]}"

    return told("Cancel"), told("Amend")


@cache
def _set_with(kind: ItemType, *, amends: bool) -> MappingSet:
    """The example's set, with an item of that type in the place of the one that is looked at."""
    mappings, _, _ = case_of(_EXAMPLE)
    known = mappings.definition(_DEFINITION, _KEY)
    made = ItemDefinition(
        key=_KEY,
        plan=_DEFINITION,
        type=kind,
        name=known.name,
        interface=known.interface if kind is ItemType.CALLOUT else None,
        queue="Credit_Check" if kind is ItemType.MANUAL else None,
        duration=timedelta(days=1) if kind is ItemType.TIMER else None,
        completes=Completion(on="warehouse.delivered") if kind is ItemType.EVENT else None,
        task="set" if kind is ItemType.AUTO else None,
        subplan="give-number-back" if kind is ItemType.SUBPLAN else None,
        on_cancel=known.on_cancel,
        on_amend="set-profile" if amends else None,
    )
    plan = PlanDefinition(name=_DEFINITION, items={_KEY: made})
    return replace(mappings, plans={**mappings.plans, _DEFINITION: plan})
