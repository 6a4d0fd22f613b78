"""The local PostgreSQL: it starts, keeps or forgets its data, says why it can't, and never stays behind."""

from __future__ import annotations

import os
import select
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import asyncpg
import pytest

from connector.errors import SettingsError
from connector.localdb import LocalDatabase, LocalDatabaseFailed, local_database


async def test_serves_a_fresh_database_for_each_test(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert (await connection.fetchval("SHOW server_version")).startswith("18")
    finally:
        await connection.close()


@pytest.mark.parametrize("turn", [1, 2])
async def test_serves_a_migrated_database_for_each_test(migrated_url: str, turn: int) -> None:
    connection = await asyncpg.connect(migrated_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM schema_migrations") > 0
        assert await connection.fetchval("SELECT count(*) FROM orders") == 0
        await connection.execute("INSERT INTO schema_migrations (number, name) VALUES (9999, $1)", f"test {turn}")
    finally:
        await connection.close()


def test_socket_is_for_its_user_alone(postgres_server: LocalDatabase) -> None:
    assert stat.S_IMODE(postgres_server.socket_folder.stat().st_mode) == 0o700


async def test_keeps_its_data_in_a_folder(tmp_path: Path) -> None:
    _open_to_everybody(tmp_path)
    folder = tmp_path / "data"
    with local_database(folder, durable=False) as server:
        await _execute(server, "CREATE TABLE kept (number int)")
    with local_database(folder, durable=False) as server:
        await _execute(server, "INSERT INTO kept VALUES (1)")


async def test_says_why_it_did_not_start() -> None:
    with (
        pytest.raises(LocalDatabaseFailed, match="shared_buffers"),
        local_database(durable=False, options={"shared_buffers": "none"}),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a folder as somebody else")
async def test_refuses_the_folder_of_another_user(tmp_path: Path) -> None:
    _open_to_everybody(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "PG_VERSION").touch()
    with pytest.raises(SettingsError, match="another user"), local_database(folder, durable=False):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="another user runs the server only for root")
async def test_root_in_a_closed_folder_gets_a_database_that_is_thrown_away(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with local_database(closed / "data", durable=False) as server:
        await _execute(server, "SELECT 1")
    assert not (closed / "data").exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child of its parent's death")
def test_stops_when_its_parent_is_killed(tmp_path: Path) -> None:
    _open_to_everybody(tmp_path)
    program = """
        import sys
        from connector.localdb import local_database
        with local_database(durable=False) as server:
            print(server.pid, flush=True)
            sys.stdin.read()
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout is not None
        server = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ended, _, _ = select.select([server], [], [], 60)
    os.close(server)
    assert ended


async def test_killed_and_started_again_it_has_what_was_committed() -> None:
    with local_database() as server:
        url = server.url()
        await _execute(server, "CREATE TABLE kept (number int)")
        server.kill()
        with pytest.raises(ConnectionRefusedError):
            await asyncpg.connect(url)
        server.restart()
        assert server.url() == url
        await _execute(server, "INSERT INTO kept VALUES (1)")


async def test_a_standby_has_what_was_committed_and_takes_over_when_it_is_promoted() -> None:
    with local_database() as primary, local_database(follows=primary) as standby:
        await _execute(primary, "ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        await _execute(primary, "SELECT pg_reload_conf()")
        await _execute(primary, "SET synchronous_commit = remote_apply; CREATE TABLE kept (number int)")
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await _execute(standby, "INSERT INTO kept VALUES (1)")
        primary.kill()
        await _execute(standby, "SELECT pg_promote()")
        await _execute(standby, "INSERT INTO kept VALUES (1)")


async def _execute(server: LocalDatabase, statement: str) -> None:
    connection = await asyncpg.connect(server.url())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _open_to_everybody(folder: Path) -> None:
    """Let root's server pass through pytest's private folders."""
    for path in (folder, *folder.parents):
        if stat.S_IMODE(path.stat().st_mode) == 0o700:
            path.chmod(0o711)
