"""`connector workers`, `connector drain`: who works on this installation, and how to let one end."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.cli.output import console, table

if TYPE_CHECKING:
    from connector.settings import Settings
    from connector.store.database import Database
    from connector.store.workers import WorkerRow

_COLORS = {"working": "green", "draining": "yellow", "silent": "red"}


def list_workers(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False) -> None:
    """List the workers: since when, when they were heard of last, what each owns, and which are about to end."""
    from connector.store.workers import WorkerTable

    async def look(database: Database, _settings: Settings) -> list[WorkerRow]:
        return await WorkerTable(database).rows()

    rows = session.with_database("workers", look)
    if as_json:
        typer.echo(json.dumps({"workers": [row.document() for row in rows]}, indent=2))
    elif not rows:
        typer.echo("No worker runs.")
    else:
        _print(rows)


def drain(worker: Annotated[str, typer.Argument(help="As `connector workers` names it.")]) -> None:
    """Ask a worker to end: it takes nothing new, lets what is under way end, and leaves the rest to others.

    The process ends with exit code 0; whoever keeps it running decides whether it is started again.
    """
    from connector.store.workers import WorkerTable

    async def ask(database: Database, _settings: Settings) -> datetime:
        return await WorkerTable(database).drain(worker)

    since = session.with_database("drain", ask)
    typer.echo(f"{worker} was asked to end at {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC.")


def _print(rows: list[WorkerRow]) -> None:
    from rich.text import Text

    shown = table("worker", "state", "since", "heard of", "requests", "writes", "reads", right=3)
    for row in rows:
        shown.add_row(
            row.worker,
            Text(row.state, _COLORS[row.state]),
            f"{row.started_at.astimezone(UTC):%Y-%m-%d %H:%M}",
            f"{max(row.silent_seconds, 0):.1f} s ago",
            str(row.requests),
            str(row.lanes),
            str(row.notices),
        )
    console().print(shown)
