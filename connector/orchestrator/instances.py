"""What the items of one instance of a subplan have put out, and see of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from connector.model.ids import ItemNo
from connector.model.json import JsonObject
from connector.model.plan import Item, Plan


def put_out(plan: Plan, numbers: Sequence[ItemNo]) -> JsonObject:
    """What the items of an instance have put out, all together."""
    return {name: value for no in numbers for name, value in plan.items[no].outputs.items()}


def attributes_seen(plan: Plan, item: Item, attributes: JsonObject) -> JsonObject:
    """The attributes of its line as an item of an instance sees them: over them what its instance has put out."""
    seen: list[JsonObject] = []
    inside: Item | None = item
    while inside is not None and inside.parent is not None and inside.each is not None:
        seen.append(put_out(plan, plan.instance(inside.parent, inside.scope_key)))
        inside = plan.items[inside.parent]
    merged = dict(attributes)
    for outputs in reversed(seen):
        merged.update(outputs)
    return merged
