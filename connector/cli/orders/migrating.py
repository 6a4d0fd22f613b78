"""`connector orders migrate`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli import session
from connector.cli.orders import sight
from connector.errors import MappingError, UsageError
from connector.sf.record_ids import record_id

if TYPE_CHECKING:
    from connector.mappings.set import MappingSet
    from connector.model.ids import OrderId
    from connector.model.plan import Plan
    from connector.orchestrator.migrate import Migration
    from connector.orchestrator.sets import MappingSets
    from connector.store.database import Database
    from connector.store.sets import SetTable

PAGE = 50
"""Plans that are looked at together."""

_MOST_REASONS = 3


def migrate_orders(
    orders: Annotated[list[str] | None, typer.Argument(metavar="ORDER", help="Numbers or Salesforce Ids.")] = None,
    *,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="HASH", help="The set to go over to. Default: the newest that has the same name."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every order in flight on an older set.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Tell what would change; nothing is changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per order.")] = False,
) -> None:
    """Let orders in flight go on with a newer version of their mapping set, where that is safe.

    It is when nothing that was begun would be undone or done again. The others stay with the set that they began with.
    The exit code is 0 when all may go over, 3 when some can't, 1 when the database can't be reached, 2 when something
    is wrong with what was given.
    """
    with session.complaints("orders migrate"):
        if bool(orders) == everything:
            raise UsageError("Name orders, or give --all.", hint="With --preview nothing is changed.")
        unsafe: list[str] = []

        async def work(database: Database) -> None:
            unsafe.extend(await _migrate(database, orders or [], to, preview=preview, as_json=as_json))

        session.run(work)
        if unsafe:
            raise typer.Exit(3)


async def _migrate(
    database: Database, named: Sequence[str], to: str | None, *, preview: bool, as_json: bool
) -> list[str]:
    """Do it, or tell what it would be; gives the orders that can't go over."""
    from connector.orchestrator.sets import MappingSets
    from connector.store.sets import SetTable

    table = SetTable(database)
    sets = MappingSets([], table)
    newest = await table.newest()
    if to and await table.files(to) is None:
        known = ", ".join(f"{each} ({name})" for name, each in newest.items()) or "none"
        raise UsageError(f"There is no mapping set {to!r} in the database.", hint=f"The newest are: {known}.")
    given = await sets.by_hash(to) if to else None
    counts = {"safe": 0, "unsafe": 0}
    unsafe: list[str] = []
    others = [given.hash] if given else list(newest.values())
    async for page in _named(database, named) if named else _on_others(table, others):
        safe: list[tuple[OrderId, str]] = []
        for order, number, following, migration in await _assess(database, page, sets, given, newest):
            counts["safe" if migration.is_safe else "unsafe"] += 1
            if migration.is_safe:
                safe.append((order, following))
            else:
                unsafe.append(number)
            _tell(order, number, following, migration, preview=preview, as_json=as_json)
        if safe and not preview:
            await _ask(database, safe)
    if not as_json:
        done = "could go over" if preview else "go over"
        total = sum(counts.values())
        typer.echo(
            f"{counts['safe']} of {total} orders {done}; {counts['unsafe']} stay with their set."
            if total
            else "No order in flight has an older set."
        )
    return unsafe


async def _named(database: Database, orders: Sequence[str]) -> AsyncIterator[list[OrderId]]:
    """These orders, as one page."""
    from connector.store.dossier import Dossiers

    yield [await Dossiers(database).find(each, record_id(each)) for each in orders]


async def _on_others(table: SetTable, sets: Sequence[str]) -> AsyncIterator[list[OrderId]]:
    """The orders in flight on other sets than these, page by page."""
    page = await table.orders_on_others(sets, "", PAGE)
    while page:
        yield page
        page = await table.orders_on_others(sets, page[-1], PAGE)


async def _assess(
    database: Database,
    orders: Sequence[OrderId],
    sets: MappingSets,
    given: MappingSet | None,
    newest: Mapping[str, str],
) -> list[tuple[OrderId, str, str, Migration]]:
    from connector.store.plans import plans_with_as_is

    async with database.connection() as connection:
        plans = await plans_with_as_is(connection, orders)
    found = []
    for order in orders:
        plan = plans.get(order)
        if plan is None:
            raise UsageError(f"Order {order} has no plan in flight.")
        following, migration = await _would(plan, sets, given, newest)
        found.append((order, plan.order.number, following, migration))
    return found


async def _would(
    plan: Plan, sets: MappingSets, given: MappingSet | None, newest: Mapping[str, str]
) -> tuple[str, Migration]:
    """The set that the plan would go over to, and what that would mean."""
    from connector.orchestrator.migrate import Migration, assess_migration

    to = given.hash if given else ""
    try:
        present = await sets.by_hash(plan.set_hash)
        to = to or newest.get(present.name, present.hash)
        if to == present.hash:
            return to, Migration(reasons=("it has that set already",))
        return to, assess_migration(plan, present, await sets.by_hash(to), session.utc_now())
    except MappingError as error:
        return to, Migration(reasons=(error.message.removesuffix("."),))


def _tell(order: OrderId, number: str, following: str, migration: Migration, *, preview: bool, as_json: bool) -> None:
    from connector.text import printable

    if as_json:
        told = {
            "order": order,
            "number": number,
            "to": following,
            "safe": migration.is_safe,
            "reasons": migration.reasons,
            "changes": migration.changes,
            "asked": migration.is_safe and not preview,
        }
        typer.echo(sight.to_json(told))
        return
    if migration.is_safe:
        changes = [f"{change.name} {change.effect}" for change in migration.changes]
        more = f", and {len(changes) - _MOST_REASONS} more" if len(changes) > _MOST_REASONS else ""
        what = ", ".join(changes[:_MOST_REASONS]) + more if changes else "nothing changes"
        typer.echo(printable(f"{number}: safe ({what})"))
    else:
        more = f"; and {len(migration.reasons) - _MOST_REASONS} more" if len(migration.reasons) > _MOST_REASONS else ""
        typer.echo(printable(f"{number}: stays: {'; '.join(migration.reasons[:_MOST_REASONS])}{more}"))


async def _ask(database: Database, orders: Sequence[tuple[OrderId, str]]) -> None:
    from connector.model.events import Addressed, MigrationAsked
    from connector.store.intake import Intake

    by = session.me()
    await Intake(database, "cli").deliver(
        [Addressed(order=order, event=MigrationAsked(set_hash=set_hash, by=by)) for order, set_hash in orders]
    )
