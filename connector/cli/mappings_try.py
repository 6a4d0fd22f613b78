"""One order tried on one mapping set: what would be made of it, asked of and waited for; nothing is done."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from connector.cli.assumed import Assumption, decomposed
from connector.decomposition import Decomposition
from connector.decomposition.hopes import Hopes
from connector.mappings.expression import EvaluationError
from connector.mappings.orderfile import OrderFile
from connector.mappings.set import ItemDefinition, MappingSet
from connector.mappings.views import iso
from connector.model.failure import Problem
from connector.model.ids import ItemNo
from connector.model.json import Json
from connector.model.plan import Item, Plan
from connector.model.states import ItemType, PlanState
from connector.model.technical import Decision, ParkedRule, TechnicalLine
from connector.model.work import RenderedRequest
from connector.orchestrator.estimate import Estimate, estimate
from connector.orchestrator.requests import RenderError, render
from connector.orchestrator.step import Step
from connector.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The request of one callout; without one, why it is not known yet."""

    item: Item
    interface: str
    base_url: str
    """Name of the setting with the system's address."""
    request: RenderedRequest | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one order leads to."""

    mapping_set: MappingSet
    decomposition: Decomposition
    skipped: Mapping[ItemNo, str]
    """Items that would be skipped as things are known now, each with the reason."""
    calls: tuple[Call, ...]
    dates: Estimate
    """When what is expected to be done, as far as the definitions say; if it began now."""


def attempt(
    content: OrderFile, mapping_set: MappingSet, now: datetime, assumptions: Sequence[Assumption] = ()
) -> Trial:
    """Decompose and plan the order of a file, and render every request that can be rendered now.

    Raises:
        NotAnAssumption: what is assumed to have come is about no line of the order.
    """
    made = decomposed(content, mapping_set, now, assumptions)
    plan = Plan(
        order=made.order,
        state=PlanState.IN_PROGRESS,
        set_hash=mapping_set.hash,
        items={item.no: item for item in made.items},
        lines={line.no: line for line in made.lines},
    )
    step = Step(plan=plan, now=now, mappings=mapping_set)
    skipped = _skipped(step, made.items)
    callouts = (item for item in made.items if item.type is ItemType.CALLOUT and item.no not in skipped)
    dates = estimate(plan, now, mapping_set)
    return Trial(
        mapping_set=mapping_set,
        decomposition=made,
        skipped=skipped,
        calls=tuple(_call(step, item) for item in callouts),
        dates=dates,
    )


def _skipped(step: Step, items: tuple[Item, ...]) -> Mapping[ItemNo, str]:
    """An item comes after all that it waits for."""
    skipped: dict[ItemNo, str] = {}
    branches: set[ItemNo] = set()
    for item in items:
        before = {*item.after, *item.after_start}
        if before and before <= branches:
            skipped[item.no] = "its branch is"
            branches.add(item.no)
        elif _is_skipped(step, item):
            skipped[item.no] = "its condition is false"
            if step.definition(item).skip_branch:
                branches.add(item.no)
    return skipped


def _is_skipped(step: Step, item: Item) -> bool:
    when = step.definition(item).when
    if when is None or "items" in when.variables:  # what becomes of others is not known yet
        return False
    try:
        return not when.is_true(step.activation(item, when))
    except EvaluationError:
        return False


def _call(step: Step, item: Item) -> Call:
    interface = step.mappings.interface(step.definition(item).interface or "")
    base_url = step.mappings.systems[interface.system].base_url
    try:
        request = render(interface, step.activation(item, *interface.request.expressions))
    except (EvaluationError, RenderError) as error:
        reason = error.reason if isinstance(error, EvaluationError) else error.message
        givers = _givers(step, item, reason)
        unknown = f"{reason}; it comes from {', '.join(givers)}" if givers else reason
        return Call(item=item, interface=interface.full_name, base_url=base_url, unknown=unknown)
    return Call(item=item, interface=interface.full_name, base_url=base_url, request=request)


def _givers(step: Step, item: Item, reason: str) -> list[str]:
    """The earlier items that may put out what is absent."""
    found = []
    waiting, seen = [*item.after, *item.after_start], {*item.after, *item.after_start}
    while waiting:
        before = step.plan.items[waiting.pop()]
        for more in (*before.after, *before.after_start):
            if more not in seen:
                seen.add(more)
                waiting.append(more)
        if any(f"'{name}' is absent" in reason for name in step.mappings.outputs(step.definition(before))):
            found.append(f"{before.no} {before.key}")
    return sorted(found)


# -- for programs -----------------------------------------------------------------------------------------


def to_json(trial: Trial, *, explain: bool) -> dict[str, Any]:
    """The trial as one JSON object."""
    made = trial.decomposition
    told: dict[str, Any] = {
        "set": {"name": trial.mapping_set.name, "version": trial.mapping_set.version, "hash": trial.mapping_set.hash},
        "ok": not made.problems,
        "problems": [asdict(problem) for problem in made.problems],
        "requests": list(made.requests),
        "lines": [_line_json(line) for line in made.lines],
        "items": [_item_json(item, trial) for item in made.items],
        "parked": [_parked_json(rule, trial) for rule in made.parked],
        "calls": [_call_json(call) for call in trial.calls],
        "expected_seconds": _takes(trial).total_seconds(),
        "critical_path": list(trial.dates.critical),
        "dates": _dates_json(trial.dates),
    }
    if explain:
        told["explanation"] = [structs.asdict(decision) for decision in made.explanation.decisions]
    return told


def _takes(trial: Trial) -> timedelta:
    """How long the whole order is expected to take."""
    return _until(trial, trial.dates.completion) if trial.dates.completion is not None else timedelta()


def _until(trial: Trial, end: datetime) -> timedelta:
    return timedelta(seconds=round((end - trial.dates.now).total_seconds()))


def _dates_json(dates: Estimate) -> dict[str, Any]:
    return {
        "from": iso(dates.now),
        "completion": iso(dates.completion) if dates.completion is not None else None,
        "p90": iso(dates.p90) if dates.p90 is not None else None,
        "jeopardy": dates.jeopardy.value,
    }


def _line_json(line: TechnicalLine) -> dict[str, Any]:
    changes = {name: structs.asdict(change) for name, change in line.changes.items()}
    return {**structs.asdict(line), "action": line.action.value, "changes": changes}


def _parked_json(rule: ParkedRule, trial: Trial) -> dict[str, Any]:
    return {**structs.asdict(rule), "comes_from": _come_from(rule, trial)}


def _come_from(rule: ParkedRule, trial: Trial) -> list[ItemNo]:
    return list(Hopes(trial.mapping_set, trial.decomposition.items).givers(rule))


def _item_json(item: Item, trial: Trial) -> dict[str, Any]:
    definition = trial.mapping_set.definition(item.definition, item.key)
    return {
        "no": item.no,
        "plan": item.definition,
        "key": item.key,
        "name": item.name,
        "type": item.type.value,
        "line": item.line,
        "scope_key": item.scope_key,
        "after": list(item.after),
        "after_start": list(item.after_start),
        "does": _does(definition),
        "skipped": item.no in trial.skipped,
        "source": str(definition.source),
    }


def _call_json(call: Call) -> dict[str, Any]:
    request = structs.asdict(call.request) if call.request is not None else None
    return {
        "item": call.item.no,
        "interface": call.interface,
        "base_url": call.base_url,
        "request": request,
        "not_known_yet": call.unknown or None,
    }


# -- for people -------------------------------------------------------------------------------------------


def show(trial: Trial, console: Console, *, explain: bool) -> None:
    """Print the trial."""
    made, used = trial.decomposition, trial.mapping_set
    order = made.order
    lines = f"{len(order.lines)} line{'' if len(order.lines) == 1 else 's'}"
    title = f"Order {order.number} with {lines}, set {used.name} {used.version} ({used.hash})"
    console.print(Text(printable(title), "bold"))
    if made.problems:
        _heading(console, f"Problems ({len(made.problems)})")
        for problem in made.problems:
            _show_problem(console, problem)
    else:
        _show_lines(console, made.lines)
        _show_plan(console, trial)
        _show_parked(console, trial)
        _show_calls(console, trial)
    if explain:
        _show_explanation(console, made.explanation.decisions)
    elif made.problems:
        console.print(Text("\n--explain tells every decision.", "dim"))


def _heading(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, "bold cyan"))


def _show_problem(console: Console, problem: Problem) -> None:
    text = Text()
    text.append(f"{problem.code} ", "bold red").append(printable(f"{problem.where}: " if problem.where else ""))
    text.append(printable(problem.message))
    if problem.hint:
        text.append(f"\n  {printable(problem.hint)}", "dim")
    if problem.source:
        text.append(f"\n  {problem.source}", "dim")
    for miss in problem.near_misses:
        text.append(f"\n  almost: {printable(miss)}", "yellow")
    console.print(text, soft_wrap=True)


def _show_lines(console: Console, lines: tuple[TechnicalLine, ...]) -> None:
    _heading(console, f"Technical lines ({len(lines)})")
    if not lines:
        console.print(Text("None: no rule makes a technical line of this order.", "dim"))
        return
    table = _table("line", "product", "action", "quantity", "scope key", "request", "from", "attributes")
    for line in lines:
        table.add_row(
            f"T{line.no}",
            Text(line.product),
            Text(line.action.value),
            f"{line.quantity:g}",
            Text(printable(line.scope_key)),
            Text(line.request),
            Text(", ".join((*line.sources, *(f"T{no}" for no in line.parents)))),
            _attributes(line),
        )
    console.print(table)


def _attributes(line: TechnicalLine) -> Text:
    text = Text()
    for name, value in line.attributes.items():
        change = line.changes.get(name)
        text.append(f"{name} ", "dim")
        if change is not None and change.old is not None:
            text.append(f"{_short(change.old)} → ", "yellow")
        text.append(f"{_short(value)}\n")
    for name, change in line.changes.items():
        if name not in line.attributes:
            text.append(f"{name} ", "dim").append(f"{_short(change.old)} → nothing\n", "yellow")
    text.rstrip()
    return text


def _show_plan(console: Console, trial: Trial) -> None:
    items = trial.decomposition.items
    _heading(console, f"Plan ({len(items)} items)")
    if not items:
        console.print(Text("None: no scenario gives a plan to this order.", "dim"))
        return
    by_no = {item.no: item for item in items}
    tree = Tree(Text("in the order in which they may start", "dim"), guide_style="dim")
    branches: dict[tuple[str, str], Tree] = {}
    for item in items:
        group = (item.definition, item.scope_key)
        if group not in branches:
            label = Text(item.definition, "bold").append(f"  for {printable(item.scope_key)}", "dim")
            branches[group] = tree.add(label)
        branches[group].add(_item_text(item, by_no, trial))
    console.print(tree)
    if _takes(trial):
        path = " → ".join(f"{no} {by_no[no].key}" for no in trial.dates.critical)
        spread = f" (in nine cases of ten at most {_until(trial, trial.dates.p90)})" if trial.dates.p90 else ""
        console.print(Text(f"Expected to take {_takes(trial)}{spread}, along {path}.", "dim"), soft_wrap=True)


def _item_text(item: Item, by_no: Mapping[ItemNo, Item], trial: Trial) -> Text:
    definition = trial.mapping_set.definition(item.definition, item.key)
    text = Text(f"{item.no} ", "bold" if item.no in trial.dates.critical else "")
    text.append(item.key, "strike dim" if item.no in trial.skipped else "").append(f"  {item.type}", "cyan")
    does = _does(definition)
    if does:
        text.append(f" {does}")
    if item.after:
        text.append("  after " + ", ".join(f"{no} {by_no[no].key}" for no in item.after), "dim")
    if item.after_start:
        text.append("  after the start of " + ", ".join(f"{no} {by_no[no].key}" for no in item.after_start), "dim")
    if item.no in trial.skipped:
        text.append(f"  skipped: {trial.skipped[item.no]}", "yellow")
    if definition.ponr is not None:
        text.append(f"  point of no return ({definition.ponr})", "magenta")
    return text


def _does(definition: ItemDefinition) -> str:
    """What an item does or waits for, in a few words."""
    parts = [
        definition.interface or "",
        f"queue {definition.queue}" if definition.queue else "",
        definition.task or "",
        definition.subplan or "",
        f"for each of {definition.for_each.text}" if definition.for_each else "",
        f"until {definition.completes.awaited}" if definition.completes else "",
        f"for {definition.duration}" if definition.duration else "",
        f"until {definition.until.text}" if definition.until else "",
    ]
    return " ".join(part for part in parts if part)


def _show_parked(console: Console, trial: Trial) -> None:
    """The rules that wait for answers; most orders have none, and then nothing is said."""
    made = trial.decomposition
    if not made.parked:
        return
    _heading(console, f"Parked rules ({len(made.parked)})")
    keys = {item.no: item.key for item in made.items}
    for rule in made.parked:
        text = Text(f"{rule.rule}  ", "bold").append(f"T{rule.line} → {rule.target}  ", "cyan")
        if rule.behind:
            text.append(f"waits for the rule {rule.behind} before it in its group")
        else:
            givers = ", ".join(f"{no} {keys[no]}" for no in _come_from(rule, trial)) or "nothing in this plan"
            text.append(f"waits for {' and '.join(rule.waits_for)}, from {givers}")
        if rule.required:
            text.append("  required", "magenta")
        text.append(f"\n  {rule.source}", "dim")
        console.print(text, soft_wrap=True)
    name = next((name for rule in made.parked for name in rule.waits_for), "")
    if name:
        line = next(rule.line for rule in made.parked if name in rule.waits_for)
        console.print(Text(f"--assume T{line}.{name}=… tells what would come of an answer.", "dim"))


def _show_calls(console: Console, trial: Trial) -> None:
    _heading(console, f"Requests ({len(trial.calls)})")
    if not trial.calls:
        console.print(Text("None: no item of the plan calls a system.", "dim"))
    for call in trial.calls:
        text = Text(f"{call.item.no} {call.item.key}  ", "bold").append(f"{call.interface}\n", "cyan")
        if call.request is None:
            text.append(f"  not known yet: {printable(call.unknown)}", "yellow")
        else:
            _append_request(text, call.base_url, call.request)
        console.print(text, soft_wrap=True)


def _append_request(text: Text, base_url: str, request: RenderedRequest) -> None:
    query = "&".join(f"{name}={value}" for name, value in request.query.items())
    text.append(f"  {request.method} ${{{base_url}}}{printable(request.path)}{'?' if query else ''}{printable(query)}")
    for name, value in request.headers.items():
        text.append(f"\n  {name}: {printable(value)}")
    if request.body is not None:
        body = json.dumps(request.body, indent=2, ensure_ascii=False)
        text.append("".join(f"\n  {printable(line)}" for line in body.splitlines()), "dim")


def _show_explanation(console: Console, decisions: tuple[Decision, ...]) -> None:
    _heading(console, f"Explanation ({len(decisions)} decisions)")
    if not decisions:
        console.print(Text("There was nothing to decide.", "dim"))
        return
    table = _table("", "about", "decision", "by", "written in", "saw")
    for decision in decisions:
        table.add_row(
            Text("✓", "green") if decision.taken else Text("✗", "red"),
            Text(f"{decision.kind} {printable(decision.subject)}"),
            Text(printable(decision.reason)),
            Text(printable(decision.rule)),
            Text(decision.source, "dim"),
            Text("\n".join(f"{name} = {_short(value)}" for name, value in decision.seen.items()), "dim"),
        )
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


_SHORT = 60


def _short(value: Json) -> str:
    text = printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"
