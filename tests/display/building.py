"""Orders to look at, made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.display.view import Expected, OrderView
from connector.model.dossier import CallLine, Dossier, FalloutEpisode, HistoryLine
from connector.model.failure import Failure, FailureClass
from connector.model.ids import ItemNo, LineId, OrderId, TechnicalLineNo
from connector.model.order import Account, Action, Order, OrderLine
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, ItemType, PlanState
from connector.model.technical import AttributeChange, Decision, Explanation, TechnicalLine

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = BEGUN + timedelta(minutes=20)
ORDER = OrderId("801000000000001AAA")
BUNDLE, PHONE = LineId("802000000000001AAA"), LineId("802000000000002AAA")


def after(minutes: float) -> datetime:
    return BEGUN + timedelta(minutes=minutes)


def item(no: int, name: str, state: ItemState = ItemState.PENDING, *before: int, **more: Any) -> Item:
    given = {
        "no": ItemNo(no),
        "definition": "activate",
        "key": name.lower().replace(" ", "-"),
        "name": name,
        "type": ItemType.CALLOUT,
        "scope_key": f"SIM:{BUNDLE}",
        "line": TechnicalLineNo(2),
        "sources": (BUNDLE,),
        "state": state,
        "after": tuple(ItemNo(each) for each in before),
    }
    return Item(**{**given, **more})


def done(no: int, name: str, begin: float, end: float, *before: int, **more: Any) -> Item:
    times = {"started_at": after(begin), "finished_at": after(end)}
    return item(no, name, ItemState.COMPLETED, *before, **{**times, **more})


REFUSED = Failure(
    failure_class=FailureClass.BUSINESS,
    code="NUMBER_BLOCKED",
    message="The number is blocked.",
    system="network",
    interface="network.activate",
    http_status=409,
)

ITEMS = (
    done(1, "Reserve a number", 0, 2, definition="reserve", scope_key=f"MSISDN:{BUNDLE}"),
    done(2, "Ship the SIM card", 0, 5),
    item(
        3,
        "SIM card delivered",
        ItemState.RUNNING,
        2,
        type=ItemType.EVENT,
        started_at=after(5),
        waiting_for="warehouse.delivered",
        due_at=after(60 * 24 * 7),
    ),
    item(4, "Provide an eSIM", ItemState.SKIPPED, finished_at=after(0)),
    item(
        5,
        "Activate in the network",
        ItemState.FATALLY_FAILED,
        1,
        started_at=after(6),
        failure=REFUSED,
        waiting_for="a decision: The number is blocked.",
        fallouts=1,
    ),
    item(
        6,
        "Check the credit",
        ItemState.COMPLETED,
        type=ItemType.MANUAL,
        started_at=after(1),
        finished_at=after(9),
        outcome="Approved",
        definition="credit",
        scope_key=f"{PHONE}",
    ),
    item(7, "Start billing", ItemState.PENDING, 3, 5, 6, definition="bill", scope_key=str(ORDER)),
    item(8, "All done", ItemState.PENDING, 7, type=ItemType.MILESTONE, definition="bill", scope_key=str(ORDER)),
)


def order(**more: Any) -> Order:
    lines = (
        OrderLine(
            id=BUNDLE, number="1", product="MOBILE-PLAN", action=Action.CHANGE, attributes={"tier": "M", "sim": "eSIM"}
        ),
        OrderLine(id=PHONE, number="2", product="PHONE", action=Action.ADD, parent=BUNDLE, quantity=2),
    )
    account = Account(id="001000000000001AAA", name="Ada Okafor", type="Consumer")
    return Order(id=ORDER, number="00000101", account=account, lines=lines, **more)


def plan(*items: Item, **more: Any) -> Plan:
    lines = [
        TechnicalLine(
            no=TechnicalLineNo(1),
            product="MOBILE-CFS",
            action=Action.CHANGE,
            scope_key=str(BUNDLE),
            sources=(BUNDLE,),
            root=BUNDLE,
            attributes={"tier": "M"},
            changes={"tier": AttributeChange(old="S", new="M"), "roaming": AttributeChange(old=True, new=None)},
        ),
        TechnicalLine(
            no=TechnicalLineNo(2),
            product="SIM",
            action=Action.ADD,
            scope_key=f"SIM:{BUNDLE}",
            sources=(BUNDLE,),
            root=BUNDLE,
            parents=(TechnicalLineNo(1),),
        ),
    ]
    given: dict[str, Any] = {
        "order": order(),
        "state": PlanState.IN_PROGRESS,
        "set_hash": "cafe0123",
        "created_at": BEGUN,
        "items": {each.no: each for each in items or ITEMS},
        "lines": {line.no: line for line in lines},
    }
    return Plan(**{**given, **more})


EPISODE = FalloutEpisode(
    item=ItemNo(5),
    episode=1,
    failure=REFUSED,
    queue="Order_Fallout",
    severity="High",
    suggestions=("Ask the network operations centre.",),
    attempts=2,
    raised_at=after(8),
    resolved_at=None,
    resolution=None,
    resolved_by=None,
)

CALL = CallLine(
    item=ItemNo(5),
    epoch=1,
    attempt=2,
    interface="network.activate",
    method="POST",
    path="/lines",
    idempotency_key=f"{ORDER}-5-1",
    status=409,
    outcome="business",
    code="NUMBER_BLOCKED",
    started_at=after(8),
    seconds=0.25,
    sendings=2,
)


def happened(seq: int, minutes: float, no: int | None, what: str, **more: str) -> HistoryLine:
    number = None if no is None else ItemNo(no)
    return HistoryLine(
        seq=seq, at=after(minutes), item=number, what=what, detail=more.get("detail", ""), by=more.get("by", "")
    )


def dossier(made: Plan | None = None, **more: Any) -> Dossier:
    given: dict[str, Any] = {
        "id": ORDER,
        "number": "00000101",
        "status": "Fallout",
        "created_at": BEGUN,
        "updated_at": NOW,
        "archived_at": None,
        "parked": None,
        "unread": None,
        "plan": made or plan(),
        "set_name": "infiwave",
        "set_version": "2026.1",
        "last_seen": {ItemNo(3): after(5), ItemNo(5): after(8)},
        "history": (
            happened(1, 0, None, "plan made", detail="2 technical lines, 8 items"),
            happened(2, 9, 6, "completed", detail="outcome Approved", by="Ann Clerk"),
        ),
        "history_total": 7,
        "calls": (CALL,),
        "fallouts": (EPISODE,),
        "explanation": Explanation(
            set_hash="cafe0123",
            decisions=(
                Decision(
                    kind="rule",
                    subject="line 1",
                    taken=True,
                    reason="makes T1",
                    rule="plan-to-service",
                    source="mobile.yaml:12",
                    seen={"line.attributes.tier": "M"},
                ),
                Decision(kind="item", subject="item 4", taken=False, reason="its condition is false"),
            ),
        ),
    }
    return Dossier(**{**given, **more})


EXPECTED = Expected(
    begins={ItemNo(7): after(30), ItemNo(8): after(40)},
    ends={ItemNo(3): after(30), ItemNo(7): after(40), ItemNo(8): after(40)},
    critical=frozenset({ItemNo(3), ItemNo(7), ItemNo(8)}),
    completion=after(40),
    latest=after(55),
    jeopardy="At Risk",
)


def view(made: Dossier | None = None, **more: Any) -> OrderView:
    return replace(OrderView(dossier=made or dossier(), now=NOW, expected=EXPECTED), **more)


def large(items: int) -> Plan:
    """Chains of ten, some done, one failed, one running."""
    made = []
    for no in range(1, items + 1):
        chain, place = divmod(no - 1, 10)
        before = (no - 1,) if place else ()
        lane = {"definition": "chain", "scope_key": f"chain-{chain}"}
        if no == items // 2:
            made.append(item(no, f"Step {no}", ItemState.FATALLY_FAILED, *before, waiting_for="a decision", **lane))
        elif no == items // 2 + 11:
            made.append(item(no, f"Step {no}", ItemState.RUNNING, *before, started_at=after(1), **lane))
        elif no < items // 2:
            made.append(done(no, f"Step {no}", 0, 1, *before, **lane))
        else:
            made.append(item(no, f"Step {no}", ItemState.PENDING, *before, **lane))
    return plan(*made)
