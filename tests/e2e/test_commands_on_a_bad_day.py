"""Every command that needs the database, when it is away, empty, or what was given is nonsense: one line, no trace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connector.cli.main import app
from connector.model.ids import OrderId
from connector.sf.record_ids import record_id
from connector.store.asking import Asking
from tests.e2e.test_orders_commands import World, nothing, stories, world
from tests.orchestrator.turning import Bench, mobile, order_id

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
        return await Asking(bench.database).find(name, record_id(name))

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


# -- order files, and what contradicts itself -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "No such file or directory."),
        (b"", "The file holds no order: line 1, column 1: not JSON"),
        (b"\xff\xfe{}", "is not text in UTF-8, from byte 0 on."),
        (b'{"order": ', "not JSON"),
        (b"[1]", "the file must hold an object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"order": {}}', "order.lines: is missing"),
    ],
)
def test_an_order_file_that_is_none(world: World, tmp_path: Path, content: bytes | None, complaint: str) -> None:
    world.tell(stories)
    file = tmp_path / "new.json"
    if content is not None:
        file.write_bytes(content)
    assert complaint in told(world.url, "orders", "revise", "2", "--preview", "--file", str(file), code=2)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero on this machine")
def test_a_file_without_end_is_not_read_to_its_end(world: World) -> None:
    complaint = told(world.url, "orders", "revise", "2", "--preview", "--file", "/dev/zero", code=2)
    assert "/dev/zero has more than 10,000,000 bytes." in complaint


def test_a_file_and_a_cancellation_contradict_each_other(world: World, tmp_path: Path) -> None:
    both = ("--file", str(tmp_path / "new.json"), "--cancel")
    assert "Give --file or --cancel, not both." in told(world.url, "orders", "revise", "2", "--preview", *both, code=2)


def test_a_supplemental_order_that_is_to_be_read_is_told_as_json_too(world: World) -> None:
    world.tell(nothing)
    result = world.orders("revise", "801000000000002", "--json")
    assert json.loads(result.stdout) == {"order": "801000000000002AAA", "asked": True}


# -- mapping sets ---------------------------------------------------------------------------------------------


async def lost_and_broken(bench: Bench) -> None:
    """The set of 1 is lost; 2 began with one that this release can't compile, the newest of a name of its own."""
    for number in (1, 2, 3):
        await bench.submit(mobile(number))
        await bench.turn()
    async with bench.database.connection() as connection:
        await connection.execute("update orders set set_hash = 'lost' where order_id = $1", order_id(1))
        await connection.execute("update orders set set_hash = 'broken' where order_id = $1", order_id(2))
        await connection.execute(
            "insert into mapping_sets (hash, name, version, files) values ('broken', 'old', '1', '{\"set.yaml\": \"[\"}')"
        )


def test_an_order_whose_mapping_set_is_lost_holds_up_no_migration_of_others(world: World) -> None:
    world.tell(lost_and_broken)
    result = world.orders("migrate", "1", "2", "3", "--preview")
    assert (result.exit_code, result.stderr) == (3, "")
    first, second, third, _ = result.stdout.splitlines()
    assert first == "00000001: stays: Mapping set lost is not in the database"
    assert second.startswith("00000002: stays: The mapping set broken can't be used: intake.yaml:")
    assert third == "00000003: stays: it has that set already"
    (line,) = world.orders("migrate", "--all", "--preview", "--json").stdout.splitlines()
    assert json.loads(line)["order"] == order_id(1)


def test_a_set_to_go_over_to_that_is_none_is_told_with_those_that_are(world: World) -> None:
    world.tell(lost_and_broken)
    assert "There is no mapping set 'x' in the database. The newest are: " in told(
        world.url, "orders", "migrate", "--all", "--to", "x", code=2
    )


@pytest.mark.parametrize(("order", "why"), [("1", "is not in the database"), ("2", "can't be used: intake.yaml:1:")])
def test_an_order_whose_mapping_set_is_lost_is_shown_and_says_so_when_it_is_needed(
    world: World, order: str, why: str
) -> None:
    world.tell(lost_and_broken)
    assert world.text("show", order).startswith(f"Order 0000000{order}  In Progress\n")
    assert world.text("graph", order, "--format", "dot").startswith("digraph")
    complaint = told(world.url, "orders", "revise", order, "--preview", "--cancel", code=2)
    assert why in complaint
    assert "connector mappings check" not in complaint, "it is in no folder"


def test_a_name_that_nothing_has_is_not_paused_where_no_set_is_configured_either(world: World) -> None:
    world.tell(lost_and_broken)
    for kind, name in (("system", "netwrk"), ("interface", "network"), ("plan", "nope"), ("system", "")):
        result = world.run("pause", kind, name, "--reason", "x")
        assert (result.exit_code, result.stdout) == (2, "")
    assert "There are billing, network" in world.run("pause", "system", "netwrk", "--reason", "x").stderr
    assert world.run("pauses").stdout == "Nothing is paused.\n"
    assert world.run("pause", "system", "network", "--reason", "x").exit_code == 0
