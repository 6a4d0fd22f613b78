"""The invariants. Whatever commits, is sent, or is written passes here; at the end the whole is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from connector.model.events import Addressed, CallbackArrived, Event, ExternalEventArrived, TimerKind
from connector.model.ids import ItemNo, OrderId, idempotency_key
from connector.model.pauses import NO_PAUSES, Pauses
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, ItemType, PlanState
from connector.model.work import Work
from connector.store.saving import Change
from tests.simulation.database import OrderRow, Tables
from tests.simulation.loop import RUNNING
from tests.simulation.world import World

_NOT_BEGUN = frozenset({ItemState.PENDING, ItemState.FROZEN, ItemState.SKIPPED, ItemState.ON_HOLD, ItemState.DISCARDED})
_LEFT = frozenset({ItemState.CANCELED, ItemState.DISCARDED, ItemState.FAILED_DISCARDED})
_REVISED = {
    ItemState.COMPLETED: frozenset({ItemState.CANCELED, ItemState.AMENDED}),
    ItemState.AMENDED: frozenset({ItemState.CANCELED}),
    ItemState.SKIPPED: frozenset(ItemState) - _LEFT,
}
"""What a revision may make of an item that is over."""
_NOT_CONTENT = frozenset({"Version__c", "OwnerId", "CreatedById"})


class Checker:
    """Knows what has happened, and says at once when something can't be."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tables: Tables | None = None
        self.notices: set[tuple[str, str]] = set()
        self.accepted: dict[str, Addressed] = {}
        """Messages of systems that were answered with "accepted", by delivery."""
        self.visits: set[tuple[OrderId, str]] = set()
        self.retries: dict[tuple[OrderId, ItemNo], int] = {}
        """How often a person asked for another attempt."""
        self.has: dict[tuple[OrderId, str, str, str], bool] = {}
        """Whether a system has done what an item of this definition, key and scope asks for."""
        self._requests: dict[tuple[OrderId, ItemNo, int], tuple[str, bytes]] = {}
        self._keys: dict[str, tuple[OrderId, ItemNo, int]] = {}
        self._effects: dict[tuple[OrderId, ItemNo], int] = {}
        self._installed: set[str] = set()
        """Inventory items that Salesforce has."""
        self._used: dict[tuple[OrderId, str], ItemNo] = {}
        self._noticed: dict[str, tuple[float, Pauses]] = {}
        """By process: since when it knows of which pauses."""
        self._decided: dict[str, bool] = {}
        """What a system decided about an asynchronous request, by its key: what its call-backs tell."""

    # -- the store --------------------------------------------------------------------------------------------

    def noticed(self, kind: str, record: str) -> None:
        """An event of Salesforce is stored."""
        self.notices.add((kind, record))

    def turn_committed(self, took: Mapping[OrderId, Sequence[Event]], changes: Sequence[Change]) -> None:
        """Events that are taken out of an inbox change the plan, or are remembered by it."""
        changed = {change.plan.id for change in changes}
        for order, events in took.items():
            if events and order not in changed:
                names = ", ".join(type(event).__name__ for event in events)
                self._world.violated("no accepted event is lost", f"{names} of {order} had no effect")
        for change in changes:
            if change.fresh:
                self._is_read_anew(change.plan)
            for event in took.get(change.plan.id, ()):
                if isinstance(event, CallbackArrived):
                    self._has_been_heard(change.plan, event)
            for no in change.plan.changed_items:
                self._is_cared_for(change.plan.id, change.plan.items[no])

    def _has_been_heard(self, plan: Plan, event: CallbackArrived) -> None:
        """What a system told about the last request of an item counts, at once or when the item is resumed."""
        item = plan.items[event.item]
        counts = item.is_final or (item.state is ItemState.ON_HOLD and item.told is not None)
        if event.failure is None and event.epoch == item.request_epoch and not counts:
            name = f"{plan.id}-{item.no} ({item.key})"
            self._world.violated("no accepted event is lost", f"{name} is {item.state} after its call-back")

    def _is_cared_for(self, order: OrderId, item: Item) -> None:
        """Whatever an item waits for has been asked to come."""
        tables, name = self.tables, f"{order}-{item.no} ({item.key})"
        assert tables is not None
        violated = partial(self._world.violated, "whatever is waited for has been asked")
        is_called = item.state is ItemState.RUNNING and item.type is ItemType.CALLOUT and not item.accepted
        is_held = (order, item.no) in tables.held
        if is_called and not is_held and tables.work.get((order, item.no), (None, None))[1] is None:
            violated(f"{name} waits for an answer, and nobody sends its request")
        if item.due_at is not None and not any((order, item.no, kind) in tables.timers for kind in TimerKind):
            violated(f"{name} waits until {item.due_at}, and nothing will wake it")
        is_asked = item.key != "book" or (order, item.no, TimerKind.POLL) in tables.timers
        if item.state is ItemState.RUNNING and item.accepted and not is_asked:
            violated(f"{name} is to be asked about, and nobody will ask")
        told = tables.fallouts.get((order, item.no, item.fallouts))
        is_open = told is not None and told.resolved_at is None
        if is_open is not (item.state is ItemState.FATALLY_FAILED):
            violated(f"{name} is {item.state}, and its fallout is {'open' if is_open else 'not open'}")

    def _followed(self, row: OrderRow) -> OrderId | None:
        return row.document.follows if row.document is not None else None

    def _has_ended(self, order: OrderId) -> bool:
        assert self.tables is not None
        row = self.tables.orders.get(order)
        return row is not None and row.state in (PlanState.COMPLETED, PlanState.CANCELED)

    def _is_read_anew(self, plan: Plan) -> None:
        """An order that follows another is decomposed against what that one has installed."""
        tables, followed = self.tables, plan.order.follows
        if tables is None or followed is None or plan.state is not PlanState.IN_PROGRESS:
            return
        if not self._has_ended(followed):
            self._world.violated("no order overtakes the one that it follows", f"{plan.id} begins before {followed}")
        document, account = tables.orders[followed].document, plan.order.account.id
        if document is None or document.account.id != account:
            return
        for (order, _), line in tables.inventory.items():
            key = f"{account}:{line.product}:{line.scope_key}"
            if order == followed and key not in self._installed:
                self._world.violated("what an order follows is installed", f"{plan.id} begins, {key} is not written")

    def plan_saved(self, row: OrderRow, change: Change) -> None:
        """What a turn saves follows from what was there."""
        plan, violated = change.plan, self._world.violated
        if row.revision != plan.revision:
            violated("no turn overwrites another", f"{plan.id}: revision {row.revision}, planned on {plan.revision}")
        self._has_grown(plan)
        for no in plan.changed_items:
            item, before = plan.items[no], None if change.fresh else row.items.get(no)
            name = f"{plan.id}-{no} ({item.key})"
            self._world.note("item", name, item.state.value, item.epoch, item.attempts)
            if before is not None:
                self._follows(name, before, item)
                self._may_start(name, row, change, before, item)
            self._is_about_itself(plan, item)
            if item.state not in _NOT_BEGUN and (before is None or before.state in _NOT_BEGUN):
                open_before = [other for other in item.after if not plan.items[other].is_final]
                open_before += [other for other in item.after_start if not plan.items[other].has_started]
                if open_before:
                    violated("no dependency is violated", f"{name} is {item.state} before {open_before}")
            if item.type is ItemType.SUBPLAN and item.state is ItemState.COMPLETED:
                open_below = [each.no for each in plan.items.values() if each.parent == no and not each.is_final]
                if open_below:
                    violated("a subplan is over when its items are", f"{name} is Completed before {open_below}")
            visit = item.outputs.get("visit")
            if item.type is ItemType.EVENT and item.state is ItemState.COMPLETED and visit is not None:
                other = self._used.setdefault((plan.id, str(visit)), no)
                if other != no:
                    violated("the same event twice has the effect of once", f"{name} and item {other}: visit {visit}")

    def pauses_noticed(self, process: str, pauses: Pauses) -> None:
        """A process has looked at what is paused."""
        known = self._noticed.get(process)
        if known is None or known[1].all != pauses.all:
            self._noticed[process] = (self._world.loop.time(), pauses)

    def _known_pauses(self, seconds: float) -> Pauses:
        """What the running process has known to be paused for longer than that."""
        since, pauses = self._noticed.get(RUNNING.get().name, (0.0, NO_PAUSES))
        return pauses if self._world.loop.time() > since + seconds else NO_PAUSES

    def sending(self, work: Work) -> None:
        """A worker begins to send a request."""
        pause = self._known_pauses(0.0).of_callout(work.interface)
        if pause is not None:
            self._world.violated("nothing is sent to what is paused", f"{work.idempotency_key}: {pause}")

    def _may_start(self, name: str, row: OrderRow, change: Change, before: Item, item: Item) -> None:
        """An item that begins is not paused."""
        if before.state not in (ItemState.PENDING, ItemState.FAILED, ItemState.FATALLY_FAILED):
            return
        if item.state is not ItemState.RUNNING or item.attempts == before.attempts:
            return
        if row.pause is not None and change.plan.pause is not None:
            self._world.violated("nothing of a paused order starts", f"{name}: {row.pause}")
        pause = self._known_pauses(1.0).of_plan(item.definition)
        if before.state is ItemState.PENDING and pause is not None:
            self._world.violated("nothing of a paused plan starts", f"{name}: {pause}")

    def _has_grown(self, plan: Plan) -> None:
        """The first number that a line was given decides whether it gets a route, as soon as it has it."""
        routes = {line.scope_key for line in plan.lines.values() if line.product == "ROUTE"}
        for line in plan.lines.values():
            if line.product == "NUMBER" and "number" in line.attributes:
                number = str(plan.late.get(line.no, {}).get("number", ""))
                if not number or (line.scope_key in routes) is not number.endswith("1"):
                    known = line.attributes["number"]
                    self._world.violated("a plan grows by what comes", f"{plan.id}-T{line.no}: {number!r}, {known!r}")

    def _is_about_itself(self, plan: Plan, item: Item) -> None:
        """What a call-back did to an item, it told about the item's last request."""
        key = idempotency_key(plan.id, item.no, item.request_epoch)
        told = item.outputs.get("activatedAs", key) == key
        if item.failure is not None and item.failure.code == "NO_ACCESS":
            told = not self._decided[key]
        if not told:
            self._world.violated("a call-back counts for its own attempt", f"{key} is {item.state}")

    def _follows(self, name: str, before: Item, item: Item) -> None:
        violated = self._world.violated
        is_left = before.state in _LEFT or item.state not in _REVISED.get(before.state, frozenset())
        if before.is_final and before.state is not item.state and is_left:
            violated("no item is completed twice", f"{name} was {before.state} and becomes {item.state}")
        again = before.state is ItemState.SKIPPED  # by its condition, which a revision has looked at anew
        if item.is_final and before.is_final and not again and before.finished_at != item.finished_at:
            violated("no item is completed twice", f"{name} was finished and is finished again")
        if item.epoch < before.epoch:
            violated("the same attempt has the same key", f"{name} goes back to epoch {item.epoch}")

    # -- the network --------------------------------------------------------------------------------------------

    def requested(self, work: Work) -> None:
        """A request arrives at a system."""
        attempt, violated = (work.order, work.item, work.epoch), self._world.violated
        key = work.idempotency_key
        content = orjson.dumps([work.request.method, work.request.path, work.request.body])
        self._world.note("request", key, work.attempt)
        first_key, first = self._requests.setdefault(attempt, (key, content))
        if key != first_key:
            violated("the same attempt has the same key", f"{attempt}: {first_key}, then {key}")
        if content != first:
            violated("the same attempt has the same request", f"{key}: {first!r}, then {content!r}")
        if self._keys.setdefault(key, attempt) != attempt:
            violated("another attempt has another key", f"{key}: {self._keys[key]} and {attempt}")
        assert self.tables is not None
        row = self.tables.orders[work.order]
        open_before = [other for other in row.items[work.item].after if not row.items[other].is_final]
        if open_before:
            violated("no dependency is violated", f"the request {key} is sent before {open_before}")
        followed = self._followed(row)
        if followed is not None and not self._has_ended(followed):
            violated("no order overtakes the one that it follows", f"the request {key} is sent before {followed} ended")

    def decided(self, work: Work, *, good: bool) -> None:
        """A system decided about an asynchronous request."""
        self._decided[work.idempotency_key] = good

    def _keep_account(self, work: Work) -> None:
        """What systems have, by what the items are: undoing takes it away."""
        assert self.tables is not None
        items = self.tables.orders[work.order].items
        item = items[work.item]
        about = items[item.undoes] if item.undoes is not None else item
        if item.definition == "change-access":
            return
        self.has[work.order, about.definition, about.key, about.scope_key] = item.undoes is None

    def effected(self, work: Work, *, is_idempotent: bool, lasting: bool) -> None:
        """A system did something for the first time under this key (or without looking at it)."""
        if not lasting:
            return
        self._keep_account(work)
        item = (work.order, work.item)
        self._effects[item] = self._effects.get(item, 0) + 1
        allowed = 1 if is_idempotent else 1 + self.retries.get(item, 0)
        if self._effects[item] > allowed:
            violated = "no effect happens twice" if is_idempotent else "nothing is sent again blindly"
            self._world.violated(violated, f"{work.order}-{work.item}, now with {work.idempotency_key}")

    def accepted_message(self, message: Addressed) -> None:
        """The connector said that it has taken a message."""
        self._world.note("accepted", message.order, type(message.event).__name__)
        if isinstance(message.event, CallbackArrived) and message.event.failure is None:
            self.accepted[f"{message.order}-{message.event.item}"] = message
        elif isinstance(message.event, ExternalEventArrived):
            self.visits.add((message.order, str(message.event.payload["visit"])))

    def unheard_of(self, order: OrderId, plan: Plan) -> set[str]:
        """Visits of an order that were accepted, and that neither completed an item nor are kept for one.

        One that was accepted a moment ago may still be in the inbox.
        """
        assert self.tables is not None
        events = [event for owner, event in self.tables.inbox.values() if owner == order]
        kept = {str(event.payload["visit"]) for event in events if isinstance(event, ExternalEventArrived)}
        kept |= {str(event.payload["visit"]) for event in plan.unclaimed}
        told = {visit for owner, visit in self.visits if owner == order}
        return {visit for visit in told - kept if (order, visit) not in self._used}

    # -- Salesforce ---------------------------------------------------------------------------------------------

    def written(self, name: str, key: str, before: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """A record is written."""
        self._world.note("written", name, key, fields.get("Version__c", ""))
        if name == "Inventory_Item__c":
            self._installed.add(key)
        if name == "Fulfillment_Command__c" and before["Status__c"] not in ("New", fields["Status__c"]):
            self._world.violated("no record goes back", f"command {key}: {before['Status__c']}, {fields['Status__c']}")
        seen, then = fields.get("Version__c"), before.get("Version__c")
        if seen is not None and then is not None and seen < then:
            differs = [n for n, v in fields.items() if n not in _NOT_CONTENT and before.get(n) != v]
            if differs:
                detail = ", ".join(f"{n}: {before.get(n)} -> {fields[n]}" for n in differs)
                self._world.violated("no record goes back", f"{name} {key}: {detail} (state {seen} after {then})")
