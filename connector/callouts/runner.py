"""Runs callouts within the limits of each system, and hands every answer on.

Each system has its own queue, so that a slow one keeps nobody else waiting, and a bounded one, so that
memory stays bounded: work beyond it is refused, and waits in the database instead. Systems take turns
for the places that all of them share.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import structlog

from connector.callouts.attempt import Attempt
from connector.callouts.pace import Lanes, Rate
from connector.callouts.verdict import CalloutEvent
from connector.errors import InvariantBroken
from connector.mappings.set import MappingSet, System
from connector.model.attempt import AttemptRecord
from connector.model.ids import ItemNo, OrderId
from connector.model.order import Priority
from connector.model.work import Work

CAPACITY = 1_000
"""How much work may wait for one system in each lane, beside what is running."""

CONCURRENCY = 100
"""How many callouts may be under way at once, for all systems together."""

_log = structlog.get_logger("callouts")

Answered: TypeAlias = Callable[[OrderId, CalloutEvent, AttemptRecord], None]
"""Takes an answer, at once."""

MappingSets: TypeAlias = Callable[[str], MappingSet | None]
"""The mapping set of that hash, from memory. Whoever submits work has loaded its set."""


class Sender(Protocol):
    """Makes one attempt; `CalloutSender` is one."""

    async def attempt(self, work: Work, mapping_set: MappingSet) -> Attempt:
        """What came of it; never raises for anything outside this program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """What a runner had not finished when it closed.

    `unstarted` was never sent: it may be given to another worker at once. Of `interrupted` nobody knows
    the outcome: its lease has to end first.
    """

    unstarted: tuple[Work, ...]
    interrupted: tuple[Work, ...]


@dataclass(slots=True)
class _Channel:
    """The queue of one system, and what runs for it."""

    waiting: Lanes[tuple[Work, MappingSet]] = field(default_factory=Lanes)
    running: int = 0
    of_lane: dict[Priority, int] = field(default_factory=lambda: dict.fromkeys(Priority, 0))
    """How much of `running` is of each lane."""
    is_in_turn: bool = False
    rate: Rate = field(default_factory=Rate)
    lane_rates: dict[Priority, Rate] = field(default_factory=lambda: {priority: Rate() for priority in Priority})
    wake_up: asyncio.TimerHandle | None = None

    def wait(self, system: System, lane: Priority, share: float, now: float) -> float | None:
        """The seconds until the next start of this lane, which may have this share of the system; None: not before
        something else has ended.

        The limits are those of the work that is next, so that a new version of a mapping set takes
        effect with the first work that belongs to it.
        """
        if self.running >= system.concurrency or self.of_lane[lane] >= part(system.concurrency, share):
            return None
        return max(self.rate.wait(now), self.lane_rates[lane].wait(now))

    def started(self, system: System, lane: Priority, share: float, now: float) -> None:
        """One of this lane has started."""
        self.running += 1
        self.of_lane[lane] += 1
        self.rate.started(now, system.per_second)
        if share < 1 and system.per_second:
            self.lane_rates[lane].started(now, system.per_second * share)


def part(whole: int, share: float) -> int:
    """A share of so many places; never none, so that nothing starves."""
    return max(int(whole * share), 1)


_Key: TypeAlias = tuple[OrderId, ItemNo, int, int, bool]


class CalloutRunner:
    """Takes work, makes the attempts, hands on the answers. Belongs to one event loop."""

    def __init__(
        self,
        sender: Sender,
        mapping_sets: MappingSets,
        answered: Answered,
        *,
        capacity: int = CAPACITY,
        concurrency: int = CONCURRENCY,
        shares: Mapping[Priority, float] | None = None,
    ) -> None:
        self._sender = sender
        self._mapping_sets = mapping_sets
        self._answered = answered
        self._capacity = capacity
        self._concurrency = concurrency
        self._shares = {priority: (shares or {}).get(priority, 1.0) for priority in Priority}
        self._of_lane = dict.fromkeys(Priority, 0)
        self._channels: dict[str, _Channel] = {}
        self._turns: deque[_Channel] = deque()
        self._running: dict[asyncio.Task[None], Work] = {}
        self._known: set[_Key] = set()
        self._is_open = True

    def submit(self, work: Work) -> bool:
        """Take work; it starts as soon as its system's limits allow. Must be called inside the event loop.

        False: it was not taken, because too much waits for its system or the runner is closing. Work that
        is here already (same item, epoch and attempt) is taken to be the same: True.

        Raises:
            InvariantBroken: the work's mapping set is not in memory.
        """
        if not self._is_open:
            return False
        key = _key(work)
        if key in self._known:
            return True
        mapping_set = self._mapping_sets(work.set_hash)
        if mapping_set is None:
            raise InvariantBroken(f"The mapping set {work.set_hash} of {work.interface} is not loaded.")
        channel = self._channels.get(work.system)
        if channel is None:
            channel = self._channels[work.system] = _Channel()
        if channel.waiting.waiting(work.priority) >= self._capacity:
            return False
        self._known.add(key)
        channel.waiting.put(work.priority, (work, mapping_set))
        self._line_up(channel)
        self._start_due()
        return True

    def withdraw(self, order: OrderId, item: ItemNo) -> int:
        """Forget work of this item that has not started: how much it was. What runs is left to end."""
        return len(self.set_aside(lambda work: (work.order, work.item) == (order, item)))

    def set_aside(self, matches: Callable[[Work], bool]) -> list[Work]:
        """Forget work that has not started and that matches: it is the caller's again. What runs is left to end."""
        gone: list[Work] = []
        for channel in self._channels.values():
            for work, _ in channel.waiting.remove(lambda waiting: matches(waiting[0])):
                self._known.discard(_key(work))
                gone.append(work)
        return gone

    @property
    def load(self) -> dict[str, tuple[int, int]]:
        """For each system how much waits and how much runs."""
        return {system: (len(channel.waiting), channel.running) for system, channel in self._channels.items()}

    @property
    def room(self) -> int:
        """How many more callouts may be under way at once, for all systems together."""
        return self._concurrency - len(self._running) if self._is_open else 0

    @property
    def full(self) -> frozenset[Priority]:
        """The lanes whose share of all places is taken."""
        return frozenset(lane for lane in Priority if self._is_full(lane))

    def _is_full(self, lane: Priority) -> bool:
        return self._shares[lane] < 1 and self._of_lane[lane] >= part(self._concurrency, self._shares[lane])

    async def close(self, grace: float) -> Unfinished:
        """Take nothing more, start nothing more, let what runs finish for `grace` seconds, then end it."""
        self._is_open = False
        unstarted: list[Work] = []
        for channel in self._channels.values():
            if channel.wake_up is not None:
                channel.wake_up.cancel()
            unstarted += (work for work, _ in channel.waiting.drain())
        if self._running:
            await asyncio.wait(list(self._running), timeout=grace)
        interrupted = dict(self._running)
        for task in interrupted:
            task.cancel()
        if interrupted:
            await asyncio.wait(list(interrupted))
        self._known.clear()
        _log.info("callouts_closed", unstarted=len(unstarted), interrupted=len(interrupted))
        return Unfinished(unstarted=tuple(unstarted), interrupted=tuple(interrupted.values()))

    def _line_up(self, channel: _Channel) -> None:
        """Give the system a turn, unless it has one coming: whatever held it up may be over."""
        if channel.waiting and not channel.is_in_turn:
            channel.is_in_turn = True
            self._turns.append(channel)

    def _start_due(self) -> None:
        """Start whatever may start now, one of each system in turn."""
        while self._is_open and self._turns and len(self._running) < self._concurrency:
            channel = self._turns.popleft()
            channel.is_in_turn = False
            if self._start_next(channel):
                self._line_up(channel)

    def _start_next(self, channel: _Channel) -> bool:
        """Start the next work of one system, if it may; else see to it that its turn comes again in time."""
        if not channel.waiting:
            return False  # withdrawn since its turn was given
        loop = asyncio.get_running_loop()
        now, soonest = loop.time(), math.inf
        for lane in channel.waiting.in_turn():
            work, mapping_set = channel.waiting.first(lane)
            system = mapping_set.systems.get(work.system, _UNKNOWN)
            wait = None if self._is_full(lane) else channel.wait(system, lane, self._shares[lane], now)
            if wait == 0:
                channel.waiting.take(lane)
                channel.started(system, lane, self._shares[lane], now)
                self._of_lane[lane] += 1
                task = loop.create_task(self._run(work, mapping_set), name=f"callout {work.idempotency_key}")
                self._running[task] = work
                task.add_done_callback(lambda ended: self._ended(ended, channel))
                return True
            soonest = min(soonest, math.inf if wait is None else wait)
        if soonest < math.inf and channel.wake_up is None:
            channel.wake_up = loop.call_later(soonest, self._woken, channel)
        return False

    def _woken(self, channel: _Channel) -> None:
        channel.wake_up = None
        self._line_up(channel)
        self._start_due()

    def _ended(self, task: asyncio.Task[None], channel: _Channel) -> None:
        work = self._running.pop(task)
        self._known.discard(_key(work))
        channel.running -= 1
        channel.of_lane[work.priority] -= 1
        was_full = self._is_full(work.priority)
        self._of_lane[work.priority] -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("callout_broken", order=work.order, item=work.item, interface=work.interface, exc_info=error)
        for each in self._channels.values() if was_full else (channel,):
            self._line_up(each)
        self._start_due()

    async def _run(self, work: Work, mapping_set: MappingSet) -> None:
        attempt = await self._sender.attempt(work, mapping_set)
        self._answered(work.order, attempt.event, attempt.record)


_UNKNOWN = System(name="", base_url="")
"""Stands in for a system that the work's set does not have: the sender says so in its answer."""


def _key(work: Work) -> _Key:
    return (work.order, work.item, work.epoch, work.attempt, work.poll is not None)
