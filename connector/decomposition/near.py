"""Near misses: what almost took a line, and why it did not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from connector.decomposition.journal import sightings
from connector.decomposition.tables import Asked
from connector.model.json import JsonObject

_MOST = 10


class NearMiss(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A rule or scenario that did not apply to a line."""

    kind: Literal["rule", "scenario"]
    name: str
    when: Asked | None
    reason: str
    saw: JsonObject

    def __str__(self) -> str:
        """`rule sim: its condition is false: line.attributes.simType == "physical" (saw …)`."""
        condition = f": {self.when.text}" if self.when is not None else ""
        saw = f" (saw {sightings(self.saw)})" if self.saw else ""
        return f"{self.kind} {self.name}: {self.reason}{condition}{saw}"


def told(misses: Sequence[NearMiss]) -> tuple[str, ...]:
    """The near misses as sentences, those after the tenth only counted."""
    sentences = [str(miss) for miss in misses[:_MOST]]
    if len(misses) > _MOST:
        sentences.append(f"and {len(misses) - _MOST} more")
    return tuple(sentences)
