"""Names inside expressions: `line.attributes.teir`, `bundle["MSISDM"].number`, `event.shipmentID`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property

from connector.mappings.build.salesforce import intake_attributes
from connector.mappings.checks import before
from connector.mappings.checks.visible import (
    ACCOUNT_FIELDS,
    ANYTHING,
    COMMERCIAL_FIELDS,
    COMMERCIAL_RELATIVES,
    FAILURE_FIELDS,
    ITEM_FIELDS,
    ORDER_FIELDS,
    TECHNICAL_FIELDS,
    Visible,
    attributes,
    fields,
    first_missing,
    merged,
)
from connector.mappings.diagnostics import did_you_mean
from connector.mappings.draft import Draft
from connector.mappings.expression import Expression
from connector.mappings.placed import Placed
from connector.mappings.salesforce import Intake, IntakeField
from connector.mappings.set import ItemDefinition, Product, RequestDefinition
from connector.mappings.syntax import Reference
from connector.model.mark import RecordKind

Variables = Mapping[str, Visible]

ASSET = "assetId"
"""The attribute that every commercial line may have: which installed asset it is about."""

_PLAN_FIELDS = (
    *("id", "state", "status", "progress", "message", "items_total", "items_done"),
    *("set_name", "set_hash", "started_at", "finished_at", "estimated_completion", "p90", "jeopardy"),
)
_DATES = ("estimated_completion", "jeopardy")
_FALLOUT_FIELDS = (
    *("key", "item_ref", "subject", "description", "system", "code", "failure_class", "message", "attempts"),
    *("severity", "queue", "fingerprint", "state", "resolution", "by"),
)
VARIABLES_OF_RECORDS: Mapping[RecordKind, tuple[str, ...]] = {
    "order": ("order", "plan"),
    "plan": ("order", "plan"),
    "order_line": ("order", "plan", "source"),
    "item": ("order", "plan", "item", "line"),
    "request": ("order", "plan", "request"),
    "line": ("order", "plan", "line"),
    "inventory": ("order", "plan", "inventory"),
    "fallout": ("order", "plan", "fallout", "item"),
    "command": ("command",),
}
"""Which variables the write-back of each kind of record has, beside `now`."""


def check(draft: Draft) -> None:
    """Hold every path in every expression against what is visible where it stands.

    While something could not be built, what it might have brought is taken to be there.
    """
    seen = _Seen(draft)
    for expression, variables in seen.expressions():
        placed = draft.expressions.of(expression)
        if placed is not None:
            _check(draft, placed, variables)


def _check(draft: Draft, placed: Placed, variables: Variables) -> None:
    for reference in placed.references:
        _header(draft, placed, reference)
        missing = first_missing(reference.path, variables)
        if missing is None:
            continue
        inside = missing.inside
        hint = inside.hint or did_you_mean(missing.name, inside.fields or ())
        message = (
            f"`{missing.name}` is not known here."
            if inside.code == "MAP022"
            else f"There is no {inside.what} `{missing.name}` in {inside.whose}."
        )
        if inside.what == "attribute":
            message = f"There is no attribute `{missing.name}` of {inside.whose}."
        if inside.what == "item":
            message = f"There is no item `{missing.name}` in {inside.whose}."
            if missing.name in draft.names.item_keys:
                hint = inside.hint or "Only of what it waits for, by `after`, an item knows what has become."
        if inside.what == "product":
            message = f"There is no technical product `{missing.name}`."
        placed.report(
            draft.findings, inside.code, reference.offsets[missing.step], len(missing.name), message, hint=hint
        )


def _header(draft: Draft, placed: Placed, reference: Reference) -> None:
    """Names of headers are given in lower case, whatever the system wrote."""
    if reference.path[0] == "headers" and len(reference.path) > 1 and reference.path[1] != reference.path[1].lower():
        name = reference.path[1]
        placed.report(
            draft.findings,
            "MAP025",
            reference.offsets[1],
            len(name),
            f"There is never a header `{name}`: their names are in lower case here.",
            hint=f"Write `{name.lower()}`.",
        )


class _Seen:
    """What is visible at each place of one set."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.intake = draft.intake.value if draft.intake is not None else _ANY_INTAKE
        self.plan_products: dict[str, set[str]] = {}
        for made in draft.scenarios:
            self.plan_products.setdefault(made.value.plan, set()).update(made.value.products)
        self._add_plans_of_items()
        self.outputs: dict[str, set[str]] = {}
        for plan, products in self.plan_products.items():
            given = set(self._outputs_of(plan))
            for code in products:
                self.outputs.setdefault(code, set()).update(given)
        self.line = cache(self._line)

    def _add_plans_of_items(self) -> None:
        """A definition that undoes or amends an item, or that an item stands for, works for the item's line; it may
        itself be undone.
        """
        found = True
        while found:
            found = False
            for made in self.draft.items.values():
                products = self.plan_products.get(made.value.plan, set())
                for plan in (made.value.on_cancel, made.value.on_amend, made.value.subplan):
                    if plan is not None and not products <= self.plan_products.setdefault(plan, set()):
                        self.plan_products[plan] |= products
                        found = True

    def expressions(self) -> Iterator[tuple[Expression, Variables]]:
        """Every expression with what is visible at its place."""
        yield from self._products()
        yield from self._rules()
        for made in self.draft.scenarios:
            if made.value.when is not None:
                yield made.value.when, self._scenario(made.value.products)
        for item in self.draft.items.values():
            yield from self._item(item.value)
        yield from self._interfaces()
        yield from self._messages()
        for kind, record in self.draft.writeback.items():
            variables = self._record(kind)
            for expression in record.value.fields.values():
                yield expression, variables

    # -- places ---------------------------------------------------------------------------------------

    def _products(self) -> Iterator[tuple[Expression, Variables]]:
        sources: dict[str, set[str]] = {}
        for made in self.draft.rules:
            sources.setdefault(made.value.target, set()).update(made.value.products)
        for code, product in self.draft.products.items():
            if product.value.scope_key is not None and code in sources:
                yield product.value.scope_key, {"order": self.order, "line": self.line(frozenset(sources[code]))}

    def _rules(self) -> Iterator[tuple[Expression, Variables]]:
        for made in self.draft.rules:
            rule = made.value
            target = self.draft.products.get(rule.target)
            inventory = self._attributes_of((target.value,)) if target is not None else ANYTHING
            variables = {"order": self.order, "line": self.line(rule.products), "inventory": inventory}
            if rule.when is not None:
                yield rule.when, variables
            for value in rule.attributes.values():
                yield value.expression, variables

    def _scenario(self, products: frozenset[str]) -> Variables:
        return {"order": self.order, "line": self.line(products), "now": ANYTHING}

    def _plan(self, products: Iterable[str]) -> dict[str, Visible]:
        line = ANYTHING
        if self.draft.complete:
            line = _with(self.line(frozenset(products)), "`line`", without=COMMERCIAL_RELATIVES)
        return {
            "order": self.order,
            "line": line,
            "now": ANYTHING,
            "item": _item_view(),
            "bundle": self.bundle,
        }

    def _item(self, item: ItemDefinition) -> Iterator[tuple[Expression, Variables]]:
        variables = self._plan(self.plan_products.get(item.plan, ()))
        for expression in before.expressions_of(item):
            yield expression, variables | self._before(item, expression)
        if item.completes is not None and item.completes.poll is not None:
            answer = {"status": ANYTHING, "headers": ANYTHING, "body": ANYTHING}
            for asked in (item.completes.poll.until, item.completes.poll.fails):
                if asked is not None:
                    yield asked, answer
        if item.completes is not None and item.completes.match is not None:
            event = self.draft.events.get(item.completes.on)
            inside = ANYTHING
            if event is not None:
                inside = Visible(
                    whose=f"the outputs of `{item.completes.on}`", fields=dict.fromkeys(event.value.outputs, ANYTHING)
                )
            without_now = {name: view for name, view in variables.items() if name != "now"}
            yield item.completes.match, {**without_now, "event": inside}

    def _before(self, item: ItemDefinition, expression: Expression) -> dict[str, Visible]:
        return {"items": before.visible(self.draft, item) if "items" in expression.variables else ANYTHING}

    def _interfaces(self) -> Iterator[tuple[Expression, Variables]]:
        users: dict[str, set[str]] = {}
        for made in self.draft.items.values():
            for name in made.value.calls:
                products = self.plan_products.get(made.value.plan, ())
                users.setdefault(name, set()).update(products)
                called = self.draft.interfaces.get(name)
                if called is not None and called.value.recall:
                    users.setdefault(f"{called.value.system}.{called.value.recall}", set()).update(products)
        for name, interface in self.draft.interfaces.items():
            variables = self._plan(users.get(name, ()))
            variables |= {"items": before.IN_REQUESTS}
            for expression in _of_request(interface.value.request):
                yield expression, variables

    def _messages(self) -> Iterator[tuple[Expression, Variables]]:
        """Expressions over answers and inbound messages."""
        variables = {"status": ANYTHING, "headers": ANYTHING, "body": ANYTHING}
        for made in self.draft.interfaces.values():
            interface = made.value
            for rule in interface.errors:
                yield rule.when, variables
                if rule.message is not None:
                    yield rule.message, variables
            for expression in (interface.ok, interface.accepted, *interface.outputs.values()):
                if expression is not None:
                    yield expression, variables
        for inbound in self.draft.events.values():
            event = inbound.value
            single = (event.when, event.item, event.order, event.delivery, event.ok, event.code, event.message)
            for expression in (*single, *event.outputs.values()):
                if expression is not None:
                    yield expression, variables

    def _record(self, kind: RecordKind) -> Variables:
        codes = self.draft.products
        technical = frozenset(code for code, made in codes.items() if made.value.kind == "technical")
        commercial = frozenset(codes) - technical
        line = self.line(technical)
        order = self.order
        source = self.line(commercial)
        views = {
            "order": Visible(whose=order.whose, fields={**(order.fields or {}), "status": ANYTHING}),
            "plan": fields("`plan`", _PLAN_FIELDS),
            "item": _item_view("plan", "instructions", "outcomes", "critical", *_DATES),
            "line": _with(line, "`line`", "key", "name", "status", "progress", "request_key", *_DATES),
            "source": _with(source, "`source`", "status", "progress", *_DATES, without=COMMERCIAL_RELATIVES),
            "request": fields("`request`", ("key", "domain", "status", "progress")),
            "inventory": fields(
                "`inventory`", ("key", "name", "account", "product", "scope_key", "status", "attributes")
            ),
            "fallout": fields("`fallout`", _FALLOUT_FIELDS),
            "command": fields("`command`", ("id", "answer", "message", "answered_at", "result")),
        }
        return {"now": ANYTHING, **{name: views[name] for name in VARIABLES_OF_RECORDS[kind]}}

    # -- variables ------------------------------------------------------------------------------------

    @cached_property
    def order(self) -> Visible:
        """The variable `order`."""
        own = attributes("the order (intake.yaml)", intake_attributes(self.intake.order))
        theirs = attributes("the account (intake.yaml)", intake_attributes(self.intake.order, "account.attributes"))
        account = fields("`order.account`", ACCOUNT_FIELDS, attributes=theirs)
        return fields("`order`", ORDER_FIELDS, attributes=own, account=account)

    @cached_property
    def bundle(self) -> Visible:
        """The variable `bundle`: by technical product its attributes."""
        if not self.draft.complete:
            return ANYTHING
        inside = {
            code: self._attributes_of((made.value,))
            for code, made in self.draft.products.items()
            if made.value.kind == "technical"
        }
        return Visible(whose="`bundle`", fields=inside, what="product", code="MAP030")

    @cached_property
    def relative(self) -> Visible:
        """Another line of a commercial line's bundle, of whatever product."""
        every = [made.value for made in self.draft.products.values() if made.value.kind == "commercial"]
        return fields("a line of the bundle", COMMERCIAL_FIELDS, attributes=self._attributes_of(every))

    def _line(self, codes: frozenset[str]) -> Visible:
        """The variable `line` for a line of one of these products."""
        products = [self.draft.products[code].value for code in sorted(codes) if code in self.draft.products]
        if len(products) < len(codes):
            return ANYTHING
        views = []
        commercial = [product for product in products if product.kind == "commercial"]
        technical = [product for product in products if product.kind == "technical"]
        if commercial:
            other = self.relative
            views.append(
                fields(
                    "`line`",
                    COMMERCIAL_FIELDS,
                    attributes=self._attributes_of(commercial),
                    parent=other,
                    root=other,
                    children=Visible(whose="`line.children`", element=other),
                )
            )
        if technical:
            known = self._attributes_of(technical)
            views.append(fields("`line`", TECHNICAL_FIELDS, attributes=known, changes=known))
        return merged(views)

    def _attributes_of(self, products: Iterable[Product]) -> Visible:
        known: dict[str, None] = {}
        names = []
        filled = intake_attributes(self.intake.lines)
        for product in products:
            if product.kind == "commercial" and not product.attributes:
                return ANYTHING  # a product that declares no attributes takes any
            if product.kind == "technical" and not self.draft.complete:
                return ANYTHING
            names.append(product.code)
            known.update(dict.fromkeys(product.attributes))
            known.update(dict.fromkeys(self.outputs.get(product.code, ())))
            if product.kind == "commercial":
                known.update(dict.fromkeys((*(filled or ()), ASSET)))
        return attributes(_listed(names), known)

    def _outputs_of(self, plan: str) -> Iterator[str]:
        """What the items of a plan add to their technical line."""
        definition = self.draft.plans.get(plan)
        for item in definition.value.items.values() if definition is not None else ():
            yield from item.sets
            yield from (entry.name for entry in item.form)
            yield from (item.collect,) if item.collect is not None else ()
            for called in item.calls:
                interface = self.draft.interfaces.get(called)
                if interface is None:
                    continue
                yield from interface.value.outputs
                for event in self.draft.events.values():
                    if event.value.system == interface.value.system and event.value.item is not None:
                        yield from event.value.outputs
            awaited = self.draft.events.get(item.completes.on if item.completes is not None else "")
            if awaited is not None:
                yield from awaited.value.outputs


_ANYWHERE = {"attributes": IntakeField(path=""), "account.attributes": IntakeField(path="")}
_ANY_INTAKE = Intake(order=_ANYWHERE, lines=_ANYWHERE, inventory=_ANYWHERE)


def _item_view(*more: str) -> Visible:
    return fields("`item`", (*ITEM_FIELDS, *more), failure=fields("`item.failure`", FAILURE_FIELDS))


def _with(view: Visible, whose: str, *more: str, without: frozenset[str] = frozenset()) -> Visible:
    if view.fields is None:
        return view
    # `root` of a technical line is an id, that of a commercial one another line
    kept = {name: inside for name, inside in view.fields.items() if name not in without or inside is ANYTHING}
    return Visible(whose=whose, fields={**kept, **dict.fromkeys(more, ANYTHING)})


def _of_request(request: RequestDefinition) -> Iterator[Expression]:
    yield request.path
    yield from request.query.values()
    yield from request.headers.values()
    if request.body is not None:
        yield request.body


_NAMED = 4


def _listed(names: list[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} or {len(names) - _NAMED} more"
    return " or ".join(names)
