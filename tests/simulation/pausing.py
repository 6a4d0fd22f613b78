"""Pauses in the simulated world: what operators pause on the command line, and the store's classes for it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from connector.model.ids import ItemNo, OrderId
from connector.model.pauses import Pause, PauseKind, Pauses
from connector.model.work import Work
from connector.store.held import Held, HeldTable, Why
from connector.store.pauses import PauseTable
from connector.store.rates import Grant, RateTable
from connector.store.signals import PAUSES
from tests.simulation.checker import Checker
from tests.simulation.database import HeldRow, Tables
from tests.simulation.loop import RUNNING

_PAUSABLE = (
    (PauseKind.SYSTEM, "net"),
    (PauseKind.SYSTEM, "pay"),
    (PauseKind.INTERFACE, "net.activate"),
    (PauseKind.INTERFACE, "field.book"),
    (PauseKind.PLAN, "number"),
    (PauseKind.PLAN, "access"),
)
_SPREAD = 0.05
"""Seconds between two things that start again after a pause."""


class Operators:
    """Those who pause things and let them go on. Their dice are their own: without them a world is as it was."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._world = tables.world
        self._rng = random.Random(f"pauses {tables.world.seed}")  # noqa: S311
        self.is_active = self._rng.random() < tables.world.faults.pauses

    def begin(self) -> None:
        """Pause something now and then, and resume it, until the world is calm."""
        if self.is_active:
            self._world.loop.outside(self._rng.uniform(1.0, 8.0), self._act)

    def resume_all(self) -> None:
        """Nothing is paused any more."""
        for kind, name in list(self._tables.pauses):
            self._tables.end_pause(kind, name)
        self._tables.tell(PAUSES)

    def _act(self) -> None:
        if self._world.calm:
            return
        kind, name = self._rng.choice(_PAUSABLE)
        if (kind, name) in self._tables.pauses:
            self._tables.end_pause(kind, name)
        else:
            now = self._world.now()
            until = now + timedelta(seconds=self._rng.uniform(1.0, 20.0)) if self._rng.random() < 0.5 else None
            self._tables.pauses[kind, name] = Pause(kind=kind, name=name, reason="r", by="b", since=now, until=until)
            self._world.note("paused", kind, name)
        self._tables.tell(PAUSES)
        self._world.loop.outside(self._rng.uniform(1.0, 8.0), self._act)


class SimulatedPauses(PauseTable):
    """`PauseTable` on the tables, as a worker uses it."""

    def __init__(self, tables: Tables, checker: Checker) -> None:
        self._tables = tables
        self._checker = checker

    async def load(self) -> tuple[list[Pause], float | None]:
        def load() -> tuple[list[Pause], float | None]:
            now, table = self._tables.world.now(), self._tables.pauses
            for kind, name in [key for key, one in table.items() if one.until is not None and one.until <= now]:
                self._tables.end_pause(kind, name)
            ends = [(one.until - now).total_seconds() for one in table.values() if one.until is not None]
            return list(table.values()), min(ends, default=None)

        found, ends = await self._tables.read(load)
        self._checker.pauses_noticed(RUNNING.get().name, Pauses(found))
        return found, ends


class SimulatedHeld(HeldTable):
    """`HeldTable` on the tables."""

    def __init__(self, tables: Tables, worker: str) -> None:
        self._tables = tables
        self._worker = worker

    async def hold(self, requests: Sequence[Held]) -> None:
        def hold() -> None:
            for one in requests:
                key = (one.work.order, one.work.item)
                stored, owner = self._tables.work.get(key, (None, None))
                if stored is None or owner != self._worker or _attempt(stored) != _attempt(one.work):
                    continue
                self._tables.work[key] = (stored, None)
                self._tables.held[key] = HeldRow(stored, one.why, sent_before=one.sent_before)
                if one.why == "paused":
                    self._tables.mark_head(one.work.order)
            if any(one.why == "left" for one in requests):
                self._tables.notify(PAUSES)

        await self._tables.statement(hold)

    def _open(self, pauses: Pauses) -> list[tuple[OrderId, ItemNo]]:
        return [
            key
            for key, row in sorted(self._tables.held.items())
            if pauses.of_callout(row.work.interface) is None and self._tables.orders[key[0]].pause is None
        ]

    async def waiting(self, pauses: Pauses, most: int) -> dict[Why, int]:
        def count() -> dict[Why, int]:
            counts: dict[Why, int] = {}
            for key in self._open(pauses)[:most]:
                why = self._tables.held[key].why
                counts[why] = counts.get(why, 0) + 1
            return counts

        return await self._tables.read(count)

    async def take(self, pauses: Pauses, limit: int, why: Why) -> list[Held]:
        def take() -> list[Held]:
            taken: list[Held] = []
            for key in [key for key in self._open(pauses) if self._tables.held[key].why == why][:limit]:
                row = self._tables.held.pop(key)
                if not self._tables.is_held(key, row):
                    continue
                self._tables.work[key] = (row.work, self._worker)
                taken.append(Held(work=row.work, why=why, sent_before=row.sent_before))
                if why == "paused":
                    self._tables.mark_head(key[0])
            return taken

        return await self._tables.statement(take)


def _attempt(work: Work) -> tuple[int, int]:
    return work.epoch, work.attempt


class SimulatedRates(RateTable):
    """`RateTable` on the tables: one thing at a time."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def draw(self, name: str, wanted: int, per_second: float) -> Grant:
        return await self._tables.statement(lambda: Grant(count=min(wanted, 1), seconds=_SPREAD))

    async def give_back(self, name: str, count: int) -> None:
        pass
