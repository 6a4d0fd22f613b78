"""Objects, events and fields: names, labels, what each type of field needs, lookups, picklists, keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from . import platform
from .findings import Code, Finding
from .project import Project, Source
from .schema import Field, Schema, is_event

DEVELOPER_NAME = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*")
"""Letters, digits and single underscores; starts with a letter, ends with no underscore."""

_LABEL_LENGTH = 40
_TEXT_LENGTHS = {"label": _LABEL_LENGTH, "pluralLabel": _LABEL_LENGTH, "description": 1000, "inlineHelpText": 510}

_SIZED = {"length", "precision", "scale", "visibleLines"}
_RELATION = {"referenceTo", "relationshipName", "relationshipLabel", "deleteConstraint"}
_KEY = {"externalId", "unique", "caseSensitive"}
_SPECIFIC = _SIZED | _RELATION | _KEY | {"valueSet", "displayFormat", "defaultValue", "required"}

_NEEDS: dict[str, tuple[set[str], set[str]]] = {
    "Checkbox": ({"defaultValue"}, set()),
    "Date": (set(), {"required", "defaultValue"}),
    "DateTime": (set(), {"required", "defaultValue"}),
    "LongTextArea": ({"length", "visibleLines"}, {"defaultValue"}),
    "Lookup": (_RELATION, {"required"}),
    "Number": ({"precision", "scale"}, {"required", "externalId", "unique", "defaultValue"}),
    "Percent": ({"precision", "scale"}, {"required", "defaultValue"}),
    "Picklist": ({"valueSet"}, {"required"}),
    "Text": ({"length"}, _KEY | {"required", "defaultValue"}),
}
"""Type of a field → the elements that it needs, and those that it may have besides."""

_RANGES = {("Text", "length"): (1, 255), ("LongTextArea", "length"): (256, 131_072)} | {
    (kind, tag): limits
    for kind in ("Number", "Percent")
    for tag, limits in {"precision": (1, 18), "scale": (0, 17)}.items()
}
_RANGES["LongTextArea", "visibleLines"] = (2, 50)

_MOST_EXTERNAL_IDS = 25


def check_objects(project: Project, schema: Schema) -> Iterator[Finding]:
    """What is wrong with the objects and fields of the project."""
    for source in project.of("object"):
        yield from _texts(source, ("label", "pluralLabel"))
        yield from _name(source, source.name.removesuffix("__c").removesuffix("__e"))
        yield from _event(source) if is_event(source.name) else _object(source)
        yield from _search_layout(source, schema)
    for source in project.of("field"):
        field = schema.objects[source.parent][source.name]
        yield from _texts(source, ("label",))
        yield from _name(source, source.name.removesuffix("__c"))
        yield from _field(source, field, schema)
    yield from _homeless(project)
    yield from _relationship_names(project)
    yield from _external_ids(project)


def _texts(source: Source, labels: tuple[str, ...]) -> Iterator[Finding]:
    for tag in labels:
        if not source.root.value(tag):
            yield source.finding(Code.LABEL, f"{source.name} has no {tag}")
    if not source.root.value("description"):
        yield source.finding(Code.DESCRIPTION, f"{source.name} has no description")
    for tag, most in _TEXT_LENGTHS.items():
        text = source.root.value(tag) or ""
        if len(text) > most:
            code = Code.LABEL if tag in {"label", "pluralLabel"} else Code.DESCRIPTION
            yield source.finding(
                code, f"{tag} has {len(text)} characters, {most} are the most", source.root.line_of(tag)
            )


def _name(source: Source, stem: str) -> Iterator[Finding]:
    if stem == source.name:
        yield source.finding(Code.DEVELOPER_NAME, f"{source.name} does not end as a custom name does (__c, __e)")
    elif not DEVELOPER_NAME.fullmatch(stem) or len(stem) > _LABEL_LENGTH:
        yield source.finding(Code.DEVELOPER_NAME, f"{source.name} is no valid developer name")


def _object(source: Source) -> Iterator[Finding]:
    root = source.root
    for tag in ("nameField", "sharingModel", "deploymentStatus"):
        if root.first(tag) is None:
            yield source.finding(Code.OBJECT_SHAPE, f"{source.name} lacks {tag}")
    for tag in ("eventType", "publishBehavior"):
        if root.first(tag) is not None:
            yield source.finding(Code.OBJECT_SHAPE, f"{tag} is for platform events", root.line_of(tag))
    if len({root.value(tag) for tag in ("enableBulkApi", "enableSharing", "enableStreamingApi")}) > 1:
        yield source.finding(
            Code.OBJECT_SHAPE, "enableBulkApi, enableSharing and enableStreamingApi go together", root.line
        )
    name_field = root.first("nameField")
    if name_field is None:
        return
    kind, has_format = name_field.value("type"), name_field.first("displayFormat") is not None
    if kind not in {"Text", "AutoNumber"} or not name_field.value("label"):
        yield source.finding(Code.OBJECT_SHAPE, "nameField needs a label and type Text or AutoNumber", name_field.line)
    if (kind == "AutoNumber") != has_format:
        yield source.finding(
            Code.OBJECT_SHAPE, "nameField has a displayFormat exactly if it is an AutoNumber", name_field.line
        )
    if has_format and not re.search(r"\{0+\}", name_field.value("displayFormat") or ""):
        yield source.finding(Code.OBJECT_SHAPE, "displayFormat needs a number like {0000}", name_field.line)


def _event(source: Source) -> Iterator[Finding]:
    wanted = {"eventType": "HighVolume", "publishBehavior": "PublishAfterCommit", "deploymentStatus": "Deployed"}
    for tag, value in wanted.items():
        if source.root.value(tag) != value:
            yield source.finding(
                Code.EVENT_SHAPE, f"{tag} is {source.root.value(tag)}, not {value}", source.root.line_of(tag)
            )
    for tag in ("nameField", "sharingModel"):
        if source.root.first(tag) is not None:
            yield source.finding(Code.EVENT_SHAPE, f"a platform event has no {tag}", source.root.line_of(tag))


def _search_layout(source: Source, schema: Schema) -> Iterator[Finding]:
    layouts = source.root.first("searchLayouts")
    for entry in layouts.children if layouts else ():
        columns = platform.CUSTOM_OBJECT_COLUMNS
        if entry.text not in columns and schema.field(source.name, entry.text) is None:
            yield source.finding(Code.VIEW_COLUMN, f"{source.name} has no field {entry.text}", entry.line)


def _field(source: Source, field: Field, schema: Schema) -> Iterator[Finding]:
    root = source.root
    if field.type not in _NEEDS:
        yield source.finding(
            Code.FIELD_SHAPE, f"type {field.type or 'missing'} is not one that is checked", root.line_of("type")
        )
        return
    needed, allowed = _NEEDS[field.type]
    for tag in sorted(needed):
        if root.first(tag) is None:
            yield source.finding(Code.FIELD_SHAPE, f"a {field.type} needs {tag}")
    for element in root.children:
        if element.tag in _SPECIFIC - needed - allowed:
            yield source.finding(Code.FIELD_SHAPE, f"a {field.type} can't have {element.tag}", element.line)
    yield from _sizes(source, field)
    if is_event(field.object):
        yield from _event_field(source, field)
    if field.type == "Lookup":
        yield from _lookup(source, field, schema)
    if field.type == "Picklist":
        yield from _picklist(source)


def _sizes(source: Source, field: Field) -> Iterator[Finding]:
    root = source.root
    numbers: dict[str, int] = {}
    for tag in sorted(_SIZED):
        text = root.value(tag)
        if text is None or not text.isdigit():
            continue
        numbers[tag] = int(text)
        least, most = _RANGES.get((field.type, tag), (0, numbers[tag]))
        if not least <= numbers[tag] <= most:
            yield source.finding(
                Code.FIELD_SIZE, f"{tag} of a {field.type} is {least} to {most}, not {text}", root.line_of(tag)
            )
    if numbers.get("scale", 0) >= numbers.get("precision", 1):
        yield source.finding(
            Code.FIELD_SIZE, "precision counts all digits, so scale has to be less", root.line_of("scale")
        )


def _event_field(source: Source, field: Field) -> Iterator[Finding]:
    if field.type not in platform.EVENT_FIELD_TYPES:
        yield source.finding(Code.EVENT_FIELD, f"a platform event can't have a {field.type}")
    if field.name.removesuffix("__c") in platform.EVENT_RESERVED:
        yield source.finding(Code.EVENT_FIELD, f"every platform event has a field {field.name.removesuffix('__c')}")
    for tag in ("externalId", "unique"):
        if source.root.is_true(tag):
            yield source.finding(
                Code.EVENT_FIELD, f"a field of a platform event can't be {tag}", source.root.line_of(tag)
            )


def _lookup(source: Source, field: Field, schema: Schema) -> Iterator[Finding]:
    root = source.root
    target, constraint = field.target or "", root.value("deleteConstraint")
    if target not in schema.objects or is_event(target):
        yield source.finding(
            Code.LOOKUP_TARGET, f"{source.name} looks up to {target}, which is unknown", root.line_of("referenceTo")
        )
    if field.required == (constraint == "SetNull"):
        wanted = "Restrict or Cascade" if field.required else "SetNull"
        yield source.finding(
            Code.LOOKUP_DELETE,
            f"deleteConstraint is {constraint}; {'a required' if field.required else 'an optional'} lookup has {wanted}",
            root.line_of("deleteConstraint"),
        )
    if not DEVELOPER_NAME.fullmatch(root.value("relationshipName") or ""):
        yield source.finding(
            Code.RELATIONSHIP_NAME,
            f"relationshipName {root.value('relationshipName')!r} is no valid developer name",
            root.line_of("relationshipName"),
        )


def _picklist(source: Source) -> Iterator[Finding]:
    values = [element for element in source.root.walk() if element.tag == "value"]
    value_set = source.root.first("valueSet")
    if not values:
        yield source.finding(Code.PICKLIST_VALUE, f"{source.name} has no values")
    if value_set is not None and not value_set.is_true("restricted"):
        yield source.finding(Code.PICKLIST_VALUE, f"{source.name} is not restricted", value_set.line)
    for tag in ("fullName", "label"):
        for text, count in Counter((value.value(tag) or "").casefold() for value in values).items():
            if count > 1 or not text:
                trouble = f"has {count} values with {tag} {text!r}" if text else f"has a value without {tag}"
                yield source.finding(Code.PICKLIST_VALUE, f"{source.name} {trouble}")
    if sum(value.is_true("default") for value in values) > 1:
        yield source.finding(Code.PICKLIST_VALUE, f"{source.name} has more than one default")


def _homeless(project: Project) -> Iterator[Finding]:
    defined = {source.name for source in project.of("object")} | set(platform.STANDARD_FIELDS)
    for kind in ("field", "listView"):
        for source in project.of(kind):
            if source.parent not in defined:
                yield source.finding(Code.OBJECT_SHAPE, f"there is no object {source.parent}")


def _relationship_names(project: Project) -> Iterator[Finding]:
    taken: dict[tuple[str, str], Source] = {}
    for source in project.of("field"):
        target, name = source.root.value("referenceTo"), source.root.value("relationshipName")
        if target is None or name is None:
            continue
        other = taken.setdefault((target, name.casefold()), source)
        if other is not source:
            yield source.finding(
                Code.RELATIONSHIP_NAME,
                f"{target} has two child relationships {name}: also from {other.parent}.{other.name}",
                source.root.line_of("relationshipName"),
            )


def _external_ids(project: Project) -> Iterator[Finding]:
    counted: Counter[str] = Counter()
    for source in project.of("field"):
        if not source.root.is_true("externalId"):
            continue
        counted[source.parent] += 1
        if not (source.root.is_true("unique") and source.root.is_true("caseSensitive")):
            yield source.finding(
                Code.EXTERNAL_ID, f"{source.name} is a key to write records by, so it has to be unique, case sensitive"
            )
        if counted[source.parent] > _MOST_EXTERNAL_IDS:
            yield source.finding(Code.EXTERNAL_ID, f"{source.parent} has more than {_MOST_EXTERNAL_IDS} external ids")
