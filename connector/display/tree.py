"""The plan as a tree of lanes and items; a large one as what is open of it, and a count of the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connector.display.lines import Line
from connector.display.view import Lane, OrderView
from connector.display.words import STATE_STYLES, SYMBOLS, clock, span
from connector.model.ids import ItemNo
from connector.model.plan import Item
from connector.model.states import ItemState, Phase

MANY = 100
"""Items of a plan from which on only those are shown that somebody may have to look at."""

_URGENCY = {Phase.FALLOUT: 0, Phase.WAITING: 1, Phase.BUSY: 2}
_TIMES = 20
_NARROWEST_NAME, _WIDEST_NAME = 12, 60


def plan_tree(view: OrderView, width: int, *, most: int | None = MANY) -> Iterator[Line]:
    """One line for each lane and each item.

    Of a plan with more than `most` items (None: however many) only those are shown that are at work, wait, or need a
    person, urgent ones first, `most` at most.
    """
    shown = chosen(view, most)
    drawing = _Drawing(view, width)
    for lane in view.lanes():
        items = lane.items if shown is None else [item for item in lane.items if item.no in shown]
        if items:
            yield from drawing.lane(lane, items)
    if shown is not None:
        yield rest(view, shown)


def chosen(view: OrderView, most: int | None) -> frozenset[ItemNo] | None:
    """The items to show; None: all. Of more than `most`, those that somebody may have to look at, urgent ones first."""
    if most is None or len(view.items) <= most:
        return None
    urgent = [(_URGENCY[item.phase], no) for no, item in view.items.items() if item.phase in _URGENCY]
    return frozenset(no for _, no in sorted(urgent)[:most])


def rest(view: OrderView, shown: frozenset[ItemNo]) -> Line:
    """What else is in the plan, in one line."""
    found: dict[ItemState, int] = {}
    for no, item in view.items.items():
        if no not in shown:
            found[item.state] = found.get(item.state, 0) + 1
    line = Line(f"… {len(view.items) - len(shown)} more: ", "dim")
    told = ", ".join(f"{found[state]} {state}" for state in ItemState if state in found)
    return line.add(told, "dim").add("  (--all shows them)", "dim")


class _Drawing:
    """The columns of one drawing."""

    def __init__(self, view: OrderView, width: int) -> None:
        self._view = view
        self._undoings = view.undoings()
        self._digits = len(str(max(view.items, default=0)))
        self._state = max((len(state) for state in view.counts()), default=0)
        room = width - (3 + 2 + 1 + self._digits + 1 + 2 + self._state + 2 + _TIMES)
        self._name = max(_NARROWEST_NAME, min(room, _WIDEST_NAME))

    def lane(self, lane: Lane, items: Sequence[Item]) -> Iterator[Line]:
        title = Line(lane.definition, "bold").add(f"  for {lane.scope}" if lane.scope else "", "dim")
        yield title.add(f"  in {lane.parent}" if lane.parent is not None else "", "dim")
        for place, item in enumerate(items):
            last = place == len(items) - 1
            before = items[place - 1].no if place else None
            yield self._item(item, "└─ " if last else "├─ ", before)

    def _item(self, item: Item, guide: str, before: ItemNo | None) -> Line:
        style = STATE_STYLES[item.state]
        critical = item.no in self._view.expected.critical
        line = Line(guide, "dim").add(f"{SYMBOLS[item.state]} ", style).add("*" if critical else " ", "bold")
        line.column(str(item.no), self._digits, "bold" if critical else "dim", right=True).add(" ")
        name = Line(item.name or item.key, "strike" if "strike" in style else "")
        name.add(f"  {item.outcome}" if item.outcome else "", "cyan")
        if item.undoes is not None:
            name.add(f"  {self._does_to(item.undoes)} {item.undoes}", "magenta")
        if item.no in self._undoings:
            name.add(f"  by {self._undoings[item.no]}", "magenta")
        if item.ends_as is not None and not item.is_final:
            name.add(f"  then {item.ends_as}", "magenta")
        after = [no for no in item.after if no != before]
        if after and item.phase is Phase.IDLE:
            name.add(f"  after {', '.join(map(str, after))}", "dim")
        if item.after_start and item.phase is Phase.IDLE:
            name.add(f"  after the start of {', '.join(map(str, item.after_start))}", "dim")
        line.within(name, self._name).add("  ")
        return line.column(item.state, self._state, style).add("  ").add(times(self._view, item), "dim")

    def _does_to(self, no: ItemNo) -> str:
        """What is done to an item by the one that a revision brought for it."""
        target = self._view.items.get(no)
        is_taken_back = (
            target is None or ItemState.CANCELED in (target.state, target.ends_as) or self._is_redone(target)
        )
        return "undoes" if is_taken_back else "revises"

    def _is_redone(self, item: Item) -> bool:
        """There is another one that does the same again."""
        return any(
            other.no > item.no
            and other.undoes is None
            and (other.definition, other.key, other.scope_key) == (item.definition, item.key, item.scope_key)
            for other in self._view.items.values()
        )


def times(view: OrderView, item: Item) -> str:
    """When it was, is or will be: in few words."""
    now = view.now
    if item.is_final:
        if item.finished_at is None:
            return ""
        took = f"  {span(item.finished_at - item.started_at)}" if item.started_at else ""
        return f"{clock(item.finished_at, now)}{took}"
    if item.state in (ItemState.SCHEDULED, ItemState.FAILED) and item.due_at is not None:
        return f"at {clock(item.due_at, now)}"
    if item.started_at is not None and item.phase is not Phase.IDLE:
        return f"for {span(now - item.started_at)}"
    expected = view.expected.ends.get(item.no)
    return f"≈ {clock(expected, now)}" if expected else ""


def counts(found: Mapping[ItemState, int]) -> Line:
    """How many items are in each state: `12 Completed, 1 Running`."""
    line = Line()
    for place, (state, number) in enumerate(found.items()):
        line.add(", " if place else "").add(f"{number} {state}", STATE_STYLES[state])
    return line
