"""The org as a process of its own, and its back door."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import httpx
import pytest

from connector.localorg import LocalOrg
from tests.localorg.world import METADATA, key_and_certificate


async def started(*arguments: str | Path) -> Process:
    command = (sys.executable, "-m", "connector.localorg", *map(str, arguments))
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)


async def ready(process: Process) -> dict[str, Any]:
    """What the process says when it answers."""
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    said: dict[str, Any] = json.loads(line)
    return said


async def test_it_serves_until_sigterm_and_keeps_what_it_had(data: Path) -> None:
    arguments = ("--data", data, "--metadata", METADATA)
    for turn in (1, 2):
        process = await started(*arguments)
        said = await ready(process)
        assert said["pid"] == process.pid
        async with httpx.AsyncClient(base_url=said["url"]) as client:
            door = {"Authorization": f"Bearer {said['admin_token']}"}
            session = await client.post("/localorg/sessions", json={"username": "admin@localorg.example"}, headers=door)
            headers = {"Authorization": f"Bearer {session.json()['access_token']}"}
            made = await client.post("/services/data/v66.0/sobjects/Account", json={"Name": "Acme"}, headers=headers)
            assert made.status_code == 201
            stats = (await client.get("/localorg/stats", headers=door)).json()
            assert stats["records"]["Account"] == turn
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_the_ready_file_appears_whole(tmp_path: Path) -> None:
    file = tmp_path / "ready.json"
    process = await started("--metadata", METADATA, "--ready-file", file)
    while not file.exists():
        assert process.returncode is None
        await asyncio.sleep(0.02)
    said = json.loads(file.read_text())
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{said['url']}/services/data")).status_code == 200
    assert said.keys() == {"url", "admin_token", "pid"}
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_metadata_that_is_not_there_is_told(tmp_path: Path) -> None:
    process = await started("--metadata", tmp_path / "nowhere")
    _, said = await process.communicate()
    assert process.returncode == 1
    assert b"nowhere is not a folder" in said


# -- the back door --------------------------------------------------------------------------------------------


@pytest.fixture
def door(org: LocalOrg) -> httpx.Client:
    return httpx.Client(base_url=f"{org.url}/localorg/", headers={"Authorization": f"Bearer {org.admin_token}"})


def test_only_with_the_admin_token(org: LocalOrg) -> None:
    session = org.access_token("admin@localorg.example")
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {session}"}):
        assert httpx.get(f"{org.url}/localorg/stats", headers=headers).status_code == 401


def test_users_apps_and_sessions(org: LocalOrg, door: httpx.Client) -> None:
    user = {"username": "op@localorg.example", "name": "Olga Op", "permission_sets": ["Fulfillment_Operator"]}
    with door:
        assert door.post("users", json=user).json()["username"] == "op@localorg.example"
        session = door.post("sessions", json={"username": "op@localorg.example"}).json()
        assert session["instance_url"] == org.url
        app = {"consumer_key": "k", "public_key": key_and_certificate()[1]}
        assert door.post("apps", json=app).status_code == 200
        info = httpx.get(
            f"{org.url}/services/oauth2/userinfo", headers={"Authorization": f"Bearer {session['access_token']}"}
        )
        assert info.json()["name"] == "Olga Op"
        assert door.delete("sessions").json() == {"revoked": 1}


def test_faults_and_limits(org: LocalOrg, door: httpx.Client, admin: httpx.Client) -> None:
    with door:
        listed = door.post("faults", json={"kind": "row_lock", "count": 3, "object": "Order"}).json()
        assert [(each["kind"], each["count"], each["object"]) for each in listed] == [("row_lock", 3, "Order")]
        assert door.delete("faults").json() == []
        assert door.get("faults").json() == []
        assert door.post("limits", json={"maximum": 50, "used": 49}).json()["DailyApiRequests"] == {
            "Max": 50,
            "Remaining": 1,
        }
    assert admin.get("limits").status_code == 200
    assert admin.get("limits").status_code == 403


@pytest.mark.parametrize(
    ("method", "resource", "content", "status"),
    [
        ("GET", "nothing", b"", 404),
        ("POST", "stats", b"", 404),
        ("POST", "faults", b"{", 400),
        ("POST", "faults", b'{"kind": "flood"}', 400),
        ("POST", "faults", b'{"kind": "slow", "hours": 1}', 400),
        ("POST", "users", b"{}", 400),
        ("POST", "users", b'{"username": "u", "permission_sets": ["Nope"]}', 400),
        ("POST", "sessions", b'{"username": "nobody"}', 400),
        ("POST", "apps", b'{"consumer_key": "k", "public_key": "-----BEGIN CERTIFICATE-----"}', 400),
    ],
)
def test_what_the_back_door_refuses(
    door: httpx.Client, method: str, resource: str, content: bytes, status: int
) -> None:
    with door:
        answer = door.request(method, resource, content=content)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_other_paths_are_not_there(org: LocalOrg) -> None:
    assert httpx.get(f"{org.url}/lightning").status_code == 404
    assert httpx.head(f"{org.url}/services/data").status_code == 200
