"""The project has nothing wrong with it; and every check can fail: a planted error is found, with file and reason."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.metadata import planted_errors
from tests.metadata.planted_errors import Planted
from tests.metadata.sfmetadata.check import check
from tests.metadata.sfmetadata.findings import Code

PROJECT = Path(__file__).parents[2] / "deploy" / "salesforce"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(PROJECT, tmp_path_factory.mktemp("project") / "salesforce"))


@pytest.fixture
def plant(copy: Path) -> Iterator[Callable[[Planted], None]]:
    """Plants an error in the copy, and takes it out again afterwards."""
    undo: list[Callable[[], object]] = []

    def planting(error: Planted) -> None:
        path = copy / error.file
        if error.old:
            before = path.read_text(encoding="utf-8")
            assert error.old in before, "the project has changed: plant the error elsewhere"
            path.write_text(before.replace(error.old, error.new, 1), encoding="utf-8")
            undo.append(lambda: path.write_text(before, encoding="utf-8"))
        else:
            assert not path.exists()
            new_folder = not path.parent.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(error.new, encoding="utf-8")
            undo.append(path.unlink)
            if new_folder:
                undo.append(path.parent.rmdir)

    yield planting
    for step in undo:
        step()


def test_nothing_is_wrong_with_the_project() -> None:
    assert [str(finding) for finding in check(PROJECT)] == []


@pytest.mark.parametrize("error", planted_errors.ALL, ids=str)
def test_a_planted_error_is_found_with_file_and_reason(
    error: Planted, plant: Callable[[Planted], None], copy: Path
) -> None:
    plant(error)
    findings = check(copy)
    matching = [
        finding
        for finding in findings
        if finding.code is error.code
        and finding.path == Path(error.found or error.file)
        and error.reason in finding.message
    ]
    assert matching, [str(finding) for finding in findings]


def test_the_line_is_that_of_the_error(plant: Callable[[Planted], None], copy: Path) -> None:
    plant(Planted(Code.NOT_BOOLEAN, planted_errors.PLAN, "<enableSearch>true", "<enableSearch>yes", ""))
    (finding,) = check(copy)
    line = (copy / planted_errors.PLAN).read_text(encoding="utf-8").splitlines()[finding.line - 1]
    assert "<enableSearch>yes" in line
    assert str(finding) == (f"{planted_errors.PLAN}:{finding.line}: enableSearch is 'yes', not a boolean [not-boolean]")


def test_every_kind_of_finding_is_planted() -> None:
    assert {error.code for error in planted_errors.ALL} == set(Code)


def test_a_folder_without_a_project_is_a_finding(tmp_path: Path) -> None:
    (finding,) = check(tmp_path)
    assert finding.code is Code.PROJECT
