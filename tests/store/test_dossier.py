"""All that is known of one order on a real PostgreSQL: in flight, finished, archived, revised, or not read yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import UsageError
from connector.model.attempt import AttemptRecord
from connector.model.events import CalloutFailed
from connector.model.failure import Failure, FailureClass
from connector.model.ids import ItemNo, OrderId
from connector.model.states import PlanState
from connector.sf.record_ids import canonical_id
from connector.store.dossier import Dossiers
from connector.store.intake import Heard
from connector.store.retention import Retention
from tests.orchestrator.turning import NOW, Bench, answers, finish, mobile, order_id

BLOCKED = Failure(
    failure_class=FailureClass.BUSINESS, code="NUMBER_BLOCKED", message="It is blocked.", system="network"
)


async def fallen_out(bench: Bench, number: int) -> OrderId:
    await bench.submit(mobile(number))
    work = next(work for work in (await bench.turn()).work if work.interface == "network.reserveNumber")
    bench.now += timedelta(seconds=5)
    failed = CalloutFailed(item=work.item, epoch=work.epoch, attempt=work.attempt, failure=BLOCKED)
    await bench.turn({work.order: [failed]})
    return work.order


@pytest.mark.parametrize("text", ["00000001", "1", "0001", order_id(1), order_id(1)[:15]])
async def test_an_order_is_found_by_its_number_or_id(bench: Bench, text: str) -> None:
    await bench.submit(mobile(1), mobile(2))
    await bench.turn()
    record_id = canonical_id(text) if len(text) > 14 else None
    assert await Dossiers(bench.database).find(text, record_id) == order_id(1)


@pytest.mark.parametrize("text", ["", "3", "x' or 1=1", "801000000000009AAA", "\x00"[:0] + "漢"])
async def test_an_order_that_is_not_there_is_told_of(bench: Bench, text: str) -> None:
    await bench.submit(mobile(1))
    await bench.turn()
    with pytest.raises(UsageError, match="no order"):
        await Dossiers(bench.database).find(text, canonical_id(text) if len(text) == 18 else None)


async def test_a_number_that_several_orders_have_is_told_of(bench: Bench) -> None:
    await bench.submit(mobile(1), replace(mobile(2), number="00000001"))
    await bench.turn()
    with pytest.raises(UsageError, match="Several orders") as caught:
        await Dossiers(bench.database).find("1", None)
    assert order_id(2) in caught.value.hint


async def test_all_is_read_of_an_order_in_fallout(bench: Bench) -> None:
    order = await fallen_out(bench, 1)
    dossiers = Dossiers(bench.database)
    dossier = await dossiers.read(order)
    assert dossier.plan is not None
    assert dossier.plan.items == (await bench.plan(order)).items
    assert (dossier.number, dossier.status, dossier.set_name) == ("00000001", "Fallout", "infiwave")
    (episode,) = dossier.fallouts
    assert (episode.failure, episode.resolved_at, episode.raised_at) == (BLOCKED, None, bench.now)
    assert dossier.last_seen[episode.item] == bench.now
    assert dossier.history[-1].what == "failed finally"
    assert dossier.history_total == len(dossier.history)
    assert dossier.explanation is not None
    assert dossier.explanation.decisions
    assert dossier.records_behind > 0
    few = await dossiers.read(order, history=2, calls=False, explanation=False)
    assert few.history == dossier.history[-2:]
    assert (few.history_total, few.explanation) == (dossier.history_total, None)


async def test_an_order_that_has_not_been_read_has_no_plan(bench: Bench) -> None:
    await bench.intake.heard([Heard(kind="order", id=order_id(1), received_at=NOW)])
    dossier = await Dossiers(bench.database).read(order_id(1))
    assert (dossier.plan, dossier.unread, dossier.status) == (None, "", "Submitted")
    await bench.intake.postpone("order", [order_id(1)], NOW, "503 from Salesforce")
    assert (await Dossiers(bench.database).read(order_id(1))).unread == "503 from Salesforce"


async def test_an_archived_order_is_as_it_was(bench: Bench) -> None:
    await bench.submit(mobile(1))
    result = await bench.turn()
    await finish(bench, result)
    attempt = AttemptRecord(
        order=order_id(1),
        item=ItemNo(1),
        epoch=1,
        attempt=1,
        interface="network.reserveNumber",
        started_at=NOW,
        seconds=0.5,
        method="POST",
        path="/numbers",
        status=200,
        outcome="completed",
        code=None,
        idempotency_key="k",
        bytes=2,
        sendings=1,
    )
    async with bench.database.connection() as connection:
        await connection.execute(
            "insert into calls (order_id, item_no, epoch, attempt, interface, method, path, idempotency_key, status,"
            " outcome, started_at, seconds) values ($1, 1, 1, 1, $2, 'POST', $3, 'k', 200, 'completed', $4, 0.5)",
            attempt.order,
            attempt.interface,
            attempt.path,
            NOW,
        )
        await connection.execute("delete from outbox")
        await connection.execute("update intake set done_at = now()")
    dossiers = Dossiers(bench.database)
    before = await dossiers.read(order_id(1))
    assert before.plan is not None
    assert before.plan.state is PlanState.COMPLETED
    revision = await dossiers.revision(order_id(1))
    bench.now += timedelta(days=40)
    await Retention(bench.database, lambda: bench.now, hot=timedelta(days=30), keep=None, pause=0).once()
    assert await dossiers.find("1", None) == order_id(1)
    assert revision is not None
    assert await dossiers.revision(order_id(1)) is None
    kept = await dossiers.read(order_id(1))
    assert kept.archived_at is not None
    assert replace(kept, archived_at=None) == before


async def test_the_revision_changes_whenever_the_order_does(bench: Bench) -> None:
    dossiers = Dossiers(bench.database)
    await bench.submit(mobile(1))
    seen = [await dossiers.revision(order_id(1))]
    result = await bench.turn()
    while result.work:
        seen.append(await dossiers.revision(order_id(1)))
        result = await bench.turn(
            {
                work.order: [CalloutFailed(item=work.item, epoch=work.epoch, attempt=work.attempt, failure=BLOCKED)]
                for work in result.work[:1]
            }
        )
    seen.append(await dossiers.revision(order_id(1)))
    async with bench.database.connection() as connection:
        await connection.execute("delete from outbox")
    seen.append(await dossiers.revision(order_id(1)))
    assert len(set(seen)) == len(seen)


async def test_an_order_that_is_gone_is_told_of(bench: Bench) -> None:
    with pytest.raises(UsageError, match="any more"):
        await Dossiers(bench.database).read(order_id(1))


async def test_a_supplemental_order_is_found_as_a_version_of_the_one_that_it_revises(bench: Bench) -> None:
    await bench.submit(mobile(1))
    sent = (await bench.turn()).work
    second = replace(mobile(2, tier="L"), supersedes=order_id(1), supplemental_action="Amend")
    await bench.submit(second)
    await bench.turn()
    dossiers = Dossiers(bench.database)
    waiting = (await dossiers.read(order_id(1))).plan
    assert waiting is not None
    assert [version.state for version in waiting.versions] == ["Waiting"]
    await bench.turn(answers(sent))
    for text, record_id in (("1", None), ("2", None), (order_id(2), order_id(2)), (order_id(1), order_id(1))):
        assert await dossiers.find(text, record_id) == order_id(1)
    plan = (await dossiers.read(order_id(1))).plan
    assert plan is not None
    assert [version.number for version in plan.versions] == ["00000001", "00000002"]
