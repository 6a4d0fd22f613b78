"""Whether this worker is asked to end: by whoever set the event, or by a word in the database."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from connector.errors import RefusedError
from connector.store.database import may_pass
from connector.store.workers import WorkerTable

log = structlog.get_logger()

SWEEP_SECONDS = 5.0
"""Longest time between two looks: what a lost notification costs."""


class Ending:
    """The word in the database, for one worker."""

    def __init__(self, table: WorkerTable, worker: str) -> None:
        self._table = table
        self._worker = worker
        self._wake = asyncio.Event()
        self.has_begun = False
        """The worker takes nothing new, and ends as soon as what is under way has ended."""

    def look(self) -> None:
        """Somebody may have asked."""
        self._wake.set()

    async def watch(self, stop: asyncio.Event) -> None:
        """Set `stop` when the database says so; until cancelled."""
        while True:
            self._wake.clear()
            try:
                if not stop.is_set() and await self._table.is_draining(self._worker):
                    log.info("asked_to_drain", worker=self._worker)
                    stop.set()
            except Exception as error:
                if not may_pass(error):
                    raise
            try:
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def begin(self) -> None:
        """From now on the worker says that it is about to end; if the database is away, it ends without saying so, as
        does one that has not said yet that it lives.
        """
        self.has_begun = True
        try:
            with suppress(RefusedError):
                await self._table.drain(self._worker)
        except Exception as error:
            if not may_pass(error):
                raise
