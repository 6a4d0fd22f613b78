"""The worker: turns without a pause while there is something to do, asleep otherwise.

Three loops side by side. *Turns* applies answers that callouts left in memory, and events that others left
in inboxes. *Timers* sleeps until the next one is due. *Heartbeat* says that this worker lives, and takes
over the requests of workers that don't. Any number of workers may run on one database.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol

import structlog
from msgspec.structs import replace

from connector.errors import MappingError
from connector.model.attempt import AttemptRecord
from connector.model.events import CalloutAccepted, CalloutCompleted, CalloutFailed, CalloutPolled, Event
from connector.model.failure import Failure, FailureClass
from connector.model.ids import ItemNo, OrderId
from connector.model.order import Priority
from connector.model.work import Work
from connector.orchestrator.beginning import Beginning
from connector.orchestrator.holding import Holding
from connector.orchestrator.turn import Sets, Turner, TurnResult
from connector.store.database import may_pass
from connector.store.held import Held
from connector.store.turns import Turns
from connector.store.work import WorkTable

log = structlog.get_logger()

BATCH = 100
"""Most orders in one turn."""

MOST_UNSENT = 1_000
"""With more requests of a lane than this that no system has room for, no new orders of it are begun."""

TURNS_AT_ONCE = 2
"""While the database commits one turn, this process computes another, over other orders."""

SWEEP_SECONDS = 5.0
"""Longest sleep of a loop that is otherwise woken: what a lost notification costs."""

BEAT_SECONDS = 0.5
PAUSE_SECONDS = 0.05
"""Wait before orders that another worker holds are tried again."""

DATABASE_PAUSE_SECONDS = 1.0
"""Wait before the database is tried again when it was away."""

_EVER = datetime.max.replace(tzinfo=UTC)

_ItemKey = tuple[OrderId, ItemNo]

_Request = tuple[OrderId, ItemNo, int, int]
"""One attempt of a callout: order, item, epoch, attempt; below zero the number of a question how far it is."""


class Callouts(Protocol):
    """Whoever sends requests."""

    def submit(self, work: Work) -> bool:
        """Take a request to send it soon; False: not now, there are too many for its system."""
        ...

    def withdraw(self, order: OrderId, item: ItemNo) -> int:
        """Forget requests of this item that have not been started; how many there were."""
        ...

    @property
    def full(self) -> frozenset[Priority]:
        """The lanes that have no room, though others may."""
        ...

    def set_aside(self, matches: Callable[[Work], bool]) -> list[Work]:
        """Forget requests that have not been started and that match; they are the caller's again."""
        ...

    @property
    def room(self) -> int:
        """How many more requests may be under way at once, for all systems together."""
        ...


class Worker:
    """One worker's loops and the memory that they share."""

    def __init__(
        self,
        *,
        turner: Turner,
        turns: Turns,
        work: WorkTable,
        sets: Sets,
        holding: Holding,
        beginning: Beginning,
        on_marked: Callable[[], None],
        on_reread: Callable[[], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._turner = turner
        self._turns = turns
        self._work = work
        self._sets = sets
        self._holding = holding
        holding.on_taken, holding.on_held, holding.on_doubt = self._taken, on_marked, self._in_doubt
        self._on_marked = on_marked
        self._on_reread = on_reread
        self._clock = clock
        self._callouts: Callouts | None = None
        self._answers: dict[OrderId, list[Event]] = {}
        self._records: list[AttemptRecord] = []
        self._sent: dict[_ItemKey, set[_Request]] = {}
        """Requests that were handed on, and have not been answered or withdrawn."""
        self._taken_over: set[_Request] = set()
        """Those of them that another worker, or this one before the database was away, may have sent."""
        self._may_own_more = False
        """The database was away: a commit may have given requests to this worker without its word reaching it."""
        self._is_finding = False
        self._under_way = 0
        """Turns."""
        self._unsent: dict[tuple[str, Priority], deque[Work]] = {}
        """By system and lane: what did not fit into its queue."""
        self._beginning = beginning
        beginning.again = self._look_in
        self._look_for_orders = True
        self._is_retiring = False
        """Nothing new is begun."""
        self._busy: set[OrderId] = set()
        """Orders that a turn is under way for."""
        self._look_again = False
        """Something waits for an order that a turn was under way for."""
        self._wake = asyncio.Event()
        self._timers_changed = asyncio.Event()
        self._asleep_until = _EVER
        """When timers are looked at again anyway: one that is later wakes nobody."""

    def answered(
        self,
        order: OrderId,
        event: CalloutAccepted | CalloutCompleted | CalloutFailed | CalloutPolled,
        record: AttemptRecord,
    ) -> None:
        """A request was answered: apply it in the next turn, which begins at once."""
        number = -event.poll if isinstance(event, CalloutPolled) else event.attempt
        request = (order, event.item, event.epoch, number)
        self._over(request)
        if isinstance(event, CalloutFailed) and (record.sendings > 1 or request in self._taken_over):
            event = replace(event, sent_before=True)
        self._taken_over.discard(request)
        self._answers.setdefault(order, []).append(event)
        self._records.append(record)
        self._wake.set()

    def look(self) -> None:
        """Somebody put an event into an inbox."""
        self._look_for_orders = True
        self._wake.set()

    async def run(self, callouts: Callouts) -> None:
        """Work until cancelled; what is under way when that happens is taken up by the next worker."""
        self._callouts = callouts
        await self._work.beat()
        async with asyncio.TaskGroup() as group:
            for number in range(TURNS_AT_ONCE):
                group.create_task(self._turn_for_ever(), name=f"turns-{number}")
            group.create_task(self._watch_timers(), name="timers")
            group.create_task(self._live(), name="heartbeat")
            group.create_task(self._holding.run(), name="holding")

    def pauses_changed(self) -> None:
        """Something was paused or resumed: requests that are not to be sent now, and have not been begun, go."""
        self._sort_out()
        self._holding.look()
        self._timers_changed.set()

    def retire(self) -> None:
        """Begin nothing new: no order, no timer, no request. What is under way goes on."""
        self._is_retiring = self._holding.leaving = True
        self._sort_out()

    async def drain(self) -> None:
        """Apply the answers that have come, while the loops still run, and give away what was not sent."""
        while self._answers or self._under_way:
            self._wake.set()
            await asyncio.sleep(PAUSE_SECONDS)
        await self._holding.put_away()

    async def _turn_for_ever(self) -> None:
        while True:
            self._wake.clear()
            try:
                more = True
                while more:
                    more = await self._turn()
            except Exception as error:
                if not may_pass(error):
                    raise
                log.warning("database_away", error=str(error))
                self._look_for_orders = self._may_own_more = True
                await asyncio.sleep(DATABASE_PAUSE_SECONDS)
                continue
            await self._sleep(self._wake, SWEEP_SECONDS)

    async def _turn(self) -> bool:
        """One turn; whether there may be more to do at once."""
        if self._may_own_more or self._is_finding:
            if self._under_way or self._is_finding:
                await asyncio.sleep(PAUSE_SECONDS)
                return True
            await self._find_own()
        self._under_way += 1
        try:
            return await self._one_turn()
        finally:
            self._under_way -= 1

    async def _one_turn(self) -> bool:
        self._send([])
        answers = {order: list(self._answers[order]) for order in self._free(self._answers)}
        orders: list[OrderId] = []
        beginning: Mapping[OrderId, Priority] = {}
        if self._look_for_orders and not self._is_retiring:
            room = self._room()
            self._look_for_orders = not room  # those that may not begin now are looked for with the next answer
            found, beginning = await self._find(room)
            orders = self._free(found)
            self._look_again = self._look_again or len(orders) < len(found)
            answers = {order: list(self._answers[order]) for order in self._free(self._answers)}
        if not answers and not orders:
            return False
        taken = {*answers, *orders}
        self._busy |= taken
        records, self._records = self._records, []
        is_logged = False
        try:
            result = await self._turner.turn(answers, orders, records)
            is_logged = result.is_logged
        finally:
            if not is_logged:
                self._records = records + self._records
            self._busy -= taken
            if self._look_again:
                self._look_again, self._look_for_orders = False, True
        if beginning:
            begun = set(result.orders)
            await self._beginning.give_back([lane for order, lane in beginning.items() if order not in begun])
        missed = set(result.missed)
        for order, events in answers.items():
            if order not in missed:
                self._forget(order, len(events))
        self._after(result)
        if orders:
            self._look_for_orders = True
        await asyncio.sleep(PAUSE_SECONDS if missed and not result.orders else 0)
        return True

    async def _find(self, room: int) -> tuple[list[OrderId], Mapping[OrderId, Priority]]:
        """Orders that have something waiting; and those of them that are to begin, where lanes are told apart."""
        full = self._full() if room else frozenset()
        if not full and not self._beginning.per_second:
            return await self._turns.waiting(self._clock(), BATCH - BATCH // 2, room), {}
        found = await self._turns.waiting(self._clock(), BATCH - BATCH // 2, 0)
        beginning = await self._beginning.find(room, full) if room else {}
        self._look_for_orders = self._look_for_orders or bool(full)
        return [*found, *beginning], beginning

    def _look_in(self, seconds: float) -> None:
        """More orders of a lane may begin then."""
        asyncio.get_running_loop().call_later(seconds, self.look)

    def _room(self) -> int:
        """How many orders may begin: more would only wait, and keep what is urgent waiting later."""
        return min(self._callouts.room, BATCH // 2) if self._callouts is not None else 0

    def _full(self) -> frozenset[Priority]:
        """The lanes in which nothing may begin."""
        unsent = dict.fromkeys(Priority, 0)
        for (_, lane), waiting in self._unsent.items():
            unsent[lane] += len(waiting)
        behind = {lane for lane, count in unsent.items() if count >= MOST_UNSENT}
        return self._callouts.full | behind if self._callouts is not None else frozenset(behind)

    def _free(self, orders: Iterable[OrderId]) -> list[OrderId]:
        """Up to a batch of these orders, without those that a turn is under way for."""
        return list(islice((order for order in orders if order not in self._busy), BATCH))

    def _forget(self, order: OrderId, count: int) -> None:
        rest = self._answers[order][count:]
        if rest:
            self._answers[order] = rest
        else:
            del self._answers[order]

    def _after(self, result: TurnResult) -> None:
        self._withdraw(result.dropped)
        self._send(result.work)
        if result.marked:
            self._on_marked()
        if result.reread:
            self._on_reread()
        if result.earliest_timer and result.earliest_timer < self._asleep_until:
            self._timers_changed.set()

    def _send(self, work: Sequence[Work]) -> None:
        """Hand requests on; those that a system's queue has no room for wait here, and hold up no other system."""
        if self._holding.may_concern:
            work = [one for one in work if not self._keep(one)]
        for one in work:
            self._unsent.setdefault((one.system, one.priority), deque()).append(one)
        for queue, waiting in list(self._unsent.items()):
            while waiting and self._callouts is not None and self._callouts.submit(waiting[0]):
                request = _request(waiting.popleft())
                self._sent.setdefault(request[:2], set()).add(request)
            if not waiting:
                del self._unsent[queue]

    def _keep(self, work: Work) -> bool:
        """Put a request away that is not to be sent now."""
        request = _request(work)
        is_kept = self._holding.keeps(work, sent_before=request in self._taken_over)
        if is_kept:
            self._taken_over.discard(request)
        return is_kept

    def _sort_out(self) -> None:
        """Look once more at requests that have not been begun."""
        waiting = [work for works in self._unsent.values() for work in works]
        gone = self._callouts.set_aside(self._holding.concerns) if self._callouts is not None else []
        for work in gone:
            self._over(_request(work))
        self._unsent = {}
        self._send([*gone, *waiting])

    def _taken(self, taken: Sequence[Held]) -> None:
        """These requests were held, and are this worker's now."""
        self._taken_over.update(_request(held.work) for held in taken if held.sent_before)
        self._send([held.work for held in taken])

    def _in_doubt(self) -> None:
        """A commit may have happened or not."""
        self._may_own_more = True
        self._wake.set()

    def _over(self, request: _Request) -> None:
        """The request has been answered."""
        held = self._sent.get(request[:2])
        if held is not None:
            held.discard(request)
            if not held:
                del self._sent[request[:2]]

    def _withdraw(self, dropped: Sequence[tuple[OrderId, ItemNo]]) -> None:
        for key in dropped:
            self._holding.drop(*key)
            if self._sent.pop(key, None) and self._callouts is not None:
                self._callouts.withdraw(*key)
        if dropped and (self._unsent or self._taken_over):
            gone = set(dropped)
            self._taken_over = {request for request in self._taken_over if request[:2] not in gone}
            for queue, waiting in self._unsent.items():
                self._unsent[queue] = deque(work for work in waiting if (work.order, work.item) not in gone)

    async def _find_own(self) -> None:
        """Take up the requests that are this worker's by the database's word alone: nobody else will.

        No turn is under way meanwhile, so that memory and database speak of the same moment.
        """
        self._is_finding = True
        try:
            async with self._holding.taking:
                self._may_own_more = False
                owned = await self._work.mine()
        except Exception:
            self._may_own_more = True
            raise
        finally:
            self._is_finding = False
        known = {request for held in self._sent.values() for request in held}
        known.update(_request(work) for waiting in self._unsent.values() for work in waiting)
        known.update(map(_request, self._holding.known()))
        for order, events in self._answers.items():
            known.update(
                (order, event.item, event.epoch, event.attempt)
                for event in events
                if isinstance(event, (CalloutAccepted, CalloutCompleted, CalloutFailed))
            )
        for work in owned:
            if _request(work) not in known:
                await self._take_over(work)

    async def _watch_timers(self) -> None:
        while True:
            self._timers_changed.clear()
            self._asleep_until = _EVER
            delay = SWEEP_SECONDS
            try:
                due = await self._turns.next_due()
            except Exception as error:
                if not may_pass(error):
                    raise
                due = None
            if due is not None:
                delay = min(delay, (due - self._clock()).total_seconds())
                if delay <= 0:
                    self.look()
                    delay = PAUSE_SECONDS
            self._asleep_until = self._clock() + timedelta(seconds=delay)
            await self._sleep(self._timers_changed, delay)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._work.beat()
                if not self._is_retiring:
                    for work in await self._work.adopt(BATCH):
                        await self._take_over(work)
            except Exception as error:
                if not may_pass(error):
                    raise
                log.warning("database_away", error=str(error))
                self._may_own_more = True
                self._wake.set()

    async def _take_over(self, work: Work) -> None:
        """A worker died during this callout: send it again if that is safe, else let the machine decide."""
        try:
            interface = (await self._sets.by_hash(work.set_hash)).interface(work.interface)
        except MappingError as error:
            log.error("callout_not_taken_over", order=work.order, item=work.item, reason=str(error))  # noqa: TRY400
            return
        log.info("callout_taken_over", order=work.order, item=work.item, interface=work.interface)
        if interface.is_idempotent:
            self._taken_over.add(_request(work))
            self._send([work])
            return
        failure = Failure(
            failure_class=FailureClass.UNKNOWN_OUTCOME,
            code="WORKER_LOST",
            message="The worker died during the call; nobody knows whether the system did what it was asked.",
            system=work.system,
            interface=work.interface,
        )
        event = CalloutFailed(item=work.item, epoch=work.epoch, attempt=work.attempt, failure=failure)
        self._answers.setdefault(work.order, []).append(event)
        self._wake.set()

    async def _sleep(self, event: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            self._look_for_orders = self._look_for_orders or event is self._wake


def _request(work: Work) -> _Request:
    return work.order, work.item, work.epoch, work.attempt if work.poll is None else -work.attempt
