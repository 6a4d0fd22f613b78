"""From plan definitions to items: one instance per definition, key and scope, with its dependencies.

What a dependency waits for:

- `key`: the item of that key in the same definition, for each of the lines that the item is for.
- `key@bundle`, `key@order`, `key@account`: every item of that key, of whatever definition, that is for a
  line in one of the same bundles (in the order, the account).
- `key@line`: every item of that key for a technical line that comes from one of the same order lines.
- `plan/key@…`: the same, of that definition only.

With `{start: …}` it waits for the start of these items instead of their end.

A dependency across definitions on an item that the order does not have is none.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from connector.decomposition.journal import Journal
from connector.decomposition.known import Known
from connector.decomposition.scenarios import PlannedLine
from connector.decomposition.scope import Bundles, key_by_scope
from connector.decomposition.tables import Step, Tables
from connector.mappings.set import Dependency, ItemDefinition, Scope
from connector.model.failure import Problem
from connector.model.ids import ItemNo, LineId
from connector.model.order import Order
from connector.model.plan import Item

MOST_DEPENDENCIES = 2_000_000
"""A plan with more dependencies than this is refused: it would not fit a turn."""

MOST_LINES = 10
"""So many of an item's lines are named in its explanation."""

_Group: TypeAlias = tuple[Scope, str, str | None, str]
"""What a dependency across definitions waits for: scope, which one of it, definition (None: any), key."""


class TooManyDependencies(Exception):
    """The plan would have more dependencies than a turn can take."""

    def __init__(self, definition: ItemDefinition, dependency: Dependency) -> None:
        super().__init__(f"{definition.plan}/{definition.key} after {dependency.key}")
        self.definition = definition
        self.dependency = dependency


class Instance(msgspec.Struct, gc=False):
    """An item before it has its number."""

    step: Step
    scope_key: str
    lines: list[PlannedLine]
    before: Sequence[int] = ()
    """Places of the instances that it waits for, be it for their end or only for their start."""
    starts: frozenset[int] = frozenset()
    """Those of them whose start is enough."""
    unmet: tuple[Dependency, ...] = ()
    """Dependencies across definitions that found nothing."""

    @property
    def definition(self) -> ItemDefinition:
        """What it is an instance of."""
        return self.step.definition

    @property
    def label(self) -> str:
        """`activate (T3)`."""
        more = f" and {len(self.lines) - 1} more" if len(self.lines) > 1 else ""
        return f"{self.step.name} ({self.lines[0].subject}{more})"


class Planner:
    """Makes the items of one order."""

    def __init__(self, order: Order, bundles: Bundles, tables: Tables, journal: Journal, known: Known) -> None:
        self._order = order
        self._bundles = bundles
        self._lanes = tables.lanes
        self._journal = journal
        self._known = known
        self._instances: list[Instance] = []
        self._places: dict[str, tuple[dict[str, int], ...]] = {}
        """By plan definition: for each of its items the places of its instances, by scope key."""

    def plan(self, lines: Sequence[tuple[PlannedLine, tuple[str, ...]]]) -> tuple[tuple[Item, ...], list[Problem]]:
        """The items of these lines, each with its plan definitions; an item comes after all that it
        waits for, and they are numbered in that order; but items that are known keep their numbers, and others get
        the next ones.

        Items that wait for each other are a problem that names the ring, and then there are no items.
        """
        for line, plans in lines:
            for plan in plans:
                self._instantiate(plan, line)
        try:
            is_ordered = self._connect()
        except TooManyDependencies as much:
            return (), [_too_many(much)]
        if is_ordered:
            return self._numbered(range(len(self._instances))), []
        order, rings = _in_order(self._instances)
        if rings:
            return (), [self._ring(ring) for ring in rings]
        return self._numbered(order), []

    def _instantiate(self, plan: str, line: PlannedLine) -> None:
        steps = self._lanes[plan].steps
        columns = self._places.get(plan)
        if columns is None:
            columns = self._places[plan] = tuple({} for _ in steps)
        for step, places in zip(steps, columns, strict=True):
            scope_key = self._scope_key(step.definition.scope, line)
            place = places.get(scope_key)
            if place is None:
                places[scope_key] = len(self._instances)
                self._instances.append(Instance(step, scope_key, [line]))
            else:
                self._instances[place].lines.append(line)

    def _scope_key(self, scope: Scope, line: PlannedLine) -> str:
        return key_by_scope(
            scope,
            own=line.identity,
            bundle=line.bundle,
            order=self._order.first,
            account=self._order.account.id,
        )

    # -- dependencies ---------------------------------------------------------------------------------

    def _connect(self) -> bool:
        """Find what every instance waits for; gives whether all of it comes earlier anyway."""
        groups = self._grouped()
        count = 0
        is_ordered = True
        for place, instance in enumerate(self._instances):
            beside = instance.step.beside
            if beside is None:
                count = self._wait(instance, groups, count)
            elif beside:
                columns = self._places[instance.definition.plan]
                instance.before = [columns[column][instance.scope_key] for column in beside]
                count += len(beside)
                if count > MOST_DEPENDENCIES:
                    raise TooManyDependencies(instance.definition, instance.definition.after[-1])
            if instance.before and max(instance.before) >= place:
                is_ordered = False
        return is_ordered

    def _wait(self, instance: Instance, groups: Mapping[_Group, dict[int, None]], count: int) -> int:
        """Find what an instance waits for beyond its own kind; gives the dependencies found until now."""
        before: dict[int, None] = {}
        ends: set[int] = set()
        unmet = []
        for dependency in instance.definition.after:
            if dependency.scope is None:
                found = self._inside(instance, dependency.key)
            else:
                found = self._across(instance, dependency.scope, dependency, groups)
                if not found:
                    unmet.append(dependency)
            before.update(dict.fromkeys(found))
            if not dependency.at_start:
                ends.update(found)
            count += len(found)
            if count > MOST_DEPENDENCIES:
                raise TooManyDependencies(instance.definition, dependency)
        instance.before = list(before)
        instance.starts = frozenset(before).difference(ends)
        instance.unmet = tuple(unmet)
        return count

    def _grouped(self) -> Mapping[_Group, dict[int, None]]:
        """The instances that something waits for across definitions, by what it calls them."""
        wanted: dict[str, dict[tuple[Scope, str | None], None]] = {}
        for used in self._places:
            for step in self._lanes[used].steps:
                for dependency in step.definition.after if step.beside is None else ():
                    if dependency.scope is not None:
                        wanted.setdefault(dependency.key, {})[dependency.scope, dependency.plan] = None
        if not wanted:
            return {}
        groups: dict[_Group, dict[int, None]] = {}
        for place, instance in enumerate(self._instances):
            for scope, plan in wanted.get(instance.definition.key, ()):
                if plan in (None, instance.definition.plan):
                    for group in self._groups(scope, instance.lines):
                        groups.setdefault((scope, group, plan, instance.definition.key), {})[place] = None
        return groups

    def _groups(self, scope: Scope, lines: Iterable[PlannedLine]) -> Iterable[str]:
        match scope:
            case Scope.LINE:
                return dict.fromkeys(source for line in lines for source in line.sources)
            case Scope.BUNDLE:
                roots = self._bundles.roots
                return dict.fromkeys(roots[source] for line in lines for source in line.sources)
            case Scope.ORDER | Scope.ACCOUNT:
                return ("",)

    def _inside(self, instance: Instance, key: str) -> list[int]:
        lane = self._lanes[instance.definition.plan]
        column = lane.places[key]
        scope = lane.steps[column].definition.scope
        places = self._places[instance.definition.plan][column]
        scope_keys = dict.fromkeys(self._scope_key(scope, line) for line in instance.lines)
        return [places[scope_key] for scope_key in scope_keys]

    def _across(
        self, instance: Instance, scope: Scope, wanted: Dependency, groups: Mapping[_Group, dict[int, None]]
    ) -> list[int]:
        return [
            place
            for group in self._groups(scope, instance.lines)
            for place in groups.get((scope, group, wanted.plan, wanted.key), ())
        ]

    # -- numbers --------------------------------------------------------------------------------------

    def _numbered(self, order: Sequence[int]) -> tuple[Item, ...]:
        numbers = [ItemNo(0)] * len(order)
        if not self._known.items:
            for number, place in enumerate(order, start=1):
                numbers[place] = ItemNo(number)
        else:
            last = self._known.last_item
            for place in order:
                instance = self._instances[place]
                known = self._known.items.get((instance.definition.plan, instance.definition.key, instance.scope_key))
                if known is None:
                    last += 1
                    known = ItemNo(last)
                numbers[place] = known
        return tuple([self._item(self._instances[place], numbers, numbers[place]) for place in order])

    def _item(self, instance: Instance, numbers: Sequence[ItemNo], no: ItemNo) -> Item:
        step, first = instance.step, instance.lines[0]
        definition = step.definition
        starts = instance.starts
        after = tuple(sorted([numbers[place] for place in instance.before if place not in starts]))
        after_start = tuple(sorted([numbers[place] for place in starts]))
        lines = [line.subject for line in instance.lines[:MOST_LINES]]
        if len(instance.lines) > MOST_LINES:
            lines.append(f"… {len(instance.lines) - MOST_LINES} more")
        reason = f"{step.kind} for {', '.join(lines)}"
        if after:
            reason += f", after {_listed(after)}"
        if after_start:
            reason += f", after the start of {_listed(after_start)}"
        subject = f"item {no}"
        self._journal.note("item", subject, reason, rule=step.name, source=step.source, seen={"lines": lines})
        for dependency in instance.unmet:
            self._journal.note(
                "item",
                subject,
                f"waits for no {_written(dependency)}: the order has none",
                taken=False,
                rule=step.name,
                source=str(dependency.source),
            )
        return Item(
            no=no,
            definition=definition.plan,
            key=definition.key,
            type=definition.type,
            scope_key=instance.scope_key,
            name=definition.name,
            line=first.number,
            sources=self._sources(instance.lines),
            root=first.root,
            after=after,
            after_start=after_start,
            queue=definition.queue,
        )

    @staticmethod
    def _sources(lines: Sequence[PlannedLine]) -> tuple[LineId, ...]:
        if len(lines) == 1:
            return lines[0].sources
        return tuple(dict.fromkeys(source for line in lines for source in line.sources))

    def _ring(self, ring: Sequence[int]) -> Problem:
        members = [self._instances[place] for place in ring]
        labels = [member.label for member in members]
        shown = [*labels[:MOST_LINES], "…"] if len(labels) > MOST_LINES else labels
        return Problem(
            code="ITEM_RING",
            message=f"Items of the plan wait for each other: {' → '.join([*shown, labels[0]])}.",
            where=f"plan {members[0].definition.plan}",
            hint="Take one of the dependencies (after) away.",
            source=str(members[0].definition.source),
        )


def _listed(numbers: Sequence[ItemNo]) -> str:
    more = f", … {len(numbers) - MOST_LINES} more" if len(numbers) > MOST_LINES else ""
    return f"{', '.join(map(str, numbers[:MOST_LINES]))}{more}"


def _written(dependency: Dependency) -> str:
    plan = f"{dependency.plan}/" if dependency.plan else ""
    start = "start of " if dependency.at_start else ""
    return f"{start}{plan}{dependency.key}@{dependency.scope}"


def _too_many(much: TooManyDependencies) -> Problem:
    definition, dependency = much.definition, much.dependency
    return Problem(
        code="TOO_MANY_DEPENDENCIES",
        message=f"The plan has more than {MOST_DEPENDENCIES:,} dependencies.",
        where=f"{definition.plan}/{definition.key} after {_written(dependency)}",
        hint="Put a milestone with the wider scope between the many items before and the many after.",
        source=str(definition.source),
    )


def _in_order(instances: Sequence[Instance]) -> tuple[list[int], list[list[int]]]:
    """The instances so that each comes after all that it waits for, else as they were made; and the
    rings that make this impossible, of those that hang together one.
    """
    waiting = [len(instance.before) for instance in instances]
    followers: list[list[int]] = [[] for _ in instances]
    for place, instance in enumerate(instances):
        for before in instance.before:
            followers[before].append(place)
    free = [place for place, count in enumerate(waiting) if count == 0]
    order: list[int] = []
    while free:
        place = heapq.heappop(free)
        order.append(place)
        for follower in followers[place]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heapq.heappush(free, follower)
    return order, _rings(instances, [place for place, count in enumerate(waiting) if count])


def _rings(instances: Sequence[Instance], stuck: Sequence[int]) -> list[list[int]]:
    """Walk back from every stuck instance through stuck ones until a known one or a ring is met."""
    left, seen = set(stuck), set[int]()
    rings: list[list[int]] = []
    for start in stuck:
        path: dict[int, None] = {}
        place = start
        while place not in seen and place not in path:
            path[place] = None
            place = next(before for before in instances[place].before if before in left)
        if place in path:
            first, *others = list(path)[list(path).index(place) :]
            rings.append([first, *reversed(others)])
        seen.update(path)
    return rings
