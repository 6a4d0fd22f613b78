"""The plan along the time: what was done when, what is being done, and when the rest is expected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connector.display.lines import Line, flow
from connector.display.tree import MANY, chosen, rest
from connector.display.view import OrderView
from connector.display.words import STATE_STYLES, SYMBOLS, clock
from connector.model.plan import Item
from connector.model.states import ItemState, Phase

DONE, GOING, EXPECTED, NOW = "█", "▓", "░", "│"

_WIDEST_NAME = 28
_NARROWEST_BAR = 10
_NEVER = datetime.max.replace(tzinfo=UTC)


def gantt(view: OrderView, width: int, *, most: int | None = MANY) -> Iterator[Line]:
    """One line for each item, in the order in which they begin; a large plan as in the tree."""
    shown = chosen(view, most)
    items = [item for item in view.items.values() if shown is None or item.no in shown]
    if items:
        chart = _Chart(view, width)
        yield chart.axis()
        for item in sorted(items, key=lambda item: (chart.begin(item) or _NEVER, item.no)):
            yield chart.row(item)
        yield from chart.legend(items)
    if shown is not None:
        yield rest(view, shown)


@dataclass(frozen=True, slots=True)
class _Bar:
    """From when to when, and up to when it is more than expected."""

    begin: datetime
    real_end: datetime | None
    end: datetime


class _Chart:
    """The scale of one drawing."""

    def __init__(self, view: OrderView, width: int) -> None:
        self._view = view
        self._digits = len(str(max(view.items, default=0)))
        longest = max((len(item.name or item.key) for item in view.items.values()), default=0)
        fixed = 2 + 1 + self._digits + 1 + 1
        self._name = max(0, min(longest, _WIDEST_NAME, width - fixed - _NARROWEST_BAR))
        self._cells = max(_NARROWEST_BAR, width - fixed - self._name)
        self._left = fixed + self._name
        self._start, self._end = self._range()

    def _range(self) -> tuple[datetime, datetime]:
        view = self._view
        finished = view.plan.finished_at if view.plan else None
        times = [view.dossier.created_at if view.plan is None or view.plan.created_at is None else view.plan.created_at]
        times += [at for item in view.items.values() for at in (item.started_at, item.finished_at) if at]
        if finished is None:
            times += [view.now, *view.expected.ends.values()]
            times += [at for at in (view.expected.completion,) if at]
        else:
            times.append(finished)
        start, end = min(times), max(times)
        return start, max(end, start + timedelta(milliseconds=1))

    def axis(self) -> Line:
        """The beginning; now, and the end, where there is room for them."""
        now = self._view.now
        first, last = clock(self._start, now), clock(self._end, now)
        marks = list(" " * self._cells)
        marks[: len(first)] = first[: self._cells]
        if len(first) + len(last) < self._cells:
            marks[self._cells - len(last) :] = last
        if self._start < now < self._end:
            told = f"now {clock(now, now)}"
            at = self._cell(now)
            for place in (at, at - len(told) + 1):  # beginning or ending there, where nothing else stands
                if len(first) < place and place + len(told) < self._cells - len(last):
                    marks[place : place + len(told)] = told
                    break
        return Line(" " * self._left).add("".join(marks), "dim")

    def row(self, item: Item) -> Line:
        """The item and its bar."""
        style = STATE_STYLES[item.state]
        critical = item.no in self._view.expected.critical
        line = Line(f"{SYMBOLS[item.state]} ", style).add("*" if critical else " ", "bold")
        line.column(str(item.no), self._digits, "bold" if critical else "dim", right=True).add(" ")
        line.column(item.name or item.key, self._name).add(" ")
        bar = self._bar(item)
        cells = [" "] * self._cells
        now = self._view.now
        if self._start < now < self._end:
            cells[self._cell(now)] = NOW
        if bar is None:
            return line.add("".join(cells), "dim")
        first, last = self._cell(bar.begin), self._cell(bar.end)
        real = self._cell(bar.real_end) if bar.real_end else first - 1
        sure = DONE if item.is_final else GOING
        line.add("".join(cells[:first]), "dim")
        line.add(sure * (real - first + 1), style)
        expected = max(first, real + 1)
        line.add(EXPECTED * (last - expected + 1), "bold" if critical else "")
        return line.add("".join(cells[max(last, real) + 1 :]), "dim")

    def begin(self, item: Item) -> datetime | None:
        """When its bar begins."""
        bar = self._bar(item)
        return bar.begin if bar else None

    def _bar(self, item: Item) -> _Bar | None:
        expected = self._view.expected
        if item.is_final:
            end = item.finished_at
            if end is None or item.state in (ItemState.SKIPPED, ItemState.DISCARDED):
                return None
            return _Bar(item.started_at or end, end, end)
        ends = expected.ends.get(item.no)
        if item.started_at is not None and item.phase is not Phase.IDLE:
            now = max(self._view.now, item.started_at)
            return _Bar(item.started_at, now, max(now, ends or now))
        begins = expected.begins.get(item.no)
        return _Bar(begins, None, max(begins, ends or begins)) if begins else None

    def _cell(self, at: datetime) -> int:
        share = (at - self._start) / (self._end - self._start)
        return max(0, min(self._cells - 1, int(share * self._cells)))

    def legend(self, items: list[Item]) -> Iterator[Line]:
        """What the signs mean, as far as they are used."""
        line = Line()
        states = {item.state for item in items}
        for state in ItemState:
            if state in states:
                line.add(f"{SYMBOLS[state]} {state}  ", STATE_STYLES[state])
        yield from flow(line, self._left + self._cells, 0)
        signs = Line(f"{DONE} done  {GOING} under way  {EXPECTED} expected  {NOW} now", "dim")
        yield signs.add("  * critical path" if self._view.expected.critical else "", "dim")
