"""Which records in Salesforce are behind after a turn. Pure: from what changed, the keys of records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.model.commands import AnswerCommand, Assetize, Command, RaiseFallout, ResolveFallout
from connector.model.ids import ItemNo, OrderId, TechnicalLineNo, item_ref
from connector.model.mark import MarkKey, RecordKind
from connector.model.plan import Plan
from connector.model.technical import TechnicalLine


def line_key(order: OrderId, line: TechnicalLineNo) -> str:
    """External id of a technical line's record."""
    return f"{order}-T{line}"


def request_key(order: OrderId, domain: str) -> str:
    """External id of a fulfillment request's record."""
    return f"{order}-{domain}"


def inventory_key(account: str, line: TechnicalLine) -> str:
    """External id of an inventory item's record: the same for every order that changes it."""
    return f"{account}:{line.product}:{line.scope_key}"


def fallout_key(order: OrderId, item: ItemNo, episode: int) -> str:
    """External id of a Case."""
    return f"{item_ref(order, item)}-F{episode}"


def marks(plan: Plan, commands: Sequence[Command], *, new: bool) -> list[MarkKey]:
    """The records that are behind, each once, parents before children."""
    moved = [item for no, phase in plan.changed_items.items() if (item := plan.items[no]).phase is not phase]
    lines = set(plan.changed_lines).union(item.line for item in moved if item.line is not None)
    sources = [line.id for line in plan.order.lines] if new else _unique(s for item in moved for s in item.sources)
    found: list[tuple[RecordKind, str, str]] = []
    if new or moved or plan.changed_head:
        found += [("order", plan.id, plan.id), ("plan", plan.id, plan.id)]
    domains = _unique(plan.lines[no].request for no in sorted(lines))
    found += [("request", request_key(plan.id, domain), plan.id) for domain in domains if domain]
    found += [("line", line_key(plan.id, no), plan.id) for no in sorted(lines)]
    found += [("item", item_ref(plan.id, no), plan.id) for no in plan.changed_items]
    found += [("order_line", source, plan.id) for source in sources]
    for command in commands:
        match command:
            case RaiseFallout() | ResolveFallout():
                found.append(("fallout", fallout_key(plan.id, command.item, command.episode), plan.id))
            case AnswerCommand():
                found.append(("command", command.command, plan.id))
            case Assetize():
                account = plan.order.account.id
                keys = _unique(inventory_key(account, plan.lines[no]) for no in command.lines)
                found += [("inventory", key, account) for key in keys]
            case _:
                pass
    return [MarkKey(kind=kind, key=key, lane=lane) for kind, key, lane in dict.fromkeys(found)]


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
