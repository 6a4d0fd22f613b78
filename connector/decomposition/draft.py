"""A technical line in the making: contributions gather until its product's turn comes."""

from __future__ import annotations

from dataclasses import dataclass, field

from connector.decomposition.source import SourceLine
from connector.mappings.set import Product, Rule
from connector.model.ids import LineId, TechnicalLineNo
from connector.model.json import Json
from connector.model.order import Action, InventoryItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one rule, applied to one line, gives to a technical line."""

    rule: Rule
    line: SourceLine
    action: Action
    """The line's action; Disconnect where a Change no longer has this part."""
    values: dict[str, Json] = field(default_factory=dict)
    cleared: tuple[str, ...] = ()
    """Attributes whose expression gave null."""

    @property
    def rank(self) -> tuple[int, str, int]:
        """Its place among the contributions to one technical line."""
        return (self.rule.priority, self.rule.id, self.line.place)


@dataclass(slots=True, kw_only=True)
class Draft:
    """A technical line before its values are merged."""

    no: TechnicalLineNo
    product: Product
    key: str
    as_is: InventoryItem | None
    contributions: list[Contribution] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """Attributes that already have a problem."""
    is_finished: bool = False

    @property
    def subject(self) -> str:
        """`T3`."""
        return f"T{self.no}"

    def sources(self, places: dict[LineId, int]) -> tuple[LineId, ...]:
        """The commercial lines that it comes from, in the order of the order."""
        found = dict.fromkeys(source for given in self.contributions for source in given.line.sources)
        return tuple(sorted(found, key=places.__getitem__))
