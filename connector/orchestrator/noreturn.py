"""Points of no return: what an item that has gone Running protects, and against which changes. Pure.

It marks its technical lines, the order lines above them and the roots of their bundles.
"""

from __future__ import annotations

from collections.abc import Iterable

from connector.mappings.set import ItemDefinition
from connector.model.ids import LineId
from connector.model.plan import Item
from connector.model.revision import Passing
from connector.model.states import ItemState
from connector.orchestrator.outlook import FAILED, Outlook
from connector.orchestrator.unwanted import has_effect

_BEGUN = frozenset({ItemState.RUNNING, ItemState.COMPLETED, ItemState.AMENDED})


def passing(outlook: Outlook) -> tuple[Passing, ...]:
    """The points of no return that a revision would pass."""
    found = []
    for item in outlook.live_items.values():
        definition = outlook.mappings.definition(item.definition, item.key)
        if definition.ponr is not None and has_reached(item) and (line := _violated(outlook, item, definition)):
            found.append(
                Passing(
                    item=item.no,
                    name=item.name,
                    level=definition.ponr,
                    reached_at=item.started_at,
                    line=line,
                    penalty=definition.penalty,
                )
            )
    return tuple(found)


def has_reached(item: Item) -> bool:
    """The item has gone Running, and not every sending was surely refused."""
    if item.started_at is None:
        return False
    return has_effect(item) if item.state in FAILED else item.state in _BEGUN


def _violated(outlook: Outlook, item: Item, definition: ItemDefinition) -> str:
    """The first line marked by the item that the revision cancels, or changes in a way that counts."""
    marked = outlook.lines_of(item, definition)
    for line in marked:
        if line.no in outlook.changes.canceled:
            return f"T{line.no} {line.product}"
    if outlook.touched_by(item, definition):
        return f"T{marked[0].no} {marked[0].product}" if marked else _label(outlook, item.sources[0])
    for source in _and_above(outlook, item.sources):
        is_amended = definition.reacts_to is None and source in outlook.amended_sources
        if is_amended or source not in outlook.following.into:
            return _label(outlook, source)
    return ""


def _and_above(outlook: Outlook, sources: Iterable[LineId]) -> Iterable[LineId]:
    lines = {line.id: line for line in outlook.plan.order.lines}
    found: dict[LineId, None] = {}
    for source in sources:
        at: LineId | None = source
        while at is not None and at in lines and at not in found:
            found[at] = None
            at = lines[at].parent
    return found


def _label(outlook: Outlook, source: LineId) -> str:
    line = next((line for line in outlook.plan.order.lines if line.id == source), None)
    return f"line {line.number} ({line.product})" if line else f"line {source}"
