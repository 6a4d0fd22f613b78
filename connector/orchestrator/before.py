"""What comes before an item: what it knows of that (the variable `items`), and whether all of it was skipped. Pure."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable

from connector.mappings.views import item_before_view
from connector.model.ids import ItemNo
from connector.model.json import JsonObject
from connector.model.plan import Item, Plan


def items_before(plan: Plan, item: Item, keys: Collection[str] | None) -> JsonObject:
    """By key, what has become of the items that this one comes after, itself or by way of others.

    Of several with the same key those that are nearest. A key that the order has no such item for is there all the
    same, with nothing in it. Only these `keys` are looked for, where that is known.
    """
    found: dict[str, list[Item]] = {}
    seen_ended, seen_begun = set[ItemNo](), set[ItemNo]()
    ended, begun = item.after, item.after_start
    while (ended or begun) and (keys is None or len(found) < len(keys)):
        nearest: dict[str, list[Item]] = {}
        for no in ended:
            one = plan.items[no]
            if keys is None or one.key in keys:
                nearest.setdefault(one.key, []).append(one)
        found = nearest | found
        seen_ended.update(ended)
        seen_begun.update(begun)
        here = [plan.items[no] for no in (*ended, *begun)]
        ended = _others(seen_ended, (no for one in here for no in one.after))
        begun = _others(seen_begun, (no for one in here for no in one.after_start))
    return {key: item_before_view(found.get(key, ())) for key in (found if keys is None else keys)}


def is_on_skipped_branch(plan: Plan, item: Item, left_out: Container[ItemNo] = ()) -> bool:
    """It comes after something, and all of that was skipped together with its branch, or is `left_out` with it."""
    before = (*item.after, *item.after_start) if item.after_start else item.after
    for no in before:
        if not plan.items[no].branch_skipped and no not in left_out:
            return False
    return bool(before)


def _others(seen: set[ItemNo], numbers: Iterable[ItemNo]) -> tuple[ItemNo, ...]:
    return tuple(sorted(set(numbers) - seen))
