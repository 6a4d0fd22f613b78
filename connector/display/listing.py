"""Many orders, one line each, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connector.display.lines import Line
from connector.display.words import JEOPARDY_STYLES, STATUS_STYLES, ago, short_span
from connector.model.dossier import ListedOrder
from connector.model.forecast import Jeopardy
from connector.model.order import PRIORITY_NAMES, Priority
from connector.text import printable

WIDE = 120
"""Columns of a screen from which on more is shown than orders differ in."""

_WIDEST_ACCOUNT = 20
_BETWEEN = 2


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    text: Callable[[ListedOrder], str]
    style: Callable[[ListedOrder], str] = lambda _order: ""
    right: bool = False
    widest: int = 40


def orders_list(orders: Sequence[ListedOrder], now: datetime, width: int) -> Iterator[Line]:
    """A line of titles, and one for each order; what an order waits for takes the room that is left."""
    columns = [
        _Column("order", lambda order: order.number or order.id, lambda _: "bold"),
        _Column("status", lambda order: order.status, lambda order: STATUS_STYLES.get(order.status, "")),
        _Column("items", lambda order: f"{order.items_done}/{order.items_total}" if order.items_total else ""),
        _Column("age", lambda order: short_span(now - order.created_at), right=True),
        _Column("account", lambda order: order.account, widest=_WIDEST_ACCOUNT),
    ]
    if width >= WIDE or any(order.priority is not Priority.DEFAULT for order in orders):
        columns.insert(2, _Column("priority", lambda order: PRIORITY_NAMES[order.priority], _priority_style))
    if any(order.jeopardy not in (None, Jeopardy.ON_TRACK) for order in orders):
        columns.append(_Column("jeopardy", _jeopardy, lambda order: JEOPARDY_STYLES.get(_jeopardy(order), "")))
    if width >= WIDE:
        columns.append(_Column("expected", lambda order: _expected(order, now)))
        columns.insert(1, _Column("id", lambda order: order.id, lambda _: "dim"))
        columns.append(_Column("mapping set", lambda order: order.set_name or ""))
    widths = [
        min(column.widest, max(len(column.title), *(len(printable(column.text(order))) for order in orders)))
        for column in columns
    ]
    titles = Line()
    for column, cells in zip(columns, widths, strict=True):
        titles.column(column.title, cells, "dim", right=column.right).add(" " * _BETWEEN)
    yield titles.add("waits for", "dim")
    for order in orders:
        line = Line()
        for column, cells in zip(columns, widths, strict=True):
            line.column(column.text(order), cells, column.style(order), right=column.right).add(" " * _BETWEEN)
        yield line.join(_wait(order))


def _priority_style(order: ListedOrder) -> str:
    return "" if order.priority is Priority.HIGH else "dim"


def _jeopardy(order: ListedOrder) -> str:
    """Whether it is in time; of one that is done, only that it was late."""
    if order.jeopardy is None or (order.finished_at is not None and order.jeopardy is not Jeopardy.LATE):
        return ""
    return order.jeopardy.value


def _expected(order: ListedOrder, now: datetime) -> str:
    return ago(order.expected_at, now) if order.expected_at is not None and order.finished_at is None else ""


def _wait(order: ListedOrder) -> Line:
    if order.parked is not None:
        return Line(f"a person: it is parked, {order.parked}", "bold red")
    if order.waiting_for is None:
        return Line(order.message.partition("\n")[0], "dim")
    more = f"+{order.waits - 1} " if order.waits > 1 else ""
    line = Line(more, "dim").add(order.waiting_for)
    return line.add(f"  {order.waiting_item}" if order.waiting_item else "", "dim")


def counts_line(counts: Mapping[str, int], most: int) -> Line:
    """How many orders there are: `12 orders: 7 Completed, 5 Waiting`."""
    total = sum(counts.values())
    line = Line(f"{total}{' or more' if total >= most else ''} order{'' if total == 1 else 's'}")
    for place, (status, number) in enumerate(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))):
        line.add(", " if place else ": ").add(f"{number} {status}", STATUS_STYLES.get(status, ""))
    return line
