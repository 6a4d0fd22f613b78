"""Which file of a mapping set holds what. What may stand in it is told in `connector.mappings.form`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.mappings.form.design import PLAN, RULES, SCENARIOS
from connector.mappings.form.operation import FALLOUT, QUEUES, SET
from connector.mappings.form.products import PRODUCTS
from connector.mappings.form.salesforce import INTAKE, WRITEBACK
from connector.mappings.form.systems import SYSTEM
from connector.mappings.shapes import Schema, Shape


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a set: its name, its shape, whether it is one document in one file."""

    name: str
    shape: Shape
    single: bool = False
    needed: bool = False


FILES: Mapping[str, Part] = {
    "set.yaml": Part("set", SET, single=True, needed=True),
    "intake.yaml": Part("intake", INTAKE, single=True, needed=True),
    "scenarios.yaml": Part("scenarios", SCENARIOS),
    "queues.yaml": Part("queues", QUEUES),
    "fallout.yaml": Part("fallout", FALLOUT, single=True),
    "writeback.yaml": Part("writeback", WRITEBACK, single=True),
}
FOLDERS: Mapping[str, Part] = {
    "products": Part("products", PRODUCTS),
    "decomposition": Part("decomposition", RULES),
    "plans": Part("plans", PLAN),
    "systems": Part("systems", SYSTEM),
}
IGNORED_FOLDERS = frozenset({"cases"})
"""Folders beside the set's own that hold something else: golden cases are not part of what is compiled."""


def part_of(path: str) -> Part | None:
    """The part of a set that a file holds, by its path inside the folder."""
    folder, separator, _ = path.partition("/")
    return FOLDERS.get(folder) if separator else FILES.get(path)


def json_schema(part: Part) -> Schema:
    """The JSON Schema of the files of one part, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"order connector mapping set: {part.name}",
        **part.shape.schema(),
    }
