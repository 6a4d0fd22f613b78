"""The mapping sets that come with the product have neither errors nor warnings."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.mappings.compile import compile_set
from connector.mappings.load import check

SETS = Path(__file__).resolve().parents[2] / "mappings"


@pytest.mark.parametrize("name", ["infiwave", "voltara"])
def test_an_example_is_without_fault(name: str) -> None:
    result = check(SETS / name)
    assert [str(found) for found in result.diagnostics] == []
    made = result.require()
    assert made.name == name
    assert compile_set(made.files).require().hash == made.hash
