"""In which order products are decomposed: a technical product after everything that may lead to it."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence


def levels(products: Iterable[str], leads_to: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Every product that rules lead to from `products`, those themselves included, each after all products
    of these that have a rule to it; else as they are met, level by level.

    Where rules lead in a ring there is no such order; the product of the ring that was met first goes first.
    """
    targets: dict[str, Sequence[str]] = {}
    ahead = dict.fromkeys(products)
    while ahead:
        for product in ahead:
            targets[product] = leads_to.get(product, ())
        ahead = dict.fromkeys(target for product in ahead for target in targets[product] if target not in targets)
    return _sorted(targets)


def reachable(products: Collection[str], leads_to: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Every product that rules may lead to from `products`, those themselves included."""
    return frozenset(levels(products, leads_to)) if products else frozenset()


def _sorted(targets: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    met = {product: place for place, product in enumerate(targets)}
    if all(place < met[target] for product, place in met.items() for target in targets[product]):
        return tuple(targets)
    waiting = dict.fromkeys(targets, 0)
    for product in targets:
        for target in targets[product]:
            waiting[target] += 1
    left = dict.fromkeys(targets)
    free = [(met[product], product) for product, count in waiting.items() if count == 0]
    order: list[str] = []
    while left:
        product = heapq.heappop(free)[1] if free else next(iter(left))
        if product not in left:
            continue  # it went first of its ring
        del left[product]
        order.append(product)
        for target in targets[product]:
            waiting[target] -= 1
            if waiting[target] == 0:
                heapq.heappush(free, (met[target], target))
    return tuple(order)
