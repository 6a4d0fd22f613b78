"""From a draft to a technical line: merge what was contributed, compare with what is installed, check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from connector.decomposition.action import Comparison, Wish, compare, wanted
from connector.decomposition.context import Context
from connector.decomposition.draft import Contribution, Draft
from connector.decomposition.merge import AGGREGATES, Conflict, merged, quantity_of
from connector.decomposition.values import Unusable, allowed, bounded, fitted, shown
from connector.mappings.set import AttributeDefinition
from connector.model.ids import LineId
from connector.model.json import Json, JsonObject
from connector.model.order import Action
from connector.model.technical import TechnicalLine

_MOST_NAMED = 10


class Merged(msgspec.Struct, frozen=True, gc=False):
    """What all contributions together give to a technical line, and take away from it."""

    values: Mapping[str, Json]
    cleared: frozenset[str]


class Finisher:
    """Finishes the drafts of one decomposition."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._journal = context.journal

    def finish(self, draft: Draft) -> TechnicalLine:
        """The technical line that a draft has become.

        Contributions of disconnected lines count only when there are no others: what anybody still
        wants is not disconnected, and takes no value from a line that goes.
        """
        draft.is_finished = True
        if len(draft.contributions) > 1:
            draft.contributions.sort(key=lambda each: each.rank)
        want = wanted(each.action for each in draft.contributions)
        goes = want is Action.DISCONNECT
        live = [each for each in draft.contributions if (each.action is Action.DISCONNECT) is goes]
        given = self._merge(draft, want, live) if len(draft.contributions) > 1 else self._alone(draft, live[0])
        wish = Wish(
            action=want,
            given=given.values,
            cleared=given.cleared,
            asset_known=draft.key in self._context.as_is.keys or any(each.line.asset_known for each in live),
            sub_action=any(each.line.sub_action for each in live),
        )
        needs = self._context.tables.needs[draft.product.code]
        outcome = compare(draft.product, needs.defaults, wish, None if draft.as_is is None else draft.as_is.attributes)
        line = self._line(draft, live, outcome)
        self._explain(draft, line, outcome, given.values)
        if outcome.action in (Action.ADD, Action.CHANGE):
            for definition in needs.required:
                if definition.name not in outcome.attributes and definition.name not in draft.flaws:
                    self._missing(draft, definition, live)
        return line

    # -- merging --------------------------------------------------------------------------------------

    def _alone(self, draft: Draft, given: Contribution) -> Merged:
        """What a contribution gives that there is nothing to merge with."""
        values: dict[str, Json] = {}
        for name, value in given.values.items():
            definition = self._definition(draft, name)
            alone = merged("list", [value]) if definition.merge == "list" else value
            values[name] = self._fitted(draft, definition, alone, given)
        return Merged(values=values, cleared=frozenset(given.cleared))

    @staticmethod
    def _definition(draft: Draft, name: str) -> AttributeDefinition:
        return draft.product.attributes.get(name) or AttributeDefinition(name=name)

    def _merge(self, draft: Draft, want: Action, live: Sequence[Contribution]) -> Merged:
        offered: dict[str, list[Contribution]] = {}
        silent: dict[str, Contribution] = {}
        cleared: set[str] = set()
        for given in live:
            cleared.update(given.cleared)
            for name in given.values:
                offered.setdefault(name, []).append(given)
            for name in given.unknown:
                silent.setdefault(name, given)
        if len(live) < len(draft.contributions):  # some go: what the others say nothing of can't just stay
            for name in silent:
                offered.setdefault(name, [])
        is_binding = want in (Action.ADD, Action.CHANGE) or (
            want is Action.NO_CHANGE and len(live) < len(draft.contributions)
        )
        values: dict[str, Json] = {}
        for name, givers in offered.items():
            definition = self._definition(draft, name)
            try:
                value = self._merged(draft, definition, givers, silent.get(name))
            except Conflict as conflict:
                self._conflict(draft, definition, givers, str(conflict), is_binding=is_binding)
            else:
                if value is not None:
                    values[name] = self._fitted(draft, definition, value, givers[0])
        return Merged(values=values, cleared=frozenset(cleared - offered.keys()))

    def _merged(
        self, draft: Draft, definition: AttributeDefinition, givers: Sequence[Contribution], silent: Contribution | None
    ) -> Json:
        """The value of one attribute; None when nobody gives one."""
        name, rule = definition.name, definition.merge
        if silent is not None and rule in AGGREGATES:
            raise Conflict(f"{silent.line} says nothing of it ({silent.unknown[name]})")
        if not givers:
            return None
        value = merged(rule, [given.values[name] for given in givers])
        if len(givers) > 1:
            self._journal.note(
                "merge",
                f"{draft.subject}.{name}",
                f"is {shown(value)}: {rule} of {len(givers)} values",
                source=str(definition.source),
                seen=_offers(name, givers),
            )
        return value

    def _conflict(
        self,
        draft: Draft,
        definition: AttributeDefinition,
        givers: Sequence[Contribution],
        reason: str,
        *,
        is_binding: bool,
    ) -> None:
        """Values that can't be merged are a problem where the line is to have one of them."""
        name = definition.name
        told = f"can't be merged by {definition.merge}: {reason}"
        self._journal.note(
            "merge",
            f"{draft.subject}.{name}",
            told if is_binding else f"{told}; it stays as it is",
            taken=False,
            source=str(definition.source),
            seen=_offers(name, givers),
        )
        if is_binding:
            draft.flaws.add(name)
            lines = list(dict.fromkeys(str(given.line) for given in givers))
            more = f" and {len(lines) - _MOST_NAMED} more" if len(lines) > _MOST_NAMED else ""
            origin = f" from {', '.join(lines[:_MOST_NAMED])}{more}" if lines else ""
            self._context.problem(
                "MERGE_CONFLICT",
                f"The attribute {name} {told}.",
                where=f"{draft.subject} ({draft.product.code}){origin}",
                hint="Give every line what the rules read, and the same where it must be the same.",
                source=definition.source,
            )

    def _fitted(self, draft: Draft, definition: AttributeDefinition, value: Json, giver: Contribution) -> Json:
        """The value as the attribute's type; a problem when it is not of that type or no choice of it."""
        try:
            value = fitted(value, definition.type)
            wrong = "" if allowed(value, definition.values) else f"{shown(value)} is not one of its values"
        except Unusable as reason:
            wrong = str(reason)
        if wrong and giver.action in (Action.ADD, Action.CHANGE):
            draft.flaws.add(definition.name)
            self._context.problem(
                "WRONG_VALUE",
                f"The attribute {definition.name} can't have what the rule {giver.rule.id} gives: {wrong}.",
                where=f"{draft.subject} ({draft.product.code}) from {giver.line}",
                source=giver.rule.attributes[definition.name].source,
            )
        return value

    # -- the line -------------------------------------------------------------------------------------

    def _line(self, draft: Draft, live: Sequence[Contribution], outcome: Comparison) -> TechnicalLine:
        quantities = {given.line.place: given.line.quantity for given in live}
        quantity = quantity_of(draft.product.quantity, list(quantities.values()))
        if len(quantities) > 1 and draft.product.quantity != "one":
            self._journal.note(
                "merge",
                f"{draft.subject}.quantity",
                f"is {quantity:g}: {draft.product.quantity} of {len(quantities)} lines",
                source=str(draft.product.source),
            )
        sources = draft.sources(self._context.places)
        parents = {given.line.number for given in draft.contributions if given.line.number is not None}
        return TechnicalLine(
            no=draft.no,
            product=draft.product.code,
            action=outcome.action,
            scope_key=draft.key,
            sources=sources,
            root=self._root(draft, sources[0]),
            parents=tuple(sorted(parents)),
            quantity=quantity,
            attributes=outcome.attributes,
            changes=outcome.changes,
            request=draft.product.request,
        )

    @staticmethod
    def _root(draft: Draft, source: LineId) -> LineId:
        """The root line of the bundle that the first of its sources is in."""
        if len(draft.contributions) == 1:
            return draft.contributions[0].line.root
        return next(given.line.root for given in draft.contributions if source in given.line.sources)

    def _explain(self, draft: Draft, line: TechnicalLine, outcome: Comparison, values: Mapping[str, Json]) -> None:
        count = len(line.sources)
        self._journal.note(
            "line",
            draft.subject,
            f"{line.product} for {line.scope_key}, from {count} order line{'s' if count > 1 else ''}",
            source=str(draft.product.source),
        )
        self._journal.note(
            "action",
            draft.subject,
            f"{outcome.action}: {outcome.reason}",
            seen={
                name: {"old": bounded(change.old), "new": bounded(change.new)}
                for name, change in list(outcome.changes.items())[: 2 * _MOST_NAMED]
            },
        )
        as_is: JsonObject = {} if draft.as_is is None else draft.as_is.attributes
        for name, value in line.attributes.items():
            if name in as_is and (name not in values or outcome.action is Action.DISCONNECT):
                self._journal.note("attribute", f"{draft.subject}.{name}", f"is {shown(value)}, as installed")
            elif name not in values:
                definition = draft.product.attributes[name]
                self._journal.note(
                    "attribute",
                    f"{draft.subject}.{name}",
                    f"is {shown(value)}, the product's default",
                    source=str(definition.source),
                )

    # -- what must be there ---------------------------------------------------------------------------

    def _missing(self, draft: Draft, definition: AttributeDefinition, live: Sequence[Contribution]) -> None:
        name = definition.name
        is_promised = (draft.product.code, name) in self._context.promised
        if is_promised or name in self._context.tables.filled_later:
            giver = "a parked rule may give it" if is_promised else "an item fills it in"
            self._journal.note("attribute", f"{draft.subject}.{name}", f"has no value yet: {giver}", taken=False)
            return
        draft.flaws.add(name)
        self._journal.note("attribute", f"{draft.subject}.{name}", "is mandatory and has no value", taken=False)
        if draft.product.code in self._context.possibly_incomplete:
            return
        rules = ", ".join(dict.fromkeys(given.rule.id for given in live))
        self._context.problem(
            "MISSING_TECHNICAL_ATTRIBUTE",
            f"The mandatory attribute {name} has no value.",
            where=f"{draft.subject} ({draft.product.code}) from {live[0].line}",
            hint=f"Neither the rules ({rules}), nor a default, nor any item gives it one.",
            source=definition.source,
        )


def _offers(name: str, givers: Sequence[Contribution]) -> JsonObject:
    return {f"{given.line} by {given.rule.id}": bounded(given.values[name]) for given in givers[:_MOST_NAMED]}
