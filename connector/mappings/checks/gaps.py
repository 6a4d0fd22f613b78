"""Gaps: what nothing fulfills, fills or reaches; and what can never come to pass."""

from __future__ import annotations

from connector.mappings.calendar import moment_of
from connector.mappings.draft import Draft, waits_for
from connector.mappings.expression import EvaluationError, Expression
from connector.mappings.set import ItemDefinition
from connector.model.json import Json
from connector.model.states import ItemType


def check(draft: Draft) -> None:
    """Report gaps. What could not be built, or whose name is misspelt, might fill one: then nothing is said."""
    _never(draft)
    _times(draft)
    _events(draft)
    if draft.complete and not draft.findings.has("MAP030", "MAP031", "MAP034", "MAP040"):
        _products(draft)
        _mandatory(draft)
        _dependencies(draft)


# -- products ------------------------------------------------------------------------------------------


def _products(draft: Draft) -> None:
    with_rule = {code for made in draft.rules for code in made.value.products}
    with_scenario = {code for made in draft.scenarios for code in made.value.products}
    targets = {made.value.target for made in draft.rules}
    for code, made in draft.products.items():
        product = made.value
        node = made.node["code"]
        served = code in with_rule or code in with_scenario or not product.fulfillment
        if product.kind == "commercial" and not served:
            node.report(
                draft.findings,
                "MAP064",
                f"No rule and no scenario is about `{code}`.",
                hint="Its order lines would become fallout; `fulfillment: none` says that it needs none.",
            )
        if product.kind == "technical" and not served:
            node.report(
                draft.findings,
                "MAP063",
                f"Nothing would ever fulfill `{code}`: it has neither a scenario nor a rule.",
                hint="Add a scenario, or `fulfillment: none` if nothing is to be done for it.",
            )
        if product.kind == "technical" and code not in targets:
            node.report(draft.findings, "MAP054", f"No rule leads to `{code}`.")


def _mandatory(draft: Draft) -> None:
    given: dict[str, set[str]] = {}
    for made in draft.rules:
        given.setdefault(made.value.target, set()).update(made.value.attributes)
    later = _filled_later(draft)
    for code, names in given.items():
        product = draft.products.get(code)
        if product is None:
            continue
        for name, attribute in product.value.attributes.items():
            if attribute.required and attribute.default is None and name not in names | later:
                product.node["code"].report(
                    draft.findings,
                    "MAP065",
                    f"Nothing fills the mandatory attribute `{name}` of `{code}` ({attribute.source}).",
                    hint="A rule, a default, an output of an interface or event, a form field, or an auto `set` can.",
                )


def _filled_later(draft: Draft) -> set[str]:
    """The attributes that items fill in while an order is fulfilled."""
    names: set[str] = set()
    for interface in draft.interfaces.values():
        names.update(interface.value.outputs)
    for event in draft.events.values():
        names.update(event.value.outputs)
    for item in draft.items.values():
        names.update(item.value.sets, (field.name for field in item.value.form))
        if item.value.collect is not None:
            names.add(item.value.collect)
    return names


# -- items ---------------------------------------------------------------------------------------------


def _dependencies(draft: Draft) -> None:
    """A dependency on a definition that no order gets waits for nothing."""
    used = {made.value.plan for made in draft.scenarios}
    plans_with: dict[str, set[str]] = {}
    for plan, key in draft.items:
        plans_with.setdefault(key, set()).add(plan)
    for (plan, _), made in draft.items.items():
        if plan not in used:
            continue
        for dependency in made.value.after:
            plans = {dependency.plan} if dependency.plan else plans_with.get(dependency.key, set())
            if dependency.scope is not None and plans and used.isdisjoint(plans):
                waits_for(made.node, dependency.key).report(
                    draft.findings,
                    "MAP054",
                    f"This waits for nothing: no scenario chooses {', '.join(sorted(f'`{name}`' for name in plans))}.",
                )


def _events(draft: Draft) -> None:
    for made in draft.items.values():
        item: ItemDefinition = made.value
        event = draft.events.get(item.completes.on) if item.completes is not None else None
        asked = item.completes.poll if item.completes is not None else None
        status = draft.interfaces.get(asked.interface) if asked is not None else None
        if status is not None and status.value.request.method != "GET":
            made.node["completes"]["poll"].report(
                draft.findings,
                "MAP078",
                f"`{status.value.full_name}` is a {status.value.request.method}: asking must not do anything.",
                hint="Ask by an interface with the method GET.",
            )
        if item.type is ItemType.CALLOUT and event is not None and event.value.item is None:
            made.node["completes"]["on"].report(
                draft.findings,
                "MAP072",
                f"`{event.value.full_name}` names no item, so it can't complete a callout.",
                hint=f"Give the event an `item` ({event.value.source}), or wait for it with an item of type event.",
            )


# -- never ---------------------------------------------------------------------------------------------


def _never(draft: Draft) -> None:
    for what, when in (
        *(("item", made.value.when) for made in draft.items.values()),
        *(("rule", made.value.when) for made in draft.rules),
        *(("scenario", made.value.when) for made in draft.scenarios),
        *(("event", made.value.when) for made in draft.events.values()),
    ):
        if when is not None and _constant(draft, when) is False:
            placed = draft.expressions.of(when)
            if placed is not None:
                placed.node.report(
                    draft.findings, "MAP054", f"The condition is never true: the {what} never comes to pass."
                )
    for made in draft.items.values():
        poll = made.value.completes.poll if made.value.completes is not None else None
        placed = draft.expressions.of(poll.until) if poll is not None else None
        if poll is not None and placed is not None and _constant(draft, poll.until) is False:
            placed.node.report(draft.findings, "MAP054", "The condition is never true: no answer tells the end.")
    _groups(draft)
    _shadowed_events(draft)
    _shadowed_scenarios(draft)


def _times(draft: Draft) -> None:
    """A time that is written out is one."""
    written = [each for made in draft.items.values() for each in (made.value.not_before, made.value.until)]
    for expression in written:
        placed = draft.expressions.of(expression) if expression is not None else None
        if expression is None or placed is None or (value := _constant(draft, expression)) is None:
            continue
        try:
            moment_of(value)
        except ValueError as error:
            hint = "Write one like `2026-03-01T18:00:00Z` in quotes of its own, or the path to one."
            placed.node.report(draft.findings, "MAP024", f"Here belongs a date and time; this is {error}.", hint=hint)


def _constant(draft: Draft, expression: Expression) -> Json:
    """The value of an expression that reads nothing; null where that is not known."""
    placed = draft.expressions.of(expression)
    if placed is None or placed.references:
        return None
    try:
        return expression.evaluate(expression.environment.activation({}))
    except EvaluationError:
        return None


def _groups(draft: Draft) -> None:
    """In an `xor` group nothing comes after a rule without a condition."""
    closed: dict[tuple[str, str], str] = {}
    shut_out: dict[str, list[tuple[str, str]]] = {}
    for made in sorted(draft.rules, key=lambda made: (made.value.priority, made.value.id)):
        rule = made.value
        for code in sorted(rule.products) if rule.xor is not None else ():
            group = (code, rule.xor or "")
            if group in closed:
                shut_out.setdefault(rule.id, []).append((code, closed[group]))
            elif rule.when is None:
                closed[group] = rule.id
    for made in draft.rules:
        found = shut_out.get(made.value.id, [])
        if found and len(found) == len(made.value.products):
            made.node["id"].report(
                draft.findings,
                "MAP054",
                f"`{made.value.id}` never fires: `{found[0][1]}` of the same `xor` group always comes first.",
            )


def _shadowed_events(draft: Draft) -> None:
    """The first event whose condition holds takes a message: nothing comes after one without a condition."""
    greedy: dict[str, str] = {}
    for made in draft.events.values():
        event = made.value
        if event.system in greedy:
            made.node.report(
                draft.findings,
                "MAP054",
                f"`{event.full_name}` never comes: `{greedy[event.system]}` before it takes every message.",
                hint="Give it a `when`.",
            )
        elif draft.expressions.of(event.when) is None or _constant(draft, event.when) is True:
            greedy[event.system] = event.full_name


def _shadowed_scenarios(draft: Draft) -> None:
    """A scenario of a product takes the place of one of its class with the same plan."""
    own = {(made.value.written_for, made.value.plan) for made in draft.scenarios}
    for made in draft.scenarios:
        scenario = made.value
        by_class = scenario.written_for.startswith("class ")
        if by_class and scenario.products and all((code, scenario.plan) in own for code in scenario.products):
            made.node.report(
                draft.findings,
                "MAP054",
                f"Every product of the {scenario.written_for} has a scenario of its own with `{scenario.plan}`.",
            )
