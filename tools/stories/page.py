"""A worked example as part of a page: what the program says at each step of it, word for word."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from connector.display.lines import Line
from connector.display.sheet import Sections, sheet
from connector.display.view import OrderView
from connector.model.dossier import Dossier, HistoryLine
from connector.model.order import Order, OrderLine
from connector.model.plan import Plan
from connector.orchestrator.present import Present
from connector.orchestrator.status import order_status
from tools.stories.example import FIRST, SECOND, Played, example, playing
from tools.stories.world import Sent

_WIDTH = 104
_LATER = timedelta(days=1)
"""History is told with dates when it is not of today."""


def worked_example(name: str) -> str:
    """Everything that is shown of one example, as Markdown."""
    with playing(example(name)) as played:
        return "\n\n".join(_parts(played))


def _parts(played: Played) -> Iterator[str]:
    world, given = played.world, played.given
    begun = played.stands.created_at or played.revised_at
    yield f"**The order** {FIRST}, of {_moment(begun)}:"
    yield _table(("line", "product", "ordered"), (_ordered(line) for line in played.before.lines))
    if played.before.requested_at is not None:
        yield f"Wanted on {_moment(played.before.requested_at)}."
    yield f"**Where it stands** on {_moment(played.revised_at)}:"
    yield _console(f"connector orders show {FIRST}", _section(_view(played, played.stands), "Plan"))
    yield f"**The supplemental order** {SECOND} {'cancels' if given.supplemental_action == 'Cancel' else 'amends'} it:"
    yield _difference(played.before, given)
    yield "**The preview**:"
    yield _console(f"connector orders revise {given.id} --preview", played.preview.splitlines())
    yield "**What then happens**:"
    happened = world.history[played.seen :]
    yield _block(_section(_view(played, world.plan, happened), "History"))
    asked = [each for each in world.sent if each.at > played.revised_at]
    if asked:
        yield "What the systems were asked for from then on:"
        yield _block(_asked(asked))
    yield "**In the end**:"
    yield _console(f"connector orders show {FIRST}", _section(_view(played, world.plan), "Plan"))
    yield _table(("order", "status", "message"), _both(played))


def _ordered(line: OrderLine) -> tuple[str, str, str]:
    return line.number, f"`{line.product}`", _values(line.attributes)


def _values(attributes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in attributes.items())


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _difference(before: Order, given: Order) -> str:
    if given.supplemental_action == "Cancel":
        return f"`Supersedes__c` is order {FIRST}, `Supplemental_Action__c` is `Cancel`; its lines don't matter."
    rows = []
    for old, new in zip(before.lines, given.lines, strict=True):
        if new.supplemental_action == "Cancel":
            rows.append((new.number, f"`{new.product}`", "`Supplemental_Action__c` is `Cancel`"))
        elif changed := _changes(old.attributes, new.attributes):
            rows.append((new.number, f"`{new.product}`", changed))
    told = []
    if rows:
        told.append(_table(("line", "product", "changed"), rows))
    if given.requested_at != before.requested_at and given.requested_at is not None:
        told.append(f"Wanted on {_moment(given.requested_at)}. The lines are the same.")
    return "\n\n".join(told)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    absent = "nothing"
    return ", ".join(
        f"{name} {_value(old.get(name, absent))} → {_value(new.get(name, absent))}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )


def _view(played: Played, plan: Plan, history: Iterable[HistoryLine] = ()) -> OrderView:
    lines = tuple(history)
    now = played.world.now if plan is played.world.plan else played.revised_at
    dossier = Dossier(
        id=plan.id,
        number=FIRST,
        status=order_status(plan),
        created_at=plan.created_at or now,
        updated_at=now,
        archived_at=None,
        parked=None,
        unread=None,
        plan=plan,
        set_name=played.world.mappings.name,
        set_version="",
        history=lines,
        history_total=len(lines),
    )
    return OrderView(dossier=dossier, now=now + (_LATER if lines else timedelta()))


def _section(view: OrderView, title: str) -> list[str]:
    """One section of what `connector orders show` prints, without its heading."""
    found: list[str] = []
    inside = False
    for line in sheet(view, Sections(), _WIDTH):
        text = _plain(line)
        if not text:
            inside = False
        elif text.startswith(title):
            inside = True
            continue
        if inside:
            found.append(text)
    return found


def _plain(line: Line) -> str:
    return "".join(text for text, _ in line.cut(_WIDTH)).rstrip()


def _asked(sent: Iterable[Sent]) -> Iterator[str]:
    for each in sent:
        at = f"{each.at:%m-%d %H:%M:%S}"
        yield f"{at}  item {each.item:<2}  {each.system:<14}  {each.method:<6}  {each.path} → {each.status}"


def _both(played: Played) -> Iterator[tuple[str, str, str]]:
    """What each version of the order shows in Salesforce."""
    present = Present(plan=played.world.plan, set_name=played.world.mappings.name)
    for version in played.world.plan.versions:
        shown = (present.variables("order", version.order) or {})["plan"]
        yield version.number, str(shown["status"]), str(shown.get("message", ""))


def _moment(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %H:%M}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [head, tuple("---" for _ in head), *rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", "<br>") for cell in row) + " |" for row in cells]
    lines[1] = "|" + "---|" * len(head)
    return "\n".join(lines)


def _console(command: str, lines: Iterable[str]) -> str:
    return "\n".join(["```console", f"$ {command}", *lines, "```"])


def _block(lines: Iterable[str]) -> str:
    return "\n".join(["```text", *lines, "```"])
