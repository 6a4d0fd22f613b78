"""Which records in Salesforce are behind after a turn. Pure: from what changed, the keys of records."""

from __future__ import annotations

from collections.abc import Sequence

from connector.model.commands import AnswerCommand, Assetize, Command, RaiseFallout, ResolveFallout
from connector.model.ids import LOCAL_COMMAND, ItemNo, OrderId, TechnicalLineNo, item_ref
from connector.model.mark import Marks, Record
from connector.model.plan import Item, Plan
from connector.model.revision import VersionState
from connector.model.states import PlanState
from connector.model.technical import TechnicalLine

_NO_LINE = TechnicalLineNo(0)


def shown_line(plan: Plan, no: TechnicalLineNo) -> TechnicalLineNo:
    """The line that people see: for one that keeps what was before an amendment the present one; 0: none."""
    of = plan.lines[no].of
    return no if of is None else of


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


def marks(plan: Plan, commands: Sequence[Command], *, new: bool) -> Marks:
    """The records that are behind, each once, parents before children."""
    found = _of_plan(plan, new=new)
    installed: list[TechnicalLineNo] = []
    for command in commands:
        if isinstance(command, (RaiseFallout, ResolveFallout)):
            found.append(("fallout", fallout_key(plan.id, command.item, command.episode)))
        elif isinstance(command, Assetize):
            installed += command.lines
        elif isinstance(command, AnswerCommand) and not command.command.startswith(LOCAL_COMMAND):
            found.append(("command", command.command))
    lanes: dict[str, Sequence[Record]] = {plan.id: list(dict.fromkeys(found))} if found else {}
    if installed:
        account = plan.order.account.id
        keys = dict.fromkeys(inventory_key(account, plan.lines[no]) for no in installed)
        lanes[account] = [("inventory", key) for key in keys]
    return lanes


def _of_plan(plan: Plan, *, new: bool) -> list[Record]:
    order, items, lines = plan.id, plan.items, plan.lines
    found: list[Record] = []
    moved: list[Item] = []
    touched = set(plan.changed_lines)
    for no, phase in plan.changed_items.items():
        item = items[no]
        found.append(("item", item_ref(order, no)))
        if item.phase is not phase:
            moved.append(item)
            if item.line is not None:
                touched.add(item.line)
    above: list[Record] = []
    if new or moved or plan.changed_head:
        above += [("order", each) for each in shown_orders(plan)]
        above.append(("plan", order))
    if plan.changed_versions:
        above += _of_versions(plan)
        if plan.changed_order:
            return [*above, *_all_again(plan)]
    if touched:
        if plan.versions:
            touched = {shown_line(plan, no) for no in touched} - {_NO_LINE}
        behind = sorted(_and_above(plan, touched))
        domains = dict.fromkeys([lines[no].request for no in behind])
        above += [("request", request_key(order, domain)) for domain in domains if domain]
        above += [("line", line_key(order, no)) for no in behind]
    found = above + found
    is_over = plan.state is PlanState.CANCELED  # which is what every line shows then
    if new or (is_over and plan.changed_head):
        found += [("order_line", line.id) for line in plan.order.lines]
    else:
        found += [("order_line", source) for item in moved for source in item.sources]
    return found + plan.redated


def _and_above(plan: Plan, lines: set[TechnicalLineNo]) -> set[TechnicalLineNo]:
    """The lines and those that they were decomposed from, whose status follows from theirs."""
    waiting = [no for no in lines if plan.lines[no].parents]
    while waiting:
        news = [parent for parent in plan.lines[waiting.pop()].parents if parent not in lines]
        lines.update(news)
        waiting += news
    return lines


def shown_orders(plan: Plan) -> list[OrderId]:
    """The orders that show how the plan is doing: the newest version, and the one that is cancelling it."""
    if not plan.versions:
        return [plan.order.id]
    accepted = [each.order for each in plan.versions if each.state is VersionState.ACCEPTED]
    return list(dict.fromkeys((plan.order.id, *(accepted[-1:] if plan.is_canceling else ()))))


def _of_versions(plan: Plan) -> list[Record]:
    """After a decision about a version: what tells what became of it."""
    changed = [each for each in plan.versions if each.order in plan.changed_versions]
    found: list[Record] = [("order", each.order) for each in plan.versions]
    return [*found, *(("order_line", line) for each in changed for line in each.lines)]


def _all_again(plan: Plan) -> list[Record]:
    """After a version was accepted: every record that names it, or the one before it."""
    order = plan.id
    shown = {no: line for no, line in plan.lines.items() if line.of is None}
    domains = dict.fromkeys(line.request for line in shown.values() if line.request)
    found: list[Record] = [("request", request_key(order, domain)) for domain in domains]
    found += [("line", line_key(order, no)) for no in shown]
    found += [("item", item_ref(order, no)) for no in plan.items]
    return [*found, *(("order_line", line) for each in plan.versions for line in each.lines)]
