"""What a revision would do to a plan, decided before anything is done. Pure.

The rules are in docs/adr/0018. Preview shows the assessment; `connector.orchestrator.amend` carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from datetime import datetime
from functools import cached_property

from msgspec.structs import replace

from connector.decomposition import Decomposition, decompose
from connector.mappings.expression import EvaluationError
from connector.mappings.set import ItemDefinition, MappingSet, Scope
from connector.model.failure import Problem
from connector.model.ids import LineId, TechnicalLineNo
from connector.model.order import Order, OrderLine
from connector.model.plan import Item, Plan
from connector.model.revision import Assessment, ItemChange, ItemEffect, LineChange, LineEffect, Passing
from connector.model.states import ItemState, ItemType, Phase
from connector.model.technical import Explanation, TechnicalLine
from connector.orchestrator.step import Step
from connector.orchestrator.unwanted import BY_PERSON
from connector.orchestrator.versions import CANCEL, Successor, successor

Key = tuple[str, str]
"""What makes a technical line the same in two versions: product and scope key."""

Identity = tuple[str, str, str]
"""What makes an item the same in two versions: definition, key and scope key."""

DEAD = frozenset({ItemState.AMENDED, ItemState.CANCELED, ItemState.DISCARDED, ItemState.FAILED_DISCARDED})
"""States in which earlier revisions have left an item."""

NOT_BEGUN = frozenset({ItemState.PENDING, ItemState.SCHEDULED, ItemState.READY, ItemState.FROZEN})
_FAILED = frozenset({ItemState.FAILED, ItemState.FATALLY_FAILED, ItemState.ON_HOLD})
_WITHOUT_EFFECT = frozenset({ItemType.EVENT, ItemType.TIMER, ItemType.MILESTONE})
_GROWN = "+"
"""Stands for: the item has other lines than before."""


def assess(plan: Plan, given: Order, mappings: MappingSet, now: datetime, *, overridden_by: str = "") -> Assessment:
    """What the supplemental order would do to the plan, which is left as it is.

    Callouts that are being sent count as if they had succeeded; who carries the revision out waits for them.
    """
    return look(plan, given, mappings, now, overridden_by=overridden_by).assessment


def look(plan: Plan, given: Order, mappings: MappingSet, now: datetime, *, overridden_by: str = "") -> Outlook:
    """The assessment, with what carrying it out needs."""
    return Outlook(plan, successor(plan.order, given), mappings, now, overridden_by)


def identity(item: Item) -> Identity:
    """What the item is in every version."""
    return item.definition, item.key, item.scope_key


def line_key(line: TechnicalLine) -> Key:
    """What the technical line is in every version."""
    return line.product, line.scope_key


def is_busy(item: Item) -> bool:
    """A request of the item is being sent, and nobody knows yet what comes of it."""
    return item.type is ItemType.CALLOUT and item.state is ItemState.RUNNING and not item.accepted


@dataclass(slots=True)
class _Changes:
    """What the two versions differ in."""

    amended: dict[TechnicalLineNo, set[str]] = field(default_factory=dict)
    """By live technical line: the attributes that differ."""
    canceled: set[TechnicalLineNo] = field(default_factory=set)
    order: set[str] = field(default_factory=set)
    """Attributes of the order, as `order.x`."""


class Outlook:
    """A plan, and what the next version of its order makes of it."""

    def __init__(
        self,
        plan: Plan,
        following: Successor,
        mappings: MappingSet,
        now: datetime,
        overridden_by: str = "",
        *,
        into: MappingSet | None = None,
    ) -> None:
        """`into`: the mapping set that the plan is to go on with, if that is another one."""
        self.plan = plan
        self.following = following
        self.mappings = mappings
        self._now = now
        self._overridden_by = overridden_by
        began = plan.created_at or now
        as_is = plan.as_is or ()
        self.before = decompose(plan.order, as_is, mappings, began)
        self.after = (
            _nothing(following.order, mappings)
            if not following.order.lines
            else decompose(following.order, as_is, into or mappings, began)
        )
        self._before_lines = {line_key(line): line for line in self.before.lines}
        self.after_lines = {line_key(line): line for line in self.after.lines}
        self.after_items = {identity(item): item for item in self.after.items}
        self._before_items = {identity(item) for item in self.before.items}
        self.live_lines = {line_key(line): line for line in plan.lines.values() if line.is_live}
        self._by_source = _by_source(self.live_lines.values())
        self._after_by_source = _by_source(self.after.lines)
        self.live_items = {
            identity(item): item
            for item in plan.items.values()
            if item.undoes is None and item.ends_as is None and item.state not in DEAD
        }
        self.changes = _Changes()
        self._compare()
        self.effects = self._effects()

    # -- lines ----------------------------------------------------------------------------------------

    def _compare(self) -> None:
        into = self.following.into
        for key, line in self.live_lines.items():
            old, new = self._before_lines.get(key), self.after_lines.get(key)
            if old is not None and new is not None:
                names = _differences(old, new)
                if names:
                    self.changes.amended[line.no] = names
            elif new is None and (old is not None or not any(source in into for source in line.sources)):
                self.changes.canceled.add(line.no)  # what grew late goes with the order lines it came from
        present, following = self.plan.order, self.following.order
        if following.supplemental_action != CANCEL:
            names = _differing(present.attributes, following.attributes)
            self.changes.order = {f"order.{name}" for name in names}

    @cached_property
    def is_moved(self) -> bool:
        """The date that is wished for is another one."""
        following = self.following.order
        return following.supplemental_action != CANCEL and following.requested_at != self.plan.order.requested_at

    @property
    def added(self) -> tuple[TechnicalLine, ...]:
        """The technical lines that the plan does not have yet."""
        return tuple(line for key, line in self.after_lines.items() if key not in self.live_lines)

    def _lines_of(self, item: Item, definition: ItemDefinition) -> tuple[TechnicalLine, ...]:
        """The live technical lines that the item is for; for one without, those of its order lines."""
        if definition.scope is Scope.LINE and item.line is not None:
            return (self.plan.lines[item.line],)
        found = {line.no: line for source in item.sources for line in self._by_source.get(source, ())}
        return tuple(found.values())

    # -- items ----------------------------------------------------------------------------------------

    def _effects(self) -> dict[Identity, ItemChange]:
        """What each live item undergoes. What a redone item puts out may touch others, until nothing new is found."""
        found: dict[Identity, ItemChange] = {}
        again = True
        while again:
            again = False
            for key, item in self.live_items.items():
                earlier = found.get(key)
                if earlier is not None and earlier.effect is not ItemEffect.KEPT:
                    continue
                change = self._effect(item)
                found[key] = change
                if change.effect is ItemEffect.REDONE and self._spread(item):
                    again = True
        return found

    def _spread(self, item: Item) -> bool:
        """Count what a redone item puts out as changed; whether that is news."""
        definition = self.mappings.definition(item.definition, item.key)
        names = _outputs(definition, self.mappings)
        news = False
        for line in self._lines_of(item, definition)[:1]:
            known = self.changes.amended.get(line.no, set())
            if names - known and line.no not in self.changes.canceled:
                self.changes.amended[line.no] = known | names
                news = True
        return news

    def _effect(self, item: Item) -> ItemChange:
        definition = self.mappings.definition(item.definition, item.key)
        if self._is_gone(item, definition):
            return self._gone(item, definition, "the order does not need it any more")
        why = self._touched_by(item, definition)
        if why:
            if item.state not in NOT_BEGUN and not self._is_wanted(item, definition):
                return self._gone(item, definition, f"{why}, and its condition is false then")
            return self._affected(item, definition, why)
        if self.is_moved and _is_timed(item, definition):
            return _change(item, ItemEffect.UPDATED, "the requested date has moved")
        return _change(item, ItemEffect.KEPT, "nothing that it depends on changes")

    def _is_gone(self, item: Item, definition: ItemDefinition) -> bool:
        key = identity(item)
        if key in self.after_items:
            return False
        if key in self._before_items:
            return True
        lines = self._lines_of(item, definition)
        return all(line.no in self.changes.canceled for line in lines)

    def _touched_by(self, item: Item, definition: ItemDefinition) -> str:
        """The changes that the item reacts to, in words; empty when there are none."""
        amended = self.changes.amended
        names = {name for line in self._lines_of(item, definition) for name in amended.get(line.no, ())}
        if definition.reacts_to is None:
            names |= {_GROWN} if self._has_other_lines(item, definition) else set()
        else:
            names = {name for name in definition.reacts_to if name in names or self._happens(name, item)}
        told = sorted(names - {_GROWN})
        parts = [f"{', '.join(told)} changed"] if told else []
        return " and ".join([*parts, *(["other lines belong to it"] if _GROWN in names else [])])

    def _happens(self, reaction: str, item: Item) -> bool:
        owner, _, name = reaction.rpartition(".")
        if owner == "order":
            return reaction in self.changes.order
        return bool(owner) and any(
            name in names
            for no, names in self.changes.amended.items()
            if (line := self.plan.lines[no]).product == owner and line.root == item.root
        )

    def _has_other_lines(self, item: Item, definition: ItemDefinition) -> bool:
        """Lines came to the item, or left it; that of one line has always that one."""
        following = self.after_items.get(identity(item))
        if following is None or (definition.scope is Scope.LINE and item.line is not None):
            return False
        into = self.following.into
        if {into.get(source) for source in item.sources} != set(following.sources):
            return True
        now = {line_key(line) for line in self._lines_of(item, definition)}
        then = {line_key(line) for source in following.sources for line in self._after_by_source.get(source, ())}
        return bool((now & self._before_lines.keys()) ^ then)

    def _is_wanted(self, item: Item, definition: ItemDefinition) -> bool:
        """Whether the item's condition holds with the new values; one that can't be told yet does."""
        if definition.when is None:
            return True
        step = Step(self._then, self._now, self.mappings)
        try:
            return definition.when.is_true(step.activation(item, definition.when))
        except EvaluationError:
            return True

    @cached_property
    def _then(self) -> Plan:
        """The plan with the new values, for conditions to look at."""
        lines = dict(self.plan.lines)
        for key, line in self.live_lines.items():
            lines[line.no] = self.amended_line(line, key)
        return replace_fields(
            self.plan, order=self.following.order, lines=lines, memo={}, changed_items={}, _bundles=None
        )

    def amended_line(self, line: TechnicalLine, key: Key) -> TechnicalLine:
        """The line as the new version wants it. What items have put into it stays, where nothing else is said."""
        old, new = self._before_lines.get(key), self.after_lines.get(key)
        if old is None or new is None:
            return line
        names = _differing(old.attributes, new.attributes)
        attributes = {name: value for name, value in line.attributes.items() if name not in names}
        attributes.update((name, new.attributes[name]) for name in names if name in new.attributes)
        return replace(line, attributes=attributes, action=new.action, quantity=new.quantity)

    def _gone(self, item: Item, definition: ItemDefinition, why: str) -> ItemChange:
        undo = definition.on_cancel or ""
        match item.state:
            case ItemState.SKIPPED:
                return _change(item, ItemEffect.KEPT, "it was skipped")
            case ItemState.COMPLETED:
                return _change(item, ItemEffect.UNDONE, why, by=undo)
            case ItemState.RUNNING if item.type is ItemType.CALLOUT:
                return _change(item, ItemEffect.UNDONE, why, by=undo, waits=item.accepted)
            case _ if item.state in _FAILED and item.in_doubt:
                return _change(item, ItemEffect.UNDONE, f"{why}; it may have had its effect", by=undo)
            case _:
                return _change(item, ItemEffect.DISCARDED, why)

    def _affected(self, item: Item, definition: ItemDefinition, why: str) -> ItemChange:
        completed = item.state is ItemState.COMPLETED and item.type not in _WITHOUT_EFFECT
        running = item.state is ItemState.RUNNING and item.type is ItemType.CALLOUT
        if completed or running:
            if definition.on_amend:
                return _change(item, ItemEffect.AMENDED, why, by=definition.on_amend, waits=item.accepted)
            return _change(item, ItemEffect.REDONE, why, by=definition.on_cancel or "", waits=item.accepted)
        if item.state is ItemState.COMPLETED:
            return _change(item, ItemEffect.KEPT, f"{why}, but what has come to pass stays so")
        if item.state in _FAILED and item.in_doubt:
            return _change(item, ItemEffect.REDONE, f"{why}; it may have had its effect", by=definition.on_cancel or "")
        if item.state is ItemState.SKIPPED and item.outcome == BY_PERSON:
            return _change(item, ItemEffect.KEPT, "a person has skipped it")
        return _change(item, ItemEffect.UPDATED, why)

    # -- points of no return --------------------------------------------------------------------------

    def _passing(self) -> tuple[Passing, ...]:
        found = []
        for item in self.plan.items.values():
            definition = self.mappings.definition(item.definition, item.key)
            if definition.ponr is None or not _has_reached(item):
                continue
            line = self._violated(item, definition)
            if line:
                found.append(
                    Passing(
                        item=item.no,
                        name=item.name,
                        level=definition.ponr,
                        reached_at=item.started_at,
                        line=line,
                        penalty=definition.penalty,
                    )
                )
        return tuple(found)

    def _violated(self, item: Item, definition: ItemDefinition) -> str:
        """The first line marked by the item that the revision cancels, or changes in a way that counts."""
        marked = self._lines_of(item, definition)
        for line in marked:
            if line.no in self.changes.canceled:
                return f"T{line.no} {line.product}"
        if self._touched_by(item, definition):
            return f"T{marked[0].no} {marked[0].product}" if marked else self._label(item.sources[0])
        for source in self._and_above(item.sources):
            if source not in self.following.into:
                return self._label(source)
            if definition.reacts_to is None and source in self._amended_sources:
                return self._label(source)
        return ""

    @cached_property
    def _amended_sources(self) -> frozenset[LineId]:
        """Order lines of the present version whose next version wants something else."""
        olds = {line.id: line for line in self.plan.order.lines}
        return frozenset(
            old.id
            for line in self.after.order.lines
            if (
                (old := olds.get(self.following.of.get(line.id, LineId("")))) is not None
                and (old.product, old.action, old.quantity, old.sub_action) != _wish(line)
            )
            or (old is not None and _differing(old.attributes, line.attributes))
        )

    def _and_above(self, sources: Iterable[LineId]) -> Iterable[LineId]:
        lines = {line.id: line for line in self.plan.order.lines}
        found: dict[LineId, None] = {}
        for source in sources:
            at: LineId | None = source
            while at is not None and at in lines and at not in found:
                found[at] = None
                at = lines[at].parent
        return found

    def _label(self, source: LineId) -> str:
        line = next((line for line in self.plan.order.lines if line.id == source), None)
        return f"line {line.number} ({line.product})" if line else f"line {source}"

    # -- all of it ------------------------------------------------------------------------------------

    @cached_property
    def assessment(self) -> Assessment:
        """Everything that is decided."""
        following = self.following.order
        action = CANCEL if following.supplemental_action == CANCEL else "Amend"
        if self.after.problems:
            return Assessment(order=following.id, action="Amend", problems=self.after.problems)
        items = list(self.effects.values())
        items += [
            _change(item, ItemEffect.KEPT, "it goes on undoing")
            for item in self.plan.items.values()
            if item.undoes is not None and item.state not in DEAD and not item.is_final
        ]
        items += [
            _change(item, ItemEffect.NEW, "the new version brings it", is_new=True)
            for key, item in self.after_items.items()
            if key not in self.live_items
        ]
        lines = self._line_changes()
        is_same = all(line.effect is LineEffect.NO_CHANGE for line in lines) and not self._amended_sources
        return Assessment(
            order=following.id,
            action="Cancel" if action == CANCEL else "Amend",
            lines=lines,
            items=tuple(items),
            passing=self._passing(),
            is_date_change=self.is_moved and is_same and not self.changes.order,
            waits_for=tuple(item.no for item in self.plan.items.values() if is_busy(item)),
            overridden_by=self._overridden_by,
        )

    def _line_changes(self) -> tuple[LineChange, ...]:
        found = []
        for (product, scope_key), line in self.live_lines.items():
            key = (product, scope_key)
            old, new = self._before_lines.get(key), self.after_lines.get(key)
            changed = tuple(sorted(_differences(old, new))) if old is not None and new is not None else ()
            effect = LineEffect.AMEND if changed else LineEffect.NO_CHANGE
            if line.no in self.changes.canceled:
                effect = LineEffect.CANCEL
            found.append(LineChange(line=line.no, product=product, scope_key=scope_key, effect=effect, changed=changed))
        found += [
            LineChange(line=None, product=line.product, scope_key=line.scope_key, effect=LineEffect.ADD)
            for line in self.added
        ]
        return tuple(found)


def refusal(code: str, message: str, hint: str = "") -> Problem:
    """Why a revision is not looked at."""
    return Problem(code=code, message=message, where="order", hint=hint)


def _nothing(order: Order, mappings: MappingSet) -> Decomposition:
    """What an order that cancels comes to."""
    return Decomposition(order=order, lines=(), items=(), requests=(), explanation=Explanation(set_hash=mappings.hash))


def _by_source(lines: Iterable[TechnicalLine]) -> Mapping[LineId, list[TechnicalLine]]:
    found: dict[LineId, list[TechnicalLine]] = {}
    for line in lines:
        for source in line.sources:
            found.setdefault(source, []).append(line)
    return found


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> set[str]:
    absent = object()
    return {name for name in old.keys() | new.keys() if old.get(name, absent) != new.get(name, absent)}


def _differences(old: TechnicalLine, new: TechnicalLine) -> set[str]:
    """What two versions of a technical line differ in."""
    names = _differing(old.attributes, new.attributes)
    names |= {"quantity"} if old.quantity != new.quantity else set()
    return names | ({"action"} if old.action is not new.action else set())


def _wish(line: OrderLine) -> tuple[object, ...]:
    return line.product, line.action, line.quantity, line.sub_action


def _is_timed(item: Item, definition: ItemDefinition) -> bool:
    if item.state is ItemState.SCHEDULED:
        return True
    return item.type is ItemType.TIMER and item.state is ItemState.RUNNING and definition.until is not None


def _has_reached(item: Item) -> bool:
    """The item has gone Running, and not every sending was surely refused."""
    if item.started_at is None:
        return False
    if item.state in _FAILED:
        return item.in_doubt
    return item.phase is not Phase.IDLE and item.state in (
        ItemState.RUNNING,
        ItemState.COMPLETED,
        ItemState.AMENDED,
    )


def _outputs(definition: ItemDefinition, mappings: MappingSet) -> set[str]:
    """What an item may put into its line."""
    names = {*definition.sets, *(each.name for each in definition.form)}
    if definition.interface is not None:
        names.update(mappings.interface(definition.interface).outputs)
    if definition.completes is not None:
        system, _, event = definition.completes.on.partition(".")
        names.update(mappings.systems[system].events[event].outputs)
    return names


def _change(
    item: Item, effect: ItemEffect, why: str, *, by: str = "", waits: bool = False, is_new: bool = False
) -> ItemChange:
    return ItemChange(
        item=None if is_new else item.no,
        definition=item.definition,
        key=item.key,
        scope_key=item.scope_key,
        name=item.name,
        effect=effect,
        why=why,
        by=by,
        after=item.no if waits else None,
    )
