"""What answers mean, without a network."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.callouts.exchange import Answer
from connector.callouts.redaction import Redactor
from connector.callouts.verdict import CalloutEvent, judge, retry_after
from connector.mappings.set import Interface
from connector.model.events import CalloutAccepted, CalloutCompleted, CalloutFailed
from connector.model.failure import Failure, FailureClass

from .building import NOW, interface, work

TRANSIENT, BUSINESS = FailureClass.TRANSIENT, FailureClass.BUSINESS
CONFIGURATION = FailureClass.CONFIGURATION


def told(
    status: int,
    body: Any = None,
    used: Interface | None = None,
    *,
    awaits: bool = False,
    raw: bytes = b"",
    **headers: str,
) -> CalloutEvent:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = raw or (b"" if body is None else json.dumps(body).encode())
    answered = Answer(status=status, headers=named, body=content, size=len(content))
    return judge(work(awaits_event=awaits), used or interface(), answered, now=NOW, redactor=Redactor())


def failure(event: CalloutEvent) -> Failure:
    assert isinstance(event, CalloutFailed)
    return event.failure


# -- the table of statuses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((408, 425, 429, 500, 502, 503, 504), TRANSIENT),
        ((401, 403), CONFIGURATION),
        ((400, 404, 405, 409, 410, 412, 413, 415, 422, 423, 451), BUSINESS),
        ((300, 301, 302, 303, 304, 307, 308), CONFIGURATION),
        ((501, 505, 507, 508, 511, 599, 600, 999), CONFIGURATION),
    ],
)
def test_the_status_decides_when_no_rule_does(statuses: tuple[int, ...], expected: FailureClass) -> None:
    for status in statuses:
        found = failure(told(status))
        assert (found.failure_class, found.code, found.http_status) == (expected, f"HTTP_{status}", status)


@given(st.integers(100, 999), st.binary(max_size=50))
def test_every_answer_means_something(status: int, body: bytes) -> None:
    event = told(status, raw=body or b" ")
    assert isinstance(event, (CalloutCompleted, CalloutFailed))
    assert isinstance(event, CalloutCompleted) <= (200 <= status < 300)


# -- ok, accepted, outputs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ok", "accepted", "awaits", "status", "expected"),
    [
        ("status == 200", None, False, 200, CalloutCompleted),
        ("status == 200", None, True, 200, CalloutAccepted),
        ("status == 200", None, True, 202, CalloutAccepted),
        ("status == 200", None, False, 202, CalloutFailed),
        ("status == 200", "status == 202", True, 202, CalloutAccepted),
        ("status == 200", "status == 202", True, 200, CalloutCompleted),
        ("status == 200", "status == 202", False, 202, CalloutFailed),
        ("status == 200", "status == 202", True, 500, CalloutFailed),
        ("status in [200, 404]", None, False, 404, CalloutCompleted),
    ],
)
def test_how_an_attempt_ends(
    ok: str,
    accepted: str | None,
    awaits: bool,  # noqa: FBT001 - a column of the table
    status: int,
    expected: type[CalloutEvent],
) -> None:
    assert type(told(status, {}, interface(ok=ok, accepted=accepted), awaits=awaits)) is expected


def test_outputs_come_with_both_ends() -> None:
    used = interface(outputs={"ref": "body.ref", "place": "headers.location", "status": "status"})
    for awaits in (False, True):
        event = told(201, {"ref": [1, {"a": None}]}, used, awaits=awaits, location="/r/1")
        assert isinstance(event, (CalloutCompleted, CalloutAccepted))
        assert event.outputs == {"ref": [1, {"a": None}], "place": "/r/1", "status": 201}


@pytest.mark.parametrize(
    ("changes", "body", "place"),
    [
        ({"ok": "body.done"}, {}, "`ok`"),
        ({"ok": "body.done"}, {"done": "yes"}, "`ok`"),
        ({"ok": "body.done"}, None, "`ok`"),
        ({"outputs": {"id": "body.id"}}, {}, "output `id`"),
        ({"outputs": {"ratio": "1.0 / body.zero"}}, {"zero": 0.0}, "output `ratio`"),
        ({"ok": "false", "errors": [("status == 1", BUSINESS, "A"), ("body.x", BUSINESS, "B")]}, {}, "error rule 2"),
    ],
)
def test_an_expression_that_does_not_fit_is_named_with_its_place(changes: Any, body: Any, place: str) -> None:
    found = failure(told(200, body, interface(**changes)))
    assert (found.failure_class, found.code, found.http_status) == (CONFIGURATION, "EXPRESSION_FAILED", 200)
    assert place in found.message
    assert "network.reserve" in found.message
    assert "systems/network.yaml:" in found.message


# -- error rules ------------------------------------------------------------------------------------------


def test_the_first_rule_that_holds_decides() -> None:
    used = interface(
        errors=[
            (
                "status == 409 && body.code == 'TAKEN'",
                BUSINESS,
                "NUMBER_TAKEN",
                "'Number ' + body.number + ' is taken'",
            ),
            ("status == 409", TRANSIENT, "BUSY"),
        ]
    )
    taken = failure(told(409, {"code": "TAKEN", "number": "0170"}, used))
    assert (taken.failure_class, taken.code, taken.message) == (BUSINESS, "NUMBER_TAKEN", "Number 0170 is taken")
    busy = failure(told(409, {"code": "OTHER"}, used, retry_after="7"))
    assert (busy.failure_class, busy.code, busy.retry_after) == (TRANSIENT, "BUSY", 7)
    assert failure(told(410, {}, used)).code == "HTTP_410"


def test_a_rule_may_speak_about_an_answer_that_is_ok_by_its_status() -> None:
    used = interface(ok="status == 200 && body.result == 'OK'", errors=[("body.result == 'NO'", BUSINESS, "REFUSED")])
    assert failure(told(200, {"result": "NO"}, used)).code == "REFUSED"
    unnamed = failure(told(200, {"result": "MAYBE"}, used))
    assert (unnamed.failure_class, unnamed.code) == (CONFIGURATION, "NOT_OK")


def test_a_message_that_can_not_be_made_does_not_hide_the_failure() -> None:
    found = failure(told(409, {}, interface(errors=[("status == 409", BUSINESS, "TAKEN", "body.text")])))
    assert (found.failure_class, found.code) == (BUSINESS, "TAKEN")
    assert "'text' is absent" in found.message


def test_only_transient_failures_say_when_to_try_again() -> None:
    assert failure(told(503, retry_after="9")).retry_after == 9
    assert failure(told(400, retry_after="9")).retry_after is None


# -- answers without readable content ---------------------------------------------------------------------


def test_a_proxys_error_page_is_judged_by_its_status() -> None:
    used = interface(
        ok="body.ok", errors=[("body.code == 'X'", BUSINESS, "X"), ("status == 502", TRANSIENT, "GATEWAY")]
    )
    page = b"<html>Bad gateway</html>"
    assert failure(told(502, used=used, raw=page)).code == "GATEWAY"
    unavailable = failure(told(503, used=used, raw=page))
    assert (unavailable.failure_class, unavailable.code) == (TRANSIENT, "HTTP_503")
    assert "<html>Bad gateway</html>" in unavailable.message
    assert failure(told(200, used=used, raw=page)).code == "NOT_JSON"
    assert failure(told(404, used=used, raw=page)).failure_class is BUSINESS


# -- Retry-After ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("99999999999999999999", 86_400),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30),
        ("Sun, 01 Mar 9026 12:00:30 GMT", 86_400),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after(text: str, expected: float | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == expected


@given(st.text())
def test_no_retry_after_breaks_anything(text: str) -> None:
    wait = retry_after({"retry-after": text}, NOW)
    assert wait is None or 0 <= wait <= 86_400
