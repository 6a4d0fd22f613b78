"""Working time: when a calendar is open, and how to count in nothing but that. Pure.

The idea: the working time between two moments is the difference of how much of it lies before each of them. So
every year of a calendar is laid out once as a list of spans with a running total; adding is a search in it, and
takes as long for a year as for a minute. Spans are laid out in the calendar's own zone and kept in UTC, so a
day on which clocks are changed is as long as it really is.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo

Hours: TypeAlias = tuple[tuple[int, int], ...]
"""The spans of one day, in minutes from midnight by the clock on the wall: `((540, 720), (780, 1020))`."""

DAY = 24 * 60
"""Minutes of a day: where its last span ends at the latest."""

FIRST_YEAR, LAST_YEAR = 1970, 2500
"""Nothing is counted outside of these years."""


def moment_of(value: object) -> datetime:
    """The date and time that an expression gave as ISO 8601 text, with a zone or without.

    Raises:
        ValueError: it is none, or too far away; the text says which.
    """
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(f"{value!r}, which is no date and time") from None
    if not FIRST_YEAR < moment.year < LAST_YEAR:
        raise ValueError(f"{value!r}, which is too far away")
    return moment


class Beyond(OverflowError):
    """What is counted leads out of the years that can be counted in."""


@dataclass(frozen=True, slots=True)
class _Year:
    """One year's spans, in seconds of the epoch, and how much working time lies before each of them in the year."""

    opens: list[float]
    lengths: list[float]
    before: list[float]
    total: float


def _no_holidays(_: int) -> frozenset[date]:
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calendar:
    """When somebody works: the hours of each weekday, less holidays, with days that are different.

    Moments are aware; what is given back is UTC. A day of a calendar is as long as the longest of its weekdays,
    a week as long as all of them: what `P1D` and `P1W` mean to people who work by it.
    """

    name: str
    zone: ZoneInfo
    hours: Mapping[int, Hours]
    """By weekday, Monday 0. At least one of them has hours."""
    holidays: Callable[[int], frozenset[date]] = _no_holidays
    """The public holidays of a year: closed."""
    dates: Mapping[date, Hours] = field(default_factory=dict)
    """Days with hours of their own, holiday or not; none: closed."""
    every_year: Mapping[tuple[int, int], Hours] = field(default_factory=dict)
    """The same for a month and day of every year; a full date goes before."""
    _years: dict[int, _Year] = field(default_factory=dict, init=False, repr=False)

    @property
    def day(self) -> timedelta:
        """How long a working day is."""
        return timedelta(minutes=max(map(_minutes, self.hours.values())))

    @property
    def week(self) -> timedelta:
        """How long a working week is."""
        return timedelta(minutes=sum(map(_minutes, self.hours.values())))

    def add(self, start: datetime, length: timedelta) -> datetime:
        """The first moment by which so much working time has passed since `start`; `start` itself for none.

        Raises:
            Beyond: that is too far away.
        """
        return datetime.fromtimestamp(self.add_seconds(start.timestamp(), length.total_seconds()), UTC)

    def add_seconds(self, start: float, seconds: float) -> float:
        """As `add`, in seconds of the epoch."""
        if seconds <= 0:
            return start
        number = self._year_of(start)
        year = self._year(number)
        wanted = _worked(year, start) + seconds
        while wanted > year.total:
            wanted -= year.total
            number += 1
            year = self._year(number)
        span = bisect_left(year.before, wanted) - 1
        return year.opens[span] + wanted - year.before[span]

    def back(self, end: datetime, length: timedelta) -> datetime:
        """The last moment from which so much working time is left until `end`; `end` itself for none.

        Raises:
            Beyond: there is none.
        """
        wanted = length.total_seconds()
        if wanted <= 0:
            return end.astimezone(UTC)
        seconds = end.timestamp()
        number = self._year_of(seconds)
        year = self._year(number)
        rest = _worked(year, seconds) - wanted
        while rest < 0:
            number -= 1
            year = self._year(number)
            rest += year.total
        span = bisect_right(year.before, rest) - 1
        return datetime.fromtimestamp(year.opens[span] + rest - year.before[span], UTC)

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` to `end`; less than nothing when that is before."""
        return timedelta(seconds=self.seconds_between(start.timestamp(), end.timestamp()))

    def seconds_between(self, start: float, end: float) -> float:
        """As `between`, in seconds of the epoch."""
        if end < start:
            return -self.seconds_between(end, start)
        first, last = self._year_of(start), self._year_of(end)
        whole = sum(self._year(number).total for number in range(first, last))
        return whole + _worked(self._year(last), end) - _worked(self._year(first), start)

    def opening(self, at: datetime) -> datetime:
        """`at`, if somebody works then; else the next moment from which somebody does.

        Raises:
            Beyond: there is none.
        """
        seconds = at.timestamp()
        number = self._year_of(seconds)
        while True:
            year = self._year(number)
            span = bisect_right(year.opens, seconds) - 1
            if span >= 0 and seconds < year.opens[span] + year.lengths[span]:
                return at.astimezone(UTC)
            if span + 1 < len(year.opens):
                return datetime.fromtimestamp(year.opens[span + 1], UTC)
            number += 1

    def hours_of(self, day: date) -> Hours:
        """The hours of one day."""
        own = self.dates.get(day)
        if own is None:
            own = self.every_year.get((day.month, day.day))
        if own is not None:
            return own
        return () if day in self.holidays(day.year) else self.hours.get(day.weekday(), ())

    def _year_of(self, seconds: float) -> int:
        return datetime.fromtimestamp(seconds, self.zone).year

    def _year(self, number: int) -> _Year:
        year = self._years.get(number)
        if year is None:
            if not FIRST_YEAR <= number <= LAST_YEAR:
                raise Beyond(f"calendar {self.name} is counted in from {FIRST_YEAR} to {LAST_YEAR} only")
            year = self._years[number] = self._laid_out(number)
        return year

    def _laid_out(self, number: int) -> _Year:
        year = _Year([], [], [], 0.0)
        total = closed = 0.0
        for opens, closes in self._spans(number):
            begins = max(opens, closed)  # a change of the clocks may have pushed two spans into each other
            if closes > begins:
                year.opens.append(begins)
                year.lengths.append(closes - begins)
                year.before.append(total)
                total += closes - begins
                closed = closes
        return _Year(year.opens, year.lengths, year.before, total)

    def _spans(self, number: int) -> Iterator[tuple[float, float]]:
        day = date(number, 1, 1)
        while day.year == number:
            for opens, closes in self.hours_of(day):
                yield (
                    self._moment(day, opens, fold=0),
                    max(self._moment(day, closes, fold=0), self._moment(day, closes, fold=1)),
                )
            day += timedelta(days=1)

    def _moment(self, day: date, minutes: int, *, fold: int) -> float:
        """When the clock on the wall shows this. Of an hour that comes twice a span takes both."""
        if minutes == DAY:
            day, minutes = day + timedelta(days=1), 0
        return datetime.combine(day, time(minutes // 60, minutes % 60, fold=fold), self.zone).timestamp()


def _minutes(hours: Hours) -> int:
    return sum(closes - opens for opens, closes in hours)


def _worked(year: _Year, seconds: float) -> float:
    """The working time of the year before this moment."""
    span = bisect_right(year.opens, seconds) - 1
    return year.before[span] + min(seconds - year.opens[span], year.lengths[span]) if span >= 0 else 0.0
