"""What can happen to an order. Past tense, frozen, a closed list: the machine knows each of them.

An event is applied once per turn; applying the same one twice must have the effect of once.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import msgspec

from connector.model.failure import Failure, Problem
from connector.model.following import Followed
from connector.model.ids import CommandId, ItemNo, OrderId
from connector.model.json import JsonObject
from connector.model.order import InventoryItem, Order


class TimerKind(StrEnum):
    """Why a timer was set."""

    RETRY = "retry"
    """Send a failed callout again."""
    TIMEOUT = "timeout"
    """A wait has lasted too long."""
    WAIT = "wait"
    """A timer item is over."""
    START = "start"
    """An item may start now."""
    FORECAST = "forecast"
    """What is expected of the plan as a whole has to be looked at again."""
    POLL = "poll"
    """Ask how far an accepted callout is."""
    PAUSE = "pause"
    """What was paused is looked at again."""
    FOLLOW = "follow"
    """An order that was to be followed has not come for long."""


class OrderRead(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A submitted order was read from Salesforce, together with its account's inventory.

    `set_hash` is the mapping set that it was read with: the one, of those that are current, that knows its products.
    """

    order: Order
    inventory: tuple[InventoryItem, ...] = ()
    set_hash: str = ""


class OrderUnreadable(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A submitted order could not be brought into canonical form. `order` is what could be read of it."""

    order: Order
    problems: tuple[Problem, ...]
    set_hash: str = ""


class RevisionRead(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A supplemental order was read; with `problems` it could not be brought into canonical form.

    It reaches the plan of the order that it supersedes, or of that one's first version.
    """

    order: Order
    inventory: tuple[InventoryItem, ...] = ()
    """What is installed now: looked at only when the order that it supersedes was rejected, and never began."""
    problems: tuple[Problem, ...] = ()
    set_hash: str = ""


class MigrationAsked(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Somebody wants the plan to go on with another mapping set."""

    set_hash: str
    by: str


class CalloutAccepted(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A system took an asynchronous request; the outcome comes by a call-back."""

    item: ItemNo
    epoch: int
    attempt: int
    outputs: JsonObject = msgspec.field(default_factory=dict)


class CalloutCompleted(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A system did what it was asked to."""

    item: ItemNo
    epoch: int
    attempt: int
    outputs: JsonObject = msgspec.field(default_factory=dict)


class CalloutFailed(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A system did not do what it was asked to, or nobody knows.

    `sent_before`: within this attempt the request had gone out before, and nobody heard what came of that.
    """

    item: ItemNo
    epoch: int
    attempt: int
    failure: Failure
    sent_before: bool = False


class PollVerdict(StrEnum):
    """What a system said when it was asked how far an accepted callout is."""

    DONE = "done"
    FAILED = "failed"
    PENDING = "pending"
    UNKNOWN = "unknown"
    """It could not be asked, or its answer says nothing."""


class CalloutPolled(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A system was asked how far an accepted callout is. `poll` numbers the times at which it is asked.

    `outputs` belong to DONE, `failure` to FAILED and UNKNOWN.
    """

    item: ItemNo
    epoch: int
    poll: int
    verdict: PollVerdict
    outputs: JsonObject = msgspec.field(default_factory=dict)
    failure: Failure | None = None


class CallbackArrived(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A system told the outcome of an earlier callout, naming the item. `name` is `system.event`.

    `epoch` is the logical attempt that it names (None: it names the item alone). `delivery` is the sender's id
    of this message where it has one, for recognising a repetition.
    """

    item: ItemNo
    epoch: int | None = None
    name: str
    outputs: JsonObject = msgspec.field(default_factory=dict)
    failure: Failure | None = None
    delivery: str | None = None


class ExternalEventArrived(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A system told that something happened to the order, naming no item. `name` is `system.event`."""

    name: str
    payload: JsonObject = msgspec.field(default_factory=dict)
    delivery: str | None = None


class TimerDue(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The time that a timer was set for has come."""

    item: ItemNo
    kind: TimerKind
    epoch: int


class Operation(StrEnum):
    """What an operator may ask for; the values are those of `Fulfillment_Command__c.Action__c`."""

    RETRY = "Retry"
    COMPLETE = "Complete"
    SKIP = "Skip"
    HOLD = "Hold"
    RESUME = "Resume"
    PREVIEW = "Preview"
    """What would this revision do?"""
    APPROVE = "Approve"
    """The penalties of the revision that waits for it are accepted."""
    OVERRIDE = "Override"
    """The revision that a point of no return stopped is to pass it all the same."""
    REJECT = "Reject"
    """The revision that waits for approval is not wanted."""
    PAUSE = "Pause"


class OperatorCommanded(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A person asked for something. Without an item the command is about the order as a whole.

    `outcome` and `outputs` belong to Complete (the outcome of a manual task, its form fields, corrected
    attribute values for Retry). To Pause, which is about an order, belong the outputs `reason` and `until`.
    """

    command: CommandId
    operation: Operation
    by: str
    item: ItemNo | None = None
    outcome: str | None = None
    outputs: JsonObject = msgspec.field(default_factory=dict)
    at: datetime | None = None
    revision: Order | None = None
    """Preview: the supplemental order that is asked about."""


class FollowerCame(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An order waits for this one to end, which it calls `named`. `trail` ends with it, and begins with the order that
    set out to look where its waiting leads: each order of the trail waits for the next.
    """

    named: OrderId
    trail: tuple[Followed, ...]


class FollowedTold(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An order that this one waits for tells how it is doing."""

    followed: Followed


Event: TypeAlias = (
    OrderRead
    | OrderUnreadable
    | RevisionRead
    | MigrationAsked
    | CalloutAccepted
    | CalloutCompleted
    | CalloutFailed
    | CalloutPolled
    | CallbackArrived
    | ExternalEventArrived
    | TimerDue
    | OperatorCommanded
    | FollowerCame
    | FollowedTold
)

EVENT_TYPES: tuple[type[Event], ...] = (
    OrderRead,
    OrderUnreadable,
    RevisionRead,
    MigrationAsked,
    CalloutAccepted,
    CalloutCompleted,
    CalloutFailed,
    CalloutPolled,
    CallbackArrived,
    ExternalEventArrived,
    TimerDue,
    OperatorCommanded,
    FollowerCame,
    FollowedTold,
)


class Addressed(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An event and the order that it happened to."""

    order: OrderId
    event: Event
