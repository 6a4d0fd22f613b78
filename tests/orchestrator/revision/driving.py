"""A plan driven at random, with the fulfillment systems that it talks to, and what has to hold after every event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any

from connector.model.commands import ClearTimers, InvokeCallout, SetTimer
from connector.model.events import Operation, TimerKind
from connector.model.failure import Failure
from connector.model.ids import ItemNo, OrderId
from connector.model.order import Order, OrderLine
from connector.model.plan import Item
from connector.model.revision import VersionState
from connector.model.states import FINAL_ITEM_STATES, ItemState, ItemType, Phase, PlanState
from connector.orchestrator.preview import Prospect, foresee
from tests.orchestrator.revision.agreeing import agrees
from tests.orchestrator.revision.building import (
    LOST,
    LOST_FOR_GOOD,
    NO,
    NOT_YET,
    Story,
    canceling,
    first_id,
    following,
    line,
)
from tests.orchestrator.revision.telco import COLOURS, DEALS, SIZES, Choose
from tests.orchestrator.telling import NOW

Identity = tuple[str, str, str]
Action = Callable[[], None]

KINDS = ("change", "change", "change", "drop", "add", "add", "cancel", "cancel line", "date", "deal", "nothing")
OVER = (PlanState.COMPLETED, PlanState.CANCELED)


def identity(each: Item) -> Identity:
    return each.definition, each.key, each.scope_key


@dataclass
class World:
    """One order and all that happens to it. `effects` is what the systems have in the end."""

    told: Story
    choose: Choose[Any]
    effects: dict[Identity, Any] = field(default_factory=dict)
    requests: dict[tuple[ItemNo, int], Any] = field(default_factory=dict)
    versions: int = 1
    previews: int = 0
    accepted: set[OrderId] = field(default_factory=set)
    timers: set[tuple[ItemNo, TimerKind]] = field(default_factory=set)
    done: set[tuple[ItemNo, int]] = field(default_factory=set)
    """Requests that have had their effect, by their keys."""
    faults: bool = True
    most_versions: int = 6
    may_skip: bool = False
    """People leave items out: then nobody can say what there has to be in the end."""

    def __post_init__(self) -> None:
        self._note_requests()
        self._check({})

    # -- what may happen next -------------------------------------------------------------------------

    def step(self) -> bool:
        """Something happens; gives whether anything could."""
        actions = self._answers()
        if self.faults:
            actions += self._troubles()
        if not actions:
            return False
        self._do(self.choose(actions))
        return True

    def _do(self, action: Action) -> None:
        before = dict(self.told.plan.items)
        action()
        self._note_requests()
        self._check(before)

    def _answers(self) -> list[Action]:
        """What lets the plan go on."""
        plan = self.told.plan
        found: list[Action] = []
        for each in plan.items.values():
            match each.state, each.type:
                case ItemState.RUNNING, ItemType.CALLOUT:
                    found.append(partial(self._succeed, each))
                case ItemState.RUNNING, ItemType.MANUAL:
                    found.append(partial(self.told.told, Operation.COMPLETE, each))
                case ItemState.RUNNING, ItemType.EVENT:
                    found.append(self.told.news)
                case ItemState.RUNNING, ItemType.TIMER:
                    found.append(partial(self._time, each, TimerKind.WAIT))
                case ItemState.FAILED, _ if (each.no, TimerKind.RETRY) in self.timers:
                    found.append(partial(self._time, each, TimerKind.RETRY))
                case ItemState.FATALLY_FAILED, _ if plan.state is PlanState.IN_PROGRESS:
                    found.append(partial(self.told.told, Operation.RETRY, each))
                case ItemState.ON_HOLD, _ if plan.state is PlanState.IN_PROGRESS:
                    found.append(partial(self.told.told, Operation.RESUME, each))
                case _:
                    pass
        if plan.state is PlanState.FROZEN:
            found.append(partial(self.told.told, Operation.APPROVE))
        return found

    def _troubles(self) -> list[Action]:
        plan = self.told.plan
        found: list[Action] = []
        for each in plan.items.values():
            if each.type is ItemType.CALLOUT and each.state is ItemState.RUNNING:
                found += self._troubles_of_a_request(each)
            found += self._people(each)
        if plan.state not in OVER and self.versions < self.most_versions:
            found += [self._revise, self._revise]
        if plan.state is PlanState.FROZEN:
            found.append(partial(self.told.told, Operation.REJECT))
        if plan.blocked is not None and self.choose((False, True)):
            found.append(partial(self.told.told, Operation.OVERRIDE, by="Eve"))
        return found

    def _troubles_of_a_request(self, each: Item) -> list[Action]:
        if not each.accepted:
            accepts = [partial(self.told.accept_item, each)] if self._awaits(each) else []
            return [partial(self._fail, each), *accepts]
        found: list[Action] = [partial(self._by_hand, each)]
        if each.due_at is not None:
            found.append(partial(self._time, each, TimerKind.TIMEOUT))
        if (each.no, each.epoch) not in self.done:
            found.append(partial(self.told.call_back, each, self.choose((NO, NOT_YET))))
        return found

    def _people(self, each: Item) -> list[Action]:
        found: list[Action] = []
        if each.state in (ItemState.FAILED, ItemState.FATALLY_FAILED) and each.type is ItemType.CALLOUT:
            found.append(partial(self._by_hand, each))
        if self.may_skip and not each.is_final and self.choose((False, False, True)):
            found.append(partial(self.told.told, Operation.SKIP, each))
        if each.state in (ItemState.PENDING, ItemState.FAILED) and self.choose((False, False, True)):
            found.append(partial(self.told.told, Operation.HOLD, each))
        return found

    # -- systems ----------------------------------------------------------------------------------------

    def _awaits(self, each: Item) -> bool:
        return self.told.mappings.definition(each.definition, each.key).completes is not None

    def _body(self, each: Item) -> Any:
        return self.requests[each.no, each.epoch]

    def _outputs(self, each: Item) -> dict[str, Any]:
        definition = self.told.mappings.definition(each.definition, each.key)
        interface = self.told.mappings.interface(definition.interface or "")
        asked = {name: value for name, value in self._body(each).items() if name != "number"}
        return {name: f"{name} for {sorted(asked.items())}" for name in interface.outputs}

    def _succeed(self, each: Item) -> None:
        target = self.told.plan.items[each.undoes] if each.undoes is not None else None
        if target is not None and each.key == "recall" and (target.no, target.epoch) in self.done:
            self.told.fail_item(each, NO)  # it is too late
            return
        self._take_effect(each)
        outputs = self._outputs(each)
        if self._awaits(each):
            self.told.call_back(each, **outputs)
        else:
            self.told.succeed_item(each, **outputs)

    def _by_hand(self, each: Item) -> None:
        """A person has seen to it that it is done, or has done it."""
        gave_way = [other for other in self.told.plan.items.values() if other.undoes == each.no and other.is_final]
        if (each.no, each.epoch) not in self.requests or (gave_way and not each.in_doubt):
            return  # it was refused, and is asked, or done by hand, with other values next
        self._take_effect(each)
        self.told.told(Operation.COMPLETE, each, outputs=self._outputs(each))

    def _fail(self, each: Item) -> None:
        is_done = (each.no, each.epoch) in self.done  # who has done it says so when asked again
        failure: Failure = self.choose((LOST, LOST_FOR_GOOD) if is_done else (LOST, LOST_FOR_GOOD, NO, NOT_YET))
        if failure in (LOST, LOST_FOR_GOOD) and self.choose((False, True)):
            self._take_effect(each)
        self.told.fail_item(each, failure)

    def _take_effect(self, each: Item) -> None:
        """The system does it, once for one idempotency key."""
        key = (each.no, each.epoch)
        if key in self.done or self.may_skip:
            return
        self.done.add(key)
        if each.undoes is None:
            assert identity(each) not in self.effects, f"{each.key} was done twice"
            self.effects[identity(each)] = self._body(each)
            return
        target = self.told.plan.items[each.undoes]
        had = self.effects.get(identity(target))
        if each.definition.startswith("recall"):
            return
        if each.definition.startswith("fix"):
            assert had is not None, f"{target.key} was amended before it was done"
            self.effects[identity(target)] = self._body(each)
            return
        in_doubt = target.state in (ItemState.FAILED_DISCARDED, ItemState.DISCARDED)
        assert had is not None or in_doubt, f"{target.key} was undone before it was done"
        if had is not None:
            self._check_as_it_was(each, target, had)
            del self.effects[identity(target)]

    def _check_as_it_was(self, undoing: Item, target: Item, had: Any) -> None:
        amending = [each for each in self.told.plan.items.values() if each.undoes == target.no]
        if not any(each.definition.startswith("fix") and each.state is not ItemState.COMPLETED for each in amending):
            asked = self._body(undoing)
            assert asked == {name: had[name] for name in asked}, f"{target.key} is undone as it was not: {asked}, {had}"

    def _time(self, each: Item, kind: TimerKind) -> None:
        self.told.now = max(self.told.now, each.due_at or self.told.now)
        self.timers.discard((each.no, kind))
        self.told.time_item(each, kind)

    def _note_requests(self) -> None:
        for command in self.told.commands:
            if isinstance(command, SetTimer):
                self.timers.add((command.item, command.kind))
            if isinstance(command, ClearTimers):
                self.timers -= {(command.item, kind) for kind in TimerKind}
        for call in [each for each in self.told.commands if isinstance(each, InvokeCallout)]:
            if call.request is not None:
                key = (call.item, call.epoch)
                assert key not in self.requests, "a key is never used for another request"
                self.requests[key] = call.request.body
        self.told.commands = []

    # -- revisions --------------------------------------------------------------------------------------

    def _revise(self) -> None:
        self.versions += 1
        given = self._next_version(self._base())
        self._preview(given)
        self.told.revised(given)

    def _base(self) -> Order:
        """What the next version supersedes: mostly the newest that was accepted, or waits."""
        plan = self.told.plan
        if plan.revisions and self.choose((True, True, False)):
            return plan.revisions[-1].order
        accepted = [each for each in plan.versions if each.state is VersionState.ACCEPTED]
        return replace(plan.order, id=accepted[-1].order) if accepted else plan.order

    def _next_version(self, base: Order) -> Order:
        kind = self.choose(KINDS)
        named = replace(base, id=OrderId(f"o{self.versions - 1}"))  # new ids for all that it holds
        names = sorted({first_id(each) for each in base.lines} - {"offer"})
        more: dict[str, Any] = {"supersedes": base.id}
        match kind:
            case "cancel":
                return canceling(named, **more)
            case "drop" if names:
                more["drop"] = [self.choose(names)]
            case "cancel line" if names:
                more["cancel"] = [self.choose([*names, "offer"])]
            case "add":
                more["add"] = self._more_lines(names)
            case "date":
                more["requested_at"] = NOW + timedelta(days=self.versions)
            case "deal":
                more["attributes"] = {"deal": self.choose(DEALS)}
            case "change":
                more["change"] = {name: {"size": self.choose(SIZES)} for name in names}
                for name in [name for name in names if name.startswith("phone")]:
                    more["change"][name]["colour"] = self.choose(COLOURS)
                more["by_name"] = self.choose((True, True, False))
            case _:
                pass
        return following(named, **more)

    def _more_lines(self, names: list[str]) -> list[OrderLine]:
        """An extra (the one that there was, by its asset), and another phone."""
        found = []
        if not any(name.startswith("extra") for name in names):
            name = f"extra{self.versions}"
            found.append(line(name, "EXTRA", parent="offer", size=self.choose(SIZES), assetId="X"))
        if not names or self.choose((False, False, True)):
            name = f"phone{self.versions}"
            found.append(line(name, "PHONE", parent="offer", size=self.choose(SIZES), colour="red"))
        return found

    def _preview(self, given: Order) -> None:
        """Look at the revision before it comes, in another world where everything that is being sent succeeds."""
        plan = self.told.plan
        if plan.revisions or plan.state is not PlanState.IN_PROGRESS:
            return
        foreseen = foresee(plan, given, self.told.mappings, self.told.now)
        other = World.__new__(World)
        other.told, other.requests, other.choose = self.told.copy(), dict(self.requests), self.choose
        before = dict(other.told.plan.items)
        lines = dict(other.told.plan.lines)
        other.told.revised(given)
        while other.told.plan.state is PlanState.FREEZING:
            busy = next(
                each
                for each in other.told.plan.items.values()
                if each.phase is Phase.BUSY and each.state is ItemState.RUNNING
            )
            other.told.succeed_item(busy, **other._outputs(busy))
        self.previews += 1
        version = next(each for each in other.told.plan.versions if each.order == given.id)
        self._check_previewed(foreseen, version.state)
        if version.state is VersionState.ACCEPTED:
            agrees(foreseen.assessment, before, lines, other.told.plan)

    @staticmethod
    def _check_previewed(foreseen: Prospect, state: VersionState) -> None:
        verdicts = {
            "accepted": VersionState.ACCEPTED,
            "approval": VersionState.APPROVAL,
            "rejected": VersionState.REJECTED,
        }
        assert state is verdicts[foreseen.verdict]

    # -- what has to hold ---------------------------------------------------------------------------------

    def _check_marks(self, before: dict[ItemNo, Item]) -> None:
        """What is marked hard is not taken back unless a person with the permission has said so."""
        accepted = {each.order: each for each in self.told.plan.versions if each.state is VersionState.ACCEPTED}
        news = [each for each in accepted.values() if each.order not in self.accepted]
        self.accepted |= accepted.keys()
        if any(each.overridden_by for each in news):
            return
        for no, was in before.items():
            definition = self.told.mappings.definition(was.definition, was.key)
            now = self.told.plan.items[no]
            reached = was.state in (ItemState.RUNNING, ItemState.COMPLETED, ItemState.AMENDED) and was.ends_as is None
            if definition.ponr == "hard" and reached and was.undoes is None:
                assert now.ends_as is None
                assert now.state is was.state or now.state not in (ItemState.AMENDED, ItemState.CANCELED)

    def _check(self, before: dict[ItemNo, Item]) -> None:
        plan = self.told.plan
        self._check_marks(before)
        assert not plan.alarmed, "the plan is stuck"
        if plan.state in OVER:
            assert plan.open_items == 0
            return
        if plan.state in (PlanState.FREEZING, PlanState.FROZEN):
            assert plan.message
            assert plan.revisions
        moving = [each for each in plan.items.values() if each.phase not in (Phase.DONE, Phase.IDLE)]
        assert moving or plan.state is PlanState.FROZEN, "nothing will ever happen to this plan again"
        assert all(each.waiting_for for each in moving)
        if plan.state is PlanState.FREEZING:
            assert any(each.phase is Phase.BUSY and each.state is ItemState.RUNNING for each in moving)
        for no, each in plan.items.items():
            was = before.get(no)
            begins = each.state is ItemState.RUNNING and (was is None or was.state is not ItemState.RUNNING)
            if begins and (was is None or was.state not in (ItemState.FAILED, ItemState.FATALLY_FAILED)):
                assert all(plan.items[other].is_final for other in each.after), f"{each.key} began too early"
            if was is not None:
                assert each.epoch >= was.epoch
                gone = FINAL_ITEM_STATES - {ItemState.COMPLETED, ItemState.SKIPPED, ItemState.AMENDED}
                assert was.state not in gone or each.state is was.state, "what is gone stays so"
            if each.state is ItemState.FAILED and plan.state is PlanState.IN_PROGRESS:
                assert each.due_at is not None
                assert (each.no, TimerKind.RETRY) in self.timers, "an attempt has been forgotten"

    # -- the end ------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """From now on everything succeeds."""
        self.faults = False
        for _ in range(600):
            if self.told.plan.state in OVER:
                return
            assert self.step(), "nothing can happen any more"
        raise AssertionError("it never ends")
