"""How much of the org's daily API calls is used, as every answer of Salesforce tells (`Sforce-Limit-Info`).

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

_API_USAGE = re.compile(r"(?:^|[;,\s])api-usage=(\d{1,12})/(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Usage:
    """Calls used and allowed in the rolling 24 hours, of the whole org."""

    used: int
    allowed: int

    @property
    def share(self) -> float:
        """The used part, from 0; above 1 when the org is allowed to overdraw."""
        return self.used / self.allowed if self.allowed else 0.0


def parse_usage(header: str | None) -> Usage | None:
    """Read `api-usage=18/5000` (other entries may follow); None when the header is absent or unknown."""
    found = _API_USAGE.search(header or "")
    return Usage(int(found[1]), int(found[2])) if found else None


class UsageGauge:
    """The usage told last. Written by the threads that call Salesforce, read by everybody."""

    __slots__ = ("_calls", "_last", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Usage | None = None
        self._calls = 0

    @property
    def last(self) -> Usage | None:
        """What the last answer said; None when none did."""
        return self._last

    @property
    def calls(self) -> int:
        """Answers that this process got."""
        return self._calls

    def observe(self, header: str | None) -> None:
        """Take what one answer says, be it a result or an error."""
        usage = parse_usage(header)
        with self._lock:
            self._calls += 1
            self._last = usage or self._last
