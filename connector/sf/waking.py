"""Loops that work while there is something to do, and else wait to be woken, or a while."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Doorbell:
    """Rung when there may be something to do; a ring while nobody waits is not lost."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits, now or at the next wait."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for a ring, at most this long; whether there was one."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        rung = self._rung.is_set()
        self._rung.clear()
        return rung
