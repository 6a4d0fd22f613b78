"""`connector orders revise`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.orders import common, options
from connector.errors import UsageError

if TYPE_CHECKING:
    from connector.model.order import Order
    from connector.model.plan import Plan
    from connector.store.database import Database


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
    with common.complaints("revise"):
        if not preview and (file is not None or cancel):
            raise UsageError(
                "A file can only be previewed.", hint="Add --preview; to revise, activate a supplemental order."
            )
        verdicts: list[str] = []

        async def work(database: Database) -> None:
            if not preview:
                await _ring(database, order)
                return
            if file is None and not cancel:
                given = await _read(order, database)
                plan = await _plan(database, str(given.supersedes))
            else:
                plan = await _plan(database, order)
                given = _of_file(plan, None if cancel else file)
            verdicts.append(await _show(database, plan, given, as_json=as_json))

        common.run(work)
        if verdicts and verdicts[0] != "accepted":
            raise typer.Exit(3)


async def _ring(database: Database, order: str) -> None:
    from connector.model.ids import OrderId
    from connector.store.intake import Heard, Intake

    identity = options.record_id(order)
    if identity is None:
        raise UsageError(f"{order!r} is no Salesforce Id.", hint="Give the Id of the supplemental order.")
    heard = Heard(kind="order", id=OrderId(identity), received_at=common.utc_now(), reason="Asked for by hand")
    await Intake(database, "cli").heard([heard])
    typer.echo(f"Order {identity} will be read by the next free worker; `connector orders show` tells what came of it.")


async def _plan(database: Database, order: str) -> Plan:
    """The plan of that order, or of the one that it is a version of."""
    from connector.store.dossier import Dossiers
    from connector.store.plans import with_as_is

    found = await Dossiers(database).find(order, options.record_id(order))
    async with database.connection() as connection:
        plan = await with_as_is(connection, found)
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

    identity = options.record_id(order)
    if identity is None:
        raise UsageError(
            f"{order!r} is no Salesforce Id.",
            hint="Give the Id of the supplemental order, or --file, or --cancel.",
        )
    table = SetTable(database)
    sets = MappingSets([], table)
    current = [await sets.by_hash(each) for each in await table.newest()]
    with connect(org_config(settings.load()), common.utc_now) as connection:
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


def _of_file(plan: Plan, file: Path | None) -> Order:
    """The next version out of a file; without one, the plan's order cancelled."""
    from connector.mappings.orderfile import read
    from connector.orchestrator.preview import proposed

    if file is None:
        return proposed(plan, None)
    try:
        return proposed(plan, read(file.read_text(encoding="utf-8")).order)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} can't be read: {error}.") from None


async def _show(database: Database, plan: Plan, given: Order, *, as_json: bool) -> str:
    """Print the preview; gives the verdict: accepted, approval or rejected."""
    from connector.orchestrator.preview import foresee
    from connector.orchestrator.sets import MappingSets
    from connector.store.sets import SetTable
    from connector.text import printable

    mappings = await MappingSets([], SetTable(database)).by_hash(plan.set_hash)
    prospect = foresee(plan, given, mappings, common.utc_now())
    if as_json:
        typer.echo(common.to_json(prospect.document()))
    else:
        for line in prospect.text().splitlines():
            typer.echo(printable(line))
    return prospect.verdict
