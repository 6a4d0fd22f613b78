"""`connector orders show`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.cli.orders import options, sight
from connector.cli.orders.looking import ORDER, Looking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from connector.display.lines import Line
    from connector.display.sheet import Sections
    from connector.display.view import OrderView
    from connector.store.database import Database

_SOME_HISTORY = 10


def show_order(
    order: ORDER,
    *,
    gantt: Annotated[bool, typer.Option("--gantt", help="The plan along the time instead of as a tree.")] = False,
    every: Annotated[bool, typer.Option("--all", help="All items and lines, however many.")] = False,
    attributes: Annotated[bool, typer.Option("--attributes", help="Also the attributes of the lines.")] = False,
    history: Annotated[str | None, typer.Option(metavar="N|all", help="How much of the history; 0: none.")] = None,
    calls: Annotated[bool, typer.Option("--calls", help="Also every attempt of a callout.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Also why it was decomposed and planned so.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object with everything, for programs.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it anew whenever it changes, until it is over or Ctrl-C.")
    ] = False,
) -> None:
    """Show one order: its lines, its plan, what it waits for and since when, and what has happened.

    Archived orders are shown too. Times are UTC. The exit code is 1 when the database can't be reached, 2 when there is
    no such order.
    """
    from connector.display.sheet import Sections
    from connector.display.tree import MANY

    with session.complaints("orders show"):
        lines = options.number_or_all(history) if history else None if as_json else _SOME_HISTORY
        sections = Sections(
            form="gantt" if gantt else "tree",
            most=None if every else MANY,
            history=lines != 0,
            calls=calls,
            explanation=explain,
            attributes=attributes,
        )

        async def work(database: Database) -> None:
            looking = Looking(database, order, history=lines, calls=calls or as_json, explanation=explain or as_json)

            async def look() -> _Seen:
                return _Seen(await looking.view(), sections)

            if watch:
                await sight.watch(look, as_json=as_json)
            else:
                sight.show(await look(), as_json=as_json)

        session.run(work)


@dataclass(frozen=True, slots=True)
class _Seen:
    """An order at one moment."""

    view: OrderView
    sections: Sections

    @property
    def is_over(self) -> bool:
        """Nothing will change any more by itself."""
        return self.view.is_over

    def lines(self, width: int, height: int | None = None) -> Iterable[Line]:
        """The sheet; on a screen of some height, of a large plan what fits."""
        from connector.display.sheet import screen, sheet

        if height is None:
            return sheet(self.view, self.sections, width)
        return screen(self.view, self.sections, width, height)

    def document(self) -> str:
        """Everything as JSON."""
        from connector.display.document import document

        return sight.to_json(document(self.view))
