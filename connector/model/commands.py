"""What the machine asks its shell to do. Imperative, frozen, a closed list.

Changed items and lines are no commands: the shell finds them in the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from connector.model.events import TimerKind
from connector.model.failure import Failure
from connector.model.ids import CommandId, ItemNo, TechnicalLineNo
from connector.model.work import RenderedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeCallout:
    """Send the item's request: this one, or (None) the one that was stored for the epoch's first attempt."""

    item: ItemNo
    epoch: int
    attempt: int
    interface: str
    awaits_event: bool
    request: RenderedRequest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropCallout:
    """Forget the item's request: it needs no sending any more, or the next one will be another."""

    item: ItemNo


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimer:
    """Wake the item at `due`; an earlier timer of the same kind for it is replaced."""

    item: ItemNo
    kind: TimerKind
    epoch: int
    due: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearTimers:
    """Forget every timer of the item."""

    item: ItemNo


@dataclass(frozen=True, slots=True, kw_only=True)
class RaiseFallout:
    """Tell people that the item (0: the order as a whole) needs one of them."""

    item: ItemNo
    episode: int
    failure: Failure
    attempts: int
    queue: str
    severity: str = "Medium"
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveFallout:
    """Tell people that the item's fallout is over, how, and through whom."""

    item: ItemNo
    episode: int
    how: str
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCommand:
    """Tell the operator what became of a command."""

    command: CommandId
    answer: Literal["Done", "Refused"]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrderAgain:
    """Read the order from Salesforce anew (a rejected order was retried)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assetize:
    """Bring the inventory to what these technical lines say."""

    lines: tuple[TechnicalLineNo, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Write one line of history: what happened, why, through whom."""

    item: ItemNo | None
    what: str
    detail: str = ""
    by: str = ""


Command: TypeAlias = (
    InvokeCallout
    | DropCallout
    | SetTimer
    | ClearTimers
    | RaiseFallout
    | ResolveFallout
    | AnswerCommand
    | ReadOrderAgain
    | Assetize
    | Record
)
