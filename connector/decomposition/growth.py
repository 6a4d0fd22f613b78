"""Late decomposition: what a plan grows by when an item brings what parked rules have waited for.

The order is decomposed once more, against what was installed when it began, with the values that came since and the
numbers that its lines and items have: what is the same keeps its number, what is new is what the plan grows by. So
growing late and knowing from the start give the same lines, attributes and items, up to their numbers; and rules that
have been decided on are not decided on anew, because the value that came first counts for good.

What was there before is touched as little as can be:

- A technical line that a late rule leads to as well takes the values that all its rules together give it while no
  item of it has begun. Afterwards it takes what it has no value for yet; another value for what it has is a problem.
- An item that has not begun waits for the new items that its definition names; one that has begun does not, and the
  explanation says so.

A problem leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from connector.decomposition.engine import decompose
from connector.decomposition.explain import owner
from connector.decomposition.hopes import NEVER_FIRED, Hopes
from connector.decomposition.known import Known
from connector.decomposition.result import Decomposition
from connector.decomposition.tables import Tables
from connector.decomposition.values import same, shown
from connector.mappings.set import MappingSet
from connector.model.failure import Problem
from connector.model.ids import ItemNo, TechnicalLineNo
from connector.model.json import JsonObject
from connector.model.plan import Item, Plan
from connector.model.states import ItemState
from connector.model.technical import Decision, Explanation, ParkedRule, TechnicalLine

CONFLICT = "LATE_CONFLICT"
"""Code of the problem when a late rule wants something else than what is under way."""

_CAN_WAIT = frozenset({ItemState.PENDING, ItemState.SCHEDULED, ItemState.FROZEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What becomes of a plan. With problems nothing does."""

    parked: tuple[ParkedRule, ...] = ()
    """The rules that are parked afterwards."""
    late: Mapping[TechnicalLineNo, JsonObject] = field(default_factory=dict)
    """What items have given to lines whose rules waited for it."""
    lines: tuple[TechnicalLine, ...] = ()
    items: tuple[Item, ...] = ()
    changed_lines: tuple[TechnicalLine, ...] = ()
    """Lines that were there, with what the late rules give them."""
    changed_items: tuple[Item, ...] = ()
    """Items that were there and have not begun, with what they now wait for and are for."""
    explanation: Explanation | None = None
    problems: tuple[Problem, ...] = ()


def awaited(plan: Plan, line: TechnicalLineNo, values: JsonObject, mapping_set: MappingSet) -> JsonObject:
    """What of these values the rules of a line have waited for."""
    if not any(rule.line == line for rule in plan.parked):
        return {}
    technical, known = plan.lines[line], plan.late.get(line, {})
    if not technical.is_live:
        return {}
    names = Tables.of(mapping_set).awaited.get((technical.product, technical.action), frozenset())
    return {
        name: value
        for name, value in values.items()
        if value is not None and name in names and name not in technical.attributes and name not in known
    }


def grow(plan: Plan, line: TechnicalLineNo, values: JsonObject, mapping_set: MappingSet, because: str) -> Growth:
    """What a plan becomes when these values, which are awaited, come for a line; the plan itself is left alone.

    `because` says where they come from, for the explanation.
    """
    late = {**plan.late, line: {**values, **plan.late.get(line, {})}}
    began = plan.created_at
    assert began is not None
    made = decompose(plan.order, plan.as_is or (), mapping_set, began, Known.of(plan, late))
    if made.problems:
        return Growth(problems=made.problems)
    grown = _Grown(plan, made)
    changed_lines = tuple(grown.changed_lines())
    if grown.problems:
        return Growth(problems=tuple(grown.problems))
    changed_items = tuple(grown.changed_items())
    arrivals = [
        Decision(kind="attribute", subject=f"T{line}.{name}", taken=True, reason=f"is {shown(value)}, {because}")
        for name, value in values.items()
    ]
    told = (*arrivals, *grown.told(line), *grown.notes)
    return Growth(
        parked=made.parked,
        late=late,
        lines=grown.lines,
        items=grown.items,
        changed_lines=changed_lines,
        changed_items=changed_items,
        explanation=Explanation(set_hash=mapping_set.hash, decisions=told),
    )


def given_up(plan: Plan, parked: Iterable[ParkedRule], item: Item, mapping_set: MappingSet) -> tuple[Problem, ...]:
    """The required rules that nothing can decide on any more when this item, which might have brought what they wait
    for, ends without it.
    """
    lost = []
    others: Hopes | None = None
    for rule in parked:
        if rule.required and rule.waits_for and rule.line == item.line:
            if item.no not in Hopes(mapping_set, (item,)).givers(rule):
                continue
            if others is None:
                others = Hopes(mapping_set, [each for each in plan.items.values() if _may_come(each, item)])
            if not any(True for _ in others.givers(rule)):
                lost.append(_never(rule, plan))
    return tuple(lost)


def _may_come(other: Item, item: Item) -> bool:
    return not other.is_final and other.no != item.no


def _never(rule: ParkedRule, plan: Plan) -> Problem:
    line = plan.lines[rule.line]
    what = " or ".join(rule.waits_for)
    return Problem(
        code=NEVER_FIRED,
        message=f"The rule {rule.rule} is required, and what it waits for has not come: {what}.",
        where=f"T{rule.line} ({line.product})",
        hint=f"Complete the item with a value for {what}, retry it, or skip it to go on without.",
        source=rule.source,
    )


class _Grown:
    """A plan beside what its order would be made into now."""

    def __init__(self, plan: Plan, made: Decomposition) -> None:
        self._plan = plan
        self._made = made
        self.lines = tuple(line for line in made.lines if line.no not in plan.lines)
        self.items = tuple(item for item in made.items if item.no not in plan.items)
        self._new_items = frozenset(item.no for item in self.items)
        self._wanted_items = frozenset(item.no for item in made.items)
        self._touched = self._touched_lines()
        self.problems: list[Problem] = []
        self.notes: list[Decision] = []

    def _touched_lines(self) -> frozenset[TechnicalLineNo]:
        """Lines that were there and that a late rule leads to now, be it by way of others."""
        waited = {(f"T{rule.line}", rule.rule) for rule in self._plan.parked}
        touched = {line.no for line in self.lines}
        for each in self._made.explanation.decisions:
            if each.kind == "rule" and each.taken and each.made and (each.subject, each.rule) in waited:
                touched.add(TechnicalLineNo(int(each.made.removeprefix("T"))))
        size = -1
        while size < len(touched):
            size = len(touched)
            touched.update(line.no for line in self._made.lines if not touched.isdisjoint(line.parents))
        return frozenset(touched)

    # -- lines ----------------------------------------------------------------------------------------

    def changed_lines(self) -> Iterator[TechnicalLine]:
        """The lines that were there, as far as they change; what they can't take is among the problems."""
        for line in self._made.lines:
            if line.no in self._touched and line.no in self._plan.lines:
                now = self._plan.lines[line.no]
                changed = self._changed(now, line)
                if changed != now:
                    yield changed

    def _changed(self, now: TechnicalLine, wanted: TechnicalLine) -> TechnicalLine:
        own = [item for item in self._plan.items.values() if item.line == now.no]
        begun = [item for item in own if item.started_at is not None]
        put_out = {name for item in own for name in item.outputs}
        differing = {
            name: value
            for name, value in wanted.attributes.items()
            if name not in put_out and not same(now.attributes.get(name), value)
        }
        if wanted.action is not now.action:
            others = begun or [item for item in own if item.no not in self._wanted_items]
            if others:
                self._conflict(now, f"it would become a {wanted.action}, and has items of a {now.action}", others)
        if begun:
            for name, value in differing.items():
                if name in now.attributes:
                    is_now = shown(now.attributes[name])
                    self._conflict(now, f"{name} would become {shown(value)}, and is {is_now}", begun)
            if wanted.quantity != now.quantity:
                reason = f"its quantity would become {wanted.quantity:g}, and is {now.quantity:g}"
                self._conflict(now, reason, begun)
        return replace(
            now,
            action=wanted.action,
            sources=wanted.sources,
            parents=wanted.parents,
            quantity=wanted.quantity,
            attributes={**now.attributes, **differing},
            changes=wanted.changes,
        )

    def _conflict(self, line: TechnicalLine, reason: str, items: list[Item]) -> None:
        names = ", ".join(f"{item.no} {item.key}" for item in items[:_MOST_NAMED])
        self.problems.append(
            Problem(
                code=CONFLICT,
                message=f"A rule that waited leads to a line that is under way: {reason} ({names}).",
                where=f"T{line.no} ({line.product})",
                hint="Let its items wait for the one that brings the value.",
            )
        )

    # -- items ----------------------------------------------------------------------------------------

    def changed_items(self) -> Iterator[Item]:
        """The items that were there and change; those that have begun already are told of in the notes."""
        for wanted in self._made.items:
            now = self._plan.items.get(wanted.no)
            if now is None:
                continue
            after = self._new_items.intersection(wanted.after)
            after_start = self._new_items.intersection(wanted.after_start)
            sources = tuple(source for source in wanted.sources if source not in now.sources)
            if not (after or after_start or sources):
                continue
            if now.state in _CAN_WAIT or (now.state is ItemState.ON_HOLD and now.started_at is None):
                yield now.but(
                    after=tuple(sorted(after.union(now.after))),
                    after_start=tuple(sorted(after_start.union(now.after_start))),
                    sources=(*now.sources, *sources),
                )
            else:
                self._has_begun(now, sorted(after | after_start))

    def _has_begun(self, item: Item, after: Iterable[ItemNo]) -> None:
        for no in after:
            self.notes.append(
                Decision(
                    kind="item",
                    subject=f"item {item.no}",
                    taken=False,
                    reason=f"does not wait for item {no}, which came later: it has begun already",
                    rule=f"{item.definition}/{item.key}",
                )
            )

    # -- why ------------------------------------------------------------------------------------------

    def told(self, line: TechnicalLineNo) -> Iterator[Decision]:
        """The decisions that are new: about the rules that waited, and about what they led to."""
        waited = {rule.rule for rule in self._plan.parked if rule.line == line}
        subjects = {
            *(f"T{no}" for no in self._touched),
            *(f"item {item.no}" for item in self.items),
        }
        for each in self._made.explanation.decisions:
            is_of_line = each.subject == f"T{line}" and each.kind == "rule" and each.rule in waited
            if is_of_line or owner(each) in subjects:
                yield each


_MOST_NAMED = 5


def never_fired(rules: Iterable[ParkedRule]) -> Iterator[Decision]:
    """What to say of rules that are still parked when the plan ends."""
    for rule in rules:
        what = f"{' and '.join(rule.waits_for)} never came" if rule.waits_for else f"{rule.behind} was never decided on"
        yield Decision(
            kind="rule",
            subject=f"T{rule.line}",
            taken=False,
            reason=f"never fired: {what}",
            rule=rule.rule,
            source=rule.source,
        )
