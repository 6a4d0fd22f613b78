"""A technical line in the making: contributions gather until its product's turn comes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connector.decomposition.source import SourceLine
from connector.mappings.set import Product, Rule
from connector.model.ids import LineId, TechnicalLineNo
from connector.model.json import Json
from connector.model.order import Action, InventoryItem


class Contribution(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one rule, applied to one line, gives to a technical line."""

    rule: Rule
    line: SourceLine
    action: Action
    """The line's action; Disconnect where a Change no longer has this part."""
    values: Mapping[str, Json]
    cleared: tuple[str, ...] = ()
    """Attributes whose expression gave null."""
    unknown: Mapping[str, str] = msgspec.field(default_factory=dict)
    """Attributes that the line says nothing of, each with why."""

    @property
    def rank(self) -> tuple[int, str, int]:
        """Its place among the contributions to one technical line."""
        return (self.rule.priority, self.rule.id, self.line.place)


class Draft(msgspec.Struct, kw_only=True, gc=False):
    """A technical line before its values are merged."""

    no: TechnicalLineNo
    product: Product
    key: str
    as_is: InventoryItem | None
    subject: str
    """`T3`."""
    contributions: list[Contribution] = msgspec.field(default_factory=list)
    flaws: set[str] = msgspec.field(default_factory=set)
    """Attributes that have a problem."""
    is_finished: bool = False

    def sources(self, places: Mapping[LineId, int]) -> tuple[LineId, ...]:
        """The commercial lines that it comes from, in the order of the order."""
        if len(self.contributions) == 1:
            return self.contributions[0].line.sources
        found = dict.fromkeys(source for given in self.contributions for source in given.line.sources)
        return tuple(sorted(found, key=places.__getitem__))
