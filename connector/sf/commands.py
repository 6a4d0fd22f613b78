"""Reading what operators ask for: `Fulfillment_Command__c` records, in groups, as `OperatorCommanded` events.

A command that no order can answer is refused here, with a reason that the person sees on the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeGuard

import orjson
from msgspec.structs import replace

from connector.model.events import Addressed, Operation, OperatorCommanded, OrderUnreadable
from connector.model.ids import CommandId, ItemNo, OrderId, parse_item_ref
from connector.model.json import JsonObject
from connector.sf.org import Org
from connector.sf.ports import KnownPort
from connector.sf.reader import OrderReader, ReadEvent, as_if_activated
from connector.sf.record_ids import canonical_id
from connector.sf.soql import in_groups

COMMAND_OBJECT = "Fulfillment_Command__c"
NEW = "New"

FIELDS = (
    "Id",
    "Action__c",
    "Status__c",
    "Order__c",
    "Item__c",
    "Item__r.External_Id__c",
    "Case__c",
    "Case__r.Fulfillment_Item_Ref__c",
    "Outcome__c",
    "Outputs__c",
    "CreatedBy.Name",
    "CreatedDate",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedCommand:
    """A command that we answer ourselves."""

    command: CommandId
    message: str
    order: OrderId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandsRead:
    """What became of a group of commands; `answered` needs nothing more, `missing` Salesforce doesn't have."""

    events: tuple[Addressed, ...] = ()
    refused: tuple[RefusedCommand, ...] = ()
    answered: tuple[CommandId, ...] = ()
    missing: tuple[CommandId, ...] = ()


class CommandReader:
    """Commands by id."""

    def __init__(self, org: Org, known: KnownPort, orders: OrderReader) -> None:
        self._org = org
        self._known = known
        self._orders = orders

    async def read(self, ids: Sequence[CommandId]) -> CommandsRead:
        """Read these commands; those about an order that nobody knows here are refused."""
        records: dict[str, Mapping[str, Any]] = {}
        for group in in_groups(ids):
            listed = ",".join(f"'{command}'" for command in group)
            soql = f"SELECT {', '.join(FIELDS)} FROM {COMMAND_OBJECT} WHERE Id IN ({listed})"  # noqa: S608 (checked ids)
            records.update({str(record.get("Id")): record for record in await self._org.query_all(soql)})
        waiting = [record for record in records.values() if record.get("Status__c") == NEW]
        parsed = await self._of_one_plan([parse_command(record) for record in waiting])
        parsed = await self._with_revisions(parsed)
        addressed = [one for one in parsed if isinstance(one, Addressed)]
        unknown = set(await self._known.unknown_orders(list(dict.fromkeys(one.order for one in addressed))))
        refused = [one for one in parsed if isinstance(one, RefusedCommand)]
        refused += [
            RefusedCommand(command=one.event.command, message="This order is not in fulfillment.")
            for one in addressed
            if one.order in unknown and isinstance(one.event, OperatorCommanded)
        ]
        return CommandsRead(
            events=tuple(one for one in addressed if one.order not in unknown),
            refused=tuple(refused),
            answered=tuple(CommandId(command) for command, record in records.items() if record.get("Status__c") != NEW),
            missing=tuple(command for command in ids if command not in records),
        )

    async def _of_one_plan(self, parsed: Sequence[Parsed]) -> list[Addressed | RefusedCommand]:
        """Refuse commands that name an item and an order of which neither is a version of the other's."""
        named = [each.named for each in parsed if isinstance(each, ForItem)]
        plans = await self._known.plans_of(named) if named else {}
        found: list[Addressed | RefusedCommand] = []
        for each in parsed:
            if not isinstance(each, ForItem):
                found.append(each)
            elif plans.get(each.named, each.named) == each.addressed.order:
                found.append(each.addressed)
            else:
                message = "The item or case of this command belongs to another order."
                found.append(RefusedCommand(command=each.command, message=message, order=each.named))
        return found

    async def _with_revisions(self, parsed: Sequence[Addressed | RefusedCommand]) -> list[Addressed | RefusedCommand]:
        """Read the supplemental orders that are asked about, drafts as well, and ask the plans that they are for."""
        asked = [one.order for one in parsed if _is_preview(one)]
        read = await self._orders.read(list(dict.fromkeys(asked))) if asked else {}
        return [_of_revision(one, read.get(one.order)) if _is_preview(one) else one for one in parsed]


def _is_preview(one: Addressed | RefusedCommand) -> TypeGuard[Addressed]:
    return isinstance(one, Addressed) and _command_of(one).operation is Operation.PREVIEW


def _command_of(one: Addressed) -> OperatorCommanded:
    assert isinstance(one.event, OperatorCommanded)
    return one.event


def _of_revision(one: Addressed, read: ReadEvent | None) -> Addressed | RefusedCommand:
    command = _command_of(one)
    revision = as_if_activated(read) if read is not None else None
    if revision is None:
        reason = f"Salesforce has no order {one.order}, or the integration user may not see it."
    elif revision.order.supersedes is None:
        reason = f"Order {revision.order.number} supersedes no other order: there is nothing to preview."
    elif isinstance(revision, OrderUnreadable):
        reason = "\n".join(["It would be rejected.", *map(str, revision.problems)])
    else:
        return Addressed(order=revision.order.supersedes, event=replace(command, revision=revision.order))
    return RefusedCommand(command=command.command, message=reason, order=one.order)


class _Wrong(Exception):
    """Why a command can't be understood, for the person who gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForItem:
    """A command about an item, whose record names an order as well: it has to be a version of the item's."""

    addressed: Addressed
    named: OrderId
    command: CommandId


Parsed: TypeAlias = Addressed | RefusedCommand | ForItem


def parse_command(record: Mapping[str, Any]) -> Parsed:
    """The event of a command's record, addressed to its order; or why there is none."""
    command = CommandId(str(record.get("Id")))
    order: OrderId | None = None
    try:
        named = _order(record.get("Order__c"))
        order, item = _subject(record, named)
        event = OperatorCommanded(
            command=command,
            operation=_operation(record.get("Action__c")),
            by=str((record.get("CreatedBy") or {}).get("Name") or ""),
            item=item,
            outcome=record.get("Outcome__c") or None,
            outputs=_outputs(record.get("Outputs__c")),
            at=_moment(record.get("CreatedDate")),
        )
    except _Wrong as wrong:
        return RefusedCommand(command=command, message=str(wrong), order=order)
    addressed = Addressed(order=order, event=event)
    if named is not None and named != order:
        return ForItem(addressed=addressed, named=named, command=command)
    return addressed


def _subject(record: Mapping[str, Any], order: OrderId | None) -> tuple[OrderId, ItemNo | None]:
    """The order, and the item where the command is about one."""
    item_ref = (record.get("Item__r") or {}).get("External_Id__c") or (record.get("Case__r") or {}).get(
        "Fulfillment_Item_Ref__c"
    )
    if item_ref is None:
        if record.get("Item__c") or record.get("Case__c"):
            raise _Wrong("The item or case of this command was not made by the order connector.")
        if order is None:
            raise _Wrong("The command names no order, no item and no case.")
        return order, None
    try:
        owner, item = parse_item_ref(str(item_ref))
    except ValueError:
        raise _Wrong(f"{item_ref!r} is no reference to an item of a plan.") from None
    # Item 0 stands for the order as a whole: the fallout of an order that was rejected.
    return owner, item or None


def _order(value: Any) -> OrderId | None:
    if not value:
        return None
    try:
        return OrderId(canonical_id(str(value)))
    except ValueError:
        raise _Wrong(f"{value!r} is no order.") from None


def _operation(value: Any) -> Operation:
    try:
        return Operation(value)
    except ValueError:
        raise _Wrong(f"{value!r} is none of {', '.join(Operation)}.") from None


def _outputs(text: Any) -> JsonObject:
    if text is None or not str(text).strip():
        return {}
    try:
        outputs = orjson.loads(str(text))
    except orjson.JSONDecodeError as error:
        raise _Wrong(f"Outputs are not JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None
    if not isinstance(outputs, dict):
        raise _Wrong("Outputs are not a JSON object.")
    return outputs


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError:
        return None
