"""The form of the files, and the page that describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from connector.mappings.diagnostics import Findings
from connector.mappings.document import parse
from connector.mappings.format import FILES, FOLDERS, json_schema, part_of
from connector.mappings.shapes import Duration, Number, OneOf, Shape, Text, duration
from connector.mappings.text import FileText
from tests.mappings.valid_set import FILES as VALID

PARTS = {part.name: part for part in (*FILES.values(), *FOLDERS.values())}


def _keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        yield from properties
        for inner in (
            *properties.values(),
            *(schema[name] for name in ("items", "additionalProperties") if name in schema),
        ):
            yield from _keys(inner)
        for inner in schema.get("anyOf", []):
            yield from _keys(inner)


@pytest.mark.parametrize("part", PARTS)
def test_the_page_tells_of_every_key(part: str, request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "mapping-sets.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([\w.]+)`", page))
    assert set(_keys(json_schema(PARTS[part]))) - told == set()


def test_the_sets_of_the_page_are_yaml(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "mapping-sets.md").read_text(encoding="utf-8")
    for example in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        findings = Findings()
        assert parse(FileText(path="page", text=example), findings)
        assert list(findings) == []


@pytest.mark.parametrize("path", sorted(VALID))
def test_every_file_of_a_set_has_its_part(path: str) -> None:
    assert part_of(path) is not None


@pytest.mark.parametrize("path", ["a.yaml", "plan/a.yaml", "plans.yaml", "sub/set.yaml"])
def test_other_files_have_none(path: str) -> None:
    assert part_of(path) is None


@pytest.mark.parametrize("part", PARTS)
def test_a_schema_is_json_and_closed(part: str) -> None:
    schema = json.loads(json.dumps(json_schema(PARTS[part])))
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)


def fits(shape: Shape, text: str) -> bool:
    findings = Findings()
    (document,) = parse(FileText(path="x", text=f"v: {text}"), findings)
    usable = shape.check(document["v"], findings)
    assert usable == (not list(findings))
    return usable


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT30S", 30),
        ("PT0.5S", 0.5),
        ("PT1M", 60),
        ("PT1H1S", 3601),
        ("P1D", 86_400),
        ("P1W", 604_800),
        ("P1DT1H", 90_000),
        ("P", None),
        ("PT", None),
        ("P1DT", None),
        ("30", None),
        ("P1Y", None),
        ("P1M", None),
        ("-PT1S", None),
        ("pt1s", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    length = duration(text)
    assert (None if length is None else length.total_seconds()) == seconds


def test_bounds() -> None:
    assert [fits(Number(1, 5), text) for text in ("1", "5", "0", "6", "1.5", "x")] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    assert [fits(Number(0, 1, whole=False), text) for text in ("0.5", "1", "1.1", "true")] == [True, True, False, False]
    assert [fits(Duration(), text) for text in ("PT1S", "PT0S", "P400D", "x")] == [True, False, False, False]
    assert fits(Duration(zero=True), "PT0S")
    assert [fits(OneOf(("a", "b")), text) for text in ("a", "c", "[a]", "~")] == [True, False, False, False]
    assert [fits(Text(), text) for text in ("a", "12", "''", "~", "{}")] == [True, False, False, False, False]
    assert [fits(Text(loose=True), text) for text in ("a", "12", "true", "~")] == [True, True, True, False]
    assert not fits(Text(longest=3), "long")
