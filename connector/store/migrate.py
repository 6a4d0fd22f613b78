"""Migrations: numbered SQL files, applied in order, each in a transaction of its own, forward only.

A migration must leave the previous release able to work, so that workers can be replaced one by one.
"""

from __future__ import annotations

from importlib import resources

from connector.errors import SettingsError
from connector.store.database import Database

_LOCK = 6_820_417_003
"""Advisory lock that lets one process migrate at a time."""


def available() -> dict[int, tuple[str, str]]:
    """Every migration of this release: number → (name, SQL)."""
    found = {}
    for entry in (resources.files("connector.store") / "migrations").iterdir():
        if entry.name.endswith(".sql"):
            number, _, name = entry.name.removesuffix(".sql").partition("_")
            found[int(number)] = (name, entry.read_text())
    return dict(sorted(found.items()))


async def migrate(database: Database) -> list[str]:
    """Bring the database to this release's schema; gives the names of what was applied.

    Raises:
        SettingsError: the database was migrated by a newer release.
    """
    migrations = available()
    applied = []
    async with database.connection() as connection:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        try:
            await connection.execute(
                "create table if not exists schema_migrations ("
                " number int primary key, name text not null, applied_at timestamptz not null default now())"
            )
            done = {row["number"] for row in await connection.fetch("select number from schema_migrations")}
            newer = sorted(done - migrations.keys())
            if newer:
                raise SettingsError(
                    f"The database has migration {newer[-1]}, which this release does not know.",
                    hint="It was used by a newer release: upgrade the connector.",
                )
            for number, (name, sql) in migrations.items():
                if number not in done:
                    async with connection.transaction():
                        await connection.execute(sql)
                        await connection.execute(
                            "insert into schema_migrations (number, name) values ($1, $2)", number, name
                        )
                    applied.append(f"{number:04d}_{name}")
        finally:
            await connection.execute("select pg_advisory_unlock($1)", _LOCK)
    return applied
