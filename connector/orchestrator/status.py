"""How an order, a line or a request is doing, in the words that people see in Salesforce."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from connector.model.plan import Plan
from connector.model.revision import Version, VersionState
from connector.model.states import Phase, PlanState

_BY_STATE = {
    PlanState.NOT_STARTED: "Submitted",
    PlanState.FREEZING: "Freezing",
    PlanState.FROZEN: "Frozen",
    PlanState.COMPLETED: "Completed",
    PlanState.CANCELED: "Canceled",
    PlanState.REJECTED: "Rejected",
}


def order_status(plan: Plan, held: int = 0) -> str:
    """The value of `Order.Fulfillment_Status__c`. `held`: so many of its requests wait for a pause to end."""
    phases = plan.phases
    if plan.is_queued:
        return "Fallout" if plan.problems else "Waiting"
    if plan.state in _BY_STATE:
        return _BY_STATE[plan.state]
    if plan.pause is not None and not phases[Phase.FALLOUT]:
        return "Waiting"
    if held:
        phases = {**phases, Phase.BUSY: phases[Phase.BUSY] - held, Phase.WAITING: phases[Phase.WAITING] + held}
    return _under_way(phases)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionStatus:
    """What an order shows that is one version of several."""

    status: str
    progress: int
    message: str


def version_status(plan: Plan, version: Version) -> VersionStatus:
    """How a version is doing that is not the newest one of a plan that is being fulfilled."""
    match version.state:
        case VersionState.REJECTED:
            return VersionStatus(status="Rejected", progress=0, message=version.reason)
        case VersionState.WAITING | VersionState.APPROVAL:
            message = version.reason or plan.message or "Waits for an earlier revision."
            return VersionStatus(status="Waiting", progress=0, message=message)
        case VersionState.ACCEPTED:
            pass
    if not plan.is_canceling:
        return VersionStatus(status="Superseded", progress=100, message=f"Superseded by order {plan.order.number}.")
    accepted = [each for each in plan.versions if each.state is VersionState.ACCEPTED]
    if version.order == accepted[-1].order:  # the order that cancels: it is done when all is undone
        under_way = order_status(plan)
        status = "Completed" if plan.state is PlanState.CANCELED else under_way
        return VersionStatus(status=status, progress=progress(plan), message=version.reason)
    by = accepted[-1].number
    status = "Canceled" if version.order == plan.order.id else "Superseded"
    if status == "Canceled" and plan.state is not PlanState.CANCELED:
        status = order_status(plan)
        return VersionStatus(status=status, progress=progress(plan), message=f"Is being canceled by order {by}.")
    return VersionStatus(status=status, progress=100, message=f"Canceled by order {by}.")


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
