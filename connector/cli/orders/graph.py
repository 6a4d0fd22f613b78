"""`connector orders graph`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.cli.orders.looking import ORDER, Looking
from connector.errors import UsageError

if TYPE_CHECKING:
    from connector.display.graph.model import Graph
    from connector.store.database import Database


class Format(StrEnum):
    """In what the graph is written."""

    SVG = "svg"
    MERMAID = "mermaid"
    DOT = "dot"


_ENDINGS = {
    ".svg": Format.SVG,
    ".mmd": Format.MERMAID,
    ".mermaid": Format.MERMAID,
    ".dot": Format.DOT,
    ".gv": Format.DOT,
}


def graph_order(
    order: ORDER,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it to this file; `-`, or none: print it."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", "-f", help="Default: as the file's name ends, else svg.")
    ] = None,
) -> None:
    """Draw the plan of one order as a graph: lanes, states, what comes after what, and the critical path.

    The SVG needs nothing else to be looked at; Mermaid and DOT are for tools that draw themselves. The exit code is 1
    when the database can't be reached, 2 when there is no such order or the file can't be written.
    """
    with session.complaints("orders graph"):
        chosen = form or (_ENDINGS.get(output.suffix.lower()) if output else None) or Format.SVG

        async def work(database: Database) -> None:
            from connector.display.graph.model import graph

            view = await Looking(database, order).view()
            if not view.items:
                raise UsageError(
                    f"Order {order} has no plan to draw.", hint=f"`connector orders show {order}` says why."
                )
            _write(_writers()[chosen](graph(view)), output)

        session.run(work)


def _writers() -> Mapping[Format, Callable[[Graph], str]]:
    from connector.display.graph.dot import dot
    from connector.display.graph.mermaid import mermaid
    from connector.display.graph.svg import svg

    return {Format.SVG: svg, Format.MERMAID: mermaid, Format.DOT: dot}


def _write(text: str, output: Path | None) -> None:
    if output is None or str(output) == "-":
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} can't be written: {error.strerror}.") from None
    typer.echo(f"{output}: {len(text.encode()):,} bytes", err=True)
