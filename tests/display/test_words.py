"""Times and durations as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connector.display.words import STATE_STYLES, SYMBOLS, ago, clock, short_span, span
from connector.model.states import ItemState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "told", "short"),
    [
        (0, "0.0 s", "0 s"),
        (0.31, "0.3 s", "0 s"),
        (9.96, "10 s", "10 s"),
        (59.6, "1 min", "1 min"),
        (60, "1 min", "1 min"),
        (185, "3 min 5 s", "3 min"),
        (3600, "1 h", "1 h"),
        (7501, "2 h 5 min", "2 h"),
        (86_400 * 3 + 3600 * 4 + 59, "3 d 4 h", "3 d"),
        (86_400 * 3 + 59, "3 d", "3 d"),
        (-185, "-3 min 5 s", "0 s"),
    ],
)
def test_a_duration_is_told_in_two_units_or_one(seconds: float, told: str, short: str) -> None:
    assert span(timedelta(seconds=seconds)) == told
    assert short_span(timedelta(seconds=seconds)) == short


def test_a_time_is_told_as_short_as_can_be() -> None:
    assert clock(datetime(2026, 3, 1, 9, 5, 1, tzinfo=UTC), NOW) == "09:05:01"
    assert clock(datetime(2026, 2, 28, 9, 5, tzinfo=UTC), NOW) == "02-28 09:05"
    assert clock(datetime(2027, 2, 28, 9, 5, tzinfo=UTC), NOW) == "2027-02-28"


def test_how_long_ago_and_how_soon() -> None:
    assert ago(NOW - timedelta(minutes=3), NOW) == "3 min ago"
    assert ago(NOW + timedelta(days=4), NOW) == "in 4 d"


def test_every_state_has_a_sign_of_one_cell_and_a_style() -> None:
    assert set(SYMBOLS) == set(STATE_STYLES) == set(ItemState)
    assert all(len(sign) == 1 for sign in SYMBOLS.values())
