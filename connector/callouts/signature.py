"""Who sent a message: HMAC-SHA256 over the time and the raw body, with a secret that both sides know.

X-Connector-Timestamp: 1767225600
X-Connector-Signature: v1=<hex of HMAC-SHA256(secret, timestamp + "." + body)>
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

TIMESTAMP_HEADER = "x-connector-timestamp"
SIGNATURE_HEADER = "x-connector-signature"

WINDOW = timedelta(minutes=5)
"""How far a message's time may be from ours, either way."""

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v1=([0-9a-f]{64})", re.IGNORECASE)


class SignatureFault(StrEnum):
    """What is wrong with a signature."""

    MISSING = "SIGNATURE_MISSING"
    WRONG = "SIGNATURE_WRONG"
    OUT_OF_TIME = "TIMESTAMP_OUTSIDE_WINDOW"


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """The value of the signature header: what a sender computes."""
    return f"v1={_digest(secret, str(timestamp), body)}"


def verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: datetime) -> SignatureFault | None:
    """None: one of the secrets signed the body, recently. `headers` have lower-case names.

    The time is looked at last, so that only a sender who knows the secret learns about its clock.
    """
    timestamp = headers.get(TIMESTAMP_HEADER, "").strip()
    given = headers.get(SIGNATURE_HEADER, "").strip()
    if not timestamp or not given:
        return SignatureFault.MISSING
    signature = _SIGNATURE.fullmatch(given)
    if signature is None or not _TIMESTAMP.fullmatch(timestamp):
        return SignatureFault.WRONG
    # Every secret is tried, so that the time taken doesn't tell which one matched.
    matches = [
        hmac.compare_digest(_digest(secret, timestamp, body), signature[1].lower()) for secret in secrets if secret
    ]
    if not any(matches):
        return SignatureFault.WRONG
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        return SignatureFault.OUT_OF_TIME
    return None


def _digest(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()
