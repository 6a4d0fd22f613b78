"""What a turn's commands come to when several are about the same thing, and that one statement saves all of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.model.commands import (
    ClearTimers,
    Command,
    DropCallout,
    InvokeCallout,
    RaiseFallout,
    ReadOrderAgain,
    Record,
    ResolveFallout,
    SetTimer,
)
from connector.model.events import TimerKind
from connector.model.failure import Failure, FailureClass
from connector.model.ids import ItemNo, LineId, OrderId
from connector.model.order import Account, Action, Order, OrderLine
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, ItemType, PlanState
from connector.model.work import RenderedRequest
from connector.store.database import Database
from connector.store.intake import Heard, Intake
from connector.store.saving import Change, Rows
from connector.store.turns import Turns

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = OrderId("801000000000001")
NO = ItemNo(1)
FAILURE = Failure(failure_class=FailureClass.BUSINESS, code="TAKEN", message="The number is taken.")
REQUEST = RenderedRequest(method="POST", path="/v1/do", body={"a": 1})


def plan() -> Plan:
    line = OrderLine(id=LineId("802000000000001"), number="1", product="P", action=Action.ADD)
    order = Order(id=ORDER, number="1", account=Account(id="001000000000001"), lines=(line,))
    made = Plan(order=order, state=PlanState.IN_PROGRESS, set_hash="h")
    item = Item(
        no=NO, definition="d", key="k", type=ItemType.CALLOUT, scope_key="s", state=ItemState.RUNNING, request_epoch=1
    )
    made.add([item], [])
    return made


def change(*commands: Command, of: Plan | None = None, fresh: bool = False) -> Change:
    return Change(plan=of or plan(), status="In Progress", commands=list(commands), fresh=fresh)


def rows(*commands: Command) -> Rows:
    return rows_of(change(*commands))


def rows_of(one: Change) -> Rows:
    rows = Rows(NOW)
    rows.add(one)
    return rows


def invoke(*, epoch: int = 1, request: RenderedRequest | None = REQUEST) -> InvokeCallout:
    return InvokeCallout(item=NO, epoch=epoch, attempt=1, interface="s.i", awaits_event=False, request=request)


def raised(episode: int = 1) -> RaiseFallout:
    return RaiseFallout(item=NO, episode=episode, failure=FAILURE, attempts=1, queue="Q")


def resolved(episode: int = 1) -> ResolveFallout:
    return ResolveFallout(item=NO, episode=episode, how="retried", by="Ann")


def timer(kind: TimerKind, minutes: int = 1) -> SetTimer:
    return SetTimer(item=NO, kind=kind, epoch=1, due=NOW + timedelta(minutes=minutes))


def test_a_request_that_replaces_a_dropped_one_is_only_added() -> None:
    found = rows(DropCallout(item=NO), invoke(epoch=2))

    assert [work.epoch for work in found.new_work] == [2]
    assert found.dropped_work == found.rested_work == []


def test_a_request_dropped_after_it_was_made_is_not_sent() -> None:
    found = rows(invoke(), DropCallout(item=NO))

    assert found.work == []
    assert found.new_work == []
    assert found.rested_work == []
    assert [row.item_no for row in found.dropped_work] == [NO]


def test_a_stored_request_that_was_dropped_is_not_sent_again() -> None:
    assert rows(DropCallout(item=NO), invoke(request=None)).resent_work == []


def test_a_callout_that_changed_and_is_not_sent_rests() -> None:
    assert [row.item_no for row in rows().rested_work] == [NO]
    assert rows(invoke(request=None)).rested_work == []


def test_only_timers_set_after_the_others_were_cleared_stay() -> None:
    found = rows(timer(TimerKind.RETRY), ClearTimers(item=NO), timer(TimerKind.TIMEOUT))

    assert [row.kind for row in found.timers] == [TimerKind.TIMEOUT]
    assert [row.item_no for row in found.cleared_timers] == [NO]


def test_fallout_that_ends_in_the_turn_in_which_it_began_is_over() -> None:
    found = rows(raised(), resolved())

    assert [(row.how, row.by_whom) for row in found.raised] == [("retried", "Ann")]
    assert found.resolved == []


def test_fallout_that_begins_anew_is_open() -> None:
    found = rows(resolved(), raised())

    assert [row.how for row in found.raised] == [None]
    assert found.resolved == []


def test_only_a_plan_that_was_there_before_is_cleared_away() -> None:
    made = plan()
    assert rows_of(change(of=made, fresh=True)).made_again == []
    made.revision = 3
    assert rows_of(change(of=made, fresh=True)).made_again == [ORDER]
    assert rows_of(change(of=made)).made_again == []


async def test_one_statement_saves_what_touches_the_same_rows_one_after_the_other(migrated_url: str) -> None:
    async with await Database.connect(migrated_url) as database:
        await Intake(database, "w").heard([Heard(kind="order", id=ORDER, received_at=NOW)])
        turns = Turns(database, "w")
        made = plan()

        async def turn(*commands: Command, fresh: bool = False) -> list[int]:
            async with turns.begin() as one:
                await one.lock([ORDER])
                work = await one.save([change(*commands, of=made, fresh=fresh)], NOW)
            made.revision += 1
            made.saved()
            return [each.epoch for each in work]

        async def column(table: str, *names: str) -> list[tuple[object, ...]]:
            async with database.connection() as connection:
                found = await connection.fetch(f"select {', '.join(names)} from {table} order by 1")
            return [tuple(row) for row in found]

        assert await turn(invoke(), timer(TimerKind.RETRY), raised(), Record(item=NO, what="x"), fresh=True) == [1]
        assert await column("timers", "kind", "due") == [("retry", NOW + timedelta(minutes=1))]

        again = (ClearTimers(item=NO), timer(TimerKind.RETRY, 5), timer(TimerKind.TIMEOUT, 9))
        assert await turn(*again, DropCallout(item=NO), invoke(epoch=2), resolved(), raised(2), resolved(2)) == [2]
        assert await column("timers", "kind", "due") == [
            ("retry", NOW + timedelta(minutes=5)),
            ("timeout", NOW + timedelta(minutes=9)),
        ]
        assert await column("work", "epoch", "owner") == [(2, "w")]
        assert await column("fallouts", "episode", "resolution") == [(1, "retried"), (2, "retried")]

        assert await turn(invoke(epoch=2, request=None), ClearTimers(item=NO), ReadOrderAgain()) == [2]
        assert await column("timers", "kind") == []
        assert await column("intake", "reason", "done_at") == [("", None)]

        made.changed_items[NO] = made.items[NO].phase
        assert await turn() == []
        assert await column("work", "epoch", "owner") == [(2, None)]

        assert await turn(raised(3), fresh=True) == []
        assert await column("items", "item_no") == []  # cleared away, and the plan of now has changed none
        assert await column("orders", "revision") == [(5,)]
