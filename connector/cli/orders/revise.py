"""`connector orders revise`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.cli.orders import sight
from connector.errors import MappingError, UsageError
from connector.sf.record_ids import record_id

if TYPE_CHECKING:
    from connector.model.order import Order
    from connector.model.plan import Plan
    from connector.store.database import Database

MOST_BYTES = 10_000_000
"""Of an order file; one with 5,000 lines has some two million."""

_NO_SET = "`connector run` keeps its sets there when it starts."


def revise_order(
    order: Annotated[
        str,
        typer.Argument(
            metavar="ORDER",
            help="Salesforce Id of the supplemental order, a draft or not; with --file: number or Id of the order to"
            " be revised.",
        ),
    ],
    *,
    preview: Annotated[
        bool, typer.Option("--preview", help="Tell what it would do to the order in fulfillment; nothing is changed.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            "-f",
            metavar="FILE",
            help="The order as it should be, as an order file.",
        ),
    ] = None,
    cancel: Annotated[bool, typer.Option("--cancel", help="The order ORDER is to be cancelled as a whole.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
) -> None:
    """Preview what a supplemental order would do: what is kept, done again, undone, new, and what stops it.

    Without --preview the supplemental order (which has to be activated in Salesforce) is read now, as if its event had
    come again. The exit code is 0 when it would be accepted, 3 when it would be rejected or would wait for an approval,
    1 when the database or Salesforce can't be reached, 2 when something is wrong with what was given.
    """
    with session.complaints("orders revise"):
        if not preview and (file is not None or cancel):
            raise UsageError(
                "A file can only be previewed.", hint="Add --preview; to revise, activate a supplemental order."
            )
        if file is not None and cancel:
            raise UsageError("Give --file or --cancel, not both.")
        text = _text(file) if file is not None else None
        verdicts: list[str] = []

        async def work(database: Database) -> None:
            if not preview:
                await _ring(database, order, as_json=as_json)
                return
            if text is None and not cancel:
                given = await _read(order, database)
                plan = await _plan(database, str(given.supersedes))
            else:
                plan = await _plan(database, order)
                given = _proposed(plan, text)
            verdicts.append(await _show(database, plan, given, as_json=as_json))

        session.run(work)
        if verdicts and verdicts[0] != "accepted":
            raise typer.Exit(3)


async def _ring(database: Database, order: str, *, as_json: bool) -> None:
    from connector.model.ids import OrderId
    from connector.store.intake import Heard, Intake

    identity = record_id(order)
    if identity is None:
        raise UsageError(f"{order!r} is no Salesforce Id.", hint="Give the Id of the supplemental order.")
    heard = Heard(kind="order", id=OrderId(identity), received_at=session.utc_now(), reason="Asked for by hand")
    await Intake(database, "cli").heard([heard])
    if as_json:
        typer.echo(sight.to_json({"order": identity, "asked": True}))
        return
    typer.echo(f"Order {identity} will be read by the next free worker; `connector orders show` tells what came of it.")


async def _plan(database: Database, order: str) -> Plan:
    """The plan of that order, or of the one that it is a version of."""
    from connector.store.dossier import Dossiers
    from connector.store.plans import plans_with_as_is

    found = await Dossiers(database).find(order, record_id(order))
    async with database.connection() as connection:
        plan = (await plans_with_as_is(connection, [found])).get(found)
    if plan is None:
        raise UsageError(f"Order {order} has no plan in flight.", hint=f"`connector orders show {order}` says why.")
    return plan


async def _read(order: str, database: Database) -> Order:
    """The supplemental order as Salesforce has it."""
    from connector import settings
    from connector.bootstrap import org_config
    from connector.model.events import OrderUnreadable
    from connector.model.ids import OrderId
    from connector.orchestrator.sets import MappingSets
    from connector.sf.connection import connect
    from connector.sf.reader import OrderReader, as_if_activated
    from connector.store.sets import SetTable

    identity = record_id(order)
    if identity is None:
        raise UsageError(
            f"{order!r} is no Salesforce Id.",
            hint="Give the Id of the supplemental order, or --file, or --cancel.",
        )
    table = SetTable(database)
    sets = MappingSets([], table)
    current = []
    for each in (await table.newest()).values():
        with contextlib.suppress(MappingError):  # one that nobody uses any more keeps nobody from looking
            current.append(await sets.by_hash(each))
    if not current:
        raise UsageError("No mapping set is in the database that could read the order.", hint=_NO_SET)
    with connect(org_config(settings.load()), session.utc_now) as connection:
        read = (await OrderReader(connection.org, MappingSets(current, table)).read([OrderId(identity)])).get(
            OrderId(identity)
        )
    if read is None:
        raise UsageError(f"Salesforce has no order {identity}, or the integration user may not see it.")
    read = as_if_activated(read)
    if isinstance(read, OrderUnreadable):
        raise UsageError("It would be rejected: " + "; ".join(str(problem) for problem in read.problems))
    if read.order.supersedes is None:
        raise UsageError(f"Order {read.order.number} supersedes no other order: there is nothing to preview.")
    return read.order


def _text(file: Path) -> str:
    """What stands in the file.

    Raises:
        UsageError: it can't be read, is too large, or no text.
    """
    try:
        with file.open("rb") as stream:
            found = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}.") from None
    if len(found) > MOST_BYTES:
        raise UsageError(f"{file} has more than {MOST_BYTES:,} bytes.", hint="An order file holds one order.")
    try:
        return found.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not text in UTF-8, from byte {error.start} on.") from None


def _proposed(plan: Plan, text: str | None) -> Order:
    """The next version out of an order file; without one, the plan's order cancelled."""
    from connector.mappings.orderfile import read
    from connector.orchestrator.preview import proposed

    return proposed(plan, None if text is None else read(text).order)


async def _show(database: Database, plan: Plan, given: Order, *, as_json: bool) -> str:
    """Print the preview; gives the verdict: accepted, approval or rejected."""
    from connector.orchestrator.preview import foresee
    from connector.orchestrator.sets import MappingSets
    from connector.store.sets import SetTable
    from connector.text import printable

    mappings = await MappingSets([], SetTable(database)).by_hash(plan.set_hash)
    prospect = foresee(plan, given, mappings, session.utc_now())
    if as_json:
        typer.echo(sight.to_json(prospect.document()))
    else:
        for line in prospect.text().splitlines():
            typer.echo(printable(line))
    return prospect.verdict
