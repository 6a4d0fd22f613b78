"""`connector pause`, `connector resume`, `connector pauses`: keep things from starting, and let them go on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.errors import UsageError

if TYPE_CHECKING:
    from connector.model.json import JsonObject
    from connector.model.pauses import PauseKind
    from connector.settings import Settings
    from connector.store.database import Database
    from connector.store.pauses import PauseRow

ANSWER_SECONDS = 10.0
"""How long an order's answer is waited for."""

_SPAN = re.compile(r"(\d{1,6})\s*(s|min|h|d)")
_UNITS = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days"}

MOST_REASON, MOST_BY = 255, 80
"""Most characters of a reason and of a name; as through the API."""


def _short(most: int) -> Callable[[str | None], str | None]:
    """Takes text that people can read on an order: something, and not too much."""

    def check(text: str | None) -> str | None:
        if text is not None and not (text.strip() and len(text) <= most):
            raise typer.BadParameter(f"1 to {most} characters, please.")
        return text

    return check


Reason = Annotated[
    str,
    typer.Option("--reason", "-r", help="Why; people see it on the orders that wait.", callback=_short(MOST_REASON)),
]
Until = Annotated[
    str | None, typer.Option(help="When it ends by itself: 2026-03-31T18:00Z, or after 30min, 2h, 1d. Default: never.")
]
By = Annotated[
    str | None, typer.Option(help="Who says so. Default: the user of this machine.", callback=_short(MOST_BY))
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Also a name that no configured mapping set has.")]

pause = typer.Typer(
    no_args_is_help=True,
    help="Keep something from starting: a system, an interface, a plan definition, an order. What runs finishes.",
)
resume = typer.Typer(no_args_is_help=True, help="Let what was paused go on; what waited starts by and by.")


@pause.command("system")
def pause_system(
    name: str, *, reason: Reason, until: Until = None, by: By = None, anyway: Anyway = False, as_json: Json = False
) -> None:
    """Send nothing new to a fulfillment system. Its call-backs and answers are still taken."""
    _pause("system", name, reason, until, by, anyway=anyway, as_json=as_json)


@pause.command("interface")
def pause_interface(
    name: Annotated[str, typer.Argument(help="As `system.interface`.")],
    *,
    reason: Reason,
    until: Until = None,
    by: By = None,
    anyway: Anyway = False,
    as_json: Json = False,
) -> None:
    """Send no new requests of one kind."""
    _pause("interface", name, reason, until, by, anyway=anyway, as_json=as_json)


@pause.command("plan")
def pause_plan(
    name: Annotated[str, typer.Argument(help="The name of a plan definition.")],
    *,
    reason: Reason,
    until: Until = None,
    by: By = None,
    anyway: Anyway = False,
    as_json: Json = False,
) -> None:
    """Start no items of a plan definition, in whichever order. Those that have started finish."""
    _pause("plan", name, reason, until, by, anyway=anyway, as_json=as_json)


@pause.command("order")
def pause_order(
    order: Annotated[str, typer.Argument(help="Id or number.")],
    *,
    reason: Reason,
    until: Until = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Start nothing more of an order. What runs finishes, and what systems tell is kept."""
    from connector.model.events import Operation

    outputs: JsonObject = {"reason": reason, **({"until": _moment(until).isoformat()} if until else {})}
    _command("pause order", order, Operation.PAUSE, by, outputs, as_json=as_json)


@resume.command("system")
def resume_system(name: str, *, as_json: Json = False) -> None:
    """Send to a system again; requests that waited leave by and by."""
    _resume("system", name, as_json=as_json)


@resume.command("interface")
def resume_interface(name: str, *, as_json: Json = False) -> None:
    """Send requests of one kind again; those that waited leave by and by."""
    _resume("interface", name, as_json=as_json)


@resume.command("plan")
def resume_plan(name: str, *, as_json: Json = False) -> None:
    """Start items of a plan definition again; those that waited start by and by."""
    _resume("plan", name, as_json=as_json)


@resume.command("order")
def resume_order(
    order: Annotated[str, typer.Argument(help="Id or number.")], *, by: By = None, as_json: Json = False
) -> None:
    """Let an order go on."""
    from connector.model.events import Operation

    _command("resume order", order, Operation.RESUME, by, {}, as_json=as_json)


def list_pauses(*, as_json: Json = False) -> None:
    """List what is paused: by whom, since when, why, and how much waits for it."""
    from connector.store.pauses import PauseTable

    async def look(database: Database, _settings: Settings) -> list[PauseRow]:
        return await PauseTable(database).rows()

    rows = session.with_database("pauses", look)
    if as_json:
        typer.echo(json.dumps({"pauses": [row.document() for row in rows]}, indent=2))
    elif not rows:
        typer.echo("Nothing is paused.")
    for row in rows if not as_json else ():
        waiting = f" ({row.waiting} waiting)" if row.waiting else ""
        typer.echo(f"{row.pause.sentence.removesuffix('.')}{waiting}")


def _pause(
    kind: str, name: str, reason: str, until: str | None, by: str | None, *, anyway: bool, as_json: bool
) -> None:
    from connector.model.pauses import PauseKind
    from connector.store.pauses import PauseRow, PauseTable

    async def do(database: Database, settings: Settings) -> PauseRow:
        if not anyway:
            _require_known(PauseKind(kind), name, settings)
        moment = _moment(until) if until else None
        made = await PauseTable(database).pause(
            PauseKind(kind), name, reason=reason, by=session.me() if by is None else by, until=moment
        )
        return PauseRow(pause=made)

    row = session.with_database(f"pause {kind}", do)
    typer.echo(json.dumps(row.document(), indent=2) if as_json else row.pause.sentence)


def _resume(kind: str, name: str, *, as_json: bool) -> None:
    from connector.model.pauses import PauseKind
    from connector.store.pauses import PauseRow, PauseTable

    async def do(database: Database, settings: Settings) -> PauseRow:
        table = PauseTable(database, resumed_per_second=settings.pauses.resumed_per_second)
        return PauseRow(pause=await table.resume(PauseKind(kind), name))

    row = session.with_database(f"resume {kind}", do)
    typer.echo(json.dumps(row.document(), indent=2) if as_json else f"{kind.capitalize()} {name} goes on.")


def _command(command: str, order: str, operation: str, by: str | None, outputs: JsonObject, *, as_json: bool) -> None:
    from connector.cli.orders import options
    from connector.model.events import Operation
    from connector.store.asking import NOT_YET, Asking

    async def do(database: Database, _settings: Settings) -> str | None:
        return await Asking(database).command(
            order,
            options.record_id(order),
            Operation(operation),
            by=session.me() if by is None else by,
            outputs=outputs,
            seconds=ANSWER_SECONDS,
        )

    answer = session.with_database(command, do)
    told = NOT_YET if answer is None else answer
    typer.echo(json.dumps({"done": answer is not None, "message": told}) if as_json else told)


def _require_known(kind: PauseKind, name: str, settings: Settings) -> None:
    """A name that nothing has would pause nothing, and nobody would notice."""
    from connector.mappings.load import load
    from connector.mappings.names import known

    sets = [load(folder) for folder in settings.mapping_sets if folder.is_dir()]
    names = known(kind, sets)
    if sets and name not in names:
        raise UsageError(
            f"No configured mapping set has the {kind} {name}.",
            hint=f"There are {', '.join(sorted(names))}. An older set of orders in flight may have it: --anyway.",
        )


def _moment(text: str) -> datetime:
    """A time to come.

    Raises:
        UsageError: it is none.
    """
    now = datetime.now(UTC)
    span = _SPAN.fullmatch(text.strip())
    try:
        if span:
            return now + timedelta(**{_UNITS[span[2]]: int(span[1])})
        found = datetime.fromisoformat(text.strip())
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is no time.", hint="Give one such as 2026-03-31T18:00Z, or how long: 30min, 2h, 1d."
        ) from None
    if found <= now:
        raise UsageError(f"{text} is over.")
    return found
