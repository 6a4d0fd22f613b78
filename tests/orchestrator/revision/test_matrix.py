"""Every state of an item, every wish, everything that its definition may say: against the naive reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product as every
from typing import Any

import pytest

from connector.mappings.set import Completion, ItemDefinition, MappingSet
from connector.model.events import Operation
from connector.model.ids import ItemNo
from connector.model.order import Order
from connector.model.plan import Item
from connector.model.revision import VersionState
from connector.model.states import ItemState, ItemType, PlanState
from tests.orchestrator.revision.building import (
    LOST,
    LOST_FOR_GOOD,
    NO,
    NOT_YET,
    Story,
    canceling,
    following,
    line,
    manual,
)
from tests.orchestrator.revision.building import (
    item as defined,
)
from tests.orchestrator.revision.reference import Facts, Fate, fate
from tests.orchestrator.revision.world import bundle, phone_set
from tests.orchestrator.telling import NOW

Driver = Callable[[Story], None]


def _put(state: ItemState) -> Driver:
    """Some states last no longer than a turn, or are not come to yet: they are made."""

    def drive(told: Story) -> None:
        x = told.item("x")
        told.plan.put(x.but(state=state))

    return drive


def _begun(told: Story) -> None:
    told.done("gate")


def _then(*steps: Driver) -> Driver:
    def drive(told: Story) -> None:
        for step in steps:
            step(told)

    return drive


def _skipped(told: Story) -> None:
    told.told(Operation.SKIP, told.item("x"))


def _held(told: Story) -> None:
    told.told(Operation.HOLD, told.item("x"))


@dataclass(frozen=True)
class Situation:
    """How an item has come into its state."""

    kind: ItemType
    state: ItemState
    drive: Driver
    how: str = ""
    is_skipped: bool = False
    is_asked: bool = False
    """Its interface calls requests back."""


_C, _M, _E, _T, _A = ItemType.CALLOUT, ItemType.MANUAL, ItemType.EVENT, ItemType.TIMER, ItemType.AUTO
_S = ItemState


def _nothing(told: Story) -> None:
    """It is there, and the gate before it is shut."""


SITUATIONS = (
    Situation(_C, _S.PENDING, _nothing),
    Situation(_C, _S.SCHEDULED, _put(_S.SCHEDULED)),
    Situation(_C, _S.READY, _put(_S.READY)),
    Situation(_C, _S.FROZEN, _then(_put(_S.FROZEN), _begun)),
    Situation(_C, _S.ON_HOLD, _held, "not sent"),
    Situation(_C, _S.SKIPPED, _begun, is_skipped=True),
    Situation(_C, _S.SKIPPED, _skipped, "by a person"),
    Situation(_C, _S.RUNNING, _begun, "sending"),
    Situation(_C, _S.RUNNING, _then(_begun, lambda told: told.accept("x")), "accepted"),
    Situation(_C, _S.RUNNING, _then(_begun, lambda told: told.accept("x")), "recallable", is_asked=True),
    Situation(_C, _S.COMPLETED, _then(_begun, lambda told: told.succeed("x"))),
    Situation(_C, _S.FAILED, _then(_begun, lambda told: told.fail("x", NOT_YET)), "refused"),
    Situation(_C, _S.FAILED, _then(_begun, lambda told: told.fail("x", LOST)), "doubtful"),
    Situation(_C, _S.FATALLY_FAILED, _then(_begun, lambda told: told.fail("x", NO)), "refused"),
    Situation(_C, _S.FATALLY_FAILED, _then(_begun, lambda told: told.fail("x", LOST_FOR_GOOD)), "doubtful"),
    Situation(_C, _S.ON_HOLD, _then(_begun, lambda told: told.fail("x", NOT_YET), _held), "refused"),
    Situation(_C, _S.ON_HOLD, _then(_begun, lambda told: told.fail("x", LOST), _held), "doubtful"),
    Situation(_M, _S.PENDING, _nothing),
    Situation(_M, _S.SKIPPED, _begun, is_skipped=True),
    Situation(_M, _S.SKIPPED, _then(_begun, _skipped), "by a person"),
    Situation(_M, _S.RUNNING, _begun),
    Situation(
        _M, _S.COMPLETED, _then(_begun, lambda told: told.told(Operation.COMPLETE, told.item("x"), outcome="Yes"))
    ),
    Situation(
        _M,
        _S.FATALLY_FAILED,
        _then(_begun, lambda told: told.told(Operation.COMPLETE, told.item("x"), outcome="No")),
        "refused",
    ),
    Situation(_E, _S.PENDING, _nothing),
    Situation(_E, _S.RUNNING, _begun),
    Situation(_E, _S.COMPLETED, _then(_begun, lambda told: told.news())),
    Situation(_T, _S.PENDING, _nothing),
    Situation(_T, _S.RUNNING, _begun),
    Situation(_T, _S.COMPLETED, _then(_begun, lambda told: told.told(Operation.COMPLETE, told.item("x")))),
    Situation(ItemType.MILESTONE, _S.PENDING, _nothing),
    Situation(ItemType.MILESTONE, _S.COMPLETED, _begun),
    Situation(_A, _S.PENDING, _nothing),
    Situation(_A, _S.COMPLETED, _begun),
    Situation(_A, _S.FATALLY_FAILED, _then(_begun, _put(_S.FATALLY_FAILED)), "refused"),
)

REACTIONS: tuple[tuple[str, ...] | None, ...] = (None, ("size",), ("colour",), ())
DEFINITIONS = tuple(every(REACTIONS, (False, True), (False, True), ("", "soft", "hard")))

WISHES: dict[str, Callable[[Order], Order]] = {
    "nothing": following,
    "amend size": lambda given: following(given, change={"phone": {"size": "M"}}),
    "amend size to L": lambda given: following(given, change={"phone": {"size": "L"}}),
    "amend colour": lambda given: following(given, change={"phone": {"colour": "blue"}}),
    "amend the root": lambda given: following(given, change={"offer": {"colour": "blue"}}),
    "amend the other line": lambda given: following(given, change={"extra": {"size": "M"}}),
    "cancel line": lambda given: following(given, cancel=["phone"]),
    "cancel the other line": lambda given: following(given, drop=["extra"]),
    "cancel order": canceling,
    "add line": lambda given: following(given, add=[line("second", "EXTRA", parent="offer", size="S", colour="red")]),
    "other date": lambda given: following(given, requested_at=NOW + timedelta(days=9)),
}

ABOUT_THE_ITEM = ("amend size", "amend size to L", "amend colour", "cancel line", "cancel order")


def _is_told_apart(
    situation: Situation, wish: str, reacts_to: tuple[str, ...] | None, *, undo: bool, fix: bool
) -> bool:
    """Whether the case differs from another that is looked at: only what has had an effect is ever undone."""
    may_be_undone = situation.how == "doubtful" or situation.state in (_S.RUNNING, _S.COMPLETED)
    if wish not in ABOUT_THE_ITEM:
        return undo and fix and reacts_to in (None, ("size",))
    return may_be_undone or (undo and fix)


def _set(situation: Situation, reacts_to: tuple[str, ...] | None, *, undo: bool, fix: bool, ponr: str) -> MappingSet:
    says: dict[str, Any] = {
        "reacts_to": reacts_to,
        "on_cancel": "undo" if undo else None,
        "on_amend": "fix" if fix else None,
        "ponr": ponr or None,
        "when": 'line.attributes.size == "M"' if situation.is_skipped else 'line.attributes.size != "L"',
        "after": ["gate"],
    }
    if situation.kind is _C:
        says["interface"] = "sys.ask" if situation.is_asked else "sys.put"
        says["completes"] = Completion(on="sys.done") if situation.how in ("accepted", "recallable") else None
    if situation.kind is _M:
        says |= {"outcomes": ("Yes", "No"), "failing_outcomes": ("No",)}
    x: ItemDefinition = defined("x", situation.kind, **says)
    gate, after = manual("gate", reacts_to=[]), manual("next", after=["x"], reacts_to=[])
    return phone_set([gate, x, after], extra=[manual("other", reacts_to=[])])


def _cases(situation: Situation) -> Iterator[tuple[Story, Facts, Order]]:
    for reacts_to, undo, fix, ponr in DEFINITIONS:
        if not any(_is_told_apart(situation, wish, reacts_to, undo=undo, fix=fix) for wish in WISHES):
            continue
        told = Story.of(_set(situation, reacts_to, undo=undo, fix=fix, ponr=ponr), bundle())
        situation.drive(told)
        assert told.state("x") is situation.state
        for wish, make in WISHES.items():
            if not _is_told_apart(situation, wish, reacts_to, undo=undo, fix=fix):
                continue
            size = {"amend size": "M", "amend size to L": "L"}.get(wish, "S")
            facts = Facts(
                kind=situation.kind.value,
                state=situation.state.value,
                how=situation.how,
                wish="amend size" if wish == "amend size to L" else wish,
                condition_then=size == "M" if situation.is_skipped else size != "L",
                reacts_to=reacts_to,
                has_on_cancel=undo,
                has_on_amend=fix,
                ponr=ponr,
            )
            yield told.copy(), facts, make(bundle())


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: f"{each.kind}-{each.state}-{each.how}".strip("-"))
def test_what_a_revision_does_to_an_item_is_what_the_domain_page_says(situation: Situation) -> None:
    for told, facts, given in _cases(situation):
        try:
            _hold_against_the_reference(told, facts, given)
        except AssertionError as error:
            raise AssertionError(f"{facts}: {error}") from error


def _hold_against_the_reference(told: Story, facts: Facts, given: Order) -> None:
    wanted = fate(facts)
    x = told.item("x")
    assessment = told.assess(given)
    change = next((each for each in assessment.items if each.item == x.no), None)
    as_if_done = fate(replace(facts, state="Completed", how="")) if wanted.verdict == "waits" else wanted
    assert (change.effect if change is not None else "") == as_if_done.effect
    points = {each.item for each in assessment.passing if each.level == facts.ponr}
    assert (x.no in points) == (as_if_done.verdict in ("rejected", "asked")), "points of no return"
    assert bool(assessment.blocked_by) == (as_if_done.verdict == "rejected")
    before = dict(told.plan.items)
    told.revised(given)
    _check_verdict(told, facts, wanted, x, before)


def _check_verdict(told: Story, facts: Facts, wanted: Fate, x: Item, before: dict[ItemNo, Item]) -> None:
    version = told.version("o2")
    match wanted.verdict:
        case "waits":
            assert (version.state, told.plan.state) == (VersionState.WAITING, PlanState.FREEZING)
            assert told.plan.items == before
            assert told.plan.message
            told.succeed("x")
            later = replace(facts, state="Completed", how="")
            _check_verdict(told, later, fate(later), told.plan.items[x.no], {})
        case "rejected":
            assert (version.state, told.plan.state) == (VersionState.REJECTED, PlanState.IN_PROGRESS)
            assert "passed its point of no return" in version.reason
            assert not before or _unfrozen(told.plan.items) == _unfrozen(before), "rejected as a whole"
            told.told(Operation.OVERRIDE, by="Eve")
            assert told.version("o2").overridden_by == "Eve"
            _check_items(told, fate(replace(facts, ponr="")), x)
        case "asked":
            assert (version.state, told.plan.state) == (VersionState.APPROVAL, PlanState.FROZEN)
            assert told.plan.message
            assert not before or _unfrozen(told.plan.items) == _unfrozen(before)
            told.told(Operation.APPROVE, by="Eve")
            assert told.version("o2").approved_by == "Eve"
            _check_items(told, fate(replace(facts, penalty_approved=True)), x)
        case _:
            _check_items(told, wanted, x)


def _unfrozen(items: dict[ItemNo, Item]) -> dict[ItemNo, Item]:
    """What may begin does so before the verdict; the matrix is not about that."""
    begun = (ItemState.PENDING, ItemState.FROZEN, ItemState.READY, ItemState.RUNNING)
    return {no: each for no, each in items.items() if each.state not in begun}


def _check_items(told: Story, wanted: Fate, x: Item) -> None:
    plan = told.plan
    assert told.version("o2").state is VersionState.ACCEPTED
    now = plan.items[x.no]
    if wanted.state == "goes on":
        assert now.state not in (_S.AMENDED, _S.CANCELED, _S.DISCARDED, _S.FAILED_DISCARDED)
        if wanted.effect == "kept":
            assert (now.state, now.epoch, now.started_at) == (x.state, x.epoch, x.started_at) or x.started_at is None
    else:
        assert now.state == wanted.state
    assert (now.ends_as or "") == wanted.ends_as
    made = {
        name: [each for each in plan.items.values() if each.undoes == x.no and each.definition == name]
        for name in ("undo", "fix", "recall sys.ask")
    }
    assert bool(made["undo"]) == wanted.on_cancel_runs, "on_cancel"
    assert bool(made["fix"]) == wanted.on_amend_runs, "on_amend"
    assert bool(made["recall sys.ask"]) == wanted.recall_runs, "recall"
    again = [each for each in told.items("x") if each.no > x.no]
    assert bool(again) == wanted.again, "done again"
    after_next = plan.items[told.item("next").no].after
    for each in again:
        assert {undo.no for undo in made["undo"]} <= set(each.after)
        assert told.state("next") is not _S.PENDING or each.no in after_next
    if wanted.ends_as:
        assert all(x.no in each.after for each in (*made["undo"], *made["fix"], *again))
    assert plan.state is (PlanState.IN_PROGRESS if plan.open_items else told.plan_state())
    _check_values(told, wanted, now)


def _check_values(told: Story, wanted: Fate, x: Item) -> None:
    """What is asked from now on is asked with the new values; what is undone, as it was."""
    phone = next((each for each in told.plan.order.lines if each.id.startswith("phone")), None)
    for call in told.asked_calls():
        each = told.plan.items[call.item]
        body: Any = call.request.body if call.request is not None else None
        if each.definition == "undo":
            assert body["size"] == "S"
        elif phone is not None and each.definition in ("fix", "lane"):
            assert body == dict(phone.attributes)
