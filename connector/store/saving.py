"""What a turn saves, as rows: one pass over the changed plans and the commands of all of its orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.model.commands import (
    AnswerCommand,
    Assetize,
    ClearTimers,
    Command,
    DropCallout,
    Explain,
    ExplainMore,
    InvokeCallout,
    PollCallout,
    RaiseFallout,
    ReadOrderAgain,
    Record,
    ResolveFallout,
    SetTimer,
    TellOrder,
)
from connector.model.events import Addressed, TimerKind
from connector.model.ids import ItemNo, OrderId, TechnicalLineNo
from connector.model.mark import Marks
from connector.model.plan import Plan
from connector.model.technical import Explanation
from connector.model.work import Work
from connector.store import codec
from connector.store.rows import (
    AnswerRow,
    ExplanationRow,
    FalloutRow,
    HistoryRow,
    ItemRow,
    KeyRow,
    LineRow,
    MarkRow,
    NewItemRow,
    OrderRow,
    ResendRow,
    ResolutionRow,
    SpecRow,
    TimerRow,
    WorkRow,
)

ItemKey = tuple[OrderId, ItemNo]
Episode = tuple[OrderId, ItemNo, int]


@dataclass(slots=True, kw_only=True)
class Change:
    """What a turn did to one order. `fresh`: the plan was made in this turn, whatever was there before."""

    plan: Plan
    status: str
    commands: list[Command] = field(default_factory=list)
    marks: Marks = field(default_factory=dict)
    explanation: Explanation | None = None
    fresh: bool = False


class Rows:
    """The rows of one turn. What is commanded twice for an item has its last word, as if one turn had followed the
    other; hence no row is in two lists whose statements would touch the same one.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.made_again: list[OrderId] = []
        """Orders of which what an earlier reading left has to go."""
        self.orders: list[OrderRow] = []
        self.lines: list[LineRow] = []
        self.new_items: list[NewItemRow] = []
        self.items: list[ItemRow] = []
        self.respecified: list[SpecRow] = []
        self.history: list[HistoryRow] = []
        self.marks: list[MarkRow] = []
        self.read_again: list[OrderId] = []
        self.read_after: list[tuple[OrderId, str]] = []
        """Orders of these that are not read before a lane is written."""
        self.told: list[Addressed] = []
        """What other orders are told."""
        self._explanations: dict[OrderId, ExplanationRow] = {}
        self.polls: list[Work] = []
        """Questions to be asked; they have no rows."""
        self._added_explanations: dict[OrderId, list[Explanation]] = {}
        self._changed_callouts: list[ItemKey] = []
        self._work: dict[ItemKey, Work] = {}
        self._resent: dict[ItemKey, ResendRow] = {}
        self._dropped: dict[ItemKey, KeyRow] = {}
        self._cleared: dict[ItemKey, KeyRow] = {}
        self._timers: dict[ItemKey, dict[TimerKind, TimerRow]] = {}
        self._raised: dict[Episode, FalloutRow] = {}
        self._resolved: dict[Episode, ResolutionRow] = {}
        self._answers: dict[tuple[OrderId, str], AnswerRow] = {}
        self._inventory: dict[tuple[OrderId, TechnicalLineNo], LineRow] = {}

    @property
    def explanations(self) -> list[ExplanationRow]:
        """How orders are decomposed: what a revision in the same turn says counts more."""
        return list(self._explanations.values())

    @property
    def added_explanations(self) -> list[ExplanationRow]:
        """What was decided after orders were decomposed first, in one part for each of them."""
        return [
            ExplanationRow(
                order,
                Explanation(
                    set_hash=parts[0].set_hash, decisions=tuple(each for part in parts for each in part.decisions)
                ),
            )
            for order, parts in self._added_explanations.items()
        ]

    @property
    def work(self) -> list[Work]:
        """New requests."""
        return list(self._work.values())

    @property
    def new_work(self) -> list[WorkRow]:
        """New requests, as rows."""
        return [
            WorkRow(
                work.order,
                work.item,
                work.epoch,
                work.attempt,
                work.interface,
                work.set_hash,
                work.priority,
                work.awaits_event,
                work.request,
            )
            for work in self._work.values()
        ]

    @property
    def dropped_work(self) -> list[KeyRow]:
        """Requests that need no sending any more, unless a new one takes their place."""
        return [row for key, row in self._dropped.items() if key not in self._work]

    @property
    def resent_work(self) -> list[ResendRow]:
        """Stored requests to be sent once more."""
        return list(self._resent.values())

    @property
    def rested_work(self) -> list[KeyRow]:
        """Callouts that changed and are neither sent now nor done with: accepted, failed, held."""
        commanded = {*self._dropped, *self._work, *self._resent}
        return [KeyRow(*key) for key in self._changed_callouts if key not in commanded]

    @property
    def cleared_timers(self) -> list[KeyRow]:
        """Items of which no timer stays but those that are set now."""
        return list(self._cleared.values())

    @property
    def timers(self) -> list[TimerRow]:
        """Times to be woken at."""
        return [row for kinds in self._timers.values() for row in kinds.values()]

    @property
    def raised(self) -> list[FalloutRow]:
        """Episodes of fallout that begin, or begin anew."""
        return list(self._raised.values())

    @property
    def resolved(self) -> list[ResolutionRow]:
        """Episodes that began before, and end."""
        return list(self._resolved.values())

    @property
    def answers(self) -> list[AnswerRow]:
        """Answers to commands."""
        return list(self._answers.values())

    @property
    def inventory(self) -> list[LineRow]:
        """Lines that are now installed, or no longer."""
        return list(self._inventory.values())

    def add(self, change: Change) -> None:
        """The rows of one more order."""
        plan = change.plan
        order = plan.id
        for command in change.commands:
            _ADD[type(command)](self, plan, command)
        self.orders.append(_order_row(change, self._now))
        if change.fresh and plan.revision:
            self.made_again.append(order)
        if change.explanation is not None:
            self._explanations.setdefault(order, ExplanationRow(order, change.explanation))
        if plan.changed_lines:
            self.lines += [LineRow(order, no, plan.lines[no]) for no in sorted(plan.changed_lines)]
        for lane, records in change.marks.items():
            kinds, keys = zip(*records, strict=True)
            self.marks.append(MarkRow(lane, order, plan.priority, kinds, keys))
        items = plan.items
        for no, before in plan.changed_items.items():
            item = items[no]
            progress = codec.item_progress(item)
            if before is None:
                self.new_items.append(NewItemRow(order, no, item.state, progress, codec.item_spec(item)))
            else:
                self.items.append(ItemRow(order, no, item.state, progress))
                if no in plan.respecified:
                    self.respecified.append(SpecRow(order, no, codec.item_spec(item)))
            if item.request_epoch:
                self._changed_callouts.append((order, no))

    def _record(self, plan: Plan, command: Record) -> None:
        self.history.append(HistoryRow(plan.id, command.item, command.what, command.detail, command.by))

    def _explain_more(self, plan: Plan, command: ExplainMore) -> None:
        self._added_explanations.setdefault(plan.id, []).append(command.explanation)

    def _drop(self, plan: Plan, command: DropCallout) -> None:
        key = (plan.id, command.item)
        self._dropped[key] = KeyRow(plan.id, command.item)
        self._work.pop(key, None)
        self._resent.pop(key, None)

    def _invoke(self, plan: Plan, command: InvokeCallout) -> None:
        key = (plan.id, command.item)
        if command.request is None:
            if key not in self._dropped:
                self._resent[key] = ResendRow(plan.id, command.item, command.attempt)
            return
        self._work[key] = Work(
            order=plan.id,
            item=command.item,
            epoch=command.epoch,
            attempt=command.attempt,
            interface=command.interface,
            set_hash=plan.set_hash,
            request=command.request,
            awaits_event=command.awaits_event,
            priority=plan.priority,
        )

    def _poll(self, plan: Plan, command: PollCallout) -> None:
        self.polls.append(
            Work(
                order=plan.id,
                item=command.item,
                epoch=command.epoch,
                attempt=command.poll,
                interface=command.interface,
                set_hash=plan.set_hash,
                request=command.request,
                priority=plan.priority,
                poll=(command.definition, command.key),
            )
        )

    def _clear_timers(self, plan: Plan, command: ClearTimers) -> None:
        key = (plan.id, command.item)
        self._cleared[key] = KeyRow(plan.id, command.item)
        self._timers.pop(key, None)

    def _set_timer(self, plan: Plan, command: SetTimer) -> None:
        row = TimerRow(plan.id, command.item, command.kind, command.epoch, command.due)
        self._timers.setdefault((plan.id, command.item), {})[command.kind] = row

    def _raise(self, plan: Plan, command: RaiseFallout) -> None:
        episode = (plan.id, command.item, command.episode)
        self._resolved.pop(episode, None)
        self._raised[episode] = FalloutRow(
            plan.id,
            command.item,
            command.episode,
            command.failure,
            command.queue,
            command.severity,
            command.suggestions,
            command.attempts,
        )

    def _resolve(self, plan: Plan, command: ResolveFallout) -> None:
        episode = (plan.id, command.item, command.episode)
        if (raised := self._raised.get(episode)) is not None:
            raised.how, raised.by_whom = command.how, command.by
        else:
            self._resolved[episode] = ResolutionRow(*episode, command.how, command.by)

    def _answer(self, plan: Plan, command: AnswerCommand) -> None:
        row = AnswerRow(plan.id, command.command, command.answer, command.message, command.result)
        self._answers[plan.id, command.command] = row

    def _assetize(self, plan: Plan, command: Assetize) -> None:
        for no in command.lines:
            self._inventory[plan.id, no] = LineRow(plan.id, no, plan.lines[no])

    def _explain(self, plan: Plan, command: Explain) -> None:
        self._explanations[plan.id] = ExplanationRow(plan.id, command.explanation)

    def _tell(self, _plan: Plan, command: TellOrder) -> None:
        self.told.append(Addressed(order=command.order, event=command.event))

    def _read_again(self, plan: Plan, command: ReadOrderAgain) -> None:
        newest = plan.order.id
        self.read_again.append(newest)
        if command.after:
            self.read_after.append((newest, command.after))


_ADD: Mapping[type[Command], Callable[[Rows, Plan, Any], None]] = {
    Record: Rows._record,  # noqa: SLF001 - a table of this class's own methods
    ExplainMore: Rows._explain_more,  # noqa: SLF001
    DropCallout: Rows._drop,  # noqa: SLF001
    InvokeCallout: Rows._invoke,  # noqa: SLF001
    PollCallout: Rows._poll,  # noqa: SLF001
    ClearTimers: Rows._clear_timers,  # noqa: SLF001
    SetTimer: Rows._set_timer,  # noqa: SLF001
    RaiseFallout: Rows._raise,  # noqa: SLF001
    ResolveFallout: Rows._resolve,  # noqa: SLF001
    AnswerCommand: Rows._answer,  # noqa: SLF001
    Assetize: Rows._assetize,  # noqa: SLF001
    ReadOrderAgain: Rows._read_again,  # noqa: SLF001
    Explain: Rows._explain,  # noqa: SLF001
    TellOrder: Rows._tell,  # noqa: SLF001
}


def _order_row(change: Change, now: datetime) -> OrderRow:
    plan = change.plan
    row = OrderRow(
        order_id=plan.id,
        state=plan.state,
        status=change.status,
        items_total=len(plan.items),
        items_done=len(plan.items) - plan.open_items,
        head=codec.head_of(plan),
        message=plan.message,
        finished_at=plan.finished_at,
    )
    if plan.pause is not None and plan.finished_at is None:
        row.paused_at = plan.pause.since
    if plan.forecast is not None and plan.forecast.lane is not None:
        row.priority = plan.priority
    if change.fresh or plan.changed_order:
        row.priority = plan.priority
        row.set_hash = plan.set_hash
        row.document = plan.order
    if change.fresh:
        row.number = plan.order.number
        row.account_id = plan.order.account.id
        row.as_is = plan.as_is or None
        row.created_at = plan.created_at or now
    return row
