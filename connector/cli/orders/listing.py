"""`connector orders list`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.cli.moments import point_in_time
from connector.cli.orders import options, sight
from connector.errors import UsageError
from connector.sf.record_ids import record_id
from connector.store.browsing import MOST_COUNTED, Browsing, Page, Sort, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from connector.display.lines import Line
    from connector.store.database import Database


_AROUND = 3
"""Lines on the screen that are no orders."""


def list_orders(
    *,
    status: Annotated[
        list[str] | None, typer.Option("--status", "-s", help="Waiting, Fallout, Completed…; may be given again.")
    ] = None,
    priority: Annotated[list[str] | None, typer.Option(help="High, Default or Bulk; may be given again.")] = None,
    account: Annotated[str | None, typer.Option(help="Id of the account, or a part of its name.")] = None,
    product: Annotated[str | None, typer.Option(help="Code of a commercial or technical product.")] = None,
    number: Annotated[str | None, typer.Option(help="A part of the order's number.")] = None,
    waiting_for: Annotated[str | None, typer.Option(help="A part of what an item waits for.")] = None,
    fallout: Annotated[bool, typer.Option("--fallout", help="Only with open fallout.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only unfinished ones past their requested date.")] = False,
    jeopardy: Annotated[
        list[str] | None, typer.Option(help="On Track, At Risk or Late, as last forecast; may be given again.")
    ] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only unfinished ones.")] = False,
    archived: Annotated[bool, typer.Option("--archived", help="Those in the archive instead.")] = False,
    mapping_set: Annotated[str | None, typer.Option("--set", help="Name or hash of the mapping set.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Begun then or later: 2026-03-31, 2026-03-31T09:00Z, 2h, 3d.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Begun earlier than that.")] = None,
    sort: Annotated[
        Sort | None, typer.Option(help="Which come first. Default: newest; in the archive finished.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Orders on a page.")] = 25,
    after: Annotated[str | None, typer.Option(help="The page after this place, as the page before told it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it anew whenever it changes, until Ctrl-C.")
    ] = False,
) -> None:
    """List orders: how they do and what they wait for, and how many there are of each status.

    Times are UTC. The exit code is 0, also when nothing matches; 1 when the database can't be reached, 2 when an
    option is wrong.
    """
    with session.complaints("orders list"):
        now = session.utc_now()
        wanted = Wanted(
            statuses=tuple(status or ()),
            priorities=tuple(options.priority(each) for each in priority or ()),
            account=account,
            account_id=record_id(account),
            number=number,
            set_name=mapping_set,
            since=point_in_time(since, now) if since else None,
            until=point_in_time(until, now) if until else None,
            product=product,
            in_fallout=fallout,
            waiting_for=waiting_for,
            late=now if overdue else None,
            jeopardy=tuple(options.jeopardy(each) for each in jeopardy or ()),
            only_open=only_open,
            archived=archived,
        )
        request = _Request(wanted, _sort(sort, archived=archived), limit, after)

        async def work(database: Database) -> None:
            browsing = Browsing(database)
            if watch:
                await sight.watch(lambda: _look(browsing, request), as_json=as_json)
            else:
                sight.show(await _look(browsing, request), as_json=as_json)

        session.run(work)


def _sort(sort: Sort | None, *, archived: bool) -> Sort:
    if not archived:
        return sort or Sort.NEWEST
    if sort not in (None, Sort.FINISHED, Sort.NUMBER):
        raise UsageError("Archived orders are sorted by finished or number.")
    return sort or Sort.FINISHED


@dataclass(frozen=True, slots=True)
class _Request:
    """One page that somebody wants to see."""

    wanted: Wanted
    sort: Sort
    limit: int
    after: str | None


async def _look(browsing: Browsing, request: _Request) -> _Seen:
    page = await browsing.page(request.wanted, request.sort, request.limit, request.after)
    counts = await browsing.counts(request.wanted)
    return _Seen(page, counts, session.utc_now(), request)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A page of orders, and how many there are."""

    page: Page
    counts: Mapping[str, int]
    at: datetime
    request: _Request

    @property
    def is_over(self) -> bool:
        """New orders may always come."""
        return False

    def lines(self, width: int, height: int | None = None) -> Iterable[Line]:
        """The table, the counts, and how to go on; on a screen as many orders as it can hold."""
        from connector.display.lines import Line
        from connector.display.listing import counts_line, orders_list

        orders = self.page.orders if height is None else self.page.orders[: max(1, height - _AROUND)]
        if not orders:
            return [Line(self._nothing(), "dim")]
        lines = [*orders_list(orders, self.at, width), Line(), counts_line(self.counts, MOST_COUNTED)]
        if self.page.next is not None and height is None:
            lines.append(Line(f"More with --after {self.page.next}", "dim"))
        return lines

    def _nothing(self) -> str:
        if self.request.after is not None:
            return "No more orders."
        if self.request.wanted == Wanted(archived=self.request.wanted.archived):
            return "No order is in the archive." if self.request.wanted.archived else "No order has come yet."
        return "No order matches."

    def document(self) -> str:
        """The page as JSON."""
        from connector.display.document import listed

        told = {
            "orders": [listed(order) for order in self.page.orders],
            "counts": dict(self.counts),
            "next": self.page.next,
        }
        return sight.to_json(told)
