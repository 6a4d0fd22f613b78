"""Plans that grow in a test: an order is planned, then values come for its technical lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connector.decomposition import decompose
from connector.mappings.set import MappingSet
from connector.model.commands import Command, ExplainMore, Record
from connector.model.failure import Problem
from connector.model.ids import ItemNo, TechnicalLineNo
from connector.model.json import Json
from connector.model.order import InventoryItem, Order, OrderLine
from connector.model.plan import Item, Plan
from connector.model.states import ItemState, ItemType, PlanState
from connector.model.technical import Decision, TechnicalLine
from connector.orchestrator.late import take_in
from connector.orchestrator.step import Step
from tests.decomposition.builder import NOW, order


@dataclass
class Growing:
    """A plan none of whose items begins by itself."""

    plan: Plan
    mappings: MappingSet
    commands: Sequence[Command] = ()

    @classmethod
    def of(cls, mappings: MappingSet, *lines: OrderLine, inventory: Sequence[InventoryItem] = ()) -> Growing:
        return cls.of_order(mappings, order(*lines), inventory)

    @classmethod
    def of_order(cls, mappings: MappingSet, given: Order, inventory: Sequence[InventoryItem] = ()) -> Growing:
        """A plan of an order that has no problem."""
        made = decompose(given, inventory, mappings, NOW)
        assert not made.problems, made.problems
        plan = Plan(order=made.order, state=PlanState.IN_PROGRESS, set_hash=mappings.hash, created_at=NOW)
        plan.add(made.items, made.lines)
        plan.parked, plan.as_is = made.parked, tuple(inventory)
        plan.saved()
        return cls(plan, mappings)

    def line(self, product: str) -> TechnicalLine:
        """The only line of a product."""
        (found,) = [each for each in self.plan.lines.values() if each.product == product]
        return found

    def item(self, key: str) -> Item:
        """The only item with a key."""
        (found,) = [each for each in self.plan.items.values() if each.key == key]
        return found

    def begins(self, key: str, **outputs: Json) -> None:
        """An item begins, and with outputs it is done."""
        state = ItemState.COMPLETED if outputs else ItemState.RUNNING
        item = self.item(key).but(state=state, started_at=NOW, outputs=outputs)
        self.plan.put(item)
        if item.line is not None:
            self.plan.enrich(item.line, outputs)

    def comes(self, to: str | int, **values: Any) -> tuple[Problem, ...]:
        """These values come for a line, named by its product or number."""
        no = TechnicalLineNo(to) if isinstance(to, int) else self.line(to).no
        step = Step(self.plan, NOW, self.mappings)
        bringer = Item(no=ItemNo(0), definition="", key="", type=ItemType.CALLOUT, scope_key="", line=no)
        problems = take_in(step, bringer, values, "from a test")
        self.commands = step.commands
        return problems

    @property
    def told(self) -> list[Decision]:
        """What was explained when values came last."""
        return [each for command in self.commands if isinstance(command, ExplainMore) for each in command.explanation.decisions]  # fmt: skip

    @property
    def history(self) -> list[str]:
        return [f"{each.what}: {each.detail}" for each in self.commands if isinstance(each, Record)]

    @property
    def parked(self) -> list[str]:
        return [str(each) for each in self.plan.parked]

    def graph(self) -> dict[str, list[str]]:
        """Every item as `key scope_key`, with those that it waits for."""
        names = {no: f"{made.key} {made.scope_key}" for no, made in self.plan.items.items()}
        return {names[no]: [names[before] for before in made.after] for no, made in self.plan.items.items()}

    def numbers(self) -> list[ItemNo]:
        return list(self.plan.items)
