"""`connector run`: work for a Salesforce org until told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connector import __version__
from connector.errors import ConnectorError, UsageError

if TYPE_CHECKING:
    from connector.bootstrap import Connector
    from connector.mappings.set import MappingSet
    from connector.settings import Settings

NOT_READY = 2
"""Exit code when something has to be mended before a start can succeed."""


def run(
    *,
    check: Annotated[bool, typer.Option("--check", help="Check settings, mapping sets and the org, and end.")] = False,
    ready_file: Annotated[
        Path | None,
        typer.Option(help="Write a JSON object (pid, api_url, worker) to this file when the work begins."),
    ] = None,
) -> None:
    """Work for a Salesforce org: take its orders, fulfill them, write status back.

    Settings come from the environment, .env and secret files: see `connector settings`. On SIGTERM, on Ctrl-C
    or when `connector drain` asks for it, it takes nothing new, lets what is under way end, leaves the rest to
    other workers and ends; a second signal ends it at once. Exit codes: 0 stopped when asked to, 1 a failure
    that a restart may cure, 2 something has to be mended first.
    """
    from connector import log, settings

    try:
        configured = settings.load()
        log.configure(configured)
        sets = _load_sets(configured)
        _refuse_incomplete(configured, sets)
        code = asyncio.run(_run(configured, sets, check=check, ready_file=ready_file))
    except ConnectorError as error:
        typer.echo(f"connector run: {error}", err=True)
        code = NOT_READY if isinstance(error, UsageError) else 1
    raise typer.Exit(code)


def _load_sets(configured: Settings) -> list[MappingSet]:
    from connector.mappings.load import load

    return [load(folder) for folder in configured.mapping_sets if folder.is_dir()]


def _refuse_incomplete(configured: Settings, sets: Sequence[MappingSet]) -> None:
    from connector import settings

    for warning in settings.warnings(configured):
        typer.echo(f"warning: {warning}", err=True)
    missing = settings.missing(configured, sets)
    if missing:
        typer.echo("connector run can't start; what is missing:", err=True)
        for need in missing:
            typer.echo(f"  {need}", err=True)
        typer.echo("`connector settings` shows every setting and where it came from.", err=True)
        raise typer.Exit(NOT_READY)


async def _run(configured: Settings, sets: Sequence[MappingSet], *, check: bool, ready_file: Path | None) -> int:
    from connector.bootstrap import open_connector
    from connector.garbage import collect_gently
    from connector.sf.check import NOT_CHECKED

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    received: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _end, number, received, stop)
    async with open_connector(configured, sets) as connector:
        findings = await connector.check_org()
        for finding in findings:
            typer.echo(str(finding), err=True)
        if any(finding.level == "error" for finding in findings):
            typer.echo("connector run can't work with this org until the errors above are mended.", err=True)
            return NOT_READY
        if check:
            is_checked = all(finding.code != NOT_CHECKED for finding in findings)
            typer.echo("Everything is in place." if is_checked else "The org could not be checked.", err=not is_checked)
            return 0 if is_checked else 1
        _tell_ready(connector, ready_file)
        collect_gently()
        await connector.run(stop)
    return 0


def _end(number: int, received: list[int], stop: asyncio.Event) -> None:
    """The first signal asks for an orderly end. The second ends at once, as if the process had been killed: that loses
    nothing, but others have to notice it.
    """
    if received:
        os._exit(128 + number)
    received.append(number)
    stop.set()


def _tell_ready(connector: Connector, ready_file: Path | None) -> None:
    import structlog

    sets = [f"{mappings.name} {mappings.version} ({mappings.hash})" for mappings in connector.sets.current()]
    structlog.get_logger().info(
        "started", version=__version__, worker=connector.worker_id, api=connector.api.url, sets=sets
    )
    if ready_file is not None:
        told = {"pid": os.getpid(), "api_url": connector.api.url, "worker": connector.worker_id}
        partial = ready_file.with_suffix(".partial")
        partial.write_text(json.dumps(told))
        partial.replace(ready_file)
