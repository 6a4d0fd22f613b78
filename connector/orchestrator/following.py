"""Orders that wait for other orders. They tell each other by events: nobody looks at another order's plan.

    follower                                      followed
    read: waits ──────── FollowerCame ──────────▶ remembers it
    learns its number ◀─ FollowedTold (open) ────
    reads itself again ◀ FollowedTold (ended) ─── completed or canceled
    begins, if nothing else is waited for

It is read again when what the other has installed is written to Salesforce, so that it sees it there.

An event for an order that has not been read waits for that; one that is not answered for long is what the follower's
patience is about. A waiting order passes on what asks where its own waiting leads: what comes back to where it set
out has gone round a ring.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from msgspec.structs import replace

from connector.model.commands import ReadOrderAgain, ResolveFallout, SetTimer, TellOrder
from connector.model.events import FollowedTold, FollowerCame, TimerKind
from connector.model.failure import Problem
from connector.model.following import Followed, Follower, Standing
from connector.model.ids import WHOLE_ORDER, OrderId
from connector.model.plan import Plan
from connector.model.states import PlanState
from connector.orchestrator.refusing import EPISODE, call_for_help, refuse
from connector.orchestrator.step import Step

MOST_FOLLOWED = 100
"""A trail longer than this is not followed: a ring that long is told of by nobody, and its orders wait visibly."""


def queue_up(step: Step, follows: OrderId) -> bool:
    """Let an order that was read wait for the one that it follows, if it has to; whether it has to.

    What its plan knows of that one from an earlier reading counts.
    """
    plan = step.plan
    known = {followed.order: followed for followed in plan.waits_for}
    followed = known.get(follows, Followed(order=follows))
    if followed.standing is Standing.ENDED:
        return False
    plan.waits_for = (followed,)
    if follows == plan.id:
        refuse(step, [_ring([str(_self(plan))] * 2)])
        return True
    plan.message = _message(plan)
    step.record("waits for another order", detail=plan.message)
    _ask(step, followed, (_self(plan),))
    if _unheard(plan):
        due = step.now + step.mappings.follow_on.patience
        step.command(SetTimer(item=WHOLE_ORDER, kind=TimerKind.FOLLOW, epoch=1, due=due))
    return True


def came(step: Step, event: FollowerCame) -> None:
    """Another order waits for this one, or for one that waits for it."""
    plan, trail = step.plan, event.trail
    follower, own = trail[-1], _self(plan)
    if trail[0].order == plan.id:
        if plan.is_queued:
            refuse(step, [_ring([*map(str, trail), str(own)])])
        return
    known = Follower(order=follower.order, named=event.named)
    is_new = known not in plan.followers and own.standing is not Standing.ENDED
    if is_new:
        plan.followers = (*plan.followers, known)
        plan.changed_head = True
        step.record("is followed", detail=f"Order {follower} waits for this one to end.")
    if is_new or len(trail) == 1:
        _tell(step, known)
    if plan.is_queued and len(trail) < MOST_FOLLOWED and all(one.order != plan.id for one in trail):
        for followed in _open(plan):
            _ask(step, followed, (*trail, own))


def told(step: Step, event: FollowedTold) -> None:
    """An order that is waited for tells how it is doing; when all have ended, this one is read again and begins."""
    plan, news = step.plan, event.followed
    before = next((one for one in plan.waits_for if one.order == news.order), None)
    if before is None or before.standing is Standing.ENDED:
        step.record("word of another order ignored", detail=f"Order {news} is {news.standing}; nobody waits for that.")
        return
    plan.waits_for = tuple(news if one.order == news.order else one for one in plan.waits_for)
    plan.changed_head = True
    step.record("word of another order", detail=f"Order {news} is {news.standing}.")
    if not plan.is_queued:
        return
    plan.message = _message(plan)
    if plan.problems and not _unheard(plan):
        plan.problems = ()
        step.command(ResolveFallout(item=WHOLE_ORDER, episode=EPISODE, how=f"Order {news} has come."))
    if not _open(plan):
        step.command(ReadOrderAgain(after=plan.order.account.id))


def lose_patience(step: Step) -> None:
    """What is waited for has not come for long: a person should know. It is waited for all the same."""
    plan = step.plan
    missing = _unheard(plan)
    if not plan.is_queued or not missing:
        return
    patience = _shown(step.mappings.follow_on.patience)
    plan.problems = tuple(
        Problem(
            code="FOLLOWED_ORDER_MISSING",
            message=f"Order {followed}, which this one follows, has not come for {patience}.",
            hint="Activate it, or have this one follow no order.",
        )
        for followed in missing
    )
    plan.message = "\n".join([_message(plan), *map(str, plan.problems)])
    plan.changed_head = True
    step.record("the order to follow has not come", detail=", ".join(map(str, missing)))
    call_for_help(
        step,
        plan.problems,
        "Activate the order that is waited for: this one begins by itself when that one has ended. Or take it out of"
        " Follows, then press Retry.",
    )


def announce(step: Step, before: PlanState) -> None:
    """Tell those who follow this order what has become of it, if that is another thing to them than `before`."""
    plan, own = step.plan, _self(step.plan)
    if own.standing is standing(before):
        return
    for follower in plan.followers:
        _tell(step, follower)
    if own.standing is Standing.ENDED:
        plan.followers = ()
        plan.changed_head = True


def standing(state: PlanState) -> Standing:
    """What the state of a plan means to those that follow its order."""
    match state:
        case PlanState.COMPLETED | PlanState.CANCELED:
            return Standing.ENDED
        case PlanState.REJECTED:
            return Standing.REJECTED
        case _:
            return Standing.OPEN


def _self(plan: Plan) -> Followed:
    return Followed(order=plan.id, number=plan.order.number, standing=standing(plan.state))


def _ask(step: Step, followed: Followed, trail: tuple[Followed, ...]) -> None:
    step.command(TellOrder(order=followed.order, event=FollowerCame(named=followed.order, trail=trail)))


def _tell(step: Step, follower: Follower) -> None:
    own = replace(_self(step.plan), order=follower.named)
    step.command(TellOrder(order=follower.order, event=FollowedTold(followed=own)))


def _open(plan: Plan) -> list[Followed]:
    return [followed for followed in plan.waits_for if followed.standing is not Standing.ENDED]


def _unheard(plan: Plan) -> list[Followed]:
    return [followed for followed in plan.waits_for if followed.standing is Standing.UNHEARD]


def _message(plan: Plan) -> str:
    still = _open(plan)
    if not still:
        return "What it waited for has ended: it is read again when the inventory has been written, and begins."
    return f"Waits for {', for '.join(f'order {followed}{_REMARKS[followed.standing]}' for followed in still)}."


_REMARKS = {
    Standing.UNHEARD: ", which has not come yet",
    Standing.OPEN: "",
    Standing.REJECTED: ", which was rejected",
    Standing.ENDED: "",
}


def _ring(names: Iterable[str]) -> Problem:
    return Problem(
        code="FOLLOW_RING",
        message=f"The orders follow each other in a ring: {' → '.join(names)}.",
        hint="Take one of them out of it.",
    )


def _shown(length: timedelta) -> str:
    days, seconds = length.days, length.seconds
    parts = [f"{days} day{'s' if days > 1 else ''}" if days else "", str(timedelta(seconds=seconds)) if seconds else ""]
    return " and ".join(part for part in parts if part) or "no time"
