"""Counts what the org is asked: the daily allowance of API calls, and statistics for the curious."""

from __future__ import annotations

from collections import Counter, deque

from connector.localorg.errors import refused
from connector.localorg.times import Clock

_DAY = 24 * 3600


class Meter:
    """API calls of the last 24 hours against a maximum, and totals by kind and client since the start."""

    def __init__(self, clock: Clock, daily_maximum: int) -> None:
        self.daily_maximum = daily_maximum
        self.by_kind: Counter[str] = Counter()
        self.by_client: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.events_published = 0
        self.events_delivered = 0
        self._clock = clock
        self._used = 0
        self._minutes: deque[list[int]] = deque()

    @property
    def used(self) -> int:
        """Calls in the last 24 hours."""
        horizon = self._clock().timestamp() - _DAY
        while self._minutes and self._minutes[0][0] < horizon:
            self._used -= self._minutes.popleft()[1]
        return self._used

    def pretend_used(self, used: int) -> None:
        """Let the org believe that this many calls were made."""
        self._minutes.clear()
        self._used = 0
        self._add(used)

    def call(self, kind: str, client: str) -> None:
        """Count one API call.

        Raises:
            SalesforceError: the daily allowance is used up.
        """
        if self.used >= self.daily_maximum:
            raise refused("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self._add(1)
        self.by_kind[kind] += 1
        self.by_client[client or "(none)"] += 1

    def header(self) -> str:
        """The value of `Sforce-Limit-Info`."""
        return f"api-usage={self.used}/{self.daily_maximum}"

    def limits(self) -> dict[str, dict[str, int]]:
        """The answer of the limits resource, as far as this org has limits."""
        allowances = {
            "DailyApiRequests": (self.daily_maximum, self.used),
            "DailyDeliveredPlatformEvents": (25_000, self.events_delivered),
            "HourlyPublishedPlatformEvents": (250_000, self.events_published),
        }
        return {name: {"Max": most, "Remaining": max(most - used, 0)} for name, (most, used) in allowances.items()}

    def _add(self, calls: int) -> None:
        minute = int(self._clock().timestamp()) // 60 * 60
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append([minute, 0])
        self._minutes[-1][1] += calls
        self._used += calls
