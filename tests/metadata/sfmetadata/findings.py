"""What can be wrong, as a closed list, and one place where it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Code(StrEnum):
    """Every kind of finding. The tests plant each of them once."""

    # The project and its files
    PROJECT = "project"
    UNKNOWN_FILE = "unknown-file"
    WRONG_PLACE = "wrong-place"
    FILE_NAME = "file-name"
    # Grammar: what Salesforce's type definitions say
    MALFORMED = "malformed"
    NAMESPACE = "namespace"
    ROOT_TYPE = "root-type"
    UNKNOWN_ELEMENT = "unknown-element"
    GIVEN_TWICE = "given-twice"
    SPLIT_LIST = "split-list"
    MISSING_ELEMENT = "missing-element"
    NOT_IN_ENUM = "not-in-enum"
    NOT_BOOLEAN = "not-boolean"
    NOT_NUMBER = "not-number"
    NOT_SCALAR = "not-scalar"
    STRAY_TEXT = "stray-text"
    # Objects and fields
    DEVELOPER_NAME = "developer-name"
    LABEL = "label"
    DESCRIPTION = "description"
    OBJECT_SHAPE = "object-shape"
    EVENT_SHAPE = "event-shape"
    FIELD_SHAPE = "field-shape"
    FIELD_SIZE = "field-size"
    EVENT_FIELD = "event-field"
    LOOKUP_TARGET = "lookup-target"
    LOOKUP_DELETE = "lookup-delete"
    RELATIONSHIP_NAME = "relationship-name"
    PICKLIST_VALUE = "picklist-value"
    EXTERNAL_ID = "external-id"
    # Permission sets
    PERMISSION_TARGET = "permission-target"
    PERMISSION_FORBIDDEN = "permission-forbidden"
    PERMISSION_DEPENDS = "permission-depends"
    PERMISSION_ORDER = "permission-order"
    USER_PERMISSION = "user-permission"
    NOT_GRANTED = "not-granted"
    # Flows
    FLOW_START = "flow-start"
    FLOW_NAME = "flow-name"
    FLOW_TARGET = "flow-target"
    FLOW_UNREACHABLE = "flow-unreachable"
    FLOW_FIELD = "flow-field"
    FLOW_TYPE = "flow-type"
    FLOW_REFERENCE = "flow-reference"
    FLOW_REQUIRED = "flow-required"
    FLOW_FAULT = "flow-fault"
    FLOW_UNCHECKED = "flow-unchecked"
    # List views, tabs, queues
    VIEW_COLUMN = "view-column"
    VIEW_FILTER = "view-filter"
    VIEW_SCOPE = "view-scope"
    TAB = "tab"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """One thing that is wrong: the file (relative to the project), the line in it, what and why."""

    path: Path
    line: int
    code: Code
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message} [{self.code}]"
