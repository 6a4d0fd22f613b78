"""`connector mappings`: check a mapping set, try an order on it, and what editors need. No Salesforce needed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from connector.cli.output import console, table
from connector.text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from connector.mappings.compile import CheckResult
    from connector.mappings.format import Part
    from connector.mappings.orderfile import OrderFile
    from connector.mappings.set import MappingSet

app = typer.Typer(no_args_is_help=True, help="Check mapping sets and try orders on them.")

_OK, _ERRORS, _USAGE = 0, 1, 2


@app.command()
def check(
    folders: Annotated[list[Path], typer.Argument(metavar="FOLDER...", help="Folders of mapping sets.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
) -> None:
    """Tell everything that can be known about mapping sets without an order.

    The exit code is 0 when all is well, 1 when there are errors, 2 when there is no such folder.
    """
    from connector.mappings import report
    from connector.mappings.load import check as check_folder

    for folder in folders:
        _require_folder(folder)
    results = [(folder, check_folder(folder)) for folder in folders]
    if as_json:
        told = [report.to_json(result, str(folder)) for folder, result in results]
        typer.echo(json.dumps(told[0] if len(told) == 1 else told, indent=2, ensure_ascii=False))
    else:
        screen = console()
        for folder, result in results:
            _print_result(screen, folder, result)
    bad = any(result.mapping_set is None or (strict and result.warnings) for _, result in results)
    raise typer.Exit(_ERRORS if bad else _OK)


@app.command("try")
def try_order(
    order: Annotated[Path, typer.Argument(metavar="ORDER.json", help="A canonical order; `-` reads standard input.")],
    *,
    folder: Annotated[Path, typer.Option("--set", metavar="FOLDER", help="The mapping set.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Also every decision, taken or not, and why.")] = False,
    at: Annotated[str, typer.Option("--at", help="The time to take for now (ISO 8601 with a zone).")] = "",
    assume: Annotated[
        list[str] | None,
        typer.Option(metavar="PRODUCT.ATTRIBUTE=VALUE", help="An answer that rules wait for; also T5.ATTRIBUTE=VALUE."),
    ] = None,
) -> None:
    """Decompose and plan an order, without any effect: lines, plan, parked rules, requests, problems, explanation.

    The exit code is 0 when the order can be fulfilled, 1 when it or the set has errors, 2 when a file
    can't be read.
    """
    from connector.cli import assumed, mappings_try  # bring the whole of decomposition

    now = _moment(at)
    _require_folder(folder)
    content = _order(order)
    mapping_set = _mapping_set(folder)
    try:
        trial = mappings_try.attempt(content, mapping_set, now, assumed.read(assume or ()))
    except assumed.NotAnAssumption as error:
        _fail(error.message, *([error.hint] if error.hint else []))
    if as_json:
        typer.echo(json.dumps(mappings_try.to_json(trial, explain=explain), indent=2, ensure_ascii=False))
    else:
        mappings_try.show(trial, console(), explain=explain)
    raise typer.Exit(_ERRORS if trial.decomposition.problems else _OK)


@app.command()
def schema(
    part: Annotated[str, typer.Argument(help="set, intake, products, decomposition, plans…")] = "",
    *,
    out: Annotated[Path | None, typer.Option("--out", help="Write one file per part into this folder.")] = None,
) -> None:
    """Print the JSON Schema of a part of mapping sets, for editors that check and complete while typing."""
    from connector.mappings.format import json_schema

    parts = _parts()
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, each in parts.items():
            path = out / f"{name}.schema.json"
            path.write_text(json.dumps(json_schema(each), indent=2) + "\n", encoding="utf-8")
            typer.echo(str(path))
    elif part in parts:
        typer.echo(json.dumps(json_schema(parts[part]), indent=2))
    else:
        _fail(f"Name a part ({', '.join(parts)}), or write all of them with --out FOLDER.")


@app.command()
def codes(code: Annotated[str, typer.Argument(help="One code, as in MAP026; all when absent.")] = "") -> None:
    """Say what the codes of the findings mean, and what is to be done."""
    from rich.text import Text

    from connector.mappings.diagnostics import CODES
    from connector.mappings.remedies import REMEDIES

    wanted = code.upper()
    if wanted and wanted not in CODES:
        _fail(f"There is no code {code}.")
    shown = table("code", "severity", "meaning", "what to do")
    for known in CODES.values():
        if wanted in {"", known.name}:
            shown.add_row(known.name, known.severity.value, Text(known.meaning), Text(REMEDIES[known.name]))
    console().print(shown)


# -- what goes in -----------------------------------------------------------------------------------------


def _parts() -> dict[str, Part]:
    from connector.mappings.format import FILES, FOLDERS

    return {part.name: part for part in (*FILES.values(), *FOLDERS.values())}


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        _fail(f"{folder} is not a folder." if folder.exists() else f"There is no folder {folder}.")


def _mapping_set(folder: Path) -> MappingSet:
    from rich.console import Console

    from connector.mappings.load import check as check_folder

    result = check_folder(folder)
    if result.mapping_set is None:
        _print_result(Console(stderr=True, highlight=False), folder, result)
        raise typer.Exit(_ERRORS)
    return result.mapping_set


def _order(path: Path) -> OrderFile:
    from connector.mappings import orderfile

    try:
        if str(path) == "-":
            data = typer.get_binary_stream("stdin").read(orderfile.MAX_BYTES + 1)
        else:
            with path.open("rb") as file:
                data = file.read(orderfile.MAX_BYTES + 1)
        if len(data) > orderfile.MAX_BYTES:
            _fail(f"{path} has more than {orderfile.MAX_BYTES} bytes.")
        return orderfile.read(data.decode("utf-8"))
    except OSError as error:
        _fail(f"{path} can't be read: {error.strerror}.")
    except UnicodeDecodeError:
        _fail(f"{path} is not UTF-8 text.")
    except orderfile.OrderFileInvalid as error:
        _fail(f"{path} holds no order:", *(f"  {problem}" for problem in error.problems))


def _moment(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _fail(f"{text!r} is not a time such as 2026-03-31T09:00:00Z.")
    if moment.tzinfo is None:
        _fail(f"{text!r} needs its zone, as in 2026-03-31T09:00:00Z.")
    return moment.astimezone(UTC)


# -- what comes out ---------------------------------------------------------------------------------------


def _print_result(screen: Console, folder: Path, result: CheckResult) -> None:
    from rich.text import Text

    from connector.mappings import report

    for block in report.explained(result.diagnostics, result.files):
        screen.print(block, soft_wrap=True)
    style = "bold red" if result.errors else "bold yellow" if result.warnings else "bold green"
    screen.print(Text(report.summary(result, folder.name), style), soft_wrap=True)


def _fail(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(printable(line), err=True)
    raise typer.Exit(_USAGE)
