"""Permission sets: what they name exists and may be named, what depends on each other is together, and the
integration has all that it needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from . import platform
from .findings import Code, Finding
from .markup import Element
from .project import Project, Source
from .schema import Schema, is_event

INTEGRATION = "Order_Connector_Integration"
"""The permission set that has to grant everything: whatever is missing in it, the connector can't see."""

_DEPENDS = {
    "allowCreate": ("allowRead",),
    "allowEdit": ("allowRead",),
    "allowDelete": ("allowRead", "allowEdit"),
    "viewAllRecords": ("allowRead",),
    "modifyAllRecords": ("allowRead", "allowEdit", "allowDelete", "viewAllRecords"),
}
_NOT_FOR_EVENTS = ("allowEdit", "allowDelete", "viewAllRecords", "modifyAllRecords")
_KEYS = {
    "customPermissions": "name",
    "fieldPermissions": "field",
    "objectPermissions": "object",
    "tabSettings": "tab",
    "userPermissions": "name",
}


def check_permissions(project: Project, schema: Schema) -> Iterator[Finding]:
    """What is wrong with the permission sets of the project."""
    tabs = {source.name for source in project.of("tab")}
    own = {source.name for source in project.of("customPermission")}
    yield from _in_rules(project, own)
    for source in project.of("permissionset"):
        yield from _order(source)
        objects = {entry.value("object") or "": entry for entry in source.root.all("objectPermissions")}
        for name, entry in objects.items():
            yield from _object(source, name, entry, schema)
        for entry in source.root.all("fieldPermissions"):
            yield from _field(source, entry, schema, set(objects))
        for entry in source.root.all("tabSettings"):
            if entry.value("tab") not in tabs:
                yield source.finding(Code.PERMISSION_TARGET, f"there is no tab {entry.value('tab')}", entry.line)
        for entry in source.root.all("customPermissions"):
            if (custom := entry.value("name")) not in own:
                yield source.finding(Code.PERMISSION_TARGET, f"there is no custom permission {custom}", entry.line)
        yield from _user_permissions(source)
        if source.name == INTEGRATION:
            yield from _complete(source, project, schema)


def _in_rules(project: Project, own: set[str]) -> Iterator[Finding]:
    """Custom permissions that validation rules ask for."""
    for source in project.of("validationRule"):
        for name in re.findall(r"\$Permission\.(\w+)", source.root.value("errorConditionFormula") or ""):
            if name not in own:
                line = source.root.line_of("errorConditionFormula")
                yield source.finding(Code.PERMISSION_TARGET, f"there is no custom permission {name}", line)


def _order(source: Source) -> Iterator[Finding]:
    for tag, key in _KEYS.items():
        names = [entry.value(key) or "" for entry in source.root.all(tag)]
        for before, after in pairwise(names):
            if before >= after:
                trouble = "twice" if before == after else f"after {before}"
                yield source.finding(Code.PERMISSION_ORDER, f"{tag}: {after} comes {trouble}")


def _object(source: Source, name: str, entry: Element, schema: Schema) -> Iterator[Finding]:
    if name not in schema.objects:
        yield source.finding(Code.PERMISSION_TARGET, f"there is no object {name}", entry.line)
    if name in platform.OBJECT_ACCESS_FROM:
        parent = platform.OBJECT_ACCESS_FROM[name]
        yield source.finding(
            Code.PERMISSION_FORBIDDEN, f"access to {name} follows {parent}, it has none of its own", entry.line
        )
    for permission, needed in _DEPENDS.items():
        for other in needed:
            if entry.is_true(permission) and not entry.is_true(other):
                yield source.finding(Code.PERMISSION_DEPENDS, f"{name}: {permission} needs {other}", entry.line)
    for permission in _NOT_FOR_EVENTS:
        if is_event(name) and entry.is_true(permission):
            yield source.finding(
                Code.PERMISSION_FORBIDDEN, f"{name} is a platform event and has no {permission}", entry.line
            )


def _field(source: Source, entry: Element, schema: Schema, objects: set[str]) -> Iterator[Finding]:
    name = entry.value("field") or ""
    object_name, _, field_name = name.partition(".")
    field = schema.field(object_name, field_name)
    if is_event(object_name):
        yield source.finding(
            Code.PERMISSION_FORBIDDEN, f"{name}: fields of platform events have no permissions", entry.line
        )
    elif field is None:
        yield source.finding(Code.PERMISSION_TARGET, f"there is no field {name}", entry.line)
    elif field.required or name in platform.NOT_IN_FIELD_PERMISSIONS:
        yield source.finding(
            Code.PERMISSION_FORBIDDEN, f"{name} is required, so no permission set may name it", entry.line
        )
    elif field_name in platform.SYSTEM_FIELDS and name not in platform.NAME_IN_FIELD_PERMISSIONS:
        yield source.finding(Code.PERMISSION_FORBIDDEN, f"{name} is a system field", entry.line)
    if entry.is_true("editable") and not entry.is_true("readable"):
        yield source.finding(Code.PERMISSION_DEPENDS, f"{name}: editable needs readable", entry.line)
    if platform.OBJECT_ACCESS_FROM.get(object_name, object_name) not in objects and not is_event(object_name):
        yield source.finding(
            Code.PERMISSION_DEPENDS, f"{name}: the set gives no access to the object {object_name}", entry.line
        )


def _user_permissions(source: Source) -> Iterator[Finding]:
    given = {entry.value("name") or "" for entry in source.root.all("userPermissions") if entry.is_true("enabled")}
    for entry in source.root.all("userPermissions"):
        name = entry.value("name") or ""
        if name not in platform.USER_PERMISSIONS:
            yield source.finding(Code.USER_PERMISSION, f"{name} is no user permission that is known", entry.line)
        for other in platform.USER_PERMISSIONS.get(name, frozenset()) - given:
            yield source.finding(Code.PERMISSION_DEPENDS, f"{name} needs {other}", entry.line)


def _complete(source: Source, project: Project, schema: Schema) -> Iterator[Finding]:
    readable = {entry.value("field") for entry in source.root.all("fieldPermissions") if entry.is_true("readable")}
    objects = {entry.value("object") for entry in source.root.all("objectPermissions") if entry.is_true("allowRead")}
    for definition in project.of("object"):
        if definition.name not in objects:
            yield source.finding(Code.NOT_GRANTED, f"the integration can't read {definition.name}")
    for field_source in project.of("field"):
        name = f"{field_source.parent}.{field_source.name}"
        field = schema.objects[field_source.parent][field_source.name]
        if not field.required and not is_event(field_source.parent) and name not in readable:
            yield source.finding(Code.NOT_GRANTED, f"the integration can't read {name}")
