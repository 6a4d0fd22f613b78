"""A plan and the next version of its order, side by side: what its lines and items undergo. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from datetime import datetime
from functools import cached_property

from msgspec.structs import replace

from connector.decomposition import Decomposition, decompose
from connector.decomposition.known import Known
from connector.mappings.expression import EvaluationError
from connector.mappings.set import ItemDefinition, MappingSet, Scope
from connector.model.ids import ItemNo, LineId, TechnicalLineNo
from connector.model.order import Order
from connector.model.plan import Item, Plan
from connector.model.revision import ItemChange, ItemEffect
from connector.model.states import ItemState, ItemType
from connector.model.technical import Explanation, TechnicalLine
from connector.orchestrator.step import Step
from connector.orchestrator.unwanted import BY_PERSON, has_effect, is_recall
from connector.orchestrator.versions import CANCEL, Successor, differing, technical_differences, wished

Key = tuple[str, str]
"""What makes a technical line the same in two versions: product and scope key."""

Identity = tuple[str, str, str]
"""What makes an item the same in two versions: definition, key and scope key."""

GONE = frozenset({ItemState.CANCELED, ItemState.DISCARDED, ItemState.FAILED_DISCARDED})
"""States of items that do nothing, and of which nothing is left."""

NOT_BEGUN = frozenset({ItemState.PENDING, ItemState.SCHEDULED, ItemState.READY, ItemState.FROZEN})
FAILED = frozenset({ItemState.FAILED, ItemState.FATALLY_FAILED, ItemState.ON_HOLD})
_WITHOUT_EFFECT = frozenset({ItemType.EVENT, ItemType.TIMER, ItemType.MILESTONE})
_ENDING_FIRST = frozenset({ItemType.CALLOUT, ItemType.SUBPLAN})
"""Types whose items, when they run, come to their end before something else is done about them."""
_ENDS = frozenset({ItemEffect.REDONE, ItemEffect.UNDONE, ItemEffect.DISCARDED})
_GROWN = "+"
"""Stands for: the item has other lines than before."""


def identity(item: Item) -> Identity:
    """What the item is in every version."""
    return item.definition, item.key, item.scope_key


def line_key(line: TechnicalLine) -> Key:
    """What the technical line is in every version."""
    return line.product, line.scope_key


def is_busy(item: Item) -> bool:
    """A request of the item is being sent, and nobody knows yet what comes of it."""
    return item.type is ItemType.CALLOUT and item.state is ItemState.RUNNING and not item.accepted


def predecessors(plan: Plan, no: ItemNo) -> set[ItemNo]:
    """Everything that an item comes after, with the items of subplans; one of a subplan comes after what that does."""
    found, seen = set[ItemNo](), set[ItemNo]()
    waiting = [no]
    while waiting:
        item = plan.items[waiting.pop()]
        if item.no in seen:
            continue
        seen.add(item.no)
        before = {*item.after, *item.after_start}
        found |= before
        found.update(inside for each in before for inside in plan.below(each))
        waiting.extend(found - seen)
        waiting.extend([item.parent] if item.parent is not None else ())
    return found


def _newest(plan: Plan) -> Mapping[Identity, Item]:
    """Of the items that are the same the one that was made last."""
    found: dict[Identity, Item] = {}
    for item in plan.items.values():
        if item.undoes is None:
            known = found.get(identity(item))
            if known is None or known.no < item.no:
                found[identity(item)] = item
    return found


@dataclass(slots=True)
class _Changes:
    """What the two versions differ in."""

    amended: dict[TechnicalLineNo, set[str]] = field(default_factory=dict)
    """By live technical line: the attributes that differ."""
    canceled: set[TechnicalLineNo] = field(default_factory=set)
    order: set[str] = field(default_factory=set)
    """Attributes of the order, as `order.x`."""
    put_out: dict[ItemNo, tuple[TechnicalLineNo, set[str]]] = field(default_factory=dict)
    """By item that does not stay as it is: the line that it puts values into, and which."""


class Outlook:
    """A plan, and what the next version of its order makes of it.

    Callouts that are being sent count as if they had succeeded.
    """

    def __init__(
        self, plan: Plan, following: Successor, mappings: MappingSet, now: datetime, *, into: MappingSet | None = None
    ) -> None:
        """`into`: the mapping set that the plan is to go on with, if that is another one."""
        self.plan = plan
        self.following = following
        self.mappings = mappings
        self._now = now
        began = plan.created_at or now
        as_is = plan.as_is or ()
        came = Known(values=Known.of(plan).values)
        self.before = (
            _nothing(plan.order, mappings) if plan.is_canceling else decompose(plan.order, as_is, mappings, began, came)
        )
        self.after = (
            _nothing(following.order, mappings)
            if not following.order.lines
            else decompose(following.order, as_is, into or mappings, began, came)
        )
        self.before_lines = {line_key(line): line for line in self.before.lines}
        self.after_lines = {line_key(line): line for line in self.after.lines}
        self.after_items = {identity(item): item for item in self.after.items}
        self._before_items = {identity(item) for item in self.before.items}
        self.live_lines = {line_key(line): line for line in plan.lines.values() if line.is_live}
        self._by_source = _by_source(self.live_lines.values())
        self._after_by_source = _by_source(self.after.lines)
        self.live_items = {key: item for key, item in _newest(plan).items() if self._is_live(key, item)}
        """Of the items that are the same the newest, while it does something, will, or has done it."""
        self.changes = _Changes()
        self._compare()
        self.effects = self._effects()
        self.overtaken = self._overtaken()
        """What was amending items, and gives way to what becomes of them now."""

    def _is_live(self, key: Identity, item: Item) -> bool:
        if item.state in GONE or item.ends_as is ItemState.CANCELED:
            return False
        if item.state is not ItemState.SKIPPED or key in self._before_items:
            return True
        line = self.plan.lines[item.line] if item.line is not None else None
        return line is not None and line.is_live

    # -- lines ----------------------------------------------------------------------------------------

    def _compare(self) -> None:
        into = self.following.into
        for key, line in self.live_lines.items():
            old, new = self.before_lines.get(key), self.after_lines.get(key)
            if old is not None and new is not None:
                names = technical_differences(old, new)
                if names:
                    self.changes.amended[line.no] = names
            elif new is None and (old is not None or not any(source in into for source in line.sources)):
                self.changes.canceled.add(line.no)  # what grew late goes with the order lines it came from
        present, following = self.plan.order, self.following.order
        if following.supplemental_action != CANCEL:
            names = differing(present.attributes, following.attributes)
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

    @cached_property
    def amended_sources(self) -> Mapping[LineId, set[str]]:
        """Order lines of the present version of which the next one wants something else, and what."""
        olds = {line.id: line for line in self.plan.order.lines}
        of = self.following.of
        pairs = ((olds[of[new.id]], new) for new in self.after.order.lines if new.id in of)
        return {old.id: names for old, new in pairs if (names := wished(old, new))}

    def lines_of(self, item: Item, definition: ItemDefinition) -> tuple[TechnicalLine, ...]:
        """The live technical lines that the item is for; for one without, those of its order lines."""
        if definition.scope is Scope.LINE and item.line is not None:
            return (self.plan.lines[item.line],)
        found = {line.no: line for source in item.sources for line in self._by_source.get(source, ())}
        return tuple(found.values())

    # -- items ----------------------------------------------------------------------------------------

    def _effects(self) -> dict[Identity, ItemChange]:
        """What each live item undergoes. What is done again may touch others, until nothing new is found."""
        found: dict[Identity, ItemChange] = {}
        again = True
        while again:
            again = False
            for key, item in self.live_items.items():
                earlier = found.get(key)
                if earlier is not None and earlier.effect is not ItemEffect.KEPT:
                    continue
                change = self._with_subplan(item, found) or self._with_branch(item, found) or self._effect(item)
                if change.effect is ItemEffect.KEPT:
                    change = self._with_its_cause(item, found) or change
                found[key] = change
                again = self._spread(item, change) or change.effect is ItemEffect.REDONE or again
        for key, item in self.live_items.items():
            found[key] = self._with_subplan(item, found) or found[key]
        return found

    def _with_subplan(self, item: Item, found: Mapping[Identity, ItemChange]) -> ItemChange | None:
        """The items of a subplan go when that is done again, or goes itself."""
        parent = self.plan.items[item.parent] if item.parent is not None else None
        above = found.get(identity(parent)) if parent is not None else None
        if parent is not None and above is not None and above.item == parent.no and above.effect in _ENDS:
            definition = self.mappings.definition(item.definition, item.key)
            return self._gone(item, definition, f"{parent.name}, which it is of, is {above.effect}")
        return None

    def _with_branch(self, item: Item, found: Mapping[Identity, ItemChange]) -> ItemChange | None:
        """A branch that was skipped is looked at again from where it begins."""
        if not item.branch_skipped:
            return None
        before = [found.get(identity(self.plan.items[no])) for no in (*item.after, *item.after_start)]
        again = any(each is not None and each.effect is ItemEffect.UPDATED for each in before)
        return change_of(item, ItemEffect.UPDATED, "the branch that it is on is looked at again") if again else None

    def _with_its_cause(self, item: Item, found: Mapping[Identity, ItemChange]) -> ItemChange | None:
        """What only tells of what has come to pass (the delivery of a parcel) does so anew when that is done again. A
        point of no return stays passed.
        """
        if item.state is not ItemState.COMPLETED or item.type not in _WITHOUT_EFFECT:
            return None
        definition = self.mappings.definition(item.definition, item.key)
        for no in item.after if definition.ponr is None else ():
            cause = self.plan.items[no]
            change = found.get(identity(cause))
            if change is not None and change.effect is ItemEffect.REDONE:
                why = f"{cause.name}, which it tells of, is done again"
                return change_of(item, ItemEffect.REDONE, why, by=definition.on_cancel or "")
        return None

    def _spread(self, item: Item, change: ItemChange) -> bool:
        """Count what the item puts out, or does not put out any more, as changed; whether that is news."""
        if item.line is None or item.line in self.changes.canceled or item.no in self.changes.put_out:
            return False
        definition = self.mappings.definition(item.definition, item.key)
        match change.effect:
            case ItemEffect.REDONE | ItemEffect.UNDONE:
                names = _outputs(definition, self.mappings)
            case ItemEffect.AMENDED:
                amending = self.mappings.plans[change.by].items.values()
                names = set().union(*(_outputs(each, self.mappings) for each in amending))
            case ItemEffect.UPDATED if item.state is ItemState.SKIPPED:
                names = _outputs(definition, self.mappings)
            case _:
                return False
        self.changes.put_out[item.no] = item.line, names
        return bool(names)

    def _reaching(self, item: Item) -> list[tuple[TechnicalLineNo, set[str]]]:
        """What was put out, and is not as it was, by items that this one comes after."""
        put_out = self.changes.put_out
        if not put_out:
            return []
        return [put_out[no] for no in predecessors(self.plan, item.no) if no in put_out]

    def _effect(self, item: Item) -> ItemChange:
        definition = self.mappings.definition(item.definition, item.key)
        if self._is_gone(item, definition):
            return self._gone(item, definition, "the order does not need it any more")
        why = self.touched_by(item, definition)
        if why:
            has_begun = item.started_at is not None or item.state is ItemState.SKIPPED
            if has_begun and not self._is_wanted(item, definition):
                return self._gone(item, definition, f"{why}, and its condition is false then")
            return self._affected(item, definition, why)
        if self.is_moved and _is_timed(item, definition):
            return change_of(item, ItemEffect.UPDATED, "the requested date has moved")
        return change_of(item, ItemEffect.KEPT, "nothing that it depends on changes")

    def _is_gone(self, item: Item, definition: ItemDefinition) -> bool:
        key = identity(item)
        if key in self.after_items:
            return False
        if key in self._before_items:
            return True
        lines = self.lines_of(item, definition)
        return all(line.no in self.changes.canceled for line in lines)

    def touched_by(self, item: Item, definition: ItemDefinition) -> str:
        """The changes that the item reacts to, in words; empty when there are none."""
        reaching = self._reaching(item)
        own = {line.no for line in self.lines_of(item, definition)}
        names = {name for no in own for name in self.changes.amended.get(no, ())}
        names.update(name for no, put_out in reaching if no in own for name in put_out)
        if item.line is None:
            names.update(name for source in item.sources for name in self.amended_sources.get(source, ()))
        if definition.reacts_to is None:
            names |= {_GROWN} if self._has_other_lines(item, definition) else set()
        else:
            names = {name for name in definition.reacts_to if name in names or self._happens(name, item, reaching)}
        told = sorted(names - {_GROWN})
        parts = [f"{', '.join(told)} changed"] if told else []
        return " and ".join([*parts, *(["other lines belong to it"] if _GROWN in names else [])])

    def _happens(self, reaction: str, item: Item, reaching: Iterable[tuple[TechnicalLineNo, set[str]]]) -> bool:
        """Whether an attribute of the order, or of another line of the bundle, changes, comes or goes."""
        owner, _, name = reaction.rpartition(".")
        if owner == "order":
            return reaction in self.changes.order
        changed = [no for no, names in (*self.changes.amended.items(), *reaching) if name in names]
        lines = [self.plan.lines[no] for no in (*changed, *self.changes.canceled)]
        root = self.following.into.get(item.root) if item.root is not None else None
        return bool(owner) and (
            any(line.product == owner and line.root == item.root for line in lines)
            or any(line.product == owner and line.root == root for line in self.added)
        )

    def _has_other_lines(self, item: Item, definition: ItemDefinition) -> bool:
        """Lines came to the item, or left it; that of one line has always that one."""
        following = self.after_items.get(identity(item))
        if following is None or (definition.scope is Scope.LINE and item.line is not None):
            return False
        into = self.following.into
        if {into.get(source) for source in item.sources} != set(following.sources):
            return True
        now = {line_key(line) for line in self.lines_of(item, definition)}
        then = {line_key(line) for source in following.sources for line in self._after_by_source.get(source, ())}
        return bool((now & self.before_lines.keys()) ^ then)

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
        old, new = self.before_lines.get(key), self.after_lines.get(key)
        if old is None or new is None:
            return line
        names = differing(old.attributes, new.attributes)
        attributes = {name: value for name, value in line.attributes.items() if name not in names}
        attributes.update((name, new.attributes[name]) for name in names if name in new.attributes)
        return replace(line, attributes=attributes, action=new.action, quantity=new.quantity)

    def _gone(self, item: Item, definition: ItemDefinition, why: str) -> ItemChange:
        undo = definition.on_cancel or ""
        match item.state:
            case ItemState.SKIPPED:
                return change_of(item, ItemEffect.KEPT, "it was skipped")
            case ItemState.COMPLETED | ItemState.AMENDED:
                return change_of(item, ItemEffect.UNDONE, why, by=undo)
            case ItemState.RUNNING if item.type is ItemType.CALLOUT:
                return change_of(item, ItemEffect.UNDONE, why, by=undo, waits=item.accepted)
            case _ if item.state in FAILED and has_effect(item):
                return change_of(item, ItemEffect.UNDONE, f"{why}; it may have had its effect", by=undo)
            case _:
                return change_of(item, ItemEffect.DISCARDED, why)

    def _affected(self, item: Item, definition: ItemDefinition, why: str) -> ItemChange:
        is_done = item.state in (ItemState.COMPLETED, ItemState.AMENDED)
        if is_done and item.type in _WITHOUT_EFFECT:
            return change_of(item, ItemEffect.KEPT, f"{why}, but what has come to pass stays so")
        if is_done or (item.state is ItemState.RUNNING and item.type in _ENDING_FIRST):
            waits = item.accepted or (not is_done and item.type is ItemType.SUBPLAN)
            if definition.on_amend:
                return change_of(item, ItemEffect.AMENDED, why, by=definition.on_amend, waits=waits)
            return change_of(item, ItemEffect.REDONE, why, by=definition.on_cancel or "", waits=waits)
        if item.state in FAILED and has_effect(item):
            why = f"{why}; it may have had its effect"
            return change_of(item, ItemEffect.REDONE, why, by=definition.on_cancel or "")
        if item.state is ItemState.SKIPPED and item.outcome == BY_PERSON:
            return change_of(item, ItemEffect.KEPT, "a person has skipped it")
        return change_of(item, ItemEffect.UPDATED, why)

    # -- what earlier revisions have set going ----------------------------------------------------------

    @cached_property
    def amending(self) -> Mapping[ItemNo, tuple[Item, ...]]:
        """What is not done yet of what amends a live item, by that item."""
        live = {item.no for item in self.live_items.values()}
        found: dict[ItemNo, tuple[Item, ...]] = {}
        for item in self.plan.items.values():
            if item.undoes in live and not item.is_final and not is_recall(item):
                found[item.undoes] = (*found.get(item.undoes, ()), item)
        return found

    def _overtaken(self) -> tuple[tuple[Item, ItemChange], ...]:
        """An amendment that isn't done gives way to a newer one, and to undoing; a running callout ends first."""
        ends = (ItemEffect.UNDONE, ItemEffect.AMENDED, ItemEffect.REDONE, ItemEffect.DISCARDED)
        return tuple(
            (item, change_of(item, ItemEffect.DISCARDED, f"what it amends is {change.effect}"))
            for key, change in self.effects.items()
            if change.effect in ends
            for item in self.amending.get(self.live_items[key].no, ())
            if item.state is not ItemState.RUNNING or item.type is not ItemType.CALLOUT
        )


def _nothing(order: Order, mappings: MappingSet) -> Decomposition:
    """What an order that cancels comes to."""
    return Decomposition(order=order, lines=(), items=(), requests=(), explanation=Explanation(set_hash=mappings.hash))


def _by_source(lines: Iterable[TechnicalLine]) -> Mapping[LineId, list[TechnicalLine]]:
    found: dict[LineId, list[TechnicalLine]] = {}
    for line in lines:
        for source in line.sources:
            found.setdefault(source, []).append(line)
    return found


def _is_timed(item: Item, definition: ItemDefinition) -> bool:
    if item.state is ItemState.SCHEDULED:
        return True
    return item.type is ItemType.TIMER and item.state is ItemState.RUNNING and definition.until is not None


def _outputs(definition: ItemDefinition, mappings: MappingSet) -> set[str]:
    """What an item may put into its line."""
    names = {*definition.sets, *(each.name for each in definition.form)}
    if definition.collect is not None:
        names.add(definition.collect)
    for called in definition.calls:
        names.update(mappings.interface(called).outputs)
    if definition.completes is not None and definition.completes.on:
        system, _, event = definition.completes.on.partition(".")
        names.update(mappings.systems[system].events[event].outputs)
    return names


def change_of(
    item: Item, effect: ItemEffect, why: str, *, by: str = "", waits: bool = False, is_new: bool = False
) -> ItemChange:
    """What is told of the item."""
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
