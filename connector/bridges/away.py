"""A database that is away, as the HTTP face is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from connector.errors import TransientError, UsageError
from connector.store.database import may_pass


@contextmanager
def later() -> Iterator[None]:
    """What is done inside may succeed later, where that is so.

    Raises:
        TransientError: the database can't be reached.
        UsageError: a name holds a NUL, with which PostgreSQL knows no text.
    """
    try:
        yield
    except asyncpg.DataError:
        raise UsageError("There is nothing of that name.") from None
    except Exception as error:
        if may_pass(error):
            raise TransientError("The database can't be reached.") from error
        raise
