"""Fulfillment systems, and the network to and from them. An idempotent interface knows a key again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import orjson
from msgspec import structs

from connector.callouts.attempt import Attempt
from connector.callouts.exchange import Answer
from connector.callouts.redaction import Redactor
from connector.callouts.verdict import CalloutEvent, failed, judge, polled
from connector.mappings.set import Interface, MappingSet
from connector.model.attempt import AttemptRecord, Outcome
from connector.model.events import (
    Addressed,
    CallbackArrived,
    CalloutAccepted,
    CalloutCompleted,
    CalloutFailed,
    CalloutPolled,
    PollVerdict,
)
from connector.model.failure import Failure, FailureClass
from connector.model.ids import parse_attempt_ref
from connector.model.json import JsonObject
from connector.model.work import Work
from tests.simulation.checker import Checker
from tests.simulation.world import World

_REDACTOR = Redactor()


@dataclass(frozen=True, slots=True)
class _Said:
    """What a system said to a key, and will say again."""

    status: int
    body: JsonObject


class Systems:
    """All systems. `tell` brings a message to the connector, however often that takes."""

    def __init__(self, world: World, checker: Checker) -> None:
        self.world = world
        self.checker = checker
        self.tell: Callable[[Addressed], None] = lambda _message: None
        self._said: dict[str, _Said] = {}
        self._visits: dict[str, tuple[float, bool]] = {}
        """By key: when it is known whether there will be a visit, and whether there will be."""

    def handle(self, work: Work, interface: Interface) -> Answer:
        """A request arrives: the answer, after whatever it effected."""
        if work.poll is not None:
            return Answer(status=200, body=orjson.dumps(self._status(work.request.path.removeprefix("/visits/"))))
        self.checker.requested(work)
        known = self._said.get(work.idempotency_key) if _knows_keys(interface) else None
        if known is not None and known.status == 202 and work.system == "net":
            self._call_back(work, good=bool(known.body["good"]))
        said = known or self._do(work, interface)
        if _knows_keys(interface):
            self._said[work.idempotency_key] = said
        return Answer(status=said.status, body=orjson.dumps(said.body))

    def _do(self, work: Work, interface: Interface) -> _Said:
        if self.world.strikes("refused"):
            return _Said(409, {"code": "TAKEN"})
        self.world.note("effect", work.idempotency_key)
        if work.awaits_event and work.system == "field":
            good = not self.world.strikes("refused")
            known_at = self.world.loop.time() + self.world.rng.uniform(0.1, 6.0)
            self._visits[work.idempotency_key] = (known_at, good)
            self.checker.effected(work, is_idempotent=_knows_keys(interface), lasting=good)
            return _Said(202, {})
        if work.awaits_event:
            good = not self.world.strikes("refused")
            self.checker.decided(work, good=good)
            self._call_back(work, good=good)
            self.checker.effected(work, is_idempotent=_knows_keys(interface), lasting=good)
            return _Said(202, {"good": good})
        self.checker.effected(work, is_idempotent=_knows_keys(interface), lasting=True)
        return _Said(200, {"number": f"N-{work.idempotency_key}"})

    def _status(self, key: str) -> JsonObject:
        known_at, good = self._visits[key]
        if self.world.loop.time() < known_at:
            return {"state": "asked"}
        return {"state": "booked", "slot": "morning"} if good else {"state": "refused"}

    def _call_back(self, work: Work, *, good: bool) -> None:
        """A call-back later, or never, or twice, or before the answer."""
        failure = None if good else Failure(failure_class=FailureClass.BUSINESS, code="NO_ACCESS", message="no")
        order, item, epoch = parse_attempt_ref(str(cast("JsonObject", work.request.body)["reference"]))
        event = CallbackArrived(
            item=item,
            epoch=epoch,
            name="net.activated",
            outputs={"activatedAs": work.idempotency_key},
            failure=failure,
            delivery=f"activated-{work.idempotency_key}",
        )
        if self.world.strikes("message_lost"):
            return
        first = self.world.strikes("message_first")
        for _ in range(1 + self.world.strikes("message_twice")):
            delay = 0.0 if first else self.world.rng.uniform(0.1, 12.0 if not self.world.calm else 3.0)
            if self.world.strikes("message_anew"):
                event = structs.replace(event, delivery=f"{event.delivery}-again")
            message = Addressed(order=order, event=event)
            self.world.loop.outside(delay, lambda message=message: self.tell(message))  # type: ignore[misc]


def _knows_keys(interface: Interface) -> bool:
    """The system recognises a request that it has had: its own business, whatever the connector thinks."""
    return interface.idempotency_header is not None


class SimulatedSender:
    """`Sender`: one attempt over the simulated network, judged by the real verdict."""

    def __init__(self, systems: Systems) -> None:
        self._systems = systems

    async def attempt(self, work: Work, mapping_set: MappingSet) -> Attempt:
        """Make one attempt."""
        world = self._systems.world
        interface = mapping_set.interface(work.interface)
        started = world.clock()
        self._systems.checker.sending(work)
        result = await self._exchange(work, interface)
        event: CalloutEvent
        if isinstance(result, Failure):
            event = failed(work, result)
        else:
            completion = mapping_set.definition(*work.poll).completes if work.poll is not None else None
            poll = completion.poll if completion is not None else None
            event = judge(work, interface, result, now=world.clock(), redactor=_REDACTOR, poll=poll)
        if isinstance(event, CalloutFailed) and work.poll is not None:
            event = polled(work, PollVerdict.UNKNOWN, failure=event.failure)
        record = AttemptRecord(
            order=work.order,
            item=work.item,
            epoch=work.epoch,
            attempt=work.attempt,
            interface=work.interface,
            started_at=started,
            seconds=0.0,
            method=work.request.method,
            path=work.request.path,
            status=result.status if isinstance(result, Answer) else None,
            outcome=_outcome(event),
            code=None,
            idempotency_key=work.idempotency_key,
            bytes=0,
            sendings=1,
        )
        world.note("answered", work.idempotency_key, work.attempt, record.outcome)
        return Attempt(event=event, record=record)

    async def _exchange(self, work: Work, interface: Interface) -> Answer | Failure:
        world = self._systems.world
        if world.strikes("request_lost"):
            await world.delay(0.05, 1.0)
            return Failure(failure_class=FailureClass.TRANSIENT, code="CONNECT_FAILED", message="nothing was sent")
        if world.strikes("locked_out"):
            await world.delay(0.01, 0.1)
            return Answer(status=401, body=b"{}")
        if world.strikes("busy"):
            await world.delay(0.01, 0.1)
            return Answer(status=503, body=b"{}")
        answer: asyncio.Future[Answer] = world.loop.create_future()
        silent, slow = world.strikes("answer_lost"), world.strikes("answer_slow")

        def arrive() -> None:
            reply = self._systems.handle(work, interface)
            if not silent:
                world.loop.outside(world.rng.uniform(0.01, 6.0 if slow else 0.2), lambda: _give(answer, reply))

        world.loop.outside(world.rng.uniform(0.005, 2.0 if slow else 0.1), arrive)
        try:
            async with asyncio.timeout(interface.timeout.total_seconds()):
                return await answer
        except TimeoutError:
            return Failure(failure_class=FailureClass.UNKNOWN_OUTCOME, code="TIMEOUT", message="no answer in time")


def _give(answer: asyncio.Future[Answer], reply: Answer) -> None:
    if not answer.done():
        answer.set_result(reply)


def _outcome(event: CalloutEvent) -> Outcome:
    match event:
        case CalloutCompleted():
            return "completed"
        case CalloutAccepted():
            return "accepted"
        case CalloutFailed(failure=failure) | CalloutPolled(failure=Failure() as failure):
            return failure.failure_class.value
        case CalloutPolled():
            return "pending"
