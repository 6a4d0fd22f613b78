"""Answers that are assumed when an order is tried: `FIBER-ACCESS.technology=gpon`, `T5.technology=gpon`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from msgspec.structs import replace as replace_fields

from connector.decomposition import Decomposition, decompose
from connector.decomposition.known import Known, line_key
from connector.errors import UsageError
from connector.mappings.orderfile import OrderFile
from connector.mappings.set import MappingSet
from connector.model.json import Json, JsonObject
from connector.model.technical import TechnicalLine


class NotAnAssumption(UsageError):
    """A text that says no answer."""

    code = "ASSUMPTION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """An attribute that an item is assumed to bring for a line (`T5`), or for every line of a product."""

    whose: str
    name: str
    value: Json

    def is_about(self, line: TechnicalLine) -> bool:
        """Whether the line gets the value."""
        return self.whose in {line.product, f"T{line.no}"}


def read(texts: Iterable[str]) -> tuple[Assumption, ...]:
    """The assumptions in these texts; a value is JSON, or else the text itself.

    Raises:
        NotAnAssumption: one of them is not of the form.
    """
    found = []
    for text in texts:
        path, equals, written = text.partition("=")
        whose, _, name = path.strip().rpartition(".")
        if not (equals and whose and name):
            raise NotAnAssumption(
                f"{text!r} says no answer.", hint="Write PRODUCT.attribute=value or T5.attribute=value."
            )
        found.append(Assumption(whose=whose, name=name, value=_value(written)))
    return tuple(found)


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written


def decomposed(
    content: OrderFile, mapping_set: MappingSet, now: datetime, assumptions: Sequence[Assumption]
) -> Decomposition:
    """The order decomposed, and decomposed again with what is assumed to have come, until nothing more comes of it.

    Raises:
        NotAnAssumption: an assumption is about no line that the order has.
    """
    made = decompose(content.order, content.inventory, mapping_set, now)
    values: Mapping[tuple[str, str], JsonObject] = {}
    while not made.problems and (more := _of_lines(made.lines, assumptions)) != values:
        values = more
        known = Known.among(made.lines, made.items, values)
        made = decompose(content.order, content.inventory, mapping_set, now, known)
    if made.problems:
        return made
    for each in assumptions:
        if not any(each.is_about(line) for line in made.lines):
            raise NotAnAssumption(f"The order has no technical line {each.whose} to which {each.name} could come.")
    return replace(made, lines=tuple(_with(line, values.get(line_key(line), {})) for line in made.lines))


def _of_lines(lines: Iterable[TechnicalLine], assumptions: Sequence[Assumption]) -> dict[tuple[str, str], JsonObject]:
    found: dict[tuple[str, str], JsonObject] = {}
    for line in lines:
        given = {each.name: each.value for each in assumptions if each.is_about(line)}
        if given:
            found[line_key(line)] = given
    return found


def _with(line: TechnicalLine, values: JsonObject) -> TechnicalLine:
    return replace_fields(line, attributes={**line.attributes, **values}) if values else line
