"""A whole installation in one process: local org, simulated systems, PostgreSQL, and the real connector."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connector import settings as settings_room
from connector.bootstrap import Connector, open_connector
from connector.demo.catalog import Seeded, seed
from connector.demo.orders import SampleOrder, draft, submit
from connector.demo.systems import Served, serving
from connector.localorg import LocalOrg
from connector.mappings.load import load
from connector.settings import Settings
from connector.store.tracking import Tracking

ROOT = Path(__file__).resolve().parents[2]
METADATA = ROOT / "deploy" / "salesforce" / "force-app" / "main" / "default"
SETS = (ROOT / "mappings" / "infiwave", ROOT / "mappings" / "voltara")
PATIENCE = 60.0
"""Seconds after which a test gives up waiting for something that should have happened."""

T = TypeVar("T")


@dataclass
class Installation:
    """Everything that a test of the whole needs."""

    org: LocalOrg
    systems: dict[str, Served]
    client: httpx.AsyncClient
    """A person signed in to the org."""
    seeded: Seeded
    settings: Settings
    connector: Connector | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Connector]:
        """The connector, at work while the block runs."""
        stop = asyncio.Event()
        async with open_connector(self.settings, [load(folder) for folder in SETS]) as connector:
            findings = await connector.check_org()
            assert [finding for finding in findings if finding.level == "error"] == []
            self.connector = connector
            work = asyncio.create_task(connector.run(stop))
            try:
                await self.tell_systems(connector.api.url)
                yield connector
            finally:
                stop.set()
                await work
                self.connector = None

    async def tell_systems(self, url: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            for system in self.systems.values():
                (await http.post(f"{system['url']}/_sim/connector", json={"url": url})).raise_for_status()

    async def behave(self, system: str, **behaviour: Any) -> None:
        """Make a simulated system behave badly."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            answer = await http.post(f"{self.systems[system]['url']}/_sim/behaviour", json=behaviour)
            assert answer.is_success, answer.text

    async def requests(self, system: str) -> list[dict[str, Any]]:
        """What a simulated system was asked."""
        async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
            answer = await http.get(f"{self.systems[system]['url']}/_sim/requests")
            answer.raise_for_status()
            found = answer.json()
            return list(found["requests"] if isinstance(found, dict) else found)

    async def submit(self, sample: SampleOrder) -> str:
        """Place an order; gives its Id."""
        return await submit(self.client, sample, self.seeded)

    async def draft(self, sample: SampleOrder) -> str:
        """Make an order that is not activated; gives its Id."""
        made, _ = await draft(self.client, sample, self.seeded)
        return made

    @property
    def user(self) -> str:
        """The Id of the person who is signed in."""
        return str(self.row("SELECT Id FROM User WHERE Username = 'ann@test.example'")["Id"])

    def row(self, soql: str) -> dict[str, Any]:
        """The one row of a query."""
        (row,) = self.org.query(soql)
        return row

    def status(self, order: str) -> str:
        """`Order.Fulfillment_Status__c`."""
        value = self.row(f"SELECT Fulfillment_Status__c FROM Order WHERE Id = '{order}'")["Fulfillment_Status__c"]
        return str(value or "")

    def message(self, order: str) -> str:
        """`Order.Fulfillment_Message__c`."""
        value = self.row(f"SELECT Fulfillment_Message__c FROM Order WHERE Id = '{order}'")["Fulfillment_Message__c"]
        return str(value or "")

    def cases(self, order: str) -> list[dict[str, Any]]:
        """The Cases of an order."""
        fields = "Id, Subject, Description, Status, Priority, Error_Code__c, OwnerId, Fulfillment_Resolution__c"
        return self.org.query(f"SELECT {fields} FROM Case WHERE Fulfillment_Order__c = '{order}'")

    def command(self, action: str, order: str, **more: Any) -> str:
        """What an operator asks for by a screen; gives the record's Id."""
        return self.org.create("Fulfillment_Command__c", Action__c=action, Order__c=order, **more)

    async def until(self, what: Callable[[], T], *, named: str = "") -> T:
        """Wait for a condition; gives its value."""

        async def look() -> T:
            return what()

        return await self.until_async(look, named=named)

    async def until_async(self, what: Callable[[], Awaitable[T]], *, named: str = "") -> T:
        """Wait for a condition; gives its value."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not (value := await what()):
                    await asyncio.sleep(0.05)
                return value
        except TimeoutError:
            raise AssertionError(f"this did not happen: {named or what}") from None

    async def until_status(self, order: str, *statuses: str) -> str:
        """Wait until the org shows one of these statuses of the order."""
        try:
            await self.until(lambda: self.status(order) in statuses)
        except AssertionError:
            seen = f"the order is {self.status(order)!r}, not {statuses}: {self.message(order)}"
            raise AssertionError(seen) from None
        return self.status(order)

    async def until_written(self) -> None:
        """Wait until Salesforce is up to date."""
        assert self.connector is not None
        tracking = Tracking(self.connector.database)

        async def nothing_behind() -> bool:
            return await tracking.pending_writes() == 0

        await self.until_async(nothing_behind, named="everything is written to Salesforce")


@asynccontextmanager
async def installed(folder: Path, database_url: str, *, speed: float = 20.0) -> AsyncIterator[Installation]:
    """An installation whose connector does not run yet."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with LocalOrg(metadata=METADATA) as org:
        org.add_user("integration@test.example", "Connector", permission_sets=["Order_Connector_Integration"])
        org.add_user("ann@test.example", "Ann Clerk", administrator=True)
        org.register_app("test-app", public_key=public.decode(), username="integration@test.example")
        headers = {"Authorization": f"Bearer {org.access_token('ann@test.example')}"}
        async with (
            serving(folder / "systems", speed=speed) as systems,
            httpx.AsyncClient(base_url=org.url, headers=headers, trust_env=False, timeout=30) as client,
        ):
            yield Installation(
                org=org,
                systems=systems,
                client=client,
                seeded=await seed(client),
                settings=_settings(database_url, org.url, private, systems),
            )


def _settings(database_url: str, org_url: str, key: str, systems: dict[str, Served]) -> Settings:
    return settings_room.load(
        {
            "database": {"url": database_url},
            "salesforce": {
                "instance_url": org_url,
                "consumer_key": "test-app",
                "username": "integration@test.example",
                "private_key": key,
                "call_seconds": 10,  # a dead worker's records are waited for as long
            },
            "mapping_sets": [str(folder) for folder in SETS],
            "destinations": {system["setting"]: system["url"] for system in systems.values()},
            "credentials": {
                name: {"kind": system["kind"], **system["credentials"]} for name, system in systems.items()
            },
            "inbound_secrets": {name: [system["inbound_secret"]] for name, system in systems.items()},
            "api": {"port": 0},
        },
        environ={},
        env_file=None,
    )
