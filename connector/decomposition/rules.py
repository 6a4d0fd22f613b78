"""Applying rules: order lines to technical lines, technical lines to further ones, level by level.

A technical line is finished, its contributions merged and compared with what is installed, when no rule
can contribute to it any more; only then are its own rules applied. Rules that lead back to a product that
a line came from, or to a line that is finished, are a problem and never a loop.

Which rules fire depends on the line's action:

- Add, Change, NoChange: those whose condition holds.
- Disconnect: those whose condition holds, and those whose condition can't be evaluated on what the
  line says while their target is installed: what is installed under the asset goes with it.
- Change, again: where a condition is false, but was not written against Change lines (it is false for
  Add as well), and the target is installed for this line alone, the target is no longer wanted:
  Disconnect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from connector.decomposition.action import Comparison, compare, wanted
from connector.decomposition.draft import Contribution, Draft
from connector.decomposition.installed import Installed
from connector.decomposition.journal import Journal, seen, sightings
from connector.decomposition.levels import levels
from connector.decomposition.merge import Conflict, merged, quantity_of
from connector.decomposition.near import NearMiss
from connector.decomposition.probe import NoValue, holds, value_of
from connector.decomposition.scope import MAX_KEY, as_key, key_by_scope
from connector.decomposition.source import SourceLine
from connector.decomposition.values import Unusable, allowed, bounded, fitted, shown
from connector.mappings.expression import Activation
from connector.mappings.set import RULE, MappingSet, Product, Rule, Scope, Value
from connector.mappings.views import technical_view
from connector.model.failure import Problem
from connector.model.ids import LineId, TechnicalLineNo
from connector.model.json import Json, JsonObject
from connector.model.order import Action, InventoryItem, Order
from connector.model.technical import TechnicalLine

_NOT_INSTALLED: JsonObject = {}


@dataclass(slots=True, kw_only=True)
class Application:
    """What applying the rules to one order has made so far."""

    lines: list[TechnicalLine] = field(default_factory=list)
    """By number."""
    views: list[JsonObject] = field(default_factory=list)
    """The variable `line` of each, in the same order."""
    flawed: set[TechnicalLineNo] = field(default_factory=set)
    """Lines with a problem of their own."""
    decomposed: set[TechnicalLineNo] = field(default_factory=set)
    """Lines that others came from."""
    covered: set[LineId] = field(default_factory=set)
    """Commercial lines that a rule fired for."""
    near_misses: dict[str, list[NearMiss]] = field(default_factory=dict)
    """By subject: the rules that did not fire, each with why."""
    problems: list[Problem] = field(default_factory=list)


class RuleRun:
    """Applies the rules of a set to the lines of one order."""

    def __init__(
        self,
        order: Order,
        order_view: JsonObject,
        mapping_set: MappingSet,
        as_is: Installed,
        journal: Journal,
        *,
        possibly_incomplete: frozenset[str],
    ) -> None:
        """Technical products in `possibly_incomplete` may miss contributions of lines that are left out for
        problems of their own, so that nothing is said about values missing there.
        """
        self._order = order
        self._order_view = order_view
        self._set = mapping_set
        self._as_is = as_is
        self._journal = journal
        self._possibly_incomplete = possibly_incomplete
        self._places = {line.id: place for place, line in enumerate(order.lines)}
        self._drafts: dict[tuple[str, str], Draft] = {}
        self._by_product: dict[str, list[Draft]] = {}
        self._finished: dict[TechnicalLineNo, TechnicalLine] = {}
        self._views: dict[TechnicalLineNo, JsonObject] = {}
        self._filled_later: frozenset[str] | None = None
        self._made = Application()

    def run(self, commercial: Sequence[SourceLine]) -> Application:
        """Apply the rules to these commercial lines and to everything that comes of them."""
        for line in commercial:
            self._apply(line)
        order = levels(dict.fromkeys(line.product for line in commercial), self._set.rules)
        done = dict.fromkeys(order, 0)
        busy = True
        while busy:
            busy = False
            for product in order:
                drafts = self._by_product.get(product, [])
                while done[product] < len(drafts):
                    self._apply(self._finish(drafts[done[product]]))
                    done[product] += 1
                    busy = True
        self._made.lines = [self._finished[no] for no in sorted(self._finished)]
        self._made.views = [self._views[no] for no in sorted(self._finished)]
        return self._made

    # -- the rules of one line ------------------------------------------------------------------------

    def _apply(self, line: SourceLine) -> None:
        taken_groups: dict[str, str] = {}
        activations: dict[str | None, Activation] = {}
        for rule in self._set.rules.get(line.product, ()):
            target = self._set.products[rule.target]
            key = self._key(line, target)
            as_is = self._as_is.items.get((target.code, key)) if isinstance(key, str) else None
            slot = None if as_is is None else as_is.id
            if slot not in activations:
                activations[slot] = RULE.activation(self._variables(line, as_is))
            action = self._verdict(line, rule, target, as_is, activations[slot], taken_groups)
            if action is None:
                continue
            if isinstance(key, Unusable | NoValue):
                self._problem(
                    "SCOPE_KEY",
                    f"The scope key of {target.code} has no value: {key}.",
                    where=str(line),
                    hint=f"The rule {rule.id} leads there; its lines need what the scope key is made of.",
                    source=str(target.scope_key.source if target.scope_key else target.source),
                )
                self._made.covered.update(line.sources)
                continue
            if rule.xor is not None and action is line.action:
                taken_groups[rule.xor] = rule.id
            self._contribute(line, rule, target, key, as_is, action, activations[slot])

    def _variables(self, line: SourceLine, as_is: InventoryItem | None) -> dict[str, Json]:
        return {
            "order": self._order_view,
            "line": line.view,
            "inventory": _NOT_INSTALLED if as_is is None else as_is.attributes,
        }

    def _key(self, line: SourceLine, target: Product) -> str | Unusable | NoValue:
        if target.scope_key is None:
            return key_by_scope(
                target.scope,
                own=line.asset,
                bundle=line.bundle,
                order=self._order.id,
                account=self._order.account.id,
            )
        try:
            key = as_key(value_of(target.scope_key, RULE.activation(self._variables(line, None))))
        except (Unusable, NoValue) as reason:
            return reason
        if not key:
            return Unusable("it is empty")
        return key if len(key) <= MAX_KEY else Unusable(f"it has {len(key)} characters; {MAX_KEY} is the limit")

    def _verdict(
        self,
        line: SourceLine,
        rule: Rule,
        target: Product,
        as_is: InventoryItem | None,
        activation: Activation,
        taken_groups: Mapping[str, str],
    ) -> Action | None:
        """The action that the rule gives to its target for this line; None when it does not fire."""
        if rule.xor is not None and rule.xor in taken_groups:
            if self._is_no_longer_wanted(line, rule, target, as_is, None):
                return self._dropped(line, rule, target)
            self._miss(line, rule, f"the rule {taken_groups[rule.xor]} of the group {rule.xor} fired already")
            return None
        if rule.when is None:
            return line.action
        try:
            fires = holds(rule.when, activation)
        except NoValue as reason:
            if line.action is Action.DISCONNECT and as_is is not None:
                return line.action
            self._miss(line, rule, f"its condition can't be evaluated: {reason}", as_is)
            return None
        if fires:
            return line.action
        if self._is_no_longer_wanted(line, rule, target, as_is, fires):
            return self._dropped(line, rule, target)
        self._miss(line, rule, "its condition is false", as_is)
        return None

    def _is_no_longer_wanted(
        self, line: SourceLine, rule: Rule, target: Product, as_is: InventoryItem | None, known: bool | None
    ) -> bool:
        if line.action is not Action.CHANGE or as_is is None:
            return False
        if target.scope is not Scope.LINE or target.scope_key is not None:
            return False
        if rule.when is None:
            return True
        variables = self._variables(line, as_is)
        try:
            if known is None and holds(rule.when, RULE.activation(variables)):
                return True
            variables["line"] = {**line.view, "action": Action.ADD.value}
            return not holds(rule.when, RULE.activation(variables))
        except NoValue:
            return False

    def _dropped(self, line: SourceLine, rule: Rule, target: Product) -> Action:
        self._journal.note(
            "rule",
            line.subject,
            f"the Change no longer leads to {target.code}, which is installed: it is disconnected",
            rule=rule.id,
            source=rule.source,
            expression=rule.when,
            seen={} if rule.when is None else seen(rule.when, self._variables(line, None)),
        )
        return Action.DISCONNECT

    def _miss(self, line: SourceLine, rule: Rule, reason: str, as_is: InventoryItem | None = None) -> None:
        saw = {} if rule.when is None else seen(rule.when, self._variables(line, as_is))
        self._journal.note(
            "rule",
            line.subject,
            reason,
            taken=False,
            rule=rule.id,
            source=rule.source,
            expression=rule.when,
            seen=saw,
        )
        self._made.near_misses.setdefault(line.subject, []).append(
            NearMiss(kind="rule", name=rule.id, when=rule.when, reason=reason, saw=saw)
        )

    def _contribute(
        self,
        line: SourceLine,
        rule: Rule,
        target: Product,
        key: str,
        as_is: InventoryItem | None,
        action: Action,
        activation: Activation,
    ) -> None:
        self._made.covered.update(line.sources)
        draft = self._drafts.get((target.code, key))
        if target.code in line.lineage or (draft is not None and draft.is_finished):
            self._problem(
                "RULE_RING",
                f"The rule {rule.id} leads back to {target.code}.",
                where=str(line),
                hint="The rules must lead from product to product without a ring.",
                source=str(rule.source),
            )
            return
        if draft is None:
            no = TechnicalLineNo(len(self._drafts) + 1)
            draft = self._drafts[target.code, key] = Draft(no=no, product=target, key=key, as_is=as_is)
            self._by_product.setdefault(target.code, []).append(draft)
        if line.number is not None:
            self._made.decomposed.add(line.number)
        variables = self._variables(line, as_is)
        self._journal.note(
            "rule",
            line.subject,
            f"leads to {target.code} for {line.action} {key}",
            rule=rule.id,
            source=rule.source,
            expression=rule.when,
            seen={} if rule.when is None else seen(rule.when, variables),
            made=draft.subject,
        )
        values, cleared = self._values(line, rule, draft, activation, variables)
        draft.contributions.append(Contribution(rule=rule, line=line, action=action, values=values, cleared=cleared))

    # -- the attributes that one rule gives -----------------------------------------------------------

    def _values(
        self, line: SourceLine, rule: Rule, draft: Draft, activation: Activation, variables: Mapping[str, Json]
    ) -> tuple[dict[str, Json], tuple[str, ...]]:
        values: dict[str, Json] = {}
        cleared: list[str] = []
        for name, given in rule.attributes.items():
            saw = seen(given.expression, variables)
            try:
                value = self._value(given, activation)
                reason = f"is {shown(value)}"
                if value is None:
                    value = given.default
                    reason = "has no value" if value is None else f"is {shown(value)}, the default"
                if value is None:
                    cleared.append(name)
                else:
                    values[name] = value
                taken = value is not None
            except NoValue as failure:
                taken, reason = self._without(line, rule, draft, name, given, str(failure), values, saw)
            self._journal.note(
                "attribute",
                f"{draft.subject}.{name}",
                reason,
                taken=taken,
                rule=rule.id,
                source=given.source,
                expression=given.expression,
                seen=saw,
            )
        return values, tuple(cleared)

    def _value(self, given: Value, activation: Activation) -> Json:
        value = value_of(given.expression, activation)
        if given.list is None or value is None:
            return value
        try:
            key = as_key(value)
        except Unusable as reason:
            raise NoValue(f"{shown(value)} is no key of the list {given.list}: {reason}") from None
        table = self._set.lists[given.list]
        if key not in table:
            raise NoValue(f"the list {given.list} has no {shown(key)}")
        return table[key]

    def _without(
        self,
        line: SourceLine,
        rule: Rule,
        draft: Draft,
        name: str,
        given: Value,
        failure: str,
        values: dict[str, Json],
        saw: JsonObject,
    ) -> tuple[bool, str]:
        """What becomes of an attribute whose expression failed: whether it has a value, and what to say."""
        stays = line.action in (Action.CHANGE, Action.NO_CHANGE) and draft.as_is is not None
        if stays and draft.as_is is not None and name in draft.as_is.attributes:
            return False, f"stays {shown(draft.as_is.attributes[name])} as installed ({failure})"
        if given.has_default:
            if given.default is None:
                return False, f"has no value by default ({failure})"
            values[name] = given.default
            return True, f"is {shown(given.default)}, the default ({failure})"
        if not stays and line.action in (Action.ADD, Action.CHANGE):
            draft.failed.add(name)
            self._flaw(draft)
            told = f" ({sightings(saw)})" if saw else ""
            self._problem(
                "ATTRIBUTE",
                f"The attribute {name} of {draft.product.code} has no value: {failure}{told}.",
                where=str(line),
                hint=f"Give the line what the rule {rule.id} reads, or the rule a default.",
                source=str(given.source),
            )
        return False, f"has no value ({failure})"

    # -- finishing a technical line -------------------------------------------------------------------

    def _finish(self, draft: Draft) -> SourceLine:
        draft.is_finished = True
        draft.contributions.sort(key=lambda given: given.rank)
        want = wanted(given.action for given in draft.contributions)
        live = [
            given for given in draft.contributions if (given.action is Action.DISCONNECT) == (want is Action.DISCONNECT)
        ]
        values, cleared = self._merge(draft, live)
        sub_action = any(given.line.sub_action for given in live)
        as_is = None if draft.as_is is None else draft.as_is.attributes
        outcome = compare(
            draft.product,
            want,
            as_is=as_is,
            given=values,
            cleared=cleared,
            asset_known=draft.key in self._as_is.keys or any(given.line.asset_known for given in live),
            sub_action=sub_action,
        )
        line = self._line(draft, live, outcome)
        self._explain(draft, line, outcome, as_is, values)
        if outcome.action in (Action.ADD, Action.CHANGE):
            self._check(draft, outcome, live)
        self._finished[line.no] = line
        view = self._views[line.no] = technical_view(line)
        return SourceLine(
            subject=draft.subject,
            product=line.product,
            action=line.action,
            quantity=line.quantity,
            view=view,
            asset=line.scope_key,
            root=line.root,
            bundle=live[0].line.bundle if line.root == live[0].line.root else self._bundle_of(draft, line.root),
            sources=line.sources,
            place=len(self._places) + line.no,
            number=line.no,
            asset_known=draft.as_is is not None or any(given.line.asset_known for given in live),
            sub_action=sub_action,
            lineage=frozenset([line.product]).union(*{given.line.lineage for given in draft.contributions}),
        )

    @staticmethod
    def _bundle_of(draft: Draft, root: LineId) -> str:
        return next(given.line.bundle for given in draft.contributions if given.line.root == root)

    def _merge(self, draft: Draft, live: Sequence[Contribution]) -> tuple[dict[str, Json], frozenset[str]]:
        offered: dict[str, list[Contribution]] = {}
        cleared: set[str] = set()
        for given in live:
            cleared.update(given.cleared)
            for name in given.values:
                offered.setdefault(name, []).append(given)
        values: dict[str, Json] = {}
        for name, givers in offered.items():
            definition = draft.product.attributes.get(name)
            rule = definition.merge if definition else "first"
            if len(givers) == 1 and rule != "list":
                values[name] = givers[0].values[name]
                continue
            try:
                values[name] = merged(rule, [given.values[name] for given in givers])
            except Conflict as conflict:
                self._conflict(draft, name, rule, givers, str(conflict))
                continue
            if len(givers) > 1:
                self._journal.note(
                    "merge",
                    f"{draft.subject}.{name}",
                    f"is {shown(values[name])}: {rule} of {len(givers)} values",
                    source=definition.source if definition else None,
                    seen={str(given.line): bounded(given.values[name]) for given in givers[:10]},
                )
        return values, frozenset(cleared - values.keys())

    def _conflict(self, draft: Draft, name: str, rule: str, givers: Sequence[Contribution], conflict: str) -> None:
        draft.failed.add(name)
        self._flaw(draft)
        lines = list(dict.fromkeys(str(given.line) for given in givers))
        told = ", ".join(lines[:10]) + (f" and {len(lines) - 10} more" if len(lines) > 10 else "")  # noqa: PLR2004
        self._problem(
            "MERGE_CONFLICT",
            f"The attribute {name} can't be merged by {rule!r}: {conflict}.",
            where=f"{draft.subject} ({draft.product.code}) from {told}",
            hint="Make the lines agree, or choose another merge rule for the attribute.",
            source=str(draft.product.attributes[name].source) if name in draft.product.attributes else "",
        )
        self._journal.note(
            "merge",
            f"{draft.subject}.{name}",
            f"can't be merged by {rule}: {conflict}",
            taken=False,
            seen={str(given.line): bounded(given.values[name]) for given in givers[:10]},
        )

    def _line(self, draft: Draft, live: Sequence[Contribution], outcome: Comparison) -> TechnicalLine:
        quantities = {given.line.place: given.line.quantity for given in live}
        quantity = quantity_of(draft.product.quantity, list(quantities.values()))
        if len(quantities) > 1 and draft.product.quantity != "one":
            self._journal.note(
                "merge",
                f"{draft.subject}.quantity",
                f"is {quantity:g}: {draft.product.quantity} of {len(quantities)} lines",
                source=draft.product.source,
            )
        sources = draft.sources(self._places)
        roots = {source: given.line.root for given in reversed(draft.contributions) for source in given.line.sources}
        parents = {given.line.number for given in draft.contributions if given.line.number is not None}
        return TechnicalLine(
            no=draft.no,
            product=draft.product.code,
            action=outcome.action,
            scope_key=draft.key,
            sources=sources,
            root=roots[sources[0]],
            parents=tuple(sorted(parents)),
            quantity=quantity,
            attributes=outcome.attributes,
            changes=outcome.changes,
            request=draft.product.request,
        )

    def _explain(
        self,
        draft: Draft,
        line: TechnicalLine,
        outcome: Comparison,
        as_is: JsonObject | None,
        values: Mapping[str, Json],
    ) -> None:
        count = len(line.sources)
        self._journal.note(
            "line",
            draft.subject,
            f"{line.product} {line.scope_key}, from {count} order line{'s' if count > 1 else ''}",
            source=draft.product.source,
        )
        self._journal.note(
            "action",
            draft.subject,
            f"{outcome.action}: {outcome.reason}",
            seen={
                name: {"old": bounded(change.old), "new": bounded(change.new)}
                for name, change in list(outcome.changes.items())[:20]
            },
        )
        for name, value in line.attributes.items():
            if as_is is not None and name in as_is and (name not in values or outcome.action is Action.DISCONNECT):
                self._journal.note("attribute", f"{draft.subject}.{name}", f"is {shown(value)}, as installed")
            elif name not in values:
                definition = draft.product.attributes[name]
                self._journal.note(
                    "attribute",
                    f"{draft.subject}.{name}",
                    f"is {shown(value)}, the product's default",
                    source=definition.source,
                )

    def _check(self, draft: Draft, outcome: Comparison, live: Sequence[Contribution]) -> None:
        """Types and choices of what the rules gave, and what is mandatory and absent."""
        given_by = {name: given.rule for given in reversed(live) for name in given.values}
        for name, definition in draft.product.attributes.items():
            if name in draft.failed:
                continue
            where = f"{draft.subject} ({draft.product.code}) from {live[0].line}"
            if name not in outcome.attributes:
                if definition.required:
                    self._missing(draft, name, where, live)
                continue
            if name not in given_by:
                continue
            value = outcome.attributes[name]
            try:
                value = fitted(value, definition.type)
                wrong = "" if allowed(value, definition.values) else f"{shown(value)} is not one of its values"
            except Unusable as reason:
                wrong = str(reason)
            if wrong:
                self._flaw(draft)
                rule = given_by[name]
                self._problem(
                    "WRONG_VALUE",
                    f"The attribute {name} can't have the value that the rule {rule.id} gives: {wrong}.",
                    where=where,
                    source=str(rule.attributes[name].source),
                )

    def _missing(self, draft: Draft, name: str, where: str, live: Sequence[Contribution]) -> None:
        if self._filled_later is None:
            self._filled_later = filled_later(self._set)
        if name in self._filled_later:
            self._journal.note(
                "attribute", f"{draft.subject}.{name}", "has no value yet; an item fills it in", taken=False
            )
            return
        self._flaw(draft)
        self._journal.note("attribute", f"{draft.subject}.{name}", "is mandatory and has no value", taken=False)
        if draft.product.code in self._possibly_incomplete:
            return
        rules = ", ".join(dict.fromkeys(given.rule.id for given in live))
        self._problem(
            "MISSING_TECHNICAL_ATTRIBUTE",
            f"The mandatory attribute {name} has no value.",
            where=where,
            hint=f"Neither the rules ({rules}), nor a default, nor any item gives it one.",
            source=str(draft.product.attributes[name].source),
        )

    # -- small things ---------------------------------------------------------------------------------

    def _flaw(self, draft: Draft) -> None:
        self._made.flawed.add(draft.no)

    def _problem(self, code: str, message: str, *, where: str, hint: str = "", source: str = "") -> None:
        self._made.problems.append(Problem(code=code, message=message, where=where, hint=hint, source=source))


def filled_later(mapping_set: MappingSet) -> frozenset[str]:
    """The attributes that items of the set fill in while an order is fulfilled: outputs of interfaces and
    of inbound events, attributes set by auto items, fields of manual forms.
    """
    names: set[str] = set()
    for system in mapping_set.systems.values():
        for interface in system.interfaces.values():
            names.update(interface.outputs)
        for event in system.events.values():
            names.update(event.outputs)
    for plan in mapping_set.plans.values():
        for item in plan.items.values():
            names.update(item.sets)
            names.update(field.name for field in item.form)
    return frozenset(names)
