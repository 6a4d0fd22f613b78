"""`connector run` as a process: what it refuses, how it stops, and what a kill leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from connector.demo.orders import MOBILE
from connector.demo.outcome import differences, standing
from connector.demo.systems import environment
from connector.localorg import Fault
from tests.e2e.installation import SETS, Installation

PATIENCE = 60.0


def variables(installation: Installation, folder: Path) -> dict[str, str]:
    """The installation's settings as an operator would give them to a process."""
    settings = installation.settings
    key = folder / "key.pem"
    private, url = settings.salesforce.private_key, settings.database.url
    assert isinstance(private, SecretStr)
    assert isinstance(url, SecretStr)
    key.touch(mode=0o600)
    key.write_text(private.get_secret_value())
    return {
        "CONNECTOR_DATABASE__URL": url.get_secret_value(),
        "CONNECTOR_SALESFORCE__INSTANCE_URL": installation.org.url,
        "CONNECTOR_SALESFORCE__CONSUMER_KEY": "test-app",
        "CONNECTOR_SALESFORCE__USERNAME": "integration@test.example",
        "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE": str(key),
        "CONNECTOR_MAPPING_SETS": ",".join(str(one) for one in SETS),
        "CONNECTOR_SALESFORCE__CALL_SECONDS": "10",
        "CONNECTOR_API__PORT": "0",
        "CONNECTOR_LOG__FORMAT": "json",
        **environment(installation.systems),
    }


async def connector(folder: Path, given: dict[str, str], *options: str) -> asyncio.subprocess.Process:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "connector",
        "run",
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={**plain, **given},
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def test_without_settings_it_says_what_is_missing_and_does_not_start(tmp_path: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CONNECTOR_")}
    done = subprocess.run(
        [sys.executable, "-m", "connector", "run"],
        cwd=tmp_path,
        env={**plain, "CONNECTOR_SALESFORCE__USERNAM": "x"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert "CONNECTOR_DATABASE__URL" in done.stderr
    assert "CONNECTOR_SALESFORCE__INSTANCE_URL" in done.stderr
    assert "did you mean CONNECTOR_SALESFORCE__USERNAME?" in done.stderr
    assert "Traceback" not in done.stderr


async def test_check_tells_that_everything_is_in_place_or_what_is_not(
    installation: Installation, tmp_path: Path
) -> None:
    given = variables(installation, tmp_path)
    code, out, err = await ended(await connector(tmp_path, given, "--check"))
    assert (code, out.strip()) == (0, "Everything is in place."), err

    stranger = {**given, "CONNECTOR_SALESFORCE__CONSUMER_KEY": "nobody"}
    code, out, err = await ended(await connector(tmp_path, stranger, "--check"))
    assert code == 2
    assert "error:" in err
    assert "Traceback" not in err


async def test_a_broken_mapping_set_is_told_with_file_line_and_what_to_do(
    installation: Installation, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(next(folder for folder in SETS if folder.name == "infiwave"), broken)
    rules = broken / "plans" / "mobile.yaml"
    rules.write_text(
        rules.read_text().replace('when: line.attributes.simType == "physical"', "when: line.attributes. ==")
    )
    given = {**variables(installation, tmp_path), "CONNECTOR_MAPPING_SETS": str(broken)}
    code, _, err = await ended(await connector(tmp_path, given))
    assert code == 2
    assert "plans/mobile.yaml:" in err
    assert f"connector mappings check {broken}" in err
    assert "Traceback" not in err


async def test_a_database_that_is_away_is_told_in_one_line(installation: Installation, tmp_path: Path) -> None:
    given = {**variables(installation, tmp_path), "CONNECTOR_DATABASE__URL": "postgresql://me:s3cret-pw@127.0.0.1:1/x"}
    code, _, err = await ended(await connector(tmp_path, given))
    assert code == 1
    assert "PostgreSQL can't be reached" in err
    assert "s3cret-pw" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_in_order_when_asked_to(
    installation: Installation, tmp_path: Path, number: signal.Signals
) -> None:
    ready = tmp_path / "ready"
    process = await connector(tmp_path, variables(installation, tmp_path), "--ready-file", str(ready))
    await installation.until(ready.exists, named="the connector is ready")
    process.send_signal(number)
    code, _, err = await ended(process)
    assert code == 0, err
    assert '"event": "stopped"' in err
    assert "Traceback" not in err


async def test_a_worker_killed_in_the_middle_of_an_order_loses_nothing(
    installation: Installation, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    process = await connector(tmp_path, variables(installation, tmp_path), "--ready-file", str(ready))
    await installation.until(ready.exists, named="the connector is ready")
    order = await installation.submit(MOBILE)
    await installation.until_async(lambda: installation.requests("warehouse"), named="the warehouse is asked")
    process.kill()
    await process.communicate()
    async with installation.running():
        await installation.until_status(order, "Completed")
        await installation.until_written()
    assert differences(MOBILE.expected, await standing(installation.client, order)) == []
    keys = [request["key"] for request in await installation.requests("warehouse") if request["method"] == "POST"]
    assert len(set(keys)) == 2, "two parcels, however often they were asked for"


async def test_while_salesforce_is_away_only_an_installation_that_knows_its_org_starts(
    installation: Installation, tmp_path: Path
) -> None:
    given, ready = variables(installation, tmp_path), tmp_path / "ready"
    installation.org.fault(Fault.UNAVAILABLE, 100_000)
    code, _, err = await ended(await connector(tmp_path, given))
    assert code == 1
    assert "503" in err
    assert "Traceback" not in err
    installation.org.clear_faults()
    async with installation.running():
        await installation.until_status(await installation.submit(MOBILE), "Completed")

    installation.org.fault(Fault.UNAVAILABLE, 100_000)
    code, out, err = await ended(await connector(tmp_path, given, "--check"))
    assert (code, out) == (1, ""), err
    assert "The org could not be checked." in err
    process = await connector(tmp_path, given, "--ready-file", str(ready))
    await installation.until(ready.exists, named="the connector is ready")
    installation.org.clear_faults()
    await installation.tell_systems(json.loads(ready.read_text())["api_url"])
    await installation.until_status(await installation.submit(MOBILE), "Completed")
    process.send_signal(signal.SIGTERM)
    code, _, err = await ended(process)
    assert code == 0, err
    assert "Whether the org is ready is not known." in err
