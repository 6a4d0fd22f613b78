"""The order as a whole: whose it is, how it does, since when, until when."""

from __future__ import annotations

from collections.abc import Iterator

from connector.display.lines import Line, flow
from connector.display.view import OrderView
from connector.display.words import JEOPARDY_STYLES, STATUS_STYLES, ago, clock, moment, span
from connector.model.following import Standing
from connector.model.order import PRIORITY_NAMES
from connector.model.plan import Plan
from connector.model.revision import VersionState
from connector.orchestrator.status import progress

_LABEL = 10
VERSION_STYLES = {
    VersionState.WAITING: "yellow",
    VersionState.APPROVAL: "bold yellow",
    VersionState.ACCEPTED: "green",
    VersionState.REJECTED: "red",
}


def head(view: OrderView, width: int) -> Iterator[Line]:
    """One line for each thing that is known, or as many as it needs."""
    for line in _rows(view):
        yield from flow(line, width, _LABEL + 1)


def _rows(view: OrderView) -> Iterator[Line]:
    dossier = view.dossier
    title = Line(f"Order {dossier.number or dossier.id}", "bold").add("  ")
    yield title.add(view.status, STATUS_STYLES.get(view.status, ""))
    yield _row("id", Line(dossier.id))
    if dossier.archived_at is not None:
        yield _row("archived", Line(moment(dossier.archived_at), "bold").add("  nothing happens to it any more", "dim"))
    if view.plan is None:
        reason = f": {dossier.unread}" if dossier.unread else ""
        yield _row("begun", Line(moment(dossier.created_at)).add(f"  {ago(dossier.created_at, view.now)}", "dim"))
        yield _row("waits for", Line(f"being read from Salesforce{reason}", "yellow"))
    else:
        yield from _whose(view.plan)
        yield from _times(view, view.plan)
        yield from _versions(view, view.plan)
    yield from _behind(view)
    if view.plan is not None:
        yield from _told(view.plan)


def _row(label: str, line: Line) -> Line:
    return Line().column(label, _LABEL, "dim").add(" ").join(line)


def _whose(plan: Plan) -> Iterator[Line]:
    account = plan.order.account
    yield _row("account", Line(account.name or account.id).add(f"  {account.id}" if account.name else "", "dim"))
    yield _row("priority", Line(PRIORITY_NAMES[plan.order.priority]))
    if plan.items:
        done = len(plan.items) - plan.open_items
        yield _row("progress", Line(f"{progress(plan)} %").add(f"  {done} of {len(plan.items)} items", "dim"))


def _times(view: OrderView, plan: Plan) -> Iterator[Line]:
    now, wanted = view.now, plan.order.requested_at
    begun = plan.created_at or view.dossier.created_at
    yield _row("begun", Line(moment(begun)).add(f"  {ago(begun, now)}", "dim"))
    if wanted is not None:
        late = plan.finished_at is None and wanted < now
        yield _row("wanted", Line(moment(wanted)).add(f"  {ago(wanted, now)}", "bold red" if late else "dim"))
    if plan.finished_at is not None:
        yield _row("finished", Line(moment(plan.finished_at)).add(f"  after {span(plan.finished_at - begun)}", "dim"))
    expected = view.expected
    if expected.completion is not None:
        line = Line(moment(expected.completion)).add(f"  {ago(expected.completion, now)}", "dim")
        if expected.latest is not None and expected.latest > expected.completion:
            line.add(f", in nine cases of ten by {clock(expected.latest, now)}", "dim")
        yield _row("expected", line)
    if expected.jeopardy:
        yield _row("jeopardy", Line(expected.jeopardy, JEOPARDY_STYLES.get(expected.jeopardy, "")))


def _versions(view: OrderView, plan: Plan) -> Iterator[Line]:
    dossier, order = view.dossier, plan.order
    named = f"{dossier.set_name} {dossier.set_version}".strip() or "not in this database"
    yield _row("set", Line(named).add(f"  {plan.set_hash}", "dim"))
    versions = view.versions()
    if order.supersedes and not versions:
        yield _row("supersedes", Line(order.supersedes).add(f"  {order.supplemental_action or ''}", "dim"))
    for place, followed in enumerate(plan.waits_for):
        style = "dim" if followed.standing is Standing.ENDED else "yellow"
        line = Line(str(followed), "bold").add(f"  {followed.standing}", style)
        yield _row("" if place else "follows", line)
    if plan.followers:
        yield _row("awaited by", Line(", ".join(follower.order for follower in plan.followers)))
    for place, sight in enumerate(versions):
        version = sight.version
        line = Line(version.number or version.order, "bold" if version.order == order.id else "")
        line.add(f"  {version.action} ", "cyan").add(version.state, VERSION_STYLES[version.state])
        line.add(f" {clock(version.at, view.now)}", "dim")
        if sight.status != version.state:
            line.add(f"  {sight.status}", STATUS_STYLES.get(sight.status, ""))
        for text, by in (
            ("approved by", version.approved_by),
            ("point of no return overridden by", version.overridden_by),
        ):
            line.add(f"  {text} {by}" if by else "")
        yield _row("" if place else "versions", line)
        for text in (version.reason or sight.message).splitlines():
            yield _row("", Line(f"  {text}", "dim"))


def _behind(view: OrderView) -> Iterator[Line]:
    dossier = view.dossier
    for pause in dict.fromkeys((*([view.plan.pause] if view.plan and view.plan.pause else []), *dossier.held.values())):
        yield _row("paused", Line(str(pause), "yellow"))
    if dossier.parked is not None:
        yield _row("parked", Line(f"no turn takes it: {dossier.parked}", "bold red"))
    for place, rule in enumerate(view.plan.parked if view.plan else ()):
        over = "has never fired: it waited for" if view.plan and view.plan.finished_at else "waits for"
        what = " and ".join(rule.waits_for) or f"the rule {rule.behind}"
        line = Line(rule.rule).add(f" of T{rule.line} {over} {what}", "dim").add(f" → {rule.target}", "cyan")
        yield _row("" if place else "rules", line)
    if dossier.events_waiting:
        yield _row("inbox", Line(f"events that wait for a turn: {dossier.events_waiting}"))
    if dossier.records_behind:
        yield _row("Salesforce", Line(f"records still to be written: {dossier.records_behind}"))


def _told(plan: Plan) -> Iterator[Line]:
    for place, text in enumerate(plan.message.splitlines()):
        yield _row("" if place else "message", Line(text))
    for problem in plan.problems:
        for text in (problem.source, *(f"almost: {miss}" for miss in problem.near_misses)):
            if text:
                yield _row("", Line(text, "dim"))
