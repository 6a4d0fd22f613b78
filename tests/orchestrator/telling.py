"""What every story of a plan can be told, and shows, whatever its mapping set."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.mappings.set import MappingSet
from connector.model.commands import AnswerCommand, Command
from connector.model.events import (
    CalloutCompleted,
    CalloutFailed,
    Event,
    Operation,
    OperatorCommanded,
)
from connector.model.failure import Failure
from connector.model.ids import CommandId
from connector.model.json import Json
from connector.model.plan import Item, Plan
from connector.model.states import ItemState
from connector.orchestrator.machine import handle

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Telling:
    """A plan under test: tell it what happens, look at what it does."""

    mappings: MappingSet
    plan: Plan
    now: datetime = NOW
    commands: list[Command] = field(default_factory=list)
    """What the last event led to."""

    def happens(self, event: Event) -> list[Command]:
        self.commands = handle(self.plan, event, self.now, self.mappings)
        return self.commands

    def later(self, delay: timedelta) -> None:
        self.now += delay

    def asked(self, kind: type[Any]) -> list[Any]:
        """The commands of this kind."""
        return [command for command in self.commands if isinstance(command, kind)]

    def answer(self) -> AnswerCommand:
        (found,) = self.asked(AnswerCommand)
        assert isinstance(found, AnswerCommand)
        return found

    def succeed_item(self, each: Item, **outputs: Json) -> None:
        """A system answers that it is done."""
        self.happens(done(each, **outputs))

    def fail_item(self, each: Item, failure: Failure) -> None:
        self.happens(CalloutFailed(item=each.no, epoch=each.epoch, attempt=each.attempts, failure=failure))

    def told(self, operation: Operation, each: Item | None = None, **more: Any) -> None:
        """A person says so."""
        more.setdefault("by", "Ann")
        item = each.no if each is not None else None
        self.happens(OperatorCommanded(command=CommandId("a0C1"), operation=operation, item=item, **more))


@dataclass
class Keyed(Telling):
    """A plan in which each key is that of one item, or the first one is meant."""

    def item(self, key: str) -> Item:
        return next(item for item in self.plan.items.values() if item.key == key)

    def state(self, key: str) -> ItemState:
        return self.item(key).state

    def succeed(self, key: str, **outputs: Json) -> None:
        self.succeed_item(self.item(key), **outputs)

    def fail(self, key: str, failure: Failure) -> None:
        self.fail_item(self.item(key), failure)


def done(each: Item, **outputs: Json) -> CalloutCompleted:
    return CalloutCompleted(item=each.no, epoch=each.epoch, attempt=each.attempts, outputs=outputs)
