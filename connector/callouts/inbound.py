"""What a fulfillment system sends us: checked, interpreted by the mapping, turned into an event. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from pydantic import SecretStr

from connector.callouts.document import NotJson, is_finite, parse
from connector.callouts.redaction import Redactor
from connector.callouts.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, SignatureFault, verify
from connector.mappings.expression import Activation, EvaluationError, Expression
from connector.mappings.set import RESPONSE, InboundEvent, MappingSet, System
from connector.model.events import Addressed, CallbackArrived, ExternalEventArrived
from connector.model.failure import Failure, FailureClass
from connector.model.ids import OrderId, parse_attempt_ref
from connector.model.json import Json, JsonObject

MAX_BYTES = 256_000
"""Biggest message accepted."""

Secrets: TypeAlias = Callable[[str], Sequence[SecretStr]]
"""The secrets of the name that `System.inbound_secret` has: none, one, or several while one is replaced."""

_MAX_CODE = 80
_MAX_MESSAGE = 4_000
_MAX_DELIVERY = 200
_MAX_ITEM = 2**31 - 1
_ORDER_ID = re.compile(r"[A-Za-z0-9_]{1,40}")
_HIDDEN_HEADERS = frozenset({SIGNATURE_HEADER, TIMESTAMP_HEADER, "authorization", "proxy-authorization", "cookie"})

_FAULTS = {
    SignatureFault.MISSING: (
        "The message is not signed.",
        "Send X-Connector-Timestamp and X-Connector-Signature: v1=<hex HMAC-SHA256 of timestamp + '.' + body>.",
    ),
    SignatureFault.WRONG: (
        "The signature does not fit the message.",
        "Sign the very bytes that are sent, after the timestamp and a dot, with the secret of this system.",
    ),
    SignatureFault.OUT_OF_TIME: (
        "The message was signed more than 5 minutes away from now.",
        "Check the sender's clock, and sign a repetition anew.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A message that is not taken: HTTP status, stable code, one sentence, what to do."""

    status: int
    code: str
    message: str
    hint: str = ""


def receive(
    system: str,
    raw_body: bytes,
    headers: Mapping[str, str],
    *,
    now: datetime,
    mapping_sets: Sequence[MappingSet],
    secrets: Secrets,
) -> Addressed | Refusal:
    """Check a message and find out what happened to which order.

    Of the mapping sets, the first one with an event definition that takes the message interprets it.
    Whether order and item exist is for the caller to see.
    """
    if len(raw_body) > MAX_BYTES:
        return Refusal(status=413, code="TOO_BIG", message=f"The message has more than {MAX_BYTES} bytes.")
    senders = [found for mapping_set in mapping_sets if (found := mapping_set.systems.get(system)) and found.events]
    if not senders:
        return Refusal(status=404, code="UNKNOWN_SYSTEM", message="No system of this name sends messages here.")
    lowered = {name.lower(): value for name, value in headers.items()}
    refusal = _check_signature(senders, lowered, raw_body, now, secrets)
    if refusal is not None:
        return refusal
    try:
        body = parse(raw_body)
    except NotJson as error:
        return Refusal(status=400, code="NOT_JSON", message=f"The message is not JSON: {error}.")
    if not isinstance(body, dict):
        return Refusal(status=400, code="NOT_AN_OBJECT", message="The message is not a JSON object.")
    shown = {name: value for name, value in lowered.items() if name not in _HIDDEN_HEADERS}
    # An inbound message has no status; expressions that are shared with answers may name it.
    return _interpret(senders, RESPONSE.activation({"status": 0, "headers": shown, "body": body}))


def _check_signature(
    senders: Sequence[System], headers: Mapping[str, str], body: bytes, now: datetime, secrets: Secrets
) -> Refusal | None:
    known = [
        secret.get_secret_value().rstrip("\r\n")
        for name in dict.fromkeys(sender.inbound_secret for sender in senders)
        for secret in secrets(name)
    ]
    if not any(known):
        return Refusal(
            status=503,
            code="NO_SECRET",
            message="Messages of this system can't be checked: no secret is configured for it.",
            hint="The operator of the connector has to set it; send the message again later.",
        )
    fault = verify(known, headers, body, now)
    if fault is None:
        return None
    message, hint = _FAULTS[fault]
    return Refusal(status=401, code=fault.value, message=message, hint=hint)


def _interpret(senders: Sequence[System], activation: Activation) -> Addressed | Refusal:
    reasons: list[str] = []
    for sender in senders:
        for event in sender.events.values():
            try:
                if event.when.is_true(activation):
                    return _address(event, activation)
            except EvaluationError as error:
                reasons.append(f"{event.name}: {error.reason}")
    hint = "; ".join(reasons)[:500]
    return Refusal(status=400, code="NO_EVENT", message="No event of this system takes the message.", hint=hint)


def _address(event: InboundEvent, activation: Activation) -> Addressed | Refusal:
    try:
        if event.item is not None:
            return _callback(event, event.item, activation)
        if event.order is not None:
            return _external(event, event.order, activation)
    except EvaluationError as error:
        return Refusal(
            status=400,
            code="EXPRESSION_FAILED",
            message=f"The message lacks something that the event {event.full_name} needs: {error.reason}.",
            hint=f"{error.expression.text} ({error.expression.source})",
        )
    return Refusal(status=400, code="NO_EVENT", message=f"The event {event.full_name} names neither item nor order.")


def _callback(event: InboundEvent, item: Expression, activation: Activation) -> Addressed | Refusal:
    ref = item.evaluate(activation)
    try:
        order, number, epoch = parse_attempt_ref(ref if isinstance(ref, str) else "")
    except ValueError:
        return unknown("item")
    if number > _MAX_ITEM:
        return unknown("item")
    is_ok = event.ok is None or event.ok.is_true(activation)
    callback = CallbackArrived(
        item=number,
        epoch=epoch,
        name=event.full_name,
        outputs=_outputs(event, activation) if is_ok else {},
        failure=None if is_ok else _failure(event, activation),
        delivery=_delivery(event, activation),
    )
    return Addressed(order=order, event=callback)


def _external(event: InboundEvent, order: Expression, activation: Activation) -> Addressed | Refusal:
    order_id = order.evaluate(activation)
    if not isinstance(order_id, str) or not _ORDER_ID.fullmatch(order_id):
        return unknown("order")
    arrived = ExternalEventArrived(
        name=event.full_name, payload=_outputs(event, activation), delivery=_delivery(event, activation)
    )
    return Addressed(order=OrderId(order_id), event=arrived)


def unknown(what: str) -> Refusal:
    """The message is about an order or item that is not here."""
    return Refusal(
        status=404,
        code=f"UNKNOWN_{what.upper()}",
        message=f"The message names no {what} that is known here.",
        hint="Give back the reference exactly as it was in the request.",
    )


def _outputs(event: InboundEvent, activation: Activation) -> JsonObject:
    outputs: dict[str, Json] = {}
    for name, expression in event.outputs.items():
        value = expression.evaluate(activation)
        if not is_finite(value):
            raise EvaluationError(expression, "gives a number that JSON does not have")
        outputs[name] = value
    return outputs


def _failure(event: InboundEvent, activation: Activation) -> Failure:
    return Failure(
        failure_class=FailureClass.BUSINESS,
        code=_text(event.code, activation, _MAX_CODE) or "REPORTED_FAILED",
        message=Redactor().text(_text(event.message, activation, _MAX_MESSAGE))
        or f"{event.system} reported a failure ({event.name}).",
        system=event.system,
    )


def _delivery(event: InboundEvent, activation: Activation) -> str | None:
    return _text(event.delivery, activation, _MAX_DELIVERY) or None


def _text(expression: Expression | None, activation: Activation, limit: int) -> str:
    value = expression.evaluate(activation) if expression is not None else None
    return "" if value is None else (value if isinstance(value, str) else str(value))[:limit]
