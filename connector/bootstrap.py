"""The composition root: the one place where concrete parts are put together.

settings ─▶ Connector.open() ─▶ database, mapping sets, Salesforce, callouts, API ─▶ run() until told to stop
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from pydantic import SecretStr

from connector.api.app import create_app
from connector.api.server import ApiServer
from connector.bridges.api import HealthBridge, InboxBridge, TrackingBridge
from connector.bridges.control import ControlBridge
from connector.bridges.salesforce import IntakeBridge, OutboxBridge
from connector.callouts.destination import ApiKey, Basic, Bearer, ClientCredentials, Destination
from connector.callouts.destination import Credentials as SystemCredentials
from connector.callouts.runner import CalloutRunner
from connector.callouts.sender import CalloutSender
from connector.errors import SettingsError
from connector.mappings.set import MappingSet, System
from connector.orchestrator.beginning import Beginning
from connector.orchestrator.ending import Ending
from connector.orchestrator.holding import Holding
from connector.orchestrator.observing import Observing
from connector.orchestrator.pauseboard import PauseBoard
from connector.orchestrator.sets import MappingSets
from connector.orchestrator.turn import Turner
from connector.orchestrator.worker import Worker
from connector.settings import Credential, Settings
from connector.sf.budget import Budget
from connector.sf.check import Finding, check_org
from connector.sf.commands import CommandReader
from connector.sf.config import ClientCredentials as OrgClientCredentials
from connector.sf.config import JwtBearer, OrgConfig, Timeouts
from connector.sf.connection import Connection, connect
from connector.sf.events.cometd import CometdSource
from connector.sf.flusher import Flusher
from connector.sf.intake import EventIntake
from connector.sf.reader import OrderReader
from connector.sf.reading import ReadingLoop
from connector.sf.reconcile import Reconciler
from connector.sf.tally import Tally
from connector.sf.usage import UsageGauge
from connector.sf.writeback import WriteBack
from connector.store.alone import Alone
from connector.store.database import Database, may_pass
from connector.store.durations import DurationTable
from connector.store.held import HeldTable
from connector.store.intake import Intake
from connector.store.migrate import migrate
from connector.store.outbox import Outbox
from connector.store.pauses import PauseTable
from connector.store.rates import RateTable
from connector.store.retention import Retention
from connector.store.sets import SetTable
from connector.store.signals import INBOX, INTAKE, PAUSES, listen
from connector.store.turns import Turns
from connector.store.work import WorkTable
from connector.store.workers import WorkerTable

log = structlog.get_logger()

SUBSCRIBER, RECONCILER = 1, 2
"""Tasks that one worker at a time does."""

CLOSING_SECONDS = 5.0
"""How long each of the last steps may take when the process ends: to apply the last answers, to write records."""

RESTART_SECONDS = 1.0
"""Wait before a loop that the database stopped is started again."""


def utc_now() -> datetime:
    """The time: the only clock of the program outside the pure rooms."""
    return datetime.now(UTC)


@dataclass(kw_only=True)
class Connector:
    """A connector that is put together and not running yet."""

    worker_id: str
    database: Database
    sets: MappingSets
    tally: Tally
    gauge: UsageGauge
    api: ApiServer
    _worker: Worker
    _work: WorkTable
    _board: PauseBoard
    _holding: Holding
    _ending: Ending
    _grace: float
    _runner: CalloutRunner
    _sender: CalloutSender
    _intake: EventIntake
    _reading: ReadingLoop
    _reconciler: Reconciler
    _flusher: Flusher
    _subscription: Alone
    _reconciliation: Alone
    _retention: Retention
    _observing: Observing
    _let_go_of_notices: Callable[[], Awaitable[None]]
    _let_go_of_lanes: Callable[[], Awaitable[None]]
    _check: Callable[[], Awaitable[list[Finding]]]

    async def check_org(self) -> list[Finding]:
        """What stands in the way of working with the org."""
        return await self._check()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set or the database says so; then end what is under way and leave the rest to others."""
        is_written = False
        try:
            await self._board.load()
            async with asyncio.TaskGroup() as group:
                tasks = {name: group.create_task(loop, name=name) for name, loop in self._loops(stop)}
                await stop.wait()
                is_written = await self._end(tasks)
                for task in tasks.values():
                    task.cancel()
        finally:
            await self._leave(is_written=is_written)
            await self._sender.close()
        log.info("stopped")

    async def _end(self, tasks: Mapping[str, asyncio.Task[None]]) -> bool:
        """Take nothing new, and let what is under way end; whether every record that was being written is written.

        Meanwhile the API goes on to take call-backs, and says that it is not ready.
        """
        log.info("draining", grace=self._grace)
        for name in _TAKING:
            tasks[name].cancel()
        self._worker.retire()
        await self._ending.begin()
        left = await self._runner.close(self._grace)
        if left.interrupted:
            log.warning("callouts_interrupted", count=len(left.interrupted))
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._worker.drain()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._flusher.close()
        except TimeoutError:
            return False
        return True

    async def _leave(self, *, is_written: bool) -> None:
        """Give back what this worker has claimed, and say goodbye; when the database is away the others notice the
        silence. While a call to Salesforce may be under way nothing is said: who took its records over at once could
        be overtaken by it.
        """
        try:
            await self._let_go_of_notices()
            if is_written:
                await self._let_go_of_lanes()
                await self._work.leave()
        except Exception as error:
            if not may_pass(error):
                raise
            log.warning("database_away", error=str(error))

    def _loops(self, stop: asyncio.Event) -> list[tuple[str, Coroutine[None, None, None]]]:
        signals = {INBOX: self._on_inbox, INTAKE: self._reading.wake, PAUSES: self._on_pauses}
        return [
            ("worker", self._worker.run(self._runner)),
            ("pauses", self._board.run()),
            ("ending", self._ending.watch(stop)),
            ("signals", listen(self.database, signals)),
            ("api", self.api.run()),
            ("reading", _again(self._reading.run, first=self._let_go_of_notices)),
            ("writing", _again(self._flusher.run, first=self._let_go_of_lanes)),
            ("subscriber", _again(lambda: self._subscription.run(self._intake.run))),
            ("reconciler", _again(lambda: self._reconciliation.run(self._reconciler.run))),
            ("retention", _again(self._retention.run)),
            ("observing", _again(self._observing.run)),
        ]

    def _on_inbox(self) -> None:
        self._worker.look()
        self._flusher.wake()

    def _on_pauses(self) -> None:
        self._board.look()
        self._ending.look()
        self._holding.look()


_TAKING = ("reading", "subscriber", "reconciler", "retention")
"""The loops that take something new."""


async def _nothing() -> None:
    pass


async def _again(loop: Callable[[], Awaitable[None]], *, first: Callable[[], Awaitable[None]] = _nothing) -> None:
    """Run a loop again whenever the database stopped it; `first` ends what it had claimed and can't know of."""
    while True:
        try:
            await first()
            await loop()
        except Exception as error:
            if not may_pass(error):
                raise
            log.warning("database_away", error=str(error))
        await asyncio.sleep(RESTART_SECONDS)


@asynccontextmanager
async def open_connector(settings: Settings, current: Sequence[MappingSet]) -> AsyncIterator[Connector]:
    """Put a connector together from complete settings, on a database brought to the present schema.

    `current` are the mapping sets for new orders, the default one first.

    Raises:
        SettingsError: a setting is wrong in a way that only use can show.
        TransientError: the database can't be reached.
    """
    if settings.database.url is None:
        raise SettingsError("No database is set.", hint="Set CONNECTOR_DATABASE__URL.")
    worker_id = f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    url = settings.database.url.get_secret_value()
    async with await Database.connect(url, size=settings.database.pool_size) as database:
        for name in await migrate(database):
            log.info("migrated", migration=name)
        sets = await MappingSets.publish(current, SetTable(database))
        with connect(org_config(settings), utc_now) as connection:
            connector = _assemble(settings, database, sets, connection, worker_id)
            try:
                yield connector
            finally:
                connector.api.close()


def _assemble(
    settings: Settings, database: Database, sets: MappingSets, connection: Connection, worker_id: str
) -> Connector:
    tally, gauge, org, schema = Tally(), connection.gauge, connection.org, connection.schema
    config, tokens = connection.config, connection.tokens
    turns = Turns(database, worker_id)
    work = WorkTable(database, worker_id, platform.node())
    intake = Intake(database, worker_id)
    subscription, reconciliation = Alone(database, SUBSCRIBER), Alone(database, RECONCILER)

    port = IntakeBridge(intake)
    outbox = Outbox(database, worker_id, config.timeouts.call)
    kept = settings.retention
    observing = Observing(DurationTable(database), sets, utc_now)
    writeback = WriteBack(
        org=org,
        schema=schema,
        outbox=OutboxBridge(outbox, sets, utc_now, observing.observed),
        sets=sets,
        tally=tally,
        now=utc_now,
    )
    flusher = Flusher(writeback, gauge, Budget())

    pauses = PauseTable(database, resumed_per_second=settings.pauses.resumed_per_second)
    board = PauseBoard(pauses)
    rates = RateTable(database)
    holding = Holding(
        table=HeldTable(database, worker_id),
        rates=rates,
        pauses=lambda: board.now,
        per_second=settings.pauses.resumed_per_second,
    )
    ending = Ending(WorkerTable(database), worker_id)
    worker = Worker(
        turner=Turner(turns, sets, utc_now, observing.observed, pauses=lambda: board.now),
        turns=turns,
        work=work,
        sets=sets,
        holding=holding,
        beginning=Beginning(turns=turns, rates=rates, per_second=settings.lane_rates, clock=time.monotonic),
        on_marked=flusher.wake,
        on_reread=lambda: reading.wake(),  # noqa: PLW0108 - the loop is made below
        clock=utc_now,
    )
    orders = OrderReader(org, sets)
    board.on_change = worker.pauses_changed
    reading = ReadingLoop(
        orders,
        CommandReader(org, port, orders),
        port,
        tally,
        utc_now,
        delivered=worker.look,
        gauge=gauge,
    )
    reconciler = Reconciler(config=config, org=org, port=port, known=port, tally=tally, now=utc_now, heard=reading.wake)
    event_intake = EventIntake(
        CometdSource(config, tokens, tally, utc_now), port, tally, gap=reconciler.wake, heard=reading.wake
    )
    sender = CalloutSender(lambda system: destination_of(settings, system), clock=utc_now)
    runner = CalloutRunner(
        sender, sets.loaded, worker.answered, concurrency=settings.worker.concurrency, shares=settings.lane_shares
    )

    async def check() -> list[Finding]:
        first_start = not await intake.has_begun()
        return await check_org(config, org, tokens, schema, sets.current(), first_start=first_start)

    app = create_app(
        inbox=InboxBridge(intake, sets, worker.look),
        orders=TrackingBridge(database, sets, utc_now),
        health=HealthBridge(database, tokens, subscription, lambda: ending.has_begun),
        inbound_secrets=settings.inbound_secret,
        control=ControlBridge(database, sets, pauses),
        api_tokens=_tokens(settings.api.token),
        operator_tokens=_tokens(settings.api.operator_token),
        clock=utc_now,
    )
    return Connector(
        worker_id=worker_id,
        database=database,
        sets=sets,
        tally=tally,
        gauge=gauge,
        api=ApiServer(app, settings.api.host, settings.api.port),
        _worker=worker,
        _work=work,
        _board=board,
        _holding=holding,
        _ending=ending,
        _grace=settings.worker.grace_seconds,
        _runner=runner,
        _sender=sender,
        _intake=event_intake,
        _reading=reading,
        _reconciler=reconciler,
        _flusher=flusher,
        _subscription=subscription,
        _reconciliation=reconciliation,
        _retention=Retention(database, utc_now, hot=timedelta(days=kept.hot_days), keep=_days(kept.keep_days)),
        _observing=observing,
        _let_go_of_notices=intake.let_go,
        _let_go_of_lanes=outbox.let_go,
        _check=check,
    )


def _days(number: int | None) -> timedelta | None:
    return None if number is None else timedelta(days=number)


def _tokens(token: SecretStr | None) -> Sequence[SecretStr]:
    return [token] if token else []


def org_config(settings: Settings) -> OrgConfig:
    """How to reach the org and sign in.

    Raises:
        SettingsError: something is missing; `connector settings` says what.
    """
    org = settings.salesforce
    if org.instance_url is None or org.consumer_key is None:
        raise SettingsError("The org is not set.", hint="`connector settings` shows what is missing.")
    credentials: OrgClientCredentials | JwtBearer
    if org.client_secret is not None:
        credentials = OrgClientCredentials(consumer_key=org.consumer_key, consumer_secret=org.client_secret)
    else:
        credentials = JwtBearer(
            consumer_key=org.consumer_key,
            username=org.username or "",
            private_key=org.private_key,
            private_key_file=org.private_key_file,
            audience=org.audience,
        )
    return OrgConfig(
        url=org.instance_url,
        credentials=credentials,
        api_version=org.api_version,
        orders_since=org.orders_since,
        timeouts=Timeouts.within(org.call_seconds),
    )


def destination_of(settings: Settings, system: System) -> Destination | None:
    """Where a system's requests go; None when the settings don't say."""
    address = settings.destination(system.base_url)
    if address is None:
        return None
    credential = settings.credential(system.auth_name) if system.auth != "none" else None
    return Destination(base_url=address, credentials=_credentials(credential) if credential else None)


def _credentials(given: Credential) -> SystemCredentials:
    nothing = SecretStr("")
    match given.kind:
        case "basic":
            return Basic(username=given.username or "", password=given.password or nothing)
        case "bearer":
            return Bearer(token=given.token or nothing)
        case "header":
            return ApiKey(header=given.header or "", value=given.value or nothing)
        case _:
            return ClientCredentials(
                token_url=given.token_url or "",
                client_id=given.client_id or "",
                client_secret=given.client_secret or nothing,
                scope=given.scope or "",
                audience=given.audience or "",
                in_body=bool(given.in_body),
            )
