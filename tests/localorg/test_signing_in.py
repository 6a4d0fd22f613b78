"""The token endpoint, sessions and identity."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from connector.localorg import LocalOrg
from tests.localorg.world import METADATA, key_and_certificate

USER = "connector@localorg.example"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def org(clock: Clock) -> Iterator[LocalOrg]:
    with LocalOrg(metadata=METADATA, clock=clock) as org:
        org.add_user(USER, "Order Connector", permission_sets=["Order_Connector_Integration"])
        yield org


@pytest.fixture(scope="module")
def keys() -> tuple[str, str]:
    return key_and_certificate()


@pytest.fixture
def app(org: LocalOrg, keys: tuple[str, str]) -> str:
    """A registered app with a certificate; its private key."""
    org.register_app("the-key", public_key=keys[1])
    return keys[0]


def claims(org: LocalOrg, clock: Clock, **changes: Any) -> dict[str, Any]:
    good = {"iss": "the-key", "sub": USER, "aud": org.url, "exp": int(clock().timestamp()) + 180}
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed_in(org: LocalOrg, private: str, content: dict[str, Any], algorithm: str = "RS256") -> httpx.Response:
    # Signed as bytes: a library that builds the token for us would not let us write nonsense.
    assertion = jwt.api_jws.encode(json.dumps(content).encode(), private, algorithm=algorithm)
    return httpx.post(f"{org.url}/services/oauth2/token", data={"grant_type": GRANT, "assertion": assertion})


def test_a_token_opens_the_org(org: LocalOrg, clock: Clock, app: str) -> None:
    answer = signed_in(org, app, claims(org, clock))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["token_type"], body["instance_url"], body["scope"]) == ("Bearer", org.url, "api")
    assert body["access_token"].startswith(f"{org.org.org_id[:15]}!AQ")
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    identity = httpx.get(body["id"], headers=headers).json()
    info = httpx.get(f"{org.url}/services/oauth2/userinfo", headers=headers).json()
    assert identity["username"] == info["preferred_username"] == USER
    assert info["organization_id"] == org.org.org_id
    assert info["name"] == "Order Connector"


@pytest.mark.parametrize("form", ["number", "text", "milliseconds"])
def test_the_expiry_in_every_form_that_clients_write(org: LocalOrg, clock: Clock, app: str, form: str) -> None:
    seconds = int(clock().timestamp()) + 180
    written = {"number": seconds, "text": str(seconds), "milliseconds": seconds * 1000}[form]
    assert signed_in(org, app, claims(org, clock, exp=written)).status_code == 200


@pytest.mark.parametrize(
    "audience",
    [
        "https://login.salesforce.com",
        "https://test.salesforce.com/",
        "https://localorg.my.salesforce.com",
        ["https://localorg.my.salesforce.com/services/oauth2/token"],
    ],
)
def test_audiences(org: LocalOrg, clock: Clock, app: str, audience: object) -> None:
    assert signed_in(org, app, claims(org, clock, aud=audience)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iss": "another"}, "invalid_client_id: client identifier invalid"),
        ({"iss": "of-no-certificate"}, "invalid_client: the app has no certificate"),
        ({"sub": "nobody@localorg.example"}, "invalid_grant: user hasn't approved this consumer"),
        ({"aud": "https://elsewhere.example"}, "invalid_grant: audience is invalid"),
        ({"exp": 1}, "invalid_grant: assertion is expired"),
        ({"exp": "soon"}, "invalid_grant: expiration is invalid"),
        ({"exp": None}, "invalid_grant: expiration is invalid"),
        ({"exp": 90_000_000_000}, "invalid_grant: expiration is invalid"),
    ],
)
def test_claims_that_are_refused(org: LocalOrg, clock: Clock, app: str, changes: dict[str, Any], refusal: str) -> None:
    org.register_app("of-no-certificate", consumer_secret="s", username=USER)
    answer = signed_in(org, app, claims(org, clock, **changes))
    assert answer.status_code == 400
    assert f"{answer.json()['error']}: {answer.json()['error_description']}" == refusal


def test_a_signature_by_somebody_else_is_refused(org: LocalOrg, clock: Clock, app: str) -> None:
    assert app
    other, _ = key_and_certificate()
    assert signed_in(org, other, claims(org, clock)).json()["error_description"] == "invalid assertion"
    symmetric = signed_in(org, "guessed-secret-of-some-length-00", claims(org, clock), "HS256")
    assert symmetric.json()["error_description"] == "invalid assertion"


def test_what_is_no_assertion(org: LocalOrg) -> None:
    url = f"{org.url}/services/oauth2/token"
    assert httpx.post(url, data={"grant_type": GRANT, "assertion": "x"}).json()["error"] == "invalid_grant"
    assert httpx.post(url, data={"grant_type": "password"}).json() == {
        "error": "unsupported_grant_type",
        "error_description": "grant type not supported",
    }


def test_client_credentials_in_the_header_and_in_the_form(org: LocalOrg) -> None:
    org.register_app("the+key", consumer_secret="the:secret", username=USER)
    url = f"{org.url}/services/oauth2/token"
    grant = {"grant_type": "client_credentials"}
    encoded = base64.b64encode(b"the%2Bkey:the:secret").decode()
    assert httpx.post(url, data=grant, headers={"Authorization": f"Basic {encoded}"}).status_code == 200
    assert httpx.post(url, data=grant | {"client_id": "the+key", "client_secret": "the:secret"}).status_code == 200
    wrong = httpx.post(url, data=grant | {"client_id": "the+key", "client_secret": "x"})
    assert wrong.json() == {"error": "invalid_client", "error_description": "invalid client credentials"}
    unknown = httpx.post(url, data=grant, headers={"Authorization": "Basic !!"})
    assert unknown.json()["error"] == "invalid_client_id"


def test_sessions_end(org: LocalOrg, clock: Clock) -> None:
    token = org.access_token(USER)
    limits = f"{org.url}/services/data/v66.0/limits"
    headers = {"Authorization": f"Bearer {token}"}
    clock.now += timedelta(hours=1, minutes=59)
    assert httpx.get(limits, headers=headers).status_code == 200
    clock.now += timedelta(hours=1, minutes=59)
    assert httpx.get(limits, headers=headers).status_code == 200
    clock.now += timedelta(hours=2, minutes=1)
    assert httpx.get(limits, headers=headers).status_code == 401


def test_sessions_are_revoked(org: LocalOrg) -> None:
    first, second = org.access_token(USER), org.access_token(USER)
    revoke = f"{org.url}/services/oauth2/revoke"
    userinfo = f"{org.url}/services/oauth2/userinfo"
    assert httpx.post(revoke, data={"token": first}).status_code == 200
    assert httpx.post(revoke, data={"token": first}).status_code == 400
    assert httpx.get(userinfo, headers={"Authorization": f"Bearer {first}"}).status_code == 403
    assert httpx.get(userinfo, headers={"Authorization": f"Bearer {second}"}).status_code == 200
    assert org.expire_tokens() == 1
    assert httpx.get(userinfo, headers={"Authorization": f"Bearer {second}"}).status_code == 403


def test_nobody_gets_a_session_for_a_user_who_is_not_there(org: LocalOrg) -> None:
    with pytest.raises(KeyError):
        org.access_token("nobody@localorg.example")
