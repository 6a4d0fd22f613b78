"""A whole installation on this machine, each part a process of its own: PostgreSQL, org, stub system, connectors."""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.machine import cpu_seconds, resident
from bench.orders import SET_FOLDER
from connector.demo.org import API, create, query
from connector.demo.processes import Child
from connector.localdb import LocalDatabase
from connector.store.database import Database

METADATA = Path(__file__).resolve().parents[1] / "deploy" / "salesforce" / "force-app" / "main" / "default"
CALLS_A_DAY = 1_000_000_000
"""The org's daily allowance: the pace that a small one imposes is not what is measured."""

MOST_ROWS = 200
"""Records in one call."""


@dataclass(kw_only=True)
class Site:
    """An installation at work."""

    server: LocalDatabase
    database: Database
    org: Child
    stub: Child
    connectors: Sequence[Child]
    http: httpx.AsyncClient
    """A person signed in to the org."""
    admin: httpx.AsyncClient
    """The org's back door."""
    price: str
    book: str
    account: str
    _batches: int = field(default=0)

    def pids(self) -> dict[str, int]:
        """The processes by what they are."""
        found = {"PostgreSQL": self.server.pid, "local org": self.org.pid or 0, "stub system": self.stub.pid or 0}
        return found | {f"connector {no}": child.pid or 0 for no, child in enumerate(self.connectors, 1)}

    def processor_seconds(self) -> dict[str, float]:
        """Processor time of each process so far."""
        return {name: cpu_seconds(pid) for name, pid in self.pids().items()}

    def memory(self) -> list[float]:
        """Resident memory of the connectors in MiB."""
        return [resident(child.pid or 0) for child in self.connectors]

    async def statistics(self) -> dict[str, Any]:
        """What the org counted."""
        found: dict[str, Any] = (await self.admin.get("/localorg/stats")).raise_for_status().json()
        return found

    async def drafts(self, count: int, *, priority: str = "Default") -> list[str]:
        """Create so many orders with a line each, not activated; gives their Ids."""
        made: list[str] = []
        for start in range(0, count, MOST_ROWS):
            rows = [self._order(no, priority) for no in range(start, min(count, start + MOST_ROWS))]
            orders = await self._save("POST", rows)
            await self._save("POST", [self._line(order) for order in orders])
            made += orders
        return made

    async def activate(self, orders: Sequence[str]) -> None:
        """Activate orders, up to 200 in a call: what makes the org tell the connector."""
        for start in range(0, len(orders), MOST_ROWS):
            rows = [
                {"attributes": {"type": "Order"}, "id": order, "Status": "Activated"}
                for order in orders[start : start + MOST_ROWS]
            ]
            await self._save("PATCH", rows)

    async def completed(self) -> list[tuple[str, datetime]]:
        """Orders that the org shows as completed, and when that was written."""
        soql = "SELECT Id, SystemModstamp FROM Order WHERE Fulfillment_Status__c = 'Completed'"
        rows = await query(self.http, soql)
        return [(row["Id"], datetime.fromisoformat(row["SystemModstamp"]).astimezone(UTC)) for row in rows]

    async def completed_count(self) -> int:
        """How many orders the org shows as completed."""
        soql = "SELECT COUNT() FROM Order WHERE Fulfillment_Status__c = 'Completed'"
        answer = (await self.http.get(f"{API}/query", params={"q": soql})).raise_for_status().json()
        return int(answer["totalSize"])

    async def scalar(self, sql: str) -> Any:
        """One value from the connector's database."""
        async with self.database.connection() as connection:
            return await connection.fetchval(sql)

    def check(self) -> None:
        """See that every process still runs."""
        for child in (self.org, self.stub, *self.connectors):
            child.check()

    def _order(self, no: int, priority: str) -> dict[str, Any]:
        return {
            "attributes": {"type": "Order"},
            "Name": f"Benchmark {no}",
            "AccountId": self.account,
            "Pricebook2Id": self.book,
            "EffectiveDate": datetime.now(UTC).date().isoformat(),
            "Status": "Draft",
            "Fulfillment_Priority__c": priority,
        }

    def _line(self, order: str) -> dict[str, Any]:
        attributes = {"tier": "SML"[hash(order) % 3], "number": f"+49{order[-9:]}"}
        return {
            "attributes": {"type": "OrderItem"},
            "OrderId": order,
            "PricebookEntryId": self.price,
            "Quantity": 1,
            "UnitPrice": 1,
            "Action__c": "Add",
            "Attributes__c": json.dumps(attributes),
        }

    async def _save(self, method: str, rows: list[dict[str, Any]]) -> list[str]:
        answer = await self.http.request(
            method, f"{API}/composite/sobjects", json={"allOrNone": True, "records": rows}, timeout=120
        )
        answer.raise_for_status()
        results = answer.json()
        if not all(row["success"] for row in results):
            raise AssertionError(results[0])
        return [row["id"] for row in results]


@asynccontextmanager
async def site(server: LocalDatabase, url: str, *, connectors: int = 1) -> AsyncIterator[Site]:
    """An installation on the database at `url` while the block runs."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        org = Child(
            "org",
            ["connector.localorg", "--metadata", str(METADATA), "--daily-api-requests", str(CALLS_A_DAY)],
            folder,
            {},
        )
        stub = Child("stub", ["bench.stub"], folder, {})
        stack.push_async_callback(org.stop)
        stack.push_async_callback(stub.stop)
        told, served = await asyncio.gather(org.start(), stub.start())
        private, public = _key_pair(folder)
        admin = await stack.enter_async_context(_client(told["url"], told["admin_token"]))
        token = await _admit(admin, public)
        http = await stack.enter_async_context(_client(told["url"], token))
        book, price, account = await _catalogue(http)
        settings = _settings(url, told["url"], private, served["url"])
        running = [Child(f"connector{no}", ["connector", "run"], folder, settings) for no in range(connectors)]
        for child in running:
            stack.push_async_callback(child.stop)
            await child.start()
        database = await stack.enter_async_context(await Database.connect(url, size=2))
        yield Site(
            server=server,
            database=database,
            org=org,
            stub=stub,
            connectors=running,
            http=http,
            admin=admin,
            price=price,
            book=book,
            account=account,
        )


def _client(url: str, token: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60)


def _key_pair(folder: Path) -> tuple[Path, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = folder / "key.pem"
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return file, public.decode()


async def _admit(admin: httpx.AsyncClient, public_key: str) -> str:
    """Users, permission set and app of the org; gives a person's session."""
    machine, person = "integration@bench.example", "person@bench.example"
    for resource, body in (
        ("users", {"username": machine, "name": "Connector", "permission_sets": ["Order_Connector_Integration"]}),
        ("users", {"username": person, "name": "Person", "administrator": True}),
        ("apps", {"consumer_key": "bench", "public_key": public_key, "username": machine}),
    ):
        (await admin.post(f"/localorg/{resource}", json=body)).raise_for_status()
    answer = (await admin.post("/localorg/sessions", json={"username": person})).raise_for_status()
    return str(answer.json()["access_token"])


async def _catalogue(http: httpx.AsyncClient) -> tuple[str, str, str]:
    """Price book, price of the product, and an account."""
    (book,) = await query(http, "SELECT Id FROM Pricebook2 WHERE IsStandard = true")
    product = await create(http, "Product2", {"Name": "Ten steps", "ProductCode": "TEN", "IsActive": True})
    price = await create(
        http,
        "PricebookEntry",
        {"Pricebook2Id": book["Id"], "Product2Id": product, "UnitPrice": 1, "IsActive": True},
    )
    account = await create(http, "Account", {"Name": "Bench", "Type": "Customer - Direct"})
    return str(book["Id"]), price, account


def _settings(database: str, org: str, key: Path, stub: str) -> Mapping[str, str]:
    return {
        "CONNECTOR_DATABASE__URL": database,
        "CONNECTOR_SALESFORCE__INSTANCE_URL": org,
        "CONNECTOR_SALESFORCE__CONSUMER_KEY": "bench",
        "CONNECTOR_SALESFORCE__USERNAME": "integration@bench.example",
        "CONNECTOR_SALESFORCE__PRIVATE_KEY_FILE": str(key),
        "CONNECTOR_MAPPING_SETS": str(SET_FOLDER),
        "CONNECTOR_DESTINATIONS__STUB_URL": stub,
        "CONNECTOR_INBOUND_SECRETS__STUB": secrets.token_urlsafe(32),
        "CONNECTOR_API__PORT": "0",
        "CONNECTOR_LOG__FORMAT": "json",
    }
