"""Reads objects and fields from metadata in source format: `objects/<Object>/…`, and value sets.

What the org cannot compute (formulas, roll-ups) becomes a read-only field that is always empty, with a warning.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from connector.localorg.schema.draft import Draft
from connector.localorg.schema.model import Field, Kind, PicklistValue, Type
from connector.localorg.schema.standard import system_fields
from connector.localorg.schema.xml import MetadataError, Node, read

_TYPES = {
    "AutoNumber": Type.STRING,
    "Checkbox": Type.BOOLEAN,
    "Currency": Type.CURRENCY,
    "Date": Type.DATE,
    "DateTime": Type.DATETIME,
    "Email": Type.EMAIL,
    "Html": Type.TEXTAREA,
    "LongTextArea": Type.TEXTAREA,
    "Lookup": Type.REFERENCE,
    "MasterDetail": Type.REFERENCE,
    "MultiselectPicklist": Type.MULTIPICKLIST,
    "Number": Type.DOUBLE,
    "Percent": Type.PERCENT,
    "Phone": Type.PHONE,
    "Picklist": Type.PICKLIST,
    "Summary": Type.DOUBLE,
    "Text": Type.STRING,
    "TextArea": Type.TEXTAREA,
    "Time": Type.TIME,
    "Url": Type.URL,
}
_LENGTHS = {
    Type.TEXTAREA: 255,
    Type.PICKLIST: 255,
    Type.REFERENCE: 18,
    Type.EMAIL: 80,
    Type.PHONE: 40,
    Type.URL: 255,
    Type.MULTIPICKLIST: 4099,
}
_ON_DELETE = {"Cascade": "cascade", "Restrict": "restrict", "SetNull": "clear", "": "clear"}
_PLATFORM_EVENT_FIELDS = ("CreatedDate", "CreatedById")


class ObjectReader:
    """Reads the objects of one metadata folder into drafts. `warnings` collects what could not be honoured."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warnings: list[str] = []

    def merge_into(self, drafts: dict[str, Draft]) -> None:
        """Add custom objects, and custom fields to the objects that are there.

        Raises:
            MetadataError: a file that makes no sense; the message names it.
        """
        for folder in sorted(self.folder.glob("objects/*/")):
            self._object(folder, drafts)
        for file in sorted(self.folder.glob("standardValueSets/*.standardValueSet-meta.xml")):
            self._standard_value_set(file, drafts)

    def _object(self, folder: Path, drafts: dict[str, Draft]) -> None:
        name = folder.name
        file = folder / f"{name}.object-meta.xml"
        draft = drafts.get(name.lower())
        if draft is None:
            if not name.endswith(("__c", "__e")):
                self.warnings.append(f"{name}: not a standard object that this org knows; skipped")
                return
            if not file.exists():
                raise MetadataError(f"{folder}: there is no {file.name}")
            draft = drafts[name.lower()] = _custom_object(name, read(file))
        for field_file in sorted(folder.glob("fields/*.field-meta.xml")):
            field, master = self._field(read(field_file), draft)
            draft.add(field)
            if master:
                draft.fields.pop("ownerid", None)

    def _field(self, node: Node, draft: Draft) -> tuple[Field, bool]:
        name, kind = node.text("fullName"), node.text("type")
        if kind not in _TYPES:
            raise MetadataError(f"{node.file}: type {kind!r} is not one that this org knows")
        calculated = node.has("formula") or kind == "Summary"
        if calculated:
            self.warnings.append(f"{draft.name}.{name}: formulas and roll-ups are not computed; the field stays empty")
        master = kind == "MasterDetail"
        reference = _TYPES[kind] is Type.REFERENCE
        required = node.flag("required") or master
        automatic = kind == "AutoNumber"
        values, restricted = self._values(node)
        children = node.text("relationshipName")
        return Field(
            name=name,
            label=node.text("label", name),
            type=_TYPES[kind],
            custom=True,
            length=node.number("length", 30 if automatic else _LENGTHS.get(_TYPES[kind], 0)),
            precision=node.number("precision"),
            scale=node.number("scale"),
            values=values,
            restricted=restricted,
            required=required,
            unique=node.flag("unique"),
            case_sensitive=node.flag("caseSensitive"),
            external_id=node.flag("externalId"),
            to=(node.text("referenceTo"),) if reference else (),
            relationship=name.removesuffix("__c") + "__r" if reference else "",
            children=f"{children}__r" if children else "",
            on_delete="cascade" if master else _ON_DELETE[node.text("deleteConstraint")],
            default=_default(node, _TYPES[kind], values),
            create=not (automatic or calculated),
            update=not (automatic or calculated or (master and not node.flag("reparentableMasterDetail"))),
            auto=node.text("displayFormat", "{0}") if automatic else "",
            start=node.number("startingNumber", 1),
            calculated=calculated,
            open=required,
        ), master

    def _values(self, node: Node) -> tuple[tuple[PicklistValue, ...], bool]:
        value_set = node.get("valueSet")
        if value_set is None:
            return (), False
        definition = value_set.get("valueSetDefinition")
        if definition is not None:
            return tuple(_value(each) for each in definition.all("value")), value_set.flag("restricted")
        file = self.folder / "globalValueSets" / f"{value_set.text('valueSetName')}.globalValueSet-meta.xml"
        if not file.exists():
            raise MetadataError(f"{node.file}: there is no {file.name}")
        return tuple(_value(each) for each in read(file).all("customValue")), True

    def _standard_value_set(self, file: Path, drafts: dict[str, Draft]) -> None:
        name = file.name.partition(".")[0]
        values = tuple(_value(each) for each in read(file).all("standardValue"))
        for draft in drafts.values():
            for field_name, set_name in draft.value_sets.items():
                if set_name == name:
                    old = draft.fields[field_name.lower()]
                    default = next((each.value for each in values if each.default), None)
                    draft.add(_replaced(old, values, default))


def _custom_object(name: str, node: Node) -> Draft:
    label = node.text("label", name)
    event = name.endswith("__e")
    draft = Draft(
        name=name,
        label=label,
        plural=node.text("pluralLabel", f"{label}s"),
        kind=Kind.EVENT if event else Kind.RECORD,
        custom=True,
        publish_immediately=event and node.text("publishBehavior", "PublishImmediately") == "PublishImmediately",
    )
    system = system_fields(owner=not event)
    if event:
        draft.add(*(each for each in system if each.name in _PLATFORM_EVENT_FIELDS))
        return draft
    draft.add(*system)
    draft.add(_name_field(node.get("nameField"), label))
    return draft


def _name_field(node: Node | None, label: str) -> Field:
    if node is not None and node.text("type") == "AutoNumber":
        return Field(
            name="Name",
            label=node.text("label", label),
            type=Type.STRING,
            length=80,
            auto=node.text("displayFormat", "{0}"),
            start=node.number("startingNumber", 1),
            create=False,
            update=False,
            open=True,
            name_field=True,
        )
    # A custom object without a name takes its Id as name, so the field is not required in the API.
    text = node.text("label", label) if node is not None else label
    return Field(name="Name", label=text, type=Type.STRING, length=80, open=True, name_field=True)


def _value(node: Node) -> PicklistValue:
    value = node.text("fullName")
    group = node.text("groupingString") or ("closed" if node.flag("closed") else "")
    return PicklistValue(
        value=value,
        label=node.text("label", value),
        active=node.flag("isActive", default=True),
        default=node.flag("default"),
        group=group,
    )


def _replaced(field: Field, values: tuple[PicklistValue, ...], default: str | None) -> Field:
    return replace(field, values=values, default=default or field.default)


def _default(node: Node, kind: Type, values: tuple[PicklistValue, ...]) -> object:
    if kind is Type.BOOLEAN:
        return node.flag("defaultValue")
    marked = next((each.value for each in values if each.default), None)
    text = node.text("defaultValue")
    if not text:
        return marked
    literal = text.strip("\"'")
    if kind in (Type.DOUBLE, Type.CURRENCY, Type.PERCENT):
        try:
            return float(literal)
        except ValueError:
            return None
    return literal if literal != text or kind is Type.PICKLIST else None
