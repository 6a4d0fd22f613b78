"""The machine runs with every way out of the process shut."""

from __future__ import annotations

from typing import NoReturn

import pytest

from connector.mappings.load import load
from connector.mappings.orderfile import read
from connector.model.events import CalloutCompleted, OrderRead
from connector.model.ids import ItemNo
from connector.model.states import ItemState, ItemType
from connector.orchestrator.machine import begin, handle
from tests.decomposition.builder import NOW
from tests.decomposition.golden_text import CASES
from tests.decomposition.test_purity import WAYS_OUT


def test_the_machine_takes_an_order_through_its_calls_and_looks_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    case = next(path for path in CASES if path.stem == "mobile-esim")
    given, mappings = read(case.read_text()), load(case.parents[1])

    def shut(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a pure function looked outside")

    with monkeypatch.context() as patch:
        for owner, name in WAYS_OUT:
            patch.setattr(owner, name, shut)
        plan, _, _ = begin(OrderRead(order=given.order, inventory=given.inventory), NOW, mappings)
        outputs = {"phoneNumber": "+44", "reservationId": "R", "iccid": "89", "activationCode": "LPA:1"}
        done: set[ItemNo] = set()
        while calls := [
            item
            for item in plan.items.values()
            if item.type is ItemType.CALLOUT and item.state is ItemState.RUNNING and item.no not in done
        ]:
            for item in calls:
                done.add(item.no)
                event = CalloutCompleted(item=item.no, epoch=item.epoch, attempt=item.attempts, outputs=outputs)
                handle(plan, event, NOW, mappings)
    assert plan.open_items == 0
