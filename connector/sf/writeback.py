"""Bringing Salesforce to the present state: claim what is behind, load, render, send in large calls, settle.

Only the last state of a record is ever sent, and the records of one lane are this worker's alone while it
writes them: Salesforce never shows an older state after a newer one. Writing twice does no harm, so a call
whose answer was lost is simply repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from connector.errors import RemoteError, UsageError
from connector.mappings.salesforce import RecordMapping
from connector.mappings.set import MappingSet
from connector.model.mark import RecordKind
from connector.sf.backoff import Backoff
from connector.sf.batches import CALL_RECORDS, Group, GroupResult, RowResult, group_result, to_calls, to_groups
from connector.sf.failures import LimitReached, MissingParent, Refused, RowClass, RowFailure, SignInFailed
from connector.sf.org import Org
from connector.sf.owners import Owners
from connector.sf.ports import Gone, Mark, OutboxPort, Postponed, Present, SetsPort, Settlement, Stuck, Written
from connector.sf.rendering import Renderer, Row, Unrenderable
from connector.sf.schema import Schema
from connector.sf.tally import Tally

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=20)
"""Longer than a flush can take: it makes a bounded number of calls, and every call is bounded."""

LANES = 200

_LOCKED = Backoff(first=0.5, factor=2.0, cap=30.0)
_AFTER_PARENT = Backoff(first=1.0, factor=2.0, cap=300.0)
_FAILED = Backoff(first=2.0, factor=2.0, cap=300.0)
_DAILY_PAUSE = timedelta(minutes=5)
_CONCURRENT_PAUSE = timedelta(seconds=10)
_REFUSED_PAUSE = timedelta(minutes=5)
_STUCK_PAUSE = timedelta(hours=1)
"""After this a stuck record is tried again: somebody may have mended what was in its way."""

_PATIENCE = 4
"""How often a record waits for the record that it looks up before it goes without."""

_IN_PART = Backoff(first=60.0, factor=8.0, cap=3600.0)
"""When a record that went without is written again: by then what it looks up may be there."""

_AT_A_TIME = 50
"""Rows that are rendered before others in the process have their turn."""

_MOST_SPLITS = 16
"""Extra calls per flush: for finding the row that makes Salesforce refuse a whole request, and for orphans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flushed:
    """What one flush did.

    `pause`: Salesforce wants no calls for so long. `again`: after so long the first record that was put
    off may be written.
    """

    records: int
    pause: timedelta | None = None
    again: timedelta | None = None


@dataclass(slots=True)
class _Flush:
    """One flush under way: the mapping sets of its records by their hash, and what is settled so far."""

    sets: dict[str, MappingSet] = field(default_factory=dict)
    renderers: dict[tuple[str, RecordKind], Renderer | Refused | None] = field(default_factory=dict)
    settled: dict[tuple[RecordKind, str], Settlement] = field(default_factory=dict)
    pause: timedelta | None = None
    splits: int = 0

    def settle(self, settlement: Settlement) -> None:
        self.settled[settlement.mark.kind, settlement.mark.key] = settlement

    def is_settled(self, mark: Mark) -> bool:
        return (mark.kind, mark.key) in self.settled


class WriteBack:
    """Writes what is behind, one flush at a time; several flushes may be under way at once."""

    def __init__(
        self,
        *,
        org: Org,
        schema: Schema,
        outbox: OutboxPort,
        sets: SetsPort,
        tally: Tally,
        now: Callable[[], datetime],
    ) -> None:
        self._org = org
        self._schema = schema
        self._outbox = outbox
        self._sets = sets
        self._tally = tally
        self._now = now
        self._owners = Owners(org, schema)

    async def claim(self, kinds: Sequence[RecordKind] | None = None) -> Sequence[Mark]:
        """As much as one call carries; `kinds` as in `OutboxPort.claim`."""
        return await self._outbox.claim(LANES, CALL_RECORDS, LEASE, kinds)

    async def write(self, marks: Sequence[Mark]) -> Flushed:
        """Write claimed marks and settle each of them, whatever happens on the way to Salesforce."""
        presents = await self._outbox.load(marks)
        flush = _Flush()
        await self._find_sets(presents, flush)
        try:
            rows = await self._owners.give(await self._rows(presents, flush))
            for call in to_calls(to_groups(rows)):
                await self._send(call, flush)
        except RemoteError as error:
            self._give_up(marks, error, flush)
        settlements = [flush.settled[mark.kind, mark.key] for mark in marks]
        await self._outbox.settle(settlements)
        self._count(settlements)
        due = min((one.until for one in settlements if isinstance(one, Postponed)), default=None)
        again = max(due - self._now(), timedelta(0)) if due else None
        return Flushed(records=len(marks), pause=flush.pause, again=again)

    async def _find_sets(self, presents: Sequence[Present], flush: _Flush) -> None:
        """The mapping set of each order; a set that can't be had keeps back its own records alone."""
        for present in presents:
            try:
                if present.set_hash not in flush.sets:
                    found = await self._sets.by_hash(present.set_hash) if present.set_hash else self._sets.current()[0]
                    flush.sets[present.set_hash] = found
            except UsageError as error:
                flush.settle(self._stuck(present.mark, error.code, str(error), ()))

    # -- rows -----------------------------------------------------------------------------------------------

    async def _rows(self, presents: Sequence[Present], flush: _Flush) -> list[Row]:
        """The rows to send; marks that have none are settled."""
        rows: list[Row] = []
        for number, present in enumerate(presents, 1):
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            mark = present.mark
            if flush.is_settled(mark):
                continue
            renderer = await self._renderer(present, flush)
            if renderer is None or present.variables is None:
                flush.settle(Written(mark=mark))
            elif isinstance(renderer, Refused):
                flush.settle(self._stuck(mark, renderer.sf_code, str(renderer), ()))
            else:
                row = renderer.render(present, self._now())
                if isinstance(row, Unrenderable):
                    flush.settle(self._stuck(mark, "MAPPING", row.message, (row.field,)))
                else:
                    rows.append(row)
                    self._tally.values_cut += len(row.cut)
        return rows

    async def _renderer(self, present: Present, flush: _Flush) -> Renderer | Refused | None:
        """Who renders such records; None where the mapping set writes none, or why the org won't have them."""
        origin = (present.set_hash, present.mark.kind)
        if origin not in flush.renderers:
            mapping = flush.sets[present.set_hash].writeback.get(present.mark.kind)
            found: Renderer | Refused | None = None
            if mapping is not None:
                try:
                    found = Renderer(mapping, await self._schema.object(mapping.object))
                except Refused as error:
                    found = error
            flush.renderers[origin] = found
        return flush.renderers[origin]

    # -- calls ----------------------------------------------------------------------------------------------

    async def _send(self, groups: Sequence[Group], flush: _Flush) -> None:
        """Send one call, settle its rows, and look closer at what was refused as a whole."""
        parts = [group.subrequest(f"group{number}") for number, group in enumerate(groups)]
        answers = await self._org.composite(parts)
        self._tally.write_calls += 1
        for group, answer in zip(groups, answers, strict=True):
            result = group_result(group, answer)
            if result.refused and len(group.rows) > 1 and flush.splits < _MOST_SPLITS:
                flush.splits += 1
                await self._send_parts(result, flush)
            else:
                orphans = []
                for row in result.rows:
                    orphan = _orphan(row)
                    if orphan is not None and flush.splits < _MOST_SPLITS:
                        orphans.append(orphan)
                    else:
                        flush.settle(self._settlement(row, flush))
                for call in to_calls(to_groups(orphans)):
                    flush.splits += 1
                    await self._send(call, flush)

    async def _send_parts(self, result: GroupResult, flush: _Flush) -> None:
        """One bad value can make Salesforce refuse a request as a whole: find it, so that the others go on."""
        first = result.rows[0].failure
        log.warning(
            "group_refused",
            object=result.group.object,
            rows=len(result.rows),
            reason=first.message if first else "",
        )
        for call in to_calls(result.group.parts()):
            await self._send(call, flush)

    # -- what became of it ----------------------------------------------------------------------------------

    def _settlement(self, result: RowResult, flush: _Flush) -> Settlement:
        mark, failure = result.row.mark, result.failure
        if failure is None:
            self._owners.written(result.row)
            if result.row.whole:
                return Written(mark=mark, note=result.row.note)
            until = self._now() + timedelta(seconds=_IN_PART.wait(mark.attempts - _PATIENCE + 1))
            return Postponed(mark=mark, until=until, reason=result.row.note, note=result.row.note)
        settlement: Settlement
        match failure.row_class:
            case RowClass.LOCK:
                settlement = self._later(mark, _LOCKED, failure)
            case RowClass.PARENT_MISSING:
                missing = _parent(failure.parent, flush.sets[result.row.set_hash])
                settlement = self._later(mark, _AFTER_PARENT, failure, missing)
            case RowClass.TRANSIENT:
                settlement = self._later(mark, _FAILED, failure)
            case RowClass.LIMIT:
                flush.pause = _DAILY_PAUSE
                settlement = Postponed(mark=mark, until=self._now() + _DAILY_PAUSE, reason=_told(failure), failed=False)
            case RowClass.GONE:
                settlement = Gone(mark=mark, message=_told(failure))
            case RowClass.REJECTED:
                settlement = self._stuck(mark, failure.code, failure.message, failure.fields)
        return settlement

    def _later(
        self,
        mark: Mark,
        backoff: Backoff,
        failure: RowFailure,
        missing: tuple[RecordKind, str] | None = None,
    ) -> Postponed:
        until = self._now() + timedelta(seconds=backoff.wait(mark.attempts + 1))
        return Postponed(mark=mark, until=until, reason=_told(failure), missing=missing)

    def _stuck(self, mark: Mark, code: str, message: str, fields: tuple[str, ...]) -> Stuck:
        log.error("record_stuck", kind=mark.kind, key=mark.key, code=code, fields=fields, reason=message)
        return Stuck(mark=mark, code=code, message=message, fields=fields, until=self._now() + _STUCK_PAUSE)

    def _give_up(self, marks: Sequence[Mark], error: RemoteError, flush: _Flush) -> None:
        """Put off what has no answer yet, because a call failed as a whole."""
        log.warning("write_failed", code=error.code, reason=str(error))
        match error:
            case LimitReached():
                flush.pause = _DAILY_PAUSE if error.limit == "daily" else _CONCURRENT_PAUSE
            case Refused() | SignInFailed():
                flush.pause = _REFUSED_PAUSE
            case _:
                pass
        failed = flush.pause is None
        for mark in marks:
            if not flush.is_settled(mark):
                wait = flush.pause or timedelta(seconds=_FAILED.wait(mark.attempts + 1))
                until = self._now() + wait
                flush.settle(Postponed(mark=mark, until=until, reason=str(error), failed=failed))

    def _count(self, settlements: Sequence[Settlement]) -> None:
        for settlement in settlements:
            match settlement:
                case Written():
                    self._tally.records_written += 1
                case Postponed():
                    self._tally.records_postponed += 1
                case Stuck():
                    self._tally.records_stuck += 1
                case Gone():
                    self._tally.records_gone += 1


def _orphan(result: RowResult) -> Row | None:
    """The row without the lookup whose target stays away: a Case matters more than what it points to."""
    failure = result.failure
    if failure is None or failure.parent is None or result.row.mark.attempts < _PATIENCE:
        return None
    relationship = result.row.lookup_of(failure.parent.field, failure.parent.value)
    if relationship is None:
        return None
    return result.row.without(relationship, f"Written without {relationship}: {failure.message}")


def _parent(missing: MissingParent | None, mapping_set: MappingSet) -> tuple[RecordKind, str] | None:
    """The kind and key of the record that a lookup didn't find, where the set writes that object."""
    if missing is None:
        return None
    found: RecordMapping | None = next(
        (
            mapping
            for mapping in mapping_set.writeback.values()
            if (mapping.object, mapping.external_id) == (missing.object, missing.field)
        ),
        None,
    )
    return (found.kind, missing.value) if found else None


def _told(failure: RowFailure) -> str:
    fields = f" ({', '.join(failure.fields)})" if failure.fields else ""
    return f"{failure.code}{fields}: {failure.message}"
