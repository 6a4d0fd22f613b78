"""Faults planted in the product, one at a time: the checker has to find each of them.

A mutation replaces one attribute of one class or module, for as long as its context lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from connector.mappings.set import Interface
from connector.model.commands import RaiseFallout, SetTimer
from connector.model.events import TimerKind
from connector.model.plan import Plan
from connector.model.work import Work
from connector.orchestrator import advance, amend, inflight, late, machine, marks, turn, worker
from connector.orchestrator.holding import Holding
from connector.orchestrator.step import Step
from connector.orchestrator.turn import Turner, TurnResult
from connector.orchestrator.worker import Worker
from connector.sf.reconcile import Reconciler
from connector.store.database import may_pass
from tests.simulation.database import Tables
from tests.simulation.store import SimulatedOutbox, SimulatedTurn, is_silent


@dataclass(frozen=True, slots=True)
class Mutation:
    """One planted fault: `owner.name` becomes what `make` makes of it."""

    title: str
    owner: Any
    name: str
    make: Callable[[Any], Any]
    weather: Mapping[str, float] = field(default_factory=dict)
    """Faults of the world that show it soon, where those that are drawn show it seldom."""

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The fault is in the product."""
        original = self.owner.__dict__[self.name]
        setattr(self.owner, self.name, self.make(original))
        try:
            yield
        finally:
            setattr(self.owner, self.name, original)


def _always(value: object) -> Callable[[Any], Any]:
    return lambda _original: lambda *_arguments, **_named: value


def _nothing(_original: Any) -> Any:
    async def nothing(*_arguments: object, **_named: object) -> int:
        return 0

    return nothing


def _never(_original: Any) -> Any:
    async def never(*_arguments: object) -> float:
        return 5.0

    return never


def _any_attempt(_original: Any) -> Any:
    return lambda step, number, _epoch, _attempt: step.plan.items.get(number)


def _without(field: str) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def change(*arguments: Any, **named: Any) -> Any:
            named.pop(field, None)
            return original(*arguments, **named)

        return change

    return make


def _unsaid(unwanted: Callable[[Any], bool]) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def command(step: Step, command: Any) -> None:
            if not unwanted(command):
                original(step, command)

        return command

    return make


def _set_to(argument: str, value: object) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            return original(*arguments, **{**named, argument: value})

        return call

    return make


def _resent(_original: Any) -> Any:
    async def take_over(self: Any, work: Work) -> None:
        self._send([work])

    return take_over


def _taken_for_done(original: Any) -> Any:
    async def take(self: Turner, answers: Any, orders: Any) -> TurnResult:
        try:
            done: TurnResult = await original(self, answers, orders)
        except Exception as error:
            if not may_pass(error):
                raise
            return TurnResult(orders=tuple(answers))
        return done

    return take


def _revision_ignored(_original: Any) -> Any:
    return lambda self, order: self._plans.get(order.id)


def _kinds_forgotten(*forgotten: str) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def marks(*arguments: Any, **named: Any) -> Any:
            return [mark for mark in original(*arguments, **named) if mark.kind not in forgotten]

        return marks

    return make


def _removed_at_once(_original: Any) -> Any:
    return lambda self, seq: self._tables.inbox.pop(seq, None)


def _lane_emptied(original: Any) -> Any:
    async def settle(self: Any, delayed: Any, notes: Any, missing: Any, lanes: Sequence[str]) -> None:
        rows = self._tables.outbox.items()
        self._claimed = {lane: [seq for seq, row in rows if row.lane == lane] for lane in lanes}
        await original(self, delayed, notes, missing, lanes)

    return settle


def _free_at_once(_original: Any) -> Any:
    def is_taken(self: Any, lane: str, now: Any) -> bool:
        held = self._tables.lanes.get(lane)
        return held is not None and held[1] > now and not is_silent(self._tables, held[0])

    return is_taken


def _last_one_only(_original: Any) -> Any:
    return lambda _item, failure, **_named: failure.leaves_doubt


def _true(_self: object) -> bool:
    return True


_QUICK = {"crash": 0.0, "stop": 0.0, "event_lost": 0.0, "event_late": 0.0, "message_lost": 0.0, "salesforce_away": 0.0}
"""People are soon at it."""
_TOLD = {**_QUICK, "refused": 0.3, "message_twice": 1.0, "message_anew": 1.0, "request_lost": 0.0, "busy": 0.0}
_HELD = {**_QUICK, "answer_lost": 0.5, "message_first": 0.0, "salesforce_slow": 0.0, "row_locked": 0.0}
_LOCKED_OUT = {"locked_out": 0.3, "answer_lost": 0.3, "answer_slow": 0.5, "crash": 0.05}
_UNHEARD = {"database_refuses": 0.03, "commit_unheard": 0.08, "crash": 0.0, "stop": 0.0}
_PAUSING = {"pauses": 0.7}

MUTATIONS = (
    Mutation("an answer to an attempt that is over is applied", machine, "_present_attempt", _any_attempt),
    Mutation("an item starts when one of its dependencies is met", Plan, "is_unblocked", _always(value=True)),
    Mutation("the epoch does not grow when a person retries", Step, "change", _without("epoch")),
    Mutation(
        "the idempotency key is made from the attempt",
        Work,
        "idempotency_key",
        lambda _: property(lambda work: f"{work.order}-{work.item}-{work.epoch}-{work.attempt}"),
    ),
    Mutation("a request is made anew for every attempt", advance, "_call_out", _set_to("is_new_request", value=True)),
    Mutation("an unknown outcome is always sent again", advance, "judge", _set_to("resend_is_safe", value=True)),
    Mutation("every interface is taken for idempotent", Interface, "is_idempotent", lambda _: property(_true)),
    Mutation("fallout is not raised", Step, "command", _unsaid(lambda one: isinstance(one, RaiseFallout))),
    Mutation("fallout is not closed", advance, "close_fallout", _always(None)),
    Mutation(
        "a timer is lost",
        Step,
        "command",
        _unsaid(lambda one: isinstance(one, SetTimer) and one.kind is TimerKind.WAIT),
    ),
    Mutation(
        "nobody asks how far a callout is",
        Step,
        "command",
        _unsaid(lambda one: isinstance(one, SetTimer) and one.kind is TimerKind.POLL),
    ),
    Mutation("a subplan is done when its first item is", Plan, "has_open_below", _always(value=False)),
    Mutation("rules never hear of what they wait for", late, "awaited", _always({})),
    Mutation("a message that comes twice is not recognised", machine, "_is_repeated", _always(value=False)),
    Mutation("an order's first event is taken for its reading", SimulatedTurn, "_place_of_unread", _always(0)),
    Mutation(
        "a call-back counts for whatever was sent last", machine, "_is_about_another", _always(value=False), _TOLD
    ),
    Mutation("what is told of an item on hold is forgotten", Step, "change", _without("told"), _HELD),
    Mutation("of the sendings only the last one counts", advance, "_in_doubt", _last_one_only, _LOCKED_OUT),
    Mutation("a take-over is no sending", machine, "fail", _without("sent_before"), _LOCKED_OUT),
    Mutation("a turn takes orders that another one holds", Tables, "is_locked", _always(value=False)),
    Mutation("a plan in memory is taken for the present one", turn._PlanCache, "get", _revision_ignored),
    Mutation(
        "events leave the inbox before the turn commits", SimulatedTurn, "_remove_event", _removed_at_once, _UNHEARD
    ),
    Mutation("a turn that failed is taken for done", Turner, "turn", _taken_for_done, _UNHEARD),
    Mutation(
        "what a dead worker was sending is sent again, safe or not", Worker, "_take_over", _resent, {"crash": 0.02}
    ),
    Mutation("what a lost commit gave to a worker is never sent", Worker, "_find_own", _nothing, _UNHEARD),
    Mutation("nobody takes over from the dead", worker.Worker, "_live", _nothing),
    Mutation("changed items are not marked", turn, "marks", _kinds_forgotten("item")),
    Mutation("fallout is not marked", turn, "marks", _kinds_forgotten("fallout")),
    Mutation("a mark goes although the record was marked anew", SimulatedOutbox, "settle", _lane_emptied),
    Mutation("two workers write one lane", SimulatedOutbox, "_is_taken", _always(value=False)),
    Mutation(
        "a dead worker's last call is not waited for",
        SimulatedOutbox,
        "_is_taken",
        _free_at_once,
        {"salesforce_slow": 0.2, "crash": 0.02, "salesforce_away": 0.0, "stop": 0.0},
    ),
    Mutation("requests go to what is paused", Holding, "concerns", _always(value=False), _PAUSING),
    Mutation("what waited for a pause is never sent", Holding, "_take", _never, _PAUSING),
    Mutation("a paused order goes on", advance, "holds_back", _always(value=False), _PAUSING),
    Mutation(
        "what a paused plan kept back is not looked at again",
        Step,
        "command",
        _unsaid(lambda one: isinstance(one, SetTimer) and one.kind is TimerKind.PAUSE),
        _PAUSING,
    ),
    Mutation("an order does not wait for the one that it follows", machine, "queue_up", _always(value=False)),
    Mutation("an order that has ended tells nobody", machine, "announce", _always(None)),
    Mutation(
        "an order that follows is read before the inventory is written",
        SimulatedTurn,
        "_read_again",
        lambda original: lambda self, order, _after: original(self, order, ""),
    ),
    Mutation("nothing is undone", amend._Amendment, "_undo", _always(value={})),
    Mutation(
        "what was frozen stays so",
        inflight,
        "_unfreeze_items",
        _always(value=None),
        weather={"answer_slow": 0.9, "refused": 0.0, "busy": 0.0, "crash": 0.0, "stop": 0.0},
    ),
    Mutation("a plan is revised while requests are being sent", inflight, "is_busy", _always(value=False)),
    Mutation("revisions are never decided on", machine, "go_on", _always(value=None)),
    Mutation("what became of versions is not told again", marks, "_of_versions", _always(value=[])),
    Mutation("nobody looks for what no event told", Reconciler, "reconcile", _nothing),
)
