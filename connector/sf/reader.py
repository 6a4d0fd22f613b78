"""Reading submitted orders in groups: one query for many orders with their lines, one for the inventory.

Several mapping sets may be current. Sets whose intake asks for the same fields share the query; each order
then goes to the set whose products know all (else most) of its product codes, the first on a tie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.mappings.salesforce import Intake
from connector.mappings.set import MappingSet
from connector.model.events import OrderRead, OrderUnreadable
from connector.model.failure import Problem
from connector.model.ids import OrderId
from connector.model.order import InventoryItem
from connector.sf.canonical import NOT_ACTIVATED, Reading, product_codes, read_inventory, read_order, unread_order
from connector.sf.org import Org, Record
from connector.sf.ports import SetsPort
from connector.sf.soql import in_groups, inventory_query, order_query

ReadEvent = OrderRead | OrderUnreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An order's record and those of its lines, as one query gave them."""

    record: Record
    lines: Sequence[Record]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """An order as read with the set that is its own."""

    mapping_set: MappingSet
    reading: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stock:
    """The inventory of one account, and what is wrong with it."""

    items: tuple[InventoryItem, ...] = ()
    problems: tuple[Problem, ...] = ()


class OrderReader:
    """Orders by id, in canonical form."""

    def __init__(self, org: Org, sets: SetsPort) -> None:
        self._org = org
        self._sets = sets

    async def read(self, ids: Sequence[OrderId]) -> Mapping[OrderId, ReadEvent]:
        """What became of each order; orders that Salesforce doesn't have are left out."""
        sets = self._sets.current()
        found: dict[str, Mapping[OrderId, _Found]] = {}
        for mapping_set in sets:
            query = order_query(mapping_set.intake, ())
            if query not in found:
                found[query] = await self._find(mapping_set.intake, ids)
        chosen: dict[OrderId, _Chosen] = {}
        for order_id in ids:
            candidates = [
                (mapping_set, records[order_id])
                for mapping_set in sets
                if order_id in (records := found[order_query(mapping_set.intake, ())])
            ]
            if candidates:
                chosen[order_id] = _choose(candidates)
        stock = await self._stock(list(chosen.values()))
        return {order_id: _event(choice, stock) for order_id, choice in chosen.items()}

    async def _find(self, intake: Intake, ids: Sequence[OrderId]) -> dict[OrderId, _Found]:
        found = {}
        for group in in_groups(ids):
            for record in await self._org.query_all(order_query(intake, group)):
                lines = await self._lines(record.get(intake.lines_relationship))
                found[OrderId(str(record.get("Id")))] = _Found(record=record, lines=lines)
        return found

    async def _lines(self, child: object) -> Sequence[Record]:
        """The records of a child relationship: None when there are none, in pages when there are many."""
        if not isinstance(child, dict):
            return []
        lines = list(child.get("records") or [])
        following = child.get("nextRecordsUrl") if child.get("done") is False else None
        while following:
            page = await self._org.more(following)
            lines.extend(page.records)
            following = page.next_url
        return lines

    async def _stock(self, choices: Sequence[_Chosen]) -> Mapping[tuple[str, str], _Stock]:
        """The inventory by (set, account): of the accounts of readable orders, where the org keeps any."""
        stock: dict[tuple[str, str], _Stock] = {}
        read: dict[str, Sequence[Record]] = {}
        for mapping_set in {choice.mapping_set.hash: choice.mapping_set for choice in choices}.values():
            intake = mapping_set.intake
            if not intake.inventory_object:
                continue
            accounts = [
                choice.reading.order.account.id
                for choice in choices
                if choice.mapping_set.hash == mapping_set.hash and choice.reading.order.account.id
            ]
            for group in in_groups(accounts):
                query = inventory_query(intake, group)
                if query not in read:
                    read[query] = await self._org.query_all(query)
                for account, held in _by_account(read[query], intake).items():
                    stock[mapping_set.hash, account] = held
        return stock


def _by_account(records: Sequence[Record], intake: Intake) -> Mapping[str, _Stock]:
    items: dict[str, list[InventoryItem]] = {}
    problems: dict[str, list[Problem]] = {}
    for record in records:
        item, found = read_inventory(record, intake)
        items.setdefault(item.account, []).append(item)
        problems.setdefault(item.account, []).extend(found)
    return {account: _Stock(items=tuple(held), problems=tuple(problems[account])) for account, held in items.items()}


def _choose(candidates: Sequence[tuple[MappingSet, _Found]]) -> _Chosen:
    """Read with the set that knows most of the order's products."""

    def known(candidate: tuple[MappingSet, _Found]) -> float:
        mapping_set, found = candidate
        codes = product_codes(found.lines, mapping_set.intake)
        return sum(code in mapping_set.products for code in codes) / len(codes) if codes else 0.0

    mapping_set, found = max(candidates, key=known)
    reading = read_order(found.record, found.lines, mapping_set.intake, mapping_set.timezone)
    return _Chosen(mapping_set=mapping_set, reading=reading)


def _event(choice: _Chosen, stock: Mapping[tuple[str, str], _Stock]) -> ReadEvent:
    order = choice.reading.order
    held = stock.get((choice.mapping_set.hash, order.account.id), _Stock())
    problems = (*choice.reading.problems, *held.problems)
    if problems:
        return OrderUnreadable(order=order, problems=problems, set_hash=choice.mapping_set.hash)
    return OrderRead(order=order, inventory=held.items, set_hash=choice.mapping_set.hash)


def as_if_activated(read: ReadEvent) -> ReadEvent:
    """The same, without the complaint that the order is a draft: for who only asks what it would do."""
    if isinstance(read, OrderRead):
        return read
    problems = tuple(problem for problem in read.problems if problem.code != NOT_ACTIVATED)
    if problems:
        return OrderUnreadable(order=read.order, problems=problems, set_hash=read.set_hash)
    return OrderRead(order=read.order, set_hash=read.set_hash)


def not_found(order_id: OrderId) -> OrderUnreadable:
    """The event for an order that Salesforce was asked for several times and doesn't have."""
    problem = Problem(
        code="ORDER_NOT_FOUND",
        message=f"Salesforce has no order {order_id}, or the integration user may not see it.",
        hint="Check the sharing of orders, and the permission set of the integration user.",
    )
    reading = unread_order(order_id, problem)
    return OrderUnreadable(order=reading.order, problems=reading.problems)
