"""Answers that a well-behaved org never gives: what a proxy, a cut line or a bad day can put in its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses
from pydantic import SecretStr

from connector.errors import RemoteError
from connector.sf.config import ClientCredentials, OrgConfig
from connector.sf.connection import Connection, connect
from connector.sf.failures import BadAnswer, LimitReached, Refused, Unavailable
from connector.sf.org import Subrequest
from connector.sf.usage import Usage

URL = "https://acme.my.salesforce.com"
QUERY = f"{URL}/services/data/v66.0/query/"
COMPOSITE = f"{URL}/services/data/v66.0/composite"
PART = Subrequest(method="PATCH", path="composite/sobjects", reference="group0", body={"records": []})


@pytest.fixture
def salesforce() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        mock.post(f"{URL}/services/oauth2/token", json={"access_token": "t", "instance_url": URL})
        yield mock


@pytest.fixture
def connection(salesforce: responses.RequestsMock) -> Iterator[Connection]:
    config = OrgConfig(url=URL, credentials=ClientCredentials(consumer_key="k", consumer_secret=SecretStr("s")))
    with connect(config, lambda: datetime.now(UTC)) as opened:
        yield opened


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "<html>Please sign in</html>", BadAnswer),
        (200, '{"totalSize": 1, "records": [', BadAnswer),
        (200, "", BadAnswer),
        (200, "[]", BadAnswer),
        (200, "null", BadAnswer),
        (200, '{"records": null}', BadAnswer),
        (300, '["/services/data/v66.0/sobjects/A/1", "/services/data/v66.0/sobjects/A/2"]', BadAnswer),
        (302, "", BadAnswer),
        (400, '[{"errorCode": "MALFORMED_QUERY", "message": "unexpected token"}]', Refused),
        (410, '[{"errorCode": "UNSUPPORTED_API_VERSION", "message": "gone"}]', Refused),
        (407, "proxy authentication required", BadAnswer),
        (500, '[{"errorCode": "UNKNOWN_EXCEPTION", "message": "An unexpected error occurred."}]', Unavailable),
        (502, "<html>Bad Gateway</html>", Unavailable),
        (504, "", Unavailable),
    ],
)
async def test_an_answer_that_is_none(
    salesforce: responses.RequestsMock, connection: Connection, status: int, body: str, expected: type[RemoteError]
) -> None:
    salesforce.get(QUERY, status=status, body=body)

    with pytest.raises(expected) as caught:
        await connection.org.query("SELECT Id FROM Order")

    assert type(caught.value) is expected
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (requests.ConnectionError("reset by peer"), Unavailable),
        (requests.ConnectTimeout("slow"), Unavailable),
        (requests.exceptions.ChunkedEncodingError("cut"), Unavailable),
        (requests.exceptions.ContentDecodingError("not gzip"), Unavailable),
        (requests.exceptions.SSLError("certificate verify failed"), Refused),
        (requests.exceptions.ProxyError("no proxy"), Unavailable),
    ],
)
async def test_a_line_that_breaks(
    salesforce: responses.RequestsMock, connection: Connection, error: Exception, expected: type[RemoteError]
) -> None:
    salesforce.get(QUERY, body=error)

    with pytest.raises(expected):
        await connection.org.query("SELECT Id FROM Order")


async def test_the_usage_of_a_refusal_counts(salesforce: responses.RequestsMock, connection: Connection) -> None:
    salesforce.get(
        QUERY,
        status=403,
        json=[{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentRequests Limit exceeded."}],
        headers={"Sforce-Limit-Info": "api-usage=14999/15000"},
    )

    with pytest.raises(LimitReached) as caught:
        await connection.org.query("SELECT Id FROM Order")

    assert caught.value.limit == "concurrent"
    assert connection.gauge.last == Usage(14_999, 15_000)


@pytest.mark.parametrize("url", ["@evil.example/", "https://evil.example/", ":1/", ".evil.example/x", ""])
async def test_the_next_page_is_on_the_same_host(connection: Connection, url: str) -> None:
    with pytest.raises(BadAnswer):
        await connection.org.more(url)


@pytest.fixture(autouse=True)
def _not_every_test_signs_in(salesforce: responses.RequestsMock) -> None:
    salesforce.assert_all_requests_are_fired = False


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"compositeResponse": None},
        {"compositeResponse": []},
        {"compositeResponse": [{"referenceId": "other", "httpStatusCode": 200, "body": []}]},
        {"compositeResponse": ["group0"]},
    ],
)
async def test_a_composite_answer_without_our_part(
    salesforce: responses.RequestsMock, connection: Connection, answer: Any
) -> None:
    salesforce.post(COMPOSITE, body=json.dumps(answer))

    with pytest.raises(BadAnswer):
        await connection.org.composite([PART])


async def test_parts_are_found_by_their_name(salesforce: responses.RequestsMock, connection: Connection) -> None:
    others = [
        {"referenceId": "b", "httpStatusCode": 200, "body": [2]},
        {"referenceId": "group0", "httpStatusCode": 400, "body": [1]},
    ]
    salesforce.post(COMPOSITE, json={"compositeResponse": others})
    second = Subrequest(method="PATCH", path="composite/sobjects", reference="b", body={})

    answers = await connection.org.composite([PART, second])

    assert [(one.reference, one.status, one.body) for one in answers] == [("group0", 400, [1]), ("b", 200, [2])]
    sent = json.loads(salesforce.calls[-1].request.body or "")
    assert sent["allOrNone"] is False
    assert [part["url"] for part in sent["compositeRequest"]] == ["/services/data/v66.0/composite/sobjects"] * 2


async def test_answers_are_asked_for_without_decoration(
    salesforce: responses.RequestsMock, connection: Connection
) -> None:
    salesforce.get(QUERY, json={"totalSize": 0, "done": True, "records": []})
    await connection.org.query("SELECT Id FROM Order")

    headers = salesforce.calls[-1].request.headers
    assert "X-PrettyPrint" not in headers
    assert headers["Authorization"] == "Bearer t"
    assert headers["Sforce-Call-Options"] == "client=order-connector"
