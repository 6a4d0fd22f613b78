"""States and transitions, as data. The diagrams in the documentation are generated from these tables.

A transition that is not in the table is refused with `IllegalTransition`, and the state is untouched.
"""

from __future__ import annotations

from enum import StrEnum

from connector.errors import IllegalTransition


class ItemType(StrEnum):
    """What an item of a plan is."""

    CALLOUT = "callout"
    AUTO = "auto"
    MANUAL = "manual"
    EVENT = "event"
    TIMER = "timer"
    MILESTONE = "milestone"
    SUBPLAN = "subplan"


class ItemState(StrEnum):
    """State of one item; the names are those that people see in Salesforce."""

    PENDING = "Pending"
    SCHEDULED = "Scheduled"
    READY = "Ready"
    RUNNING = "Running"
    ON_HOLD = "OnHold"
    COMPLETED = "Completed"
    SKIPPED = "Skipped"
    FAILED = "Failed"
    FATALLY_FAILED = "FatallyFailed"
    FROZEN = "Frozen"
    AMENDED = "Amended"
    CANCELED = "Canceled"
    DISCARDED = "Discarded"
    FAILED_DISCARDED = "FailedDiscarded"


class ItemTrigger(StrEnum):
    """What moves an item from one state to the next."""

    DEPENDENCIES_MET = "dependencies met"
    CONDITION_FALSE = "condition false"
    TIME_SET = "time set"
    TIME_COME = "time come"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED_ATTEMPT = "failed, will be retried"
    FAILED_FINALLY = "failed finally"
    RETRY_DUE = "retry due"
    RETRIED = "retried by an operator"
    FORCED_COMPLETE = "completed by an operator"
    SKIPPED_BY_OPERATOR = "skipped by an operator"
    HELD = "held"
    RESUMED = "resumed"
    DISCARDED = "discarded"
    FROZEN = "frozen"
    UNFROZEN = "unfrozen"
    UPDATED = "given new values"
    UNDONE = "undone by a revision"
    AMENDED = "amended by a revision"
    RECALLED = "recalled"


class Phase(StrEnum):
    """What an item's state means to somebody who asks how the order is doing."""

    IDLE = "idle"
    """Waits for what comes before it."""
    BUSY = "busy"
    """Somebody or something is at work on it, or will be within seconds."""
    WAITING = "waiting"
    """Waits for a person, a time, or another system's word."""
    FALLOUT = "fallout"
    """Needs a person to mend it."""
    DONE = "done"
    """Needs nothing more."""


class PlanState(StrEnum):
    """State of an order's plan."""

    NOT_STARTED = "NotStarted"
    IN_PROGRESS = "InProgress"
    FREEZING = "Freezing"
    FROZEN = "Frozen"
    COMPLETED = "Completed"
    CANCELED = "Canceled"
    REJECTED = "Rejected"


class PlanTrigger(StrEnum):
    """What moves a plan from one state to the next."""

    BEGUN = "plan made"
    REFUSED = "can't be fulfilled"
    BUSY = "a revision waits for answers"
    ASKED = "a revision waits for an approval"
    DECIDED = "the revision is decided"
    DONE = "nothing is left to do"
    UNDONE = "everything is undone"
    NOT_WANTED = "canceled before it began"


_P, _W = PlanState, PlanTrigger

PLAN_TRANSITIONS: dict[tuple[PlanState, PlanTrigger], PlanState] = {
    (_P.NOT_STARTED, _W.BEGUN): _P.IN_PROGRESS,
    (_P.NOT_STARTED, _W.REFUSED): _P.REJECTED,
    (_P.NOT_STARTED, _W.NOT_WANTED): _P.CANCELED,
    (_P.IN_PROGRESS, _W.BUSY): _P.FREEZING,
    (_P.IN_PROGRESS, _W.ASKED): _P.FROZEN,
    (_P.FREEZING, _W.ASKED): _P.FROZEN,
    (_P.FROZEN, _W.BUSY): _P.FREEZING,
    (_P.FREEZING, _W.DECIDED): _P.IN_PROGRESS,
    (_P.FROZEN, _W.DECIDED): _P.IN_PROGRESS,
    (_P.IN_PROGRESS, _W.DONE): _P.COMPLETED,
    (_P.IN_PROGRESS, _W.UNDONE): _P.CANCELED,
    (_P.REJECTED, _W.NOT_WANTED): _P.CANCELED,
}
"""A rejected order that is read again, or amended, gets a plan that takes the place of this one."""


def next_plan_state(state: PlanState, trigger: PlanTrigger) -> PlanState:
    """The state that `trigger` leads to.

    Raises:
        IllegalTransition: the table has no such transition.
    """
    try:
        return PLAN_TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransition(state.value, trigger.value) from None


_S, _T = ItemState, ItemTrigger

ITEM_TRANSITIONS: dict[tuple[ItemState, ItemTrigger], ItemState] = {
    (_S.PENDING, _T.DEPENDENCIES_MET): _S.READY,
    (_S.PENDING, _T.CONDITION_FALSE): _S.SKIPPED,
    (_S.PENDING, _T.TIME_SET): _S.SCHEDULED,
    (_S.PENDING, _T.FAILED_FINALLY): _S.FATALLY_FAILED,
    (_S.PENDING, _T.SKIPPED_BY_OPERATOR): _S.SKIPPED,
    (_S.PENDING, _T.HELD): _S.ON_HOLD,
    (_S.PENDING, _T.DISCARDED): _S.DISCARDED,
    (_S.PENDING, _T.FROZEN): _S.FROZEN,
    (_S.FROZEN, _T.UNFROZEN): _S.PENDING,
    (_S.FROZEN, _T.SKIPPED_BY_OPERATOR): _S.SKIPPED,
    (_S.FROZEN, _T.HELD): _S.ON_HOLD,
    (_S.FROZEN, _T.DISCARDED): _S.DISCARDED,
    (_S.SKIPPED, _T.UPDATED): _S.PENDING,
    (_S.SCHEDULED, _T.UPDATED): _S.PENDING,
    (_S.FAILED, _T.UPDATED): _S.PENDING,
    (_S.FATALLY_FAILED, _T.UPDATED): _S.PENDING,
    (_S.RUNNING, _T.UPDATED): _S.PENDING,
    (_S.RUNNING, _T.DISCARDED): _S.DISCARDED,
    (_S.RUNNING, _T.RECALLED): _S.CANCELED,
    (_S.COMPLETED, _T.UNDONE): _S.CANCELED,
    (_S.COMPLETED, _T.AMENDED): _S.AMENDED,
    (_S.AMENDED, _T.UNDONE): _S.CANCELED,
    (_S.AMENDED, _T.AMENDED): _S.AMENDED,
    (_S.SCHEDULED, _T.TIME_COME): _S.READY,
    (_S.SCHEDULED, _T.SKIPPED_BY_OPERATOR): _S.SKIPPED,
    (_S.SCHEDULED, _T.HELD): _S.ON_HOLD,
    (_S.SCHEDULED, _T.DISCARDED): _S.DISCARDED,
    (_S.READY, _T.STARTED): _S.RUNNING,
    (_S.READY, _T.SUCCEEDED): _S.COMPLETED,
    (_S.READY, _T.FAILED_FINALLY): _S.FATALLY_FAILED,
    (_S.READY, _T.HELD): _S.ON_HOLD,
    (_S.READY, _T.DISCARDED): _S.DISCARDED,
    (_S.RUNNING, _T.SUCCEEDED): _S.COMPLETED,
    (_S.RUNNING, _T.FAILED_ATTEMPT): _S.FAILED,
    (_S.RUNNING, _T.FAILED_FINALLY): _S.FATALLY_FAILED,
    (_S.RUNNING, _T.FORCED_COMPLETE): _S.COMPLETED,
    (_S.RUNNING, _T.SKIPPED_BY_OPERATOR): _S.SKIPPED,
    (_S.FAILED, _T.FAILED_ATTEMPT): _S.FAILED,
    (_S.FAILED, _T.FAILED_FINALLY): _S.FATALLY_FAILED,
    (_S.FAILED, _T.RETRY_DUE): _S.RUNNING,
    (_S.FAILED, _T.RETRIED): _S.RUNNING,
    (_S.FAILED, _T.SUCCEEDED): _S.COMPLETED,
    (_S.FAILED, _T.FORCED_COMPLETE): _S.COMPLETED,
    (_S.FAILED, _T.SKIPPED_BY_OPERATOR): _S.SKIPPED,
    (_S.FAILED, _T.HELD): _S.ON_HOLD,
    (_S.FAILED, _T.DISCARDED): _S.FAILED_DISCARDED,
    (_S.FATALLY_FAILED, _T.RETRIED): _S.RUNNING,
    (_S.FATALLY_FAILED, _T.SUCCEEDED): _S.COMPLETED,
    (_S.FATALLY_FAILED, _T.FORCED_COMPLETE): _S.COMPLETED,
    (_S.FATALLY_FAILED, _T.SKIPPED_BY_OPERATOR): _S.SKIPPED,
    (_S.FATALLY_FAILED, _T.DISCARDED): _S.FAILED_DISCARDED,
    (_S.ON_HOLD, _T.RESUMED): _S.PENDING,
    (_S.ON_HOLD, _T.SUCCEEDED): _S.COMPLETED,
    (_S.ON_HOLD, _T.FAILED_FINALLY): _S.FATALLY_FAILED,
    (_S.ON_HOLD, _T.SKIPPED_BY_OPERATOR): _S.SKIPPED,
    (_S.ON_HOLD, _T.DISCARDED): _S.DISCARDED,
}

FINAL_ITEM_STATES = frozenset(
    {
        _S.COMPLETED,
        _S.SKIPPED,
        _S.AMENDED,
        _S.CANCELED,
        _S.DISCARDED,
        _S.FAILED_DISCARDED,
    }
)
"""States in which an item needs nothing more; what comes after it may start."""


def next_item_state(state: ItemState, trigger: ItemTrigger) -> ItemState:
    """The state that `trigger` leads to.

    Raises:
        IllegalTransition: the table has no such transition.
    """
    try:
        return ITEM_TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransition(state.value, trigger.value) from None
