"""The grammar's types come from Salesforce's definitions, and the script that derives them says what it can't read."""

from __future__ import annotations

import json

import pytest

from tests.metadata.sfmetadata.derive import PACKAGE, ROOTS, TYPES_FILE, derive

DEFINITIONS = "".join(
    f"export type {name} = {body};\n"
    for name, body in {
        "Metadata": "{\n    fullName?: string;\n}",
        **dict.fromkeys(ROOTS, "Metadata & Record<string, unknown>"),
        "Queue": "Metadata & {\n    name: string;\n    mode?: Mode;\n    owns: Owned[];\n}",
        "Owned": "{\n    count: number;\n}",
        "Mode": "'Fast' | 'Careful'",
        "Unneeded": "{\n    odd: Map<string, string>;\n}",
    }.items()
)


def test_types_are_flattened_and_only_those_that_are_needed_kept() -> None:
    content = derive(DEFINITIONS)
    assert content["enums"] == {"Mode": ["Careful", "Fast"]}
    types = content["types"]
    assert isinstance(types, dict)
    assert types.keys() == {*ROOTS, "Owned"}
    assert types["Queue"] == {"fullName": "string?", "mode": "Mode?", "name": "string", "owns": "Owned[]"}
    assert types["Flow"] == {"fullName": "string?"}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("export type Owned", "export type Other", "no type Owned"),
        ("count: number;", "count: number | string;", "a member of type Owned"),
        ("{\n    count: number;\n}", "[number, string]", "type Owned is written in a way"),
    ],
)
def test_what_is_not_understood_is_refused(old: str, new: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        derive(DEFINITIONS.replace(old, new))


def test_the_stored_types_name_their_source_and_come_with_its_notice() -> None:
    content = json.loads(TYPES_FILE.read_text(encoding="utf-8"))
    assert content["source"] == PACKAGE
    assert set(ROOTS) <= content["types"].keys()
    notice = TYPES_FILE.with_name("types.LICENSE.txt").read_text(encoding="utf-8")
    assert "Salesforce.com, Inc." in notice
    assert "Redistribution and use in source and binary forms" in notice
