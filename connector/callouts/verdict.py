"""What an answer means for the item that asked: pure.

In order: `ok` holds → completed (or accepted, for an item that awaits an event); else the first error
rule that holds decides; else the status does, by the table below. An expression that fails on a
readable answer is a failure of the mapping; on an answer without readable content (a proxy's error
page) it only doesn't hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeAlias

from connector.callouts.document import NotJson, is_finite, parse
from connector.callouts.exchange import Answer
from connector.callouts.redaction import Redactor
from connector.mappings.expression import Activation, EvaluationError, Expression
from connector.mappings.set import RESPONSE, ErrorRule, Interface, Poll
from connector.model.events import CalloutAccepted, CalloutCompleted, CalloutFailed, CalloutPolled, PollVerdict
from connector.model.failure import Failure, FailureClass
from connector.model.json import Json, JsonObject
from connector.model.work import Work

CalloutEvent: TypeAlias = CalloutCompleted | CalloutAccepted | CalloutFailed | CalloutPolled
"""How an attempt ended, as the machine hears of it."""

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that say: not now. Everything else that no error rule names needs a person."""

MAX_RETRY_AFTER = 86_400.0
"""Longest wait that a system's Retry-After is believed, in seconds."""

_QUOTED = 200
_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)
_CLIENT_ERROR = range(400, 500)


def judge(
    work: Work, interface: Interface, answer: Answer, *, now: datetime, redactor: Redactor, poll: Poll | None = None
) -> CalloutEvent:
    """What the answer to a callout means, or (`poll`) the answer to the question how far one is.

    What a failure quotes of the answer has no secrets in it.
    """
    content = _Content.of(answer, redactor)
    try:
        if poll is not None:
            return _judge_poll(work, interface, poll, answer, content, now=now)
        return _judge(work, interface, answer, content, now)
    except _BadExpression as bad:
        return failed(
            work,
            Failure(
                failure_class=FailureClass.CONFIGURATION,
                code="EXPRESSION_FAILED",
                message=f"The expression {bad.place} of {interface.full_name} does not fit the answer: {bad.error}",
                http_status=answer.status,
            ),
        )


def failed(work: Work, failure: Failure) -> CalloutFailed:
    """The event of a failed attempt."""
    return CalloutFailed(item=work.item, epoch=work.epoch, attempt=work.attempt, failure=failure)


def polled(
    work: Work, verdict: PollVerdict, *, outputs: JsonObject | None = None, failure: Failure | None = None
) -> CalloutPolled:
    """The event of an answer to the question how far an accepted callout is."""
    return CalloutPolled(
        item=work.item, epoch=work.epoch, poll=work.attempt, verdict=verdict, outputs=outputs or {}, failure=failure
    )


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """The seconds that a system asks us to wait (RFC 9110, 10.2.3: seconds or a date); None: it doesn't say."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), MAX_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), MAX_RETRY_AFTER)


class _BadExpression(Exception):
    def __init__(self, place: str, error: EvaluationError) -> None:
        super().__init__(place)
        self.place = place
        self.error = error


class _Content:
    """The content of an answer as expressions see it; `fault` is why it can't be read, where it can't."""

    __slots__ = ("activation", "fault", "fault_code")

    def __init__(self, answer: Answer, body: Json = None, fault_code: str = "", fault: str = "") -> None:
        self.activation: Activation = RESPONSE.activation(
            {"status": answer.status, "headers": dict(answer.headers), "body": body}
        )
        self.fault_code = fault_code
        self.fault = fault

    @classmethod
    def of(cls, answer: Answer, redactor: Redactor) -> _Content:
        if answer.unreadable == "RESPONSE_TOO_BIG":
            fault = "The answer is bigger than the system's max_response_bytes."
            return cls(answer, fault_code=answer.unreadable, fault=fault)
        if answer.unreadable:
            fault = f"The answer is encoded as {answer.headers.get('content-encoding', '')!r}, which was not asked for."
            return cls(answer, fault_code=answer.unreadable, fault=fault)
        try:
            return cls(answer, parse(answer.body))
        except NotJson as error:
            fault = f"The answer is not JSON ({error}): {redactor.content(answer.body, _QUOTED)}"
            return cls(answer, fault_code="NOT_JSON", fault=fault)

    def holds(self, expression: Expression, place: str, *, lenient: bool = False) -> bool:
        try:
            return expression.is_true(self.activation)
        except EvaluationError as error:
            if self.fault or lenient:
                return False
            raise _BadExpression(place, error) from None


def _judge(work: Work, interface: Interface, answer: Answer, content: _Content, now: datetime) -> CalloutEvent:
    accepted = work.awaits_event and _is_accepted(interface, answer, content)
    if accepted or content.holds(interface.ok, "`ok`"):
        if content.fault:
            return failed(work, _unreadable(answer, content))
        outputs = _outputs(interface, content)
        kind = CalloutAccepted if accepted or (work.awaits_event and interface.accepted is None) else CalloutCompleted
        return kind(item=work.item, epoch=work.epoch, attempt=work.attempt, outputs=outputs)
    return failed(work, _first_rule(interface, answer, content, now) or _by_status(answer, content, now))


def _judge_poll(
    work: Work, interface: Interface, poll: Poll, answer: Answer, content: _Content, *, now: datetime
) -> CalloutEvent:
    """An answer that is ok has to fit the expressions; one that is not may all the same be what they tell of."""
    is_ok = content.holds(interface.ok, "`ok`")
    if is_ok and content.fault:
        return failed(work, _unreadable(answer, content))
    if content.holds(poll.until, "`until`", lenient=not is_ok):
        return polled(work, PollVerdict.DONE, outputs=_outputs(interface, content))
    if poll.fails is not None and content.holds(poll.fails, "`fails`", lenient=not is_ok):
        told = _first_rule(interface, answer, content, now)
        failure = told or Failure(
            failure_class=FailureClass.BUSINESS,
            code="REPORTED_FAILED",
            message=f"{interface.full_name} says that it has failed.",
            http_status=answer.status,
        )
        return polled(work, PollVerdict.FAILED, failure=replace(failure, failure_class=FailureClass.BUSINESS))
    if is_ok:
        return polled(work, PollVerdict.PENDING)
    return failed(work, _first_rule(interface, answer, content, now) or _by_status(answer, content, now))


def _first_rule(interface: Interface, answer: Answer, content: _Content, now: datetime) -> Failure | None:
    for number, rule in enumerate(interface.errors, 1):
        if content.holds(rule.when, f"`when` of error rule {number}"):
            return _by_rule(rule, answer, content, now)
    return None


def _is_accepted(interface: Interface, answer: Answer, content: _Content) -> bool:
    if interface.accepted is not None:
        return content.holds(interface.accepted, "`accepted`")
    return answer.status == 202  # noqa: PLR2004 - HTTP's own word for it


def _outputs(interface: Interface, content: _Content) -> JsonObject:
    outputs: dict[str, Json] = {}
    for name, expression in interface.outputs.items():
        place = f"of output `{name}`"
        try:
            value = expression.evaluate(content.activation)
        except EvaluationError as error:
            raise _BadExpression(place, error) from None
        if not is_finite(value):
            raise _BadExpression(place, EvaluationError(expression, "gives a number that JSON does not have"))
        outputs[name] = value
    return outputs


def _by_rule(rule: ErrorRule, answer: Answer, content: _Content, now: datetime) -> Failure:
    message = f"The system answered with status {answer.status}."
    if rule.message is not None:
        # What the failure is, is known; a message that can't be made is no reason to forget it.
        try:
            value = rule.message.evaluate(content.activation)
            message = value if isinstance(value, str) else str(value)
        except EvaluationError as error:
            message = f"{message} (Its message could not be made: {error})"
    return Failure(
        failure_class=rule.failure_class,
        code=rule.code,
        message=message,
        http_status=answer.status,
        retry_after=retry_after(answer.headers, now) if rule.failure_class is FailureClass.TRANSIENT else None,
    )


def _unreadable(answer: Answer, content: _Content) -> Failure:
    return Failure(
        failure_class=FailureClass.CONFIGURATION,
        code=content.fault_code,
        message=content.fault,
        http_status=answer.status,
    )


def _by_status(answer: Answer, content: _Content, now: datetime) -> Failure:
    status = answer.status
    failure_class, code = FailureClass.CONFIGURATION, f"HTTP_{status}"
    wait = None
    if status in TRANSIENT_STATUSES:
        failure_class, wait = FailureClass.TRANSIENT, retry_after(answer.headers, now)
        message = f"The system can't do it now: it answered with status {status}."
    elif status in (401, 403):
        message = f"The system refused our credentials with status {status}."
    elif status in _REDIRECT:
        place = answer.headers.get("location", "")
        message = f"The system answered with status {status}, a redirect to {place!r}; redirects are not followed."
    elif status in _CLIENT_ERROR:
        failure_class = FailureClass.BUSINESS
        message = f"The system refused the request with status {status}."
    elif status in _SUCCESS:
        if content.fault:
            return _unreadable(answer, content)
        code = "NOT_OK"
        message = f"The answer with status {status} is not `ok` by the mapping, and no error rule names it."
    else:
        message = f"The system answered with status {status}, which nothing is known about."
    if content.fault:
        message = f"{message} {content.fault}"
    return Failure(failure_class=failure_class, code=code, message=message, http_status=status, retry_after=wait)
