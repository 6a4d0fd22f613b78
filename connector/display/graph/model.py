"""The plan as lanes, nodes and edges, with the words that stand on them; however it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.display.tree import times
from connector.display.view import Lane, OrderView
from connector.display.words import SYMBOLS, moment
from connector.model.ids import ItemNo
from connector.model.order import PRIORITY_NAMES
from connector.model.plan import Item
from connector.model.states import ItemState, ItemType
from connector.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One item. `detail` is what does not fit on the node."""

    no: ItemNo
    lane: int
    name: str
    type: ItemType
    state: ItemState
    note: str
    detail: str
    critical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`after` comes after `before`, or (`of_start`) after its start, also as a part of it."""

    before: ItemNo
    after: ItemNo
    critical: bool
    of_start: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """A plan. Every text may be shown as it is, but for what the format that it is written in needs escaped."""

    title: str
    description: str
    lanes: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    states: Mapping[ItemState, int]


def graph(view: OrderView) -> Graph:
    """The plan of an order."""
    lanes = view.lanes()
    nodes = [_node(view, item, place) for place, lane in enumerate(lanes) for item in lane.items]
    known = view.items
    critical = view.expected.critical
    edges = [
        Edge(
            before=before,
            after=item.no,
            critical=item.no in critical and before in critical,
            of_start=before not in item.after,
        )
        for item in known.values()
        for before in dict.fromkeys((*item.after, *item.after_start, *([item.parent] if item.parent else [])))
        if before in known
    ]
    dossier = view.dossier
    return Graph(
        title=printable(f"Plan of order {dossier.number or dossier.id}"),
        description=_description(view),
        lanes=tuple(printable(_lane(lane)) for lane in lanes),
        nodes=tuple(nodes),
        edges=tuple(edges),
        states=view.counts(),
    )


def _lane(lane: Lane) -> str:
    part = f", in {lane.parent}" if lane.parent is not None else ""
    return f"{lane.definition} for {lane.scope}{part}"


def _description(view: OrderView) -> str:
    plan = view.plan
    parts = [f"status {view.status}"]
    if plan is not None:
        account = plan.order.account
        parts += [f"account {account.name or account.id}", f"priority {PRIORITY_NAMES[plan.order.priority]}"]
    parts.append(", ".join(f"{number} {state}" for state, number in view.counts().items()) or "no items")
    if view.expected.completion is not None:
        parts.append(f"expected {moment(view.expected.completion)} UTC")
    parts.append(f"as of {moment(view.now)} UTC")
    return printable("; ".join(parts))


def _node(view: OrderView, item: Item, lane: int) -> Node:
    waits = f"waits for {item.waiting_for}" if item.waiting_for and not item.is_final else ""
    failure = f"{item.failure.code}: {item.failure.message}" if item.failure and not item.is_final else ""
    when = times(view, item)
    undoes = f"undoes {item.undoes}" if item.undoes is not None else ""
    after = f"after {', '.join(map(str, item.after))}" if item.after else ""
    starts = f"after the start of {', '.join(map(str, item.after_start))}" if item.after_start else ""
    told = [
        f"{item.no} {item.name or item.key}",
        f"{item.type}, {item.state}",
        when,
        undoes,
        waits,
        failure,
        after,
        starts,
    ]
    return Node(
        no=item.no,
        lane=lane,
        name=printable(item.name or item.key),
        type=item.type,
        state=item.state,
        note=printable(" ".join(part for part in (SYMBOLS[item.state], item.state.value, undoes or when) if part)),
        detail="\n".join(printable(part) for part in told if part),
        critical=item.no in view.expected.critical,
    )
