"""In which order products are decomposed: a technical product after everything that may lead to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from connector.mappings.set import Rule


def levels(products: Iterable[str], rules: Mapping[str, Sequence[Rule]]) -> tuple[str, ...]:
    """Every product that rules lead to from `products`, each after all products that have a rule to it.

    Where rules lead in a ring there is no such order; any of the ring's products may come first then.
    """
    order: list[str] = []
    visited: set[str] = set()
    for start in products:
        if start in visited:
            continue
        visited.add(start)
        path = [(start, iter(_targets(start, rules)))]
        while path:
            product, targets = path[-1]
            following = next((target for target in targets if target not in visited), None)
            if following is None:
                order.append(product)
                path.pop()
            else:
                visited.add(following)
                path.append((following, iter(_targets(following, rules))))
    return tuple(reversed(order))


def reachable(products: Iterable[str], rules: Mapping[str, Sequence[Rule]]) -> frozenset[str]:
    """Every product that rules may lead to from `products`, those themselves included."""
    return frozenset(levels(products, rules))


def _targets(product: str, rules: Mapping[str, Sequence[Rule]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.target for rule in rules.get(product, ())))
