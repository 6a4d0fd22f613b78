"""Calendars, expected durations, limits, and when an order is in jeopardy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache, partial
from itertools import pairwise
from typing import Literal, cast
from zoneinfo import ZoneInfo

from connector.mappings.build.fallout import fallout_queue
from connector.mappings.calendar import Calendar, Hours
from connector.mappings.document import Kind, Node
from connector.mappings.draft import Draft, entries_of, one_or_more, word
from connector.mappings.form.time import WEEKDAYS
from connector.mappings.shapes import duration
from connector.mappings.timing import Alarm, Expected, Limits, Measures
from connector.model.order import Priority

_ANY_YEAR = 2026

AT_RISK = 0.8
"""The share of its time after which an item is At Risk, when nothing else is said."""


def build(draft: Draft) -> None:
    """Build the calendars."""
    for document in draft.documents["set"][:1]:
        zone = _zone(draft, document.get("timezone"), ZoneInfo("UTC"))
        for name, value in entries_of(document.get("calendars")):
            for node in draft.usable((value,)):
                if name.text not in draft.calendars:
                    draft.calendars[name.text] = _calendar(draft, name, node, zone)


def calendar(draft: Draft, node: Node | None) -> Calendar | None:
    """The calendar of that name; a finding when there is none."""
    if node is None or not draft.known(node, draft.calendars, "MAP042", "calendar"):
        return None
    return draft.calendars[node.text]


def length(node: Node, within: Calendar | None) -> timedelta:
    """A duration. In a calendar its days and weeks are working days and weeks."""
    if within is None:
        return duration(node.text) or timedelta()
    return duration(node.text, day=within.day, week=within.week) or timedelta()


def expected(draft: Draft, node: Node | None, within: Calendar | None) -> Expected | None:
    """How long an item is expected to take."""
    if node is None or node.kind is not Kind.MAPPING:
        return None
    likely = length(node["likely"], within)
    best, worst = node.get("optimistic"), node.get("pessimistic")
    optimistic = length(best, within) if best is not None else likely
    pessimistic = length(worst, within) if worst is not None else likely
    if best is not None and optimistic > likely:
        best.report(draft.findings, "MAP077", f"Longer than the likely duration, {node['likely'].text}.")
    if worst is not None and pessimistic < likely:
        worst.report(draft.findings, "MAP077", f"Shorter than the likely duration, {node['likely'].text}.")
    return Expected(optimistic=optimistic, likely=likely, pessimistic=pessimistic)


def limits(
    draft: Draft, node: Node, takes: Expected | None, due: timedelta | None, within: Calendar | None
) -> Limits | None:
    """For how long an item may run: what `jeopardy` says, or until it is `due`."""
    given = node.get("jeopardy")
    if given is None:
        return Limits(at_risk=due * AT_RISK, late=due) if due is not None else None
    written, share = given.get("late"), given.get("at_risk")
    late = due or (takes.pessimistic if takes is not None else None)
    if written is not None:
        late = length(written, within)
    if late is None:
        given.report(draft.findings, "MAP070", "How long may it run?", hint="Write `late: PT4H`, or how long it takes.")
        return None
    if share is None or share.kind in {Kind.INTEGER, Kind.NUMBER}:
        return Limits(at_risk=late * (AT_RISK if share is None else float(share.text)), late=late)
    at_risk = length(share, within)
    if at_risk >= late:
        share.report(draft.findings, "MAP077", "An item is At Risk before it is Late: this is not shorter.")
    return Limits(at_risk=at_risk, late=late)


def alarm(draft: Draft, head: Node) -> Alarm:
    """When an order is in jeopardy, and what is done then."""
    node = head.get("jeopardy")
    if node is None:
        return Alarm()
    within, margin = calendar(draft, node.get("calendar")), node.get("margin")
    return Alarm(
        margin=length(margin, within) if margin is not None else timedelta(),
        calendar=within,
        at_risk=_measures(draft, node.get("at_risk")),
        late=_measures(draft, node.get("late")),
    )


def _measures(draft: Draft, node: Node | None) -> Measures:
    if node is None:
        return Measures()
    priority, case = node.get("priority"), node.get("case")
    return Measures(
        priority=Priority[priority.text.upper()] if priority is not None else None,
        case=fallout_queue(draft, case) if case is not None else None,
        severity=cast("Literal['Low', 'Medium', 'High']", word(node, "severity", "Medium")),
    )


def _calendar(draft: Draft, name: Node, node: Node, zone: ZoneInfo) -> Calendar:
    weekdays: dict[int, Hours] = {}
    for days, spans in entries_of(node.get("hours")):
        hours = _hours(draft, spans)
        for day in _weekdays(days.text):
            if day in weekdays:
                days.report(draft.findings, "MAP084", f"The hours of {WEEKDAYS[day]} are given twice.")
            weekdays[day] = hours
    if not any(weekdays.values()):
        name.report(draft.findings, "MAP084", f"In the calendar `{name.text}` nobody ever works.")
        weekdays = {0: ((0, 60),)}
    dates: dict[date, Hours] = {}
    every_year: dict[tuple[int, int], Hours] = {}
    for day_node, spans in entries_of(node.get("dates")):
        hours = () if spans.text == "closed" and spans.kind is Kind.TEXT else _hours(draft, spans)
        month, number = int(day_node.text[-5:-3]), int(day_node.text[-2:])
        try:
            if len(day_node.text) > len("12-24"):
                dates[date(int(day_node.text[:4]), month, number)] = hours
            else:
                every_year[date(2000, month, number).month, number] = hours
        except ValueError:
            day_node.report(draft.findings, "MAP084", f"There is no {day_node.text}.")
    return Calendar(
        name=name.text,
        zone=_zone(draft, node.get("timezone"), zone),
        hours=weekdays,
        holidays=_holidays(draft, node.get("holidays")),
        dates=dates,
        every_year=every_year,
    )


def _weekdays(text: str) -> Iterable[int]:
    """`mon-fri`, and over the end of the week `sat-mon`."""
    first, _, last = text.partition("-")
    begin = WEEKDAYS.index(first)
    count = (WEEKDAYS.index(last or first) - begin) % len(WEEKDAYS) + 1
    return [(begin + step) % len(WEEKDAYS) for step in range(count)]


def _hours(draft: Draft, node: Node) -> Hours:
    spans = []
    for span in one_or_more(node):
        opens, closes = map(_minutes, span.text.split("-"))
        if closes <= opens:
            hint = "What goes on after midnight is a second span, on the next day."
            span.report(draft.findings, "MAP084", "This ends before it begins.", hint=hint)
        else:
            spans.append((opens, closes))
    for (_, before), (opens, _) in pairwise(spans):
        if opens < before:
            node.report(draft.findings, "MAP084", "The hours are not one after the other.")
    return tuple(spans)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _zone(draft: Draft, node: Node | None, otherwise: ZoneInfo) -> ZoneInfo:
    if node is None or not node.is_scalar or not node.text:
        return otherwise
    try:
        return ZoneInfo(node.text)
    except (ValueError, OSError, KeyError):
        node.report(draft.findings, "MAP085", f"There is no time zone `{node.text}`.", hint="Write `Europe/Berlin`.")
        return otherwise


def _holidays(draft: Draft, node: Node | None) -> Callable[[int], frozenset[date]]:
    if node is None:
        return lambda _: frozenset()
    import holidays  # noqa: PLC0415 - it takes a second: only sets that name holidays are to wait for it

    country, _, subdivision = node.text.partition("-")
    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        node.report(draft.findings, "MAP085", f"The holidays of `{country}` are not known.")
    elif subdivision and subdivision not in known[country]:
        message = f"The holidays of `{subdivision}` in {country} are not known."
        node.report(draft.findings, "MAP085", message, hint=f"Known: {', '.join(known[country]) or 'none'}.")
    else:
        _holidays_of(country, subdivision, _ANY_YEAR)  # most of the second goes here, and not where time matters
        return partial(_holidays_of, country, subdivision)
    return lambda _: frozenset()


@cache
def _holidays_of(country: str, subdivision: str, year: int) -> frozenset[date]:
    """The public holidays of one year; none in years of which nothing is known."""
    import holidays  # noqa: PLC0415 - see above

    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
