"""The as-is side: what the account has installed, found by technical product and scope key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connector.decomposition.values import Unusable, plain
from connector.model.failure import Problem
from connector.model.order import InventoryItem

ACTIVE = "Active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The active inventory of an account."""

    items: Mapping[tuple[str, str], InventoryItem]
    """By technical product and scope key."""
    keys: frozenset[str]
    """Every scope key under which anything is installed."""
    problems: tuple[Problem, ...] = ()


def installed(inventory: Sequence[InventoryItem], account: str) -> Installed:
    """Index the inventory of the account in linear time, whatever order it comes in.

    Inactive items are not installed; an item of another account is none of this order's. Of several
    items with one product and key the one with the smallest id counts.
    """
    items: dict[tuple[str, str], InventoryItem] = {}
    problems: list[Problem] = []
    for item in sorted(inventory, key=lambda item: item.id):
        if item.status != ACTIVE or item.account not in ("", account):
            continue
        try:
            attributes = plain(item.attributes)
        except Unusable as reason:
            problems.append(
                Problem(
                    code="UNUSABLE_VALUE",
                    message=f"A value of the installed {item.product} {item.scope_key} can't be used: {reason}.",
                    where="inventory",
                    hint="Mend the attributes of the inventory item.",
                )
            )
            continue
        assert isinstance(attributes, dict)
        present = {name: value for name, value in attributes.items() if value is not None}
        items.setdefault((item.product, item.scope_key), replace(item, attributes=present))
    return Installed(items=items, keys=frozenset(key for _, key in items), problems=tuple(problems))
