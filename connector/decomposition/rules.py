"""Applying rules: order lines to technical lines, technical lines to further ones, level by level.

A technical line is finished, its contributions merged and compared with what is installed, when no rule
can contribute to it any more; only then are its own rules applied. Rules that lead back to a product that
a line came from, or to a line that is finished, are a problem and never a loop.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from connector.decomposition.attributes import contribution
from connector.decomposition.context import Context
from connector.decomposition.draft import Draft
from connector.decomposition.finish import Finisher
from connector.decomposition.firing import Candidate, Groups, action_given
from connector.decomposition.levels import levels
from connector.decomposition.near import NearMiss
from connector.decomposition.parking import Parked, absent, awaited
from connector.decomposition.probe import NoValue, value_of
from connector.decomposition.scope import Bundles, key_by_scope, key_by_value
from connector.decomposition.source import SourceLine
from connector.decomposition.values import Unusable
from connector.mappings.expression import Activation
from connector.mappings.set import RULE, Product
from connector.mappings.views import technical_view
from connector.model.ids import LineId, TechnicalLineNo
from connector.model.json import Json, JsonObject
from connector.model.order import Action, InventoryItem
from connector.model.technical import ParkedRule, TechnicalLine

_NOT_INSTALLED: JsonObject = {}


@dataclass(slots=True, kw_only=True)
class Application:
    """What applying the rules to one order has made."""

    lines: tuple[TechnicalLine, ...] = ()
    views: tuple[JsonObject, ...] = ()
    """The variable `line` of each line."""
    flawed: frozenset[TechnicalLineNo] = frozenset()
    """Lines with a problem of their own."""
    decomposed: set[TechnicalLineNo] = field(default_factory=set)
    """Lines that others came from."""
    covered: set[LineId] = field(default_factory=set)
    """Commercial lines that a rule fired for."""
    parked: list[ParkedRule] = field(default_factory=list)


class RuleRun:
    """Applies the rules of a set to the lines of one order."""

    def __init__(self, context: Context, bundles: Bundles) -> None:
        self._context = context
        self._bundles = bundles
        self._finisher = Finisher(context)
        self._drafts: dict[tuple[str, str], Draft] = {}
        self._by_product: dict[str, list[Draft]] = {}
        self._finished: dict[TechnicalLineNo, tuple[TechnicalLine, JsonObject]] = {}
        self._made = Application()
        self._last = context.known.last_line

    def run(self, commercial: Sequence[SourceLine]) -> Application:
        """Apply the rules to these commercial lines and to everything that comes of them."""
        for line in commercial:
            self._apply(line)
        order = levels(dict.fromkeys(line.product for line in commercial), self._context.tables.targets)
        done = dict.fromkeys(order, 0)
        while any(done[product] < len(drafts) for product, drafts in self._by_product.items()):
            for product in order:  # once, unless the rules lead in a ring
                drafts = self._by_product.get(product, [])
                while done[product] < len(drafts):
                    draft = drafts[done[product]]
                    done[product] += 1
                    self._apply(self._finish(draft))
        finished = [self._finished[no] for no in sorted(self._finished)]
        self._made.lines = tuple(line for line, _ in finished)
        self._made.views = tuple(view for _, view in finished)
        self._made.flawed = frozenset(draft.no for draft in self._drafts.values() if draft.flaws)
        return self._made

    def _finish(self, draft: Draft) -> SourceLine:
        line = self._finisher.finish(draft)
        view = technical_view(line)
        self._finished[line.no] = (line, view)
        came = self._context.known.values.get((line.product, line.scope_key))
        if came:
            view = {**view, "attributes": {**came, **line.attributes}}
        givers = [given.line for given in draft.contributions]
        return SourceLine(
            subject=draft.subject,
            product=line.product,
            action=line.action,
            quantity=line.quantity,
            view=view,
            asset=line.scope_key,
            root=line.root,
            bundle=self._bundles.asset(line.root),
            sources=line.sources,
            place=len(self._context.places) + line.no,
            number=line.no,
            asset_known=draft.as_is is not None or any(giver.asset_known for giver in givers),
            sub_action=any(giver.sub_action for giver in givers),
            lineage=frozenset([line.product]).union(*{giver.lineage for giver in givers}),
        )

    # -- the rules of one line ------------------------------------------------------------------------

    def _apply(self, line: SourceLine) -> None:
        groups = Groups()
        missing = absent(line, self._context)
        withdrawn: list[tuple[Candidate, str]] = []
        parked_before = len(self._made.parked)
        ground: dict[str | None, tuple[dict[str, Json], Activation]] = {}
        for leading in self._context.tables.rules.get(line.product, ()):
            rule, target = leading.rule, leading.target
            key = self._key(line, target)
            as_is = self._context.as_is.items.get((target.code, key)) if isinstance(key, str) else None
            slot = None if as_is is None else as_is.id
            if slot not in ground:
                variables = self._variables(line, as_is)
                ground[slot] = (variables, RULE.activation(variables))
            candidate = Candidate(line, leading, as_is, *ground[slot], missing)
            action = action_given(candidate, groups, self._context)
            if isinstance(action, Action) and isinstance(key, NoValue):
                action = awaited(leading.key_reads, missing) or action
            if action is None:
                continue
            if isinstance(action, Parked):
                self._park(candidate, action, groups)
                continue
            self._made.covered.update(line.sources)
            if rule.xor is not None and action is line.action:
                groups.taken[rule.xor] = rule.id
            if not isinstance(key, str):
                self._without_key(candidate, str(key))
            elif missing and action is not line.action:
                withdrawn.append((candidate, key))
            else:
                self._contribute(candidate, key, action)
        self._withdraw(withdrawn, {parked.target for parked in self._made.parked[parked_before:]})

    def _withdraw(self, withdrawn: Sequence[tuple[Candidate, str]], perhaps: Container[str]) -> None:
        """Take out what is no longer wanted, but not yet what a rule of the line that is parked may still lead to."""
        for candidate, key in withdrawn:
            target = candidate.leading.target.code
            if target in perhaps:
                self._note_fired(candidate, f"{target} stays until a rule that is parked is decided on", taken=False)
            else:
                self._contribute(candidate, key, Action.DISCONNECT)

    def _variables(self, line: SourceLine, as_is: InventoryItem | None) -> dict[str, Json]:
        return {
            "order": self._context.order_view,
            "line": line.view,
            "inventory": _NOT_INSTALLED if as_is is None else as_is.attributes,
        }

    def _key(self, line: SourceLine, target: Product) -> str | Unusable | NoValue:
        if target.scope_key is None:
            return key_by_scope(
                target.scope,
                own=line.asset,
                bundle=line.bundle,
                order=self._context.order.first,
                account=self._context.order.account.id,
            )
        try:
            return key_by_value(value_of(target.scope_key, RULE.activation(self._variables(line, None))))
        except (Unusable, NoValue) as reason:
            return reason

    def _park(self, candidate: Candidate, parked: Parked, groups: Groups) -> None:
        line, rule = candidate.line, candidate.leading.rule
        assert line.number is not None
        if rule.xor is not None:
            groups.held.setdefault(rule.xor, rule.id)
        self._context.promised.update((rule.target, name) for name in rule.attributes)
        self._made.parked.append(
            ParkedRule(
                rule=rule.id,
                line=line.number,
                target=rule.target,
                waits_for=parked.waits_for,
                behind=parked.behind,
                required=rule.required,
                source=candidate.leading.source,
            )
        )
        reason = str(parked)
        self._note_fired(candidate, reason, taken=False)
        miss = NearMiss(kind="rule", name=rule.id, when=candidate.leading.when, reason=reason, saw=candidate.seen())
        self._context.near_misses.setdefault(line.subject, []).append(miss)

    def _without_key(self, candidate: Candidate, reason: str) -> None:
        line, rule, target = candidate.line, candidate.leading.rule, candidate.leading.target
        written = target.scope_key.source if target.scope_key is not None else target.source
        self._note_fired(candidate, f"leads to {target.code}, which has no scope key here: {reason}", taken=False)
        self._context.problem(
            "SCOPE_KEY",
            f"The scope key of {target.code} has no value: {reason}.",
            where=str(line),
            hint=f"The rule {rule.id} leads there; its lines need what the scope key is made of.",
            source=written,
        )

    def _contribute(self, candidate: Candidate, key: str, action: Action) -> None:
        line, rule, target = candidate.line, candidate.leading.rule, candidate.leading.target
        draft = self._drafts.get((target.code, key))
        if target.code in line.lineage or (draft is not None and draft.is_finished):
            self._note_fired(candidate, f"leads back to {target.code}", taken=False)
            self._context.problem(
                "RULE_RING",
                f"The rule {rule.id} leads back to {target.code}.",
                where=str(line),
                hint="The rules must lead from product to product without a ring.",
                source=rule.source,
            )
            return
        if draft is None:
            draft = self._draft(target, key, candidate.as_is)
        if line.number is not None:
            self._made.decomposed.add(line.number)
        if action is line.action:
            reason = f"leads to {target.code} for {key}"
        else:
            reason = f"no longer leads to {target.code} for {key}, which is installed: it is disconnected"
        self._note_fired(candidate, reason, made=draft.subject)
        draft.contributions.append(contribution(candidate, action, draft, self._context))

    def _draft(self, target: Product, key: str, as_is: InventoryItem | None) -> Draft:
        no = self._number(target, key)
        draft = Draft(no=no, product=target, key=key, as_is=as_is, subject=f"T{no}")
        self._drafts[target.code, key] = draft
        self._by_product.setdefault(target.code, []).append(draft)
        return draft

    def _number(self, target: Product, key: str) -> TechnicalLineNo:
        """The number that such a line has already, or the next one."""
        known = self._context.known.lines.get((target.code, key))
        if known is None:
            self._last += 1
            known = TechnicalLineNo(self._last)
        return known

    def _note_fired(self, candidate: Candidate, reason: str, *, taken: bool = True, made: str = "") -> None:
        self._context.journal.note(
            "rule",
            candidate.line.subject,
            reason,
            taken=taken,
            rule=candidate.leading.rule.id,
            source=candidate.leading.source,
            asked=candidate.leading.when,
            seen=candidate.seen(),
            made=made,
        )
