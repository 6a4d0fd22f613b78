"""Work in, answers out, within limits. The sender is a stand-in that waits for the test; one test uses sockets."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from connector.callouts.attempt import Attempt
from connector.callouts.runner import CalloutRunner
from connector.callouts.verdict import CalloutEvent
from connector.errors import InvariantBroken
from connector.mappings.set import MappingSet
from connector.model.attempt import AttemptRecord
from connector.model.events import CalloutCompleted, CalloutFailed
from connector.model.ids import ItemNo, OrderId
from connector.model.order import Priority
from connector.model.work import Work

from .building import NOW, ORDER, interface, mapping_set, sender_to, sending, system_with, work
from .stub import StubSystem, answer

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class HeldSender:
    """Notes what it is asked to send, and answers when the test lets go."""

    started: list[Work] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    broken: set[int] = field(default_factory=set)

    async def attempt(self, work: Work, mapping_set: MappingSet) -> Attempt:
        assert work.set_hash == mapping_set.hash
        self.started.append(work)
        self.running[work.system] += 1
        self.most[work.system] = max(self.most[work.system], self.running[work.system])
        try:
            await self.open.wait()
        finally:
            self.running[work.system] -= 1
        if work.item in self.broken:
            raise ZeroDivisionError
        return Attempt(
            event=CalloutCompleted(item=work.item, epoch=work.epoch, attempt=work.attempt), record=record_of(work)
        )


def record_of(work: Work) -> AttemptRecord:
    return AttemptRecord(
        order=work.order,
        item=work.item,
        epoch=work.epoch,
        attempt=work.attempt,
        interface=work.interface,
        started_at=NOW,
        seconds=0.1,
        method="POST",
        path="/x",
        status=200,
        outcome="completed",
        code=None,
        idempotency_key=work.idempotency_key,
        bytes=0,
        sendings=1,
    )


class Answers:
    """Where answers arrive."""

    def __init__(self) -> None:
        self.items: list[int] = []
        self.events: list[CalloutEvent] = []
        self._arrived = asyncio.Event()

    def __call__(self, order: OrderId, event: CalloutEvent, record: AttemptRecord) -> None:
        assert (record.order, record.item) == (order, event.item)
        self.items.append(event.item)
        self.events.append(event)
        self._arrived.set()

    async def until(self, count: int) -> None:
        while len(self.items) < count:
            self._arrived.clear()
            await self._arrived.wait()


async def settle(condition: Callable[[], bool]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
def held() -> HeldSender:
    return HeldSender()


@pytest.fixture
def answers() -> Answers:
    return Answers()


Make = Callable[..., CalloutRunner]


@pytest_asyncio.fixture(loop_scope="module")
async def make(held: HeldSender, answers: Answers) -> AsyncIterator[Make]:
    made: list[CalloutRunner] = []

    def _make(*sets: MappingSet, **more: Any) -> CalloutRunner:
        by_hash = {each.hash: each for each in sets}
        made.append(CalloutRunner(held, by_hash.get, answers, **more))
        return made[-1]

    yield _make
    for runner in made:
        await runner.close(0)


def limited(concurrency: int = 20, per_second: float | None = None, hash: str = "h1") -> MappingSet:  # noqa: A002
    return mapping_set(
        system_with(interface(), concurrency=concurrency, per_second=per_second),
        system_with(interface(system="billing"), concurrency=concurrency),
        hash=hash,
    )


async def test_no_more_runs_than_the_system_allows(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(3))
    assert all(runner.submit(work(item=item)) for item in range(1, 11))
    await settle(lambda: len(held.started) == 3)
    assert runner.load == {"network": (7, 3)}
    held.open.set()
    await answers.until(10)
    assert held.most == {"network": 3}
    assert sorted(answers.items) == list(range(1, 11))
    await settle(lambda: runner.load == {"network": (0, 0)})


async def test_a_slow_system_keeps_no_other_waiting(held: HeldSender, make: Make) -> None:
    runner = make(limited(2))
    for item in range(1, 6):
        runner.submit(work(item=item))
    runner.submit(work(item=9, name="billing.reserve"))
    await settle(lambda: len(held.started) == 3)
    assert [each.system for each in held.started] == ["network", "network", "billing"]


async def test_systems_take_turns_for_the_places_of_the_process(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(20), concurrency=1)
    for item in range(1, 5):
        runner.submit(work(item=item))
    for item in range(5, 9):
        runner.submit(work(item=item, name="billing.reserve"))
    held.open.set()
    await answers.until(8)
    # The first started while its system was alone.
    assert [each.system for each in held.started[1:]] == ["network", "billing"] * 3 + ["billing"]


async def test_priorities(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(1))
    runner.submit(work(item=1, priority=Priority.BULK))
    await settle(lambda: len(held.started) == 1)
    for item, priority in enumerate((Priority.BULK, Priority.DEFAULT, Priority.HIGH, Priority.HIGH), 2):
        runner.submit(work(item=item, priority=priority))
    held.open.set()
    await answers.until(5)
    assert [each.item for each in held.started][:2] == [1, 4]
    assert [each.item for each in held.started if each.priority is Priority.HIGH] == [4, 5]


async def test_a_rate_lets_everything_through_in_the_end(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(50, per_second=500.0))
    held.open.set()
    for item in range(1, 41):
        runner.submit(work(item=item))
    assert runner.load["network"][0] > 0
    await answers.until(40)
    assert [each.item for each in held.started] == list(range(1, 41))


async def test_too_much_work_is_refused(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(1), capacity=2)
    taken = [runner.submit(work(item=item)) for item in range(1, 6)]
    assert taken == [True, True, True, False, False]
    assert runner.load["network"] == (2, 1)
    assert runner.submit(work(item=9, name="billing.reserve"))
    held.open.set()
    await answers.until(4)
    assert runner.submit(work(item=4))
    await answers.until(5)


async def test_the_room_is_what_all_systems_share(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(2), concurrency=3)
    assert runner.room == 3
    for item in range(1, 6):
        runner.submit(work(item=item))
    assert runner.room == 1, "what waits for its own system takes no place"
    runner.submit(work(item=9, name="billing.reserve"))
    assert runner.room == 0
    held.open.set()
    await answers.until(6)
    await settle(lambda: runner.room == 3)


async def test_a_lane_takes_no_more_than_its_share_of_a_system(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(4), shares={Priority.BULK: 0.5})
    for item in range(1, 11):
        runner.submit(work(item=item, priority=Priority.BULK))
    await settle(lambda: len(held.started) == 2)
    assert runner.load["network"] == (8, 2)
    runner.submit(work(item=11, priority=Priority.HIGH))
    runner.submit(work(item=12))
    await settle(lambda: len(held.started) == 4)
    assert [each.priority for each in held.started[2:]] == [Priority.HIGH, Priority.DEFAULT]
    held.open.set()
    await answers.until(12)


async def test_a_lane_takes_no_more_than_its_share_of_the_process(
    held: HeldSender, answers: Answers, make: Make
) -> None:
    runner = make(limited(20), concurrency=4, shares={Priority.BULK: 0.25})
    assert runner.full == frozenset()
    for item in range(1, 4):
        runner.submit(work(item=item, priority=Priority.BULK))
        runner.submit(work(item=item + 10, name="billing.reserve", priority=Priority.BULK))
    await settle(lambda: len(held.started) == 1)
    assert runner.full == {Priority.BULK}
    assert runner.room == 3
    runner.submit(work(item=9, name="billing.reserve"))
    await settle(lambda: len(held.started) == 2)
    held.open.set()
    await answers.until(7)
    await settle(lambda: runner.full == frozenset())


async def test_the_smallest_share_still_is_a_place(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(2, per_second=200.0), shares=dict.fromkeys(Priority, 0.01))
    held.open.set()
    for item, priority in enumerate((*Priority, *Priority), 1):
        runner.submit(work(item=item, priority=priority))
    await answers.until(6)


async def test_much_work_of_one_lane_keeps_no_other_out(held: HeldSender, make: Make) -> None:
    runner = make(limited(1), capacity=2)
    assert [runner.submit(work(item=item, priority=Priority.BULK)) for item in range(1, 5)] == [True] * 3 + [False]
    assert runner.submit(work(item=5, priority=Priority.HIGH))


async def test_work_that_is_set_aside_is_the_callers_again(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(1))
    for item in range(1, 5):
        runner.submit(work(item=item))
    gone = runner.set_aside(lambda one: one.item != ItemNo(4))
    assert [each.item for each in gone] == [2, 3], "the first one runs"
    held.open.set()
    await answers.until(2)
    assert answers.items == [1, 4]


async def test_the_same_work_is_done_once(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(1))
    assert runner.submit(work(item=1))
    assert runner.submit(work(item=1))
    assert runner.submit(work(item=1, attempt=2))
    held.open.set()
    await answers.until(2)
    assert runner.submit(work(item=1))
    await answers.until(3)
    assert [(each.item, each.attempt) for each in held.started] == [(1, 1), (1, 2), (1, 1)]


async def test_the_limits_are_those_of_the_set_that_the_work_belongs_to(held: HeldSender, make: Make) -> None:
    runner = make(limited(1), limited(3, hash="h2"))
    runner.submit(work(item=1))
    runner.submit(work(item=2, set_hash="h2"))
    runner.submit(work(item=3))
    await settle(lambda: len(held.started) == 2)
    assert runner.load["network"] == (1, 2)


async def test_work_of_a_set_that_is_not_loaded(make: Make) -> None:
    with pytest.raises(InvariantBroken):
        make(limited()).submit(work(set_hash="other"))


async def test_withdrawn_work_does_not_start(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(1))
    for item in range(1, 4):
        runner.submit(work(item=item))
    assert runner.withdraw(ORDER, ItemNo(2)) == 1
    assert runner.withdraw(ORDER, ItemNo(1)) == 0
    held.open.set()
    await answers.until(2)
    assert answers.items == [1, 3]
    assert runner.submit(work(item=2))
    await answers.until(3)


async def test_a_broken_attempt_frees_its_place(
    held: HeldSender, answers: Answers, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = make(limited(1))
    held.broken = {1}
    held.open.set()
    for item in (1, 2):
        runner.submit(work(item=item))
    await answers.until(1)
    assert answers.items == [2]
    assert "callout_broken" in capsys.readouterr().out


async def test_closing_lets_what_runs_finish(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(2))
    for item in range(1, 5):
        runner.submit(work(item=item))
    await settle(lambda: len(held.started) == 2)
    closing = asyncio.create_task(runner.close(60))
    await settle(lambda: runner.room == 0)
    assert not runner.submit(work(item=9))
    held.open.set()
    unfinished = await closing
    assert answers.items == [1, 2]
    assert [each.item for each in unfinished.unstarted] == [3, 4]
    assert unfinished.interrupted == ()


async def test_closing_ends_what_takes_too_long(held: HeldSender, answers: Answers, make: Make) -> None:
    runner = make(limited(2))
    for item in range(1, 4):
        runner.submit(work(item=item))
    await settle(lambda: len(held.started) == 2)
    unfinished = await runner.close(0)
    assert [each.item for each in unfinished.interrupted] == [1, 2]
    assert [each.item for each in unfinished.unstarted] == [3]
    assert held.running == {"network": 0}
    assert answers.items == []


async def test_closing_forgets_a_wake_up(held: HeldSender, make: Make) -> None:
    runner = make(limited(20, per_second=0.001))
    runner.submit(work(item=1))
    runner.submit(work(item=2))
    assert runner.load["network"] == (1, 1)
    held.open.set()
    assert [each.item for each in (await runner.close(60)).unstarted] == [2]


async def test_with_a_real_sender(stub: StubSystem, answers: Answers) -> None:
    stub.will(*(answer(200 if number % 2 else 409) for number in range(50)))
    sender = sender_to(stub.url)
    mappings = sending(concurrency=8)
    runner = CalloutRunner(sender, {"h1": mappings}.get, answers)
    for item in range(1, 51):
        assert runner.submit(work(item=item))
    await answers.until(50)
    await runner.close(10)
    await sender.close()
    assert Counter(type(event) for event in answers.events) == {CalloutCompleted: 25, CalloutFailed: 25}
