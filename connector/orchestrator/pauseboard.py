"""What is paused, as this worker knows it: looked up when somebody says so, and now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from connector.model.pauses import NO_PAUSES, Pause, Pauses
from connector.store.database import may_pass
from connector.store.pauses import PauseTable

log = structlog.get_logger()

SWEEP_SECONDS = 5.0
"""Longest time between two looks: what a lost notification costs."""

_MARGIN = 0.05
"""Seconds after which a pause that ends by itself has surely ended by the database's clock."""


class PauseBoard:
    """The pauses of the installation. `on_change` is told of every change, at once."""

    def __init__(self, table: PauseTable) -> None:
        self._table = table
        self._wake = asyncio.Event()
        self.now = NO_PAUSES
        self.on_change: Callable[[], None] = lambda: None

    def look(self) -> None:
        """Something may have been paused or resumed."""
        self._wake.set()

    async def load(self) -> float:
        """Look; gives the seconds until the next look is due."""
        self._wake.clear()
        found, ends = await self._table.load()
        before, self.now = self.now, Pauses(found)
        if found != list(before.all):
            self._tell(before)
            self.on_change()
        return SWEEP_SECONDS if ends is None else min(SWEEP_SECONDS, ends + _MARGIN)

    async def run(self) -> None:
        """Look until cancelled. While the database is away what was known last counts."""
        while True:
            delay = 1.0
            try:
                delay = await self.load()
            except Exception as error:
                if not may_pass(error):
                    raise
                log.warning("database_away", error=str(error))
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            except TimeoutError:
                pass

    def _tell(self, before: Pauses) -> None:
        for pause in set(self.now.all).difference(before.all):
            log.warning("paused", **_about(pause), reason=pause.reason, by=pause.by, until=pause.until)
        for pause in set(before.all).difference(self.now.all):
            log.info("resumed", **_about(pause), since=pause.since)


def _about(pause: Pause) -> dict[str, str]:
    return {"kind": pause.kind.value, "name": pause.name}
