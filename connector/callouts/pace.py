"""How fast, and in which order: pure, with the time as an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from connector.model.order import Priority

T = TypeVar("T")

SLACK = 0.05
"""How far, in seconds, starts may catch up after a late wake-up: a rate is kept over time, not to the millisecond."""

SHARES = {Priority.HIGH: 16, Priority.DEFAULT: 4, Priority.BULK: 1}
"""Of the starts while all lanes have work, how many each gets."""


class Rate:
    """Spaces starts so that no more than `per_second` happen."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = float("-inf")

    def wait(self, now: float) -> float:
        """The seconds until the next start is due; 0 when it is."""
        return max(self._next - now, 0.0)

    def started(self, now: float, per_second: float | None) -> None:
        """Note a start, of work that may start `per_second` times a second (None: as often as it likes)."""
        if per_second:
            self._next = max(self._next, now - SLACK) + 1.0 / per_second


class Lanes(Generic[T]):
    """A queue with a lane for each priority. High goes first, but no lane starves.

    Stride scheduling: each lane has a pass that grows by 1/share whenever it is served, and the lane
    with the lowest pass is next. A lane that was empty resumes where the others are, so that it can't
    save up turns. Inside a lane, first come, first served.
    """

    __slots__ = ("_count", "_lanes", "_passes", "_served")

    def __init__(self) -> None:
        self._lanes: dict[Priority, deque[T]] = {priority: deque() for priority in Priority}
        self._passes: dict[Priority, float] = dict.fromkeys(Priority, 0.0)
        self._served = 0.0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, priority: Priority, thing: T) -> None:
        """Add to the end of a lane."""
        lane = self._lanes[priority]
        if not lane:
            self._passes[priority] = max(self._passes[priority], self._served)
        lane.append(thing)
        self._count += 1

    def waiting(self, priority: Priority) -> int:
        """How much waits in one lane."""
        return len(self._lanes[priority])

    def in_turn(self) -> list[Priority]:
        """The lanes in which something waits, whose turn it is first."""
        waiting = [priority for priority, lane in self._lanes.items() if lane]
        return sorted(waiting, key=lambda priority: (self._passes[priority], priority))

    def first(self, priority: Priority) -> T:
        """What is next in this lane, left where it is.

        Raises:
            IndexError: nothing is.
        """
        return self._lanes[priority][0]

    def take(self, priority: Priority) -> T:
        """What is next in this lane, taken out: the lane is served.

        Raises:
            IndexError: nothing is.
        """
        taken = self._lanes[priority].popleft()
        self._served = max(self._served, self._passes[priority])
        self._passes[priority] += 1 / SHARES[priority]
        self._count -= 1
        return taken

    def remove(self, matches: Callable[[T], bool]) -> list[T]:
        """Take out whatever matches, wherever it waits."""
        removed: list[T] = []
        for priority, lane in self._lanes.items():
            found = [thing for thing in lane if matches(thing)]
            if found:
                removed += found
                self._lanes[priority] = deque(thing for thing in lane if not matches(thing))
        self._count -= len(removed)
        return removed

    def drain(self) -> Iterator[T]:
        """Take out everything, highest priority first."""
        for lane in self._lanes.values():
            while lane:
                self._count -= 1
                yield lane.popleft()
