"""Record-triggered flows: what they start on, where they go, which fields they fill and with what.

Only the kinds of elements that the project's flows are made of are understood. Any other is reported as not checked,
so that a flow never passes for lack of attention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .findings import Code, Finding
from .markup import Element
from .objects import DEVELOPER_NAME
from .project import Project, Source
from .schema import Field, Schema, is_event

_NODES = ("assignments", "recordCreates", "recordUpdates")
_RESOURCES = ("textTemplates", "variables")
_PLAIN = {
    *("apiVersion", "description", "environments", "interviewLabel", "label", "processMetadataValues"),
    *("processType", "start", "status"),
}
_CONNECTORS = ("connector", "faultConnector")
_MAY_FAIL = ("recordCreates", "recordUpdates")

_START = {"processType": "AutoLaunchedFlow", "status": "Active"}
_TEXT, _NUMBER, _FLAG, _MOMENT, _DAY = "text", "number", "true/false", "date and time", "date"
_FAMILY = {
    **dict.fromkeys(("Text", "LongTextArea", "Picklist", "Lookup", "AutoNumber", "Phone", "String"), _TEXT),
    **dict.fromkeys(("Number", "Percent", "Currency"), _NUMBER),
    **dict.fromkeys(("Checkbox", "Boolean"), _FLAG),
    "DateTime": _MOMENT,
    "Date": _DAY,
}
_LITERALS = {
    "stringValue": "String",
    "numberValue": "Number",
    "booleanValue": "Boolean",
    "dateTimeValue": "DateTime",
    "dateValue": "Date",
}
_GLOBALS = {
    "$Flow.FaultMessage": "String",
    "$Flow.CurrentDateTime": "DateTime",
    "$Flow.CurrentDate": "Date",
    "$User.Id": "Lookup",
}
_MERGE = re.compile(r"\{!([^{}]+)\}")
_MERGING = ("text", "interviewLabel")
_UNORDERED = {"GreaterThan", "LessThan", "GreaterThanOrEqualTo", "LessThanOrEqualTo"}
_ID_LENGTH = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """What a flow puts somewhere: its type, and its text if literal or its field if it comes from one."""

    type: str
    text: str | None = None
    field: Field | None = None


def check_flows(project: Project, schema: Schema) -> Iterator[Finding]:
    """What is wrong with the flows of the project."""
    for source in project.of("flow"):
        yield from _Flow(source=source, schema=schema, api_version=project.api_version).check()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flow:
    source: Source
    schema: Schema
    api_version: str

    @property
    def _root(self) -> Element:
        return self.source.root

    @property
    def _trigger(self) -> str:
        start = self._root.first("start")
        return (start.value("object") if start else None) or ""

    def _nodes(self) -> Iterator[Element]:
        for tag in _NODES:
            yield from self._root.all(tag)

    def _resources(self) -> Mapping[str, str]:
        known = {template.value("name") or "": "String" for template in self._root.all("textTemplates")}
        return known | {
            variable.value("name") or "": variable.value("dataType") or "" for variable in self._root.all("variables")
        }

    def check(self) -> Iterator[Finding]:
        for element in self._root.children:
            if element.tag not in _PLAIN and element.tag not in _NODES + _RESOURCES:
                yield self.source.finding(
                    Code.FLOW_UNCHECKED, f"{element.tag} is a kind of element that is not checked", element.line
                )
        yield from self._start()
        yield from self._names()
        yield from self._connections()
        for node in self._nodes():
            yield from self._record(node) if node.tag in _MAY_FAIL else self._assignment(node)
        yield from self._merges()

    def _start(self) -> Iterator[Finding]:
        root, start = self._root, self._root.first("start")
        for tag, wanted in {**_START, "apiVersion": self.api_version}.items():
            if root.value(tag) != wanted:
                yield self.source.finding(
                    Code.FLOW_START, f"{tag} is {root.value(tag)}, not {wanted}", root.line_of(tag)
                )
        if start is None or self._trigger not in self.schema.objects or is_event(self._trigger):
            yield self.source.finding(Code.FLOW_START, f"the flow starts on {self._trigger or 'nothing'}")
            return
        if start.value("triggerType") != "RecordAfterSave":
            yield self.source.finding(
                Code.FLOW_START, f"triggerType is {start.value('triggerType')}, not RecordAfterSave", start.line
            )
        filters = start.all("filters")
        trigger = start.value("recordTriggerType")
        changed = start.is_true("doesRequireRecordChangedToMeetCriteria")
        if trigger not in {"Create", "Update", "CreateAndUpdate"}:
            yield self.source.finding(Code.FLOW_START, f"recordTriggerType is {trigger}", start.line)
        if changed and (trigger == "Create" or not filters):
            yield self.source.finding(
                Code.FLOW_START, "only an update can change to meet criteria, and only where there are some", start.line
            )
        if trigger != "Create" and not changed:
            yield self.source.finding(
                Code.FLOW_START, "the flow runs on every update, not when the criteria become true", start.line
            )
        for entry in filters:
            yield from self._filter(entry)

    def _filter(self, entry: Element) -> Iterator[Finding]:
        name, operator = entry.value("field") or "", entry.value("operator")
        field = self.schema.field(self._trigger, name)
        if field is None:
            yield self.source.finding(Code.FLOW_FIELD, f"{self._trigger} has no field {name}", entry.line)
            return
        if operator in _UNORDERED and _FAMILY.get(field.type) in {_TEXT, _FLAG}:
            yield self.source.finding(
                Code.FLOW_TYPE, f"{name} is a {field.type}, which {operator} can't compare", entry.line
            )
        value = "Boolean" if operator in {"IsNull", "IsChanged"} else None
        yield from self._fit(entry, field, as_type=value)

    def _names(self) -> Iterator[Finding]:
        names: set[str] = set()
        if not DEVELOPER_NAME.fullmatch(self.source.name):
            yield self.source.finding(Code.FLOW_NAME, f"{self.source.name} is no valid developer name")
        for tag in _NODES + _RESOURCES:
            for element in self._root.all(tag):
                name = element.value("name") or ""
                if not DEVELOPER_NAME.fullmatch(name) or name.casefold() in names:
                    trouble = "is there twice" if name.casefold() in names else "is no valid name"
                    yield self.source.finding(Code.FLOW_NAME, f"{tag}: {name!r} {trouble}", element.line)
                names.add(name.casefold())
                if tag in _NODES and not element.value("label"):
                    yield self.source.finding(Code.FLOW_NAME, f"{name} has no label", element.line)

    def _connections(self) -> Iterator[Finding]:
        nodes = {node.value("name") or "": node for node in self._nodes()}
        start = self._root.first("start")
        for element in [*nodes.values(), *([start] if start else [])]:
            for target, line in _targets(element):
                if target not in nodes:
                    yield self.source.finding(Code.FLOW_TARGET, f"leads to {target}, which is not there", line)
        reached: set[str] = set()
        waiting = [target for target, _ in _targets(start)] if start else []
        while waiting:
            name = waiting.pop()
            if name in nodes and name not in reached:
                reached.add(name)
                waiting += [target for target, _ in _targets(nodes[name])]
        for name in nodes.keys() - reached:
            yield self.source.finding(Code.FLOW_UNREACHABLE, f"nothing leads to {name}", nodes[name].line)
        for node in nodes.values():
            if node.tag in _MAY_FAIL and node.first("faultConnector") is None:
                yield self.source.finding(
                    Code.FLOW_FAULT, f"{node.value('name')} can fail and has no fault path", node.line
                )

    def _record(self, node: Element) -> Iterator[Finding]:
        """Fields that a record is created or updated with."""
        object_name = node.value("object") or ""
        if node.tag == "recordUpdates":
            if node.value("inputReference") != "$Record":
                yield self.source.finding(
                    Code.FLOW_UNCHECKED, "an update of anything but $Record is not checked", node.line
                )
                return
            object_name = self._trigger
        if object_name not in self.schema.objects:
            yield self.source.finding(Code.FLOW_FIELD, f"there is no object {object_name}", node.line)
            return
        filled: set[str] = set()
        for entry in node.all("inputAssignments"):
            name = entry.value("field") or ""
            field = self.schema.field(object_name, name)
            if field is None:
                yield self.source.finding(Code.FLOW_FIELD, f"{object_name} has no field {name}", entry.line)
            elif name in filled:
                yield self.source.finding(Code.FLOW_FIELD, f"{name} is filled twice", entry.line)
            else:
                yield from self._fit(entry, field)
            filled.add(name)
        if node.tag == "recordCreates":
            for name, field in self.schema.objects[object_name].items():
                if field.required and name not in filled:
                    yield self.source.finding(
                        Code.FLOW_REQUIRED, f"{object_name}.{name} is required and gets nothing", node.line
                    )

    def _assignment(self, node: Element) -> Iterator[Finding]:
        resources = self._resources()
        for entry in node.all("assignmentItems"):
            target = entry.value("assignToReference") or ""
            if target not in resources:
                yield self.source.finding(Code.FLOW_REFERENCE, f"there is no variable {target}", entry.line)
                continue
            variable = Field(object="", name=target, type=resources[target])
            yield from self._fit(entry, variable)

    def _fit(self, entry: Element, field: Field, as_type: str | None = None) -> Iterator[Finding]:
        """Whether the `value` of an element can go into a field."""
        outcome = self._value(entry.first("value"))
        if isinstance(outcome, str):
            yield self.source.finding(Code.FLOW_REFERENCE, outcome, entry.line)
            return
        trouble = _misfit(outcome, field, as_type or field.type)
        if trouble:
            yield self.source.finding(Code.FLOW_TYPE, f"{field.name}: {trouble}", entry.line)

    def _value(self, element: Element | None) -> _Value | str:
        for child in element.children if element else ():
            if child.tag == "elementReference":
                return self._reference(child.text)
            if child.tag in _LITERALS:
                return _Value(type=_LITERALS[child.tag], text=child.text)
        return "no value that is understood"

    def _reference(self, name: str) -> _Value | str:
        if name in _GLOBALS:
            return _Value(type=_GLOBALS[name])
        if name in self._resources():
            return _Value(type=self._resources()[name])
        head, separator, path = name.partition(".")
        field = self.schema.field(self._trigger, path) if head == "$Record" and separator else None
        if field is None:
            return f"there is nothing that {name} names"
        return _Value(type=field.type, field=field)

    def _merges(self) -> Iterator[Finding]:
        for element in self._root.walk():
            if element.tag in _MERGING:
                for name in _MERGE.findall(element.text):
                    outcome = self._reference(name)
                    if isinstance(outcome, str):
                        yield self.source.finding(Code.FLOW_REFERENCE, outcome, element.line)


def _targets(element: Element) -> Iterator[tuple[str, int]]:
    for tag in _CONNECTORS:
        for connector in element.all(tag):
            yield connector.value("targetReference") or "", connector.line


def _misfit(value: _Value, field: Field, type_name: str) -> str | None:
    """Why the value can't go into the field; None where it can."""
    if _FAMILY.get(value.type) != _FAMILY.get(type_name):
        return f"a {value.type} does not go into a {type_name}"
    if value.text is not None and field.values is not None and value.text not in field.values:
        return f"{value.text!r} is none of its values"
    longest = _longest(value)
    if field.length is not None and longest > field.length:
        return f"up to {longest} characters do not go into {field.length}"
    return None


def _longest(value: _Value) -> int:
    """How many characters the value may have, as far as that is known."""
    if value.text is not None:
        return len(value.text)
    if value.type == "Lookup" or (value.field is not None and value.field.name == "Id"):
        return _ID_LENGTH
    if value.field is None:
        return 0
    if value.field.values:
        return max(map(len, value.field.values))
    return value.field.length or 0
