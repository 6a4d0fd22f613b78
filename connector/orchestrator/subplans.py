"""Items of type subplan: the items that they stand for, made when their turn has come. Pure.

A subplan has one instance, or one for each element of a list. The items of an instance share a scope key and wait
for each other only. Where there is a list, what they put out stays in the instance: there it is seen as attributes
of the line, over those that the line has, and the line itself gets it as a list when all is done (`collect`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count

from connector.errors import UsageError
from connector.mappings.set import ItemDefinition
from connector.model.ids import ItemNo
from connector.model.json import Json, JsonObject
from connector.model.plan import Item, Plan
from connector.orchestrator.instances import put_out
from connector.orchestrator.step import Step

MOST_INSTANCES = 1_000
"""More instances of one subplan are refused."""


class Unlistable(UsageError):
    """What a subplan is to be made for each of is no list that it can be made for."""

    code = "FOR_EACH"


def items_of(step: Step, item: Item) -> list[Item]:
    """The items that a subplan item stands for, numbered on from the plan's, each after all that it waits for.

    Raises:
        EvaluationError: the list can't be had from these values.
        Unlistable: it is no list, has a null in it, or is too long.
    """
    definition = step.definition(item)
    ordered = _in_order(step.mappings.plans[definition.subplan or ""].items)
    elements = _elements(step, item, definition)
    made: list[Item] = []
    first = step.plan.next_no
    for place, element in enumerate(elements, start=1):
        numbers = {each.key: ItemNo(no) for no, each in enumerate(ordered, start=first + len(made))}
        among = f" ({place} of {len(elements)})" if len(elements) > 1 else ""
        for each in ordered:
            ends = {numbers[dependency.key] for dependency in each.after if not dependency.at_start}
            starts = {numbers[dependency.key] for dependency in each.after if dependency.at_start} - ends
            made.append(
                Item(
                    no=numbers[each.key],
                    definition=each.plan,
                    key=each.key,
                    type=each.type,
                    scope_key=_instance_key(item, definition, place),
                    name=f"{each.name}{among}",
                    line=item.line,
                    sources=item.sources,
                    root=item.root,
                    after=tuple(sorted(ends)),
                    after_start=tuple(sorted(starts)),
                    parent=item.no,
                    each=element,
                    queue=each.queue,
                )
            )
    return made


def outputs_of(step: Step, item: Item) -> JsonObject:
    """What a subplan whose items are all done puts out itself: what its items could not give to the line."""
    definition = step.definition(item)
    if definition.collect is not None:
        return {definition.collect: [put_out(step.plan, each) for each in _instances(step.plan, item, definition)]}
    if definition.for_each is None and item.each is not None:
        return put_out(step.plan, step.plan.instance(item.no, _instance_key(item, definition, 1)))
    return {}


def _elements(step: Step, item: Item, definition: ItemDefinition) -> Sequence[Json]:
    if definition.for_each is None:
        return [item.each]
    value = definition.for_each.evaluate(step.activation(item, definition.for_each))
    if not isinstance(value, list):
        raise Unlistable(f"{definition.for_each.text!r} gives {value!r:.100}, which is no list.")
    if None in value:
        raise Unlistable(f"{definition.for_each.text!r} gives a list with null in it.")
    if len(value) > MOST_INSTANCES:
        raise Unlistable(f"{definition.for_each.text!r} gives {len(value)} elements; {MOST_INSTANCES} is the limit.")
    return value


def _instances(plan: Plan, item: Item, definition: ItemDefinition) -> Iterator[Sequence[ItemNo]]:
    for place in count(1):
        numbers = plan.instance(item.no, _instance_key(item, definition, place))
        if not numbers:
            return
        yield numbers


def _instance_key(item: Item, definition: ItemDefinition, place: int) -> str:
    """`SVC:L1/meters[2]`."""
    which = f"[{place}]" if definition.for_each is not None else ""
    return f"{item.scope_key}/{item.key}{which}"


def _in_order(items: Mapping[str, ItemDefinition]) -> list[ItemDefinition]:
    """As they are written, but each after all that it waits for."""
    ordered: dict[str, ItemDefinition] = {}
    waiting = list(items.values())[::-1]
    while waiting:
        item = waiting[-1]
        before = [each.key for each in item.after if each.key not in ordered]
        if before:
            waiting += [items[key] for key in reversed(before)]
        else:
            ordered[waiting.pop().key] = item
    return list(ordered.values())
