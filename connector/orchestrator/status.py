"""How an order, a line or a request is doing, in the words that people see in Salesforce."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connector.model.plan import Plan
from connector.model.states import Phase, PlanState

_BY_STATE = {
    PlanState.NOT_STARTED: "Submitted",
    PlanState.FREEZING: "Freezing",
    PlanState.FROZEN: "Frozen",
    PlanState.COMPLETED: "Completed",
    PlanState.CANCELED: "Canceled",
    PlanState.REJECTED: "Rejected",
}


def order_status(plan: Plan) -> str:
    """The value of `Order.Fulfillment_Status__c`."""
    return _BY_STATE.get(plan.state) or _under_way(plan.phases)


def _under_way(phases: Mapping[Phase, int]) -> str:
    if phases.get(Phase.FALLOUT):
        return "Fallout"
    if phases.get(Phase.BUSY):
        return "In Progress"
    if phases.get(Phase.WAITING):
        return "Waiting"
    return "In Progress"


def progress(plan: Plan) -> int:
    """How much of the plan is done, in whole percent, never rounded up to 100."""
    if not plan.items:
        return 100 if plan.state is PlanState.COMPLETED else 0
    return plan.phases[Phase.DONE] * 100 // len(plan.items)


def part_status(phases: Iterable[Phase]) -> tuple[str, int]:
    """Status and percent of a part of an order (a line, a request), from the phases of its items.

    A part without items has nothing to do: `Completed`, 100.
    """
    counts = dict.fromkeys(Phase, 0)
    for phase in phases:
        counts[phase] += 1
    total = sum(counts.values())
    if counts[Phase.DONE] == total:
        return "Completed", 100
    percent = counts[Phase.DONE] * 100 // total
    if counts[Phase.IDLE] == total:
        return "Not Started", 0
    return _under_way(counts), percent
