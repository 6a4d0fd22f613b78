"""The hint under the demo's screen: commands that are short enough for one line of a terminal each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from connector.demo.runner import near


def test_a_program_is_called_by_the_shorter_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "somewhere" / "deep" / "bin" / "connector"
    program.parent.mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "somewhere")
    assert near(program) == "deep/bin/connector"
    assert near(Path("deep/bin/connector")) == "deep/bin/connector"
    monkeypatch.chdir(tmp_path / "somewhere" / "deep" / "bin")
    assert near(program) == "./connector"
    assert near(Path(sys.executable)) == sys.executable
