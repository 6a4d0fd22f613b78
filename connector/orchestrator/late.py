"""Values come in: they become attributes of a technical line, and rules that waited for them are decided on.

Pure, as all of the machine. What the values lead to is computed before anything is changed: when it has problems
nothing is, and whoever brought the values is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.decomposition.growth import Growth, awaited, given_up, grow, never_fired
from connector.decomposition.values import same, shown
from connector.model.commands import ClearTimers, ExplainMore
from connector.model.failure import Failure, FailureClass, Problem
from connector.model.json import JsonObject
from connector.model.plan import Item
from connector.model.states import ItemState, ItemTrigger
from connector.model.technical import Explanation
from connector.orchestrator.step import Step


def take_in(step: Step, item: Item, values: JsonObject, because: str) -> tuple[Problem, ...]:
    """Give the item's line these attribute values, and decide on the rules that waited for them; gives what speaks
    against it. With problems nothing has changed.
    """
    growth = _growth(step, item, values, because)
    if growth is not None and growth.problems:
        return growth.problems
    _take(step, item, values, growth, because)
    return ()


def take_out(step: Step, item: Item, values: JsonObject) -> tuple[Problem, ...]:
    """The last values of an item, as `take_in`. It is a problem, too, when the item was the last that might have
    brought what a required rule waits for.
    """
    plan = step.plan
    if not plan.parked and not plan.late:  # as nearly always
        step.give(item, values)
        return ()
    because = came_from(item)
    growth = _growth(step, item, values, because)
    if growth is not None and growth.problems:
        return growth.problems
    if _is_heard(item):
        lost = given_up(plan, plan.parked if growth is None else growth.parked, item, step.mappings)
        if lost:
            return lost
    _take(step, item, values, growth, because)
    return ()


def came_from(item: Item) -> str:
    """Where values come from, for the explanation: `from item 3 (check-availability)`."""
    return f"from item {item.no} ({item.key})"


def failure_of(problems: Sequence[Problem]) -> Failure:
    """The failure of an item whose values can't be taken."""
    first = problems[0]
    message = str(first) if len(problems) == 1 else f"What it brought leads to {len(problems)} problems: {first}"
    return Failure(
        failure_class=FailureClass.BUSINESS,
        code=first.code,
        message=message,
        detail="\n".join(f"{problem} {problem.hint}".rstrip() for problem in problems),
    )


def tell_what_never_fired(step: Step) -> None:
    """The plan has ended: no rule that is still parked will be decided on."""
    plan = step.plan
    for rule in plan.parked:
        step.record("rule never fired", detail=str(rule))
    decisions = tuple(never_fired(plan.parked))
    step.command(ExplainMore(explanation=Explanation(set_hash=plan.set_hash, decisions=decisions)))


def _is_heard(item: Item) -> bool:
    """What the item puts out is for a line of the order as it is now."""
    return item.line is not None and item.each is None and item.undoes is None and item.ends_as is None


def _growth(step: Step, item: Item, values: JsonObject, because: str) -> Growth | None:
    plan, line = step.plan, item.line
    if not plan.parked or line is None or not _is_heard(item):
        return None
    news = awaited(plan, line, values, step.mappings)
    return grow(plan, line, news, step.mappings, because) if news else None


def _take(step: Step, item: Item, values: JsonObject, growth: Growth | None, because: str) -> None:
    _compare(step, item, values)
    step.give(item, values)
    if growth is not None:
        _apply(step, growth, because)


def _compare(step: Step, item: Item, values: JsonObject) -> None:
    """Say that a value is another one than that by which rules were decided on: they stay decided."""
    if item.line is None or not _is_heard(item):
        return
    for name, decided in step.plan.late.get(item.line, {}).items():
        if name in values and not same(values[name], decided):
            now = f"{name} is {shown(values[name])} now"
            step.record("rules stay decided", item, f"{now}; what waited for it was decided with {shown(decided)}")


def _apply(step: Step, growth: Growth, because: str) -> None:
    plan = step.plan
    plan.parked, plan.late = growth.parked, growth.late
    plan.changed_head = True
    for line in growth.changed_lines:
        plan.put_line(line)
    for item in growth.changed_items:
        plan.respecify(item)
    plan.add(growth.items, growth.lines)
    if growth.changed_items:
        plan.index()
    for item in growth.changed_items:
        if item.state is ItemState.SCHEDULED:  # it waits for more than its time now
            step.command(ClearTimers(item=item.no))
            step.move(item, ItemTrigger.UPDATED, waiting_for=None, due_at=None)
            step.to_look_at.append(item.no)
    step.to_look_at.extend(item.no for item in growth.items)
    if growth.explanation is not None:
        step.command(ExplainMore(explanation=growth.explanation))
    what = [f"{len(growth.lines)} technical lines", f"{len(growth.items)} items"]
    step.record("plan grown", detail=f"{' and '.join(what)}, by what came {because}")
