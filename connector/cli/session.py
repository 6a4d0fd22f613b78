"""One command and the installation's database: opening it, complaining, saying who gives the command, and when."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import getpass
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import typer

from connector.errors import ConnectorError, RefusedError, SettingsError, TransientError, UsageError
from connector.text import printable

if TYPE_CHECKING:
    from connector.settings import Settings
    from connector.store.database import Database

T = TypeVar("T")

FAILED, WRONG, REFUSED = 1, 2, 3
"""Exit codes: a failure that may pass; input to be mended; the state of things forbids it."""


_OF_OUTPUT = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def is_of_output(error: BaseException) -> bool:
    """Nobody reads any more what is printed, or there is no room for it; no connection fails like this."""
    return isinstance(error, OSError) and error.errno in _OF_OUTPUT


def me() -> str:
    """Who gives the command, as this machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no user of that number
        return ""


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@contextlib.contextmanager
def complaints(command: str) -> Iterator[None]:
    """What goes wrong inside is told in one line, and ends the program."""
    try:
        yield
    except ConnectorError as error:
        typer.echo(f"connector {command}: {printable(str(error))}", err=True)
        code = REFUSED if isinstance(error, RefusedError) else WRONG if isinstance(error, UsageError) else FAILED
        raise typer.Exit(code) from None


def with_database(command: str, work: Callable[[Database, Settings], Awaitable[T]]) -> T:
    """Do something with the installation's database; what goes wrong is told in one line and ends the program."""

    async def done() -> T:
        async with opened() as (database, settings):
            return await work(database, settings)

    with complaints(command):
        return asyncio.run(done())


def run(work: Callable[[Database], Coroutine[None, None, None]]) -> None:
    """Do something with the database, until it is done or Ctrl-C, SIGTERM or a closed terminal ends it.

    Raises:
        ConnectorError: the settings or the database keep it from being done.
    """

    async def until_told() -> None:
        async with opened() as (database, _):
            task = asyncio.create_task(work(database))
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, task.cancel)
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(until_told())


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[tuple[Database, Settings]]:
    """The database of the settings, and the settings.

    Raises:
        SettingsError: no database is set, or no connector has ever worked with it.
        TransientError: it can't be reached.
    """
    import asyncpg

    from connector import settings
    from connector.store.database import Database, may_pass

    configured = settings.load()
    url = configured.database.url
    if url is None:
        raise SettingsError("No database is set.", hint="Give CONNECTOR_DATABASE__URL, as for `connector run`.")
    try:
        async with await Database.connect(url.get_secret_value(), size=2) as database:
            yield database, configured
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        raise SettingsError(
            "The tables of this release are not in the database.", hint="`connector run` makes them when it starts."
        ) from None
    except Exception as error:
        if isinstance(error, ConnectorError) or is_of_output(error) or not may_pass(error):
            raise
        raise TransientError(f"The database can't be reached: {error}.") from None
