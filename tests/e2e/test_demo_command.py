"""`connector demo` as a person or a script runs it: real processes, a real kill, a real Ctrl-C."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connector.demo.orders import ORDERS

PATIENCE = 150.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def demo(data: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    """Run `connector demo --once --json`; gives the exit code, the summary, and what it said on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "connector", "demo", "--once", "--json", "--data", str(data), *options],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def final_states(summary: dict[str, Any]) -> Any:
    return summary["items"], [(order["key"], order["status"]) for order in summary["orders"]]


def children(data: Path) -> list[int]:
    """The processes that the demo started, by what they said of themselves."""
    ready = (data / "private").glob("*.ready")
    told = [json.loads(file.read_text()) for file in ready]
    return [one["pid"] for one in told if "pid" in one]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: Any, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"this did not happen: {what}"
        time.sleep(0.05)


class Terminal:
    """A terminal with the command in it: what the command shows, and a keyboard."""

    def __init__(self, command: Sequence[str]) -> None:
        self._keyboard, screen = pty.openpty()
        # The first terminal that a new session's first process opens is the session's.
        in_it = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(screen), *command]
        self._process = subprocess.Popen(in_it, start_new_session=True, stdin=subprocess.DEVNULL)
        self._screen = screen
        self._shown = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # nobody has the terminal open any more
            while some := os.read(self._keyboard, 65536):
                self._shown += some

    def shows(self, text: str) -> bool:
        """The text has been on the screen."""
        return text.encode() in self._shown

    def press_ctrl_c(self) -> None:
        """The terminal sends the signal to all that runs in its foreground."""
        os.write(self._keyboard, b"\x03")

    def end(self) -> tuple[int, str]:
        """Wait for the command's end; gives the exit code and all that was shown."""
        code = self._process.wait(PATIENCE)
        os.close(self._screen)
        self._reader.join()
        return code, self._shown.decode()

    def close(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._process.kill()
        if self._reader.is_alive():
            self.end()
        os.close(self._keyboard)


@contextmanager
def in_a_terminal(data: Path) -> Iterator[Terminal]:
    terminal = Terminal([sys.executable, "-m", "connector", "demo", "--data", str(data), "--speed", "1"])
    try:
        yield terminal
    finally:
        terminal.close()


def test_every_order_comes_to_its_expected_end_even_if_the_connector_is_killed(data: Path, tmp_path: Path) -> None:
    code, undisturbed, said = demo(data)
    assert (code, said) == (0, "")
    assert undisturbed["ok"]
    assert all(order["as_expected"] for order in undisturbed["orders"])
    assert undisturbed["callouts"]["retries"] >= 2, "one system fails at first"
    assert undisturbed["salesforce"]["records_behind"] == 0
    assert not any(is_running(pid) for pid in children(data))

    code, killed, said = demo(tmp_path / "other", "--crash")
    assert (code, said) == (0, "")
    assert final_states(killed) == final_states(undisturbed)

    code, again, said = demo(data)
    assert (code, said) == (0, "")
    assert final_states(again) == final_states(undisturbed)
    assert again["callouts"] == undisturbed["callouts"], "a second start repeats nothing"


def test_ctrl_c_stops_everything_and_the_next_start_goes_on(data: Path) -> None:
    with in_a_terminal(data) as terminal:
        until((data / "private" / "connector.ready").exists, "the connector starts")
        pids = children(data)
        assert len(pids) >= 2
        assert all(is_running(pid) for pid in pids)
        until(lambda: terminal.shows("fulfilling"), "the demo is under way")
        terminal.press_ctrl_c()
        code, shown = terminal.end()
    assert code == 0
    assert "Traceback" not in shown
    assert shown.count("not at its end yet") == len(ORDERS)
    assert "the next start goes on from here" in shown
    until(lambda: not any(is_running(pid) for pid in pids), "all processes end")
    code, summary, said = demo(data)
    assert (code, said) == (0, "")
    assert summary["ok"]


def test_a_folder_that_is_not_the_demos_is_left_alone(data: Path) -> None:
    data.mkdir()
    precious = data / "thesis.txt"
    precious.write_text("years of work")
    code, _, said = demo(data, "--fresh")
    assert code == 1
    assert "is not a folder of the demo" in said
    assert precious.read_text() == "years of work"


def test_a_folder_that_cant_be_made_is_told_in_one_line(data: Path) -> None:
    data.write_text("a file")
    code, _, said = demo(data)
    assert code == 1
    assert said.splitlines() == [
        f"connector demo: The folder {data} can't be used: Not a directory. Choose another one with --data."
    ]


def test_json_without_once_is_a_mistake(data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "connector", "demo", "--json", "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "--json goes with --once" in done.stderr
