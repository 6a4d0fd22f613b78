"""Where the nodes of an acyclic graph are: layers from left to right, lanes from top to bottom.

The way is that of Sugiyama, Tagawa and Toda ("Methods for visual understanding of hierarchical system structures",
1981), inside lanes: a node stands one layer to the right of the last that it comes after; an edge that is longer than a
layer passes through a *slot* in each layer between, in the lane where it begins; what stands in one layer of one lane
is sorted by the mean place of its neighbours, in a few sweeps to and fro.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 4

MOST_SLOTS = 60_000
"""Of a plan whose long edges would need more, they are drawn straight: nobody could follow them anyway."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much room things take."""

    node: float
    slot: float
    gap: float
    """Between two things above each other."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Layer, and the middle from the top, of each node; of each edge the middles of its slots; the lanes' extents."""

    layers: Mapping[int, int]
    middles: Mapping[int, float]
    slots: Mapping[tuple[int, int], Sequence[float]]
    lanes: Sequence[tuple[float, float]]
    """Top and height of each lane."""
    depth: int
    """How many layers there are."""


@dataclass(slots=True)
class _Thing:
    """A node or a slot. `before` and `after` are its neighbours in the layers beside its own."""

    lane: int
    layer: int
    height: float
    before: list[_Thing] = field(default_factory=list)
    after: list[_Thing] = field(default_factory=list)
    middle: float = 0.0
    wish: float = 0.0


def layout(lane_of: Mapping[int, int], edges: Sequence[tuple[int, int]], size: Size) -> Placed:
    """Place nodes, given with their lanes, and edges (from, to). Of a ring, some edges point to the left."""
    layers = _layers(lane_of, edges)
    things = {no: _Thing(lane, layers[no], size.node) for no, lane in lane_of.items()}
    slots = _connect(things, edges, size)
    lanes = max(lane_of.values(), default=-1) + 1
    cells: dict[tuple[int, int], list[_Thing]] = {}
    for thing in (*things.values(), *(slot for chain in slots.values() for slot in chain)):
        cells.setdefault((thing.lane, thing.layer), []).append(thing)
    extents = _extents(cells, lanes, size)
    _stack(cells, extents, size)
    for sweep in range(SWEEPS):
        _sort(cells, forward=sweep % 2 == 0)
        _stack(cells, extents, size)
    return Placed(
        layers=layers,
        middles={no: thing.middle for no, thing in things.items()},
        slots={edge: [slot.middle for slot in chain] for edge, chain in slots.items()},
        lanes=extents,
        depth=max(layers.values(), default=-1) + 1,
    )


def _layers(nodes: Iterable[int], edges: Sequence[tuple[int, int]]) -> dict[int, int]:
    followers: dict[int, list[int]] = {no: [] for no in nodes}
    unmet = dict.fromkeys(followers, 0)
    for before, after in edges:
        followers[before].append(after)
        unmet[after] += 1
    layers = dict.fromkeys(followers, 0)
    ready = [no for no, number in unmet.items() if not number]
    placed = set(ready)
    for first in (None, *followers):
        if first is not None and first not in placed:  # it is in a ring, or behind one
            ready.append(first)
            placed.add(first)
        while ready:
            no = ready.pop()
            for after in followers[no]:
                if after not in placed:
                    layers[after] = max(layers[after], layers[no] + 1)
                    unmet[after] -= 1
                    if not unmet[after]:
                        ready.append(after)
                        placed.add(after)
    return layers


def _connect(
    things: Mapping[int, _Thing], edges: Sequence[tuple[int, int]], size: Size
) -> dict[tuple[int, int], list[_Thing]]:
    """Make the slots of long edges, and tell everything its neighbours."""
    needed = sum(things[after].layer - things[before].layer - 1 for before, after in edges)
    slots: dict[tuple[int, int], list[_Thing]] = {}
    for before, after in edges:
        start, end = things[before], things[after]
        between = range(start.layer + 1, end.layer) if needed <= MOST_SLOTS else range(0)
        chain = [_Thing(start.lane, layer, size.slot) for layer in between]
        slots[before, after] = chain
        path = [start, *chain, end]
        for left, right in pairwise(path):
            left.after.append(right)
            right.before.append(left)
    return slots


def _extents(cells: Mapping[tuple[int, int], Sequence[_Thing]], lanes: int, size: Size) -> list[tuple[float, float]]:
    heights = [size.node] * lanes
    for (lane, _), cell in cells.items():
        heights[lane] = max(heights[lane], _height(cell, size))
    extents: list[tuple[float, float]] = []
    top = 0.0
    for height in heights:
        extents.append((top, height + 2 * size.gap))
        top += height + 2 * size.gap
    return extents


def _height(cell: Sequence[_Thing], size: Size) -> float:
    return sum(thing.height for thing in cell) + size.gap * (len(cell) - 1)


def _stack(
    cells: Mapping[tuple[int, int], Sequence[_Thing]], extents: Sequence[tuple[float, float]], size: Size
) -> None:
    """Put the things of each cell above each other, in the middle of their lane."""
    for (lane, _), cell in cells.items():
        top, height = extents[lane]
        at = top + (height - _height(cell, size)) / 2
        for thing in cell:
            thing.middle = at + thing.height / 2
            at += thing.height + size.gap


def _sort(cells: Mapping[tuple[int, int], list[_Thing]], *, forward: bool) -> None:
    """Bring the things of each cell into the order of the mean place of their neighbours on one side."""
    for cell in cells.values():
        if len(cell) > 1:
            for thing in cell:
                near = thing.before if forward else thing.after
                thing.wish = sum(each.middle for each in near) / len(near) if near else thing.middle
            cell.sort(key=lambda thing: thing.wish)
