"""The schema that an org has once the project is deployed: its objects and fields, standard ones included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import platform
from .project import Project, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field. `source` is its file; None for what the platform brings."""

    object: str
    name: str
    type: str
    source: Source | None = None

    @property
    def required(self) -> bool:
        """Whether a record can't be saved without it; false for standard fields, which this does not know."""
        return self.source is not None and self.source.root.is_true("required")

    @property
    def length(self) -> int | None:
        """How many characters it holds, where it says so."""
        return self._number("length")

    @property
    def target(self) -> str | None:
        """The object that a lookup of the project points to."""
        return None if self.source is None else self.source.root.value("referenceTo")

    @property
    def values(self) -> frozenset[str] | None:
        """The values of a restricted picklist; None where any value may be."""
        if self.source is None:
            return platform.PICKLIST_VALUES.get(f"{self.object}.{self.name}")
        return frozenset(picklist_values(self.source)) if self.type == "Picklist" else None

    def _number(self, tag: str) -> int | None:
        text = None if self.source is None else self.source.root.value(tag)
        return int(text) if text and text.isdigit() else None


def picklist_values(source: Source) -> Iterator[str]:
    """The API names of the values of a picklist field, in order."""
    for definition in source.root.walk():
        if definition.tag == "valueSetDefinition":
            for value in definition.all("value"):
                yield value.value("fullName") or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """Objects by name, each with its fields by name."""

    objects: Mapping[str, Mapping[str, Field]]

    def field(self, object_name: str, field_name: str) -> Field | None:
        """A field, by its API name."""
        return self.objects.get(object_name, {}).get(field_name)

    def relationship(self, object_name: str, path: str) -> tuple[Field, str] | None:
        """The lookup field and the field's name in the other object for a path like `Plan__r.External_Id__c`."""
        head, separator, rest = path.partition(".")
        lookup = self.field(object_name, head.removesuffix("__r") + "__c" if head.endswith("__r") else head + "Id")
        return (lookup, rest) if separator and lookup is not None else None


def is_event(object_name: str) -> bool:
    """Whether the object is a platform event."""
    return object_name.endswith("__e")


def is_custom(object_name: str) -> bool:
    """Whether the object is a custom object."""
    return object_name.endswith("__c")


def read_schema(project: Project) -> Schema:
    """The schema of the project on top of the platform's."""
    objects: dict[str, dict[str, Field]] = {}
    for name, fields in platform.STANDARD_FIELDS.items():
        objects[name] = {field: Field(object=name, name=field, type=kind) for field, kind in fields.items()}
    for source in project.of("object"):
        objects.setdefault(source.name, {})
    for name, known in objects.items():
        if not is_event(name):
            for field, kind in platform.SYSTEM_FIELDS.items():
                known.setdefault(field, Field(object=name, name=field, type=kind))
    for source in project.of("field"):
        owner, kind = source.parent, source.root.value("type") or ""
        objects.setdefault(owner, {})[source.name] = Field(object=owner, name=source.name, type=kind, source=source)
    return Schema(objects=objects)
