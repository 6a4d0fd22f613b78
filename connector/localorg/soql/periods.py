"""Date literals: what `LAST_N_DAYS:7` or `THIS_QUARTER` means today. Days are days in UTC; weeks start on Sunday."""

from __future__ import annotations

from datetime import date, timedelta

from connector.localorg.soql.syntax import DateLiteral

_DAY = timedelta(days=1)


def period(literal: DateLiteral, today: date) -> tuple[date, date]:
    """The first day of the period, and the first day after it."""
    name, number = literal.name, literal.number or 0
    simple = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
    if name in simple:
        start = today + simple[name] * _DAY
        return start, start + _DAY
    if name in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        name, number = name.replace("90", "N"), 90
    if name == "LAST_N_DAYS":
        return today - number * _DAY, today + _DAY
    if name == "NEXT_N_DAYS":
        return today + _DAY, today + (number + 1) * _DAY
    if name == "N_DAYS_AGO":
        return today - number * _DAY, today - (number - 1) * _DAY
    return _in_units(name.replace("FISCAL_", ""), number, today)


def _in_units(name: str, number: int, today: date) -> tuple[date, date]:
    which, _, unit = name.partition("_")
    if name.endswith("_AGO"):
        unit = name.removeprefix("N_").removesuffix("S_AGO")
        return _shift(today, unit, -number), _shift(today, unit, -number + 1)
    if unit.startswith("N_"):
        unit = unit.removeprefix("N_").removesuffix("S")
        if which == "LAST":
            return _shift(today, unit, -number), _shift(today, unit, 0)
        return _shift(today, unit, 1), _shift(today, unit, number + 1)
    step = {"LAST": -1, "THIS": 0, "NEXT": 1}[which]
    return _shift(today, unit, step), _shift(today, unit, step + 1)


def _shift(today: date, unit: str, steps: int) -> date:
    """The first day of the unit that lies so many units from today's."""
    if unit == "WEEK":
        sunday = today - timedelta(days=(today.weekday() + 1) % 7)
        return sunday + timedelta(weeks=steps)
    if unit == "YEAR":
        return date(today.year + steps, 1, 1)
    months = {"MONTH": 1, "QUARTER": 3}[unit]
    index = today.year * 12 + (today.month - 1) // months * months + steps * months
    return date(index // 12, index % 12 + 1, 1)
