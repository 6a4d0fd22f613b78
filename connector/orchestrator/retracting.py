"""What a revision takes back without a request: values in technical lines, and what the inventory was told. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from connector.model.ids import ItemNo, TechnicalLineNo
from connector.model.json import Json
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, ItemType
from connector.model.technical import TechnicalLine
from connector.orchestrator.step import Step

_DONE = frozenset({ItemState.COMPLETED, ItemState.CANCELED, ItemState.AMENDED})


def brought(plan: Plan, items: Iterable[Item]) -> Mapping[ItemNo, Sequence[tuple[str, Json]]]:
    """What each of these items has put into its line, by itself or when it was amended."""
    found: dict[ItemNo, list[tuple[str, Json]]] = {item.no: list(item.outputs.items()) for item in items}
    for other in plan.items.values():
        if other.undoes in found and other.line == plan.items[other.undoes].line:
            found[other.undoes] += other.outputs.items()
    return found


def take_out(plan: Plan, undone: Sequence[Item], wanted: Mapping[TechnicalLineNo, TechnicalLine | None]) -> None:
    """Take out of the lines what these items have put in; a value that the line is `wanted` with takes its place."""
    values = brought(plan, undone)
    for item in undone:
        line = plan.lines[item.line] if item.line is not None else None
        if line is None or not line.is_live or not values[item.no]:
            continue
        new = wanted.get(line.no)
        attributes = dict(line.attributes)
        for name, value in values[item.no]:
            if name in attributes and attributes[name] == value:
                del attributes[name]
                if new is not None and name in new.attributes:
                    attributes[name] = new.attributes[name]
        plan.put_line(replace(line, attributes=attributes))


def retracted(
    step: Step, canceled: Iterable[TechnicalLineNo], lines: Mapping[TechnicalLineNo, TechnicalLine]
) -> tuple[TechnicalLineNo, ...]:
    """Cancelled lines that the inventory has already been told of: they are taken out of it again."""
    told = {
        source
        for item in step.plan.items.values()
        if item.type is ItemType.AUTO
        and item.finished_at is not None
        and item.state in _DONE
        and step.definition(item).task == "assetize"
        for source in item.sources
    }
    return tuple(no for no in sorted(canceled) if told.intersection(lines[no].sources))
