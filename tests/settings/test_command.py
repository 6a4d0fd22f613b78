"""`connector settings` as a person and as a program use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from connector.cli.settings import show_settings
from connector.settings import Settings

COMPLETE = {
    "CONNECTOR_DATABASE__URL": "postgresql://me:hunter2@db.example/orders",
    "CONNECTOR_SALESFORCE__INSTANCE_URL": "https://example.my.salesforce.com",
    "CONNECTOR_SALESFORCE__CONSUMER_KEY": "3MVG9",
    "CONNECTOR_SALESFORCE__CLIENT_SECRET": "hunter2",
}


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """In a folder of its own, with all that is needed but the systems of a mapping set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    return COMPLETE | {"CONNECTOR_MAPPING_SETS": "set"}


def run(environ: dict[str, str], *arguments: str) -> Result:
    app = typer.Typer()
    app.command("settings")(show_settings)
    return CliRunner().invoke(app, arguments, env=dict(environ))


def test_everything_is_shown_without_secrets(complete: dict[str, str]) -> None:
    result = run(complete)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["setting", "value", "from"]
    assert any(line.split() == ["CONNECTOR_API__PORT", "8080", "default"] for line in lines)
    assert any("postgresql://me:********@db.example/orders" in line and "environment" in line for line in lines)
    assert "hunter2" not in result.output
    assert "\x1b" not in result.output
    assert "Nothing is missing." in result.stderr


def test_what_is_missing_is_shown_alone_and_fails(complete: dict[str, str]) -> None:
    del complete["CONNECTOR_SALESFORCE__CONSUMER_KEY"]
    complete["CONNECTOR_API__PROT"] = "1"
    result = run(complete, "--missing")
    assert result.exit_code == 1
    _, *lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["CONNECTOR_SALESFORCE__CONSUMER_KEY", "CONNECTOR_API__PROT"]
    assert "did you mean CONNECTOR_API__PORT?" in lines[1]
    assert "2 missing" in result.stderr


def test_programs_read_json(complete: dict[str, str]) -> None:
    result = run(complete, "--json")
    answer = json.loads(result.stdout)
    rows = {row["variable"]: row for row in answer["settings"]}
    assert rows["CONNECTOR_SALESFORCE__CLIENT_SECRET"] == {
        "variable": "CONNECTOR_SALESFORCE__CLIENT_SECRET",
        "value": "********",
        "origin": "environment",
        "needed_for": "",
    }
    assert any("set has errors" in warning for warning in answer["warnings"])


def test_wrong_values_are_said_in_lines(complete: dict[str, str]) -> None:
    complete |= {"CONNECTOR_API__PORT": "eighty", "CONNECTOR_LOG__LEVEL": "loud"}
    result = run(complete)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert [line.partition(" ")[0] for line in result.stderr.splitlines()] == [
        "CONNECTOR_API__PORT",
        "CONNECTOR_LOG__LEVEL",
    ]


def test_every_field_has_its_line_in_the_documentation() -> None:
    for name, section in Settings.model_fields.items():
        fields = getattr(section.annotation, "model_fields", {name: section})
        assert all(field.description for field in fields.values()), name
