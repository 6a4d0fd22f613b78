"""What is expected of an order that is under way, as a view of it needs it."""

from __future__ import annotations

from datetime import UTC, datetime

from connector.display.view import Expected
from connector.mappings.set import MappingSet
from connector.model.forecast import Jeopardy
from connector.model.plan import Plan
from connector.orchestrator.dates import NOTHING_OBSERVED, Observed
from connector.orchestrator.estimate import estimate, is_estimated


def expected(
    plan: Plan | None, now: datetime, mappings: MappingSet | None, observed: Observed = NOTHING_OBSERVED
) -> Expected:
    """The dates of the items that are open, the critical path, and those of the order.

    Without the plan's mapping set it is what the plan was last forecast to; nothing, where the set tells nothing of
    time. What is finished was late or was not.
    """
    if plan is None:
        return Expected()
    if plan.finished_at is not None or mappings is None:
        return _forecast(plan)
    if not is_estimated(mappings):
        return Expected()
    found = estimate(plan, now, mappings, observed)
    return Expected(
        begins={no: datetime.fromtimestamp(at, UTC) for no, at in found.starts.items()},
        ends={no: datetime.fromtimestamp(at, UTC) for no, at in found.finishes.items()},
        critical=frozenset(found.critical),
        completion=found.completion,
        latest=found.p90,
        jeopardy=found.jeopardy.value,
    )


def _forecast(plan: Plan) -> Expected:
    forecast = plan.forecast
    if forecast is None:
        return Expected()
    if plan.finished_at is not None:
        return Expected(jeopardy=Jeopardy.LATE.value if forecast.jeopardy is Jeopardy.LATE else "")
    return Expected(completion=forecast.completion, latest=forecast.p90, jeopardy=forecast.jeopardy.value)
