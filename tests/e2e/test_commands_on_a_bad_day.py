"""Every command that needs the database, when it is away, empty, or what was given is nonsense: one line, no trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connector.cli.main import app
from connector.cli.orders import options
from connector.model.ids import OrderId
from connector.store.asking import Asking
from tests.e2e.test_orders_commands import World, nothing, stories, world
from tests.orchestrator.turning import Bench, order_id

__all__ = ["world"]

COMMANDS = (
    "orders list",
    "orders list --json",
    "orders show 1",
    "orders graph 1",
    "orders revise 1 --preview --cancel",
    "orders migrate 1",
    "orders migrate --all --preview",
    "pauses",
    "pauses --json",
    "workers",
    "workers --json",
    "drain worker-1",
    "pause system network --reason x --anyway",
    "pause order 1 --reason x",
    "resume plan activate-mobile",
    "resume order 1",
)


def told(url: str, *arguments: str, code: int) -> str:
    """The one line in which a command complains."""
    result: Result = CliRunner().invoke(app, list(arguments), env={"CONNECTOR_DATABASE__URL": url} if url else {})
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert result.stderr.startswith(f"connector {arguments[0]}")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_is_not_set_away_or_empty(command: str, database_url: str) -> None:
    assert "No database is set." in told("", *command.split(), code=2)
    assert "can't be reached" in told("postgresql://nobody@127.0.0.1:1/none", *command.split(), code=1)
    assert "`connector run` makes them" in told(database_url, *command.split(), code=2)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@host:port/x",
        "postgresql://me:s3c/ret@host/x",
        "postgresql://me:s3cret@127.0.0.1:99999/x",
        "postgresql://me:s3cret@127.0.0.1:1/x?sslmode=maybe",
    ],
)
def test_an_address_that_is_none_is_no_outage_and_no_secret(url: str) -> None:
    for command in ("orders list", "pauses"):
        complaint = told(url, *command.split(), code=2)
        assert "The database's address can't be used" in complaint
        assert "s3c" not in complaint


@pytest.mark.parametrize("command", ["orders show \udcff", "drain \udcff", "pause system x --reason \udcff"])
def test_an_argument_that_is_no_text_is_refused(world: World, command: str) -> None:
    world.tell(nothing)
    result = CliRunner().invoke(app, command.split(), env={"CONNECTOR_DATABASE__URL": world.url})
    assert result.exit_code == 2
    assert "is not text in UTF-8" in result.stderr


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"])
def test_a_time_beyond_all_calendars_is_no_time(world: World, moment: str) -> None:
    world.tell(nothing)
    assert "is no time" in told(world.url, "orders", "list", "--since", moment, code=2)
    pause = ("pause", "system", "network", "--reason", "x", "--until", moment)
    assert "is no time" in told(world.url, *pause, code=2)


@pytest.mark.parametrize("reason", ["", " ", "x" * 256])
def test_a_pause_has_a_reason_that_can_be_read(world: World, reason: str) -> None:
    world.tell(nothing)
    result = world.run("pause", "system", "network", "--reason", reason)
    assert result.exit_code == 2
    assert "1 to 255 characters" in result.stderr
    assert world.run("pauses").stdout == "Nothing is paused.\n"


@pytest.mark.parametrize("name", ["3", "00000003", "801000000000003", "801000000000003AAA"])
def test_a_command_reaches_an_order_by_any_of_its_names(world: World, name: str) -> None:
    async def found(bench: Bench) -> OrderId:
        await stories(bench)
        return await Asking(bench.database).find(name, options.record_id(name))

    assert world.tell(found) == order_id(3)


def test_no_name_is_the_name_of_no_order(world: World) -> None:
    """An order that has not been read has no number yet."""
    world.tell(stories)
    assert "There is no order" in told(world.url, "orders", "show", "", code=2)
    assert "There is no order" in told(world.url, "pause", "order", "", "--reason", "x", code=3)


# -- the output -----------------------------------------------------------------------------------------------


def printed_to(output: int, url: str, *arguments: str) -> tuple[int, str]:
    """The exit code and the complaints of a command that prints there."""
    command = [sys.executable, "-m", "connector", *arguments]
    env = {**os.environ, "CONNECTOR_DATABASE__URL": url}
    done = subprocess.run(command, stdout=output, stderr=subprocess.PIPE, env=env, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("command", ["orders list", "orders show 2 --json", "orders revise 2 --preview --cancel"])
def test_nobody_is_told_of_a_database_when_the_reader_of_a_pipe_has_gone(world: World, command: str) -> None:
    world.tell(stories)
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        assert printed_to(theirs, world.url, *command.split()) == (1, "")
    finally:
        os.close(theirs)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this machine")
@pytest.mark.parametrize("command", ["orders graph 2", "pauses"])
def test_a_full_disk_is_told_in_one_line(world: World, command: str) -> None:
    world.tell(stories)
    with Path("/dev/full").open("wb") as full:
        code, complaint = printed_to(full.fileno(), world.url, *command.split())
    assert (code, complaint) == (1, "connector: The output can't be written: No space left on device.\n")
