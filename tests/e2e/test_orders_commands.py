"""`connector orders` as people use it: on a database with orders that went through real turns."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli.main import app
from connector.model.events import CalloutFailed
from connector.model.failure import Failure, FailureClass
from connector.store.database import Database
from connector.store.intake import Heard
from connector.store.retention import Retention
from tests.orchestrator.turning import Bench, answers, finish, infiwave, mobile, order_id

PATIENCE = 60.0
"""Seconds after which a test gives up waiting for something that should have happened."""

BLOCKED = Failure(
    failure_class=FailureClass.BUSINESS,
    code="NUMBER_BLOCKED",
    message="It is \x1b[31mblocked.",
    system="network",
    interface="network.reserveNumber",
)

Told = Callable[[Bench], Any]


async def _tell(url: str, story: Told) -> Any:
    async with await Database.connect(url) as database:
        bench = await infiwave(database)
        bench.now = datetime.now(UTC) - timedelta(minutes=5)
        return await story(bench)


class World:
    """A database, and the commands on it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def tell(self, story: Told) -> Any:
        """Let something happen."""
        return asyncio.run(_tell(self.url, story))

    def run(self, *arguments: str) -> Result:
        """`connector …`"""
        return CliRunner().invoke(app, list(arguments), env={"CONNECTOR_DATABASE__URL": self.url})

    def orders(self, *arguments: str, url: str | None = None) -> Result:
        """`connector orders …`"""
        return CliRunner().invoke(app, ["orders", *arguments], env={"CONNECTOR_DATABASE__URL": url or self.url})

    def text(self, *arguments: str) -> str:
        """What a command prints that ends well."""
        result = self.orders(*arguments)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return result.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.text(*arguments, "--json"))


@pytest.fixture
def world(migrated_url: str) -> World:
    return World(migrated_url)


async def stories(bench: Bench) -> None:
    """1 is finished, 2 waits for its SIM card, 3 is in fallout, 4 is rejected, 5 has not been read."""
    await bench.submit(mobile(1))
    await finish(bench, await bench.turn())
    await bench.submit(mobile(2, simType="physical"))
    await bench.turn(answers((await bench.turn()).work))
    await bench.submit(mobile(3))
    await blocked(bench)
    await bench.submit(mobile(4, tier="Z"))
    await bench.turn()
    await bench.intake.heard([Heard(kind="order", id=order_id(5), received_at=bench.now)])


async def blocked(bench: Bench) -> None:
    work = next(work for work in (await bench.turn()).work if work.interface == "network.reserveNumber")
    failed = CalloutFailed(item=work.item, epoch=work.epoch, attempt=work.attempt, failure=BLOCKED)
    await bench.turn({work.order: [failed]})


async def nothing(bench: Bench) -> None:
    """No order has come."""


# -- list ---------------------------------------------------------------------------------------------------


def test_an_empty_list_says_so(world: World) -> None:
    world.tell(nothing)
    assert world.text("list") == "No order has come yet.\n"
    assert world.text("list", "--status", "Waiting") == "No order matches.\n"
    assert world.text("list", "--archived") == "No order is in the archive.\n"
    assert world.json("list") == {"orders": [], "counts": {}, "next": None}


def test_orders_are_listed_with_what_they_wait_for_and_counted(world: World) -> None:
    world.tell(stories)
    text = world.text("list")
    lines = text.splitlines()
    assert [line.split()[0] for line in lines[1:6]] == [order_id(5), "00000004", "00000003", "00000002", "00000001"]
    assert "warehouse.delivered" in lines[4]
    assert "It is �[31mblocked." in lines[3]
    assert "\x1b" not in text
    assert lines[-1] == "5 orders: 1 Completed, 1 Fallout, 1 Rejected, 1 Submitted, 1 Waiting"
    (row,) = world.json("list", "--status", "fallout", "--priority", "default", "--since", "1h")["orders"]
    assert (row["number"], row["waits"], row["priority"]) == ("00000003", 2, "Default")


def test_the_pages_of_a_list_follow_each_other(world: World) -> None:
    world.tell(stories)
    seen: list[str] = []
    page = world.json("list", "--limit", "2")
    while page["next"]:
        seen += [order["id"] for order in page["orders"]]
        page = world.json("list", "--limit", "2", "--after", page["next"])
    seen += [order["id"] for order in page["orders"]]
    assert seen == [order_id(number) for number in (5, 4, 3, 2, 1)]
    assert f"More with --after {world.json('list', '-n', '2')['next']}" in world.text("list", "-n", "2")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--priority", "urgent"], "There is no priority 'urgent'. There are High, Default and Bulk."),
        (["--since", "yesterday"], "'yesterday' is no time."),
        (["--after", "x"], "That is not a place in this list."),
        (["--archived", "--sort", "urgent"], "Archived orders are sorted by finished or number."),
    ],
)
def test_a_wrong_option_is_told_in_one_line(world: World, arguments: list[str], complaint: str) -> None:
    world.tell(nothing)
    result = world.orders("list", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"connector orders list: {complaint}")
    assert result.stderr.count("\n") == 1


# -- show ---------------------------------------------------------------------------------------------------


def test_an_order_is_shown_by_number_and_by_id(world: World) -> None:
    world.tell(stories)
    by_number = world.text("show", "3")
    assert "Open fallout (1)\nNUMBER_BLOCKED 1 Reserve a phone number: It is �[31mblocked." in by_number
    assert f"Case {order_id(3)}-1-F1, queue " in by_number
    assert "Waits for (1)\n4 Provision the eSIM: network.provisionEsim to answer\n   since " in by_number
    assert "✗  1 Reserve a phone number" in by_number.replace("✗   1", "✗  1")
    assert by_number.rstrip().split("\n")[-1].endswith("failed finally  NUMBER_BLOCKED: It is �[31mblocked.")
    for name in ("00000003", order_id(3), order_id(3)[:15]):
        assert world.text("show", name).startswith("Order 00000003  Fallout\n")


def test_what_is_shown_can_be_chosen(world: World) -> None:
    world.tell(stories)
    text = world.text("show", "2", "--gantt", "--attributes", "--explain", "--calls", "--history", "1")
    assert "* critical path" in text
    assert re.search(r"jeopardy   (On Track|At Risk)", text)
    assert "simType physical" in text
    assert "Explanation (" in text
    assert "Callouts (0 attempts)\nNone yet." in text
    assert "History  the last 1 of " in text
    assert "History" not in world.text("show", "2", "--history", "0")


def test_an_order_as_json_has_everything(world: World) -> None:
    world.tell(stories)
    told = world.json("show", "2")
    assert told["id"] == order_id(2)
    assert told["waits"][0]["what"] == "warehouse.delivered"
    assert told["history_total"] == len(told["history"]) > 3
    assert told["explanation"]["decisions"]
    assert {item["state"] for item in told["items"]} == {"Pending", "Running", "Completed", "Skipped"}
    assert world.json("show", order_id(5))["unread"] == ""


@pytest.mark.parametrize("order", ["99", "801000000000099AAA", "x\x1b[2J"])
@pytest.mark.parametrize("command", ["show", "graph"])
def test_an_unknown_order_is_told_in_one_line(world: World, command: str, order: str) -> None:
    world.tell(nothing)
    result = world.orders(command, order)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"connector orders {command}: There is no order ")
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr


def test_an_archived_order_is_shown_and_says_so(world: World) -> None:
    async def archived(bench: Bench) -> None:
        await stories(bench)
        async with bench.database.connection() as connection:
            await connection.execute("delete from outbox")
            await connection.execute("update intake set done_at = now()")
        later = bench.now + timedelta(days=2)
        await Retention(bench.database, lambda: later, hot=timedelta(days=1), keep=None, pause=0).once()

    world.tell(archived)
    assert "archived   " in world.text("show", "1")
    assert "10 Completed" not in world.text("show", "1")
    assert world.json("list", "--archived")["orders"][0]["number"] == "00000001"
    assert "<svg" in world.text("graph", "1")


def test_a_revised_order_shows_its_versions_and_what_is_undone(world: World) -> None:
    async def revised(bench: Bench) -> None:
        await bench.submit(mobile(1))
        sent = (await bench.turn(answers((await bench.turn()).work))).work
        cancel = replace(mobile(2), supersedes=order_id(1), supplemental_action="Cancel")
        await bench.submit(cancel)
        await bench.turn(answers(sent))

    world.tell(revised)
    text = world.text("show", "1")
    assert re.search(r"versions   00000001  New Accepted", text)
    assert re.search(r"00000002  Cancel Accepted", text)
    assert re.search(r"⊘ +1 Reserve a phone number .* Canceled", text)
    assert world.json("show", "2")["id"] == order_id(1)


def test_what_is_paused_says_by_whom_and_why(world: World) -> None:
    async def paused(bench: Bench) -> None:
        await bench.submit(mobile(1))
        await bench.turn()
        async with bench.database.connection() as connection:
            await connection.execute(
                "insert into pauses (kind, name, reason, by_whom) values ('system', 'network', 'they move', 'Eva')"
            )
            await connection.execute("update work set owner = null")
            await connection.execute(
                "insert into held_requests (order_id, item_no, epoch, attempt, interface, priority, why, sent_before)"
                " select order_id, item_no, epoch, attempt, interface, priority, 'paused', false from work"
            )

    world.tell(paused)
    assert "system network is paused by Eva since" in world.text("list")
    text = world.text("show", "1")
    assert text.startswith("Order 00000001  Waiting\n")
    assert re.search(r"\npaused     system network is paused by Eva since .*: they move\n", text)
    assert "Reserve a phone number: the end of a pause: system network is paused by Eva" in text
    told = world.json("show", "1")
    assert (told["status"], {pause["name"] for pause in told["held"].values()}) == ("Waiting", {"network"})


# -- graph ----------------------------------------------------------------------------------------------------


def test_a_plan_is_drawn_into_a_file(world: World, tmp_path: Path) -> None:
    world.tell(stories)
    for name, start in (("p.svg", "<?xml"), ("p.mmd", "flowchart LR"), ("p.dot", "digraph"), ("p.txt", "<?xml")):
        result = world.orders("graph", "3", "--output", str(tmp_path / name))
        assert result.exit_code == 0
        assert (tmp_path / name).read_text().startswith(start)
    ET.fromstring((tmp_path / "p.svg").read_text())  # noqa: S314 - it is our own
    assert world.text("graph", "3", "--format", "dot").startswith("digraph")


def test_what_can_not_be_drawn_is_told_in_one_line(world: World, tmp_path: Path) -> None:
    world.tell(stories)
    missing = tmp_path / "none" / "p.svg"
    result = world.orders("graph", "3", "--output", str(missing))
    assert (result.exit_code, result.stderr) == (
        2,
        f"connector orders graph: {missing} can't be written: No such file or directory.\n",
    )
    result = world.orders("graph", "4")
    assert result.exit_code == 2
    assert "has no plan to draw" in result.stderr


# -- the database ---------------------------------------------------------------------------------------------


def test_a_database_that_is_missing_empty_or_away_is_told_in_one_line(database_url: str, world: World) -> None:
    result = CliRunner().invoke(app, ["orders", "list"], env={})
    assert result.exit_code == 2
    assert "No database is set. Give CONNECTOR_DATABASE__URL" in result.stderr
    result = world.orders("list", url=database_url)
    assert result.exit_code == 2
    assert "The tables of this release are not in the database." in result.stderr
    result = world.orders("list", url="postgresql://nobody@127.0.0.1:1/none")
    assert result.exit_code == 1
    assert "can't be reached" in result.stderr
    assert result.stderr.count("\n") == 1


# -- while it happens -----------------------------------------------------------------------------------------


class Screen:
    """A program on a terminal of 80 columns and 24 lines."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: int) -> None:
        self.process = process
        self.shown = ""
        self._terminal = terminal

    def until(self, text: str) -> None:
        """Wait until this is on the screen."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < end, f"{text!r} did not appear:\n{self.shown}"
            assert self._read(), f"the program ended without {text!r}:\n{self.shown}"

    def key(self, key: bytes) -> None:
        os.write(self._terminal, key)

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        while self._read():
            pass
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        if not select.select([self._terminal], [], [], PATIENCE)[0]:
            return False
        try:
            found = os.read(self._terminal, 65_536)
        except OSError:
            return False
        self.shown += found.decode(errors="replace")
        return bool(found)


def _own_terminal() -> None:
    """Ctrl-C reaches whose terminal it is."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@contextmanager
def screen(url: str, *arguments: str) -> Iterator[Screen]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "orders", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_own_terminal,  # noqa: PLW1509 - it does one system call
        env={**os.environ, "CONNECTOR_DATABASE__URL": url, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    try:
        yield Screen(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_an_order_is_watched_to_its_end(world: World) -> None:
    async def begun(bench: Bench) -> Any:
        await bench.submit(mobile(1))
        return (await bench.turn()).work

    async def ended(bench: Bench) -> None:
        await finish(bench, await bench.turn(answers(work)))
        async with bench.database.connection() as connection:
            await connection.execute("delete from outbox")

    work = world.tell(begun)
    with screen(world.url, "show", "1", "--watch") as seen:
        seen.until("In Progress")
        assert "\x1b[?1049h" in seen.shown, "on a screen of its own"
        world.tell(ended)
        assert seen.end() == 0
        last = seen.shown.rpartition("\x1b[?1049l")[2]
    assert "Completed" in last
    assert "\x1b[?25h" in seen.shown, "the cursor is back"


def test_a_list_is_watched_until_ctrl_c(world: World) -> None:
    async def one(bench: Bench) -> None:
        await bench.submit(mobile(1))
        await bench.turn()

    async def more(bench: Bench) -> None:
        await bench.submit(mobile(2))
        await bench.turn()

    world.tell(one)
    with screen(world.url, "list", "--watch") as seen:
        seen.until("00000001")
        world.tell(more)
        seen.until("00000002")
        seen.key(b"\x03")
        assert seen.end() == 0
    assert "Traceback" not in seen.shown


def test_what_is_watched_by_a_program_comes_in_one_line_for_each_change(world: World) -> None:
    async def begun(bench: Bench) -> Any:
        await bench.submit(mobile(1))
        return (await bench.turn()).work

    async def ended(bench: Bench) -> None:
        await finish(bench, await bench.turn(answers(work)))

    work = world.tell(begun)
    command = [sys.executable, "-m", "connector", "orders", "show", "1", "--watch", "--json"]
    env = {**os.environ, "CONNECTOR_DATABASE__URL": world.url}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["status"] == "In Progress"
        world.tell(ended)
        told = iter(process.stdout.readline, b"")  # what is seen on the way, on a busy machine, is told too
        assert next(line for line in map(json.loads, told) if line["status"] != "In Progress")["status"] == "Completed"
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert process.stderr.read() == b""


def test_colour_is_for_terminals_only(world: World) -> None:
    world.tell(stories)
    assert "\x1b[" not in world.text("show", "3", "--gantt")
    with screen(world.url, "show", "3") as seen:
        assert seen.end() == 0
    assert "\x1b[1;31m" in seen.shown
    assert "\x1b[31mblocked" not in seen.shown


def test_a_large_order_is_shown_within_a_second_or_two_of_work(world: World) -> None:
    async def large(bench: Bench) -> None:
        await bench.submit(mobile(1))
        await bench.turn()
        async with bench.database.connection() as connection:
            await connection.execute(
                "insert into items (order_id, item_no, spec, state, progress)"
                " select order_id, n, spec, state, progress from items, generate_series(11, 10000) n"
                " where item_no = 6 and order_id = $1",
                order_id(1),
            )

    world.tell(large)
    text = world.text("show", "1")
    assert "Plan (10000 items)" in text
    assert "--all shows them" in text
    assert world.text("show", "1", "--all").count("Activate in the network") == 9991
    assert len(world.json("show", "1")["items"]) == 10_000
