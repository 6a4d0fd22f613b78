"""What is said about revisions: the changes that items react to, the definitions that undo what they did."""

from __future__ import annotations

from connector.mappings.build.salesforce import intake_attributes
from connector.mappings.diagnostics import did_you_mean
from connector.mappings.document import Node
from connector.mappings.draft import Draft, items_of, one_or_more


def check(draft: Draft) -> None:
    """Report reactions to attributes that nothing has, and undoing that waits for others' items."""
    _dependencies(draft)
    if draft.complete:
        _reactions(draft)


def _dependencies(draft: Draft) -> None:
    undoing = {
        plan
        for made in draft.items.values()
        for plan in (made.value.on_cancel, made.value.on_amend)
        if plan is not None
    }
    for (plan, _), made in draft.items.items():
        if plan in undoing:
            for written, dependency in zip(one_or_more(made.node.get("after")), made.value.after, strict=False):
                if dependency.scope is not None:
                    written.report(
                        draft.findings,
                        "MAP073",
                        f"`{plan}` undoes or amends items; it can wait for its own items alone.",
                        hint="What it comes after is decided by what it undoes.",
                    )


def _reactions(draft: Draft) -> None:
    technical = {code: made.value for code, made in draft.products.items() if made.value.kind == "technical"}
    late = {name for made in draft.interfaces.values() for name in made.value.outputs}
    late.update(name for made in draft.events.values() for name in made.value.outputs)
    for made in draft.items.values():
        late.update(made.value.sets, (field.name for field in made.value.form))
    everywhere = late.union(*(product.attributes for product in technical.values()), ("quantity", "action"))
    of_order = intake_attributes(draft.intake.value.order) if draft.intake is not None else None
    for made in draft.items.values():
        for written in items_of(made.node.get("reacts_to")):
            owner, _, name = written.text.rpartition(".")
            if not owner:
                _known(draft, written, name, everywhere, "any technical product")
            elif owner == "order":
                if of_order is not None:
                    _known(draft, written, name, of_order, "the order (intake.yaml)")
            elif owner not in technical:
                hint = did_you_mean(owner, technical)
                written.report(draft.findings, "MAP030", f"There is no technical product `{owner}`.", hint=hint)
            else:
                own = late.union(technical[owner].attributes, ("quantity", "action"))
                _known(draft, written, name, own, f"`{owner}`")


def _known(draft: Draft, written: Node, name: str, names: set[str] | frozenset[str], whose: str) -> None:
    if name not in names:
        message = f"There is no attribute `{name}` of {whose}."
        written.report(draft.findings, "MAP026", message, hint=did_you_mean(name, names))
