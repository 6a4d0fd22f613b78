"""What is known about writing one object before any record comes: conversions, defaults, what must not be empty."""

from __future__ import annotations

from typing import Any

from connector.localorg.errors import refused, unknown_written_column
from connector.localorg.records.values import Coerce, coercer
from connector.localorg.schema.model import Field, Schema, SObject, Type
from connector.localorg.security import Access


class Shape:
    """One object, prepared for fast writing."""

    def __init__(self, sobject: SObject, schema: Schema) -> None:
        fields = sobject.fields.values()
        self.sobject = sobject
        self.required = frozenset(each.name for each in fields if each.required)
        self.unique = frozenset(each.name for each in fields if each.unique)
        self.references = {each.name: each for each in fields if each.type is Type.REFERENCE}
        self.automatic = [each for each in fields if each.auto]
        self.has_owner = sobject.field("OwnerId") is not None
        self.defaults: dict[str, Any] = {
            each.name: False if each.type is Type.BOOLEAN and each.default is None else each.default
            for each in fields
            if each.default is not None or each.type is Type.BOOLEAN
        }
        self._schema = schema
        self._coercers: dict[str, Coerce] = {}

    def coerce(self, field: Field, value: Any) -> Any:
        """The stored form of a JSON value.

        Raises:
            SalesforceError: the field does not take it.
        """
        if value is None:
            if field.type is Type.BOOLEAN:
                message = f"{field.label}: value not of required type: null"
                raise refused("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [field.name])
            return None
        coerce = self._coercers.get(field.name)
        if coerce is None:
            coerce = self._coercers[field.name] = coercer(field, self._schema)
        return coerce(value)


class Writable:
    """The names that one user may write on one object, each looked up once. `creating` or else updating."""

    def __init__(self, shape: Shape, access: Access, *, creating: bool) -> None:
        self._shape = shape
        self._access = access
        self._creating = creating
        self._known: dict[str, tuple[Field, bool]] = {}

    def field(self, name: str) -> tuple[Field, bool]:
        """The field behind a name, and whether the name is that of its relationship (`Plan__r`).

        Raises:
            SalesforceError: there is none, or the user may not write it.
        """
        known = self._known.get(name)
        if known is None:
            field = self._look_up(name)
            known = self._known[name] = field, name.lower() != field.name.lower()
        return known

    def _look_up(self, name: str) -> Field:
        sobject = self._shape.sobject
        field = sobject.field(name) or sobject.parent(name)
        if field is None or not self._access.reads(sobject, field):
            raise unknown_written_column(name, sobject.name)
        if not (field.create if self._creating else field.update) or not self._access.edits(sobject, field):
            raise refused(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                f"Unable to create/update fields: {field.name}. Please check the security settings of this field "
                "and verify that it is read/write for your profile or permission set.",
                [field.name],
            )
        return field
