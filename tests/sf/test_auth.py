"""Signing in: what is sent, who gets the token, and what a person is told when it fails.

The exact answers of Salesforce's token endpoint are given by `responses`; the local org plays its own part
in `test_org.py`.
"""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
import requests
import responses
from pydantic import SecretStr

from connector.errors import SettingsError
from connector.sf.auth import SharedToken, Token, sign_in, sign_in_hint
from connector.sf.config import ClientCredentials, Credentials, JwtBearer, OrgConfig
from connector.sf.failures import SignInFailed, SignInUnavailable
from connector.sf.session import open_session
from connector.sf.usage import UsageGauge
from tests.sf.keys import key_pair

URL = "https://acme.my.salesforce.com"
TOKEN_URL = f"{URL}/services/oauth2/token"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = ClientCredentials(consumer_key="3MVG9-key", consumer_secret=SecretStr("hush-hush"))


def certificate() -> JwtBearer:
    return JwtBearer(consumer_key="3MVG9-key", username="connector@acme.example", private_key=SecretStr(key_pair()[0]))


def config(credentials: Credentials, url: str = URL) -> OrgConfig:
    return OrgConfig(url=url, credentials=credentials)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with open_session(config(SECRET), UsageGauge()) as opened:
        yield opened


@pytest.fixture
def salesforce() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def granted(access: str = "00D!AQ", instance: str = "https://acme.my.salesforce.com") -> dict[str, str]:
    return {"access_token": access, "instance_url": instance, "token_type": "Bearer", "scope": "api"}


def form_of(call: responses.Call) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(str(call.request.body)).items()}


def test_a_certificate_signs_for_the_user_and_the_org(
    salesforce: responses.RequestsMock, session: requests.Session
) -> None:
    salesforce.post(TOKEN_URL, json=granted())

    token = sign_in(config(certificate()), session, NOW)

    assert token == Token("00D!AQ", URL)
    form = form_of(salesforce.calls[0])
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        form["assertion"], key_pair()[1], algorithms=["RS256"], audience=URL, options={"verify_exp": False}
    )
    assert claims == {
        "iss": "3MVG9-key",
        "sub": "connector@acme.example",
        "aud": URL,
        "exp": int((NOW + timedelta(minutes=3)).timestamp()),
    }


def test_the_key_may_be_a_file_and_the_audience_another(
    salesforce: responses.RequestsMock, session: requests.Session, tmp_path: Path
) -> None:
    salesforce.post(TOKEN_URL, json=granted())
    (tmp_path / "key.pem").write_text(key_pair()[0])
    credentials = JwtBearer(
        consumer_key="k", username="u", private_key_file=tmp_path / "key.pem", audience="https://login.salesforce.com"
    )

    sign_in(config(credentials), session, NOW)

    assertion = form_of(salesforce.calls[0])["assertion"]
    assert jwt.decode(assertion, options={"verify_signature": False})["aud"] == "https://login.salesforce.com"


def test_a_secret_goes_into_the_header(salesforce: responses.RequestsMock, session: requests.Session) -> None:
    salesforce.post(TOKEN_URL, json=granted())

    sign_in(config(SECRET), session, NOW)

    call = salesforce.calls[0]
    assert form_of(call) == {"grant_type": "client_credentials"}
    assert base64.b64decode(call.request.headers["Authorization"].removeprefix("Basic ")) == b"3MVG9-key:hush-hush"


@pytest.mark.parametrize(
    "instance", ["http://acme.my.salesforce.com", "https://acme.my.salesforce.com/path", "file:///etc", "", None]
)
def test_a_token_is_never_carried_to_an_address_that_is_not_safe(
    salesforce: responses.RequestsMock, session: requests.Session, instance: str | None
) -> None:
    salesforce.post(TOKEN_URL, json={"access_token": "x", "instance_url": instance})

    assert sign_in(config(SECRET), session, NOW).instance_url == URL


@pytest.mark.parametrize(
    ("status", "answer", "hint"),
    [
        (
            400,
            {"error": "invalid_grant", "error_description": "user hasn't approved this consumer"},
            "add the integration user's permission set",
        ),
        (400, {"error": "invalid_grant", "error_description": "audience is invalid"}, "My Domain address"),
        (400, {"error": "invalid_grant", "error_description": "assertion is expired"}, "renew the certificate"),
        (
            400,
            {"error": "invalid_grant", "error_description": "invalid assertion"},
            "doesn't belong to the certificate",
        ),
        (400, {"error": "invalid_grant", "error_description": "no client credentials user enabled"}, "execution user"),
        (400, {"error": "invalid_client_id", "error_description": "client identifier invalid"}, "consumer key"),
        (400, {"error": "app_not_found", "error_description": "External client app is not installed"}, "consumer key"),
        (401, {"error": "invalid_client", "error_description": "invalid client credentials"}, "secret is wrong"),
        (400, {"error": "inactive_user", "error_description": "user is inactive"}, "not active"),
        (400, {"error": "something_new"}, "login history"),
    ],
)
def test_a_refusal_says_what_to_mend_and_gives_nothing_away(
    salesforce: responses.RequestsMock, session: requests.Session, status: int, answer: dict[str, str], hint: str
) -> None:
    salesforce.post(TOKEN_URL, json=answer, status=status)

    with pytest.raises(SignInFailed) as caught:
        sign_in(config(SECRET), session, NOW)

    assert hint in caught.value.hint
    assert answer["error"] in caught.value.message
    assert "hush" not in str(caught.value)


def test_a_wrong_clock_is_recognised(salesforce: responses.RequestsMock, session: requests.Session) -> None:
    salesforce.post(
        TOKEN_URL,
        json={"error": "invalid_grant", "error_description": "assertion is expired"},
        status=400,
        headers={"Date": "Sun, 22 Nov 2026 12:10:00 GMT"},
    )

    with pytest.raises(SignInFailed, match="differs from Salesforce's by 600 seconds"):
        sign_in(config(SECRET), session, NOW)


def test_the_clock_is_not_blamed_without_reason() -> None:
    assert "clock differs" not in sign_in_hint("invalid_grant", "x", timedelta(seconds=20))
    assert "clock differs" not in sign_in_hint("invalid_client", "x", timedelta(hours=1))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_salesforce_is_asked_again_later(
    salesforce: responses.RequestsMock, session: requests.Session, status: int
) -> None:
    salesforce.post(TOKEN_URL, body="<html>busy</html>", status=status)

    with pytest.raises(SignInUnavailable):
        sign_in(config(SECRET), session, NOW)


def test_a_page_that_is_no_salesforce_is_no_token(
    salesforce: responses.RequestsMock, session: requests.Session
) -> None:
    salesforce.post(TOKEN_URL, body="<html>Welcome to the hotel</html>", status=200)

    with pytest.raises(SignInFailed, match="My Domain"):
        sign_in(config(SECRET), session, NOW)


def test_a_redirect_is_not_followed(salesforce: responses.RequestsMock, session: requests.Session) -> None:
    salesforce.post(TOKEN_URL, status=302, headers={"Location": "https://evil.example/"})

    with pytest.raises(SignInFailed):
        sign_in(config(SECRET), session, NOW)


def test_nobody_at_home() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        # Bound and not listening: connections are refused.
        local = config(SECRET, f"http://127.0.0.1:{taken.getsockname()[1]}")
        with open_session(local, UsageGauge()) as session, pytest.raises(SignInUnavailable, match="can't be reached"):
            sign_in(local, session, NOW)


@pytest.mark.parametrize("pem", ["", "not a key", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"])
def test_a_useless_key_is_the_settings_fault_and_is_not_shown(session: requests.Session, pem: str) -> None:
    credentials = JwtBearer(consumer_key="k", username="u", private_key=SecretStr(pem))

    with pytest.raises(SettingsError) as caught:
        sign_in(config(credentials), session, NOW)

    assert "PEM" in caught.value.hint
    assert "c2VjcmV0" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_file_that_is_not_there(session: requests.Session, tmp_path: Path) -> None:
    credentials = JwtBearer(consumer_key="k", username="u", private_key_file=tmp_path / "missing.pem")

    with pytest.raises(SettingsError, match=r"missing\.pem"):
        sign_in(config(credentials), session, NOW)


def test_a_token_does_not_show_itself() -> None:
    assert "hush" not in repr(Token("hush", URL))


async def test_everybody_shares_one_sign_in(salesforce: responses.RequestsMock, session: requests.Session) -> None:
    salesforce.post(TOKEN_URL, json=granted("one"))
    tokens = SharedToken(config(SECRET), session, lambda: NOW)

    got = await asyncio.gather(*(tokens.token() for _ in range(20)))

    assert {token.access for token in got} == {"one"}
    assert len(salesforce.calls) == 1


async def test_a_refused_token_is_renewed_once_for_all(
    salesforce: responses.RequestsMock, session: requests.Session
) -> None:
    salesforce.post(TOKEN_URL, json=granted("one"))
    tokens = SharedToken(config(SECRET), session, lambda: NOW)
    refused = await tokens.token()
    salesforce.replace(responses.POST, TOKEN_URL, json=granted("two"))

    got = await asyncio.gather(*(tokens.renew(refused) for _ in range(20)))

    assert {token.access for token in got} == {"two"}
    assert (await tokens.token()).access == "two"
    assert len(salesforce.calls) == 2


async def test_after_a_failure_the_next_one_tries_again(
    salesforce: responses.RequestsMock, session: requests.Session
) -> None:
    salesforce.post(TOKEN_URL, status=503, body="busy")
    tokens = SharedToken(config(SECRET), session, lambda: NOW)
    with pytest.raises(SignInUnavailable):
        await tokens.token()
    salesforce.replace(responses.POST, TOKEN_URL, json=granted("one"))

    assert (await tokens.token()).access == "one"


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "acme.my.salesforce.com",
        "ftp://127.0.0.1",
        "https://user:pw@acme.my.salesforce.com",
        "https://acme.my.salesforce.com/services",
        "https://acme.my.salesforce.com?x=1",
        "",
    ],
)
def test_an_org_is_reached_encrypted_or_not_at_all(url: str) -> None:
    with pytest.raises(SettingsError):
        config(SECRET, url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1", URL, f"{URL}/"])
def test_this_machine_may_be_reached_in_the_clear(url: str) -> None:
    assert config(SECRET, url).url == url
