"""An order that can't be fulfilled as it is: it is rejected whole, and a person is told what to mend."""

from __future__ import annotations

from collections.abc import Sequence

from connector.model.commands import RaiseFallout
from connector.model.failure import Failure, FailureClass, Problem
from connector.model.ids import WHOLE_ORDER
from connector.model.states import PlanTrigger
from connector.orchestrator.step import Step

EPISODE = 1
"""The fallout of an order as a whole is one Case: it is opened anew when the order is rejected again."""


def refuse(step: Step, problems: Sequence[Problem]) -> None:
    """Reject the order: its plan, which has nothing under way, says why."""
    plan = step.plan
    plan.problems = tuple(problems)
    step.turn(PlanTrigger.REFUSED, "\n".join(str(problem) for problem in problems))
    step.record("order rejected", detail=plan.message[:500])
    call_for_help(step, problems, "Mend the order (or the mapping set), then press Retry: the order is read again.")


def call_for_help(step: Step, problems: Sequence[Problem], suggestion: str) -> None:
    """Raise fallout about the order as a whole."""
    several = f"The order has {len(problems)} problems."
    failure = Failure(
        failure_class=FailureClass.BUSINESS,
        code=problems[0].code,
        message=str(problems[0]) if len(problems) == 1 else several,
        detail="\n".join(str(problem) for problem in problems),
    )
    step.command(
        RaiseFallout(
            item=WHOLE_ORDER,
            episode=EPISODE,
            attempts=0,
            failure=failure,
            queue=step.mappings.fallout_queue,
            suggestions=(suggestion,),
        )
    )
