"""What all parts of one decomposition share: the inputs that they read, the records that they write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connector.decomposition.installed import Installed
from connector.decomposition.journal import Journal
from connector.decomposition.known import NOTHING, Known
from connector.decomposition.near import NearMiss
from connector.decomposition.tables import Tables
from connector.mappings.set import MappingSet
from connector.model.failure import Problem
from connector.model.ids import LineId
from connector.model.json import JsonObject
from connector.model.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One decomposition under way."""

    order: Order
    order_view: JsonObject
    mapping_set: MappingSet
    tables: Tables
    as_is: Installed
    places: Mapping[LineId, int]
    """Place of each commercial line in the order, from 0."""
    labels: Mapping[LineId, str]
    """How each commercial line is called to people: `line 2`."""
    possibly_incomplete: frozenset[str]
    """Technical products that may miss contributions of lines left out for problems of their own: nothing
    is said about values missing there."""
    known: Known = NOTHING
    journal: Journal = field(default_factory=Journal)
    problems: list[Problem] = field(default_factory=list)
    near_misses: dict[str, list[NearMiss]] = field(default_factory=dict)
    """The rules that did not fire, by the subject that they were tried on."""
    promised: set[tuple[str, str]] = field(default_factory=set)
    """Products with the attributes that a parked rule may give them."""

    def problem(
        self,
        code: str,
        message: str,
        *,
        where: str,
        hint: str = "",
        source: object = "",
        near_misses: tuple[str, ...] = (),
    ) -> None:
        """Record something that a person has to mend."""
        self.problems.append(
            Problem(code=code, message=message, where=where, hint=hint, source=str(source), near_misses=near_misses)
        )
