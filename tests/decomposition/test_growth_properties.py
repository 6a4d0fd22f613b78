"""Growing late makes what would have been made had everything been known from the start, up to numbers."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connector.mappings.set import MappingSet, Rule, Scope
from connector.model.ids import TechnicalLineNo
from connector.model.json import Json
from connector.model.order import Action, InventoryItem, Order
from connector.model.plan import Plan
from connector.model.states import ItemType
from tests.decomposition.builder import (
    commercial,
    installed,
    integer,
    item,
    line,
    number,
    order,
    plan,
    rule,
    scenario,
    system,
    technical,
    text,
    the_set,
)
from tests.decomposition.growing import Growing

_LATE = ("tech", "ports", "loss")


def a_set(*access: Rule, **from_start: Any) -> MappingSet:
    """Rules that wait at two levels, in a group, merged over bundles and orders; with `from_start` the values that
    ACCESS gets late are given to it by the rule that leads to it.
    """
    return the_set(
        commercial("PLACE", fulfillment=False),
        commercial("FIBER", speed=integer(), tech=text(), ports=integer()),
        commercial("EXTRA"),
        technical("ACCESS", request="network", speed=integer(), tech=text(compare=False), ports=integer(compare=False)),
        technical("ONT", speed=integer()),
        technical("MODEM"),
        technical("SFP"),
        technical("BILL", scope=Scope.BUNDLE, quantity="sum", fee=number(merge="sum"), most=number(merge="max")),
        technical("PARCEL", scope=Scope.ORDER, request="logistics", weight=number(merge="sum")),
        rule("fiber-access", "FIBER", "ACCESS", speed="line.attributes.speed", **from_start),
        rule("fiber-bill", "FIBER", "BILL", fee="10"),
        rule("extra-parcel", "EXTRA", "PARCEL", weight="1"),
        rule("access-ont", "ACCESS", "ONT", when='line.attributes.tech == "gpon"', xor="box", speed="line.attributes.speed"),
        rule("access-modem", "ACCESS", "MODEM", when="line.attributes.ports > 2", xor="box", priority=200),
        rule("access-none", "ACCESS", "ONT", xor="box", priority=300),
        rule("access-bill", "ACCESS", "BILL", when='line.attributes.tech != "none"', fee="line.attributes.ports", most="line.attributes.ports"),
        rule("ont-parcel", "ONT", "PARCEL", weight="2"),
        rule("modem-parcel", "MODEM", "PARCEL", weight="line.attributes.loss"),
        rule("modem-sfp", "MODEM", "SFP", when="line.attributes.loss > 3"),
        *access,
        system("net", ask=["tech", "ports"], measure=["loss"]),
        plan("access", item("ask", kind=ItemType.CALLOUT, interface="net.ask"), item("activate", after=["ask", "ship@bundle", "charge@order"])),
        plan("box", item("measure", kind=ItemType.CALLOUT, interface="net.measure"), item("ship", after=["measure", "ask@bundle"])),
        plan("bill", item("charge", scope=Scope.BUNDLE, after=["pack@order"])),
        plan("parcel", item("pack"), item("send", scope=Scope.ORDER, after=["pack", "ship@order"])),
        scenario("ACCESS", "access"),
        scenario("ONT", "box"),
        scenario("MODEM", "box"),
        scenario("SFP", "parcel"),
        scenario("BILL", "bill"),
        scenario("PARCEL", "parcel"),
    )  # fmt: skip


LATE = a_set()
FROM_START = a_set(
    **{name: f"line.attributes.?{name}.orValue(null)" for name in ("tech", "ports")},
)

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "tech": st.sampled_from(["gpon", "vdsl", "none"]),
    "ports": st.integers(0, 4),
}


@st.composite
def orders(draw: st.DrawFn) -> Order:
    lines = [line(1, "PLACE")]
    for no in range(2, draw(st.integers(2, 6)) + 1):
        product = draw(st.sampled_from(["FIBER", "FIBER", "EXTRA"]))
        parent = 1 if draw(st.booleans()) else None
        action = draw(st.sampled_from([Action.ADD, Action.ADD, Action.CHANGE]))
        attributes: dict[str, Json] = {"assetId": f"A{no}"}
        if product == "FIBER":
            attributes |= {"speed": draw(st.integers(1, 3))}
            attributes |= {name: draw(values) for name, values in _VALUES.items() if draw(st.integers(0, 3))}
        lines.append(line(no, product, action, parent=parent, attributes=attributes))
    return order(*lines)


_INVENTORY = st.lists(
    st.builds(
        lambda product, no: installed(product, f"A{no}", speed=9),  # never what is ordered: else nothing would be asked
        st.sampled_from(["ACCESS", "ONT"]),
        st.integers(2, 4),
    ),
    max_size=4,
    unique_by=lambda each: each.id,
)


def without_late(given_order: Order) -> Order:
    """The order as it is sold: it says nothing of what items will find out."""
    lines = [
        line(
            int(each.number),
            each.product,
            each.action,
            parent=None if each.parent is None else 1,
            attributes={name: value for name, value in each.attributes.items() if name not in _LATE},
        )
        for each in given_order.lines
    ]
    return order(*lines)


def content(plan_: Plan) -> Any:
    """All of a plan but its numbers, the values that came late, and which bundle a line that was merged over several
    of them counts to: the one that it was in first.
    """
    lines = {no: f"{each.product} {each.scope_key}" for no, each in plan_.lines.items()}
    items = {no: f"{each.definition}/{each.key} {each.scope_key}" for no, each in plan_.items.items()}
    return (
        {
            lines[no]: (
                each.action,
                each.quantity,
                each.sources,
                each.root if each.product != "PARCEL" else "",
                each.request,
                {lines[parent] for parent in each.parents},
                {name: value for name, value in each.attributes.items() if name not in _LATE},
                {name: change for name, change in each.changes.items() if name not in _LATE},
            )
            for no, each in plan_.lines.items()
        },
        {
            items[no]: (
                {items[before] for before in each.after},
                set(each.sources),
                each.root if each.definition != "parcel" else "",
                lines[each.line] if each.line is not None and len(each.sources) == 1 else None,
            )
            for no, each in plan_.items.items()
        },
        {(each.rule, lines[each.line], each.waits_for, each.behind) for each in plan_.parked},
    )


@given(orders(), _INVENTORY, st.data())
@settings(max_examples=100, deadline=None)
def test_growing_late_and_knowing_from_the_start_are_the_same(
    given_order: Order, inventory: list[InventoryItem], data: st.DataObject
) -> None:
    late = Growing.of_order(LATE, without_late(given_order), inventory)
    start = Growing.of_order(FROM_START, given_order, inventory)
    by_asset = {str(each.attributes["assetId"]): each.attributes for each in given_order.lines[1:]}
    arrivals = [
        (each.no, name, by_asset[each.scope_key][name])
        for each in late.plan.lines.values()
        if each.product == "ACCESS"
        for name in _VALUES
        if name in by_asset[each.scope_key]
    ]
    for no, name, value in data.draw(st.permutations(arrivals)):
        problems = late.comes(no, **{name: value})
        # What lines share may have been taken out for one of them before it was known that another keeps it.
        assume(
            not any(each.code == "LATE_CONFLICT" and each.where.endswith(("(BILL)", "(PARCEL)")) for each in problems)
        )
        assert problems == ()

    assert content(late.plan) == content(start.plan)

    for scope_key in data.draw(
        st.permutations(sorted(each.scope_key for each in start.plan.lines.values() if each.product == "MODEM"))
    ):
        loss = data.draw(st.integers(0, 6))
        for growing in (late, start):
            assert growing.comes(_modem(growing.plan, scope_key), loss=loss) == ()
    assert content(late.plan) == content(start.plan)


def _modem(plan_: Plan, scope_key: str) -> TechnicalLineNo:
    return next(no for no, each in plan_.lines.items() if (each.product, each.scope_key) == ("MODEM", scope_key))


@given(orders(), st.data())
@settings(max_examples=60, deadline=None)
def test_what_arrives_together_and_one_after_another_is_the_same(given_order: Order, data: st.DataObject) -> None:
    sold = without_late(given_order)
    one, other = Growing.of_order(LATE, sold), Growing.of_order(LATE, sold)
    numbers = [each.no for each in one.plan.lines.values() if each.product == "ACCESS"]
    for no in data.draw(st.permutations(numbers)):
        values = {name: data.draw(each) for name, each in _VALUES.items()}
        assert one.comes(no, **values) == ()
        for name in data.draw(st.permutations(list(values))):
            assert other.comes(no, **{name: values[name]}) == ()

    assert content(one.plan) == content(other.plan)
    assert one.plan.late == other.plan.late


def test_the_orders_do_grow() -> None:
    """So that the properties above speak of more than orders that stay as they are."""
    grown = []

    @given(orders())
    @settings(max_examples=40, deadline=None, database=None, derandomize=True)
    def count(given_order: Order) -> None:
        late = Growing.of_order(LATE, without_late(given_order))
        before = len(late.plan.lines)
        for each in list(late.plan.lines.values()):
            if each.product == "ACCESS":
                late.comes(each.no, tech="vdsl", ports=3)
        grown.append(len(late.plan.lines) > before)

    count()
    assert sum(grown) > len(grown) // 2
