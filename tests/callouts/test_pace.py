"""How fast and in which order, on a clock of the test's own."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.callouts.pace import SLACK, Lanes, Rate
from connector.model.order import Priority

HIGH, DEFAULT, BULK = Priority.HIGH, Priority.DEFAULT, Priority.BULK


@given(st.floats(0.1, 1_000), st.lists(st.floats(0, 0.5), min_size=1, max_size=50))
def test_no_more_starts_than_the_rate_allows_in_any_stretch_of_time(per_second: float, pauses: list[float]) -> None:
    rate, now, starts = Rate(), 100.0, list[float]()
    for pause in pauses:
        now += pause
        now += rate.wait(now)
        assert rate.wait(now) == pytest.approx(0, abs=1e-9)
        rate.started(now, per_second)
        starts.append(now)
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            allowed = 1 + (starts[last] - starts[first] + SLACK) * per_second
            assert last - first + 1 <= allowed + 1 + 1e-6


def test_without_a_rate_nothing_waits() -> None:
    rate = Rate()
    for _ in range(1_000):
        assert rate.wait(5.0) == 0
        rate.started(5.0, None)


def test_a_rate_is_kept_when_wake_ups_are_late() -> None:
    rate, now = Rate(), 0.0
    for _ in range(1_000):
        now += rate.wait(now) + 0.002
        rate.started(now, 100.0)
    assert now == pytest.approx(10.0, rel=0.01)


def filled(counts: dict[Priority, int]) -> Lanes[tuple[Priority, int]]:
    lanes: Lanes[tuple[Priority, int]] = Lanes()
    for priority, count in counts.items():
        for number in range(count):
            lanes.put(priority, (priority, number))
    return lanes


def served(lanes: Lanes[tuple[Priority, int]]) -> tuple[Priority, int]:
    return lanes.take(lanes.in_turn()[0])


def test_high_goes_first_and_no_lane_starves() -> None:
    lanes = filled({BULK: 100, DEFAULT: 100, HIGH: 100})
    first = [served(lanes)[0] for _ in range(84)]
    assert first[0] is HIGH
    assert Counter(first) == {HIGH: 64, DEFAULT: 16, BULK: 4}


def test_an_idle_lane_saves_up_no_turns() -> None:
    lanes = filled({HIGH: 100})
    for _ in range(64):
        served(lanes)
    for number in range(50):
        lanes.put(BULK, (BULK, number))
    assert Counter(served(lanes)[0] for _ in range(34))[BULK] <= 3


@given(st.lists(st.sampled_from(Priority)))
def test_everything_comes_out_once_in_the_order_of_its_lane(priorities: list[Priority]) -> None:
    lanes: Lanes[tuple[Priority, int]] = Lanes()
    for number, priority in enumerate(priorities):
        lanes.put(priority, (priority, number))
    out = []
    while len(lanes):
        first = lanes.first(lanes.in_turn()[0])
        out.append(served(lanes))
        assert out[-1] == first
    assert sorted(number for _, number in out) == list(range(len(priorities)))
    for lane in Priority:
        numbers = [number for priority, number in out if priority is lane]
        assert all(before < after for before, after in pairwise(numbers))
    with pytest.raises(IndexError):
        lanes.take(HIGH)


def test_removing_and_draining() -> None:
    lanes = filled({BULK: 3, HIGH: 3})
    assert lanes.remove(lambda thing: thing[1] == 1) == [(HIGH, 1), (BULK, 1)]
    assert len(lanes) == 4
    assert list(lanes.drain()) == [(HIGH, 0), (HIGH, 2), (BULK, 0), (BULK, 2)]
    assert len(lanes) == 0


@given(
    st.lists(st.sampled_from(Priority), min_size=1, max_size=200),
    st.lists(st.sets(st.sampled_from(Priority)), min_size=1, max_size=20),
)
def test_no_lane_starves_whatever_holds_up_the_others(priorities: list[Priority], held_up: list[set[Priority]]) -> None:
    lanes: Lanes[Priority] = Lanes()
    for priority in priorities:
        lanes.put(priority, priority)
    passed_over = dict.fromkeys(Priority, 0)
    turns = 0
    while len(lanes):
        turns += 1
        blocked = held_up[turns % len(held_up)] if turns < 1_000 else set()
        free = [lane for lane in lanes.in_turn() if lane not in blocked]
        if not free:
            continue
        taken = lanes.take(free[0])
        assert taken is free[0]
        for lane in free[1:]:
            passed_over[lane] += 1
        passed_over[taken] = 0
        assert all(count <= 42 for count in passed_over.values()), "each gets its share of the turns in which it may"
