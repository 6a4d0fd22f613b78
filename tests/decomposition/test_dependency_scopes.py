"""Dependencies between items of all scopes, of both kinds, against a reference that looks at order lines only."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from connector.mappings.set import MappingSet, Scope
from connector.model.ids import LineId
from connector.model.plan import Item
from tests.decomposition.builder import (
    START_OF,
    attempt,
    commercial,
    item,
    line,
    plan,
    rule,
    run,
    scenario,
    technical,
    the_set,
)

ROOTS = {"L1": "L1", "L2": "L1", "L3": "L1", "L4": "L4", "L5": "L4", "L6": "L6"}
"""Two bundles (the first with two plans) and a plan alone: the root of every line."""

LINES = (
    line(1, "BUNDLE"),
    line(2, "PLAN", parent=1),
    line(3, "PLAN", parent=1),
    line(4, "BUNDLE"),
    line(5, "PLAN", parent=4),
    line(6, "PLAN"),
)
KINDS = ("", START_OF)


def mappings(of_first: Scope, of_second: Scope, after: str) -> MappingSet:
    """Each plan is a service and a card: `first` is an item of the cards, `second` one of the services."""
    return the_set(
        commercial("BUNDLE", fulfillment=False),
        commercial("PLAN"),
        technical("SVC"),
        technical("CARD"),
        rule("1", "PLAN", "SVC"),
        rule("2", "PLAN", "CARD"),
        plan("serve", item("second", scope=of_second, after=[after])),
        plan("send", item("first", scope=of_first)),
        scenario("SVC", "serve"),
        scenario("CARD", "send"),
    )


def together(scope: Scope, lines: set[LineId]) -> Iterator[set[LineId]]:
    """The lines that share one item of a scope."""
    if scope is Scope.LINE:
        yield from ({each} for each in sorted(lines))
    elif scope is Scope.BUNDLE:
        for root in sorted({ROOTS[each] for each in lines}):
            yield {each for each in lines if ROOTS[each] == root}
    else:
        yield lines


def meet(scope: Scope, one: set[LineId], other: set[LineId]) -> bool:
    """Two items with these lines are in one line, bundle, order, account."""
    if scope is Scope.LINE:
        return bool(one & other)
    if scope is Scope.BUNDLE:
        return bool({ROOTS[each] for each in one} & {ROOTS[each] for each in other})
    return True


def awaited(made: tuple[Item, ...], *, at_start: bool) -> dict[frozenset[LineId], set[frozenset[LineId]]]:
    """For the lines of every `second` those of every `first` that it waits for."""
    by_no = {each.no: each for each in made}
    return {
        frozenset(each.sources): {frozenset(by_no[no].sources) for no in (each.after_start if at_start else each.after)}
        for each in made
        if each.key == "second"
    }


PLANS = {LineId(f"L{number}") for number in (2, 3, 5, 6)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("of_first", "of_second", "asked"), list(product(Scope, repeat=3)))
def test_an_item_of_any_scope_waits_for_items_of_any_scope_in_any_scope(
    kind: str, of_first: Scope, of_second: Scope, asked: Scope
) -> None:
    outcome = run(mappings(of_first, of_second, f"{kind}first@{asked}"), *LINES)

    expected = {
        frozenset(one): {frozenset(other) for other in together(of_first, PLANS) if meet(asked, one, other)}
        for one in together(of_second, PLANS)
    }
    assert awaited(outcome.made.items, at_start=bool(kind)) == expected
    assert all(not found for found in awaited(outcome.made.items, at_start=not kind).values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("of_first", "of_second"), list(product(Scope, repeat=2)))
def test_inside_a_definition_an_item_waits_for_those_of_its_own_lines(
    kind: str, of_first: Scope, of_second: Scope
) -> None:
    inside = the_set(
        commercial("BUNDLE", fulfillment=False),
        commercial("PLAN"),
        technical("SVC"),
        rule("1", "PLAN", "SVC"),
        plan("serve", item("first", scope=of_first), item("second", scope=of_second, after=[f"{kind}first"])),
        scenario("SVC", "serve"),
    )

    expected = {
        frozenset(one): {frozenset(other) for other in together(of_first, PLANS) if one & other}
        for one in together(of_second, PLANS)
    }
    assert awaited(run(inside, *LINES).made.items, at_start=bool(kind)) == expected


def test_who_waits_for_the_end_does_not_wait_for_the_start_as_well() -> None:
    both = the_set(
        commercial("PLAN"),
        technical("SVC"),
        rule("1", "PLAN", "SVC"),
        plan("serve", item("a"), item("b"), item("c", after=["start of a", "a@order", "start of b"])),
        scenario("SVC", "serve"),
    )
    outcome = run(both, line(1, "PLAN"))

    last = outcome.item("c")
    assert last.after == (outcome.item("a").no,)
    assert last.after_start == (outcome.item("b").no,)
    (decision,) = outcome.decisions("item", f"item {last.no}")
    assert decision.reason == "line item for T1, after 1, after the start of 2"


def test_a_ring_of_starts_is_a_ring() -> None:
    """Neither would ever begin."""
    ring = the_set(
        commercial("PLAN"),
        technical("SVC"),
        technical("CARD"),
        rule("1", "PLAN", "SVC"),
        rule("2", "PLAN", "CARD"),
        plan("serve", item("a", after=["start of b@order"])),
        plan("send", item("b", after=["a@order"])),
        scenario("SVC", "serve"),
        scenario("CARD", "send"),
    )

    assert attempt(ring, line(1, "PLAN")).codes == ["ITEM_RING"]


def test_what_has_no_start_to_wait_for_is_told() -> None:
    alone = the_set(
        commercial("PLAN"),
        technical("SVC"),
        rule("1", "PLAN", "SVC"),
        plan("serve", item("a", after=["start of other/b@bundle"])),
        scenario("SVC", "serve"),
    )

    (decision,) = [each for each in run(alone, line(1, "PLAN")).decisions("item", "item 1") if not each.taken]
    assert decision.reason == "waits for no start of other/b@bundle: the order has none"
