"""What the tests of the local org share: where the metadata is, a small catalog, keys for signing in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from connector.localorg import LocalOrg

METADATA = Path(__file__).resolve().parents[2] / "deploy" / "salesforce" / "force-app" / "main" / "default"


def api(org: LocalOrg, token: str) -> httpx.Client:
    """An HTTP client of the REST API with this session."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{org.url}/services/data/v66.0/", headers=headers, timeout=10)


def error(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error answer."""
    body = answer.json()
    assert isinstance(body, list)
    return answer.status_code, body[0]["errorCode"], body[0]["message"]


class Catalog:
    """One account and one priced product, and orders of them."""

    def __init__(self, org: LocalOrg) -> None:
        self.org = org
        self.account = org.create("Account", Name="Acme", Type="Customer - Direct")
        self.pricebook = org.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true")[0]["Id"]
        self.product = org.create("Product2", Name="Fiber 500", ProductCode="FIBER-500", IsActive=True)
        self.entry = org.create(
            "PricebookEntry", Pricebook2Id=self.pricebook, Product2Id=self.product, UnitPrice=10, IsActive=True
        )

    def draft(self, lines: int = 1) -> str:
        """A draft order with so many lines."""
        order = self.org.create(
            "Order", AccountId=self.account, EffectiveDate="2026-11-22", Status="Draft", Pricebook2Id=self.pricebook
        )
        for _ in range(lines):
            self.org.create("OrderItem", OrderId=order, PricebookEntryId=self.entry, Quantity=1, UnitPrice=10)
        return order

    def activated(self, lines: int = 1) -> str:
        """An activated order."""
        order = self.draft(lines)
        self.org.update(order, Status="Activated")
        return order


def key_and_certificate() -> tuple[str, str]:
    """A private key and a certificate for it, both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "order-connector")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode()
