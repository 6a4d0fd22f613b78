"""Long computations that let others have the event loop now and then."""

from __future__ import annotations

import asyncio
import time

STALL_SECONDS = 0.003
"""Longest that a turn computes without letting others have the event loop."""


class Pause:
    """One computation's."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def now_and_then(self) -> None:
        """Let others have the event loop, if it is time."""
        if time.perf_counter() - self._since > STALL_SECONDS:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
