"""`decompose`: the order, the inventory and the mapping set in; lines, items and reasons out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from connector.decomposition.context import Context
from connector.decomposition.coverage import Coverage
from connector.decomposition.hopes import Hopes
from connector.decomposition.installed import installed
from connector.decomposition.items import Planner
from connector.decomposition.known import NOTHING, Known
from connector.decomposition.levels import reachable
from connector.decomposition.order import prepare
from connector.decomposition.result import Decomposition
from connector.decomposition.rules import Application, RuleRun
from connector.decomposition.scenarios import PlannedLine, plans_of
from connector.decomposition.scope import Bundles
from connector.decomposition.source import SourceLine
from connector.decomposition.tables import Tables
from connector.mappings.set import MappingSet
from connector.mappings.views import commercial_views, order_view
from connector.model.json import JsonObject
from connector.model.order import InventoryItem, Order, OrderLine
from connector.model.plan import Item
from connector.model.technical import Explanation, TechnicalLine


def decompose(
    order: Order, inventory: Sequence[InventoryItem], mapping_set: MappingSet, now: datetime, known: Known = NOTHING
) -> Decomposition:
    """Decompose and plan an order.

    Deterministic and total: equal input gives an equal result, and whatever is wrong with the order is
    among the `problems` of the result, all of it at once. `inventory` is what the order's account has
    installed, in any order; `now` (aware) is the time that scenarios may look at. `known` is what has become
    of the order since it was first decomposed.
    """
    return _Run(order, inventory, mapping_set, now, known).result()


class _Run:
    """One decomposition, step by step."""

    def __init__(
        self, order: Order, inventory: Sequence[InventoryItem], mapping_set: MappingSet, now: datetime, known: Known
    ) -> None:
        self._given = order
        self._set = mapping_set
        self._now = now
        self._tables = Tables.of(mapping_set)
        self._prepared = prepare(order, mapping_set)
        self._order = self._prepared.order
        self._sound = [line for line in self._order.lines if line.id in self._prepared.sound]
        self._bundles = Bundles(self._order)
        self._views = commercial_views(self._order, self._classes)
        as_is = installed(inventory, order.account.id)
        left_out = {line.product for line in self._order.lines if line.id not in self._prepared.sound}
        self._context = Context(
            order=self._order,
            order_view=order_view(self._order),
            mapping_set=mapping_set,
            tables=self._tables,
            as_is=as_is,
            places={line.id: place for place, line in enumerate(self._order.lines)},
            labels=self._prepared.labels,
            possibly_incomplete=reachable(left_out, self._tables.targets),
            known=known,
            problems=[*self._prepared.problems, *as_is.problems],
        )

    def _classes(self, code: str) -> tuple[str, ...]:
        product = self._set.products.get(code)
        return product.classes if product is not None else ()

    def result(self) -> Decomposition:
        context = self._context
        for problem in context.problems:
            place = problem.where.partition(" (")[0] or "order"
            context.journal.note("line", place, str(problem), taken=False, rule=problem.code)
        rules = RuleRun(context, self._bundles).run([self._source(line) for line in self._sound])
        coverage = Coverage(context, rules)
        planned: list[tuple[PlannedLine, tuple[str, ...]]] = []
        for line in (*map(self._commercial, self._sound), *map(self._technical, rules.lines, rules.views)):
            choices = self._tables.scenarios.get(line.product, ())
            plans, misses = plans_of(line, choices, context.order_view, self._now, context.journal)
            planned.append((line, plans))
            if not plans:
                coverage.without_plan(line, misses)
        planner = Planner(self._order, self._bundles, self._tables, context.journal, context.known)
        items, rings = planner.plan(planned)
        context.problems.extend(rings)
        if rules.parked and not context.problems:
            Hopes(self._set, items).tell(rules.parked, context)
        return self._decomposition(rules, items)

    def _decomposition(self, rules: Application, items: tuple[Item, ...]) -> Decomposition:
        explanation = Explanation(set_hash=self._set.hash, decisions=tuple(self._context.journal.decisions))
        problems = tuple(dict.fromkeys(self._context.problems))
        if problems:
            return Decomposition(
                order=self._given, lines=(), items=(), requests=(), explanation=explanation, problems=problems
            )
        return Decomposition(
            order=self._order,
            lines=rules.lines,
            items=items,
            requests=tuple(dict.fromkeys(line.request for line in rules.lines if line.request)),
            explanation=explanation,
            parked=tuple(rules.parked),
        )

    # -- commercial lines, as the rules and as the plan see them --------------------------------------

    def _source(self, line: OrderLine) -> SourceLine:
        root = self._bundles.roots[line.id]
        asset, bundle = self._bundles.asset(line.id), self._bundles.asset(root)
        known = self._context.as_is.keys
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
            place=self._context.places[line.id],
            asset_known=asset in known or bundle in known,
            sub_action=line.sub_action is not None,
        )

    def _commercial(self, line: OrderLine) -> PlannedLine:
        root = self._bundles.roots[line.id]
        return PlannedLine(
            subject=self._prepared.labels[line.id],
            product=line.product,
            action=line.action,
            view=self._views[line.id],
            identity=f"{line.product}:{self._bundles.asset(line.id)}",
            number=None,
            sources=(line.id,),
            root=root,
            bundle=self._bundles.asset(root),
        )

    def _technical(self, line: TechnicalLine, view: JsonObject) -> PlannedLine:
        return PlannedLine(
            subject=f"T{line.no}",
            product=line.product,
            action=line.action,
            view=view,
            identity=f"{line.product}:{line.scope_key}",
            number=line.no,
            sources=line.sources,
            root=line.root,
            bundle=self._bundles.asset(line.root),
        )
