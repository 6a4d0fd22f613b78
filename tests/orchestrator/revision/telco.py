"""Random mapping sets and orders, and the systems behind them: which effects there are in the world in the end.

Every choice is made by a function that is handed in: hypothesis draws it, or a random generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any, TypeAlias, TypeVar

from connector.mappings.expression import Expression
from connector.mappings.set import (
    PLAN,
    RESPONSE,
    Completion,
    Interface,
    ItemDefinition,
    MappingSet,
    Product,
    RequestDefinition,
)
from connector.model.order import Order
from connector.model.states import ItemType
from tests.orchestrator.revision.building import item, line, mapping_set, order, product, rule

T = TypeVar("T")
Choose: TypeAlias = Callable[[Sequence[T]], T]

SIZES, COLOURS, DEALS = ("S", "M", "L"), ("red", "blue"), ("A", "B")


@cache
def body(reads: tuple[str, ...]) -> Expression:
    """A request that says what it reads; what is not there is null."""
    parts = []
    for name in reads:
        owner, _, attribute = name.rpartition(".")
        if owner == "order":
            source = f"order.attributes.?{attribute}"
        else:
            source = f'bundle[?"{owner}"].?{attribute}' if owner else f"line.attributes.?{attribute}"
        parts.append(f'"{name}": {source}.orValue(null)')
    return PLAN.compile("{" + ", ".join(parts) + "}")


@dataclass
class SetMaker:
    """Makes a set with a lane for T and one for E. Items say what undoes them, and react to all that they read."""

    choose: Choose[Any]
    all_undone: bool = True
    plans: dict[str, list[ItemDefinition]] = field(default_factory=dict)
    interfaces: list[Interface] = field(default_factory=list)
    gives: bool = False

    def make(self) -> MappingSet:
        choose = self.choose
        lane = self._lane("t", ("size", "colour"), ())
        others = tuple(f"{each}@bundle" for each in lane)
        self._lane("e", ("size", *(("T.number",) if self.gives else ())), others)
        if choose((False, True)):
            before = [*others, *(f"{each.key}@order" for each in self.plans["e"])]
            self.plans["t"].append(item("end", ItemType.MILESTONE, after=before, scope="order"))
        products: Sequence[Product] = (
            product("OFFER", ("size", "colour"), kind="commercial", fulfillment=False),
            product("PHONE", ("size", "colour"), kind="commercial"),
            product("EXTRA", ("size", "colour"), kind="commercial"),
            product("T", ("size", "colour")),
            product("E", ("size",)),
        )
        rules = (rule("PHONE", "T", ("size", "colour")), rule("EXTRA", "E", ("size",)))
        scenarios = [("T", "t"), ("E", "e")]
        return mapping_set(self.plans, products=products, rules=rules, scenarios=scenarios, interfaces=self.interfaces)

    def _lane(self, name: str, attributes: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
        choose = self.choose
        keys: list[str] = []
        self.plans[name] = []
        for number in range(choose((1, 2, 3))):
            key = f"{name}{number}"
            known = (*attributes, *(("number",) if self.gives and name == "t" else ()), "order.deal")
            reads = tuple(each for each in known if choose((True, True, False)))
            is_open = choose((False, False, True))
            if is_open:  # it reacts to all of its line
                reads = tuple(each for each in known if "." not in each)
            after = [each for each in keys if choose((False, True))]
            after += [each for each in others if choose((False, False, True))]
            if "number" in reads or "T.number" in reads:
                after += others or ("t0",)
            says: dict[str, Any] = {"after": list(dict.fromkeys(after)), "reacts_to": None if is_open else reads}
            says["ponr"] = choose((None, None, None, "soft", "hard"))
            if "size" in reads and choose((False, False, True)):
                says["when"] = 'line.attributes.?size.orValue("") != "L"'
            kind = choose(
                ("callout", "callout", "async", "recallable", "manual", "event", "timer", "milestone", "auto")
            )
            if kind in ("callout", "async", "recallable"):
                gives = name == "t" and number == 0 and choose((False, True))
                self.gives = self.gives or gives
                self._call(key, kind, reads, says, gives=gives)
                self.plans[name].append(item(key, **says))
            else:
                self.plans[name].append(item(key, ItemType(kind), **says))
            keys.append(key)
        return keys

    def _call(self, key: str, kind: str, reads: tuple[str, ...], says: dict[str, Any], *, gives: bool) -> None:
        outputs = {"number": RESPONSE.compile("body.value")} if gives else {}
        recall = f"stop-{key}" if kind == "recallable" else None
        own = tuple(each for each in reads if "." not in each)
        self.interfaces += [
            _interface(f"put-{key}", reads, outputs, recall=recall),
            _interface(f"undo-{key}", own, {}),
            _interface(f"fix-{key}", reads, outputs),
            _interface(f"stop-{key}", (), {}),
        ]
        self.plans[f"undo-{key}"] = [item(f"undo-{key}", interface=f"sys.undo-{key}")]
        self.plans[f"fix-{key}"] = [item(f"fix-{key}", interface=f"sys.fix-{key}")]
        says["interface"] = f"sys.put-{key}"
        if self.all_undone or self.choose((True, False)):
            says["on_cancel"] = f"undo-{key}"
        if self.choose((False, True)):
            says["on_amend"] = f"fix-{key}"
        if kind != "callout":
            says["completes"] = Completion(on="sys.done", within=self.choose((None, timedelta(hours=1))))


def random_set(choose: Choose[Any], *, all_undone: bool = True) -> MappingSet:
    """A set, of which every choice is made by `choose`."""
    return SetMaker(choose, all_undone=all_undone).make()


def _interface(
    name: str, reads: tuple[str, ...], outputs: dict[str, Expression], recall: str | None = None
) -> Interface:
    request = RequestDefinition(method="POST", path=_PATH, body=body(reads))
    return Interface(
        name=name,
        system="sys",
        request=request,
        ok=_OK,
        outputs=outputs,
        idempotency_header="Idempotency-Key",
        recall=recall,
    )


_PATH = PLAN.compile('"/do"')
_OK = RESPONSE.compile("status == 200")


def random_order(choose: Choose[Any]) -> Order:
    """A bundle of a phone, mostly with an extra."""
    lines = [
        line("offer", "OFFER"),
        line("phone", "PHONE", parent="offer", size=choose(SIZES), colour=choose(COLOURS)),
    ]
    if choose((True, True, False)):
        lines.append(line("extra", "EXTRA", parent="offer", size=choose(SIZES), assetId="X"))
    return order(*lines, attributes={"deal": choose(DEALS)})
