"""What the machine asks its shell to do. Imperative, frozen, a closed list.

Changed items and lines are no commands: the shell finds them in the plan.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from connector.model.events import FollowedTold, FollowerCame, TimerKind
from connector.model.failure import Failure
from connector.model.ids import CommandId, ItemNo, OrderId, TechnicalLineNo
from connector.model.json import JsonObject
from connector.model.technical import Explanation
from connector.model.work import RenderedRequest


class InvokeCallout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Send the item's request: this one, or (None) the one that was stored for the epoch's first attempt."""

    item: ItemNo
    epoch: int
    attempt: int
    interface: str
    awaits_event: bool
    request: RenderedRequest | None


class PollCallout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Ask how far the accepted callout is. A question that gets lost is asked again: another timer is set for that."""

    item: ItemNo
    epoch: int
    poll: int
    interface: str
    definition: str
    key: str
    request: RenderedRequest


class DropCallout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Forget the item's request: it needs no sending any more, or the next one will be another."""

    item: ItemNo


class SetTimer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Wake the item at `due`; an earlier timer of the same kind for it is replaced."""

    item: ItemNo
    kind: TimerKind
    epoch: int
    due: datetime


class ClearTimers(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Forget every timer of the item."""

    item: ItemNo


class RaiseFallout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tell people that the item (0: the order as a whole) needs one of them."""

    item: ItemNo
    episode: int
    failure: Failure
    attempts: int
    queue: str
    severity: str = "Medium"
    suggestions: tuple[str, ...] = ()


class ResolveFallout(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tell people that the item's fallout is over, how, and through whom."""

    item: ItemNo
    episode: int
    how: str
    by: str = ""


class AnswerCommand(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Tell the operator what became of a command."""

    command: CommandId
    answer: Literal["Done", "Refused"]
    message: str
    result: JsonObject | None = None
    """The answer for machines, where there is more to say."""


class ReadOrderAgain(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Read the order from Salesforce anew: a rejected one was retried, or what it waited for has ended.

    Not before all that is behind of the lane `after` has been written (the account's: the inventory).
    """

    after: str = ""


class TellOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Let something happen to another order, which may not have been heard of yet."""

    order: OrderId
    event: FollowerCame | FollowedTold


class Assetize(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bring the inventory to what these technical lines say."""

    lines: tuple[TechnicalLineNo, ...]


class Explain(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Keep how the order is decomposed now, in the place of how it was."""

    explanation: Explanation


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Write one line of history: what happened, why, through whom."""

    item: ItemNo | None
    what: str
    detail: str = ""
    by: str = ""


class ExplainMore(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Add to the explanation of the order: what was decided after it was decomposed first."""

    explanation: Explanation


Command: TypeAlias = (
    InvokeCallout
    | PollCallout
    | DropCallout
    | SetTimer
    | ClearTimers
    | RaiseFallout
    | ResolveFallout
    | AnswerCommand
    | ReadOrderAgain
    | TellOrder
    | Assetize
    | Explain
    | ExplainMore
    | Record
)
