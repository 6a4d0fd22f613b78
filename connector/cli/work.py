"""What the commands that only need the database share: opening it, complaining, saying who gives the command."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import typer

from connector.errors import ConnectorError, RefusedError, SettingsError, UsageError

if TYPE_CHECKING:
    from connector.settings import Settings
    from connector.store.database import Database

T = TypeVar("T")

FAILED, WRONG, REFUSED = 1, 2, 3
"""Exit codes: a failure that may pass; input to be mended; the state of things forbids it."""


def me() -> str:
    """Who gives the command, as this machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no user of that number
        return ""


def with_database(command: str, work: Callable[[Database, Settings], Awaitable[T]]) -> T:
    """Do something with the installation's database; what goes wrong is told in one line and ends the program."""
    from connector import settings
    from connector.store.database import Database, may_pass

    async def opened() -> T:
        configured = settings.load()
        if configured.database.url is None:
            raise SettingsError("No database is set.", hint="Set CONNECTOR_DATABASE__URL.")
        async with await Database.connect(configured.database.url.get_secret_value(), size=2) as database:
            return await work(database, configured)

    try:
        return asyncio.run(opened())
    except ConnectorError as error:
        typer.echo(f"connector {command}: {error}", err=True)
        code = REFUSED if isinstance(error, RefusedError) else WRONG if isinstance(error, UsageError) else FAILED
        raise typer.Exit(code) from None
    except Exception as error:
        if not may_pass(error):
            raise
        typer.echo(f"connector {command}: the database can't be reached: {error}", err=True)
        raise typer.Exit(FAILED) from None
