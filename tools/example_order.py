"""An order in the middle of its plan, for the pictures in the documentation: the phone is on its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from connector.display.expecting import expected
from connector.display.view import OrderView
from connector.mappings import orderfile
from connector.mappings.load import load
from connector.model.commands import Command, InvokeCallout, Record
from connector.model.dossier import Dossier, HistoryLine
from connector.model.events import CalloutAccepted, CalloutCompleted, Event, OrderRead
from connector.orchestrator.machine import begin, handle

_SET = Path(__file__).resolve().parent.parent / "mappings" / "infiwave"
_BEGUN = datetime(2026, 3, 31, 9, tzinfo=UTC)
_OUTPUTS = {"msisdn": "+447700900123", "reservationId": "R-1", "shipmentId": "S-1"}


def example() -> OrderView:
    """The order of `mobile-with-phone`, forty minutes after it was read."""
    content = orderfile.read((_SET / "cases" / "mobile-with-phone.json").read_text(encoding="utf-8"))
    mappings = load(_SET)
    event = OrderRead(order=content.order, inventory=content.inventory)
    plan, commands, explanation = begin(event, _BEGUN, mappings)
    history: list[HistoryLine] = []
    now = _BEGUN
    waiting = _told(history, commands, now)
    while waiting:
        now += timedelta(seconds=40)
        call = waiting.pop(0)
        answer: Event = (
            CalloutAccepted(item=call.item, epoch=call.epoch, attempt=call.attempt, outputs=_OUTPUTS)
            if call.awaits_event
            else CalloutCompleted(item=call.item, epoch=call.epoch, attempt=call.attempt, outputs=_OUTPUTS)
        )
        waiting += _told(history, handle(plan, answer, now, mappings), now)
    now = _BEGUN + timedelta(minutes=40)
    plan.saved()
    dossier = Dossier(
        id=plan.id,
        number=plan.order.number,
        status="Waiting",
        created_at=_BEGUN,
        updated_at=now,
        archived_at=None,
        parked=None,
        unread=None,
        plan=plan,
        set_name=mappings.name,
        set_version=mappings.version,
        last_seen={line.item: line.at for line in history if line.item is not None},
        history=tuple(history),
        history_total=len(history),
        explanation=explanation,
    )
    return OrderView(dossier=dossier, now=now, expected=expected(plan, now, mappings))


def _told(history: list[HistoryLine], commands: list[Command], now: datetime) -> list[InvokeCallout]:
    """The requests that are to be sent; what happened is written down."""
    for command in commands:
        if isinstance(command, Record):
            line = HistoryLine(
                seq=len(history) + 1,
                at=now,
                item=command.item,
                what=command.what,
                detail=command.detail,
                by=command.by,
            )
            history.append(line)
    return [command for command in commands if isinstance(command, InvokeCallout)]
