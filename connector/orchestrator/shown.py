"""The dates of an order in the variables of write-back expressions. Pure.

What the plan as a whole shows was kept when it was last worked out. Items and lines are worked out when they are
written, at most once for all of them, and not at all while no expression reads them.
"""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from connector.mappings.reads import Reads
from connector.mappings.set import MappingSet
from connector.mappings.views import iso
from connector.model.forecast import Jeopardy
from connector.model.ids import ItemNo, LineId, TechnicalLineNo
from connector.model.plan import Plan
from connector.orchestrator.dates import NOTHING_OBSERVED, Observed
from connector.orchestrator.estimate import Estimate, PartDates, estimate
from connector.orchestrator.forecast import DATE_FIELDS, shown


def of_plan(plan: Plan) -> dict[str, Any]:
    """What the plan and the order show; nothing when their set says nothing about time."""
    forecast = plan.forecast
    if forecast is None:
        return {}
    return _fields(forecast.completion, forecast.jeopardy, forecast.p90)


class Shown:
    """What items and lines show of their dates, seen from one moment."""

    def __init__(self, plan: Plan, now: datetime, mappings: MappingSet, observed: Observed = NOTHING_OBSERVED) -> None:
        self._plan = plan
        self._now = now
        self._mappings = mappings
        self._observed = observed

    @cached_property
    def _estimate(self) -> Estimate:
        return estimate(self._plan, self._now, self._mappings, self._observed)

    def of_item(self, no: ItemNo, reads: Reads | None) -> dict[str, Any]:
        """An item; one that is over shows no dates but those that it has of its own."""
        dates = self._estimate.item(no) if self._is_wanted("item", reads) else None
        if dates is None:
            return {}
        return {**_fields(shown(dates.finish, self._now), dates.jeopardy), "critical": dates.critical}

    def of_line(self, no: TechnicalLineNo, reads: Reads | None) -> dict[str, Any]:
        """A technical line."""
        return self._part(self._estimate.line(no)) if self._is_wanted("line", reads) else {}

    def of_source(self, line: LineId, reads: Reads | None) -> dict[str, Any]:
        """A commercial line."""
        return self._part(self._estimate.source(line)) if self._is_wanted("source", reads) else {}

    def _part(self, part: PartDates) -> dict[str, Any]:
        at = part.completion
        return _fields(shown(at, self._now) if at is not None and part.is_open else at, part.jeopardy)

    def _is_wanted(self, variable: str, reads: Reads | None) -> bool:
        if self._plan.forecast is None:
            return False
        fields = None if reads is None else reads.get(variable, frozenset())
        return fields is None or not DATE_FIELDS.isdisjoint(fields)


def _fields(completion: datetime | None, jeopardy: Jeopardy, p90: datetime | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"jeopardy": jeopardy.value}
    if completion is not None:
        found["estimated_completion"] = iso(completion)
    if p90 is not None:
        found["p90"] = iso(p90)
    return found
