"""The set that most stories are told with: a phone in a bundle becomes T, an extra becomes E."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.mappings.set import ItemDefinition, MappingSet
from connector.model.order import Order
from tests.orchestrator.revision.building import Story, item, line, mapping_set, order, product, rule

ATTRIBUTES = ("size", "colour")


def phone_set(
    lane: Sequence[ItemDefinition],
    *,
    extra: Sequence[ItemDefinition] = (),
    offer: Sequence[ItemDefinition] = (),
    **plans: Sequence[ItemDefinition],
) -> MappingSet:
    """T gets the plan `lane`, E the plan `extra`, the bundle's root line the plan `offer`.

    `undo` and `fix` are there for whoever names them: one callout each.
    """
    defined: Mapping[str, Sequence[ItemDefinition]] = {
        "undo": [item("undo", interface="sys.undo")],
        "fix": [item("fix", interface="sys.fix")],
        **plans,
        "lane": lane,
        "extra": extra or [item("more", interface="sys.put", on_cancel="undo")],
        **({"offer": offer} if offer else {}),
    }
    return mapping_set(
        defined,
        products=(
            product("OFFER", ATTRIBUTES, kind="commercial", fulfillment=False),
            product("PHONE", ATTRIBUTES, kind="commercial"),
            product("EXTRA", ATTRIBUTES, kind="commercial"),
            product("T", ATTRIBUTES),
            product("E", ATTRIBUTES),
        ),
        rules=(rule("PHONE", "T", ATTRIBUTES), rule("EXTRA", "E", ATTRIBUTES)),
        scenarios=[("T", "lane"), ("E", "extra"), *([("OFFER", "offer")] if offer else [])],
    )


def phone(name: str = "phone", *, size: str = "S", colour: str = "red", **more: Any) -> Order:
    """An order of one phone."""
    return order(line(name, "PHONE", size=size, colour=colour, **more))


def bundle() -> Order:
    """An order of a bundle of a phone and an extra."""
    return order(
        line("offer", "OFFER"),
        line("phone", "PHONE", parent="offer", size="S", colour="red"),
        line("extra", "EXTRA", parent="offer", size="S", colour="red"),
    )


def story(*lane: ItemDefinition, given: Order | None = None, **plans: Sequence[ItemDefinition]) -> Story:
    """An order of one phone (or that one), begun."""
    return Story.of(phone_set(lane, **plans), given or phone())
