"""What leaves for a system."""

from __future__ import annotations

import base64
import json
import logging

import pytest
from pydantic import SecretStr

from connector.callouts.destination import ApiKey, Basic, Bearer, Credentials
from connector.mappings.set import AuthKind
from connector.model.events import CalloutCompleted, CalloutFailed
from connector.model.failure import FailureClass

from .building import interface, sender_to, sending, work
from .stub import StubSystem, answer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_request_leaves_as_it_was_rendered(stub: StubSystem) -> None:
    stub.will(answer(201, {"id": "R-1"}))
    sender = sender_to(f"{stub.url}/api/")
    result = await sender.attempt(
        work(
            path="/v1/numbers/%2B49%20170/reservation",
            query={"dry run": "a&b=ü", "n": "1"},
            headers={"X-Tenant": "blue"},
            body={"ref": "801-7", "name": "Jürgen"},
        ),
        sending(interface(outputs={"reservationId": "body.id"}, header="Idempotency-Key")),
    )
    await sender.close()

    assert result.event == CalloutCompleted(item=7, epoch=1, attempt=1, outputs={"reservationId": "R-1"})  # type: ignore[arg-type]
    (request,) = stub.received
    assert (request.method, request.raw_path) == ("POST", "/api/v1/numbers/%2B49%20170/reservation")
    assert request.query == {"dry run": ["a&b=ü"], "n": ["1"]}
    assert json.loads(request.body) == {"ref": "801-7", "name": "Jürgen"}
    assert request.header("idempotency-key") == "801000000000001AAA-7-1"
    assert request.header("content-type") == "application/json"
    assert request.header("x-tenant") == "blue"
    assert request.header("authorization") is None
    assert str(request.header("user-agent")).startswith("order-connector/")


async def test_the_record_tells_what_was_sent_and_what_came_of_it(stub: StubSystem) -> None:
    stub.will(answer(200, {"id": 1}))
    sender = sender_to(f"{stub.url}/secret-prefix")
    record = (await sender.attempt(work(query={"a": "b"}), sending(interface(header="Key")))).record
    await sender.close()

    assert record.path == "/v1/reservations"
    assert (record.method, record.status, record.outcome, record.code) == ("POST", 200, "completed", None)
    assert (record.sendings, record.bytes, record.idempotency_key) == (1, 9, "801000000000001AAA-7-1")
    assert record.seconds > 0


async def test_a_request_without_body_has_none(stub: StubSystem) -> None:
    stub.will(answer(204))
    sender = sender_to(stub.url)
    event = await sender.perform(work(method="GET"), sending(interface(method="GET")))
    await sender.close()

    assert isinstance(event, CalloutCompleted)
    assert stub.received[0].body == b""
    assert stub.received[0].header("content-type") is None


async def test_a_mapping_may_refine_the_content_type_but_not_who_we_are(stub: StubSystem) -> None:
    stub.will(answer(200))
    sender = sender_to(stub.url, Bearer(token=SecretStr("the-token")))
    await sender.perform(
        work(
            body=[1],
            headers={
                "Content-Type": "application/merge-patch+json",
                "Authorization": "Bearer stolen",
                "Proxy-Authorization": "Basic stolen",
                "Host": "elsewhere.example",
                "Transfer-Encoding": "chunked",
                "Content-Length": "3",
                "Connection": "close, x-tenant",
                "Cookie": "a=b",
                "Idempotency-Key": "mine",
                "Expect": "100-continue",
            },
        ),
        sending(interface(header="Idempotency-Key"), auth="bearer"),
    )
    await sender.close()

    (request,) = stub.received
    assert request.header("content-type") == "application/merge-patch+json"
    assert request.header("authorization") == "Bearer the-token"
    assert request.header("idempotency-key") == "801000000000001AAA-7-1"
    assert str(request.header("host")).startswith("127.0.0.1:")
    assert request.header("content-length") == "3"
    for absent in ("connection", "proxy-authorization", "transfer-encoding", "cookie", "expect"):
        assert request.header(absent) is None


@pytest.mark.parametrize(
    ("auth", "credentials", "header", "value"),
    [
        (
            "basic",
            Basic(username="me", password=SecretStr("pä:ss")),
            "authorization",
            f"Basic {base64.b64encode('me:pä:ss'.encode()).decode()}",
        ),
        ("bearer", Bearer(token=SecretStr("abc.def\n")), "authorization", "Bearer abc.def"),
        ("header", ApiKey(header="X-Api-Key", value=SecretStr("k-1")), "x-api-key", "k-1"),
    ],
)
async def test_credentials(stub: StubSystem, auth: AuthKind, credentials: Credentials, header: str, value: str) -> None:
    stub.will(answer(200))
    sender = sender_to(stub.url, credentials)
    event = await sender.perform(work(headers={"x-api-key": "from the mapping"}), sending(auth=auth))
    await sender.close()

    assert isinstance(event, CalloutCompleted)
    assert stub.received[0].header(header) == value


async def test_one_connection_serves_many_requests_and_no_cookie_goes_from_order_to_order(stub: StubSystem) -> None:
    stub.will(answer(200, {}, set_cookie="session=of-another-order; Path=/"))
    sender = sender_to(stub.url)
    mappings = sending(
        interface(outputs={"cookie": 'headers.?cookie.orValue("") + headers[?"set-cookie"].orValue("")'})
    )
    events = [await sender.perform(work(item=item), mappings) for item in (1, 2)]
    await sender.close()

    assert [request.header("cookie") for request in stub.received] == [None, None]
    assert all(isinstance(event, CalloutCompleted) and event.outputs == {"cookie": ""} for event in events)


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ({"path": "//evil.example/x"}, "PATH_REFUSED"),
        ({"path": "/a/../../admin"}, "PATH_REFUSED"),
        ({"path": "/v1/numbers//reservation"}, "PATH_REFUSED"),
        ({"headers": {"X-Name": "a\r\nX-Evil: b"}}, "HEADER_REFUSED"),
        ({"headers": {"X Name": "a"}}, "HEADER_REFUSED"),
        ({"headers": {"X-Name": "Jürgen"}}, "HEADER_REFUSED"),
        ({"method": "TRACE"}, "METHOD_REFUSED"),
        ({"name": "network.unknown"}, "NO_SUCH_INTERFACE"),
        ({"name": "nowhere.reserve"}, "NO_SUCH_INTERFACE"),
        ({"body": float("nan"), "path": "/%zz"}, "PATH_REFUSED"),
        ({"body": 2**70}, "BODY_REFUSED"),
    ],
)
async def test_what_should_not_leave_does_not(stub: StubSystem, case: dict[str, object], code: str) -> None:
    stub.will(answer(200))
    sender = sender_to(stub.url)
    attempt = await sender.attempt(work(**case), sending())  # type: ignore[arg-type]
    await sender.close()

    assert isinstance(attempt.event, CalloutFailed)
    assert attempt.event.failure.failure_class is FailureClass.CONFIGURATION
    assert attempt.event.failure.code == code
    assert (attempt.record.code, attempt.record.sendings) == (code, 0)
    assert stub.received == []


async def test_a_secret_with_a_line_break_is_refused_without_being_told(stub: StubSystem) -> None:
    stub.will(answer(200))
    sender = sender_to(stub.url, ApiKey(header="X-Key", value=SecretStr("se\r\ncret")))
    event = await sender.perform(work(), sending(auth="header"))
    await sender.close()

    assert isinstance(event, CalloutFailed)
    assert event.failure.code == "HEADER_REFUSED"
    assert "cret" not in str(event.failure)
    assert stub.received == []


async def test_credentials_of_another_kind_than_the_mapping_says_are_not_sent(stub: StubSystem) -> None:
    stub.will(answer(200))
    sender = sender_to(stub.url, Bearer(token=SecretStr("the-token")))
    event = await sender.perform(work(), sending(auth="basic"))
    await sender.close()

    assert isinstance(event, CalloutFailed)
    assert event.failure.code == "NO_DESTINATION"
    assert "kind bearer" in event.failure.message
    assert stub.received == []


async def test_the_environment_leads_nothing_elsewhere(stub: StubSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    stub.will(answer(200))
    sender = sender_to(stub.url)
    event = await sender.perform(work(), sending())
    await sender.close()

    assert isinstance(event, CalloutCompleted)


async def test_no_secret_reaches_the_logs(
    stub: StubSystem, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    stub.will(answer(500, {"echo": "Bearer very-secret-token", "password": "hunter22"}))
    sender = sender_to(stub.url, Bearer(token=SecretStr("very-secret-token")))
    event = await sender.perform(work(query={"access_token": "very-secret-query"}), sending(auth="bearer"))
    await sender.close()

    assert isinstance(event, CalloutFailed)
    told = "\n".join([caplog.text, *capsys.readouterr(), str(event)])
    assert "callout_attempted" in told
    for secret in ("very-secret-token", "very-secret-query", "hunter22"):
        assert secret not in told
