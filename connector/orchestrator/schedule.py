"""When an item may start, is over, or should be done: the times that definitions give, in their calendars. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from connector.mappings.calendar import moment_of
from connector.mappings.expression import Expression
from connector.mappings.set import ItemDefinition
from connector.model.plan import Item
from connector.orchestrator.requests import RenderError
from connector.orchestrator.step import Step


def not_before(step: Step, item: Item, expression: Expression) -> datetime | None:
    """The time that has to come before the item starts, as its definition's `not_before` tells; None: any time.

    With a calendar it is a moment at which somebody works: the next one, if the expression gives another.

    Raises:
        EvaluationError: the expression does not fit the values.
        RenderError: it gives no date and time.
    """
    definition = step.definition(item)
    moment = _moment(step, item, definition, expression)
    try:
        return moment if moment is None or definition.calendar is None else definition.calendar.opening(moment)
    except OverflowError as error:
        raise RenderError(f"{expression.text!r}: {error}") from None


def timer_end(step: Step, item: Item) -> datetime:
    """When a timer that starts now is over.

    Raises:
        EvaluationError: its `until` does not fit the values.
        RenderError: that gives no date and time.
    """
    definition = step.definition(item)
    if definition.until is not None:
        end = _moment(step, item, definition, definition.until)
        if end is None:
            raise RenderError(f"{definition.until.text!r} gives null, which is no date and time")
        return end
    return later(step.now, definition.duration or timedelta(), definition)


def later(start: datetime, length: timedelta, definition: ItemDefinition) -> datetime:
    """So much later, in the calendar of the item if it has one.

    Raises:
        RenderError: that is beyond what can be counted.
    """
    try:
        return definition.calendar.add(start, length) if definition.calendar is not None else start + length
    except OverflowError as error:
        raise RenderError(str(error)) from None


def _moment(step: Step, item: Item, definition: ItemDefinition, expression: Expression) -> datetime | None:
    """The moment that an expression gives. Without a zone it is meant in the calendar's, else in the set's."""
    value = expression.evaluate(step.activation(item, expression))
    if value is None:
        return None
    try:
        moment = moment_of(value)
    except ValueError as error:
        raise RenderError(f"{expression.text!r} gives {error}") from None
    if moment.tzinfo is None:
        zone = definition.calendar.zone if definition.calendar is not None else ZoneInfo(step.mappings.timezone)
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)
