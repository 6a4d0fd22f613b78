"""The API budget, as a pure function of what Salesforce says is used."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.model.mark import RecordKind
from connector.sf.budget import PURPOSES, Budget, Pace, Purpose, pace
from connector.sf.usage import Usage, UsageGauge, parse_usage

BUDGET = Budget(shortest=0.5, longest=60.0)


def at(per_cent: float) -> Pace:
    return pace(Usage(int(per_cent * 100), 10_000), BUDGET)


def test_full_speed_while_nothing_is_known_and_below_eighty_per_cent() -> None:
    assert pace(None, BUDGET) == Pace(interval=0.5, kinds=None)
    assert at(79.9) == Pace(interval=0.5, kinds=None)
    assert pace(Usage(0, 0), BUDGET) == Pace(interval=0.5, kinds=None)


def test_between_eighty_and_ninety_five_per_cent_the_interval_grows_evenly() -> None:
    assert 0.5 < at(85).interval < at(90).interval < 60
    assert at(87.5).interval == pytest.approx((0.5 * 60) ** 0.5)


@pytest.mark.parametrize(
    ("per_cent", "kinds"),
    [
        (89, None),
        (90, {"command", "fallout", "order", "order_line", "plan", "item", "request", "line"}),
        (95, {"command", "fallout", "order"}),
        (98, {"command", "fallout"}),
        (120, {"command", "fallout"}),
    ],
)
def test_near_the_end_only_the_first_purposes_may_cause_a_call(per_cent: float, kinds: set[RecordKind] | None) -> None:
    allowed = at(per_cent).kinds

    assert (set(allowed) if allowed else allowed) == kinds


@given(st.integers(0, 200), st.integers(0, 200))
def test_more_used_is_never_faster_and_never_allows_more(one: int, other: int) -> None:
    less, more = at(min(one, other)), at(max(one, other))

    assert less.interval <= more.interval
    assert set(more.kinds or PURPOSES) <= set(less.kinds or PURPOSES)


@given(st.integers(0, 1000))
def test_operators_are_always_answered(per_cent: int) -> None:
    kinds = set(at(per_cent).kinds or PURPOSES)

    assert {kind for kind, purpose in PURPOSES.items() if purpose is Purpose.OPERATOR} <= kinds


@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=18/5000", Usage(18, 5000)),
        ("api-usage=25/5000; per-app-api-usage=17/250(appName=sample-app)", Usage(25, 5000)),
        ("per-app-api-usage=17/250(appName=x); api-usage=25/5000", Usage(25, 5000)),
        ("per-app-api-usage=17/250(appName=x)", None),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_the_usage_header(header: str | None, usage: Usage | None) -> None:
    assert parse_usage(header) == usage


def test_a_gauge_keeps_the_last_that_was_told() -> None:
    gauge = UsageGauge()
    gauge.observe("api-usage=18/5000")
    gauge.observe(None)

    assert gauge.last == Usage(18, 5000)
    assert gauge.calls == 2
