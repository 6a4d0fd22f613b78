"""Asking something of an order without a record in Salesforce: the command goes into its inbox, the answer is read."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

from connector.errors import RefusedError
from connector.model.events import Addressed, Operation, OperatorCommanded
from connector.model.ids import LOCAL_COMMAND, CommandId, OrderId
from connector.model.json import JsonObject
from connector.store.database import Database
from connector.store.dossier import as_numbers
from connector.store.intake import put, refuse_archived
from connector.store.queries import queries

NOT_YET = "It will be done as soon as a worker is there, and the order has been read."
"""What there is to tell while an order has not answered."""

_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a command."""

    done: bool
    message: str


class Asking:
    """Commands to orders, and their answers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries("asking")
        self._find = queries("dossier")["find"]

    async def command(
        self,
        name: str,
        record_id: str | None,
        operation: Operation,
        *,
        by: str,
        outputs: JsonObject,
        seconds: float,
    ) -> str | None:
        """Ask something of the order that `find` finds: what it answers, if it does so within so many seconds.

        Raises:
            RefusedError: there is none, several have the number, or it can't be done.
        """
        order = await self.find(name, record_id)
        answer = await self.answer(order, await self.ask(order, operation, by=by, outputs=outputs), seconds)
        if answer is not None and not answer.done:
            raise RefusedError(answer.message)
        return answer.message if answer else None

    async def find(self, name: str, record_id: str | None = None) -> OrderId:
        """The order of this number, with or without leading zeros, or of this Id (`record_id` where the name is one in
        another form); or the one that it is a version of.

        Raises:
            RefusedError: there is none, or several have the number.
        """
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._find, record_id or name, as_numbers(name))
        found = sorted({row["order_id"] for row in rows})
        if name and len(found) == 1:
            return OrderId(found[0])
        if name and found:
            raise RefusedError(f"{len(found)} orders have the number {name}.", hint="Give the order's Id.")
        raise RefusedError(f"There is no order {name} here.", hint="Give its Salesforce Id, or its number.")

    async def ask(self, order: OrderId, operation: Operation, *, by: str, outputs: JsonObject) -> CommandId:
        """Put a command into the order's inbox: it will be answered, also if nobody waits for that."""
        command = CommandId(f"{LOCAL_COMMAND}{uuid.uuid4().hex}")
        event = OperatorCommanded(command=command, operation=operation, by=by, outputs=outputs)
        async with self._database.transaction() as connection:
            if await put(connection, [Addressed(order=order, event=event)]):
                await refuse_archived(connection, order, command)
        return command

    async def answer(self, order: OrderId, command: CommandId, seconds: float) -> Answer | None:
        """The answer, if it comes within so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    async with self._database.connection() as connection:
                        row = await connection.fetchrow(self._sql["answer"], order, command)
                    if row is not None:
                        return Answer(done=row["answer"] == "Done", message=row["message"])
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            return None
