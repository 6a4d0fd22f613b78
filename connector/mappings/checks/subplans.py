"""Plan definitions inside of others: what an item of type subplan stands for is closed in itself.

Its items are made when its turn comes, so nobody outside can wait for them, and they have nobody to wait for but each
other: what they all wait for, the subplan item does.
"""

from __future__ import annotations

from connector.mappings.checks.rings import rings
from connector.mappings.draft import Draft, awaited, one_or_more
from connector.mappings.set import Scope


def check(draft: Draft) -> None:
    """Report rings of subplans, and definitions that are not closed."""
    inside = _inside(draft)
    for ring in rings(inside):
        names = " → ".join((*ring, ring[0]))
        holder = next(
            made
            for (plan, _), made in draft.items.items()
            if plan == ring[0] and made.value.subplan == ring[1 % len(ring)]
        )
        holder.node["plan"].report(draft.findings, "MAP055", f"Subplans contain each other: {names}.")
    for name in dict.fromkeys(below for contained in inside.values() for below in contained):
        _closed(draft, name)


def _inside(draft: Draft) -> dict[str, list[str]]:
    """By plan definition those that its items stand for."""
    inside: dict[str, list[str]] = {plan: [] for plan in draft.plans}
    for (plan, _), made in draft.items.items():
        subplan = made.value.subplan
        if subplan in draft.plans:
            inside.setdefault(plan, []).append(subplan)
    return inside


def _closed(draft: Draft, name: str) -> None:
    for item in draft.plans[name].value.items.values():
        node = draft.items[name, item.key].node
        if item.scope is not Scope.LINE:
            node["scope"].report(
                draft.findings,
                "MAP076",
                f"`{name}` is used as a subplan, and there its items are those of the subplan item.",
                hint="Leave `scope` away, or give the subplan item one.",
            )
        entries = (awaited(entry) for entry in one_or_more(node.get("after")))
        for dependency, entry in zip(item.after, entries, strict=True):
            if dependency.scope is not None:
                entry.report(
                    draft.findings,
                    "MAP076",
                    f"`{name}` is used as a subplan, and there its items wait for each other only.",
                    hint="Let the subplan item wait for it.",
                )
