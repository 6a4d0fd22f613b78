"""List views, tabs and queues."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from . import platform
from .findings import Code, Finding
from .markup import Element
from .objects import DEVELOPER_NAME
from .project import Project, Source
from .schema import Field, Schema, is_custom

_MOST_LABEL = 40
_MOST_COLUMNS = 15
_MOST_FILTERS = 10
_UNFIT: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("contains", "notContain", "startsWith"), frozenset({"Checkbox", "Date", "DateTime", "Number", "Percent"})
    ),
    **dict.fromkeys(
        ("lessThan", "greaterThan", "lessOrEqual", "greaterOrEqual"), frozenset({"Checkbox", "Lookup", "Picklist"})
    ),
}
"""Operation of a filter → types that it can't compare."""
_SETS = {"includes", "excludes"}
_SCOPES = {"Everything", "Mine", "Queue"}


def check_views(project: Project, schema: Schema) -> Iterator[Finding]:
    """What is wrong with the list views, tabs and queues of the project."""
    queues = {source.name: source for source in project.of("queue")}
    for source in project.of("listView"):
        yield from _view(source, schema, queues)
    for source in project.of("tab"):
        yield from _tab(source, project)
    for source in queues.values():
        yield from _queue(source, schema)


def _view(source: Source, schema: Schema, queues: Mapping[str, Source]) -> Iterator[Finding]:
    root = source.root
    label = root.value("label") or ""
    if not 0 < len(label) <= _MOST_LABEL:
        yield source.finding(Code.LABEL, f"the label {label!r} has not 1 to {_MOST_LABEL} characters")
    if not DEVELOPER_NAME.fullmatch(source.name):
        yield source.finding(Code.DEVELOPER_NAME, f"{source.name} is no valid developer name")
    columns, filters = root.all("columns"), root.all("filters")
    if not 0 < len(columns) <= _MOST_COLUMNS or len({column.text for column in columns}) < len(columns):
        yield source.finding(Code.VIEW_COLUMN, f"a list has 1 to {_MOST_COLUMNS} different columns")
    for column in columns:
        field = _column(source.parent, column.text, schema)
        if field is None or field.type == "LongTextArea":
            trouble = "is too long for a list" if field else f"is no column of {source.parent}"
            yield source.finding(Code.VIEW_COLUMN, f"{column.text} {trouble}", column.line)
    if len(filters) > _MOST_FILTERS:
        yield source.finding(Code.VIEW_FILTER, f"a list has at most {_MOST_FILTERS} filters")
    for entry in filters:
        yield from _filter(source, entry, schema)
    numbers = {int(number) for number in re.findall(r"\d+", root.value("booleanFilter") or "")}
    if root.first("booleanFilter") is not None and numbers != set(range(1, len(filters) + 1)):
        yield source.finding(
            Code.VIEW_FILTER, "booleanFilter does not name every filter", root.line_of("booleanFilter")
        )
    yield from _scope(source, queues)


def _column(object_name: str, name: str, schema: Schema) -> Field | None:
    columns = platform.CUSTOM_OBJECT_COLUMNS if is_custom(object_name) else platform.STANDARD_COLUMNS[object_name]
    if name in columns:
        return Field(object=object_name, name=name, type=columns[name])
    return schema.field(object_name, name) if name.endswith("__c") else None


def _filter(source: Source, entry: Element, schema: Schema) -> Iterator[Finding]:
    name, operation, value = entry.value("field") or "", entry.value("operation") or "", entry.value("value")
    field = _column(source.parent, name, schema)
    trouble: str | None = None
    if field is None:
        trouble = f"{name} is no column of {source.parent}"
    elif field.type == "LongTextArea":
        trouble = f"{name} is too long to filter by"
    elif field.type in _UNFIT.get(operation, frozenset()):
        trouble = f"{name} is a {field.type}, which {operation} can't compare"
    elif operation in _SETS:
        trouble = f"{operation} is for multi-select picklists"
    elif field.type == "Checkbox" and value not in {"0", "1"}:
        trouble = f"{name} is a checkbox: 0 or 1, not {value!r}"
    elif field.values is not None and value is not None:
        unknown = [text for text in value.split(",") if text not in field.values]
        trouble = f"{name} has no values {unknown}" if unknown else None
    if trouble:
        yield source.finding(Code.VIEW_FILTER, trouble, entry.line)


def _scope(source: Source, queues: Mapping[str, Source]) -> Iterator[Finding]:
    scope, queue = source.root.value("filterScope"), source.root.value("queue")
    line = source.root.line_of("filterScope")
    if scope not in _SCOPES:
        # MineAndMyGroups among them: it is for approval work items alone (SOQL guide, USING SCOPE).
        yield source.finding(Code.VIEW_SCOPE, f"{scope} is no scope of {source.parent} that is known", line)
    if (scope == "Queue") != (queue is not None):
        yield source.finding(Code.VIEW_SCOPE, "scope Queue and a queue go together", line)
    elif queue is not None and (queue not in queues or source.parent not in _owned(queues[queue])):
        yield source.finding(Code.VIEW_SCOPE, f"there is no queue {queue} for {source.parent}", line)


def _tab(source: Source, project: Project) -> Iterator[Finding]:
    if not is_custom(source.name) or source.name not in {definition.name for definition in project.of("object")}:
        yield source.finding(Code.TAB, f"there is no custom object {source.name}")
    if not source.root.is_true("customObject"):
        yield source.finding(Code.TAB, "a tab of an object says customObject true")
    if not re.fullmatch(r"Custom\d{1,3}: [A-Z][\w ]*", source.root.value("motif") or ""):
        yield source.finding(Code.TAB, f"motif {source.root.value('motif')!r} is not like 'Custom67: Gears'")


def _owned(source: Source) -> list[str]:
    return [entry.value("sobjectType") or "" for entry in source.root.all("queueSobject")]


def _queue(source: Source, schema: Schema) -> Iterator[Finding]:
    name = source.root.value("name") or ""
    if not DEVELOPER_NAME.fullmatch(source.name) or not 0 < len(name) <= _MOST_LABEL:
        yield source.finding(Code.QUEUE, f"{source.name} ({name!r}) is no valid name")
    if not _owned(source):
        yield source.finding(Code.QUEUE, "the queue owns nothing")
    for object_name in _owned(source):
        known = is_custom(object_name) and object_name in schema.objects
        if not known and object_name not in platform.QUEUEABLE_STANDARD:
            yield source.finding(Code.QUEUE, f"a queue can't own {object_name}")
