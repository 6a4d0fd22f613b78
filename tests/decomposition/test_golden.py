"""The cases that come with the mapping sets give the lines, items and dependencies that were once looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.decomposition.golden_text import CASES, GOLDEN, golden_file, outcome


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parents[1].name}/{case.stem}")
def test_a_case_gives_what_it_gave(case: Path) -> None:
    assert outcome(case) == golden_file(case).read_text()


def test_no_golden_file_is_left_over() -> None:
    assert set(GOLDEN.glob("*/*.txt")) == {golden_file(case) for case in CASES}
