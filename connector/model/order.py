"""The commercial order as read from Salesforce, in canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

from connector.model.ids import LineId, OrderId
from connector.model.json import JsonObject


class Action(StrEnum):
    """What an order line, or a technical line, wants done to its product."""

    ADD = "Add"
    CHANGE = "Change"
    DISCONNECT = "Disconnect"
    NO_CHANGE = "NoChange"


SUPPLEMENTAL_ACTIONS = ("Amend", "Cancel")
"""What an order may do to the one that it supersedes."""

LINE_SUPPLEMENTAL_ACTIONS = ("Add", "Amend", "Cancel", "NoChange")
"""What a line may be against the line that it supersedes."""


class Priority(IntEnum):
    """Lane of an order: a lower number goes first, and no lane starves."""

    HIGH = 0
    DEFAULT = 1
    BULK = 2


PRIORITY_NAMES: Mapping[Priority, str] = {Priority.HIGH: "High", Priority.DEFAULT: "Default", Priority.BULK: "Bulk"}
"""As people see and write them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Whose order it is. `attributes` holds whatever more the intake mapping reads."""

    id: str
    name: str = ""
    type: str = ""
    attributes: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    """One line of the commercial order. `parent` is the line above in a bundle."""

    id: LineId
    number: str
    product: str
    action: Action
    quantity: float = 1
    parent: LineId | None = None
    attributes: JsonObject = field(default_factory=dict)
    sub_action: str | None = None
    supersedes: LineId | None = None
    """The line of the superseded order that this one is the next version of."""
    supplemental_action: str | None = None
    """What the supplemental order wants of that line: Add, Amend, Cancel, NoChange."""
    origin: LineId | None = None
    """The id of the line's first version, known when the order has been matched with the one that it supersedes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A commercial order with its lines in the order of Salesforce.

    `supersedes` is the order that this one amends or cancels, by its `supplemental_action`.
    """

    id: OrderId
    number: str
    account: Account
    lines: tuple[OrderLine, ...]
    priority: Priority = Priority.DEFAULT
    requested_at: datetime | None = None
    supersedes: OrderId | None = None
    supplemental_action: str | None = None
    attributes: JsonObject = field(default_factory=dict)
    follows: OrderId | None = None
    """The order that has to end before this one begins."""
    approved_by: str | None = None
    """Who has approved the penalties of the points of no return that it passes."""
    family: OrderId | None = None
    """The id of the order's first version, known when it has been matched with the one that it supersedes."""

    @property
    def first(self) -> OrderId:
        """The id of the order's first version, which names what belongs to all of them."""
        return self.family or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryItem:
    """An installed technical product of an account: the as-is side of a change order."""

    id: str
    account: str
    product: str
    scope_key: str
    attributes: JsonObject = field(default_factory=dict)
    status: str = "Active"
