"""Which orders may begin now: as many of each lane as its rate allows, and none of a lane that has no room.

The rates are those of the whole installation: before an order begins, its worker takes it from a row of the database
that all workers share, and gives back what it could not begin. A lane without a rate costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from connector.model.ids import OrderId
from connector.model.order import Priority
from connector.store.rates import RateTable
from connector.store.turns import Turns


@dataclass(slots=True, kw_only=True)
class Beginning:
    """One worker's way to the rates. `again` is told in how many seconds more may begin; `clock` is monotonic."""

    turns: Turns
    rates: RateTable
    per_second: Mapping[Priority, float]
    clock: Callable[[], float]
    again: Callable[[float], None] = lambda _seconds: None
    _closed_until: dict[Priority, float] = field(default_factory=dict)

    async def find(self, most: int, full: Collection[Priority]) -> dict[OrderId, Priority]:
        """Up to `most` orders that may begin, but none of lanes that are full. Each has been taken from its rate."""
        now = self.clock()
        lanes = [lane for lane in Priority if lane not in full and self._closed_until.get(lane, now) <= now]
        found = await self.turns.beginning(lanes, most) if lanes else {}
        for lane, per_second in self.per_second.items():
            orders = [order for order, its in found.items() if its is lane]
            if orders:
                for order in orders[await self._granted(lane, len(orders), per_second) :]:
                    del found[order]
        return found

    async def _granted(self, lane: Priority, wanted: int, per_second: float) -> int:
        grant = await self.rates.draw(_name(lane), wanted, per_second)
        if grant.count < wanted:
            self._closed_until[lane] = self.clock() + grant.seconds
            self.again(grant.seconds)
        return grant.count

    async def give_back(self, orders: Sequence[Priority]) -> None:
        """Orders of these lanes were taken from their rates, and did not begin here."""
        for lane in self.per_second:
            count = sum(1 for each in orders if each is lane)
            if count:
                await self.rates.give_back(_name(lane), count)


def _name(lane: Priority) -> str:
    return f"begin {lane.name.lower()}"
