"""Which items can still bring what a parked rule waits for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.decomposition.context import Context
from connector.mappings.set import MappingSet
from connector.model.ids import ItemNo
from connector.model.plan import Item
from connector.model.technical import ParkedRule

NEVER_FIRED = "RULE_NEVER_FIRED"
"""Code of the failure when a required rule can't be decided on any more."""


class Hopes:
    """What the items of a plan may give to its technical lines."""

    def __init__(self, mapping_set: MappingSet, items: Iterable[Item]) -> None:
        self._set = mapping_set
        self._items = items

    def givers(self, rule: ParkedRule) -> Iterable[ItemNo]:
        """The items that may give to the rule's line what it waits for."""
        wanted = set(rule.waits_for)
        for item in self._items:
            if item.line == rule.line:
                definition = self._set.definition(item.definition, item.key)
                if not wanted.isdisjoint(self._set.outputs(definition)):
                    yield item.no

    def tell(self, parked: Sequence[ParkedRule], context: Context) -> None:
        """Say of each rule that waits for something which items will bring it; that none will is a problem where
        the rule is required.
        """
        for rule in parked:
            if not rule.waits_for:
                continue
            numbers = list(self.givers(rule))
            what, subject = " or ".join(rule.waits_for), f"T{rule.line}"
            if numbers:
                reason = f"{what} will come from {', '.join(f'item {no}' for no in numbers)}"
            else:
                reason = f"no item of the order gives {what} to {subject}, so the rule will never fire"
            context.journal.note("rule", subject, reason, taken=bool(numbers), rule=rule.rule, source=rule.source)
            if rule.required and not numbers:
                context.problem(
                    NEVER_FIRED,
                    f"The rule {rule.rule} is required, and nothing will bring what it waits for: {what}.",
                    where=subject,
                    hint="Let an item of the line's plans put it out, or don't require the rule.",
                    source=rule.source,
                )
