"""The demo's stage: database, local org, fulfillment systems and connector, each a process of its own."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.demo.processes import Child, stop_all
from connector.demo.systems import Served, environment
from connector.errors import SettingsError
from connector.localdb import LocalDatabase

ROOT = Path(__file__).resolve().parents[2]
METADATA = ROOT / "deploy" / "salesforce" / "force-app" / "main" / "default"
SETS = (ROOT / "mappings" / "infiwave", ROOT / "mappings" / "voltara")

PRIVATE = "private"
"""Folder, below the demo's own, of all that others must not read: keys, tokens, logs."""

CONSUMER_KEY = "order-connector-demo"
INTEGRATION_USER = "integration@infiwave.example"
PERSON = "sam@infiwave.example"


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything that runs, and how to reach it."""

    org_url: str
    org_token: str
    """The session of the person who places orders and does tasks."""
    org_admin_token: str
    systems: dict[str, Served]
    connector: Child
    others: tuple[Child, ...]
    """The org, and the process of the systems."""

    def check(self) -> None:
        """See that everything still runs.

        Raises:
            ChildFailed: a process has ended.
        """
        for child in (self.connector, *self.others):
            child.check()

    async def restart_connector(self) -> None:
        """Start the connector again after it was killed; systems learn its new address."""
        await _start_connector(self.connector, self.systems)

    async def statistics(self) -> dict[str, Any]:
        """What the local org has counted."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            headers = {"Authorization": f"Bearer {self.org_admin_token}"}
            answer = await http.get(f"{self.org_url}/localorg/stats", headers=headers)
            answer.raise_for_status()
            statistics: dict[str, Any] = answer.json()
            return statistics


def prepare(data: Path, *, fresh: bool) -> Path:
    """Make the folder of everything that the demo keeps, empty if it is to start afresh.

    Gives the folder for the database; all else is kept beside it, where only its owner may look. What
    the org and the systems remember is worth nothing without the database, and goes when that is not there.

    Raises:
        SettingsError: the folder can't be made, or holds something that no demo made; or the checkout is not complete.
    """
    if not METADATA.is_dir() or not all(folder.is_dir() for folder in SETS):
        raise SettingsError(
            "The demo needs the folders deploy/ and mappings/ of the checkout.",
            hint="Run it from a clone of the repository.",
        )
    mark, database = data / ".order-connector-demo", data / "postgres"
    try:
        _make(data, mark, anew=fresh or not (database / "PG_VERSION").exists())
    except OSError as error:
        raise SettingsError(
            f"The folder {data} can't be used: {error.strerror or error}.", hint="Choose another one with --data."
        ) from None
    return database


def _make(data: Path, mark: Path, *, anew: bool) -> None:
    if data.exists() and any(data.iterdir()) and not mark.exists():
        raise SettingsError(f"{data} is not a folder of the demo.", hint="Choose an empty or new one with --data.")
    if data.exists() and anew:
        shutil.rmtree(data)
    data.mkdir(parents=True, exist_ok=True)
    (data / PRIVATE).mkdir(exist_ok=True, mode=0o700)
    mark.touch()


@asynccontextmanager
async def set_up(data: Path, database: LocalDatabase, *, speed: float) -> AsyncIterator[Stage]:
    """Start everything but the database, and stop it at the end of the block.

    Raises:
        ChildFailed: a process did not start.
    """
    data = data / PRIVATE
    org = Child("org", ["connector.localorg", "--data", str(data / "org"), "--metadata", str(METADATA)], data, {})
    systems = Child(
        "systems", ["connector.demo.systems", "--data", str(data / "systems"), "--speed", str(speed)], data, {}
    )
    connector: Child | None = None
    try:
        told, served = await asyncio.gather(org.start(), systems.start())
        private, public = _key(data / "connector.pem")
        token = await _admit(told["url"], told["admin_token"], public)
        settings = _settings(database, told["url"], private, served)
        connector = Child("connector", ["connector", "run"], data, settings)
        await _start_connector(connector, served)
        yield Stage(
            org_url=told["url"],
            org_token=token,
            org_admin_token=told["admin_token"],
            systems=served,
            connector=connector,
            others=(org, systems),
        )
    finally:
        await stop_all([child for child in (connector, systems, org) if child is not None])


async def _start_connector(connector: Child, systems: dict[str, Served]) -> None:
    told = await connector.start()
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        for system in systems.values():
            answer = await http.post(f"{system['url']}/_sim/connector", json={"url": told["api_url"]})
            answer.raise_for_status()


def _key(file: Path) -> tuple[Path, str]:
    """The connector's private key, made once, and its public half as PEM."""
    if file.exists():
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        file.touch(mode=0o600)
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return file, public.decode()


async def _admit(url: str, admin_token: str, public_key: str) -> str:
    """What an admin does once in Setup: users, permission sets, the External Client App. Gives a person's session."""
    async with httpx.AsyncClient(
        base_url=url, headers={"Authorization": f"Bearer {admin_token}"}, trust_env=False, timeout=10
    ) as http:
        integration = {
            "username": INTEGRATION_USER,
            "name": "Order Connector",
            "permission_sets": ["Order_Connector_Integration"],
        }
        person = {"username": PERSON, "name": "Sam Carter", "administrator": True}
        app = {"consumer_key": CONSUMER_KEY, "public_key": public_key, "username": INTEGRATION_USER}
        for resource, body in (("users", integration), ("users", person), ("apps", app)):
            (await http.post(f"/localorg/{resource}", json=body)).raise_for_status()
        answer = await http.post("/localorg/sessions", json={"username": PERSON})
        answer.raise_for_status()
        return str(answer.json()["access_token"])


def _settings(database: LocalDatabase, org_url: str, key: Path, systems: dict[str, Served]) -> dict[str, str]:
    """The connector's settings, as an operator would give them: variables of its environment."""
    return {
        "CONNECTOR_DATABASE__URL": database.url(),
        "CONNECTOR_SALESFORCE__INSTANCE_URL": org_url,
        "CONNECTOR_SALESFORCE__CONSUMER_KEY": CONSUMER_KEY,
        "CONNECTOR_SALESFORCE__USERNAME": INTEGRATION_USER,
        "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE": str(key),
        "CONNECTOR_MAPPING_SETS": ",".join(str(folder) for folder in SETS),
        # The org is on this machine: what a killed connector was writing need not wait long for the next one.
        "CONNECTOR_SALESFORCE__CALL_SECONDS": "5",
        "CONNECTOR_API__PORT": "0",
        "CONNECTOR_API__TOKEN": secrets.token_urlsafe(24),
        "CONNECTOR_LOG__FORMAT": "json",
        **environment(systems),
    }
