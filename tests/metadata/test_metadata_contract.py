"""The metadata says what the rest of the connector relies on: its states, and what the mapping sets read and write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connector.model.events import Operation
from connector.model.forecast import Jeopardy
from connector.model.order import LINE_SUPPLEMENTAL_ACTIONS, SUPPLEMENTAL_ACTIONS, Action
from connector.model.states import ItemState, ItemType, PlanState
from tests.metadata.sfmetadata import platform
from tests.metadata.sfmetadata.markup import Element
from tests.metadata.sfmetadata.permissions import INTEGRATION
from tests.metadata.sfmetadata.project import Project, read_project
from tests.metadata.sfmetadata.schema import Schema, is_custom, picklist_values, read_schema

REPOSITORY = Path(__file__).parents[2]
SETS = sorted(path.parent for path in (REPOSITORY / "mappings").glob("*/set.yaml"))

PROJECT = read_project(REPOSITORY / "deploy" / "salesforce")
SCHEMA = read_schema(PROJECT)

ACTIONS = [action.value for action in Action]
REQUEST_STATUS = ["Not Started", "In Progress", "Waiting", "Fallout", "Completed", "Canceled"]
PICKLISTS = {
    "Order.Fulfillment_Status__c": [
        *("Submitted", "In Progress", "Waiting", "Fallout", "Completed", "Rejected"),
        *("Freezing", "Frozen", "Superseded", "Canceled"),
    ],
    "Order.Fulfillment_Priority__c": ["High", "Default", "Bulk"],
    "Order.Jeopardy__c": [level.value for level in Jeopardy],
    "OrderItem.Jeopardy__c": [level.value for level in Jeopardy],
    "Orchestration_Plan__c.Jeopardy__c": [level.value for level in Jeopardy],
    "Orchestration_Item__c.Jeopardy__c": [level.value for level in Jeopardy],
    "Order.Supplemental_Action__c": list(SUPPLEMENTAL_ACTIONS),
    "OrderItem.Action__c": ACTIONS,
    "OrderItem.Supplemental_Action__c": list(LINE_SUPPLEMENTAL_ACTIONS),
    "OrderItem.Sub_Action__c": ["Suspend", "Resume"],
    "OrderItem.Fulfillment_Status__c": [
        *("Not Started", "In Progress", "Waiting", "Fallout", "Completed", "Not Needed", "Rejected", "Canceled"),
        "Superseded",
    ],
    "Orchestration_Plan__c.State__c": [state.value for state in PlanState],
    "Orchestration_Item__c.State__c": [state.value for state in ItemState],
    "Fulfillment_Request__c.Status__c": REQUEST_STATUS,
    "Fulfillment_Line__c.Action__c": ACTIONS,
    "Fulfillment_Line__c.Status__c": REQUEST_STATUS,
    "Inventory_Item__c.Status__c": ["Active", "Inactive"],
    "Fulfillment_Command__c.Action__c": [operation.value for operation in Operation],
    "Fulfillment_Command__c.Status__c": ["New", "Done", "Refused"],
}


def values(name: str) -> list[str]:
    object_name, _, field_name = name.partition(".")
    field = SCHEMA.objects[object_name][field_name]
    assert field.source is not None
    return list(picklist_values(field.source))


@pytest.mark.parametrize("name", PICKLISTS)
def test_a_picklist_offers_exactly_the_words_of_the_connector(name: str) -> None:
    assert values(name) == PICKLISTS[name]


def test_every_picklist_of_the_project_is_pinned() -> None:
    defined = {
        f"{source.parent}.{source.name}" for source in PROJECT.of("field") if source.root.value("type") == "Picklist"
    }
    assert defined - PICKLISTS.keys() == {"Orchestration_Item__c.Type__c"}


def test_every_type_of_item_has_its_value() -> None:
    assert {kind.value for kind in ItemType} <= set(values("Orchestration_Item__c.Type__c"))


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [
        ("Order.Fulfillment_Progress__c", "Percent", {"precision": "3", "scale": "0"}),
        ("Order.Attributes__c", "LongTextArea", {"length": "32768"}),
        ("Order.Supersedes__c", "Lookup", {"referenceTo": "Order"}),
        ("Order.Follows__c", "Lookup", {"referenceTo": "Order"}),
        ("Order.Penalty_Approved__c", "Checkbox", {"defaultValue": "false"}),
        ("OrderItem.Parent_Line__c", "Lookup", {"referenceTo": "OrderItem"}),
        ("OrderItem.Supersedes_Line__c", "Lookup", {"referenceTo": "OrderItem"}),
        ("Orchestration_Plan__c.External_Id__c", "Text", {"length": "64", "unique": "true", "externalId": "true"}),
        ("Orchestration_Item__c.External_Id__c", "Text", {"length": "64", "unique": "true", "externalId": "true"}),
        ("Orchestration_Item__c.Waiting_For__c", "Text", {"length": "255"}),
        ("Fulfillment_Line__c.Quantity__c", "Number", {"precision": "18", "scale": "2"}),
        ("Inventory_Item__c.External_Id__c", "Text", {"length": "255", "unique": "true", "externalId": "true"}),
        ("Case.Fulfillment_Key__c", "Text", {"length": "64", "unique": "true", "externalId": "true"}),
        ("Order_Submitted__e.Order_Id__c", "Text", {"length": "18", "required": "true"}),
        ("Fulfillment_Command__e.Command_Id__c", "Text", {"length": "18", "required": "true"}),
    ],
)
def test_a_field_has_the_size_that_others_count_on(name: str, kind: str, size: Mapping[str, str]) -> None:
    object_name, _, field_name = name.partition(".")
    field = SCHEMA.objects[object_name][field_name]
    assert field.type == kind
    assert field.source is not None
    assert {tag: field.source.root.value(tag) for tag in size} == size


# -- what the mapping sets read and write ---------------------------------------------------------------


def load(folder: Path, name: str) -> Any:
    return YAML(typ="safe").load(folder / name)


def integration(project: Project, tag: str, key: str) -> dict[str, Element]:
    (source,) = (source for source in project.of("permissionset") if source.name == INTEGRATION)
    return {entry.value(key) or "": entry for entry in source.root.all(tag)}


OBJECTS = integration(PROJECT, "objectPermissions", "object")
FIELDS = integration(PROJECT, "fieldPermissions", "field")


def resolve(schema: Schema, object_name: str, path: str) -> Iterator[str]:
    """`Object.Field` for every field that a path like `Plan__r.External_Id__c` or `Account.Type` goes through."""
    if "." not in path:
        assert schema.field(object_name, path) is not None, f"{object_name} has no field {path}"
        yield f"{object_name}.{path}"
        return
    related = schema.relationship(object_name, path)
    assert related is not None, f"{object_name} has no relationship for {path}"
    lookup, rest = related
    yield f"{object_name}.{lookup.name}"
    yield from resolve(schema, lookup.target or path.partition(".")[0], rest)


def free(name: str) -> bool:
    """Whether a field has no permission of its own: required, system or always visible."""
    object_name, _, field_name = name.partition(".")
    field = SCHEMA.objects[object_name][field_name]
    return (
        field.required
        or name in platform.NOT_IN_FIELD_PERMISSIONS
        or (field_name in platform.SYSTEM_FIELDS and name not in platform.NAME_IN_FIELD_PERMISSIONS)
    )


def written(folder: Path) -> Iterator[tuple[str, str]]:
    for target in load(folder, "writeback.yaml").values():
        for path in [*target["fields"], *([target["external_id"]] if "external_id" in target else [])]:
            yield target["object"], path


def read(folder: Path) -> Iterator[tuple[str, str]]:
    intake = load(folder, "intake.yaml")
    objects = {"order": intake["order"].get("object", "Order"), "lines": "OrderItem", "inventory": "Inventory_Item__c"}
    for section, object_name in objects.items():
        for key, entry in intake[section].items():
            path = entry["field"] if isinstance(entry, dict) else entry
            if key not in {"object", "relationship", "order_by"}:
                yield object_name, path


def test_there_are_mapping_sets() -> None:
    assert SETS


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_the_integration_may_write_what_a_mapping_set_writes(folder: Path) -> None:
    for object_name, path in written(folder):
        right = OBJECTS[platform.OBJECT_ACCESS_FROM.get(object_name, object_name)]
        assert right.is_true("allowEdit"), object_name
        first, *others = resolve(SCHEMA, object_name, path)
        assert free(first) or FIELDS[first].is_true("editable"), first
        for name in others:
            field = SCHEMA.objects[name.partition(".")[0]][name.partition(".")[2]]
            assert field.source is not None, name
            assert field.source.root.is_true("externalId"), f"{name} is no external id to look a record up by"


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_a_record_is_upserted_by_an_external_id(folder: Path) -> None:
    for target in load(folder, "writeback.yaml").values():
        if "external_id" in target:
            field = SCHEMA.field(target["object"], target["external_id"])
            assert field is not None
            assert field.source is not None
            assert field.source.root.is_true("externalId")
            assert OBJECTS[target["object"]].is_true("allowCreate")


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_the_integration_may_read_what_a_mapping_set_reads(folder: Path) -> None:
    for object_name, path in read(folder):
        for name in resolve(SCHEMA, object_name, path):
            owner = name.partition(".")[0]
            assert platform.OBJECT_ACCESS_FROM.get(owner, owner) in OBJECTS, owner
            assert free(name) or FIELDS[name].is_true("readable"), name


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_the_queues_of_a_mapping_set_are_there_and_own_what_they_should(folder: Path) -> None:
    queues = {source.name: source for source in PROJECT.of("queue")}
    owns = {"manual": "Orchestration_Item__c", "fallout": "Case"}
    for queue in load(folder, "queues.yaml")["queues"]:
        source = queues[queue["developer_name"]]
        assert owns[queue["kind"]] in [entry.value("sobjectType") for entry in source.root.all("queueSobject")]


def test_the_integration_writes_every_record_of_its_own_objects() -> None:
    own = {source.name for source in PROJECT.of("object") if is_custom(source.name)} - {"Fulfillment_Command__c"}
    assert {name for name in own if OBJECTS[name].is_true("modifyAllRecords")} == own
