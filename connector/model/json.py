"""What a JSON document is made of: the only kind of value that attributes, outputs and payloads hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Json: TypeAlias = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value. Dates and times are ISO 8601 text; CEL turns them into times with `timestamp()`."""

JsonObject: TypeAlias = Mapping[str, Json]
"""A JSON object."""
