"""Working time: days, holidays, zones, changes of the clock; and that counting there and back leads home."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.calendar import Beyond, Calendar, Hours

BERLIN = ZoneInfo("Europe/Berlin")
NINE_TO_FIVE: Hours = ((540, 1020),)
OFFICE = Calendar(name="office", zone=BERLIN, hours=dict.fromkeys(range(5), NINE_TO_FIVE))
ROUND_THE_CLOCK = Calendar(name="always", zone=BERLIN, hours=dict.fromkeys(range(7), ((0, 1440),)))
SPLIT = Calendar(
    name="split",
    zone=ZoneInfo("Australia/Lord_Howe"),
    hours={0: ((0, 150), (600, 720)), 5: ((120, 150),), 6: ((90, 125), (130, 1440))},
    holidays=lambda year: frozenset({date(year, 1, 1), date(year, 12, 26)}),
    dates={date(2026, 5, 2): ((60, 61),), date(2026, 5, 3): ()},
    every_year={(12, 24): ((540, 720),)},
)
CALENDARS = (OFFICE, ROUND_THE_CLOCK, SPLIT)

moments = st.integers(1_700_000_000, 1_860_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
lengths = st.integers(0, 60 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))


def local(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-03-02T10:00", 2, "2026-03-02T12:00"),
        ("2026-03-02T16:00", 2, "2026-03-03T10:00"),
        ("2026-03-06T16:00", 2, "2026-03-09T10:00"),  # over a weekend
        ("2026-03-02T16:00", 1, "2026-03-02T17:00"),  # done when the day ends, not when the next begins
        ("2026-03-07T13:00", 1, "2026-03-09T10:00"),  # from a Saturday
        ("2026-03-02T03:00", 8, "2026-03-02T17:00"),
        ("2026-03-27T16:00", 2, "2026-03-30T10:00"),  # over the change to summer time
        ("2026-10-23T16:00", 2, "2026-10-26T10:00"),
        ("2026-12-31T16:00", 2, "2027-01-01T10:00"),  # over the year, whose first day is no holiday here
        ("2026-03-02T10:00", 8 * 261, "2027-03-02T10:00"),
    ],
)
def test_working_time_goes_by_in_working_hours_only(start: str, hours: int, end: str) -> None:
    assert OFFICE.add(local(start), timedelta(hours=hours)) == local(end)


def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is() -> None:
    always = ROUND_THE_CLOCK
    assert always.between(local("2026-03-29T00:00"), local("2026-03-30T00:00")) == timedelta(hours=23)
    assert always.between(local("2026-10-25T00:00"), local("2026-10-26T00:00")) == timedelta(hours=25)
    assert always.add(local("2026-03-28T12:00"), timedelta(hours=24)) == local("2026-03-29T13:00")


def test_an_hour_that_comes_twice_is_worked_twice() -> None:
    night = Calendar(name="night", zone=BERLIN, hours={6: ((120, 180),)})
    assert night.between(local("2026-10-24T00:00"), local("2026-10-27T00:00")) == timedelta(hours=2)
    assert night.between(local("2026-03-28T00:00"), local("2026-03-31T00:00")) == timedelta()
    assert night.between(local("2026-06-06T00:00"), local("2026-06-09T00:00")) == timedelta(hours=1)


def test_holidays_and_own_dates() -> None:
    shop = Calendar(
        name="shop",
        zone=BERLIN,
        hours=dict.fromkeys(range(5), NINE_TO_FIVE),
        holidays=lambda year: frozenset({date(year, 5, 1), date(year, 12, 25)}),
        dates={date(2026, 12, 25): ((600, 660),), date(2026, 3, 7): NINE_TO_FIVE},
        every_year={(12, 24): ((540, 720),), (12, 25): ()},
    )
    assert shop.hours_of(date(2026, 5, 1)) == ()
    assert shop.hours_of(date(2026, 12, 24)) == ((540, 720),)
    assert shop.hours_of(date(2026, 12, 25)) == ((600, 660),)  # this date goes before that of every year
    assert shop.hours_of(date(2028, 12, 25)) == ()
    assert shop.add(local("2026-03-06T16:00"), timedelta(hours=2)) == local("2026-03-07T10:00")


def test_where_it_opens() -> None:
    assert OFFICE.opening(local("2026-03-02T10:00")) == local("2026-03-02T10:00")
    assert OFFICE.opening(local("2026-03-02T08:59")) == local("2026-03-02T09:00")
    assert OFFICE.opening(local("2026-03-02T17:00")) == local("2026-03-03T09:00")
    assert OFFICE.opening(local("2026-03-06T18:00")) == local("2026-03-09T09:00")
    assert OFFICE.opening(local("2027-12-31T18:00")) == local("2028-01-03T09:00")


def test_the_length_of_a_day_and_of_a_week() -> None:
    assert (OFFICE.day, OFFICE.week) == (timedelta(hours=8), timedelta(hours=40))
    assert ROUND_THE_CLOCK.day == timedelta(days=1)


def test_the_years_end_somewhere() -> None:
    with pytest.raises(Beyond):
        OFFICE.add(datetime(2499, 12, 1, tzinfo=UTC), timedelta(days=360))
    with pytest.raises(Beyond):
        OFFICE.opening(datetime(9999, 1, 1, tzinfo=UTC))
    with pytest.raises(Beyond):
        OFFICE.back(datetime(1970, 2, 1, tzinfo=UTC), timedelta(days=60))


@given(st.sampled_from(CALENDARS), moments, lengths)
def test_there_and_back(calendar: Calendar, start: datetime, length: timedelta) -> None:
    end = calendar.add(start, length)
    assert end >= start
    assert calendar.between(start, end) == length
    assert calendar.between(end, start) == -length
    back = calendar.back(end, length)
    assert back >= start
    assert calendar.between(back, end) == length
    if length:
        assert calendar.opening(back) == back


@given(st.sampled_from(CALENDARS), moments, moments, lengths, lengths)
def test_later_and_longer_is_never_sooner(
    calendar: Calendar, one: datetime, other: datetime, short: timedelta, more: timedelta
) -> None:
    first, second = sorted((one, other))
    assert calendar.add(first, short) <= calendar.add(second, short)
    assert calendar.add(first, short) <= calendar.add(first, short + more)
    assert calendar.add(calendar.add(first, short), more) == calendar.add(first, short + more)


@given(st.sampled_from(CALENDARS), moments, moments)
def test_working_time_is_part_of_the_time(calendar: Calendar, one: datetime, other: datetime) -> None:
    first, second = sorted((one, other))
    assert timedelta() <= calendar.between(first, second) <= second - first
    opening = calendar.opening(first)
    assert opening >= first
    assert calendar.between(first, opening) == timedelta()
