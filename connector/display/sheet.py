"""All of one order on one sheet: head, what it waits for, lines, plan, and what has happened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from connector.display.gantt import gantt
from connector.display.head import head
from connector.display.lines import Line, flow
from connector.display.tree import MANY, counts, plan_tree
from connector.display.view import LineSight, OrderView
from connector.display.words import STATUS_STYLES, clock, span
from connector.model.ids import WHOLE_ORDER, ItemNo
from connector.model.json import Json
from connector.model.order import OrderLine
from connector.model.plan import Plan

MOST_LINES = 50
"""Lines of the order, and waits, that are shown unless all are asked for."""

_CLOCK = 10
"""Cells that a time takes at the beginning of a line."""

_FEW = 4
"""As many of them on one screen."""

_PLAN_HEADER = 3
_HISTORY_HEADER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """What is to be shown. `most` is the number of items from which on a plan is summarised (None: never)."""

    form: Literal["tree", "gantt"] = "tree"
    most: int | None = MANY
    history: bool = True
    calls: bool = False
    explanation: bool = False
    attributes: bool = False


def sheet(view: OrderView, sections: Sections, width: int) -> Iterator[Line]:
    """The lines of the sheet."""
    yield from head(view, width)
    most = None if sections.most is None else MOST_LINES
    yield from _fallouts(view, most, width)
    yield from _waits(view, most, width)
    yield from _order_lines(view, most, attributes=sections.attributes)
    yield from _plan(view, sections, width)
    if sections.calls:
        yield from _calls(view, width)
    if sections.history:
        yield from _history(view, width)
    if sections.explanation:
        yield from _explanation(view, width)


def screen(view: OrderView, sections: Sections, width: int, height: int) -> list[Line]:
    """What matters most, in so many lines: of the plan what fits, and the end of the history where there is room."""
    made = [*head(view, width), *_fallouts(view, _FEW, width), *_waits(view, _FEW, width)]
    room = height - len(made) - _PLAN_HEADER
    lanes = len(view.lanes()) if sections.form == "tree" else 2
    if len(view.items) + lanes <= room:
        made += _plan(view, replace(sections, most=None), width)
    elif room > 1:
        made += list(_plan(view, replace(sections, most=max(1, room // 2)), width))[: room + _PLAN_HEADER]
    left = height - len(made) - _HISTORY_HEADER
    if left > 0:
        history = list(_history(view, width))
        made += history[:_HISTORY_HEADER] + history[_HISTORY_HEADER:][-left:]
    return made[:height]


def heading(text: str, more: str = "") -> Iterator[Line]:
    """An empty line and a heading."""
    yield Line()
    yield Line(text, "bold cyan").add(f"  {more}" if more else "", "dim")


# -- what is open -----------------------------------------------------------------------------------------


def _fallouts(view: OrderView, most: int | None, width: int) -> Iterator[Line]:
    found = view.fallouts()
    if not found:
        return
    yield from heading(f"Open fallout ({len(found)})")
    shown = found[:most]
    for fallout in shown:
        episode, failure = fallout.episode, fallout.episode.failure
        subject = "the order" if episode.item == WHOLE_ORDER else _item_name(view, episode.item)
        yield from flow(Line(f"{failure.code} ", "bold red").add(f"{subject}: ").add(failure.message), width)
        where = " ".join(part for part in (failure.interface or failure.system, _http(failure.http_status)) if part)
        told = [
            f"Case {fallout.case}",
            f"queue {episode.queue}",
            f"severity {episode.severity}",
            where,
            f"after {episode.attempts} attempts" if episode.attempts else "",
            f"since {clock(episode.raised_at, view.now)}",
        ]
        yield from flow(Line(f"   {', '.join(part for part in told if part)}", "dim"), width)
        for suggestion in episode.suggestions:
            yield from flow(Line("   try: ", "dim").add(suggestion), width, 8)
    yield from _more(found, shown)


def _waits(view: OrderView, most: int | None, width: int) -> Iterator[Line]:
    waits = [wait for wait in view.waits() if wait.case is None]
    if not waits:
        return
    yield from heading(f"Waits for ({len(waits)})")
    shown = waits[:most]
    for wait in shown:
        line = Line(f"{wait.item.no} ", "dim").add(f"{wait.item.name or wait.item.key}: ").add(wait.what, "yellow")
        yield from flow(line, width)
        since = f"since {clock(wait.since, view.now)}, {span(view.now - wait.since)}" if wait.since else ""
        until = f", until {clock(wait.item.due_at, view.now)}" if wait.item.due_at else ""
        queue = f", queue {wait.item.queue}" if wait.item.queue else ""
        yield Line(f"   {since}{until}{queue}", "dim")
    yield from _more(waits, shown)


def _more(found: Sequence[object], shown: Sequence[object]) -> Iterator[Line]:
    if len(shown) < len(found):
        yield Line(f"… and {len(found) - len(shown)} more  (--all shows them)", "dim")


def _http(status: int | None) -> str:
    return f"HTTP {status}" if status is not None else ""


def _item_name(view: OrderView, no: ItemNo) -> str:
    item = view.items.get(no)
    return f"{no} {item.name or item.key}" if item else str(no)


# -- lines and plan ---------------------------------------------------------------------------------------


def _order_lines(view: OrderView, most: int | None, *, attributes: bool) -> Iterator[Line]:
    if view.plan is None:
        return
    found = view.lines()
    yield from heading(f"Lines ({len(view.plan.order.lines)}, technical {len(view.plan.lines)})")
    if not found:
        yield Line("The order has no lines.", "dim")
    shown = found[:most]
    for sight in shown:
        yield _order_line(sight)
        if attributes:
            yield from _attributes(sight)
    yield from _more(found, shown)


def _order_line(sight: LineSight) -> Line:
    line = sight.line
    commercial = isinstance(line, OrderLine)
    made = Line("  " * min(sight.depth, 10))
    if isinstance(line, OrderLine):
        made.add(f"{line.number}  ", "bold").add(line.product, "bold")
        action = line.sub_action or line.action.value
    else:
        made.add(f"T{line.no}  ", "dim").add(line.product, "" if line.is_live else "strike")
        action = f"{line.action.value}, {line.supplement} by a revision" if line.supplement else line.action.value
    made.add(f"  {action}", "cyan").add(f"  {line.quantity:g} times" if line.quantity != 1 else "")
    made.add(f"  {sight.status}", STATUS_STYLES.get(sight.status, "" if commercial else "dim"))
    return made.add(f"  {sight.progress} %" if 0 < sight.progress < 100 else "", "dim")  # noqa: PLR2004 - percent


def _attributes(sight: LineSight) -> Iterator[Line]:
    line = sight.line
    changes = {} if isinstance(line, OrderLine) else line.changes
    indent = "  " * (min(sight.depth, 10) + 2)
    for name, value in line.attributes.items():
        made = Line(f"{indent}{name} ", "dim")
        change = changes.get(name)
        if change is not None and change.old is not None:
            made.add(f"{_short(change.old)} → ", "yellow")
        yield made.add(_short(value))
    for name, change in changes.items():
        if name not in line.attributes:
            yield Line(f"{indent}{name} ", "dim").add(f"{_short(change.old)} → nothing", "yellow")


def _short(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _plan(view: OrderView, sections: Sections, width: int) -> Iterator[Line]:
    if view.plan is None:
        return
    critical = "* on the critical path" if view.expected.critical and sections.form == "tree" else ""
    yield from heading(f"Plan ({len(view.items)} items)", critical)
    if not view.items:
        yield Line(_why_empty(view.plan), "dim")
        return
    yield counts(view.counts())
    draw = gantt if sections.form == "gantt" else plan_tree
    yield from draw(view, width, most=sections.most)


def _why_empty(plan: Plan) -> str:
    if plan.is_queued:
        return "There is no plan yet: the order begins when those that it follows have ended."
    return "There is no plan: the order was rejected." if plan.problems else "The plan is empty."


# -- what happened ----------------------------------------------------------------------------------------


def _history(view: OrderView, width: int) -> Iterator[Line]:
    lines, total = view.dossier.history, view.dossier.history_total
    more = f"the last {len(lines)} of {total}; --history all shows all" if len(lines) < total else ""
    yield from heading("History", more)
    if not lines:
        yield Line("Nothing has happened yet.", "dim")
    for happened in lines:
        line = Line(f"{clock(happened.at, view.now)}  ", "dim")
        if happened.item is not None:
            line.add(f"{_item_name(view, happened.item)}: ")
        line.add(happened.what, "bold" if happened.by else "")
        line.add(f" by {happened.by}" if happened.by else "", "bold")
        line.add(f"  {' '.join(happened.detail.split())}" if happened.detail else "", "dim")
        yield from flow(line, width, _CLOCK)


def _calls(view: OrderView, width: int) -> Iterator[Line]:
    calls = view.dossier.calls
    yield from heading(f"Callouts ({len(calls)} attempt{'' if len(calls) == 1 else 's'})")
    if not calls:
        yield Line("None yet.", "dim")
    for call in calls:
        bad = call.outcome not in ("completed", "accepted")
        line = Line(f"{clock(call.started_at, view.now)}  ", "dim").add(f"{call.interface}  ", "cyan")
        line.add(f"{call.outcome}{f' {call.code}' if call.code else ''}", "red" if bad else "green")
        line.add(f"  {_http(call.status) or 'no answer'} after {call.seconds:.3f} s  {call.method} {call.path}", "dim")
        line.add(f"  {_item_name(view, call.item)}, attempt {call.epoch}.{call.attempt}")
        yield from flow(line.add(f", sent {call.sendings} times" if call.sendings > 1 else ""), width, _CLOCK)


def _explanation(view: OrderView, width: int) -> Iterator[Line]:
    explanation = view.dossier.explanation
    decisions = explanation.decisions if explanation else ()
    yield from heading(f"Explanation ({len(decisions)} decisions)")
    if not decisions:
        yield Line("None is stored for this order.", "dim")
    for decision in decisions:
        sign = Line("✓ ", "green") if decision.taken else Line("✗ ", "red")
        subject = (
            decision.subject if decision.subject.startswith(decision.kind) else f"{decision.kind} {decision.subject}"
        )
        sign.add(f"{subject}: ").add(decision.reason)
        by = " ".join(part for part in (decision.rule, decision.source) if part)
        yield from flow(sign.add(f"  {by}" if by else "", "dim"), width, 4)
        if decision.seen:
            seen = ", ".join(f"{name} = {_short(value)}" for name, value in decision.seen.items())
            yield from flow(Line(f"    saw {seen}", "dim"), width, 8)
