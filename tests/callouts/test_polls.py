"""What answers to the question mean how far an accepted callout is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from connector.callouts.exchange import Answer
from connector.callouts.redaction import Redactor
from connector.callouts.verdict import CalloutEvent, judge
from connector.mappings.set import (
    PLAN,
    RESPONSE,
    Completion,
    Interface,
    ItemDefinition,
    MappingSet,
    PlanDefinition,
    Poll,
)
from connector.model.events import CalloutFailed, CalloutPolled, PollVerdict
from connector.model.failure import FailureClass
from connector.model.states import ItemType
from connector.model.work import Work

from .building import NOW, interface, sender_to, sending, work
from .stub import StubSystem, answer

DONE, FAILED, PENDING, UNKNOWN = PollVerdict.DONE, PollVerdict.FAILED, PollVerdict.PENDING, PollVerdict.UNKNOWN


def asked(until: str = 'body.state == "done"', fails: str | None = 'body.state == "failed"') -> Poll:
    return Poll(
        interface="network.status",
        every=NOW - NOW,
        until=RESPONSE.compile(until),
        fails=RESPONSE.compile(fails) if fails is not None else None,
    )


def question(**more: Any) -> Work:
    return structs.replace(work(method="GET", path="/status", name="network.status", **more), poll=("plan", "key"))


def told(
    status: int, body: Any = None, poll: Poll | None = None, used: Interface | None = None, raw: bytes = b""
) -> CalloutEvent:
    content = raw or (b"" if body is None else json.dumps(body).encode())
    answered = Answer(status=status, body=content, size=len(content))
    used = used or interface(name="status", method="GET", outputs={"port": "body.?port.orValue(null)"})
    return judge(question(attempt=4), used, answered, now=NOW, redactor=Redactor(), poll=poll or asked())


def verdict(event: CalloutEvent) -> PollVerdict:
    if isinstance(event, CalloutFailed):
        return UNKNOWN
    assert isinstance(event, CalloutPolled)
    return event.verdict


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"state": "done", "port": 7}, DONE),
        (200, {"state": "failed"}, FAILED),
        (200, {"state": "working"}, PENDING),
        (202, {"state": "working"}, PENDING),
        (200, {}, UNKNOWN),
        (200, None, UNKNOWN),
        (503, {"state": "working"}, UNKNOWN),
        (503, None, UNKNOWN),
        (404, {"state": "failed"}, FAILED),
        (401, {}, UNKNOWN),
    ],
)
def test_the_answer_tells_how_far_it_is(status: int, body: Any, expected: PollVerdict) -> None:
    assert verdict(told(status, body)) is expected


def test_done_brings_its_outputs_and_the_number_of_the_question() -> None:
    event = told(200, {"state": "done", "port": 7})
    assert event == CalloutPolled(item=question().item, epoch=1, poll=4, verdict=DONE, outputs={"port": 7})


def test_a_page_that_is_no_json_says_nothing() -> None:
    event = told(200, raw=b"<html>")
    assert isinstance(event, CalloutFailed)
    assert event.failure.code == "NOT_JSON"


def test_a_status_may_be_the_word() -> None:
    poll = asked(until="status == 404", fails="status == 410")
    assert verdict(told(404, {}, poll)) is DONE
    assert verdict(told(410, None, poll)) is FAILED
    assert verdict(told(200, {}, poll)) is PENDING
    assert verdict(told(500, {}, poll)) is UNKNOWN


def test_a_failure_is_described_by_the_rules_of_the_interface_and_definite() -> None:
    used = interface(
        name="status",
        method="GET",
        errors=[('has(body.why) && body.why == "full"', FailureClass.TRANSIENT, "FULL", "body.why")],
    )
    event = told(200, {"state": "failed", "why": "full"}, used=used)
    assert isinstance(event, CalloutPolled)
    assert event.failure is not None
    assert (event.failure.code, event.failure.message, event.failure.failure_class) == (
        "FULL",
        "full",
        FailureClass.BUSINESS,
    )
    other = told(200, {"state": "failed"}, used=used)
    assert isinstance(other, CalloutPolled)
    assert other.failure is not None
    assert other.failure.code == "REPORTED_FAILED"


def test_an_expression_that_does_not_fit_names_itself() -> None:
    event = told(200, {}, asked(fails=None))
    assert isinstance(event, CalloutFailed)
    assert event.failure.code == "EXPRESSION_FAILED"
    assert "`until`" in event.failure.message


# -- over the network ---------------------------------------------------------------------------------------


def mappings() -> MappingSet:
    made = sending(interface(), interface(name="status", method="GET", header="Idempotency-Key"))
    item = ItemDefinition(
        key="key",
        plan="plan",
        type=ItemType.CALLOUT,
        name="key",
        interface="network.reserve",
        completes=Completion(poll=asked()),
        when=PLAN.compile("true"),
    )
    return replace(made, plans={"plan": PlanDefinition(name="plan", items={"key": item})})


@pytest.mark.asyncio(loop_scope="module")
async def test_a_question_is_a_plain_request_without_a_key(stub: StubSystem) -> None:
    stub.will(answer(200, {"state": "working"}))
    sender = sender_to(stub.url)
    attempt = await sender.attempt(question(attempt=2), mappings())
    await sender.close()
    (request,) = stub.received
    assert (request.method, request.path) == ("GET", "/status")
    assert request.header("idempotency-key") is None
    assert verdict(attempt.event) is PENDING
    assert (attempt.record.outcome, attempt.record.attempt, attempt.record.interface) == (
        "pending",
        2,
        "network.status",
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_question_that_fails_is_put_again_at_once_and_then_unknown(stub: StubSystem) -> None:
    stub.will(*[answer(503, {"why": "busy"})] * 3)
    sender = sender_to(stub.url)
    attempt = await sender.attempt(question(), mappings())
    await sender.close()
    assert len(stub.received) == 3
    assert isinstance(attempt.event, CalloutPolled)
    assert attempt.event.verdict is UNKNOWN
    assert attempt.event.failure is not None
    assert (attempt.event.failure.code, attempt.event.failure.interface) == ("HTTP_503", "network.status")
    assert (attempt.record.outcome, attempt.record.code) == ("transient", "HTTP_503")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_question_of_an_item_that_its_set_does_not_have_is_refused(stub: StubSystem) -> None:
    sender = sender_to(stub.url)
    attempt = await sender.attempt(structs.replace(question(), poll=("plan", "other")), mappings())
    await sender.close()
    assert isinstance(attempt.event, CalloutPolled)
    assert attempt.event.failure is not None
    assert attempt.event.failure.code == "NO_SUCH_INTERFACE"
