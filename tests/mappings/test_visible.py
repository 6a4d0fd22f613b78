"""What the check believes to be visible is what the views show, and what write-back gives."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from connector.mappings.checks.expressions import VARIABLES_OF_RECORDS
from connector.mappings.checks.visible import (
    ACCOUNT_FIELDS,
    COMMERCIAL_FIELDS,
    COMMERCIAL_RELATIVES,
    FAILURE_FIELDS,
    ITEM_FIELDS,
    ORDER_FIELDS,
    TECHNICAL_FIELDS,
    Visible,
    attributes,
    fields,
    first_missing,
    merged,
)
from connector.mappings.views import commercial_views, item_view, order_view, technical_view
from connector.model.failure import Failure, FailureClass
from connector.model.ids import ItemNo, LineId, OrderId, TechnicalLineNo
from connector.model.order import Account, Action, Order, OrderLine
from connector.model.plan import Item, Plan
from connector.model.states import ItemType, PlanState
from connector.model.technical import TechnicalLine
from connector.orchestrator import present

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)
ROOT, CHILD, GRANDCHILD = (
    OrderLine(
        id=LineId(name),
        number=name,
        product="P",
        action=Action.ADD,
        sub_action="Suspend",
        parent=parent,
        supersedes=LineId("X"),
        supplemental_action="Amend",
    )
    for name, parent in (("1", None), ("2", LineId("1")), ("3", LineId("2")))
)
ORDER = Order(
    id=OrderId("O"),
    number="1",
    account=Account(id="A"),
    lines=(ROOT, CHILD, GRANDCHILD),
    requested_at=NOW,
    supersedes=OrderId("X"),
    supplemental_action="Amend",
    follows=OrderId("Y"),
    approved_by="Mia Rep",
)
FULL_ITEM = Item(
    no=ItemNo(1),
    definition="p",
    key="k",
    type=ItemType.CALLOUT,
    scope_key="s",
    line=TechnicalLineNo(1),
    outcome="Fine",
    waiting_for="x",
    queue="q",
    undoes=ItemNo(2),
    parent=ItemNo(3),
    each=4,
    retold=True,
    due_at=NOW,
    ready_at=NOW,
    started_at=NOW,
    finished_at=NOW,
    failure=Failure(
        failure_class=FailureClass.BUSINESS, code="C", message="m", system="s", interface="s.i", http_status=409
    ),
)
TECHNICAL = TechnicalLine(
    no=TechnicalLineNo(1), product="T", action=Action.ADD, scope_key="s", sources=(LineId("1"),), root=LineId("1")
)


def test_the_order() -> None:
    view = order_view(ORDER)
    assert view.keys() == ORDER_FIELDS
    account = view["account"]
    assert isinstance(account, dict)
    assert account.keys() == ACCOUNT_FIELDS


def test_a_commercial_line() -> None:
    views = commercial_views(ORDER, lambda _: ("Class",))
    assert views[LineId("2")].keys() == COMMERCIAL_FIELDS | COMMERCIAL_RELATIVES
    for relative in ("parent", "root"):
        inside = views[LineId("3")][relative]
        assert isinstance(inside, dict)
        assert inside.keys() == COMMERCIAL_FIELDS


def test_a_technical_line() -> None:
    assert technical_view(TECHNICAL).keys() == TECHNICAL_FIELDS


def test_an_item() -> None:
    plan = Plan(order=ORDER, state=PlanState.IN_PROGRESS, set_hash="h", items={FULL_ITEM.no: FULL_ITEM})
    view = item_view(plan, FULL_ITEM)
    assert view.keys() == ITEM_FIELDS
    failure = view["failure"]
    assert isinstance(failure, dict)
    assert failure.keys() == FAILURE_FIELDS
    assert item_view(plan, FULL_ITEM.but(failure=None)).keys() == ITEM_FIELDS - {"failure"}


def test_the_variables_of_records_are_those_that_write_back_documents() -> None:
    """The table in the page of `present` is what people read; `now` is everywhere."""
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", present.__doc__ or "", re.MULTILINE)
    told = {
        kind: set(re.findall(r"`(\w+)`", variables))
        for kinds, variables in rows
        for kind in re.findall(r"`(\w+)`", kinds)
    }
    assert told.keys() == VARIABLES_OF_RECORDS.keys()
    for kind, variables in VARIABLES_OF_RECORDS.items():
        assert told[kind] <= set(variables), kind


# -- looking along a path -----------------------------------------------------------------------------------

LINE = fields(
    "`line`", ("id", "children"), attributes=attributes("A", ("x",)), children=Visible(element=fields("c", ("id",)))
)


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        (("line",), None),
        (("line", "id", "deeper"), None),
        (("lines",), (0, "MAP022")),
        (("line", "idd"), (1, "MAP025")),
        (("line", "attributes", "x", "y"), None),
        (("line", "attributes", "z"), (2, "MAP026")),
        (("line", "attributes", "[]"), None),
        (("line", "children", "[]", "id"), None),
        (("line", "children", "[]", "no"), (3, "MAP025")),
        (("line", "id", "[]", "no"), None),
    ],
)
def test_the_first_missing_step_is_found(path: tuple[str, ...], missing: tuple[int, str] | None) -> None:
    found = first_missing(path, {"line": LINE})
    assert (None if found is None else (found.step, found.inside.code)) == missing


def test_one_of_several_kinds_has_what_any_of_them_has() -> None:
    other = fields("`line`", ("no",), attributes=attributes("B", ("y",)))
    both = {"line": merged([LINE, other])}
    for path in (("line", "id"), ("line", "no"), ("line", "attributes", "x"), ("line", "attributes", "y")):
        assert first_missing(path, both) is None
    assert first_missing(("line", "attributes", "z"), both) is not None
    assert first_missing(("line", "anything"), {"line": merged([LINE, Visible()])}) is None
    assert first_missing(("line", "anything"), {"line": merged([])}) is None
