"""Rendering of requests: the interface's expressions over the order, the line and the item."""

from __future__ import annotations

from collections.abc import Mapping

from connector.errors import UsageError
from connector.mappings.expression import Activation, Expression
from connector.mappings.set import Interface
from connector.model.json import Json
from connector.model.work import RenderedRequest


class RenderError(UsageError):
    """A request that can't be made from these values."""

    code = "REQUEST"


def render(interface: Interface, activation: Activation) -> RenderedRequest:
    """The request that the interface makes of these values (environment PLAN).

    Raises:
        EvaluationError: an expression does not fit the values.
        RenderError: the path does not begin with `/`, or a header or parameter is no plain value.
    """
    request = interface.request
    path = request.path.evaluate(activation)
    if not isinstance(path, str) or not path.startswith("/"):
        raise RenderError(f"{request.path.source}: the path is {path!r}; it has to begin with '/'.")
    return RenderedRequest(
        method=request.method,
        path=path,
        query=_texts(request.query, activation),
        headers=_texts(request.headers, activation),
        body=request.body.evaluate(activation) if request.body else None,
    )


def _texts(expressions: Mapping[str, Expression], activation: Activation) -> dict[str, str]:
    if not expressions:
        return {}
    return {name: _text(name, expression, activation) for name, expression in expressions.items()}


def _text(name: str, expression: Expression, activation: Activation) -> str:
    value: Json = expression.evaluate(activation)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise RenderError(f"{expression.source}: {name} is {value!r}; it has to be text, a number or true/false.")
