"""A bench for turns on a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from connector.mappings.load import load
from connector.orchestrator.sets import MappingSets
from connector.store.database import Database
from connector.store.migrate import migrate
from connector.store.sets import SetTable
from tests.orchestrator.turning import SETS, Bench


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with await Database.connect(database_url) as database:
        await migrate(database)
        yield database


@pytest.fixture
async def bench(database: Database) -> Bench:
    return Bench(database, await MappingSets.publish([load(SETS / "infiwave")], SetTable(database)))
