"""Supplemental orders on their way: one waits for the other, for the plan to stand still, for an approval. Pure.

came → Waiting ─┬─▶ (the plan freezes while requests are being sent) ─▶ Accepted
├─▶ Approval ─▶ Accepted, or Rejected by a person
└─▶ Rejected ─▶ (let pass by an authorised person) ─▶ Waiting
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace as replace_fields
from datetime import datetime
from typing import Literal, cast

from msgspec.structs import replace

from connector.errors import RefusedError
from connector.model.commands import ResolveFallout
from connector.model.events import Operation, OperatorCommanded, OrderRead, RevisionRead
from connector.model.failure import Problem
from connector.model.ids import WHOLE_ORDER, LineId, OrderId
from connector.model.order import Order
from connector.model.plan import Plan
from connector.model.revision import Assessment, Passing, Revision, Version, VersionState
from connector.model.states import ItemState, ItemTrigger, PlanState, PlanTrigger
from connector.orchestrator.advance import start
from connector.orchestrator.amend import carry_out
from connector.orchestrator.outlook import Outlook, is_busy
from connector.orchestrator.pausing import put_off
from connector.orchestrator.revise import assessed, look
from connector.orchestrator.step import Step
from connector.orchestrator.versions import CANCEL, successor

_OVER = (PlanState.COMPLETED, PlanState.CANCELED, PlanState.REJECTED)
_UNDER_WAY = (VersionState.WAITING, VersionState.APPROVAL)


def take(step: Step, event: RevisionRead) -> None:
    """A supplemental order has come: look at it as soon as its turn comes, or refuse it."""
    order = event.order
    known = _version(step.plan, order.id)
    if known is not None and known.state is not VersionState.REJECTED:
        step.record("already known", detail=f"Order {order.number} was submitted again; nothing changes.")
        return
    if step.plan.blocked is not None and step.plan.blocked.order.id == order.id:
        step.plan.blocked = None  # it may say something else now
    _put(step.plan, _of(order, VersionState.WAITING, step.now))
    if not event.problems and _cancels_unbegun(step.plan, order):
        _cancel_unbegun(step, order)
        return
    if event.problems:
        _reject(step, order, event.problems)
        return
    step.plan.revisions = (*step.plan.revisions, Revision(order=order, received_at=step.now))
    step.record("revision came", detail=f"Order {order.number}: {order.supplemental_action or 'Amend'}")


def instead_of_unbegun(plan: Plan, event: RevisionRead) -> OrderRead | None:
    """The amendment of an order that has never begun (it was rejected, or waits for others) takes its place; None when
    it can't. What took the place may be read again.
    """
    order, present = event.order, plan.order.id
    is_unknown = any(problem.code == "ORDER_NOT_FOUND" for problem in plan.problems)
    if plan.has_begun or is_unknown or event.problems or order.supplemental_action == CANCEL:
        return None
    is_ours = order.supersedes == _present(plan) or order.id == present != plan.id
    if not is_ours or order.account.id != plan.order.account.id:
        return None
    following = successor(plan.order, order).order
    if following.follows is None:
        following = replace_fields(following, follows=plan.order.follows)
    return OrderRead(order=following, inventory=event.inventory, set_hash=event.set_hash)


def take_the_place(made: Plan, earlier: Plan, order: Order, now: datetime) -> None:
    """Keep in the plan that was made of an amendment what became of the order before it, which never began."""
    first = _first(earlier, now)
    if earlier.state is PlanState.REJECTED:
        first = replace(first, state=VersionState.REJECTED, reason=earlier.message)
    is_rejected = made.state is PlanState.REJECTED
    state = VersionState.REJECTED if is_rejected else VersionState.ACCEPTED
    second = _of(order, state, now, reason=made.message if is_rejected else "")
    known = [each for each in earlier.versions or (first,) if each.order != order.id]
    made.versions = (*(each for each in known if each.state not in _UNDER_WAY), second)
    made.changed_versions.update(each.order for each in made.versions)


def revises_unbegun(plan: Plan, order: Order) -> bool:
    """Whether it cancels, or takes the place of, an order that has never begun: nothing is compared or undone then."""
    is_ours = order.supersedes == _present(plan) and order.account.id == plan.order.account.id
    is_unknown = any(problem.code == "ORDER_NOT_FOUND" for problem in plan.problems)
    return not plan.has_begun and is_ours and (order.supplemental_action == CANCEL or not is_unknown)


def _cancels_unbegun(plan: Plan, order: Order) -> bool:
    return order.supplemental_action == CANCEL and revises_unbegun(plan, order)


def _cancel_unbegun(step: Step, order: Order) -> None:
    """Nothing was begun, so nothing is to be undone."""
    plan = step.plan
    plan.versions = plan.versions or (_first(plan, step.now),)
    _put(plan, _of(order, VersionState.ACCEPTED, step.now))
    if plan.problems:
        step.command(ResolveFallout(item=WHOLE_ORDER, episode=1, how=f"Canceled by order {order.number}."))
    step.turn(PlanTrigger.NOT_WANTED)
    plan.finished_at = step.now
    plan.order = replace_fields(plan.order, supplemental_action=CANCEL)
    plan.changed_order = True
    step.record("plan canceled", detail=f"by order {order.number}; it had never begun")


def go_on(step: Step) -> None:
    """Decide about the revisions that wait, as far as that is possible now."""
    plan = step.plan
    while (revision := _next(plan)) is not None and _decided(step, revision):
        plan.revisions = tuple(each for each in plan.revisions if each is not revision)
    if revision is None and plan.state in (PlanState.FREEZING, PlanState.FROZEN):
        _unfreeze(step)


def _next(plan: Plan) -> Revision | None:
    """The first revision whose turn it is; one that has overtaken the version that it supersedes waits for that."""
    decided = {each.order for each in plan.versions if each.state not in _UNDER_WAY} | {plan.id, plan.order.id}
    return next((each for each in plan.revisions if each.order.supersedes in decided), None)


def _decided(step: Step, revision: Revision) -> bool:
    """Whether there is nothing more to wait for: the revision was accepted or rejected."""
    plan, order = step.plan, revision.order
    version = _version(plan, order.id)
    if version is not None and version.state is VersionState.APPROVAL and not revision.approved_by:
        return False
    refusal = refusal_of(plan, order)
    if refusal is not None:
        _reject(step, order, (refusal,))
        return True
    if any(is_busy(item) for item in plan.items.values()):
        _freeze(step, f"Order {order.number} waits for requests that are being sent.")
        return False
    _unfreeze_items(step)
    outlook = look(plan, order, step.mappings, step.now)
    assessment = assessed(outlook, overridden_by=revision.overridden_by)
    approved_by = revision.approved_by or order.approved_by or ""
    if assessment.problems:
        _reject(step, order, assessment.problems)
    elif assessment.blocked_by:
        plan.blocked = revision
        _reject(step, order, [_past(each) for each in assessment.blocked_by])
    elif assessment.penalties and not approved_by and not revision.overridden_by:
        _ask(step, order, assessment)
        return False
    else:
        _accept(step, replace(revision, approved_by=approved_by), outlook, assessment.passing)
    return True


def refusal_of(plan: Plan, order: Order) -> Problem | None:
    """Why the supplemental order is none for this plan, whatever it says."""
    present = _present(plan)
    if plan.state in _OVER:
        return _refused(
            "ORDER_FINISHED",
            f"Order {plan.order.number} is {plan.state.lower()}; there is nothing left to revise.",
            "Make a new order for what is installed.",
        )
    if order.account.id != plan.order.account.id:
        return _refused(
            "OTHER_ACCOUNT", f"Order {plan.order.number} is of another account.", "Check the field Supersedes."
        )
    if order.supersedes != present:
        newest = next((each.number for each in plan.versions if each.order == present), plan.order.number)
        return _refused(
            "NOT_THE_NEWEST",
            f"It supersedes a version that is not the newest accepted one, which is order {newest}.",
            f"Let it supersede order {newest}.",
        )
    return None


def _refused(code: str, message: str, hint: str) -> Problem:
    return Problem(code=code, message=message, where="order", hint=hint)


def _past(point: Passing) -> Problem:
    when = f" since {point.reached_at:%Y-%m-%d %H:%M} UTC" if point.reached_at else ""
    return Problem(
        code="POINT_OF_NO_RETURN",
        message=f"{point.line} can't be changed any more: {point.name} has passed its point of no return{when}.",
        where=f"item {point.item}",
        hint="Somebody with the permission may override it.",
    )


def _present(plan: Plan) -> OrderId:
    """The newest accepted version."""
    accepted = [each.order for each in plan.versions if each.state is VersionState.ACCEPTED]
    return accepted[-1] if accepted else plan.order.id


# -- standing still -----------------------------------------------------------------------------------


def _freeze(step: Step, message: str) -> None:
    """Let nothing begin until requests are answered that are being sent."""
    _stand_still(step, PlanState.FREEZING, PlanTrigger.BUSY, message)


def _stand_still(step: Step, state: PlanState, trigger: PlanTrigger, message: str) -> None:
    plan = step.plan
    if plan.state is not state:
        step.turn(trigger, message)
        step.record("plan freezes" if state is PlanState.FREEZING else "plan is frozen", detail=message)
    elif plan.message != message:
        plan.message, plan.changed_head = message, True


def _unfreeze_items(step: Step) -> None:
    for item in [item for item in step.plan.items.values() if item.state is ItemState.FROZEN]:
        step.move(item, ItemTrigger.UNFROZEN, waiting_for=None)
        step.to_look_at.append(item.no)


def _unfreeze(step: Step) -> None:
    """Go on; what had its time meanwhile begins now."""
    step.turn(PlanTrigger.DECIDED)
    step.record("plan goes on")
    _unfreeze_items(step)
    make_up(step)


def make_up(step: Step) -> None:
    """Start what was put off until a time that came while the plan stood still."""
    for item in list(step.plan.items.values()):
        is_put_off = item.state in (ItemState.FAILED, ItemState.SCHEDULED)
        if not is_put_off or item.due_at is None or item.due_at > step.now or put_off(step, item):
            continue
        if item.state is ItemState.FAILED:
            start(step, item, ItemTrigger.RETRY_DUE)
        else:
            start(step, item, ItemTrigger.TIME_COME, ItemTrigger.STARTED)


def _ask(step: Step, order: Order, assessment: Assessment) -> None:
    penalties = "; ".join(f"{each.line}: {each.penalty or each.name}" for each in assessment.penalties)
    message = f"Order {order.number} waits for the approval of: {penalties}"
    known = _version(step.plan, order.id)
    if known is None or known.state is not VersionState.APPROVAL:
        _put(step.plan, _of(order, VersionState.APPROVAL, step.now, reason=message))
        step.record("approval is asked for", detail=message[:500])
    _stand_still(step, PlanState.FROZEN, PlanTrigger.ASKED, message)


# -- decisions ----------------------------------------------------------------------------------------


def _accept(step: Step, revision: Revision, outlook: Outlook, passed: Iterable[Passing]) -> None:
    plan, order = step.plan, revision.order
    if not plan.versions or all(each.action != "New" for each in plan.versions):
        plan.versions = (_first(plan, step.now), *plan.versions)
        plan.changed_versions.add(plan.order.id)
    passed = tuple(passed)
    penalties = "; ".join(each.penalty or each.name for each in passed if each.level == "soft")
    hard = ", ".join(each.name for each in passed if each.level == "hard")
    reasons = [f"Penalties: {penalties}"] if penalties else []
    reasons += [f"Past the point of no return: {hard}"] if hard else []
    _put(
        plan,
        _of(
            order,
            VersionState.ACCEPTED,
            step.now,
            reason="\n".join(reasons),
            approved_by=revision.approved_by,
            overridden_by=revision.overridden_by,
        ),
    )
    plan.blocked = None
    if plan.state is not PlanState.IN_PROGRESS:
        step.turn(PlanTrigger.DECIDED)
    who = [f"penalties approved by {revision.approved_by}"] if revision.approved_by and penalties else []
    who += [f"point of no return overridden by {revision.overridden_by}"] if revision.overridden_by else []
    step.record("revised", detail="; ".join([f"by order {order.number}", *who])[:500], by=revision.overridden_by)
    carry_out(step, outlook)
    make_up(step)


def _reject(step: Step, order: Order, problems: Iterable[Problem]) -> None:
    reason = "\n".join(str(problem) for problem in problems)
    _put(step.plan, _of(order, VersionState.REJECTED, step.now, reason=reason[:4_000]))
    step.record("revision rejected", detail=f"Order {order.number}: {reason}"[:500])


def _first(plan: Plan, now: datetime) -> Version:
    return Version(
        order=plan.order.id,
        number=plan.order.number,
        action="New",
        state=VersionState.ACCEPTED,
        at=plan.created_at or now,
        lines=tuple(line.id for line in plan.order.lines),
    )


def _of(
    order: Order,
    state: VersionState,
    now: datetime,
    *,
    reason: str = "",
    approved_by: str = "",
    overridden_by: str = "",
) -> Version:
    action = cast("Literal['Amend', 'Cancel']", CANCEL if order.supplemental_action == CANCEL else "Amend")
    lines: tuple[LineId, ...] = tuple(line.id for line in order.lines)
    return Version(
        order=order.id,
        number=order.number,
        action=action,
        state=state,
        at=now,
        lines=lines,
        reason=reason,
        approved_by=approved_by,
        overridden_by=overridden_by,
    )


def _version(plan: Plan, order: OrderId) -> Version | None:
    return next((each for each in plan.versions if each.order == order), None)


def _put(plan: Plan, version: Version) -> None:
    """Keep what became of a version; accepted ones stand in the order of their acceptance."""
    others = tuple(each for each in plan.versions if each.order != version.order)
    plan.versions = (*others, version)
    plan.changed_head = True
    plan.changed_versions.add(version.order)


# -- what people say about them -----------------------------------------------------------------------


def decide(step: Step, command: OperatorCommanded) -> str:
    """Approve, reject or override a revision; gives what was done.

    Raises:
        RefusedError: there is none that waits for this.
    """
    plan = step.plan
    if command.operation is Operation.OVERRIDE:
        return _override(step, command)
    waiting = next((each for each in plan.revisions if _is_asked(plan, each)), None)
    if waiting is None:
        raise RefusedError(f"No revision of order {plan.order.number} waits for an approval.")
    if command.operation is Operation.APPROVE:
        approved = replace(waiting, approved_by=command.by)
        plan.revisions = tuple(approved if each is waiting else each for each in plan.revisions)
        step.record("penalties approved", detail=f"Order {waiting.order.number}", by=command.by)
        return f"The penalties of order {waiting.order.number} are approved."
    plan.revisions = tuple(each for each in plan.revisions if each is not waiting)
    _reject(step, waiting.order, [_refused("NOT_APPROVED", f"{command.by} did not approve its penalties.", "")])
    return f"Order {waiting.order.number} is rejected."


def _is_asked(plan: Plan, revision: Revision) -> bool:
    version = _version(plan, revision.order.id)
    return version is not None and version.state is VersionState.APPROVAL


def _override(step: Step, command: OperatorCommanded) -> str:
    plan = step.plan
    blocked = plan.blocked
    if blocked is None:
        raise RefusedError(f"No revision of order {plan.order.number} was stopped by a point of no return.")
    refusal = refusal_of(plan, blocked.order)
    if refusal is not None:
        raise RefusedError(str(refusal))
    plan.blocked = None
    plan.revisions = (*plan.revisions, replace(blocked, overridden_by=command.by))
    _put(plan, _of(blocked.order, VersionState.WAITING, step.now, overridden_by=command.by))
    step.record("point of no return overridden", detail=f"for order {blocked.order.number}", by=command.by)
    return f"Order {blocked.order.number} passes the point of no return; {command.by} said so."
