"""Messages from systems: what is taken, as what, and what is refused how."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connector.callouts.inbound import MAX_BYTES, Refusal, receive
from connector.callouts.signature import sign
from connector.mappings.set import InboundEvent, MappingSet, System
from connector.model.events import Addressed, CallbackArrived, ExternalEventArrived
from connector.model.failure import Failure, FailureClass
from connector.model.ids import ItemNo

from .building import NOW, ORDER, event, mapping_set

SHIPPED = event(
    "shipped",
    "body.type == 'shipped'",
    item="body.ref",
    delivery="string(body.?id.orValue(''))",
    outputs={"tracking": "body.tracking"},
    ok="body.?status.orValue('OK') == 'OK'",
    code="body.reason.code",
    message="body.reason.text",
)
STOCK = event("stock", "has(body.stock)", order="body.order", outputs={"left": "body.stock"})


def system(*events: InboundEvent, secret: str = "warehouse") -> System:  # noqa: S107 - a name
    return System(
        name="warehouse", base_url="WAREHOUSE_URL", inbound_secret=secret, events={each.name: each for each in events}
    )


SETS = (mapping_set(system(SHIPPED, STOCK)),)
SECRETS = {"warehouse": [SecretStr("new"), SecretStr("old\n")]}


def received(
    message: Any,
    *,
    sets: Sequence[MappingSet] = SETS,
    name: str = "warehouse",
    secret: str = "new",  # noqa: S107 - of a test
    raw: bytes | None = None,
    **headers: str,
) -> Addressed | Refusal:
    body = json.dumps(message).encode() if raw is None else raw
    stamp = int(NOW.timestamp())
    signed = {"X-Connector-Timestamp": str(stamp), "X-Connector-Signature": sign(secret, stamp, body)}
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return receive(name, body, signed | named, now=NOW, mapping_sets=sets, secrets=lambda name: SECRETS.get(name, []))


def refused(message: Any, **more: Any) -> tuple[int, str]:
    refusal = received(message, **more)
    assert isinstance(refusal, Refusal), refusal
    assert refusal.message
    return refusal.status, refusal.code


# -- what is taken ----------------------------------------------------------------------------------------


def test_a_call_back() -> None:
    assert received({"type": "shipped", "ref": f"{ORDER}-7", "tracking": "T1", "id": 12}) == Addressed(
        order=ORDER,
        event=CallbackArrived(item=ItemNo(7), name="warehouse.shipped", outputs={"tracking": "T1"}, delivery="12"),
    )


def test_a_call_back_that_reports_a_failure() -> None:
    message = {
        "type": "shipped",
        "ref": f"{ORDER}-7",
        "status": "FAILED",
        "reason": {"code": "LOST" * 50, "text": "Lost on the way; password=hunter22"},
    }
    taken = received(message)
    assert isinstance(taken, Addressed)
    assert isinstance(taken.event, CallbackArrived)
    assert taken.event.outputs == {}
    assert taken.event.failure == Failure(
        failure_class=FailureClass.BUSINESS,
        code=("LOST" * 50)[:80],
        message="Lost on the way; password=***",
        system="warehouse",
    )
    assert taken.event.delivery is None


def test_a_failure_without_words_gets_some() -> None:
    plain = event("done", "true", item="body.ref", ok="body.ok")
    taken = received({"ref": f"{ORDER}-1", "ok": False}, sets=(mapping_set(system(plain)),))
    assert isinstance(taken, Addressed)
    assert isinstance(taken.event, CallbackArrived)
    assert taken.event.failure is not None
    assert taken.event.failure.code == "REPORTED_FAILED"
    assert "warehouse" in taken.event.failure.message


@pytest.mark.parametrize(("ref", "epoch"), [(f"{ORDER}-7", None), (f"{ORDER}-7-2", 2)])
def test_a_call_back_names_the_attempt_or_the_item_alone(ref: str, epoch: int | None) -> None:
    taken = received({"type": "shipped", "ref": ref, "tracking": "T1"})
    assert isinstance(taken, Addressed)
    assert isinstance(taken.event, CallbackArrived)
    assert (taken.order, taken.event.item, taken.event.epoch) == (ORDER, 7, epoch)


def test_an_external_event() -> None:
    assert received({"stock": 3, "order": ORDER}) == Addressed(
        order=ORDER, event=ExternalEventArrived(name="warehouse.stock", payload={"left": 3})
    )


def test_the_first_event_that_holds_takes_it_and_one_that_can_not_be_asked_does_not() -> None:
    taken = received({"stock": 3, "order": ORDER, "type": "shipped", "ref": f"{ORDER}-7", "tracking": ""})
    assert isinstance(taken, Addressed)
    assert isinstance(taken.event, CallbackArrived)


def test_an_older_set_takes_what_the_current_one_does_not_know() -> None:
    newer = mapping_set(system(STOCK), hash="h2")
    taken = received({"type": "shipped", "ref": f"{ORDER}-7", "tracking": "T1"}, sets=(newer, *SETS))
    assert isinstance(taken, Addressed)
    other = mapping_set(System(name="billing", base_url="X"), hash="h3")
    assert isinstance(received({"stock": 3, "order": ORDER}, sets=(other, *SETS)), Addressed)


def test_expressions_see_headers_but_no_credentials() -> None:
    shown = event("any", "true", order="body.order", outputs={"headers": "headers", "status": "status"})
    taken = received(
        {"order": ORDER}, sets=(mapping_set(system(shown)),), X_Kind="a", Authorization="Bearer x", Cookie="c=d"
    )
    assert isinstance(taken, Addressed)
    assert isinstance(taken.event, ExternalEventArrived)
    assert taken.event.payload == {"headers": {"x-kind": "a"}, "status": 0}


@pytest.mark.parametrize("secret", ["new", "old"])
def test_while_a_secret_is_replaced_both_are_good(secret: str) -> None:
    assert isinstance(received({"stock": 3, "order": ORDER}, secret=secret), Addressed)


# -- what is refused --------------------------------------------------------------------------------------


def test_signatures() -> None:
    message = {"stock": 3, "order": ORDER}
    assert refused(message, secret="wrong") == (401, "SIGNATURE_WRONG")
    assert refused(message, X_Connector_Signature="") == (401, "SIGNATURE_MISSING")
    assert refused(message, X_Connector_Timestamp="1") == (401, "SIGNATURE_WRONG")
    body = json.dumps(message).encode()
    stamp = int((NOW - timedelta(minutes=6)).timestamp())
    old = {"X_Connector_Timestamp": str(stamp), "X_Connector_Signature": sign("new", stamp, body)}
    assert refused(message, **old) == (401, "TIMESTAMP_OUTSIDE_WINDOW")


def test_without_a_secret_nothing_can_be_checked_and_nothing_is_taken() -> None:
    assert refused({}, sets=(mapping_set(system(STOCK, secret="")),)) == (503, "NO_SECRET")
    assert refused({}, sets=(mapping_set(system(STOCK, secret="other")),)) == (503, "NO_SECRET")


def test_strangers() -> None:
    assert refused({}, name="nobody") == (404, "UNKNOWN_SYSTEM")
    assert refused({}, sets=(mapping_set(system()),)) == (404, "UNKNOWN_SYSTEM")
    assert refused({}, sets=()) == (404, "UNKNOWN_SYSTEM")


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"x" * (MAX_BYTES + 1), 413, "TOO_BIG"),
        (b"<xml/>", 400, "NOT_JSON"),
        (b'{"a": "\\u0000"}', 400, "NOT_JSON"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, 400, "NOT_JSON"),
        (b"", 400, "NOT_AN_OBJECT"),
        (b"[]", 400, "NOT_AN_OBJECT"),
        (b'"text"', 400, "NOT_AN_OBJECT"),
        (b"{}", 400, "NO_EVENT"),
    ],
)
def test_bodies(raw: bytes, status: int, code: str) -> None:
    assert refused(None, raw=raw) == (status, code)


def test_the_size_limit_is_inclusive() -> None:
    filler = MAX_BYTES - len(json.dumps({"stock": "", "order": ORDER}))
    assert isinstance(received({"stock": "x" * filler, "order": ORDER}), Addressed)


def test_no_event_says_what_was_looked_for() -> None:
    refusal = received({"kind": "shipped"})
    assert isinstance(refusal, Refusal)
    assert "shipped: 'type' is absent" in refusal.hint


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "x",
        "7",
        ORDER,
        f"{ORDER}-",
        f"{ORDER}-0",
        f"{ORDER}-007",
        f"{ORDER}-7 ",
        f"{ORDER}-" + "0" * 90 + "7x",
        f"{ORDER}-x",
        f"{ORDER}--7",
        f"{ORDER}-7-0",
        f"{ORDER}-7-1-1",
        f"{ORDER}-7-",
        f"{ORDER}-7-01",
        f"{ORDER}-{2**40}",
        f"{ORDER}-" + "1" * 5000,
        f"{ORDER}-\N{ARABIC-INDIC DIGIT SEVEN}",
        "a b-7",
        "'; drop table-7",
        7,
        None,
        {"a": 1},
    ],
)
def test_references_that_can_not_be(ref: Any) -> None:
    assert refused({"type": "shipped", "ref": ref, "tracking": ""}) == (404, "UNKNOWN_ITEM")


@pytest.mark.parametrize("order", ["", "x" * 41, "801 1", 5, None, ["801"]])
def test_orders_that_can_not_be(order: Any) -> None:
    assert refused({"stock": 1, "order": order}) == (404, "UNKNOWN_ORDER")


def test_a_message_that_lacks_something_hears_what() -> None:
    refusal = received({"type": "shipped", "ref": f"{ORDER}-7"})
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (400, "EXPRESSION_FAILED")
    assert "'tracking' is absent" in refusal.message


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.just("shipped") | json_values,
            "ref": st.just(f"{ORDER}-7") | json_values,
            "tracking": json_values,
            "status": json_values,
            "reason": json_values,
            "stock": json_values,
            "order": st.just(ORDER) | json_values,
        },
    )
)
def test_whatever_a_system_sends_it_is_taken_or_refused(message: dict[str, Any]) -> None:
    result = received(message)
    assert isinstance(result, (Addressed, Refusal))
    if isinstance(result, Addressed):
        assert json.dumps(
            getattr(result.event, "outputs", None) or getattr(result.event, "payload", {}), allow_nan=False
        )


@given(st.binary())
def test_whatever_bytes_come_they_are_refused_in_form(raw: bytes) -> None:
    assert isinstance(received(None, raw=raw), Refusal)
