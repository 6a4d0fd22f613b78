"""What came of a run of the demo: for machines as JSON, for people as a few lines."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from connector.demo.state import DemoState, PlacedOrder


def summary(state: DemoState) -> dict[str, Any]:
    """Orders as read back from the org, items by state, callouts, retries, API calls, seconds; JSON values.

    `ok`: every order is in its expected final state, and nothing is left to be written.
    """
    return {
        "ok": state.is_over,
        "orders": [
            {
                "key": order.sample.key,
                "number": order.number,
                "title": order.sample.title,
                "status": order.status,
                "expected": order.sample.expected.status,
                "as_expected": order.settled,
                "differences": list(order.differences),
            }
            for order in state.orders
        ],
        "items": dict(state.items_by_state()),
        "callouts": {
            "attempts": sum(system.attempts for system in state.calls),
            "requests": sum(system.sendings for system in state.calls),
            "retries": sum(system.retries for system in state.calls),
            "failed": sum(system.failed for system in state.calls),
            "by_system": {system.system: system.attempts for system in state.calls},
        },
        "salesforce": {
            "api_calls": state.api_calls,
            "records": dict(state.written),
            "records_behind": state.pending,
        },
        "seconds": round(state.seconds, 1),
        "seconds_to_first_fulfilled": round(state.first_fulfilled, 1) if state.first_fulfilled is not None else None,
    }


def print_summary(console: Console, state: DemoState, *, stopped: bool) -> None:
    """The same for people. `stopped`: a person ended the run, who knows that orders were still under way."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("order", "what", "status in Salesforce", ""):
        table.add_column(column)
    for order in state.orders:
        table.add_row(
            order.number, order.sample.title, order.status or "not heard of", _verdict(order, stopped=stopped)
        )
    console.print(table)
    for order in state.orders:
        for difference in order.differences if not (order.settled or stopped) else ():
            console.print(Text(f"{order.number}: {difference}", "red"))
    told = summary(state)
    items = ", ".join(f"{count} {name}" for name, count in told["items"].items())
    callouts, salesforce = told["callouts"], told["salesforce"]
    console.print(f"items: {items or 'none'}")
    console.print(
        f"callouts: {callouts['attempts']} attempts to {len(callouts['by_system'])} systems, "
        f"{callouts['retries']} retries, {callouts['failed']} failed"
    )
    console.print(
        f"Salesforce: {salesforce['api_calls']} API calls, {sum(salesforce['records'].values())} records made, "
        f"{salesforce['records_behind']} behind"
    )
    first = told["seconds_to_first_fulfilled"]
    console.print(f"{told['seconds']} s in all" + (f", {first} s to the first fulfilled order" if first else ""))
    if stopped and not state.is_over:
        console.print("Stopped before the end; the next start goes on from here.")


def _verdict(order: PlacedOrder, *, stopped: bool) -> Text:
    if order.settled:
        return Text("as expected", "green")
    if stopped:
        return Text("not at its end yet", "yellow")
    return Text(f"expected {order.sample.expected.status}", "red")
