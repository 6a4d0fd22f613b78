"""Which plan definitions a line gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.decomposition.journal import Journal, seen
from connector.decomposition.near import NearMiss
from connector.decomposition.probe import NoValue, holds
from connector.mappings.set import PLAN, Scenario
from connector.model.ids import LineId, TechnicalLineNo
from connector.model.json import Json, JsonObject
from connector.model.order import Action

_NO_ITEM: JsonObject = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
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


def plans_of(
    line: PlannedLine, scenarios: Sequence[Scenario], order_view: JsonObject, now: datetime, journal: Journal
) -> tuple[tuple[str, ...], list[NearMiss]]:
    """The plan definitions of a line, each once, and the scenarios that did not match.

    All scenarios that match apply, those of the product itself before those of its classes; a scenario of
    the product takes the place of one of a class with the same plan.
    """
    own = [scenario for scenario in scenarios if scenario.written_for == line.product]
    own_plans = {scenario.plan: scenario.id for scenario in own}
    inherited = [scenario for scenario in scenarios if scenario.written_for != line.product]
    variables: dict[str, Json | datetime] = {"order": order_view, "line": line.view, "item": _NO_ITEM, "now": now}
    activation = None
    plans: dict[str, None] = {}
    misses: list[NearMiss] = []
    for scenario in (*own, *inherited):
        saw: JsonObject = {}
        if scenario.written_for != line.product and scenario.plan in own_plans:
            reason = f"the scenario {own_plans[scenario.plan]} of the product stands in for it"
        elif line.action not in scenario.actions:
            actions = ", ".join(action.value for action in Action if action in scenario.actions)
            reason = f"it is for {actions}, and the action is {line.action}"
        elif scenario.when is None:
            reason = ""
        else:
            activation = activation or PLAN.activation(variables)
            saw = seen(scenario.when, {"order": order_view, "line": line.view})
            try:
                reason = "" if holds(scenario.when, activation) else "its condition is false"
            except NoValue as failure:
                reason = f"its condition can't be evaluated: {failure}"
        journal.note(
            "scenario",
            line.subject,
            reason or f"gets the plan {scenario.plan}",
            taken=not reason,
            rule=scenario.id,
            source=scenario.source,
            expression=scenario.when,
            seen=saw,
            made="" if reason else scenario.plan,
        )
        if reason:
            misses.append(NearMiss(kind="scenario", name=scenario.id, when=scenario.when, reason=reason, saw=saw))
        else:
            plans[scenario.plan] = None
    return tuple(plans), misses
