"""What expressions read of their variables: so that only that has to be made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from connector.mappings.expression import Expression
from connector.mappings.syntax import ELEMENT

Reads: TypeAlias = Mapping[str, frozenset[str] | None]
"""The variables that are read, each with the fields read of it; None: the variable as a whole."""


def reads(expressions: Iterable[Expression]) -> Reads:
    """What these expressions read, all together."""
    fields: dict[str, set[str] | None] = {}
    for expression in expressions:
        for reference in expression.references:
            variable, *rest = reference.path
            seen = fields.setdefault(variable, set())
            if not rest or rest[0] == ELEMENT:
                fields[variable] = None
            elif seen is not None:
                seen.add(rest[0])
    return {variable: frozenset(names) if names is not None else None for variable, names in fields.items()}
