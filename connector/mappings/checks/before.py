"""What an item surely comes after, and what it may know of that: `items["credit-check"].outcome`.

An outcome is known when its item is over; so an expression of an item sees the items whose end it waits for, itself
or by way of others. What it is compared with has to be an outcome that can come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from connector.mappings.checks.visible import ANYTHING, Visible, fields
from connector.mappings.diagnostics import did_you_mean
from connector.mappings.direct import path_of
from connector.mappings.draft import Draft
from connector.mappings.expression import Expression
from connector.mappings.placed import Placed
from connector.mappings.set import ItemDefinition
from connector.mappings.tree import Call, Constant, Elements, Node, Select
from connector.mappings.views import ITEM_BEFORE_FIELDS

_ITEMS = "items"
_OUTCOME = frozenset({"outcome", "outcomes"})
_Key = tuple[str, str]


def check(draft: Draft) -> None:
    """Hold what outcomes are compared with against the outcomes that the items have."""
    for item, made in draft.items.items():
        for expression in expressions_of(made.value):
            placed = draft.expressions.of(expression)
            if placed is not None and _ITEMS in expression.variables:
                _check(draft, placed, _by_key(draft, item))


def expressions_of(item: ItemDefinition) -> Iterator[Expression]:
    """The expressions that see other items."""
    for expression in (item.when, item.not_before, item.instructions, item.until, item.for_each, *item.sets.values()):
        if expression is not None:
            yield expression


def visible(draft: Draft, item: ItemDefinition) -> Visible:
    """The variable `items` for the expressions of an item."""
    if not draft.complete:
        return ANYTHING
    known = {
        key: fields(f"`items[{key!r}]`".replace("'", '"'), ITEM_BEFORE_FIELDS)
        for key in _by_key(draft, (item.plan, item.key))
    }
    return Visible(whose="what this item waits for", fields=known, what="item", code="MAP074")


IN_REQUESTS = Visible(
    whose="a request",
    fields={},
    what="item",
    code="MAP074",
    hint="Only an item's own expressions see other items: give the value to the line with an auto `set` first.",
)


def _by_key(draft: Draft, item: _Key) -> Mapping[str, list[ItemDefinition]]:
    """The items whose end an item waits for, of whatever definition, by key."""
    by_key: dict[str, list[_Key]] = {}
    for plan, key in draft.items:
        by_key.setdefault(key, []).append((plan, key))
    found: dict[str, list[ItemDefinition]] = {}
    queue, seen, ended = [item], {item}, set[_Key]()
    for one in queue:
        made = draft.items.get(one)
        for dependency in made.value.after if made is not None else ():
            others = by_key.get(dependency.key, ())
            named = dependency.plan if dependency.scope is not None else one[0]
            for other in others:
                if named not in (None, other[0]):
                    continue
                if not dependency.at_start and other not in ended:
                    ended.add(other)
                    found.setdefault(other[1], []).append(draft.items[other].value)
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
    return found


# -- what outcomes are compared with ----------------------------------------------------------------------


def _check(draft: Draft, placed: Placed, before: Mapping[str, list[ItemDefinition]]) -> None:
    tree = placed.expression.tree
    for key, constants in _comparisons(tree.root):
        items = before.get(key)
        if items is None:
            continue  # that has been said
        known = {outcome for item in items for outcome in item.outcomes if outcome not in item.failing_outcomes}
        failing = {outcome for item in items for outcome in item.failing_outcomes}
        for constant in constants:
            word = constant.value
            if word in known or word == "" or not isinstance(word, str):
                continue
            hint = did_you_mean(word, known)
            if word in failing:
                hint = "With this outcome the item fails, and nothing comes after it."
            elif not known:
                hint = "Only a manual task with `outcomes` has any."
            at = tree.positions.get(constant.id, 0)
            placed.report(draft.findings, "MAP075", at, len(word) + 2, f"`{key}` never ends with `{word}`.", hint=hint)


def _comparisons(node: Node) -> Iterator[tuple[str, list[Constant]]]:
    """The items whose outcome is compared with constants, and these."""
    match node:
        case Call(target=None, function="_==_" | "_!=_" | "@in", arguments=(left, right)):
            for one, other in ((left, right), (right, left)):
                path = path_of(one, frozenset({_ITEMS}))
                if len(path) == 3 and path[2] in _OUTCOME:  # noqa: PLR2004 - items, key, outcome
                    parts = other.parts if isinstance(other, Elements) else (other,)
                    yield path[1], [part for part in parts if isinstance(part, Constant)]
    match node:
        case Call(target=target, arguments=arguments):
            for part in (*((target,) if target is not None else ()), *arguments):
                yield from _comparisons(part)
        case Elements(parts=parts):
            for part in parts:
                yield from _comparisons(part)
        case Select(operand=operand):
            yield from _comparisons(operand)
        case _:
            pass
