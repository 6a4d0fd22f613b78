from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.callouts.signature import SignatureFault, sign, verify

from .building import NOW

THEN = int(NOW.timestamp())
BODY = b'{"event":"shipped"}'


def headers(timestamp: int | str = THEN, signature: str | None = None, secret: str = "s1") -> dict[str, str]:  # noqa: S107 - of a test
    made = sign(secret, THEN, BODY) if signature is None else signature
    return {"x-connector-timestamp": str(timestamp), "x-connector-signature": made}


def test_the_example_of_the_documentation() -> None:
    assert (
        sign("whsec-demo", 1767225600, b'{"event":"shipped","ref":"801xx0000000001AAA-7"}')
        == "v1=ec9855edcf4450ea8618d4432b2cbb311f604e2318467277c4a330b6884b8e23"
    )


@given(st.text(min_size=1), st.binary())
def test_what_is_signed_is_verified(secret: str, body: bytes) -> None:
    given_headers = {"x-connector-timestamp": str(THEN), "x-connector-signature": sign(secret, THEN, body)}
    assert verify([secret], given_headers, body, NOW) is None
    assert verify(["old", secret], given_headers, body, NOW) is None
    assert verify([secret + "x"], given_headers, body, NOW) is SignatureFault.WRONG
    assert verify([secret], given_headers, body + b" ", NOW) is SignatureFault.WRONG


@pytest.mark.parametrize(
    ("given_headers", "fault"),
    [
        ({}, SignatureFault.MISSING),
        ({"x-connector-timestamp": str(THEN)}, SignatureFault.MISSING),
        ({"x-connector-signature": sign("s1", THEN, BODY)}, SignatureFault.MISSING),
        (headers(secret="s2"), SignatureFault.WRONG),
        (headers(THEN + 1), SignatureFault.WRONG),
        (headers(f"{THEN}.0"), SignatureFault.WRONG),
        (headers("١٢٣"), SignatureFault.WRONG),
        (headers("9" * 400), SignatureFault.WRONG),
        (headers(signature=sign("s1", THEN, BODY).removeprefix("v1=")), SignatureFault.WRONG),
        (headers(signature=sign("s1", THEN, BODY).replace("v1=", "v2=")), SignatureFault.WRONG),
        (headers(signature="v1=" + "ü" * 64), SignatureFault.WRONG),
        (headers(signature=f"{sign('s2', THEN, BODY)}, {sign('s1', THEN, BODY)}"), SignatureFault.WRONG),
    ],
)
def test_faults(given_headers: dict[str, str], fault: SignatureFault) -> None:
    assert verify(["s1"], given_headers, BODY, NOW) is fault


def test_an_empty_secret_signs_nothing() -> None:
    assert verify([""], headers(secret=""), BODY, NOW) is SignatureFault.WRONG
    assert verify([], headers(), BODY, NOW) is SignatureFault.WRONG


def test_the_case_of_the_digits_does_not_matter() -> None:
    assert verify(["s1"], headers(signature="v1=" + sign("s1", THEN, BODY)[3:].upper()), BODY, NOW) is None


@pytest.mark.parametrize(
    ("minutes", "fault"), [(-5, None), (5, None), (-5.1, SignatureFault.OUT_OF_TIME), (5.1, SignatureFault.OUT_OF_TIME)]
)
def test_the_window(minutes: float, fault: SignatureFault | None) -> None:
    assert verify(["s1"], headers(), BODY, NOW + timedelta(minutes=minutes)) is fault
