"""What a decomposition gives."""

from __future__ import annotations

from dataclasses import dataclass

from connector.model.failure import Problem
from connector.model.order import Order
from connector.model.plan import Item
from connector.model.technical import Explanation, ParkedRule, TechnicalLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Technical lines, items and requests of one order, and why.

    With problems nothing is half-built: `lines`, `items`, `requests` and `parked` are empty, while `explanation`
    still tells everything that was decided. `order` is the order as the rules saw it, with the defaults
    of commercial attributes filled in (the order as given when there are problems).
    """

    order: Order
    lines: tuple[TechnicalLine, ...]
    items: tuple[Item, ...]
    requests: tuple[str, ...]
    """The domains of the lines, each once, in the order of the lines; lines without a domain have none."""
    explanation: Explanation
    parked: tuple[ParkedRule, ...] = ()
    """Rules that wait for what items will bring, line by line in the order in which they are to be decided on."""
    problems: tuple[Problem, ...] = ()
