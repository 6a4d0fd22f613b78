"""What a rule is applied to: an order line or a technical line, in one form."""

from __future__ import annotations

import msgspec

from connector.model.ids import LineId, TechnicalLineNo
from connector.model.json import JsonObject
from connector.model.order import Action


class SourceLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A commercial or technical line that is about to be decomposed."""

    subject: str
    """`line 2` or `T1`: what the explanation calls it."""
    product: str
    action: Action
    quantity: float
    view: JsonObject
    """The variable `line`."""
    asset: str
    """What a technical line of scope `line` below it is keyed by."""
    root: LineId
    bundle: str
    """The asset of the root line."""
    sources: tuple[LineId, ...]
    """The commercial lines that it is or came from."""
    place: int
    """Its place among all lines: commercial ones first, then technical ones by number."""
    number: TechnicalLineNo | None = None
    asset_known: bool = False
    """The inventory has something of its asset."""
    sub_action: bool = False
    lineage: frozenset[str] = frozenset()
    """Its product and those of the technical lines that it came from."""

    def __str__(self) -> str:
        """`line 2 (MOBILE-PLAN)`."""
        return f"{self.subject} ({self.product})"
