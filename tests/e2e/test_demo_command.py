"""`connector demo` as a person or a script runs it: real processes, a real kill, a real Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

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


@contextmanager
def started(data: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "connector", "demo", "--data", str(data), "--speed", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


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
    with started(data) as process:
        until((data / "private" / "connector.ready").exists, "the connector starts")
        pids = children(data)
        assert len(pids) >= 2
        assert all(is_running(pid) for pid in pids)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "Traceback" not in output
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
