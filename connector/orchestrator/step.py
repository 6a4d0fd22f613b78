"""One event being applied: the plan, the time, the definitions, and the commands collected so far."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from connector.mappings.expression import Activation, Expression
from connector.mappings.reads import Reads, reads
from connector.mappings.set import EVENT, PLAN, ItemDefinition, MappingSet
from connector.mappings.views import item_view, order_view, source_view, technical_view
from connector.model.commands import Command, Record
from connector.model.ids import ItemNo
from connector.model.json import JsonObject
from connector.model.pauses import NO_PAUSES, Pauses
from connector.model.plan import Item, Plan
from connector.model.states import ItemTrigger, PlanTrigger, next_item_state, next_plan_state
from connector.orchestrator.before import items_before
from connector.orchestrator.instances import attributes_seen


@dataclass(slots=True)
class Step:
    """Everything that the handling of one event may look at and change."""

    plan: Plan
    now: datetime
    mappings: MappingSet
    commands: list[Command] = field(default_factory=list)
    to_look_at: deque[ItemNo] = field(default_factory=deque)
    """Items that may have become possible, in the order in which they were found."""
    pauses: Pauses = NO_PAUSES
    """What people have paused, apart from this order."""

    def definition(self, item: Item) -> ItemDefinition:
        """The definition that the item was made from."""
        return self.mappings.definition(item.definition, item.key)

    def move(self, item: Item, *triggers: ItemTrigger, **changes: Any) -> Item:
        """Take one transition or several at once, with further changes of the item, and keep the plan true.

        Raises:
            IllegalTransition: the item's state doesn't allow it; nothing was changed.
        """
        state = item.state
        for trigger in triggers:
            state = next_item_state(state, trigger)
        moved = item.but(state=state, **changes)
        self.to_look_at += self.plan.put(moved)
        return moved

    def turn(self, trigger: PlanTrigger, message: str = "") -> None:
        """Take a transition of the plan; `message` is what people should know of its new state.

        Raises:
            IllegalTransition: the plan's state doesn't allow it; nothing was changed.
        """
        self.plan.state = next_plan_state(self.plan.state, trigger)
        self.plan.message = message
        self.plan.changed_head = True

    def change(self, item: Item, **changes: Any) -> Item:
        """Change an item without a transition."""
        changed = item.but(**changes)
        self.plan.put(changed)
        return changed

    def give(self, item: Item, outputs: JsonObject) -> None:
        """What an item puts out becomes attributes of its line, unless it belongs to one of several instances.

        Once the item is to be undone, what undoes it learns of them instead; so it does of what an amendment puts out
        that it has overtaken.
        """
        if item.each is not None:
            return
        overtakes: list[Item] = []
        if item.ends_as is not None:
            overtakes = [other for other in self.plan.items.values() if other.undoes == item.no]
        elif item.undoes is not None:
            overtakes = [each for each in self.plan.items.values() if each.undoes == item.undoes and each.no > item.no]
        if item.ends_as is None and not overtakes:
            if item.line is not None:
                self.plan.enrich(item.line, outputs)
            return
        for line in dict.fromkeys(other.line for other in overtakes):
            if line is not None:
                self.plan.enrich(line, outputs)

    def command(self, command: Command) -> None:
        """Ask the shell for something."""
        self.commands.append(command)

    def record(self, what: str, item: Item | None = None, detail: str = "", by: str = "") -> None:
        """Write a line of history."""
        self.command(Record(item=item.no if item else None, what=what, detail=detail, by=by))

    def activation(self, item: Item, *expressions: Expression) -> Activation:
        """What these expressions (PLAN) read, for one item."""
        return PLAN.activation(self._variables(item, expressions, None))

    def matching(self, item: Item, event: JsonObject, expression: Expression) -> Activation:
        """What the expression (EVENT) reads, for one item and an external event's payload."""
        return EVENT.activation(self._variables(item, (expression,), event))

    def _variables(self, item: Item, expressions: Sequence[Expression], event: JsonObject | None) -> dict[str, Any]:
        """Only what is read is made: it costs more than the evaluation."""
        made: dict[str, Any] = {}
        for name, fields in _read_by(tuple(expressions)).items():
            match name:
                case "order":
                    made[name] = self._order()
                case "line":
                    made[name] = self._line(item, fields)
                case "bundle":
                    made[name] = self.plan.bundle_attributes(item.root)
                case "item":
                    made[name] = item_view(self.plan, item, fields)
                case "items":
                    made[name] = items_before(self.plan, item, fields)
                case "now":
                    made[name] = self.now
                case "event":
                    made[name] = event
        return made

    def _order(self) -> JsonObject:
        view = self.plan.memo.get("order")
        if view is None:
            view = self.plan.memo["order"] = order_view(self.plan.order)
        return view

    def _line(self, item: Item, fields: Iterable[str] | None) -> JsonObject:
        if item.line is not None:
            own = self.plan.lines[item.line]
            view = technical_view(own, fields)
            if item.each is None:
                return view
            return {**view, "attributes": attributes_seen(self.plan, item, own.attributes)}
        for line in self.plan.order.lines:
            if line.id in item.sources:
                product = self.mappings.products.get(line.product)
                return source_view(line, product.classes if product else ())
        return {}


@lru_cache(maxsize=10_000)
def _read_by(expressions: tuple[Expression, ...]) -> Reads:
    return reads(expressions)
