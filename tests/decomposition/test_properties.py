"""What holds for every order, however odd."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.decomposition import Decomposition, decompose
from connector.mappings.set import MappingSet, Scope
from connector.model.json import Json
from connector.model.order import Action, InventoryItem, Order, OrderLine
from tests.decomposition.builder import (
    NOW,
    attribute,
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
    technical,
    text,
    the_set,
    value,
)

THOROUGH = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SIZES = ("S", "M", "L")


def a_set() -> MappingSet:
    """Every scope, two levels, XOR, lists, defaults, conditions that fail, and plans that meet."""
    return the_set(
        commercial("BUNDLE", fulfillment=False),
        commercial("PLAN", "Mobile", tier=text(values=SIZES, default="S"), speed=integer(), note=attribute()),
        commercial("HANDSET", model=text(required=True), speed=number()),
        commercial("LOOSE"),
        commercial("ORPHAN"),
        technical("SVC", "Thing", request="network", limit=integer(required=True), note=attribute()),
        technical("ACCESS", request="network", limit=integer()),
        technical("SIM", request="logistics"),
        technical("ESIM"),
        technical("BILL", scope=Scope.BUNDLE, quantity="sum", fee=number(merge="sum"), names=attribute(merge="list")),
        technical("PARCEL", scope=Scope.ORDER, request="logistics", top=attribute(merge="max")),
        technical("CUSTOMER", scope=Scope.ACCOUNT, tier=text(merge="error")),
        technical("KEYED", scope_key="line.attributes.key"),
        rule("plan-svc", "PLAN", "SVC", limit=value("line.attributes.tier", list="limits"), note="line.attributes.?note.orValue(null)"),
        rule("svc-access", "SVC", "ACCESS", limit="line.attributes.limit"),
        rule("svc-customer", "SVC", "CUSTOMER", when="line.attributes.limit > 15", tier="'big'"),
        rule("plan-sim", "PLAN", "SIM", when="line.attributes.speed > 10", xor="sim"),
        rule("plan-esim", "PLAN", "ESIM", when="line.attributes.speed > 5", xor="sim", priority=200),
        rule("plan-bill", "PLAN", "BILL", fee="1", names="line.product"),
        rule("handset-bill", "HANDSET", "BILL", fee=value("line.attributes.speed", default=2), names="line.attributes.model"),
        rule("handset-parcel", "HANDSET", "PARCEL", top="line.attributes.speed"),
        rule("loose-keyed", "LOOSE", "KEYED", when="has(line.attributes.key)"),
        rule("loose-parcel", "LOOSE", "PARCEL", when='line.attributes.key in ["a", 1, true, [], {}]', top=value("line.attributes.deep.er", default=0)),
        plan("do", item("start"), item("all", scope=Scope.BUNDLE, after=["start", "ship@order"]), item("end", after=["all", "start@line", "start of pack@bundle"])),
        plan("send", item("pack"), item("ship", after=["pack"])),
        plan("bill", item("bill", scope=Scope.ORDER, after=["do/end@order", "ship@bundle", "nothing@account"])),
        *(scenario(code, "do") for code in ("class:Thing", "ACCESS")),
        *(scenario(code, "send") for code in ("SIM", "ESIM", "PARCEL", "CUSTOMER", "KEYED")),
        scenario("BILL", "bill"),
        scenario("ORPHAN", "send", when="line.attributes.lucky"),
        lists={"limits": {"S": 5, "M": 10, "L": 20}},
    )  # fmt: skip


SET = a_set()

_JSON: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=5),
        st.sampled_from(["S", "XXL", "", "\x00", "\ud800", 2**63, -(2**63) - 1]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(st.characters(), max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
_NAMES = st.sampled_from(["tier", "speed", "note", "model", "key", "deep", "lucky", "assetId", "else"])
_SANE: dict[str, st.SearchStrategy[Any]] = {
    "tier": st.sampled_from(SIZES),
    "speed": st.integers(0, 20),
    "model": st.sampled_from(["Aria", "Pebble"]),
    "key": st.sampled_from(["a", "b", 1]),
    "lucky": st.booleans(),
    "assetId": st.sampled_from(["A", "B", "C"]),
}
_OF_PRODUCT = {
    "PLAN": ("tier", "speed", "assetId"),
    "HANDSET": ("model", "speed", "assetId"),
    "LOOSE": ("key", "assetId"),
    "ORPHAN": ("lucky",),
    "BUNDLE": ("assetId",),
}


@st.composite
def wild_lines(draw: st.DrawFn) -> OrderLine:
    return replace(
        line(
            draw(st.integers(1, 6)),
            draw(st.sampled_from([*_OF_PRODUCT, "SVC", "NOPE", ""])),
            draw(st.sampled_from(Action)),
            parent=draw(st.none() | st.integers(1, 7)),
            attributes=draw(st.dictionaries(_NAMES | st.text(max_size=3), _JSON, max_size=4)),
        ),
        quantity=draw(st.just(1) | st.integers(-2, 3) | st.floats()),
        number=draw(st.sampled_from(["1", "2", ""])),
        sub_action=draw(st.none() | st.just("Suspend")),
    )


@st.composite
def sane_orders(draw: st.DrawFn) -> Order:
    """Orders without mistakes of form; rules may still find something wrong."""
    lines: list[OrderLine] = []
    for number_of_line in range(1, draw(st.integers(1, 8)) + 1):
        product = draw(st.sampled_from(list(_OF_PRODUCT)))
        chosen = {name: draw(_SANE[name]) for name in _OF_PRODUCT[product] if draw(st.integers(0, 3))}
        if chosen.get("assetId"):
            chosen["assetId"] = f"{chosen['assetId']}{number_of_line}"
        above = [each for each in lines if each.action is Action.ADD]
        parent = draw(st.none() | st.sampled_from([int(each.number) for each in above])) if above else None
        action = draw(st.sampled_from(Action))
        if action is Action.ADD and product == "HANDSET":
            chosen.setdefault("model", "Aria")
        lines.append(
            line(number_of_line, product, action, parent=parent, attributes=chosen, quantity=draw(st.integers(1, 3)))
        )
    return order(*lines)


_INVENTORY = st.lists(
    st.builds(
        lambda product, key, attributes: installed(product, key, **attributes),
        st.sampled_from(["SVC", "ACCESS", "SIM", "ESIM", "BILL"]),
        st.sampled_from([f"{asset}{place}" for asset in "ABC" for place in range(1, 4)]),
        st.fixed_dictionaries({}, optional={"limit": st.sampled_from([5, 10, 20]), "fee": st.integers(1, 5)}),
    ),
    max_size=6,
)


def check(made: Decomposition, given_order: Order) -> None:
    """Everything that holds for every decomposition."""
    if made.problems:
        assert not made.lines
        assert not made.items
        assert not made.requests
        assert all(problem.code and problem.message for problem in made.problems)
    else:
        check_lines(made)
        check_items(made)
        check_explanation(made)
    check_nothing_dropped(made, given_order)


def check_lines(made: Decomposition) -> None:
    assert [each.no for each in made.lines] == list(range(1, len(made.lines) + 1))
    assert len({(each.product, each.scope_key) for each in made.lines}) == len(made.lines)
    ordered = {each.id for each in made.order.lines}
    numbers = {each.no for each in made.lines}
    for each in made.lines:
        assert each.sources
        assert set(each.sources) <= ordered
        assert each.root in ordered
        assert set(each.parents) <= numbers - {each.no}
        assert bool(each.changes) <= (each.action is Action.CHANGE)
    assert made.requests == tuple(dict.fromkeys(each.request for each in made.lines if each.request))


def check_items(made: Decomposition) -> None:
    assert [each.no for each in made.items] == list(range(1, len(made.items) + 1))
    assert len({(each.definition, each.key, each.scope_key) for each in made.items}) == len(made.items)
    for each in made.items:
        before = (*each.after, *each.after_start)
        assert all(1 <= no < each.no for no in before), "all that it waits for exists, and comes before"
        assert len(set(before)) == len(before), "who waits for the end does not wait for the start as well"
        assert each.sources
        assert each.line is None or 1 <= each.line <= len(made.lines)


def check_explanation(made: Decomposition) -> None:
    told = {decision.subject for decision in made.explanation.decisions if decision.taken}
    for each in made.lines:
        assert f"T{each.no}" in told
        assert {f"T{each.no}.{name}" for name in each.attributes} <= told
    assert {f"item {each.no}" for each in made.items} <= told


def check_nothing_dropped(made: Decomposition, given_order: Order) -> None:
    taken = {source for each in made.lines for source in each.sources}
    taken |= {source for each in made.items for source in each.sources}
    named = " ".join(problem.where for problem in made.problems)
    for each_line in given_order.lines:
        product = SET.products.get(each_line.product)
        assert (
            each_line.id in taken
            or bool(made.problems)
            or (product is not None and not product.fulfillment)
            or each_line.action is Action.NO_CHANGE
        )
        if product is None:
            assert f"({each_line.product})" in named


@given(st.lists(wild_lines(), max_size=6), st.dictionaries(st.text(max_size=3), _JSON, max_size=2), _JSON)
@THOROUGH
def test_no_order_is_so_odd_that_it_breaks_anything(
    lines: list[OrderLine], extra: dict[str, Json], value_: Json
) -> None:
    wild = replace(order(*lines), attributes=extra)
    inventory = [installed("SVC", "A", limit=value_), installed("BILL", "B", fee=value_)]

    made = decompose(wild, inventory, SET, NOW)

    check(made, wild)


@given(sane_orders(), _INVENTORY)
@THOROUGH
def test_what_holds_for_every_sane_order(sane: Order, inventory: list[InventoryItem]) -> None:
    made = decompose(sane, inventory, SET, NOW)

    check(made, sane)
    assert made == decompose(sane, inventory, SET, NOW)


def test_sane_orders_are_mostly_fulfilled() -> None:
    """So that the properties above speak of more than rejected orders."""
    counts = {True: 0, False: 0}

    @given(sane_orders(), _INVENTORY)
    @settings(THOROUGH, max_examples=60, database=None, derandomize=True)
    def count(sane: Order, inventory: list[InventoryItem]) -> None:
        counts[bool(decompose(sane, inventory, SET, NOW).lines)] += 1

    count()
    assert counts[True] > 10


@given(sane_orders(), _INVENTORY, st.randoms(use_true_random=False))
@THOROUGH
def test_the_order_of_the_inventory_does_not_matter(
    sane: Order, inventory: list[InventoryItem], shuffle: random.Random
) -> None:
    shuffled = list(inventory)
    shuffle.shuffle(shuffled)

    # of two items under one key the one with the smaller id counts; here equal keys have equal ids
    unique = {each.id: each for each in inventory}
    in_order = [unique[name] for name in dict.fromkeys(each.id for each in shuffled)]
    assert decompose(sane, list(unique.values()), SET, NOW) == decompose(sane, in_order, SET, NOW)


@given(sane_orders(), _INVENTORY, st.randoms(use_true_random=False))
@THOROUGH
def test_the_order_of_the_lines_changes_numbers_only(
    sane: Order, inventory: list[InventoryItem], shuffle: random.Random
) -> None:
    """But for what is merged by the order of lines (here: the list `names`), and but for which bundle a line
    that was merged over several of them counts to (here: none has items for a bundle).
    """
    lines = list(sane.lines)
    shuffle.shuffle(lines)

    def content(made: Decomposition) -> Any:
        technical_lines = {
            (each.product, each.scope_key): (
                each.action,
                each.quantity,
                frozenset(each.sources),
                {name: value for name, value in each.attributes.items() if name != "names"},
                {name: change for name, change in each.changes.items() if name != "names"},
            )
            for each in made.lines
        }
        name_of = {each.no: (each.definition, each.key, each.scope_key) for each in made.items}
        items = {
            name_of[each.no]: (frozenset(each.sources), frozenset(name_of[before] for before in each.after))
            for each in made.items
        }
        return technical_lines, items, sorted(problem.code for problem in made.problems)

    assert content(decompose(sane, inventory, SET, NOW)) == content(
        decompose(replace(sane, lines=tuple(lines)), inventory, SET, NOW)
    )


_RING = the_set(
    *(commercial(f"C{place}") for place in range(3)),
    *(technical(f"T{place}", scope=scope) for place, scope in enumerate([Scope.LINE, Scope.ORDER, Scope.BUNDLE, Scope.LINE])),
    *(rule(f"c{a}{b}", f"C{a}", f"T{b}", when=f"line.attributes.?c{a}{b}.orValue(false)") for a in range(3) for b in range(4)),
    *(rule(f"t{a}{b}", f"T{a}", f"T{b}", when=f"order.attributes.?t{a}{b}.orValue(false)") for a in range(4) for b in range(4)),
    *(plan(f"p{a}", item("it", scope=scope, after=[f"p{b}/it@{where}" for b, where in enumerate(["line", "bundle", "order"]) if (a + b) % 2]))
      for a, scope in enumerate([Scope.LINE, Scope.BUNDLE, Scope.ORDER, Scope.LINE])),
    *(scenario(f"T{place}", f"p{place}") for place in range(4)),
)  # fmt: skip


@given(st.data())
@THOROUGH
def test_rules_that_may_lead_anywhere_always_end(data: st.DataObject) -> None:
    lines = [
        line(
            place,
            data.draw(st.sampled_from(["C0", "C1", "C2"])),
            attributes={f"c{a}{b}": data.draw(st.booleans()) for a in range(3) for b in range(4)},
        )
        for place in range(1, data.draw(st.integers(1, 4)) + 1)
    ]
    switches = {f"t{a}{b}": data.draw(st.integers(0, 3)) == 0 for a, b in itertools.product(range(4), range(4))}

    made = decompose(order(*lines, **switches), (), _RING, NOW)

    if not made.problems:
        check_lines(made)
        check_items(made)
        check_explanation(made)
