"""Orders, page by page: which there are, how they do, what they wait for. Reads, and changes nothing.

A page begins after the last order of the one before it (its *place*), so that the hundredth costs what the first does.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from connector.errors import UsageError
from connector.model.dossier import ListedOrder
from connector.model.forecast import Jeopardy
from connector.model.ids import OrderId
from connector.model.order import Priority
from connector.store.database import Connection, Database
from connector.store.pauses import held_back
from connector.store.queries import queries

MOST_COUNTED = 10_000
"""Matching orders are counted up to this number."""


class Sort(StrEnum):
    """Which order comes first."""

    NEWEST = "newest"
    OLDEST = "oldest"
    FINISHED = "finished"
    """Only those that are finished, the last one first."""
    NUMBER = "number"
    URGENT = "urgent"


_KEYS: Mapping[Sort, tuple[str, ...]] = {
    Sort.NEWEST: ("created_at",),
    Sort.OLDEST: ("created_at",),
    Sort.FINISHED: ("finished_at",),
    Sort.NUMBER: ("number",),
    Sort.URGENT: ("priority", "created_at"),
}
"""The columns that make the place of an order in each sequence, before its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which orders to show; what is None or False does not matter.

    `statuses` are compared without regard to case with status and state; `account` is an Id or a part of the name,
    `number` and `waiting_for` are parts of texts, `set_name` is a mapping set's name or hash, `product` the code of a
    commercial or technical product. `late` is the moment by which the customer wanted it and has not got it;
    `jeopardy` is what it was last forecast to be.
    """

    statuses: tuple[str, ...] = ()
    priorities: tuple[Priority, ...] = ()
    account: str | None = None
    account_id: str | None = None
    number: str | None = None
    set_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    product: str | None = None
    in_fallout: bool = False
    waiting_for: str | None = None
    late: datetime | None = None
    jeopardy: tuple[Jeopardy, ...] = ()
    only_open: bool = False
    archived: bool = False

    def arguments(self) -> list[object]:
        """In the sequence of the query's parameters."""
        return [
            [status.lower() for status in self.statuses] or None,
            list(self.priorities) or None,
            _pattern(self.account),
            self.account_id,
            _pattern(self.number),
            self.set_name,
            self.since,
            self.until,
            self.product,
            self.in_fallout,
            _pattern(self.waiting_for),
            self.late,
            [level.value for level in self.jeopardy] or None,
        ]

    @property
    def is_about_open_orders(self) -> bool:
        """No finished order can match: then the others need not be looked at."""
        return self.only_open or self.in_fallout or self.waiting_for is not None or self.late is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some orders, and the place of the last one if there are more."""

    orders: tuple[ListedOrder, ...]
    next: str | None


class Browsing:
    """The list of orders."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries("browsing")

    async def page(self, wanted: Wanted, sort: Sort, limit: int, after: str | None = None) -> Page:
        """The first orders, or those after a place.

        Raises:
            UsageError: the place is none of this sequence.
        """
        place, keys = (None, [None] * len(_KEYS[sort])) if after is None else _place(after, sort)
        query = self._query("page", wanted) + self._sql[sort.value]
        async with self._database.connection() as connection:
            rows = await connection.fetch(query, *wanted.arguments(), limit + 1, place, *keys)
            shown = rows[:limit]
            ids = [row["order_id"] for row in shown]
            waits = await self._waits(connection, ids)
        orders = tuple(_listed(row, waits.get(row["order_id"]), archived=wanted.archived) for row in shown)
        return Page(orders=orders, next=_token(shown[-1], sort) if len(rows) > limit else None)

    async def counts(self, wanted: Wanted) -> Mapping[str, int]:
        """How many orders match, by status; `MOST_COUNTED` in all at most."""
        query = self._query("counts", wanted) + self._sql["counts_end"]
        async with self._database.connection() as connection:
            rows = await connection.fetch(query, *wanted.arguments(), MOST_COUNTED)
        return {row["status"]: row["orders"] for row in rows}

    def _query(self, head: str, wanted: Wanted) -> str:
        parts = ["archived"] if wanted.archived else []
        parts += [head, "matching"]
        parts += ["open"] if wanted.is_about_open_orders else []
        return "".join(f"{self._sql[part]}\n" for part in parts)

    async def _waits(self, connection: Connection, orders: Sequence[str]) -> dict[str, tuple[str | None, str, int]]:
        """Of each order the item that waits, what for, and how many wait."""
        found: dict[str, tuple[str | None, str, int]] = {}
        for row in await connection.fetch(self._sql["unread"], orders):
            problem = row["problem"]
            found[row["order_id"]] = (None, f"being read{': ' if problem else ''}{problem or ''}", 1)
        for row in await connection.fetch(self._sql["waits"], orders):
            found[row["order_id"]] = (row["name"], row["waiting_for"], row["waits"])
        held = held_back(await connection.fetch(queries("held")["held_back"], orders))
        for order, pauses in held.items():
            _, _, waits = found.get(order, (None, "", 0))
            found[order] = (None, str(next(iter(pauses.values()))), waits)
        return found


def _listed(row: Mapping[str, Any], wait: tuple[str | None, str, int] | None, *, archived: bool) -> ListedOrder:
    item, waiting_for, waits = wait or (None, None, 0)
    return ListedOrder(
        id=OrderId(row["order_id"]),
        number=row["number"],
        account_id=row["account_id"],
        account=row["account"] or "",
        priority=Priority(row["priority"]),
        state=row["state"],
        status=row["status"],
        message=row["message"],
        items_total=row["items_total"],
        items_done=row["items_done"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        requested_at=row["requested_at"],
        expected_at=row["expected_at"],
        jeopardy=Jeopardy(row["jeopardy"]) if row["jeopardy"] else None,
        finished_at=row["finished_at"],
        parked=row["parked"],
        set_name=row["set_name"],
        archived=archived,
        waiting_item=item,
        waiting_for=waiting_for,
        waits=waits,
    )


def _pattern(text: str | None) -> str | None:
    """What finds a text anywhere; nothing in it has a meaning of its own."""
    if text is None:
        return None
    quoted = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{quoted}%"


def _token(row: Mapping[str, Any], sort: Sort) -> str:
    keys = [value.isoformat() if isinstance(value, datetime) else value for value in (row[key] for key in _KEYS[sort])]
    return base64.urlsafe_b64encode(json.dumps([sort.value, row["order_id"], *keys]).encode()).decode().rstrip("=")


def _place(token: str, sort: Sort) -> tuple[str, list[object]]:
    try:
        told, order, *keys = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        found = [_key(column, value) for column, value in zip(_KEYS[sort], keys, strict=True)]
    except (ValueError, TypeError):
        told, order, found = None, "", []
    if told != sort.value or not isinstance(order, str):
        raise UsageError(
            "That is not a place in this list.", hint="Take the one that the page before ended with, and its --sort."
        )
    return order, found


def _key(column: str, value: object) -> object:
    match column, value:
        case ("number", str()) | ("priority", int()):
            return value
        case (_, str()) if column.endswith("_at"):
            return datetime.fromisoformat(value)
        case _:
            raise ValueError(value)
