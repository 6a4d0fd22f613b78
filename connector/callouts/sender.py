"""One attempt of one callout: from work to what the machine hears of it.

An attempt may send the request several times within about a second, where that surely does no harm:
after a failure before anything was sent, or, when the interface is idempotent, after any failure that
may pass by itself. Longer waits are the plan's: they survive a restart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import cast

import httpx
import orjson
import structlog
from msgspec import structs
from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, wait_random_exponential

from connector import __version__
from connector.callouts.attempt import Attempt
from connector.callouts.connections import Connections, trust_in
from connector.callouts.destination import Destination, Destinations
from connector.callouts.exchange import Answer, exchange
from connector.callouts.headers import checked, from_mapping
from connector.callouts.redaction import Redactor
from connector.callouts.refusal import RequestRefused
from connector.callouts.target import target
from connector.callouts.tokens import Authenticator, NoToken, authenticator
from connector.callouts.verdict import CalloutEvent, failed, judge, polled
from connector.errors import SettingsError
from connector.mappings.set import Interface, MappingSet, Poll, System
from connector.model.attempt import AttemptRecord, Outcome
from connector.model.events import CalloutAccepted, CalloutCompleted, CalloutFailed, CalloutPolled, PollVerdict
from connector.model.failure import Failure, FailureClass
from connector.model.json import Json
from connector.model.work import RenderedRequest, Work

SHORT_WAIT = 2.0
"""Longest Retry-After that is waited for within an attempt, in seconds."""

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})

_MAX_MESSAGE = 1_000
_MAX_CONTENT = 1_500

_OURS = {"user-agent": f"order-connector/{__version__}", "accept-encoding": "identity"}

_log = structlog.get_logger("callouts")
_backoff = wait_random_exponential(multiplier=0.1, max=0.5)


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class CalloutSender:
    """Sends requests to where `destinations` says, and nowhere else.

    Each system has as many connections as its concurrency. Close it when
    nothing runs any more. `sleep` is what the short retries wait with: tests give one that doesn't.
    """

    def __init__(
        self,
        destinations: Destinations,
        *,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._destinations = destinations
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[_LineKey, _Line] = {}

    async def perform(self, work: Work, mapping_set: MappingSet) -> CalloutEvent:
        """Make one attempt. Raises nothing that a remote system, a mapping or a setting could cause."""
        return (await self.attempt(work, mapping_set)).event

    async def attempt(self, work: Work, mapping_set: MappingSet) -> Attempt:
        """Make one attempt, and tell what came of it together with the line for the attempt log."""
        started_at, started = self._clock(), time.perf_counter()
        course = _Course()
        try:
            call = self._prepare(work, mapping_set)
        except RequestRefused as refusal:
            event: CalloutEvent = failed(work, _refused(refusal))
        else:
            event = await self._send(call, course)
        redactor = course.redactor()
        if isinstance(event, (CalloutFailed, CalloutPolled)) and event.failure is not None:
            event = structs.replace(event, failure=_for_people(event.failure, work, course.answer, redactor))
        if isinstance(event, CalloutFailed) and work.poll is not None:
            event = polled(work, PollVerdict.UNKNOWN, failure=event.failure)
        record = AttemptRecord(
            order=work.order,
            item=work.item,
            epoch=work.epoch,
            attempt=work.attempt,
            interface=work.interface,
            started_at=started_at,
            seconds=time.perf_counter() - started,
            method=work.request.method[:10],
            path=redactor.text(work.request.path, 500),
            status=course.status,
            outcome=_outcome(event),
            code=_code(event),
            idempotency_key=work.idempotency_key,
            bytes=course.answer.size if course.answer else 0,
            sendings=course.sendings,
        )
        _log.info("callout_attempted", **structs.asdict(record))
        return Attempt(event=event, record=record)

    async def close(self) -> None:
        """Close every connection."""
        lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            await line.authenticator.close()
            await line.tokens.close()
            await line.connections.close()

    def _prepare(self, work: Work, mapping_set: MappingSet) -> _Call:
        try:
            system = mapping_set.systems[work.system]
            interface = mapping_set.interface(work.interface)
            completion = mapping_set.definition(*work.poll).completes if work.poll is not None else None
        except KeyError:
            raise RequestRefused("NO_SUCH_INTERFACE", f"The mapping set has no interface {work.interface!r}.") from None
        line = self._line(system)
        request = work.request
        if request.method not in METHODS:
            raise RequestRefused("METHOD_REFUSED", f"{request.method[:20]!r} is not a method that is sent.")
        address = target(line.base.raw_path.decode("ascii"), request.path, request.query)
        content = _content(request.body)
        headers = {"host": line.base.netloc.decode("ascii"), "accept": "application/json"}
        if content is not None:
            headers["content-type"] = "application/json"
        headers |= from_mapping(request.headers)
        headers |= _OURS
        if interface.idempotency_header and completion is None:
            headers |= checked({interface.idempotency_header: work.idempotency_key})
        return _Call(
            work=work,
            system=system,
            interface=interface,
            line=line,
            target=address.encode("ascii"),
            headers=headers,
            content=content,
            poll=completion.poll if completion is not None else None,
        )

    def _line(self, system: System) -> _Line:
        key = (system.name, system.base_url, system.auth, system.auth_name, system.concurrency)
        if key not in self._lines:
            self._lines[key] = self._new_line(system)
        return self._lines[key]

    def _new_line(self, system: System) -> _Line:
        try:
            destination = _usable(self._destinations(system), system)
            trust = trust_in(destination.ca_file)
        except SettingsError as error:
            reason = str(error)
        except OSError as error:
            reason = f"Its authorities can't be read: {error.strerror}."
        else:
            tokens = Connections(1, trust)
            return _Line(
                base=_base(destination),
                connections=Connections(system.concurrency, trust),
                tokens=tokens,
                authenticator=authenticator(destination.credentials, tokens),
            )
        raise RequestRefused(
            "NO_DESTINATION", f"The destination {system.base_url!r} of the system {system.name} can't be used. {reason}"
        )

    async def _send(self, call: _Call, course: _Course) -> CalloutEvent:
        first = await self._send_once(call, course)
        if not _may_pass(first, call.interface):
            return first
        made = [first]

        async def sending() -> CalloutEvent:
            return made.pop() if made else await self._send_once(call, course)

        retrying = AsyncRetrying(
            stop=stop_after_attempt(1 + max(call.interface.short_retries, 0)),
            retry=retry_if_result(lambda event: _may_pass(event, call.interface)),
            wait=_wait,
            sleep=self._sleep,
            retry_error_callback=_last_event,
        )
        return cast("CalloutEvent", await retrying(sending))

    async def _send_once(self, call: _Call, course: _Course) -> CalloutEvent:
        result: Answer | Failure
        try:
            result = await self._exchange(call, course)
        except NoToken as no_token:
            result = no_token.failure
        except RequestRefused as refusal:
            result = _refused(refusal)
        course.answer = result if isinstance(result, Answer) else None
        course.status = result.status if isinstance(result, Answer) else result.http_status
        if isinstance(result, Failure):
            return failed(call.work, result)
        return judge(call.work, call.interface, result, now=self._clock(), redactor=course.redactor(), poll=call.poll)

    async def _exchange(self, call: _Call, course: _Course) -> Answer | Failure:
        line = call.line
        for first in (True, False):
            course.secrets.update(line.authenticator.secrets)
            credentials = await line.authenticator.headers()
            course.secrets.update(line.authenticator.secrets)
            request = _request(call, credentials)
            async with line.connections.one() as connection:
                course.sendings += 1
                result = await exchange(
                    connection,
                    request,
                    max_bytes=call.system.max_response_bytes,
                    seconds=call.interface.timeout.total_seconds(),
                )
            unauthorized = isinstance(result, Answer) and result.status == 401  # noqa: PLR2004 - HTTP's own word
            if not (first and unauthorized and line.authenticator.refused(credentials)):
                break
        return result


_LineKey = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """The way to one system: `base` is its address, `tokens` are the connections to its token server."""

    base: httpx.URL
    connections: Connections
    tokens: Connections
    authenticator: Authenticator


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A request that is ready but for its credentials."""

    work: Work
    system: System
    interface: Interface
    line: _Line
    target: bytes
    headers: Mapping[str, str]
    content: bytes | None
    poll: Poll | None


class _Course:
    """What has happened in an attempt so far."""

    def __init__(self) -> None:
        self.sendings = 0
        self.status: int | None = None
        self.answer: Answer | None = None
        self.secrets: set[str] = set()

    def redactor(self) -> Redactor:
        """One that knows every secret that was used."""
        return _redactor(frozenset(self.secrets))


@lru_cache(maxsize=64)
def _redactor(secrets: frozenset[str]) -> Redactor:
    return Redactor(secrets)


def _usable(destination: Destination | None, system: System) -> Destination:
    if destination is None:
        raise SettingsError("It is not in the settings.")
    kind = destination.credentials.kind if destination.credentials else "none"
    if kind != system.auth:
        raise SettingsError(
            f"Its credentials {system.auth_name!r} are of kind {kind}, but the mapping says {system.auth}."
        )
    return destination


def _base(destination: Destination) -> httpx.URL:
    try:
        return httpx.URL(destination.base_url)
    except httpx.InvalidURL as error:
        raise RequestRefused("REQUEST_REFUSED", f"The address of the system can't be used: {error}.") from None


def _content(body: Json) -> bytes | None:
    if body is None:
        return None
    try:
        return orjson.dumps(body)
    except (TypeError, ValueError) as error:
        raise RequestRefused("BODY_REFUSED", f"The body of the request has no form in JSON: {error}") from None


def _request(call: _Call, credentials: Mapping[str, str]) -> httpx.Request:
    # With a target of its own the request keeps the path just as it was rendered and checked, and needs no
    # address that is parsed anew for every one.
    return httpx.Request(
        call.work.request.method,
        call.line.base,
        headers={**call.headers, **checked(credentials)},
        stream=httpx.ByteStream(call.content or b""),
        extensions={"target": call.target},
    )


def _refused(refusal: RequestRefused) -> Failure:
    return Failure(failure_class=FailureClass.CONFIGURATION, code=refusal.reason, message=str(refusal))


def _may_pass(event: CalloutEvent, interface: Interface) -> bool:
    """Sending again at once does no harm, and may help."""
    if not isinstance(event, CalloutFailed):
        return False
    failure = event.failure
    if failure.retry_after is not None and failure.retry_after > SHORT_WAIT:
        return False
    if failure.failure_class is FailureClass.UNKNOWN_OUTCOME:
        return interface.is_idempotent
    surely_without_effect = failure.http_status is None
    return failure.failure_class is FailureClass.TRANSIENT and (surely_without_effect or interface.is_idempotent)


def _wait(state: RetryCallState) -> float:
    event = state.outcome.result() if state.outcome else None
    asked = event.failure.retry_after if isinstance(event, CalloutFailed) else None
    return max(_backoff(state), asked or 0.0)


def _last_event(state: RetryCallState) -> CalloutEvent:
    assert state.outcome is not None, "tenacity calls this after an attempt"
    return cast("CalloutEvent", state.outcome.result())


def _detail(request: RenderedRequest, answer: Answer | None, redactor: Redactor) -> str:
    """The request and the start of the answer, for the person who looks into the failure."""
    query = "&".join(f"{name}={value}" for name, value in redactor.pairs(request.query).items())
    lines = [f"{request.method} {redactor.text(request.path, 500)}{'?' if query else ''}{redactor.text(query, 500)}"]
    if request.body is not None:
        lines.append(redactor.document(request.body, _MAX_CONTENT))
    if answer is not None:
        lines.append(f"HTTP {answer.status}")
        if answer.body:
            lines.append(redactor.content(answer.body, _MAX_CONTENT))
    return "\n".join(lines)


def _for_people(failure: Failure, work: Work, answer: Answer | None, redactor: Redactor) -> Failure:
    """The failure with its context and without secrets."""
    return replace(
        failure,
        system=work.system,
        interface=work.interface,
        message=redactor.text(failure.message, _MAX_MESSAGE),
        detail=_detail(work.request, answer, redactor),
    )


def _code(event: CalloutEvent) -> str | None:
    failure = event.failure if isinstance(event, (CalloutFailed, CalloutPolled)) else None
    return failure.code if failure is not None else None


def _outcome(event: CalloutEvent) -> Outcome:
    match event:
        case CalloutPolled(failure=Failure() as failure):
            return failure.failure_class.value
        case CalloutPolled(verdict=verdict):
            return "completed" if verdict is PollVerdict.DONE else "pending"
        case CalloutCompleted():
            return "completed"
        case CalloutAccepted():
            return "accepted"
        case CalloutFailed(failure=failure):
            return failure.failure_class.value
