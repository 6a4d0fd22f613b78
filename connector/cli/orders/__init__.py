"""`connector orders`: look at orders and their plans, preview what would change them. One module per command."""

from __future__ import annotations

import typer

from connector.cli.orders import graph, listing, migrating, revise, show

app = typer.Typer(
    no_args_is_help=True,
    help="Look at orders: how they do, what they wait for, what a revision or a newer mapping set would do.",
)
app.command("list")(listing.list_orders)
app.command("show")(show.show_order)
app.command("revise")(revise.revise_order)
app.command("migrate")(migrating.migrate_orders)
app.command("graph")(graph.graph_order)
