"""Seeds in which every invariant holds, and planted faults in which one must not."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.__main__ import main
from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.run import run

SEEDS = 200
"""`make simulate` runs more."""

ENOUGH = 80
"""Seeds within which a planted fault has to be found; most are found in the first few."""


def test_every_invariant_holds_in_every_seed() -> None:
    failed = [f"make simulate SEED={seed}: {found}" for seed in range(SEEDS) if (found := run(seed).violation)]
    assert not failed, "\n".join(failed)


def test_faults_do_happen() -> None:
    counts: dict[str, int] = {}
    for seed in range(10):
        for what, count in run(seed).counts.items():
            counts[what] = counts.get(what, 0) + count
    for what in ("fault", "killed", "request", "effect", "answered", "accepted", "command", "written", "item"):
        assert counts.get(what, 0) > 10, what


def test_a_seed_replays_exactly_in_another_process() -> None:
    code = "from tests.simulation.run import run; print(*(run(seed).digest for seed in (3, 4)))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert [run(4).digest, run(3).digest] == [told[1], told[0]]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.title)
def test_a_planted_fault_is_found(mutation: Mutation) -> None:
    assert any(run(seed, mutation).violation for seed in range(ENOUGH)), mutation.title


def test_the_command_line_says_how_to_replay_a_seed_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "2"]) == 0
    assert "2 seeds" in capsys.readouterr().out
    with MUTATIONS[1].planted():
        assert main(["--seeds", "2"]) == 1
    assert "make simulate SEED=0" in capsys.readouterr().out


def test_a_replay_shows_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "0"]) == 0
    assert "submitted" in capsys.readouterr().out
