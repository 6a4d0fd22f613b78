"""`decompose`: the order, the inventory and the mapping set in; lines, items and reasons out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from connector.decomposition.installed import Installed, installed
from connector.decomposition.items import Planner
from connector.decomposition.journal import Journal
from connector.decomposition.levels import reachable
from connector.decomposition.near import NearMiss, told
from connector.decomposition.order import Prepared, prepare
from connector.decomposition.result import Decomposition
from connector.decomposition.rules import Application, RuleRun
from connector.decomposition.scenarios import PlannedLine, plans_of
from connector.decomposition.scope import Bundles
from connector.decomposition.source import SourceLine
from connector.mappings.set import MappingSet
from connector.mappings.views import commercial_views, order_view
from connector.model.failure import Problem
from connector.model.ids import LineId
from connector.model.json import JsonObject
from connector.model.order import Action, InventoryItem, Order, OrderLine
from connector.model.plan import Item
from connector.model.technical import Explanation

_MOST_NAMED = 10


def decompose(
    order: Order, inventory: Sequence[InventoryItem], mapping_set: MappingSet, now: datetime
) -> Decomposition:
    """Decompose and plan an order.

    Deterministic and total: equal input gives an equal result, and whatever is wrong with the order is
    among the `problems` of the result, all of it at once. `inventory` is what the order's account has
    installed, in any order; `now` (aware) is the time that scenarios may look at.
    """
    return _Run(order, inventory, mapping_set, now).result()


class _Run:
    def __init__(
        self, order: Order, inventory: Sequence[InventoryItem], mapping_set: MappingSet, now: datetime
    ) -> None:
        self._given = order
        self._set = mapping_set
        self._now = now
        self._journal = Journal()
        self._prepared: Prepared = prepare(order, mapping_set)
        self._order = self._prepared.order
        self._as_is: Installed = installed(inventory, order.account.id)
        self._bundles = Bundles(self._order)
        self._order_view = order_view(self._order)
        self._views: Mapping[LineId, JsonObject] = commercial_views(self._order, self._classes)
        self._place = {line.id: place for place, line in enumerate(self._order.lines)}
        self._problems = [*self._prepared.problems, *self._as_is.problems]

    def _classes(self, code: str) -> tuple[str, ...]:
        product = self._set.products.get(code)
        return product.classes if product is not None else ()

    def result(self) -> Decomposition:
        for problem in self._problems:
            self._journal.note("line", problem.where or "order", str(problem), taken=False, rule=problem.code)
        sound = [line for line in self._order.lines if line.id in self._prepared.sound]
        rules = self._rules([self._source(line) for line in sound])
        items = self._items(sound, rules)
        problems = tuple(dict.fromkeys(self._problems))
        explanation = Explanation(set_hash=self._set.hash, decisions=tuple(self._journal.decisions))
        if problems:
            return Decomposition(
                order=self._given, lines=(), items=(), requests=(), explanation=explanation, problems=problems
            )
        return Decomposition(
            order=self._order,
            lines=tuple(rules.lines),
            items=items,
            requests=tuple(dict.fromkeys(line.request for line in rules.lines if line.request)),
            explanation=explanation,
        )

    # -- rules ----------------------------------------------------------------------------------------

    def _source(self, line: OrderLine) -> SourceLine:
        root = self._bundles.roots[line.id]
        bundle, asset = self._bundles.asset(root), self._bundles.asset(line.id)
        return SourceLine(
            subject=self._prepared.labels[line.id],
            product=line.product,
            action=line.action,
            quantity=line.quantity,
            view=self._views[line.id],
            asset=asset,
            root=root,
            bundle=bundle,
            sources=(line.id,),
            place=self._place[line.id],
            asset_known=asset in self._as_is.keys or bundle in self._as_is.keys,
            sub_action=line.sub_action is not None,
        )

    def _rules(self, lines: Sequence[SourceLine]) -> Application:
        left_out = {line.product for line in self._order.lines if line.id not in self._prepared.sound}
        run = RuleRun(
            self._order,
            self._order_view,
            self._set,
            self._as_is,
            self._journal,
            possibly_incomplete=reachable(left_out, self._set.rules),
        )
        made = run.run(lines)
        self._problems.extend(made.problems)
        return made

    # -- items ----------------------------------------------------------------------------------------

    def _items(self, sound: Sequence[OrderLine], rules: Application) -> tuple[Item, ...]:
        planned: list[tuple[PlannedLine, tuple[str, ...]]] = []
        for line in sound:
            carrier = self._commercial(line)
            plans, misses = self._plans(carrier)
            planned.append((carrier, plans))
            self._account_for(line, carrier, rules, plans, misses)
        for technical, view in zip(rules.lines, rules.views, strict=True):
            carrier = PlannedLine(
                subject=f"T{technical.no}",
                product=technical.product,
                action=technical.action,
                view=view,
                identity=f"{technical.product}:{technical.scope_key}",
                number=technical.no,
                sources=technical.sources,
                root=technical.root,
            )
            plans, misses = self._plans(carrier)
            planned.append((carrier, plans))
            if not plans:
                self._without_plan(carrier, rules, misses)
        items, problems = Planner(self._order, self._bundles, self._set, self._journal).plan(planned)
        self._problems.extend(problems)
        return items

    def _commercial(self, line: OrderLine) -> PlannedLine:
        return PlannedLine(
            subject=self._prepared.labels[line.id],
            product=line.product,
            action=line.action,
            view=self._views[line.id],
            identity=f"{line.product}:{self._bundles.asset(line.id)}",
            number=None,
            sources=(line.id,),
            root=self._bundles.roots[line.id],
        )

    def _plans(self, line: PlannedLine) -> tuple[tuple[str, ...], list[NearMiss]]:
        scenarios = self._set.scenarios.get(line.product, ())
        return plans_of(line, scenarios, self._order_view, self._now, self._journal)

    # -- nothing is dropped in silence ----------------------------------------------------------------

    def _account_for(
        self,
        line: OrderLine,
        carrier: PlannedLine,
        rules: Application,
        plans: Sequence[str],
        misses: Sequence[NearMiss],
    ) -> None:
        """Say what becomes of a commercial line that no rule and no scenario took."""
        if line.id in rules.covered or plans:
            return
        product = self._set.products[line.product]
        if not product.fulfillment:
            self._journal.note("line", carrier.subject, "its product needs no fulfillment", source=product.source)
        elif line.action is Action.NO_CHANGE:
            self._journal.note("line", carrier.subject, "nothing is to change, and no rule speaks of it")
        else:
            almost = [*rules.near_misses.get(carrier.subject, ()), *misses]
            self._dropped(
                "NO_RULE",
                carrier,
                "No decomposition rule took it." if almost else "No decomposition rule is about its product.",
                "Mend the line or the rules"
                + ("" if almost else " (`fulfillment: none` says that a product needs none)")
                + ".",
                almost,
            )

    def _without_plan(self, line: PlannedLine, rules: Application, misses: Sequence[NearMiss]) -> None:
        """Say what becomes of a technical line that no scenario took."""
        assert line.number is not None
        if line.number in rules.decomposed:
            self._journal.note("line", line.subject, "needs no plan of its own: further lines came from it")
        elif line.action is Action.NO_CHANGE:
            self._journal.note("line", line.subject, "needs no plan: nothing changes")
        elif not self._set.products[line.product].fulfillment:
            self._journal.note("line", line.subject, "needs no plan: its product needs no fulfillment")
        elif line.number not in rules.flawed:
            almost = [*rules.near_misses.get(line.subject, ()), *misses]
            self._dropped(
                "NO_SCENARIO",
                line,
                f"No scenario gives a plan to {line.action}." if almost else "No scenario is about its product.",
                "Add a scenario, or mend the condition of one.",
                almost,
            )

    def _dropped(self, code: str, line: PlannedLine, message: str, hint: str, almost: Sequence[NearMiss]) -> None:
        labels = self._prepared.labels
        origin = ", ".join(labels[source] for source in line.sources[:_MOST_NAMED])
        more = f" and {len(line.sources) - _MOST_NAMED} more" if len(line.sources) > _MOST_NAMED else ""
        where = f"{line.subject} ({line.product})" + ("" if line.number is None else f" from {origin}{more}")
        problem = Problem(
            code=code,
            message=message,
            where=where,
            hint=hint,
            source=str(self._set.products[line.product].source),
            near_misses=told(almost),
        )
        self._problems.append(problem)
        self._journal.note("line", line.subject, message, taken=False, rule=code)
