"""What becomes of an order's lines and items when a new version of the order comes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

from connector.model.failure import Problem
from connector.model.ids import ItemNo, LineId, OrderId, TechnicalLineNo
from connector.model.order import InventoryItem, Order

Supplement = Literal["Amend", "Cancel"]
"""What a supplemental order wants of the one that it supersedes."""


class VersionState(StrEnum):
    """What became of one version of an order."""

    WAITING = "Waiting"
    """For the plan to stand still, or for an earlier revision to be through."""
    APPROVAL = "Approval"
    """For a person to approve the penalties of the points of no return that it passes."""
    ACCEPTED = "Accepted"
    REJECTED = "Rejected"


class Version(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One version of an order, the first one included. `reason` says why it waits or was rejected."""

    order: OrderId
    number: str
    action: Literal["New", "Amend", "Cancel"]
    state: VersionState
    at: datetime
    lines: tuple[LineId, ...] = ()
    """The order lines whose records show what became of this version."""
    reason: str = ""
    approved_by: str = ""
    """Who approved its penalties."""
    overridden_by: str = ""
    """Who let it pass a hard point of no return."""


class Revision(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A supplemental order that was read and has not been decided on."""

    order: Order
    inventory: tuple[InventoryItem, ...] = ()
    received_at: datetime
    approved_by: str = ""
    overridden_by: str = ""


class LineEffect(StrEnum):
    """What a technical line undergoes."""

    ADD = "Add"
    AMEND = "Amend"
    CANCEL = "Cancel"
    NO_CHANGE = "NoChange"


class ItemEffect(StrEnum):
    """What an item undergoes."""

    KEPT = "kept"
    """Nothing."""
    UPDATED = "updated"
    """It goes on, or begins later, with the new values."""
    DISCARDED = "discarded"
    """It had no effect yet, and will have none."""
    UNDONE = "undone"
    """What it did is taken back."""
    AMENDED = "amended"
    """What it did is brought to the new values by its `on_amend`."""
    REDONE = "redone"
    """What it did is taken back, and it is done again with the new values."""
    NEW = "new"
    """The new version brought it."""


class LineChange(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One technical line in a revision. `line` is None for a line that is added."""

    line: TechnicalLineNo | None
    product: str
    scope_key: str
    effect: LineEffect
    changed: tuple[str, ...] = ()
    """The attributes that differ; `quantity` and `action` where those do."""


class ItemChange(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One item in a revision. `item` is None for an item that the plan does not have yet."""

    item: ItemNo | None
    definition: str
    key: str
    scope_key: str
    name: str
    effect: ItemEffect
    why: str
    by: str = ""
    """The plan definition that undoes or amends it; empty: nothing does."""
    after: ItemNo | None = None
    """It is still running: that is waited for first."""


class Passing(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A point of no return that a revision would pass."""

    item: ItemNo
    name: str
    level: Literal["soft", "hard"]
    reached_at: datetime | None
    line: str
    """The line that it protects, as people call it: `T3 SIM`, `line 2 (MOBILE-PLAN)`."""
    penalty: str = ""


class Assessment(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """What a revision would do: everything that is decided before anything is done."""

    order: OrderId
    action: Supplement
    lines: tuple[LineChange, ...] = ()
    items: tuple[ItemChange, ...] = ()
    """Every item of the plan that is not dead already, and every new one."""
    passing: tuple[Passing, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Why the new version can't be fulfilled at all."""
    is_date_change: bool = False
    waits_for: tuple[ItemNo, ...] = ()
    """Callouts that are being sent: their answers are waited for, and counted as successes here."""

    overridden_by: str = ""
    """Who lets it pass hard points of no return."""

    @property
    def blocked_by(self) -> tuple[Passing, ...]:
        """The points of no return that can't be passed."""
        return () if self.overridden_by else tuple(each for each in self.passing if each.level == "hard")

    @property
    def penalties(self) -> tuple[Passing, ...]:
        """The points of no return that can be passed at a price."""
        return tuple(each for each in self.passing if each.level == "soft")

    @property
    def changes_nothing(self) -> bool:
        """The new version is fulfilled by what is done anyway."""
        return not self.is_date_change and all(each.effect is ItemEffect.KEPT for each in self.items)
