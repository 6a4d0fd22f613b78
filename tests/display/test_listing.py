"""Many orders, one line each; and one as a document."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from rich.cells import cell_len

from connector.display.document import document, listed
from connector.display.lines import plain
from connector.display.listing import counts_line, orders_list
from connector.model.dossier import ListedOrder
from connector.model.forecast import Jeopardy
from connector.model.ids import OrderId
from connector.model.order import Priority
from tests.display.building import BEGUN, ITEMS, NOW, dossier, view


def row(no: int, status: str, **more: Any) -> ListedOrder:
    given: dict[str, Any] = {
        "id": OrderId(f"801{no:012d}AAA"),
        "number": f"{no:08d}",
        "account_id": "001000000000001AAA",
        "account": "Ada Okafor",
        "priority": Priority.DEFAULT,
        "state": "InProgress",
        "status": status,
        "message": "",
        "items_total": 10,
        "items_done": 4,
        "created_at": BEGUN,
        "updated_at": NOW,
        "requested_at": None,
        "expected_at": None,
        "jeopardy": None,
        "finished_at": None,
        "parked": None,
        "set_name": "infiwave",
        "archived": False,
    }
    return ListedOrder(**{**given, **more})


ROWS = (
    row(5, "Submitted", number="", account="", items_total=0, waiting_for="being read", waits=1),
    row(4, "Fallout", waiting_for="a decision: blocked", waiting_item="Reserve a number", waits=3),
    row(3, "Rejected", message="No such tier.\nNo such thing.", items_total=0),
    row(2, "In Progress", parked="KeyError: 1"),
    row(1, "Completed", created_at=BEGUN - timedelta(days=3)),
)


def shown(rows: tuple[ListedOrder, ...], width: int = 80) -> str:
    return plain(orders_list(rows, NOW, width), width)


def test_the_list_at_eighty_columns() -> None:
    assert (
        shown(ROWS)
        == """\
order               status       items     age  account     waits for
801000000000005AAA  Submitted           20 min              being read
00000004            Fallout      4/10   20 min  Ada Okafor  +2 a decision: bloc…
00000003            Rejected            20 min  Ada Okafor  No such tier.
00000002            In Progress  4/10   20 min  Ada Okafor  a person: it is par…
00000001            Completed    4/10      3 d  Ada Okafor"""
    )


def test_a_wide_list_has_more_columns() -> None:
    titles = shown(ROWS, 160).partition("\n")[0]
    assert titles.split() == [
        "order",
        "id",
        "status",
        "priority",
        "items",
        "age",
        "account",
        "expected",
        "mapping",
        "set",
        "waits",
        "for",
    ]


def test_jeopardy_is_told_where_there_is_one() -> None:
    assert "jeopardy" not in shown((row(1, "Waiting", jeopardy=Jeopardy.ON_TRACK),))
    text = shown(
        (
            row(1, "Waiting", jeopardy=Jeopardy.AT_RISK, expected_at=NOW + timedelta(hours=2)),
            row(2, "Waiting", jeopardy=Jeopardy.ON_TRACK),
            row(3, "Completed", jeopardy=Jeopardy.AT_RISK, finished_at=NOW),
            row(4, "Completed", jeopardy=Jeopardy.LATE, finished_at=NOW, expected_at=NOW),
        ),
        160,
    )
    assert [("At Risk" in line, "Late" in line, "in 2 h" in line) for line in text.splitlines()[1:]] == [
        (True, False, True),
        (False, False, False),
        (False, False, False),
        (False, True, False),
    ]


def test_priority_is_told_where_it_differs() -> None:
    assert "priority" not in shown(ROWS)
    assert "Bulk" in shown((*ROWS, row(9, "Waiting", priority=Priority.BULK)))


@pytest.mark.parametrize("width", [10, 80, 200])
def test_no_line_is_too_wide_or_plays_tricks(width: int) -> None:
    evil = "\x1b[2J漢字\n" * 9
    made = row(1, evil, account=evil, number=evil, waiting_for=evil, waiting_item=evil, set_name=evil)
    assert all(cell_len(line) <= width and line.isprintable() for line in shown((made,), width).split("\n"))


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({}, "0 orders"),
        ({"Waiting": 1}, "1 order: 1 Waiting"),
        ({"Completed": 2, "Waiting": 5}, "7 orders: 5 Waiting, 2 Completed"),
        ({"Completed": 10}, "10 or more orders: 10 Completed"),
    ],
)
def test_the_counts(counts: dict[str, int], told: str) -> None:
    assert counts_line(counts, 10).plain == told


def test_an_order_of_a_list_as_a_document() -> None:
    assert listed(ROWS[1])["priority"] == "Default"
    assert msgspec.json.decode(msgspec.json.encode(listed(ROWS[1])))["waiting_item"] == "Reserve a number"


def test_one_order_as_a_document() -> None:
    told = msgspec.json.decode(msgspec.json.encode(document(view())))
    assert told["status"] == "Fallout"
    assert told["priority"] == "Default"
    assert told["progress"] == {
        "percent": 50,
        "items": 8,
        "done": 4,
        "by_state": {"Pending": 2, "Running": 1, "Completed": 3, "Skipped": 1, "FatallyFailed": 1},
    }
    assert told["expected"]["jeopardy"] == "At Risk"
    assert told["expected"]["critical_path"] == [3, 7, 8]
    assert [each["no"] for each in told["items"]] == [each.no for each in ITEMS]
    assert told["items"][2]["critical"]
    assert told["items"][6]["expected_end"] == "2026-03-01T12:40:00Z"
    assert [wait["case"] for wait in told["waits"]] == ["801000000000001AAA-5-F1", None]
    assert [(each["kind"], each["depth"]) for each in told["lines"]] == [
        ("commercial", 0),
        ("technical", 1),
        ("technical", 2),
        ("commercial", 1),
    ]
    assert told["calls"][0]["code"] == "NUMBER_BLOCKED"
    assert told["history"][1]["by"] == "Ann Clerk"
    assert told["explanation"]["decisions"][0]["rule"] == "plan-to-service"


def test_an_unread_order_as_a_document() -> None:
    told = msgspec.json.decode(msgspec.json.encode(document(view(replace(dossier(), plan=None, unread="")))))
    assert "items" not in told
    assert told["unread"] == ""
