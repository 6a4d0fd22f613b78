"""The record of decisions while they are made: what becomes the explanation."""

from __future__ import annotations

from collections.abc import Mapping

from connector.decomposition.tables import Asked
from connector.decomposition.values import bounded, shown
from connector.model.json import Json, JsonObject
from connector.model.technical import Decision, DecisionKind

_NOTHING: JsonObject = {}


class Journal:
    """Collects decisions in the order in which they are made."""

    __slots__ = ("decisions",)

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def note(
        self,
        kind: DecisionKind,
        subject: str,
        reason: str,
        *,
        taken: bool = True,
        rule: str = "",
        source: str = "",
        asked: Asked | None = None,
        seen: JsonObject = _NOTHING,
        made: str = "",
    ) -> None:
        """Record one decision; with an expression that was asked, `seen` is what it read (`seen(...)`)."""
        self.decisions.append(
            Decision(
                kind=kind,
                subject=subject,
                taken=taken,
                reason=reason,
                rule=rule,
                source=source,
                expression="" if asked is None else asked.text,
                seen=seen,
                made=made,
            )
        )


def seen(asked: Asked | None, variables: Mapping[str, Json]) -> JsonObject:
    """What an expression reads in its variables: each dotted path of it with the value there, cut to a
    bounded size; null where the value is absent.
    """
    if asked is None:
        return _NOTHING
    found: dict[str, Json] = {}
    for dotted, path in asked.sights:
        if path[0] not in variables:
            continue  # a macro's own variable, such as c in exists(c, …)
        value: Json = variables[path[0]]
        for step in path[1:]:
            value = value.get(step) if isinstance(value, Mapping) else None
            if value is None:
                break
        found[dotted] = bounded(value)
    return found


def sightings(values: JsonObject) -> str:
    """What was seen as one clause: `line.attributes.tier = "S", order.account.type is absent`."""
    return ", ".join(
        f"{path} is absent" if value is None else f"{path} = {shown(value)}" for path, value in values.items()
    )
