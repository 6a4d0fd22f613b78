"""Requests and replies of the REST API, whether they came over HTTP or inside a composite request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from connector.localorg.errors import refused
from connector.localorg.security import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call. `path` holds the decoded segments below `/services/data/vNN.0`; header names are lower case."""

    method: str
    path: tuple[str, ...]
    version: float
    actor: Actor
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    parsed: Any = None

    def json(self) -> Any:
        """The body.

        Raises:
            SalesforceError: JSON_PARSER_ERROR.
        """
        if self.parsed is not None:
            return self.parsed
        try:
            return orjson.loads(self.raw)
        except orjson.JSONDecodeError as error:
            where = f"[line:{error.lineno}, column:{error.colno}]"
            raise refused("JSON_PARSER_ERROR", f"{error.msg} at {where}") from None

    def object(self) -> dict[str, Any]:
        """The body, which must be a JSON object.

        Raises:
            SalesforceError: JSON_PARSER_ERROR.
        """
        body = self.json()
        if not isinstance(body, dict):
            message = "The HTTP entity body is required to be a JSON object at [line:1, column:1]"
            raise refused("JSON_PARSER_ERROR", message)
        return body

    def flag(self, name: str) -> bool:
        """A query parameter that says true or false."""
        return self.query.get(name, "").lower() == "true"

    @property
    def root(self) -> str:
        """`/services/data/v66.0`."""
        return f"/services/data/v{self.version:.1f}"

    @property
    def sobjects(self) -> str:
        """Where records live: `/services/data/v66.0/sobjects`."""
        return f"{self.root}/sobjects"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer: a JSON body, or none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def saved(record_id: str | None, **more: object) -> dict[str, object]:
    """The answer to one successful write."""
    return {"id": record_id, "success": True, "errors": [], **more}
