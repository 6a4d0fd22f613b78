"""An object while it is being put together from standard data and metadata."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from connector.localorg.schema.model import Child, Field, Kind, SObject


@dataclass(slots=True, kw_only=True)
class Draft:
    """An object that still takes fields. `value_sets`: field name → standard value set that may replace its values."""

    name: str
    label: str
    plural: str
    prefix: str = ""
    kind: Kind = Kind.RECORD
    custom: bool = False
    access_from: str = ""
    publish_immediately: bool = False
    fields: dict[str, Field] = field(default_factory=dict)
    value_sets: dict[str, str] = field(default_factory=dict)

    def add(self, *fields: Field) -> None:
        """Add fields; one of the same name is replaced."""
        self.fields.update({each.name.lower(): each for each in fields})

    def finish(self, children: list[Child]) -> SObject:
        """The finished object."""
        return SObject(
            name=self.name,
            label=self.label,
            plural=self.plural,
            prefix=self.prefix,
            kind=self.kind,
            custom=self.custom,
            access_from=self.access_from,
            publish_immediately=self.publish_immediately,
            fields=MappingProxyType(dict(self.fields)),
            parents=MappingProxyType(
                {each.relationship.lower(): each for each in self.fields.values() if each.relationship}
            ),
            children=MappingProxyType({child.name.lower(): child for child in children}),
        )
