"""The plan of one order: its items, its technical lines, and what changed in it.

Items and lines are frozen; the `Plan` is the one mutable thing of the core, and only inside a turn:
the machine replaces items in it, the shell collects what was replaced and saves just that. When the
transaction fails the shell throws the plan away and loads it again, so a half-applied event is never seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace as replace_fields

from connector.model.failure import Failure, Problem
from connector.model.following import Followed, Follower
from connector.model.forecast import Forecast, Jeopardy
from connector.model.ids import ItemNo, LineId, OrderId, TechnicalLineNo
from connector.model.json import Json, JsonObject
from connector.model.mark import Record
from connector.model.order import InventoryItem, Order, Priority
from connector.model.pauses import Pause
from connector.model.revision import Revision, Version
from connector.model.states import FINAL_ITEM_STATES, ItemState, ItemType, Phase, PlanState
from connector.model.technical import ParkedRule, TechnicalLine


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The outcome of a callout as a call-back told it: the outputs, or the failure."""

    outputs: JsonObject = msgspec.field(default_factory=dict)
    failure: Failure | None = None


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One item of a plan. What never changes is in its definition (`definition`, `key`) of the mapping set.

    Times are aware UTC. `epoch` counts logical attempts (a new idempotency key each), `attempts` the
    sendings since a person last had a hand in it; `request_epoch` is the epoch whose request is stored.
    """

    no: ItemNo
    definition: str
    """Name of the plan definition."""
    key: str
    """Key of the item inside its definition."""
    type: ItemType
    scope_key: str
    """Which instance of the definition this is: items of one instance share it."""
    name: str = ""
    line: TechnicalLineNo | None = None
    sources: tuple[LineId, ...] = ()
    root: LineId | None = None
    after: tuple[ItemNo, ...] = ()
    """The items that must be final before it begins."""
    after_start: tuple[ItemNo, ...] = ()
    """The items that must have begun before it does."""
    parent: ItemNo | None = None
    """The subplan item that it is one of the items of."""
    each: Json = None
    """What its instance of the subplan was made for, where the subplan has one for each element of a list."""
    state: ItemState = ItemState.PENDING
    epoch: int = 1
    attempts: int = 0
    request_epoch: int = 0
    outputs: JsonObject = msgspec.field(default_factory=dict)
    outcome: str | None = None
    failure: Failure | None = None
    waiting_for: str | None = None
    """For people: what a running, failed or held item is waiting for, or one that can't begin for another reason
    than the items before it.
    """
    due_at: datetime | None = None
    """When a wait ends by itself: time-out of a wait, next attempt, end of a timer."""
    queue: str | None = None
    instructions: str | None = None
    """manual: what the person is told."""
    choices: tuple[str, ...] = ()
    """manual: the outcomes that the person may choose from."""
    fallouts: int = 0
    """How many times people were called for help."""
    accepted: bool = False
    """An asynchronous callout was accepted; its call-back is awaited."""
    undoes: ItemNo | None = None
    """It takes back, or brings to new values, what that item did."""
    retold: bool = False
    """manual: a revision has changed what the person is told while the task was open."""
    ends_as: ItemState | None = None
    """A revision has decided what the item is when it has completed: Canceled or Amended, not Completed."""
    polled_from: datetime | None = None
    """Since when its system is asked how far it is."""
    failed_polls: int = 0
    """How many questions how far it is got no usable answer, one after the other."""
    in_doubt: bool = False
    """A sending of this epoch ended without a definite answer: it may have had its effect, or have it yet."""
    told: Told | None = None
    """The outcome that a call-back told while the item was on hold; it counts when the item is resumed."""
    branch_skipped: bool = False
    """Skipped, and with it whatever comes after nothing else."""
    ready_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    def but(self, **changes: Any) -> Item:
        """The same item with other values of some fields."""
        return replace_fields(self, **changes)

    @property
    def is_final(self) -> bool:
        """Needs nothing more."""
        return self.state in FINAL_ITEM_STATES

    @property
    def has_started(self) -> bool:
        """Has begun once, or never will: what waits for its start may start."""
        return self.started_at is not None or self.state in FINAL_ITEM_STATES

    @property
    def phase(self) -> Phase:
        """What the state means to somebody who asks how the order is doing."""
        phase = _PHASES.get(self.state)
        if phase is not None:
            return phase
        if self.state is ItemState.PENDING:
            return Phase.IDLE if self.waiting_for is None else Phase.WAITING
        if self.type is ItemType.CALLOUT and not self.accepted:
            return Phase.BUSY
        return Phase.IDLE if self.type is ItemType.SUBPLAN else Phase.WAITING


_PHASES = dict.fromkeys(FINAL_ITEM_STATES, Phase.DONE) | {
    ItemState.SCHEDULED: Phase.WAITING,
    ItemState.READY: Phase.BUSY,
    ItemState.ON_HOLD: Phase.WAITING,
    ItemState.FAILED: Phase.BUSY,
    ItemState.FATALLY_FAILED: Phase.FALLOUT,
    ItemState.FROZEN: Phase.WAITING,
}
"""Of the states that say it all; not those of items that are pending or running."""


class UnclaimedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An external event that came before any item waited for it."""

    name: str
    payload: JsonObject
    at: datetime


ShownDates: TypeAlias = tuple[datetime, Jeopardy]
"""What is shown of a part of an order: when it is expected to be done, and whether that is in time."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """One order in fulfillment. Keyed by the order's id: an order has one plan."""

    order: Order
    """The newest accepted version of the order; when nothing of it is wanted any more the one before, as `Cancel`."""
    state: PlanState
    set_hash: str
    items: dict[ItemNo, Item] = field(default_factory=dict)
    lines: dict[TechnicalLineNo, TechnicalLine] = field(default_factory=dict)
    unclaimed: tuple[UnclaimedEvent, ...] = ()
    deliveries: tuple[str, ...] = ()
    """Messages that have come, the newest last, by their senders' ids: the same one has no second effect."""
    problems: tuple[Problem, ...] = ()
    versions: tuple[Version, ...] = ()
    """What became of each version of the order, the oldest first; none while there is but one."""
    revisions: tuple[Revision, ...] = ()
    """Supplemental orders that wait for a decision, in the order in which they came."""
    blocked: Revision | None = None
    """The revision that was rejected last because of a point of no return: a person may let it pass."""
    as_is: tuple[InventoryItem, ...] | None = None
    """What the account had installed when the order began; None when it has not been loaded."""
    forecast: Forecast | None = None
    """What was expected of the plan when that was worked out last."""
    parked: tuple[ParkedRule, ...] = ()
    """Decomposition rules that wait for what items will bring."""
    late: Mapping[TechnicalLineNo, JsonObject] = field(default_factory=dict)
    """What items have brought that parked rules of these lines have waited for: the first value of each counts."""
    waits_for: tuple[Followed, ...] = ()
    """Orders that have to end before this one begins, those that have ended included."""
    followers: tuple[Follower, ...] = ()
    """Orders that want to be told when this one has ended."""
    message: str = ""
    alarmed: bool = False
    """People were told that nothing will ever happen to it again."""
    pause: Pause | None = None
    """Nothing of the order starts."""
    revision: int = 0
    created_at: datetime | None = None
    finished_at: datetime | None = None
    changed_items: dict[ItemNo, Phase | None] = field(default_factory=dict)
    """Items replaced since the last save, with the phase they had then (None: new)."""
    changed_lines: set[TechnicalLineNo] = field(default_factory=set)
    changed_head: bool = False
    changed_order: bool = False
    """A revision has given the plan another version of the order."""
    changed_versions: set[OrderId] = field(default_factory=set)
    redated: list[Record] = field(default_factory=list)
    """Records whose dates have changed, though what they tell of has not."""
    expected: Mapping[ItemNo, float] | None = field(default=None, repr=False, compare=False)
    """When each item that was open at the last forecast was expected to be done, in seconds of the epoch."""
    shown: dict[Record, ShownDates] = field(default_factory=dict, repr=False, compare=False)
    """The dates that were shown of parts of the order."""
    respecified: set[ItemNo] = field(default_factory=set)
    """Items of which what otherwise never changes has been changed."""
    phases: dict[Phase, int] = field(default_factory=dict)
    """How many items are in each phase."""
    memo: dict[str, JsonObject] = field(default_factory=dict, repr=False, compare=False)
    """What was made of parts that never change, by whoever made it."""
    _dependents: dict[ItemNo, tuple[ItemNo, ...]] = field(default_factory=dict)
    _start_dependents: dict[ItemNo, tuple[ItemNo, ...]] = field(default_factory=dict)
    _unmet: dict[ItemNo, int] = field(default_factory=dict)
    _instances: dict[tuple[ItemNo, str], list[ItemNo]] = field(default_factory=dict)
    _below: dict[ItemNo, list[ItemNo]] = field(default_factory=dict)
    _open_below: dict[ItemNo, int] = field(default_factory=dict)
    _last: int = 0
    id: OrderId = field(init=False)
    """The id of the order's first version, which is the plan's and never changes."""
    _bundles: dict[LineId | None, dict[str, TechnicalLineNo]] | None = None

    def __post_init__(self) -> None:
        self.id = self.order.first
        self.index()

    @property
    def is_canceling(self) -> bool:
        """The order as a whole is being undone, or was."""
        return self.order.supplemental_action == "Cancel"

    @property
    def is_queued(self) -> bool:
        """It waits for other orders."""
        return self.state is PlanState.NOT_STARTED and bool(self.waits_for)

    @property
    def has_begun(self) -> bool:
        """False: it was rejected, or waits for other orders. When its order is read again its plan is made anew."""
        return self.state is not PlanState.REJECTED and not self.is_queued

    @property
    def priority(self) -> Priority:
        """The order's lane: its own, or a faster one that its jeopardy has raised it to."""
        raised = self.forecast.lane if self.forecast is not None else None
        return self.order.priority if raised is None else min(raised, self.order.priority)

    @property
    def open_items(self) -> int:
        """How many items are not final."""
        return len(self.items) - self.phases[Phase.DONE]

    def index(self) -> None:
        """Rebuild what is derived from the items: dependents, unmet dependencies, the counts."""
        self._dependents, self._start_dependents = {}, {}
        self._unmet, self._instances, self._below, self._open_below = {}, {}, {}, {}
        self._last = 0
        self.phases = dict.fromkeys(Phase, 0)
        self._count_in(self.items.values())

    def _count_in(self, items: Iterable[Item]) -> None:
        """Add to what is derived what follows from these items, which nothing waited for before."""
        dependents: dict[ItemNo, list[ItemNo]] = {}
        start_dependents: dict[ItemNo, list[ItemNo]] = {}
        for item in items:
            unmet = 0
            for before in item.after:
                dependents.setdefault(before, []).append(item.no)
                if not self.items[before].is_final:
                    unmet += 1
            for before in item.after_start:
                start_dependents.setdefault(before, []).append(item.no)
                if not self.items[before].has_started:
                    unmet += 1
            self._unmet[item.no] = unmet
            self.phases[item.phase] += 1
            self._last = max(self._last, item.no)
            if item.parent is not None:
                self._instances.setdefault((item.parent, item.scope_key), []).append(item.no)
                self._below.setdefault(item.parent, []).append(item.no)
                self._open_below[item.parent] = self._open_below.get(item.parent, 0) + (not item.is_final)
        for no, followers in dependents.items():
            self._dependents[no] = (*self._dependents.get(no, ()), *followers)
        for no, followers in start_dependents.items():
            self._start_dependents[no] = (*self._start_dependents.get(no, ()), *followers)

    def add(self, items: Iterable[Item], lines: Iterable[TechnicalLine]) -> None:
        """Grow the plan by new items and lines."""
        for line in lines:
            self.lines[line.no] = line
            self.changed_lines.add(line.no)
        self._bundles = None
        items = list(items)
        known = len(self.items)
        for item in items:
            self.items[item.no] = item
            self.changed_items.setdefault(item.no, None)
        if len(self.items) == known + len(items):
            self._count_in(items)
        else:
            self.index()

    def put(self, item: Item) -> list[ItemNo]:
        """Replace an item by its next version, and keep the derived counts true; gives the items that it was the last
        one to keep waiting, the subplan that it is of among them.
        """
        no = item.no
        before = self.items[no]
        self.items[no] = item
        was, phase = before.phase, item.phase
        self.changed_items.setdefault(no, was)
        freed: list[ItemNo] = []
        if phase is not was:
            self.phases[was] -= 1
            self.phases[phase] += 1
            if phase is Phase.DONE or was is Phase.DONE:
                step = -1 if phase is Phase.DONE else 1
                self._count(self._dependents.get(no, ()), step, freed)
                if item.parent is not None:
                    self._open_below[item.parent] = still_open = self._open_below[item.parent] + step
                    if not still_open:
                        freed.append(item.parent)
        if self._start_dependents and item.has_started != before.has_started:
            self._count(self._start_dependents.get(no, ()), -1 if item.has_started else 1, freed)
        return freed

    def _count(self, followers: Sequence[ItemNo], step: int, freed: list[ItemNo]) -> None:
        unmet = self._unmet
        for follower in followers:
            unmet[follower] = left = unmet[follower] + step
            if not left:
                freed.append(follower)

    def respecify(self, item: Item) -> None:
        """Replace an item by one that waits for more, or is for more; `index` has to follow."""
        self.changed_items.setdefault(item.no, self.items[item.no].phase)
        self.items[item.no] = item
        self.respecified.add(item.no)

    def put_line(self, line: TechnicalLine) -> None:
        """Replace a technical line by its next version, which is of the same product and bundle."""
        self.lines[line.no] = line
        self.changed_lines.add(line.no)

    def enrich(self, no: TechnicalLineNo, attributes: JsonObject) -> None:
        """Give a technical line more attribute values (the outputs of an item)."""
        if attributes:
            line = self.lines[no]
            self.put_line(replace_fields(line, attributes={**line.attributes, **attributes}))

    def bundle_attributes(self, root: LineId | None) -> Mapping[str, JsonObject]:
        """The attributes of the technical lines below one root line, by product; of several lines of a product those of
        the one that stands first in the order. All lines of the order where no root is given.
        """
        if self._bundles is None:
            self._bundles = {None: {}}
            place = {line.id: number for number, line in enumerate(self.order.lines)}
            live = [line for line in self.lines.values() if line.is_live]
            live.sort(key=lambda line: min((place.get(source, len(place)) for source in line.sources), default=0))
            for line in live:
                self._bundles[None].setdefault(line.product, line.no)
                self._bundles.setdefault(line.root, {}).setdefault(line.product, line.no)
        members = self._bundles.get(root, {})
        return {product: self.lines[no].attributes for product, no in members.items()}

    def dependents(self, no: ItemNo) -> tuple[ItemNo, ...]:
        """The items that come directly after this one."""
        return self._dependents.get(no, ())

    def start_dependents(self, no: ItemNo) -> tuple[ItemNo, ...]:
        """The items that come directly after the start of this one."""
        return self._start_dependents.get(no, ())

    @property
    def next_no(self) -> ItemNo:
        """The number of the next item that is made."""
        return ItemNo(self._last + 1)

    def instance(self, parent: ItemNo, scope_key: str) -> Sequence[ItemNo]:
        """The items of one instance of a subplan."""
        return self._instances.get((parent, scope_key), ())

    def below(self, no: ItemNo) -> Sequence[ItemNo]:
        """The items of a subplan."""
        return self._below.get(no, ())

    def has_open_below(self, no: ItemNo) -> bool:
        """An item of this subplan is not final."""
        return self._open_below.get(no, 0) > 0

    def is_unblocked(self, no: ItemNo) -> bool:
        """Every item before this one is final, or has begun where that is enough."""
        return self._unmet[no] == 0

    def items_by_state(self) -> Mapping[ItemState, int]:
        """How many items are in each state."""
        counts: dict[ItemState, int] = {}
        for item in self.items.values():
            counts[item.state] = counts.get(item.state, 0) + 1
        return counts

    def saved(self) -> None:
        """Forget what changed: it has been saved."""
        self.changed_items = {}
        self.changed_lines = set()
        self.changed_head = False
        self.changed_order = False
        self.respecified = set()
        self.changed_versions = set()
        self.redated = []
