"""Rings: what waits for itself, or leads back to itself, by way of others.

Of a ring nothing ever begins, whether one item waits for the end of the next or only for its start.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

from connector.mappings.document import Node
from connector.mappings.draft import Draft, waits_for
from connector.mappings.set import Dependency

T = TypeVar("T", bound=Hashable)
_Item = tuple[str, str]


def check(draft: Draft) -> None:
    """Report rings among items and among rules."""
    inside, across = _waits(draft)
    stuck = set()
    for ring in rings(inside):
        stuck.update(ring)
        names = " → ".join(key for _, key in (*ring, ring[0]))
        _after(draft, ring[0], ring[1 % len(ring)][1]).report(
            draft.findings, "MAP050", f"Items of `{ring[0][0]}` wait for each other: {names}."
        )
    for ring in rings(across):
        if stuck.isdisjoint(ring):
            names = " → ".join(f"{plan}/{key}" for plan, key in (*ring, ring[0]))
            _after(draft, ring[0], ring[1 % len(ring)][1]).report(
                draft.findings,
                "MAP051",
                f"Items wait for each other: {names}.",
                hint="An order that gets all of them would never end.",
            )
    if not draft.findings.has("MAP053"):
        _rules(draft)


def _waits(draft: Draft) -> tuple[dict[_Item, list[_Item]], dict[_Item, list[_Item]]]:
    """Which items each item waits for: inside its definition, and by all its dependencies."""
    by_key: dict[str, list[_Item]] = {}
    for plan, key in draft.items:
        by_key.setdefault(key, []).append((plan, key))
    inside: dict[_Item, list[_Item]] = {}
    across: dict[_Item, list[_Item]] = {}
    for (plan, key), made in draft.items.items():
        own = [
            (plan, dependency.key)
            for dependency in made.value.after
            if dependency.scope is None and (plan, dependency.key) in draft.items
        ]
        inside[plan, key] = own
        across[plan, key] = [*own, *(found for each in made.value.after for found in _others(draft, each, by_key))]
    return inside, across


def _others(draft: Draft, dependency: Dependency, by_key: Mapping[str, Sequence[_Item]]) -> Sequence[_Item]:
    if dependency.scope is None:
        return ()
    if dependency.plan is not None:
        item = (dependency.plan, dependency.key)
        return (item,) if item in draft.items else ()
    return by_key.get(dependency.key, ())


def _after(draft: Draft, item: _Item, key: str) -> Node:
    """The entry of `after` that waits for a key."""
    return waits_for(draft.items[item].node, key)


def _rules(draft: Draft) -> None:
    leads: dict[str, list[str]] = {}
    nodes: dict[tuple[str, str], Node] = {}
    for made in draft.rules:
        for code in sorted(made.value.products):
            leads.setdefault(code, []).append(made.value.target)
            nodes.setdefault((code, made.value.target), made.node["to"])
    for ring in rings(leads):
        names = " → ".join((*ring, ring[0]))
        nodes[ring[0], ring[1 % len(ring)]].report(
            draft.findings, "MAP052", f"The rules lead {ring[0]} back to itself: {names}."
        )


def rings(edges: Mapping[T, Sequence[T]]) -> Iterator[list[T]]:
    """Rings in a graph, short ones first, each node in one of them at most.

    A ring `[a, b, c]` reads a → b → c → a.
    """
    left = _between_rings(edges)
    told: set[T] = set()
    for ring in sorted((_ring(edges, node, left) for node in edges if node in left), key=len):
        if told.isdisjoint(ring):
            told.update(ring)
            if ring:
                yield ring


def _between_rings(edges: Mapping[T, Sequence[T]]) -> set[T]:
    """The nodes that lead to a ring; without a ring there are none."""
    waiting = {node: len(followers) for node, followers in edges.items()}
    leads_to: dict[T, list[T]] = {}
    for node, followers in edges.items():
        for follower in followers:
            leads_to.setdefault(follower, []).append(node)
    free = [node for node in {**waiting, **dict.fromkeys(leads_to, 0)} if not waiting.get(node)]
    for node in free:
        for before in leads_to.get(node, ()):
            waiting[before] -= 1
            if not waiting[before]:
                free.append(before)
    return {node for node, count in waiting.items() if count}


def _ring(edges: Mapping[T, Sequence[T]], start: T, left: set[T]) -> list[T]:
    """The shortest way from a node back to itself; empty when there is none."""
    came_from: dict[T, T] = {}
    queue = [start]
    for node in queue:
        for follower in edges[node]:
            if follower == start:
                path = [node]
                while path[-1] != start:
                    path.append(came_from[path[-1]])
                return path[::-1]
            if follower in left and follower not in came_from:
                came_from[follower] = node
                queue.append(follower)
    return []
