"""What decomposition makes: technical lines, and why each is as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from connector.model.ids import LineId, TechnicalLineNo
from connector.model.json import Json, JsonObject
from connector.model.order import Action


class AttributeChange(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Old and new value of one attribute of a Change line; None where it was or is absent."""

    old: Json
    new: Json


class TechnicalLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One line that a fulfillment system understands.

    `sources` are the commercial lines that it came from, `parents` the technical lines that it was
    decomposed from (empty at the first level), `root` the root commercial line of its bundle (the
    first one, when lines of several bundles were merged), `scope_key` what it was merged by.
    """

    no: TechnicalLineNo
    product: str
    action: Action
    scope_key: str
    sources: tuple[LineId, ...]
    root: LineId
    parents: tuple[TechnicalLineNo, ...] = ()
    quantity: float = 1
    attributes: JsonObject = msgspec.field(default_factory=dict)
    changes: Mapping[str, AttributeChange] = msgspec.field(default_factory=dict)
    supplement: Literal["", "Add", "Amend", "Cancel"] = ""
    """What the last revision that touched it did with it; a line that was cancelled stays, for what undoes it."""
    of: TechnicalLineNo | None = None
    """This is no line of the order but the state before an amendment of that line, for what undoes what was done."""
    request: str = ""
    """The fulfillment request that it is grouped into (the domain of its product, such as `network`)."""

    @property
    def is_live(self) -> bool:
        """The order still wants it."""
        return self.of is None and self.supplement != "Cancel"


class ParkedRule(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A decomposition rule that can't be decided on yet for a line: items of the plan will bring what it reads."""

    rule: str
    line: TechnicalLineNo
    target: str
    """The product that it may lead to."""
    waits_for: tuple[str, ...] = ()
    """Attributes of the line that it reads and that are not known yet."""
    behind: str = ""
    """The rule of the same XOR group that has to be decided on first."""
    required: bool = False
    """That it is never decided on is fallout."""
    source: str = ""
    """Where it stands: `decomposition/home.yaml:31`."""

    def __str__(self) -> str:
        """`rule access-to-gateway of T5 waits for technology`."""
        what = ", ".join(self.waits_for) or f"the rule {self.behind}"
        return f"rule {self.rule} of T{self.line} waits for {what}"


DecisionKind = Literal["rule", "attribute", "merge", "action", "scenario", "item", "line"]


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One thing that decomposition decided, taken or not taken, with what it saw.

    `subject` says what it is about (`T3`, `T3.msisdn`, `line 2`, `item 7`), `rule` which rule, scenario
    or definition decided, `source` where that stands (`decomposition/mobile.yaml:12`), `seen` the
    inputs of its expression.
    """

    kind: DecisionKind
    subject: str
    taken: bool
    reason: str
    rule: str = ""
    source: str = ""
    expression: str = ""
    seen: JsonObject = msgspec.field(default_factory=dict)
    made: str = ""
    """What a taken rule or scenario led to: the technical line (`T3`), the plan definition's name."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Every decision of one decomposition, in the order in which they were made."""

    set_hash: str
    decisions: tuple[Decision, ...] = ()
