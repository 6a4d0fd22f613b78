"""What a JSON document is made of: the only kind of value that attributes, outputs and payloads hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
    JsonObject: TypeAlias = Mapping[str, Json]
else:
    # A codec that reads these annotations at run time can't follow the recursion; any value is right there,
    # since it comes out of a JSON parser.
    Json = Any
    JsonObject = Mapping[str, Any]
