"""One connector process: the real worker, runner, loops and write-back, put together as the composition root does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

from pydantic import SecretStr

from connector.bridges.api import InboxBridge
from connector.bridges.salesforce import IntakeBridge, OutboxBridge
from connector.callouts.runner import CalloutRunner
from connector.orchestrator.beginning import Beginning
from connector.orchestrator.holding import Holding
from connector.orchestrator.pauseboard import PauseBoard
from connector.orchestrator.sets import MappingSets
from connector.orchestrator.turn import Turner
from connector.orchestrator.worker import Worker
from connector.sf.budget import Budget
from connector.sf.commands import CommandReader
from connector.sf.config import ClientCredentials, OrgConfig
from connector.sf.flusher import Flusher
from connector.sf.intake import EventIntake
from connector.sf.reader import OrderReader
from connector.sf.reading import ReadingLoop
from connector.sf.reconcile import Reconciler
from connector.sf.schema import Schema
from connector.sf.tally import Tally
from connector.sf.usage import UsageGauge
from connector.sf.writeback import WriteBack
from connector.store.database import may_pass
from connector.store.sets import SetTable
from connector.store.signals import INBOX, INTAKE, PAUSES
from tests.simulation.checker import Checker
from tests.simulation.database import Tables
from tests.simulation.loop import Process
from tests.simulation.mapping import mapping_sets
from tests.simulation.pausing import SimulatedHeld, SimulatedPauses, SimulatedRates
from tests.simulation.salesforce import Salesforce, SimulatedEvents, SimulatedOrg
from tests.simulation.store import (
    SimulatedAlone,
    SimulatedIntake,
    SimulatedOutbox,
    SimulatedTurns,
    SimulatedWork,
)
from tests.simulation.systems import SimulatedSender, Systems

_CONFIG = OrgConfig(
    url="https://simulated.my.salesforce.com",
    credentials=ClientCredentials(consumer_key="key", consumer_secret=SecretStr("secret")),
    command_age=timedelta(seconds=8),
)
_RECONCILED_EVERY = 15.0
_GRACE = 2.0
_FLUSH_GRACE = 30.0
_RESTART_SECONDS = 1.0
_TAKING = slice(3, None)
"""The loops that take something new."""


class Connector:
    """A process that works until it is killed, or asked to stop."""

    def __init__(
        self, *, tables: Tables, checker: Checker, salesforce: Salesforce, systems: Systems, process: Process
    ) -> None:
        self.world = world = tables.world
        self.process = process
        self._tables = tables
        self._stop = asyncio.Event()
        name = process.name
        current = mapping_sets()
        first = world.seed % len(current)
        sets = MappingSets([*current[first:], *current[:first]], cast("SetTable", None))
        turns = SimulatedTurns(tables, name, checker)
        self._work = SimulatedWork(tables, name)
        self._notices = intake = SimulatedIntake(tables, name, checker)
        self._lanes = SimulatedOutbox(tables, name)
        port = IntakeBridge(intake)
        org, tally, gauge = SimulatedOrg(salesforce), Tally(), UsageGauge()
        schema = Schema(org, clock=world.loop.time)
        writeback = WriteBack(
            org=org,
            schema=schema,
            outbox=OutboxBridge(self._lanes, sets),
            sets=sets,
            tally=tally,
            now=world.clock,
        )
        self._flusher = Flusher(writeback, gauge, Budget(), clock=world.loop.time)
        self._board = board = PauseBoard(SimulatedPauses(tables, checker))
        self._holding = Holding(
            table=SimulatedHeld(tables, name), rates=SimulatedRates(tables), pauses=lambda: board.now
        )
        self.worker = Worker(
            turner=Turner(turns, sets, world.clock, pauses=lambda: board.now),
            turns=turns,
            work=self._work,
            sets=sets,
            holding=self._holding,
            beginning=Beginning(turns=turns, rates=SimulatedRates(tables), per_second={}, clock=world.loop.time),
            on_marked=self._flusher.wake,
            on_reread=lambda: self._reading.wake(),  # noqa: PLW0108 - the loop is made below
            clock=world.clock,
        )
        orders = OrderReader(org, sets)
        board.on_change = self.worker.pauses_changed
        self._reading = ReadingLoop(
            orders,
            CommandReader(org, port, orders),
            port,
            tally,
            world.clock,
            delivered=self.worker.look,
            gauge=gauge,
            clock=world.loop.time,
        )
        self._reconciler = Reconciler(
            config=_CONFIG,
            org=org,
            port=port,
            known=port,
            tally=tally,
            now=world.clock,
            heard=self._reading.wake,
            interval=_RECONCILED_EVERY,
        )
        self._intake = EventIntake(
            SimulatedEvents(salesforce), port, tally, gap=self._reconciler.wake, heard=self._reading.wake
        )
        self._runner = CalloutRunner(SimulatedSender(systems), sets.loaded, self.worker.answered)
        self._subscription = SimulatedAlone(tables, 1)
        self._reconciliation = SimulatedAlone(tables, 2)
        self.inbox = InboxBridge(intake, sets, self.worker.look)

    def start(self) -> asyncio.Task[Any]:
        """Begin to work."""
        self._tables.listeners[self.process] = self._heard
        return self.world.loop.spawn(self.process, self._run())

    def stop(self) -> None:
        """Ask it to end in good order."""
        self._stop.set()

    def _heard(self, channel: str) -> None:
        if channel == INTAKE:
            self._reading.wake()
        elif channel == INBOX:
            self.worker.look()
            self._flusher.wake()
        elif channel == PAUSES:
            self._board.look()
            self._holding.look()

    async def _run(self) -> None:
        """As `Connector.run` of the composition root."""
        is_written = False
        try:
            with suppress(ConnectionError):
                await self._board.load()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(loop) for loop in self._loops()]
                await self._stop.wait()
                for task in tasks[_TAKING]:
                    task.cancel()
                self.worker.retire()
                await self._runner.close(_GRACE)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_GRACE):
                        await self.worker.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(_FLUSH_GRACE):
                        await self._flusher.close()
                        is_written = True
                for task in tasks:
                    task.cancel()
            with suppress(ConnectionError):
                await self._notices.let_go()
                if is_written:
                    await self._lanes.let_go()
                    await self._work.leave()
        except* Exception as failed:  # noqa: BLE001 - whatever ends a process is looked at here
            for error in leaves(failed):
                if not may_pass(error):
                    self.world.violations.append(f"a process ended: {error!r}")
                    raise error from None
        self.world.kill(self.process)

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self.worker.run(self._runner),
            self._board.run(),
            _again(self._flusher.run, self._lanes.let_go),
            _again(self._reading.run, self._notices.let_go),
            _again(lambda: self._subscription.run(self._intake.run)),
            _again(lambda: self._reconciliation.run(self._reconciler.run)),
        ]


async def _nothing() -> None:
    pass


async def _again(loop: Callable[[], Awaitable[None]], first: Callable[[], Awaitable[None]] = _nothing) -> None:
    while True:
        try:
            await first()
            await loop()
        except Exception as error:
            if not may_pass(error):
                raise
        await asyncio.sleep(_RESTART_SECONDS)


def leaves(error: BaseException) -> list[BaseException]:
    """The errors that a group of errors is made of."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]
