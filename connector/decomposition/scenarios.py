"""Which plan definitions a line gets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from connector.decomposition.journal import Journal, seen
from connector.decomposition.near import NearMiss
from connector.decomposition.probe import NoValue, holds
from connector.decomposition.tables import Choice
from connector.mappings.set import PLAN
from connector.model.ids import LineId, TechnicalLineNo
from connector.model.json import Json, JsonObject
from connector.model.order import Action

_NO_ITEM: JsonObject = {}
_NOTHING: JsonObject = {}


class PlannedLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A technical line, or a commercial line that gets items of its own."""

    subject: str
    """`T3` or `line 2`."""
    product: str
    action: Action
    view: JsonObject
    """The variable `line`."""
    identity: str
    """Product and scope key: what items of scope `line` are instances for."""
    number: TechnicalLineNo | None
    sources: tuple[LineId, ...]
    root: LineId
    bundle: str
    """The asset of the root line: what items of scope `bundle` are instances for."""


def plans_of(
    line: PlannedLine, choices: Sequence[Choice], order_view: JsonObject, now: datetime, journal: Journal
) -> tuple[tuple[str, ...], list[NearMiss]]:
    """The plan definitions of a line, each once, and the scenarios that did not match.

    All scenarios that match apply, those of the product itself before those of its classes; a scenario of
    the product takes the place of one of a class with the same plan.
    """
    variables: dict[str, Json | datetime] = {"order": order_view, "line": line.view, "item": _NO_ITEM, "now": now}
    plans: dict[str, None] = {}
    misses: list[NearMiss] = []
    for choice in choices:
        scenario, when = choice.scenario, choice.when
        saw = _NOTHING
        if choice.instead:
            reason = f"the scenario {choice.instead} of the product stands in for it"
        elif line.action not in scenario.actions:
            reason = f"it is for {choice.actions}, and the action is {line.action}"
        elif when is None:
            reason = ""
        else:
            saw = seen(when, {"order": order_view, "line": line.view})
            try:
                reason = "" if holds(when.expression, PLAN.activation(variables)) else "its condition is false"
            except NoValue as failure:
                reason = f"its condition can't be evaluated: {failure}"
        journal.note(
            "scenario",
            line.subject,
            reason or f"gets the plan {scenario.plan}",
            taken=not reason,
            rule=scenario.id,
            source=choice.source,
            asked=when,
            seen=saw,
            made="" if reason else scenario.plan,
        )
        if reason:
            misses.append(NearMiss(kind="scenario", name=scenario.id, when=when, reason=reason, saw=saw))
        else:
            plans[scenario.plan] = None
    return tuple(plans), misses
