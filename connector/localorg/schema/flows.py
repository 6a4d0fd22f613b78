"""Reads record-triggered flows of the kinds that the org can run: a filtered start, decisions, assignments, created
records and published events, and changes to the record that triggered the flow.

A flow with anything else in it is left out, with a warning that says what: half a flow would be a lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from connector.localorg.schema.xml import Node, read

When = Literal["Create", "Update", "CreateAndUpdate"]

_WHEN: dict[str, When] = {"Create": "Create", "Update": "Update", "CreateAndUpdate": "CreateAndUpdate"}

_UNDERSTOOD = frozenset(
    {
        "apiVersion", "areMetricsLoggedToDataCloud", "assignments", "constants", "customProperties", "decisions",
        "description", "environments", "fullName", "interviewLabel", "isAdditionalPermissionRequiredToRun",
        "isOverridable", "isTemplate", "label", "migratedFromWorkflowRuleName", "processMetadataValues", "processType",
        "recordCreates", "recordUpdates", "runInMode", "start", "status", "textTemplates", "timeZoneSidKey",
        "triggerOrder", "variables",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """A literal, or a reference such as `$Record.AccountId`."""

    literal: Any = None
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison: the left side is a reference."""

    left: str
    operator: str
    right: Value


@dataclass(frozen=True, slots=True)
class Rule:
    """Conditions joined by `and`, `or`, or an expression over their numbers such as `1 AND (2 OR 3)`."""

    conditions: tuple[Condition, ...]
    logic: str = "and"


@dataclass(frozen=True, slots=True)
class CreateRecords:
    """Create one record, or publish one event. `fault`: the element to go on with if that fails."""

    object: str
    values: tuple[tuple[str, Value], ...]
    then: str
    fault: str


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """Change the record that triggered the flow. `fault`: the element to go on with if that fails."""

    values: tuple[tuple[str, Value], ...]
    then: str
    fault: str


@dataclass(frozen=True, slots=True)
class Assign:
    """Give variables values: name, operator (`Assign` or `Add`), value."""

    items: tuple[tuple[str, str, Value], ...]
    then: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Take the first branch whose rule holds, or the default branch. An empty target ends the flow."""

    branches: tuple[tuple[Rule, str], ...]
    otherwise: str


Element = CreateRecords | UpdateRecord | Assign | Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One active record-triggered flow that runs after a record was saved."""

    name: str
    label: str
    object: str
    when: When
    start: str
    rule: Rule
    only_when_changed_to_match: bool
    elements: dict[str, Element]
    constants: dict[str, Any]
    templates: dict[str, str]


def read_flows(folder: Path) -> tuple[tuple[Flow, ...], tuple[str, ...]]:
    """The active record-triggered flows, and warnings for those that were left out."""
    flows, warnings = [], []
    for file in sorted(folder.glob("flows/*.flow-meta.xml")):
        root = read(file)
        name = file.name.partition(".")[0]
        start = root.get("start")
        if root.text("status") != "Active" or start is None or not start.has("triggerType"):
            continue
        reason = _not_supported(root, start)
        if reason:
            warnings.append(f"flow {name} does not run here: {reason}")
        else:
            flows.append(_flow(name, root, start))
    return tuple(flows), tuple(warnings)


def _not_supported(root: Node, start: Node) -> str:
    others = sorted(set(root.names()) - _UNDERSTOOD)
    if others:
        return f"<{others[0]}> is not supported"
    if start.text("triggerType") != "RecordAfterSave":
        return f"trigger type {start.text('triggerType')} is not supported"
    if start.text("recordTriggerType") not in _WHEN:
        return f"record trigger type {start.text('recordTriggerType')} is not supported"
    for unsupported in ("filterFormula", "schedule", "scheduledPaths"):
        if start.has(unsupported):
            return f"<{unsupported}> is not supported"
    return _not_supported_writes(root)


def _not_supported_writes(root: Node) -> str:
    if any(node.has("inputReference") for node in root.all("recordCreates")):
        return "creating from a record variable is not supported"
    if any(node.text("inputReference") != "$Record" for node in root.all("recordUpdates")):
        return "changing other records than the one that triggered it is not supported"
    return ""


def _flow(name: str, root: Node, start: Node) -> Flow:
    return Flow(
        name=name,
        label=root.text("label", name),
        object=start.text("object"),
        when=_WHEN[start.text("recordTriggerType")],
        start=_target(start.get("connector")),
        rule=Rule(
            tuple(
                Condition(f"$Record.{each.text('field')}", each.text("operator"), _value(each.get("value")))
                for each in start.all("filters")
            ),
            start.text("filterLogic", "and"),
        ),
        only_when_changed_to_match=start.flag("doesRequireRecordChangedToMeetCriteria"),
        elements=_elements(root),
        constants={node.text("name"): _value(node.get("value")).literal for node in root.all("constants")},
        templates={node.text("name"): node.text("text") for node in root.all("textTemplates")},
    )


def _elements(root: Node) -> dict[str, Element]:
    elements: dict[str, Element] = {}
    for node in root.all("recordCreates"):
        elements[node.text("name")] = CreateRecords(
            node.text("object"), _inputs(node), _target(node.get("connector")), _target(node.get("faultConnector"))
        )
    for node in root.all("recordUpdates"):
        elements[node.text("name")] = UpdateRecord(
            _inputs(node), _target(node.get("connector")), _target(node.get("faultConnector"))
        )
    for node in root.all("assignments"):
        elements[node.text("name")] = Assign(
            tuple(
                (each.text("assignToReference"), each.text("operator"), _value(each.get("value")))
                for each in node.all("assignmentItems")
            ),
            _target(node.get("connector")),
        )
    for node in root.all("decisions"):
        elements[node.text("name")] = Decision(
            tuple((_branch(each), _target(each.get("connector"))) for each in node.all("rules")),
            _target(node.get("defaultConnector")),
        )
    return elements


def _inputs(node: Node) -> tuple[tuple[str, Value], ...]:
    return tuple((each.text("field"), _value(each.get("value"))) for each in node.all("inputAssignments"))


def _branch(node: Node) -> Rule:
    conditions = tuple(
        Condition(each.text("leftValueReference"), each.text("operator"), _value(each.get("rightValue")))
        for each in node.all("conditions")
    )
    return Rule(conditions, node.text("conditionLogic", "and"))


def _target(connector: Node | None) -> str:
    return connector.text("targetReference") if connector else ""


def _value(node: Node | None) -> Value:
    if node is None:
        return Value()
    if node.has("elementReference"):
        return Value(reference=node.text("elementReference"))
    if node.has("booleanValue"):
        return Value(node.flag("booleanValue"))
    if node.has("numberValue"):
        return Value(float(node.text("numberValue")))
    for kind in ("stringValue", "dateValue", "dateTimeValue"):
        if node.has(kind):
            return Value(node.text(kind))
    return Value()
