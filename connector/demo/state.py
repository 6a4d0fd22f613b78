"""What the demo knows of its orders at one moment: what the screen shows and the summary sums up."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connector.demo.orders import SampleOrder
from connector.model.plan import Plan
from connector.store.tracking import Happening, SystemCalls


@dataclass(slots=True, kw_only=True)
class PlacedOrder:
    """One sample order, where it is in the org, and how far it has come."""

    sample: SampleOrder
    id: str
    number: str = ""
    status: str = ""
    """As read from the org."""
    progress: float = 0
    message: str = ""
    plan: Plan | None = None
    """As the connector has it."""
    differences: Sequence[str] = ()
    """What the org does not show as the story says; empty when it does."""
    settled: bool = False
    """The org shows the end of the story."""


@dataclass(slots=True, kw_only=True)
class DemoState:
    """Everything that is shown."""

    orders: list[PlacedOrder] = field(default_factory=list)
    happenings: deque[Happening | str] = field(default_factory=lambda: deque(maxlen=1_000))
    """The connector's history, and (as text) what people did: the latest."""
    told: int = 0
    """How many happenings there were in all."""
    calls: Sequence[SystemCalls] = ()
    api_calls: int = 0
    """Salesforce API calls of the connector."""
    written: Mapping[str, int] = field(default_factory=dict)
    """Records that the connector has made in Salesforce, by object."""
    pending: int = 0
    """Records in Salesforce that are behind."""
    stage: str = "starting"
    trouble: str = ""
    """What keeps the demo from looking on, in a sentence; empty when nothing does."""
    look: str = ""
    """How the commands begin that show orders, while the demo runs; empty before there are any."""
    started: float = field(default_factory=time.monotonic)
    first_fulfilled: float | None = None
    """Seconds from the start to the first order that the org shows as Completed."""

    def tell(self, happenings: Iterable[Happening | str]) -> None:
        """Something happened."""
        for one in happenings:
            self.happenings.append(one)
            self.told += 1

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    @property
    def is_over(self) -> bool:
        """The org shows the end of every story, and nothing more is to be written."""
        return bool(self.orders) and all(order.settled for order in self.orders) and self.pending == 0

    def items_by_state(self) -> Mapping[str, int]:
        """How many items of all orders are in each state."""
        counts: Counter[str] = Counter()
        for order in self.orders:
            if order.plan:
                counts.update(item.state.value for item in order.plan.items.values())
        return dict(sorted(counts.items()))
