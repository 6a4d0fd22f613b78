"""What the Salesforce edge needs from the rest of the program, as protocols.

The store implements `IntakePort`, `OutboxPort` and `KnownPort`; whoever holds the compiled mapping sets
implements `SetsPort`. Every method that changes something is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, TypeAlias

from connector.mappings.set import MappingSet
from connector.model.events import Addressed
from connector.model.ids import CommandId, OrderId
from connector.model.mark import RecordKind

# -- intake ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotice:
    """Somebody said that this order was activated: an event, or the reconciler's query.

    `uuid` is the identity of the event; empty when the reconciler found the order.
    """

    order: OrderId
    reason: str
    received_at: datetime
    uuid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandNotice:
    """Somebody said that an operator asks for something: an event, or the reconciler's query."""

    command: CommandId
    received_at: datetime
    uuid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MalformedEvent:
    """An event that we can't understand: kept for people to look at, never in the way of the next one."""

    topic: str
    uuid: str
    payload: str
    reason: str
    received_at: datetime


Notice: TypeAlias = OrderNotice | CommandNotice | MalformedEvent

NoticeKind = Literal["order", "command"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An order or command that was noticed and has not been read yet. `attempts` counts postponements."""

    kind: NoticeKind
    id: str
    attempts: int = 0


class IntakePort(Protocol):
    """Notices on their way to the inbox: heard, claimed, read, delivered."""

    async def position(self, topic: str) -> bytes | None:
        """The position stored last for this topic; None when it was never heard."""
        ...

    async def heard(self, notices: Sequence[Notice], topic: str | None = None, position: bytes | None = None) -> None:
        """Store what was heard and, when given, the topic's new position, in one transaction.

        A notice about an order or command that is waiting to be read already, or whose event (`uuid`)
        was heard before, has no effect. An empty `notices` stores the position alone.
        """
        ...

    async def claim_unread(self, kind: NoticeKind, limit: int, lease: timedelta) -> Sequence[Unread]:
        """Take up to `limit` unread notices, oldest first, whose time has come, for this worker alone.

        A claim ends by `deliver`, `refuse_command`, `postpone`, or when the lease is over.
        """
        ...

    async def deliver(self, events: Sequence[Addressed]) -> None:
        """Put the events into their orders' inboxes and end the claims that they answer, in one transaction.

        `OrderRead` and `OrderUnreadable` answer the claim of their order, `OperatorCommanded` that of its command.
        """
        ...

    async def refuse_command(self, command: CommandId, message: str, order: OrderId | None = None) -> None:
        """End the claim, and mark the command's record for write-back with the answer Refused.

        For commands that no order's machine can answer: about an order nobody knows, or not readable.
        """
        ...

    async def dismiss(self, kind: NoticeKind, ids: Sequence[str], reason: str) -> None:
        """End the claims without any event: there is nothing to do (a command was answered already, or is gone)."""
        ...

    async def postpone(self, kind: NoticeKind, ids: Sequence[str], until: datetime, reason: str) -> None:
        """End the claims; the notices may be claimed again from `until` on, with one attempt more."""
        ...


class KnownPort(Protocol):
    """Which of the things that Salesforce has are known here."""

    async def unknown_orders(self, ids: Sequence[OrderId]) -> Sequence[OrderId]:
        """Those orders that have neither a plan nor a notice waiting to be read."""
        ...

    async def plans_of(self, ids: Sequence[OrderId]) -> Mapping[OrderId, OrderId]:
        """Of those orders that are versions of another one: the order whose plan they belong to."""
        ...

    async def unknown_commands(self, ids: Sequence[CommandId]) -> Sequence[CommandId]:
        """Those commands that were neither delivered, refused nor are waiting to be read."""
        ...


# -- write-back -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A record in Salesforce that is behind the present state. There is at most one per (`kind`, `key`).

    `lane` is what is written by one writer at a time, in order: the order's id; for inventory, which
    several orders of an account share, the account's id. `seq` grows whenever the record is marked
    again. `key` is the value of the external id, or the Id for records that are updated by Id.
    `attempts` counts how often writing it has failed since it was marked.
    """

    lane: str
    order: OrderId
    kind: RecordKind
    key: str
    seq: int
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The present state of a marked record: the hash of the order's mapping set, and the variables of its kind.

    `variables` is None when there is nothing to write any more. An empty hash (a command about an order
    that nobody knows) stands for the default set.
    """

    mark: Mark
    set_hash: str
    variables: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Salesforce has the state that was loaded: the mark goes, unless `seq` has grown since.

    `note` is what people should know all the same (a queue that doesn't exist); mostly empty.
    """

    mark: Mark
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """Not now: the mark may be claimed again from `until` on. `failed` false: it was no attempt (budget).

    `missing` names a parent that Salesforce does not have (any more): it is to be marked, if it
    exists here and is not marked already. `note` is what people should know at once: the record is written but
    for a lookup, which is tried again.
    """

    mark: Mark
    until: datetime
    reason: str
    failed: bool = True
    missing: tuple[RecordKind, str] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck:
    """Salesforce will never take this state: somebody has to mend the org, the mapping or the data.

    The mark stays, is shown as a problem of the order, and is claimed again when the record is marked
    anew, or from `until` on.
    """

    mark: Mark
    code: str
    message: str
    fields: tuple[str, ...]
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The record was deleted in Salesforce: the mark goes, and the history of the order says so."""

    mark: Mark
    message: str


Settlement: TypeAlias = Written | Postponed | Stuck | Gone


class OutboxPort(Protocol):
    """Marks of records that are behind, lane by lane."""

    async def claim(
        self, lanes: int, records: int, lease: timedelta, kinds: Sequence[RecordKind] | None = None
    ) -> Sequence[Mark]:
        """Marks, whose time has come, of up to `lanes` lanes, about `records` together, oldest lane first.

        A lane is this worker's alone until its marks are settled or the lease is over; it is given whole
        or, when it has more than `records` marks, in part, parents first (request, plan, line, item, then
        the others). With `kinds`, only lanes that have a mark of one of these kinds are given; what else
        they have comes with them, since a call costs the same whatever it carries.
        """
        ...

    async def load(self, marks: Sequence[Mark]) -> Sequence[Present]:
        """The present state of each, committed no earlier than the mark was claimed; in the order given."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Say what became of claimed marks, and let go of the lanes that have none claimed any more."""
        ...


# -- mapping sets ---------------------------------------------------------------------------------------


class SetsPort(Protocol):
    """The compiled mapping sets."""

    def current(self) -> Sequence[MappingSet]:
        """The sets that new orders get, the default one first; never empty."""
        ...

    async def by_hash(self, set_hash: str) -> MappingSet:
        """The set that an order was started with."""
        ...
