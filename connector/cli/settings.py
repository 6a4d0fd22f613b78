"""`connector settings`: every setting with its value and where it came from; what is missing, and for what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from connector.cli.output import console, table
from connector.errors import SettingsError

if TYPE_CHECKING:
    from connector.mappings.set import MappingSet
    from connector.settings import Row, Settings

_PLAIN_WIDTH = 240
"""Columns when the output goes to a file or another program."""


def show_settings(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
    only_missing: Annotated[bool, typer.Option("--missing", help="Only what `connector run` lacks.")] = False,
) -> None:
    """Show every setting, where its value came from, and what is missing.

    Values come from the environment, the file .env, and a folder of secrets, in this order. Secrets are
    never shown. The exit code is 1 when something is missing that `connector run` needs.
    """
    from connector import settings as settings_room

    try:
        settings = settings_room.load()
    except SettingsError as error:
        _say_on_stderr(str(error).splitlines())
        raise typer.Exit(1) from None
    sets, notes = _mapping_sets(settings)
    notes += settings_room.warnings(settings)
    rows = settings_room.explain(settings, sets)
    lacking = [row for row in rows if row.needed_for]
    shown = lacking if only_missing else rows
    if as_json:
        typer.echo(json.dumps({"settings": [asdict(row) for row in shown], "warnings": notes}, indent=2))
    else:
        _print_table(shown)
        _say_on_stderr(notes)
        _say_on_stderr([f"{len(lacking)} missing for `connector run`."] if lacking else ["Nothing is missing."])
    raise typer.Exit(1 if lacking else 0)


def _mapping_sets(settings: Settings) -> tuple[list[MappingSet], list[str]]:
    """The sets that can be read, whose systems need settings too; a note for each that can't."""
    from connector.mappings.load import check

    sets: list[MappingSet] = []
    notes: list[str] = []
    for folder in settings.mapping_sets:
        found = check(folder).mapping_set if folder.is_dir() else None
        if found is not None:
            sets.append(found)
        elif folder.is_dir():
            notes.append(
                f"{folder} has errors, so what its systems need is not known: connector mappings check {folder}"
            )
    return sets, notes


def _print_table(rows: Sequence[Row]) -> None:
    from rich.text import Text

    if not rows:
        return
    shown = table("setting", "value", "from")
    for row in rows:
        where = Text(f"missing: {row.needed_for}", "red") if row.needed_for else Text(row.origin, "dim")
        shown.add_row(Text(row.variable), Text(row.value, "" if row.origin != "default" else "dim"), where)
    console(_PLAIN_WIDTH).print(shown)


def _say_on_stderr(lines: Sequence[str]) -> None:
    for line in lines:
        typer.echo(line, err=True)
