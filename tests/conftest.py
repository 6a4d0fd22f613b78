"""What every test may rely on: a clean environment, a real PostgreSQL, and a line on what was left out."""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from connector.localdb import LocalDatabase, local_database
from connector.store.database import Database
from connector.store.migrate import migrate

if TYPE_CHECKING:
    from tests.orchestrator.turning import Bench

REPOSITORY = Path(__file__).resolve().parent.parent

# -- the environment ------------------------------------------------------------------------------------

_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, proxy or colour of the developer's shell reaches a test."""
    for name in list(os.environ):
        if name.startswith("CONNECTOR_") or name.upper() in _PROXIES or name in {"FORCE_COLOR", "NO_COLOR"}:
            monkeypatch.delenv(name)


# -- properties -----------------------------------------------------------------------------------------

# No test depends on how fast the machine is, or how busy.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# -- PostgreSQL -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[LocalDatabase]:
    """One PostgreSQL server for the whole run, started when the first test wants it."""
    with local_database(durable=False) as server:
        yield server


_numbers = itertools.count(1)
_migrated: set[LocalDatabase] = set()
"""Servers that have the template of `migrated_url` already."""


@pytest.fixture
async def database_url(postgres_server: LocalDatabase) -> AsyncIterator[str]:
    """The URL of a fresh, empty database, dropped after the test together with whoever is still connected."""
    async with _database(postgres_server, template="template1") as url:
        yield url


@pytest.fixture
async def migrated_url(postgres_server: LocalDatabase) -> AsyncIterator[str]:
    """As `database_url`, with the present schema in it: a copy of a database that was migrated once."""
    if postgres_server not in _migrated:
        await _run_sql(postgres_server, "CREATE DATABASE migrated")
        async with await Database.connect(postgres_server.url("migrated")) as database:
            await migrate(database)
        _migrated.add(postgres_server)
    async with _database(postgres_server, template="migrated") as url:
        yield url


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """Connections to a database with the present schema."""
    async with await Database.connect(migrated_url) as database:
        yield database


@pytest.fixture
async def bench(database: Database) -> Bench:
    """Turns on such a database, with the mapping set infiwave."""
    from tests.orchestrator.turning import infiwave  # noqa: PLC0415 - most tests need nothing of it

    return await infiwave(database)


@asynccontextmanager
async def _database(server: LocalDatabase, *, template: str) -> AsyncIterator[str]:
    name = f"test_{next(_numbers)}"
    await _run_sql(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    try:
        yield server.url(name)
    finally:
        await _run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _run_sql(server: LocalDatabase, statement: str) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


# -- tests that need a tool that a machine may lack --------------------------------------------------------

_TOOLS: dict[str, Callable[[], bool]] = {
    "node": lambda: shutil.which("node") is not None,
    "browser": lambda: any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")),
}
"""What `@pytest.mark.needs(...)` may name, and how to see whether it is here."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests whose tools are missing."""
    for item in items:
        for marker in item.iter_markers("needs"):
            missing = [tool for tool in marker.args if not _TOOLS[tool]()]
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"{_LEFT_OUT}{' and no '.join(missing)} on this machine"))


_LEFT_OUT = "no "
"""How the reason begins for which such a test is skipped."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was left out, and why. The reports tell it: with several processes, nothing else comes here."""
    skipped = terminalreporter.getreports("skipped")
    reasons = (report.longrepr[2].removeprefix("Skipped: ") for report in skipped if isinstance(report.longrepr, tuple))
    left_out = Counter(reason for reason in reasons if reason.startswith(_LEFT_OUT))
    if left_out:
        told = "; ".join(f"{count} tests ({reason})" for reason, count in sorted(left_out.items()))
        terminalreporter.write_line(f"left out: {told}", yellow=True)
