"""What nothing uses: probably left over, or misspelt where it was meant to be used."""

from __future__ import annotations

from collections.abc import Iterable

from connector.mappings.document import Node
from connector.mappings.draft import Draft


def check(draft: Draft) -> None:
    """Warn of unused lists, plans, interfaces, queues and retry policies, when everything else could be built."""
    if not draft.complete:
        return
    lists = {value.list for made in draft.rules for value in made.value.attributes.values()}
    _warn(draft, "MAP100", "No rule uses the list", _first_keys(draft), lists)
    plans = {made.value.plan for made in draft.scenarios}
    plans.update(
        name
        for made in draft.items.values()
        for name in (made.value.on_cancel, made.value.on_amend, made.value.subplan)
        if name
    )
    _warn(draft, "MAP101", "Nothing chooses", ((n, m.node["plan"]) for n, m in draft.plans.items()), plans)
    interfaces = {called for made in draft.items.values() for called in made.value.calls}
    interfaces.update(
        f"{made.value.system}.{made.value.recall}" for made in draft.interfaces.values() if made.value.recall
    )
    _warn(draft, "MAP102", "No item uses the interface", ((n, m.node) for n, m in draft.interfaces.items()), interfaces)
    queues = {
        draft.fallout_queue,
        *(made.value.queue for made in draft.items.values()),
        *(made.value.queue for made in draft.fallout),
    }
    _warn(draft, "MAP103", "Nothing uses the queue", ((n, m.node["name"]) for n, m in draft.queues.items()), queues)
    policies = {"none", *(made.value.retry for made in draft.fallout)}
    _warn(draft, "MAP104", "No row uses the policy", ((n, m.node) for n, m in draft.retry_policies.items()), policies)


def _first_keys(draft: Draft) -> Iterable[tuple[str, Node]]:
    for document in draft.documents["products"]:
        lists = document.get("lists")
        for key, _ in lists.entries if lists is not None else ():
            yield key.text, key


_MISSPELT = {
    "MAP100": ("MAP033",),
    "MAP101": ("MAP034",),
    "MAP102": ("MAP035", "MAP036", "MAP070"),
    "MAP103": ("MAP038", "MAP070"),
    "MAP104": ("MAP039",),
}
"""A name that is not known may be the misspelt one of what seems to be unused: then that is all that is said."""


def _warn(draft: Draft, code: str, what: str, known: Iterable[tuple[str, Node]], used: Iterable[str | None]) -> None:
    if draft.findings.has(*_MISSPELT[code]):
        return
    taken = set(used)
    for name, node in known:
        if name not in taken:
            node.report(draft.findings, code, f"{what} `{name}`.")
