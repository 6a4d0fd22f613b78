"""Evaluation that always ends well: a value, or the reason why there is none."""

from __future__ import annotations

from connector.decomposition.values import Unusable, plain
from connector.mappings.expression import Activation, EvaluationError, Expression
from connector.model.json import Json


class NoValue(Exception):
    """An expression has no value for a line; the text says why."""


def value_of(expression: Expression, activation: Activation) -> Json:
    """The value of an expression.

    Raises:
        NoValue: it fails on these values, or gives something that can't be kept.
    """
    try:
        value = expression.evaluate(activation)
    except EvaluationError as error:
        raise NoValue(error.reason) from None
    except (RuntimeError, ValueError, OverflowError) as error:  # CEL's own, on text that it can't convert
        raise NoValue(str(error)) from None
    if value is None or value.__class__ is str or value.__class__ is bool:
        return value
    try:
        return plain(value)
    except Unusable as reason:
        raise NoValue(f"it can't be used: {reason}") from None


def holds(expression: Expression, activation: Activation) -> bool:
    """The value of a condition.

    Raises:
        NoValue: as `value_of`, or it is neither true nor false.
    """
    value = value_of(expression, activation)
    if not isinstance(value, bool):
        raise NoValue(f"it gives {value!r}, not true or false")
    return value
