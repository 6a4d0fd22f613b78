"""The documentation is what the program is: made parts are fresh, links lead somewhere, every command is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from connector.cli.main import app
from tests.architecture.repository import tracked_files
from tests.conftest import REPOSITORY
from tools import docs

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
PAGES = [file for file in tracked_files(REPOSITORY) if file.suffix == ".md"]


@pytest.mark.parametrize("page", docs.pages(), ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_made_parts_are_fresh(page: Path) -> None:
    text = page.read_text()
    assert docs.renewed(text) == text, "run `make docs`"


@pytest.mark.parametrize("picture", docs.PICTURES)
def test_pictures_are_fresh(picture: str) -> None:
    assert (REPOSITORY / picture).read_text(encoding="utf-8") == docs.PICTURES[picture](), "run `make docs`"


def test_stale_parts_are_seen() -> None:
    assert "Pending" in docs.renewed("<!-- made: item-table -->\nold\n<!-- end: item-table -->")
    with pytest.raises(KeyError):
        docs.renewed("<!-- made: nothing -->\n<!-- end: nothing -->")


def _dead_links(page: Path, text: str) -> Iterator[str]:
    for target in _LINK.findall(_CODE.sub("", text)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / path).resolve() if path else page
        wanted = anchor if file.suffix == ".md" and file.exists() else ""
        if not file.exists() or (wanted and wanted not in _anchors(file.read_text())):
            yield target


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _CODE.sub(lambda match: match[0].strip("`"), text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    dead = {str(page.relative_to(REPOSITORY)): list(_dead_links(page, page.read_text())) for page in PAGES}
    assert {page: links for page, links in dead.items() if links} == {}


def test_dead_links_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("# A title\n[x](a.md#a-title) [y](b.md) [z](#none) [w](https://example.com) `[v](c.md)`")
    assert list(_dead_links(page, page.read_text())) == ["b.md", "#none"]


def test_every_page_is_on_the_map() -> None:
    start = REPOSITORY / "docs" / "README.md"
    reached, waiting = {start}, [start]
    while waiting:
        page = waiting.pop()
        for target in _LINK.findall(page.read_text()):
            file = (page.parent / target.partition("#")[0]).resolve()
            if file.suffix == ".md" and file.exists() and file not in reached:
                reached.add(file)
                waiting.append(file)
    lost = [page for page in PAGES if page.is_relative_to(REPOSITORY / "docs") and page not in reached]
    assert lost == [], "link it from docs/README.md"


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command below one, with its full name. (Typer brings its own copy of click, so there is no type.)"""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    else:
        for word, found in inner.items():
            yield from _commands(found, f"{name} {word}")


def test_every_command_has_help_and_is_documented() -> None:
    told = "\n".join(page.read_text() for page in PAGES)
    for name, command in _commands(typer.main.get_command(app), "connector"):
        assert command.help, name
        assert name in told, f"`{name}` is in no page of the documentation"
        for option in command.params:
            assert getattr(option, "help", None) or option.param_type_name == "argument", f"{name} {option.name}"
