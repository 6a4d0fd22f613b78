"""`connector pause`, `connector resume`, `connector pauses`: keep things from starting, and let them go on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.cli.moments import time_to_come
from connector.errors import MappingError, UsageError

if TYPE_CHECKING:
    from connector.model.json import JsonObject
    from connector.model.pauses import PauseKind
    from connector.settings import Settings
    from connector.store.database import Database
    from connector.store.pauses import PauseRow

ANSWER_SECONDS = 10.0
"""How long an order's answer is waited for."""

MOST_REASON, MOST_BY = 255, 80
"""Most characters of a reason and of a name; as through the API."""


def _short(most: int) -> Callable[[str | None], str | None]:
    """Takes text that people can read on an order: something, and not too much."""

    def check(text: str | None) -> str | None:
        if text is not None and not (text.strip() and len(text) <= most):
            raise typer.BadParameter(f"1 to {most} characters, please.")
        return text

    return check


Name = Annotated[str, typer.Argument(help="Of a system, an interface (`system.interface`) or a plan definition.")]
Order = Annotated[str, typer.Argument(help="Id or number.")]
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


def _pausing(kind: str) -> Callable[..., None]:
    def pausing(
        name: Name, *, reason: Reason, until: Until = None, by: By = None, anyway: Anyway = False, as_json: Json = False
    ) -> None:
        _pause(kind, name, reason, until, by, anyway=anyway, as_json=as_json)

    return pausing


def _resuming(kind: str) -> Callable[..., None]:
    def resuming(name: Name, *, as_json: Json = False) -> None:
        _resume(kind, name, as_json=as_json)

    return resuming


for _kind, _paused, _resumed in (
    (
        "system",
        "Send nothing new to a fulfillment system. Its call-backs and answers are still taken.",
        "Send to a system again; requests that waited leave by and by.",
    ),
    (
        "interface",
        "Send no new requests of one kind.",
        "Send requests of one kind again; those that waited leave by and by.",
    ),
    (
        "plan",
        "Start no items of a plan definition, in whichever order. Those that have started finish.",
        "Start items of a plan definition again; those that waited start by and by.",
    ),
):
    pause.command(_kind, help=_paused)(_pausing(_kind))
    resume.command(_kind, help=_resumed)(_resuming(_kind))


@pause.command("order")
def pause_order(
    order: Order,
    *,
    reason: Reason,
    until: Until = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Start nothing more of an order. What runs finishes, and what systems tell is kept."""
    from connector.model.events import Operation

    with session.complaints("pause order"):
        ends = {"until": time_to_come(until, session.utc_now()).isoformat()} if until else {}
    _command("pause order", order, Operation.PAUSE, by, {"reason": reason, **ends}, as_json=as_json)


@resume.command("order")
def resume_order(order: Order, *, by: By = None, as_json: Json = False) -> None:
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
        if not name.strip():
            raise UsageError(f"Name the {kind}.")
        if not anyway:
            await _require_known(PauseKind(kind), name, settings, database)
        moment = time_to_come(until, session.utc_now()) if until else None
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
    from connector.model.events import Operation
    from connector.sf.record_ids import record_id
    from connector.store.asking import NOT_YET, Asking

    async def do(database: Database, _settings: Settings) -> str | None:
        return await Asking(database).command(
            order,
            record_id(order),
            Operation(operation),
            by=session.me() if by is None else by,
            outputs=outputs,
            seconds=ANSWER_SECONDS,
        )

    answer = session.with_database(command, do)
    told = NOT_YET if answer is None else answer
    typer.echo(json.dumps({"done": answer is not None, "message": told}) if as_json else told)


async def _require_known(kind: PauseKind, name: str, settings: Settings, database: Database) -> None:
    """A name that nothing has would pause nothing, and nobody would notice. Where no set is configured, as on the
    machine of an operator, those count that the workers have used last.
    """
    from connector.mappings.load import load
    from connector.mappings.names import known
    from connector.orchestrator.sets import MappingSets
    from connector.store.sets import SetTable

    sets = [load(folder) for folder in settings.mapping_sets if folder.is_dir()]
    which = "configured mapping set" if sets else "mapping set in the database"
    if not sets:
        table = SetTable(database)
        kept = MappingSets((), table)
        for each in (await table.newest()).values():
            with contextlib.suppress(MappingError):
                sets.append(await kept.by_hash(each))
    names = known(kind, sets)
    if sets and name not in names:
        raise UsageError(
            f"No {which} has the {kind} {name}.",
            hint=f"There are {', '.join(sorted(names))}. An older set of orders in flight may have it: --anyway.",
        )
