"""Nothing stands in a tracked file that belongs to one machine, and the pinned packages fit what is declared."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.repository import findings, tracked_files
from tests.conftest import REPOSITORY

LOGGER = "from __future__ import annotations\nimport structlog\nlog = structlog.get_logger()\n"


def test_tracked_files_are_clean() -> None:
    assert findings(REPOSITORY, tracked_files(REPOSITORY)) == []


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("a.md", "see /" + "root/x\n", "a path of one machine"),
        ("a.py", 'x = "/' + 'home/me/x"\n', "a path of one machine"),
        ("a.md", "a/home/me/ and x-root/\n", None),
        ("a.pem", "-----BEGIN PRIVATE " + "KEY-----\n" + "A" * 64 + "\n", "a private key"),
        ("a.md", "`-----BEGIN PRIVATE " + "KEY-----`\n", None),
        ("a.txt", "ghp" + "_" + "a" * 36, "an access key"),
        ("a.txt", "00D" + "x" * 12 + "!" + "y" * 80, "a Salesforce session"),
        ("a.txt", "eyJ" + "a" * 30 + ".eyJ" + "b" * 30 + "." + "c" * 30, "a JSON Web Token"),
        ("requirements/run.txt", "x @ https" + "://host/x.whl\n", "a download address"),
        ("package-lock.json", '{"resolved"' + ": 1}", "a download address"),
        ("docs/a.md", "https://example.com\n", None),
        ("connector/a.py", "x = 1\n" * 501, "501 lines"),
        ("tests/a.py", "x = 1\n" * 501, None),
        ("connector/b.py", "import os\n", "lacks"),
        ("connector/c.py", LOGGER + "log.info(f'order {x} read')\n", "the event's name"),
        ("connector/c.py", LOGGER + "log.info('Order read')\n", "the event's name"),
        ("connector/c.py", LOGGER + "log.bind(x=1)\nlog.info('order_read', order=x)\n", None),
    ],
)
def test_what_is_planted_is_found(tmp_path: Path, name: str, text: str, what: str | None) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    found = findings(tmp_path, [file])
    assert len(found) == (what is not None)
    assert all(what is None or what in finding for finding in found)


# -- pinned packages ----------------------------------------------------------------------------------------


def _pins(name: str) -> dict[str, str]:
    text = (REPOSITORY / "requirements" / name).read_text()
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^ \\;]+)", text, re.MULTILINE)
    }


def _declared(*groups: str) -> list[Requirement]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    texts = [*project["project"]["dependencies"]] if "run" in groups else []
    for group in groups:
        texts += project["dependency-groups"].get(group, [])
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize(
    ("file", "groups"),
    [("run.txt", ("run",)), ("dev.txt", ("run", "test", "check", "build")), ("uv.txt", ("uv",))],
)
def test_pins_fit_what_is_declared(file: str, groups: tuple[str, ...]) -> None:
    pins = _pins(file)
    for requirement in _declared(*groups):
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not pinned: run `make lock`"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}: run `make lock`"


def test_everybody_runs_what_is_tested() -> None:
    dev = _pins("dev.txt")
    assert {name: dev.get(name) for name in _pins("run.txt")} == _pins("run.txt")


def test_every_pin_has_hashes() -> None:
    for file in (REPOSITORY / "requirements").glob("*.txt"):
        blocks = re.split(r"\n(?=\S)", file.read_text().strip())
        assert all("--hash=sha256:" in block for block in blocks), file.name
