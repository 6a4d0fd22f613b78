"""The first look: every name that the set defines, so that the parts can refer to each other in any order."""

from __future__ import annotations

from collections.abc import Iterator

from connector.mappings.document import Kind, Node
from connector.mappings.draft import Draft, entries_of, items_of, word


def declare(draft: Draft) -> None:
    """Gather the names, and report those that are defined twice."""
    _products(draft)
    _ids(draft, "decomposition", "rules", "rule")
    _ids(draft, "scenarios", "scenarios", "scenario")
    _plans(draft)
    _systems(draft)
    for entry, node in _named(draft, "queues", "queues", "name"):
        if _new(draft, node, node.text in draft.names.queues, "queue"):
            draft.names.queues[node.text] = word(entry, "kind", "manual")
    draft.names.retry_policies.add("none")
    for document in draft.documents["fallout"]:
        draft.names.retry_policies.update(key.text for key, _ in entries_of(document.get("retry_policies")))


def _products(draft: Draft) -> None:
    names = draft.names
    for entry, node in _named(draft, "products", "products", "code"):
        if _new(draft, node, node.text in names.products, "product"):
            names.products[node.text] = word(entry, "kind")
    for entry, node in _named(draft, "products", "classes", "name"):
        if _new(draft, node, node.text in names.classes, "class"):
            names.classes[node.text] = entry
    for document in draft.documents["products"]:
        for key, value in entries_of(document.get("lists")):
            if _new(draft, key, key.text in names.lists, "list"):
                names.lists[key.text] = value


def _ids(draft: Draft, part: str, key: str, what: str) -> None:
    taken: set[str] = set()
    for _, node in _named(draft, part, key, "id"):
        if _new(draft, node, node.text in taken, what):
            taken.add(node.text)


def _plans(draft: Draft) -> None:
    for document in draft.documents["plans"]:
        name = document.get("plan")
        if (
            name is None
            or not name.is_scalar
            or not _new(draft, name, name.text in draft.names.plans, "plan definition")
        ):
            continue
        items: dict[str, Node] = {}
        draft.names.plans[name.text] = items
        for item in items_of(document.get("items")):
            key = item.get("key")
            if key is not None and key.is_scalar and _new(draft, key, key.text in items, "item"):
                items[key.text] = item
                draft.names.item_keys.add(key.text)


def _systems(draft: Draft) -> None:
    names = draft.names
    for document in draft.documents["systems"]:
        name = document.get("system")
        if name is None or not name.is_scalar or not _new(draft, name, name.text in names.systems, "system"):
            continue
        names.systems.add(name.text)
        inbound = document.get("inbound")
        names.interfaces |= {f"{name.text}.{key.text}" for key, _ in entries_of(document.get("interfaces"))}
        names.events |= {f"{name.text}.{key.text}" for key, _ in entries_of(inbound and inbound.get("events"))}


def _named(draft: Draft, part: str, key: str, name: str) -> Iterator[tuple[Node, Node]]:
    """The entries of a list in every document of a part, each with the node of its name."""
    for document in draft.documents[part]:
        listed = document.get(key)
        for entry in listed.items if listed is not None else ():
            found = entry.get(name)
            if entry.kind is Kind.MAPPING and found is not None and found.is_scalar:
                yield entry, found


def _new(draft: Draft, node: Node, taken: bool, what: str) -> bool:  # noqa: FBT001 - private
    if taken:
        node.report(draft.findings, "MAP015", f"The {what} `{node.text}` is defined twice.")
    return not taken
