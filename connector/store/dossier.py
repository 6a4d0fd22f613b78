"""All that is known of one order, whether it is in flight, finished or archived. Reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import UsageError
from connector.model.dossier import CallLine, CommandAnswer, Dossier, HistoryLine
from connector.model.ids import CommandId, ItemNo, OrderId
from connector.model.pauses import Pause
from connector.model.plan import Plan
from connector.model.states import Phase
from connector.model.technical import Explanation
from connector.store import codec
from connector.store.database import Connection, Database
from connector.store.fallouts import episode_of
from connector.store.pauses import held_back
from connector.store.plans import load_plans
from connector.store.queries import queries

_NUMBER_DIGITS = 8
"""Salesforce numbers orders with so many digits."""


def as_numbers(text: str) -> list[str]:
    """The numbers that somebody may mean who writes this."""
    return list({text, text.zfill(_NUMBER_DIGITS)} if text.isdigit() else {text})


class Dossiers:
    """The orders, each as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries("dossier")

    async def find(self, text: str, record_id: str | None) -> OrderId:
        """The order of this number, with or without leading zeros, or of this Id where the text is one. A supplemental
        order is found as a version of the one whose plan it revises.

        Raises:
            UsageError: there is no such order, or there are several.
        """
        async with self._database.connection() as connection:
            found = await connection.fetch(self._sql["find"], record_id, as_numbers(text))
        ids = sorted({row["order_id"] for row in found})
        if not ids or not text:
            raise UsageError(
                f"There is no order {text!r} here.",
                hint="Give its number or its Salesforce Id (15 or 18 characters); see `connector orders list`.",
            )
        if len(ids) > 1:
            raise UsageError(f"Several orders have the number {text}.", hint=f"Give the Id: {', '.join(ids)}.")
        return OrderId(ids[0])

    async def revision(self, order: OrderId) -> tuple[object, ...] | None:
        """What is another whenever the order has changed; None when it is in the archive."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(self._sql["revision"], order)
        return tuple(row) if row is not None else None

    async def read(
        self, order: OrderId, *, history: int | None = None, calls: bool = True, explanation: bool = True
    ) -> Dossier:
        """All of one order, as it was at one moment; of the history the last lines, if a number is given.

        Raises:
            UsageError: it is not there any more.
        """
        async with (
            self._database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            dossier = await self._read(connection, order, "", history, calls=calls, explanation=explanation)
            if dossier is None:
                was = f"{self._sql['as_it_was']}\n"
                dossier = await self._read(connection, order, was, history, calls=calls, explanation=explanation)
        if dossier is None:
            raise UsageError(f"There is no order {order} here any more.")
        return dossier

    async def _read(
        self,
        connection: Connection,
        order: OrderId,
        where: str,
        history: int | None,
        *,
        calls: bool,
        explanation: bool,
    ) -> Dossier | None:
        async def fetch(query: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
            rows: Sequence[Mapping[str, Any]] = await connection.fetch(where + self._sql[query], order, *arguments)
            return rows

        heads = await fetch("head")
        if not heads:
            return None
        head = heads[0]
        plan = (await load_plans(connection, [order], archived=bool(where))).get(order)
        open_items = _waiting(plan)
        return Dossier(
            id=order,
            number=head["number"],
            status=head["status"],
            created_at=head["created_at"],
            updated_at=head["updated_at"],
            archived_at=head["archived_at"],
            parked=head["parked"],
            unread=head["unread"],
            plan=plan,
            set_name=head["set_name"] or "",
            set_version=head["set_version"] or "",
            events_waiting=head["events_waiting"],
            records_behind=head["records_behind"],
            last_seen={row["item_no"]: row["at"] for row in await fetch("last_seen", open_items)} if open_items else {},
            history=tuple(_history(row) for row in reversed(await fetch("history", history))),
            history_total=head["history_total"],
            calls=tuple(_call(row) for row in await fetch("calls")) if calls else (),
            fallouts=tuple(episode_of(row) for row in await fetch("fallouts")),
            answers=tuple(_answer(row) for row in await fetch("answers")),
            held=await _held(connection, order),
            explanation=_explanation(await fetch("explanation")) if explanation else None,
        )


async def _held(connection: Connection, order: OrderId) -> Mapping[ItemNo, Pause]:
    """The items whose requests wait for a pause to end."""
    rows = await connection.fetch(queries("held")["held_back"], [order])
    return {ItemNo(no): pause for no, pause in held_back(rows).get(order, {}).items()}


def _waiting(plan: Plan | None) -> list[ItemNo]:
    """The items that wait, are at work, or need a person."""
    if plan is None:
        return []
    resting = (Phase.IDLE, Phase.DONE)
    return [no for no, item in plan.items.items() if item.phase not in resting]


def _history(row: Mapping[str, Any]) -> HistoryLine:
    return HistoryLine(
        seq=row["seq"], at=row["at"], item=row["item_no"], what=row["what"], detail=row["detail"], by=row["by_whom"]
    )


def _call(row: Mapping[str, Any]) -> CallLine:
    return CallLine(
        item=ItemNo(row["item_no"]),
        epoch=row["epoch"],
        attempt=row["attempt"],
        interface=row["interface"],
        method=row["method"],
        path=row["path"],
        idempotency_key=row["idempotency_key"],
        status=row["status"],
        outcome=row["outcome"],
        code=row["code"],
        started_at=row["started_at"],
        seconds=row["seconds"],
        sendings=row["sendings"],
    )


def _answer(row: Mapping[str, Any]) -> CommandAnswer:
    return CommandAnswer(
        command=CommandId(row["command_id"]), answer=row["answer"], message=row["message"], at=row["answered_at"]
    )


def _explanation(rows: Sequence[Mapping[str, Any]]) -> Explanation | None:
    """What was decided at first and later as one."""
    parts = [codec.explanation(row["body"]) for row in rows if row["body"] is not None]
    if not parts:
        return None
    return Explanation(set_hash=parts[0].set_hash, decisions=tuple(each for part in parts for each in part.decisions))
