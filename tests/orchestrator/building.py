"""Small plans and sets, written as a test would tell them."""

from __future__ import annotations

from typing import Any

from connector.mappings.policies import Queue
from connector.mappings.set import (
    EVENT,
    PLAN,
    RESPONSE,
    Completion,
    ItemDefinition,
    MappingSet,
    PlanDefinition,
    RequestDefinition,
    System,
)
from connector.mappings.set import Interface as InterfaceDefinition
from connector.model.commands import InvokeCallout, SetTimer
from connector.model.ids import ItemNo, LineId, OrderId, TechnicalLineNo
from connector.model.order import Account, Action, Order, OrderLine
from connector.model.plan import Item, Plan
from connector.model.states import ItemType, PlanState
from connector.model.technical import TechnicalLine
from connector.orchestrator.advance import settle
from connector.orchestrator.step import Step
from tests.orchestrator.telling import NOW, Keyed

ORDER = OrderId("801000000000001AAA")
LINE = LineId("802000000000001AAA")
START_OF = "start of "


def callout(key: str, interface: str = "sys.put", **more: Any) -> ItemDefinition:
    return definition(key, ItemType.CALLOUT, interface=interface, **more)


def awaited(key: str, on: str = "sys.done", match: str | None = None, **more: Any) -> ItemDefinition:
    within = more.pop("within", None)
    completion = Completion(on=on, match=EVENT.compile(match) if match else None, within=within)
    kind = more.pop("kind", ItemType.CALLOUT)
    if kind is ItemType.CALLOUT:
        more.setdefault("interface", "sys.put")
    return definition(key, kind, completes=completion, **more)


def manual(key: str, **more: Any) -> ItemDefinition:
    return definition(key, ItemType.MANUAL, queue="desk", **more)


def definition(key: str, kind: ItemType, when: str | None = None, **more: Any) -> ItemDefinition:
    more.setdefault("name", key)
    return ItemDefinition(key=key, plan="plan", type=kind, when=PLAN.compile(when) if when else None, **more)


def interface(name: str, *, method: str = "POST", idempotent: bool = True, path: str = '"/do"') -> InterfaceDefinition:
    return InterfaceDefinition(
        name=name,
        system="sys",
        request=RequestDefinition(method=method, path=PLAN.compile(path)),  # type: ignore[arg-type]
        ok=RESPONSE.compile("status == 200"),
        idempotency_header="Idempotency-Key" if idempotent else None,
    )


def mapping_set(items: list[ItemDefinition], *interfaces: InterfaceDefinition, **more: Any) -> MappingSet:
    offered = interfaces or (interface("put"),)
    return MappingSet(
        name="test",
        version="1",
        hash="cafe",
        plans={"plan": PlanDefinition(name="plan", items={item.key: item for item in items})},
        systems={
            "sys": System(name="sys", base_url="SYS_URL", interfaces={one.name: one for one in offered}),
        },
        queues={"desk": Queue(name="desk", developer_name="Desk", label="The desk")},
        fallout_queue="Fallout",
        **more,
    )


def order() -> Order:
    line = OrderLine(id=LINE, number="1", product="P", action=Action.ADD)
    return Order(id=ORDER, number="00000100", account=Account(id="001000000000001AAA"), lines=(line,))


class Story(Keyed):
    """A plan of items that are given by hand."""

    @classmethod
    def of(cls, *items: tuple[ItemDefinition, tuple[str, ...]], mappings: MappingSet | None = None) -> Story:
        """A plan of these items, each with the keys that it comes after (`start of KEY`: after its start), begun."""
        definitions = [item for item, _ in items]
        numbers = {item.key: ItemNo(no) for no, item in enumerate(definitions, 1)}
        line = TechnicalLine(
            no=TechnicalLineNo(1), product="T", action=Action.ADD, scope_key="k", sources=(LINE,), root=LINE
        )
        plan = Plan(order=order(), state=PlanState.IN_PROGRESS, set_hash="cafe", created_at=NOW)
        plan.add(
            [
                Item(
                    no=numbers[item.key],
                    definition="plan",
                    key=item.key,
                    type=item.type,
                    scope_key="k",
                    name=item.name,
                    line=line.no,
                    sources=(LINE,),
                    root=LINE,
                    after=tuple(numbers[key] for key in after if not key.startswith(START_OF)),
                    after_start=tuple(numbers[key.removeprefix(START_OF)] for key in after if key.startswith(START_OF)),
                )
                for item, after in items
            ],
            [line],
        )
        story = cls(mappings or mapping_set(definitions), plan)
        step = Step(plan, NOW, story.mappings)
        step.to_look_at.extend(plan.items)
        settle(step)
        story.commands = step.commands
        return story

    def calls(self) -> list[tuple[str, int, int]]:
        """The callouts: key, epoch, attempt."""
        return [(self.plan.items[c.item].key, c.epoch, c.attempt) for c in self.asked(InvokeCallout)]

    def timers(self) -> list[SetTimer]:
        return self.asked(SetTimer)
