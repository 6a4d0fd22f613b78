"""The connection pool, and what every connection is told when it is opened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import asyncpg

from connector.errors import SettingsError, TransientError

STATEMENT_SECONDS = 60
"""No statement may run longer; the server ends it."""

PROBE_SECONDS = 5.0
"""How often a connection that only waits is asked whether it still lives, and how long it may take to answer."""

_SESSION = {
    "application_name": "order-connector",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    # Every statement reads by key, a row or a few hundred. A plan that was made, and kept, while the tables were small
    # would go through all of them when they are large.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # The locks of a worker whose machine is gone are freed within five seconds, not after the hours of a default.
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}

_HINT = "Check CONNECTOR_DATABASE__URL."


class Database:
    """A pool of connections to one PostgreSQL database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, *, size: int = 6) -> Self:
        """Open the pool.

        Raises:
            SettingsError: the address or the credentials are wrong.
            TransientError: the server can't be reached now.
        """
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                command_timeout=STATEMENT_SECONDS + 5,
                init=_prepare,
                reset=_leave,
                server_settings=_SESSION,
            )
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            raise SettingsError(f"PostgreSQL refused the connection: {error}.", hint=_HINT) from None
        except (asyncpg.ClientConfigurationError, asyncpg.UndefinedObjectError) as error:
            raise SettingsError(
                f"The database's address can't be used: {str(error).rstrip('.')}.", hint=_HINT
            ) from None
        except (ValueError, OverflowError):  # what they say may hold a part of the password
            raise SettingsError(
                "The database's address can't be used: its port is none, or its password holds marks that must be"
                " written as %40 and the like.",
                hint=_HINT,
            ) from None
        except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError) as error:
            raise TransientError(f"PostgreSQL can't be reached: {error}.") from None
        return cls(pool)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection, waiting for those in use."""
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Borrow a connection; every statement commits by itself.

        Whoever is cancelled in here throws the connection away: the server ends what it was doing, and
        nobody waits for its word on that. So does whoever finds it broken.
        """
        connection = await self._pool.acquire()
        try:
            yield connection
        except (asyncio.CancelledError, asyncpg.InternalClientError, TimeoutError):
            connection.terminate()
            raise
        finally:
            await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Borrow a connection for one transaction; an exception rolls it back."""
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except asyncio.CancelledError:
                raise  # the connection goes, and the transaction with it
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()


Connection = Any
"""An asyncpg connection (the pool's proxy of one; their types differ, their methods don't)."""


def columns(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    """Rows as the column arrays that a query over `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)]


async def until_lost(connection: Connection) -> None:
    """Wait until the connection is gone, though nothing be sent on it and nobody tell of its end.

    Raises:
        TimeoutError: it does not answer.
    """
    closed = asyncio.Event()
    connection.add_termination_listener(lambda _connection: closed.set())
    while not closed.is_set():
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await closed.wait()
        except TimeoutError:
            await connection.fetchval("select 1", timeout=PROBE_SECONDS)


def may_pass(error: BaseException) -> bool:
    """The database is away, busy, or chose this transaction to give way: the same may succeed later."""
    if isinstance(error, asyncpg.DataError):
        return False
    passing = (
        asyncpg.PostgresConnectionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.OperatorInterventionError,
        asyncpg.TransactionRollbackError,
        asyncpg.ReadOnlySQLTransactionError,  # a server that has become, or not yet ceased to be, a standby
        asyncpg.InternalClientError,  # none of the hosts takes writes; or a connection that died between two steps
        asyncpg.InterfaceError,
        OSError,
        TimeoutError,
    )
    return isinstance(error, passing)


async def _prepare(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.set_type_codec("jsonb", encoder=str, decoder=str, schema="pg_catalog", format="text")


async def _leave(_connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Nothing to undo when a connection is given back, hence no statement: who sets something for its session (a lock,
    a listener) takes it back himself, and no transaction outlives its block.
    """
