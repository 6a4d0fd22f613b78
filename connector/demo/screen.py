"""What the demo looks like in a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from connector.demo.state import DemoState, PlacedOrder
from connector.model.plan import Item
from connector.model.states import ItemState, ItemType, Phase
from connector.store.tracking import Happening

_STATUS_STYLES = {
    "Completed": "green",
    "Fallout": "bold red",
    "Rejected": "red",
    "Waiting": "yellow",
    "In Progress": "cyan",
}

_GLYPHS = {
    ItemState.COMPLETED: ("●", "green"),
    ItemState.SKIPPED: ("○", "dim"),
    ItemState.RUNNING: ("◐", "cyan"),
    ItemState.READY: ("◔", "cyan"),
    ItemState.FAILED: ("◒", "yellow"),
    ItemState.FATALLY_FAILED: ("✖", "bold red"),
    ItemState.ON_HOLD: ("‖", "yellow"),
}
_PENDING = ("·", "dim")

_HAPPENING_STYLES = {
    "completed": "green",
    "plan completed": "bold green",
    "failed, will be retried": "yellow",
    "failed finally": "bold red",
    "order rejected": "bold red",
    "retried": "magenta",
    "skipped": "dim",
}

_LINES = 12
_TITLE_WIDTH = 42


def render(state: DemoState, *, height: int) -> RenderableType:
    """The whole screen; `height` is that of the terminal in lines."""
    orders = _orders(state)
    room = max(4, min(_LINES, height - 7 * len(state.orders) - 12))
    return Group(_headline(state), orders, _happenings(state, room), _footer(state))


def _headline(state: DemoState) -> Text:
    done = sum(order.settled for order in state.orders)
    text = Text.assemble(("Order connector demo", "bold"), f"  {state.seconds:5.1f} s  ", (state.stage, "cyan"))
    if state.orders:
        text.append(f"   {done} of {len(state.orders)} orders at their end")
    if state.trouble:
        text.append(f"\n{state.trouble}", "bold red")
    return text


def _orders(state: DemoState) -> RenderableType:
    table = Table(box=None, padding=(0, 1, 0, 0), expand=True, show_header=False)
    table.add_column(ratio=1)
    for order in state.orders:
        table.add_row(_order(order))
    return table


def _order(order: PlacedOrder) -> RenderableType:
    status = order.status or "not heard of yet"
    head = Table.grid(padding=(0, 1))
    for width in (9, _TITLE_WIDTH, 16, 20, 5):
        head.add_column(width=width, no_wrap=True, overflow="ellipsis")
    head.add_row(
        Text(order.number or "…", "bold"),
        Text(order.sample.title),
        Text(status, _STATUS_STYLES.get(order.status, "dim")),
        ProgressBar(total=100, completed=order.progress, width=20),
        Text(f"{order.progress:3.0f} %"),
    )
    rows: list[RenderableType] = [head]
    if order.plan is not None and order.plan.items:
        lines = ", ".join(f"T{line.no} {line.product} {line.action}" for line in order.plan.lines.values())
        rows.append(Text(f"  {lines}", "dim", no_wrap=True, overflow="ellipsis"))
        rows.append(_items(order.plan.items.values()))
        rows.extend(_waits(order.plan.items.values()))
    elif order.message:
        rows.append(Text(f"  {order.message}", "red"))
    return Group(*rows)


def _items(items: Iterable[Item]) -> Text:
    text = Text("  ")
    for item in items:
        glyph, style = _GLYPHS.get(item.state, _PENDING)
        text.append(f"{glyph} ", style)
    return text


def _waits(items: Iterable[Item]) -> list[Text]:
    waiting = [item for item in items if item.phase in _SHOWN and item.waiting_for]
    return [
        Text(f"    {_verb(item)} {item.waiting_for}", _wait_style(item), no_wrap=True, overflow="ellipsis")
        for item in waiting[:_WAITS]
    ]


_SHOWN = (Phase.WAITING, Phase.FALLOUT, Phase.BUSY)
_WAITS = 4


def _verb(item: Item) -> str:
    if item.state is ItemState.FATALLY_FAILED:
        return f"{item.name} needs"
    if item.type is ItemType.TIMER:
        return f"{item.name} waits until"
    return f"{item.name} waits for"


def _wait_style(item: Item) -> str:
    return {Phase.FALLOUT: "red", Phase.WAITING: "yellow"}.get(item.phase, "dim")


def _happenings(state: DemoState, room: int) -> Panel:
    lines = [_happening(one) for one in list(state.happenings)[-room:]]
    return Panel(Group(*lines) if lines else Text("nothing yet", "dim"), title="what happens", title_align="left")


def _happening(one: Happening | str) -> Text:
    if isinstance(one, str):
        return Text(f"         ☺ {one}", "magenta", no_wrap=True, overflow="ellipsis")
    subject = one.item or "order"
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{one.number} ", "dim")
    text.append(f"{subject}: ")
    text.append(one.what, _HAPPENING_STYLES.get(one.what, ""))
    if one.by:
        text.append(f" by {one.by}", "magenta")
    if one.detail:
        text.append(f"  {one.detail}", "dim")
    return text


def _footer(state: DemoState) -> Text:
    text = Text("  ")
    for system in state.calls:
        retried = f" ({system.retries} retries)" if system.retries else ""
        text.append(f"{system.system} {system.attempts}{retried}  ", "yellow" if system.retries else "")
    records = sum(state.written.values())
    text.append(
        f"\n  Salesforce: {state.api_calls} API calls, {records} records written, {state.pending} behind", "dim"
    )
    if state.look:
        order = state.orders[0]
        text.append("\n  Look closer from another terminal:\n  ", "dim")
        text.append(f"{state.look} show {order.number or order.id} --watch")
    return text


def print_line(console: Console, one: Happening | str) -> None:
    """One line of what happens, for output that is no terminal."""
    console.print(_happening(one), soft_wrap=True)
