"""One order played in a time of its own: the real machine, a real mapping set, the demo's simulated systems.

A second of the demo is four hours here, so that parcels and technicians take days. Every answer takes one
second. Nothing is sent anywhere, and the same play always gives the same.
"""

from __future__ import annotations

import heapq
import itertools
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from connector.callouts.exchange import Answer as Answered
from connector.callouts.inbound import Refusal, receive
from connector.callouts.redaction import Redactor
from connector.callouts.verdict import judge
from connector.demo.simulated.calls import Answer, Call, Operation, Refused
from connector.demo.simulated.memory import Memory
from connector.demo.simulated.messages import sign
from connector.demo.systems import SYSTEMS
from connector.mappings.set import MappingSet
from connector.model.commands import (
    AnswerCommand,
    Assetize,
    ClearTimers,
    Command,
    InvokeCallout,
    RaiseFallout,
    Record,
    SetTimer,
)
from connector.model.dossier import HistoryLine
from connector.model.events import Event, OrderRead, TimerDue
from connector.model.ids import ItemNo
from connector.model.order import InventoryItem, Order
from connector.model.plan import Plan
from connector.model.technical import TechnicalLine
from connector.model.work import RenderedRequest, Work
from connector.orchestrator.machine import begin, handle

ANSWER_TIME = timedelta(seconds=1)
"""What every answer takes."""

SLOWER = 4 * 3600
"""So many times slower than in the demo everything else goes."""

_SECRET = "of the play"  # noqa: S105 - nobody else hears it


People = Callable[["World"], Iterator[Event]]
"""What people do as soon as they see something to be done."""


def nobody(_: World) -> Iterator[Event]:
    """Nobody does anything."""
    return iter(())


class NeverHappens(Exception):
    """The play came to its end, or to nothing that goes on by itself, before the moment that was waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request that a system got, and what it answered."""

    at: datetime
    item: ItemNo
    system: str
    method: str
    path: str
    status: int


@dataclass
class Clock:
    """The time of a play."""

    now: datetime

    def seconds(self) -> float:
        """Since 1970."""
        return self.now.timestamp()


@dataclass
class World:
    """An order in fulfillment. `people` act as soon as something has happened."""

    mappings: MappingSet
    clock: Clock
    plan: Plan
    memories: Mapping[str, Memory]
    people: People
    history: list[HistoryLine] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    fallouts: list[RaiseFallout] = field(default_factory=list)
    answers: list[AnswerCommand] = field(default_factory=list)
    assets: dict[tuple[str, str], TechnicalLine] = field(default_factory=dict)
    """What the inventory was brought to."""
    _due: list[tuple[datetime, int, ItemNo | None, Callable[[], None]]] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=itertools.count)
    _requests: dict[tuple[int, int], RenderedRequest] = field(default_factory=dict)

    def happen(self, event: Event) -> None:
        """Let something happen now."""
        self.carry_out(handle(self.plan, event, self.now, self.mappings))

    def play(self, until: Callable[[Plan], bool]) -> None:
        """Go on until the plan is as wanted.

        Raises:
            NeverHappens: it does not come to that.
        """
        while not until(self.plan):
            act = next(self.people(self), None)
            if act is not None:
                self.happen(act)
            elif not self._step():
                standing = [(item.key, item.state.value, item.waiting_for) for item in self.plan.items.values()]
                raise NeverHappens(f"plan {self.plan.state}: {standing}")

    def wait(self, moment: datetime) -> None:
        """Go on until that time."""
        while (due := self._next_due()) is not None and due <= moment:
            self._step()
        self.clock.now = max(self.now, moment)

    @property
    def now(self) -> datetime:
        """The time of the play."""
        return self.clock.now

    # -- time -------------------------------------------------------------------------------------------

    def _next_due(self) -> datetime | None:
        told = [at for memory in self.memories.values() if (at := memory.next_due()) is not None]
        moments = [*(datetime.fromtimestamp(at, UTC) for at in told), *(entry[0] for entry in self._due[:1])]
        return min(moments, default=None)

    def _step(self) -> bool:
        """Let the next thing happen; False when nothing will."""
        due = self._next_due()
        if due is None:
            return False
        self.clock.now = max(self.now, due)
        if self._due and self._due[0][0] <= due:
            heapq.heappop(self._due)[3]()
        else:
            self._hear()
        return True

    def _at(self, due: datetime, item: ItemNo | None, what: Callable[[], None]) -> None:
        heapq.heappush(self._due, (due, next(self._count), item, what))

    # -- what the machine asks for ------------------------------------------------------------------------

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Do what the machine asks for."""
        for command in commands:
            match command:
                case InvokeCallout():
                    self._call_out(command)
                case SetTimer(item=item, kind=kind, epoch=epoch, due=due):
                    event = TimerDue(item=item, kind=kind, epoch=epoch)
                    self._at(due, item, lambda event=event: self.happen(event))  # type: ignore[misc]
                case ClearTimers(item=item):
                    self._due = [entry for entry in self._due if entry[2] != item]
                    heapq.heapify(self._due)
                case Record(item=item, what=what, detail=detail, by=by):
                    line = HistoryLine(
                        seq=len(self.history) + 1, at=self.now, item=item, what=what, detail=detail, by=by
                    )
                    self.history.append(line)
                case RaiseFallout():
                    self.fallouts.append(command)
                case AnswerCommand():
                    self.answers.append(command)
                case Assetize(lines=lines):
                    self._assetize([self.plan.lines[no] for no in lines])
                case _:
                    pass

    def _assetize(self, lines: Sequence[TechnicalLine]) -> None:
        for line in lines:
            self.assets[line.product, line.scope_key] = line

    def _call_out(self, command: InvokeCallout) -> None:
        key = (command.item, command.epoch)
        request = self._requests.setdefault(key, command.request) if command.request else self._requests[key]
        work = Work(
            order=self.plan.id,
            item=command.item,
            epoch=command.epoch,
            attempt=command.attempt,
            interface=command.interface,
            set_hash=self.plan.set_hash,
            request=request,
            awaits_event=command.awaits_event,
        )
        self._at(self.now + ANSWER_TIME, None, lambda: self.happen(self._answer(work)))

    # -- the systems ----------------------------------------------------------------------------------------

    def _answer(self, work: Work) -> Event:
        request = work.request
        operation, path = _operation(work.system, request)
        query = {**dict(parse_qsl(urlsplit(request.path).query)), **request.query}
        memory = self.memories[work.system]
        body: Any = request.body if isinstance(request.body, dict) else {}
        with memory.transaction():
            try:
                given = operation.handler(Call(path=path, query=query, body=body, memory=memory, speed=1 / SLOWER))
            except Refused as refusal:
                content = {"code": refusal.code, "message": refusal.message}
                given = Answer(status=refusal.status, body=content)
        self.sent.append(
            Sent(
                at=self.now,
                item=work.item,
                system=work.system,
                method=request.method,
                path=request.path,
                status=given.status,
            )
        )
        text = b"" if given.body is None else json.dumps(given.body).encode()
        answered = Answered(status=given.status, body=text, size=len(text))
        interface = self.mappings.interface(work.interface)
        return judge(work, interface, answered, now=self.now, redactor=Redactor())

    def _hear(self) -> None:
        """Take the next message of a system."""
        for name, memory in self.memories.items():
            for message in memory.due_messages()[:1]:
                memory.delivered(message)
                raw = message.body.encode()
                taken = receive(
                    name,
                    raw,
                    sign(_SECRET, raw, int(self.now.timestamp())),
                    now=self.now,
                    mapping_sets=[self.mappings],
                    secrets=lambda _: [SecretStr(_SECRET)],
                )
                if isinstance(taken, Refusal):
                    raise NeverHappens(f"{name} says what nobody takes: {taken.message} {message.body}")
                self.happen(taken.event)
                return


def _operation(system: str, request: RenderedRequest) -> tuple[Operation, Mapping[str, str]]:
    path = urlsplit(request.path).path
    for operation in SYSTEMS[system].operations:
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(operation.path))
        found = re.fullmatch(pattern, path)
        if found and operation.method == request.method:
            return operation, {name: unquote(value) for name, value in found.groupdict().items()}
    raise NeverHappens(f"{system} has no {request.method} {path}")


@contextmanager
def world(
    order: Order,
    inventory: Sequence[InventoryItem],
    mappings: MappingSet,
    now: datetime,
    people: People = nobody,
) -> Iterator[World]:
    """The world at the moment at which the order begins to be fulfilled."""
    clock = Clock(now)
    with tempfile.TemporaryDirectory() as folder:
        memories = {name: Memory(Path(folder) / f"{name}.db", now=clock.seconds) for name in mappings.systems}
        plan, commands, _ = begin(OrderRead(order=order, inventory=tuple(inventory)), now, mappings)
        made = World(mappings=mappings, clock=clock, plan=plan, memories=memories, people=people)
        try:
            made.carry_out(commands)
            yield made
        finally:
            for memory in memories.values():
                memory.close()
