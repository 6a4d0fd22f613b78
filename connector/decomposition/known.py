"""What is known of an order beyond what it says: what items have filled in, and the numbers that were given.

An order can be decomposed again when some of its items have run: with the values that came since, so that the
rules that waited for them are decided on, and with the numbers that its lines and items have, so that what is
the same keeps its number and what is new gets the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from connector.model.ids import ItemNo, TechnicalLineNo
from connector.model.json import JsonObject
from connector.model.plan import Item, Plan
from connector.model.states import ItemState
from connector.model.technical import TechnicalLine

LineKey: TypeAlias = tuple[str, str]
"""What a technical line is: product and scope key."""

ItemKey: TypeAlias = tuple[str, str, str]
"""What an item is: definition, key and scope key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What one order has by now."""

    values: Mapping[LineKey, JsonObject] = field(default_factory=dict)
    """What items have given to technical lines, as far as rules wait for it. What a rule or the inventory gives to
    a line goes before."""
    lines: Mapping[LineKey, TechnicalLineNo] = field(default_factory=dict)
    items: Mapping[ItemKey, ItemNo] = field(default_factory=dict)
    """The numbers of the lines and items that there are; of those that are over with the greatest counts alone."""
    last_line: int = 0
    last_item: int = 0

    @classmethod
    def of(cls, plan: Plan, late: Mapping[TechnicalLineNo, JsonObject] | None = None) -> Known:
        """What is known of a plan's order; `late` in the place of the values that the plan keeps."""
        values = plan.late if late is None else late
        return cls.among(
            plan.lines.values(),
            plan.items.values(),
            {line_key(plan.lines[no]): given for no, given in values.items() if plan.lines[no].is_live},
        )

    @classmethod
    def among(
        cls, lines: Collection[TechnicalLine], items: Collection[Item], values: Mapping[LineKey, JsonObject]
    ) -> Known:
        """What is known when there are these lines and items, and these values have come."""
        return cls(
            values=values,
            lines={line_key(line): line.no for line in lines if line.is_live},
            items={key: item.no for key, item in _newest(items).items() if _is_live(item)},
            last_line=max((line.no for line in lines), default=0),
            last_item=max((item.no for item in items), default=0),
        )


NOTHING = Known()
"""An order that is decomposed for the first time."""


def _newest(items: Collection[Item]) -> Mapping[ItemKey, Item]:
    found: dict[ItemKey, Item] = {}
    for item in items:
        known = found.get(item_key(item))
        if item.undoes is None and (known is None or known.no < item.no):
            found[item_key(item)] = item
    return found


def _is_live(item: Item) -> bool:
    """Amended, it has done what is wanted: done again, there would be a newer one."""
    return item.ends_as is not ItemState.CANCELED and item.state not in _GONE


_GONE = frozenset({ItemState.CANCELED, ItemState.DISCARDED, ItemState.FAILED_DISCARDED})


def line_key(line: TechnicalLine) -> LineKey:
    """What a technical line is."""
    return line.product, line.scope_key


def item_key(item: Item) -> ItemKey:
    """What an item is."""
    return item.definition, item.key, item.scope_key
