"""The list of orders on a real PostgreSQL: what matches, page by page, and what that costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connector.errors import UsageError
from connector.model.events import CalloutFailed
from connector.model.failure import Failure, FailureClass
from connector.model.forecast import Jeopardy
from connector.model.ids import OrderId
from connector.model.order import Priority
from connector.store.browsing import Browsing, Sort, Wanted
from connector.store.database import Database
from connector.store.intake import Heard
from connector.store.retention import Retention
from tests.orchestrator.turning import NOW, Bench, finish, mobile, order_id

SOME = 23
BLOCKED = Failure(
    failure_class=FailureClass.BUSINESS, code="NUMBER_BLOCKED", message="It is 100% blocked.", system="network"
)


async def many(database: Database, count: int = SOME) -> None:
    """Orders of which several came at the same time, have the same number, or none."""
    async with database.connection() as connection:
        await connection.execute(
            "insert into orders (order_id, number, account_id, priority, state, status, created_at, finished_at)"
            " select '801' || lpad(n::text, 12, '0') || 'AAA', (n / 2 * 7 % 10)::text, 'A', n % 3, 'InProgress',"
            "        case when n % 4 = 0 then 'Completed' else 'Waiting' end, $1::timestamptz + n / 3 * interval '1 s',"
            "        case when n % 4 = 0 then $1::timestamptz + n / 8 * interval '1 s' end"
            " from generate_series(1, $2::int) n",
            NOW,
            count,
        )


async def all_pages(browsing: Browsing, wanted: Wanted, sort: Sort, limit: int) -> list[Any]:
    found: list[Any] = []
    after = None
    while True:
        page = await browsing.page(wanted, sort, limit, after)
        assert len(page.orders) <= limit
        found += page.orders
        after = page.next
        if after is None:
            return found


_SORTED = {
    Sort.NEWEST: (lambda order: (order.created_at, order.id), True),
    Sort.OLDEST: (lambda order: (order.created_at, order.id), False),
    Sort.FINISHED: (lambda order: (order.finished_at, order.id), True),
    Sort.NUMBER: (lambda order: (order.number, order.id), False),
    Sort.URGENT: (lambda order: (order.priority, order.created_at, order.id), False),
}


@pytest.mark.parametrize("sort", list(Sort))
async def test_the_pages_together_are_the_whole_in_its_sequence(database: Database, sort: Sort) -> None:
    await many(database)
    browsing = Browsing(database)
    key, reverse = _SORTED[sort]
    whole = (await browsing.page(Wanted(), sort, 1000)).orders
    assert list(whole) == sorted(whole, key=key, reverse=reverse)
    assert len(whole) == (SOME // 4 if sort is Sort.FINISHED else SOME)
    for limit in (1, 4, SOME):
        assert await all_pages(browsing, Wanted(), sort, limit) == list(whole)


async def test_a_page_goes_on_from_its_place_though_orders_come_meanwhile(database: Database) -> None:
    await many(database)
    browsing = Browsing(database)
    first = await browsing.page(Wanted(), Sort.NEWEST, 5)
    before = await all_pages(browsing, Wanted(), Sort.NEWEST, 5)
    async with database.connection() as connection:
        await connection.execute(
            "insert into orders (order_id, state, status) values ('801x', 'NotStarted', 'Submitted')"
        )
    second = await browsing.page(Wanted(), Sort.NEWEST, 5, first.next)
    assert list(second.orders) == before[5:10]


@pytest.mark.parametrize("place", ["", "x", "bm8", "WyJuZXdlc3QiXQ", "W10", "AAAA", "WyJuZXdlc3QiLCAxLCAyXQ"])
async def test_what_is_no_place_in_the_list_is_refused(database: Database, place: str) -> None:
    with pytest.raises(UsageError, match="not a place"):
        await Browsing(database).page(Wanted(), Sort.NEWEST, 5, place)


async def test_the_place_of_one_sequence_is_none_of_another(database: Database) -> None:
    await many(database)
    browsing = Browsing(database)
    place = (await browsing.page(Wanted(), Sort.NEWEST, 5)).next
    with pytest.raises(UsageError, match="not a place"):
        await browsing.page(Wanted(), Sort.OLDEST, 5, place)


@pytest.mark.parametrize(
    ("sort", "only_open", "index"),
    [
        (Sort.NEWEST, False, "orders_created"),
        (Sort.OLDEST, True, "orders_open"),
        (Sort.FINISHED, False, "orders_finished"),
        (Sort.NUMBER, False, "orders_number"),
    ],
)
async def test_a_page_far_down_reads_no_more_than_it_shows(
    database: Database, sort: Sort, *, only_open: bool, index: str
) -> None:
    await many(database, 3000)
    browsing = Browsing(database)
    wanted = Wanted(only_open=only_open)
    page = await browsing.page(wanted, sort, 700)
    query = browsing._query("page", wanted) + browsing._sql[sort.value]
    last = page.orders[-1]
    key = {Sort.FINISHED: last.finished_at, Sort.NUMBER: last.number}.get(sort, last.created_at)
    async with database.connection() as connection:
        await connection.execute("analyze orders")
        rows = await connection.fetch(f"explain analyze {query}", *wanted.arguments(), 6, last.id, key)
    told = "\n".join(row[0] for row in rows)
    assert index in told
    removed = [int(word) for line in told.split("\n") if "Removed by Filter" in line for word in line.split()[-1:]]
    assert sum(removed) < 400, told  # three hundred orders have the same number


async def stories(bench: Bench) -> None:
    """1 is finished, 2 waits, 3 is in fallout, 4 is rejected, 5 has not been read."""
    await bench.submit(of_another_account(mobile(1)))
    await finish(bench, await bench.turn())
    bench.now += timedelta(hours=1)
    await bench.submit(mobile(2, simType="physical"))
    await bench.turn()
    await bench.submit(mobile(3))
    work = next(work for work in (await bench.turn()).work if work.interface == "network.reserveNumber")
    await bench.turn({order_id(3): [CalloutFailed(item=work.item, epoch=1, attempt=1, failure=BLOCKED)]})
    await bench.submit(mobile(4, tier="Z"))
    await bench.turn()
    await bench.intake.heard([Heard(kind="order", id=order_id(5), received_at=NOW)])


def of_another_account(order: Any) -> Any:
    account = replace(order.account, id="001000000000002AAA", name="Rosa 100%_Okafor")
    return replace(order, account=account, priority=Priority.HIGH, requested_at=NOW - timedelta(days=1))


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Wanted(), {1, 2, 3, 4, 5}),
        (Wanted(statuses=("fallout", "REJECTED")), {3, 4}),
        (Wanted(statuses=("InProgress",)), {2, 3}),
        (Wanted(priorities=(Priority.HIGH,)), {1}),
        (Wanted(account="okafor"), {1}),
        (Wanted(account="100%_"), {1}),
        (Wanted(account="1%a"), set()),
        (Wanted(account="001000000000002", account_id="001000000000002AAA"), {1}),
        (Wanted(number="0000003"), {3}),
        (Wanted(set_name="infiwave"), {1, 2, 3, 4}),
        (Wanted(set_name="voltara"), set()),
        (Wanted(since=NOW + timedelta(minutes=1), until=NOW + timedelta(days=1)), {2, 3, 4}),
        (Wanted(product="MOBILE-PLAN"), {1, 2, 3, 4}),
        (Wanted(product="MSISDN"), {1, 2, 3}),
        (Wanted(in_fallout=True), {3, 4}),
        (Wanted(waiting_for="100% blocked"), {3}),
        (Wanted(waiting_for="%"), {3}),
        (Wanted(only_open=True), {2, 3, 4, 5}),
        (Wanted(late=NOW), set()),
        (Wanted(jeopardy=(Jeopardy.LATE,)), {1}),
        (Wanted(jeopardy=(Jeopardy.ON_TRACK, Jeopardy.AT_RISK)), {2, 3}),
        (Wanted(archived=True), set()),
        (Wanted(statuses=("Waiting",), number="9", account="x"), set()),
    ],
    ids=str,
)
async def test_what_is_wanted_is_found_and_counted(bench: Bench, wanted: Wanted, numbers: set[int]) -> None:
    await stories(bench)
    browsing = Browsing(bench.database)
    found = (await browsing.page(wanted, Sort.NEWEST if not wanted.archived else Sort.FINISHED, 100)).orders
    assert {order.id for order in found} == {order_id(number) for number in numbers}
    assert sum((await browsing.counts(wanted)).values()) == len(numbers)


async def test_an_order_tells_what_it_waits_for(bench: Bench) -> None:
    await stories(bench)
    page = await Browsing(bench.database).page(Wanted(), Sort.NEWEST, 100)
    by_id = {order.id: order for order in page.orders}
    failed = by_id[order_id(3)]
    assert (failed.waiting_item, failed.waits) == ("Reserve a phone number", 2)
    assert failed.waiting_for == "a decision: It is 100% blocked."
    assert by_id[order_id(5)].waiting_for == "being read"
    assert by_id[order_id(1)].waiting_for is None
    assert by_id[order_id(1)].account == "Rosa 100%_Okafor"
    assert "tier" in by_id[order_id(4)].message


async def test_archived_orders_are_listed_from_the_archive(bench: Bench) -> None:
    await stories(bench)
    async with bench.database.connection() as connection:
        await connection.execute("delete from outbox")
        await connection.execute("update intake set done_at = now()")
    later = datetime(2027, 1, 1, tzinfo=UTC)
    await Retention(bench.database, lambda: later, hot=timedelta(days=1), keep=None, pause=0).once()
    browsing = Browsing(bench.database)
    (kept,) = (await browsing.page(Wanted(archived=True), Sort.FINISHED, 10)).orders
    assert (kept.id, kept.status, kept.items_done, kept.archived) == (OrderId(order_id(1)), "Completed", 10, True)
    assert await browsing.counts(Wanted(archived=True, product="MOBILE-PLAN")) == {"Completed": 1}
    assert order_id(1) not in {order.id for order in (await browsing.page(Wanted(), Sort.NEWEST, 10)).orders}
