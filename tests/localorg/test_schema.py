"""The schema that the org takes from `deploy/salesforce`, and from metadata with all that may be in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.localorg.schema.metadata import Metadata, read_metadata
from connector.localorg.schema.model import Kind, Type
from connector.localorg.schema.xml import MetadataError
from tests.localorg.world import METADATA

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns="http://soap.sforce.com/2006/04/metadata"'


def deployed() -> Metadata:
    return read_metadata(METADATA, lambda name: "e" + name[:2] if name.endswith("__e") else "a" + name[:2])


def write(folder: Path, name: str, root: str, content: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{_HEAD}<{root} {_SPACE}>{content}</{root}>", encoding="utf-8")


def field(folder: Path, owner: str, name: str, content: str) -> None:
    text = f"<fullName>{name}</fullName><label>{name.removesuffix('__c')}</label>{content}"
    write(folder, f"objects/{owner}/fields/{name}.field-meta.xml", "CustomField", text)


def custom_object(folder: Path, name: str, content: str = "") -> None:
    text = f"<label>Thing</label><pluralLabel>Things</pluralLabel>{content}"
    write(folder, f"objects/{name}/{name}.object-meta.xml", "CustomObject", text)


def read(folder: Path) -> Metadata:
    given: dict[str, str] = {}
    return read_metadata(folder, lambda name: given.setdefault(name, f"a{len(given):02d}"))


# -- the project's own metadata ---------------------------------------------------------------------------


def test_everything_that_is_deployed_is_understood() -> None:
    assert deployed().warnings == ()


def test_objects_fields_and_relationships_are_those_of_the_deployment() -> None:
    schema = deployed().schema
    item = schema["Orchestration_Item__c"]
    key = item.fields["external_id__c"]
    assert (key.unique, key.external_id, key.length, key.type) == (True, True, 64, Type.STRING)
    assert item.fields["name"].auto == ""
    assert schema["Orchestration_Plan__c"].fields["name"].auto == "OP-{000000}"
    plan = item.parent("Plan__r")
    assert plan is not None
    assert plan.to == ("Orchestration_Plan__c",)
    status = schema["Order"].fields["fulfillment_status__c"]
    assert status.restricted
    assert {"Submitted", "Fallout", "Completed"} <= status.allowed
    assert item.fields["outputs__c"].length == 32_768
    assert not item.fields["outputs__c"].filterable


def test_events_flows_queues_and_permission_sets_are_read() -> None:
    metadata = deployed()
    event = metadata.schema["Order_Submitted__e"]
    assert event.kind is Kind.EVENT
    assert not event.publish_immediately
    assert {flow.name for flow in metadata.flows} >= {"Publish_Order_Submitted", "Publish_Fulfillment_Command"}
    assert {queue.developer_name for queue in metadata.queues} >= {"Credit_Check", "Order_Fallout"}
    sets = {each.name: each for each in metadata.permission_sets}
    assert sets["Order_Connector_Integration"].objects["order"].edit
    assert "orchestration_item__c.state__c" in sets["Order_Connector_Integration"].editable
    assert "orchestration_item__c.state__c" not in sets["Fulfillment_Operator"].editable


def test_what_permission_sets_name_is_there() -> None:
    metadata = deployed()
    known = {
        f"{sobject.name}.{name}".lower()
        for sobject in metadata.schema
        for field in sobject.fields.values()
        for name in (field.name, field.governed_by)
    }
    named = {name for each in metadata.permission_sets for name in each.readable | each.editable}
    assert named - known == set()


# -- metadata with all that may be in it ------------------------------------------------------------------


def test_a_bare_org_has_the_standard_objects() -> None:
    schema = read_metadata(None, lambda _: "a00").schema
    assert schema["order"].fields["status"].restricted
    assert schema["Order"].children["orderitems"].object == "OrderItem"
    assert schema["PricebookEntry"].access_from == "Pricebook2"


def test_a_detail_belongs_to_its_master(tmp_path: Path) -> None:
    custom_object(tmp_path, "Thing__c")
    custom_object(
        tmp_path, "Part__c", "<nameField><type>AutoNumber</type><displayFormat>P-{00}</displayFormat></nameField>"
    )
    content = "<type>MasterDetail</type><referenceTo>Thing__c</referenceTo><relationshipName>Parts</relationshipName>"
    field(tmp_path, "Part__c", "Thing__c", content)
    schema = read(tmp_path).schema
    master = schema["Part__c"].fields["thing__c"]
    assert (master.required, master.on_delete, master.update) == (True, "cascade", False)
    assert schema["Part__c"].field("OwnerId") is None
    assert schema["Thing__c"].children["parts__r"].field == "Thing__c"
    assert schema["Part__c"].fields["name"].auto == "P-{00}"


def test_defaults_and_numbers(tmp_path: Path) -> None:
    custom_object(tmp_path, "Thing__c")
    field(tmp_path, "Thing__c", "On__c", "<type>Checkbox</type><defaultValue>true</defaultValue>")
    field(
        tmp_path,
        "Thing__c",
        "Many__c",
        "<type>Number</type><precision>6</precision><scale>2</scale><defaultValue>3</defaultValue>",
    )
    field(tmp_path, "Thing__c", "Said__c", "<type>Text</type><length>9</length><defaultValue>'yes'</defaultValue>")
    field(
        tmp_path, "Thing__c", "Worked_Out__c", "<type>Text</type><length>9</length><defaultValue>TEXT(1)</defaultValue>"
    )
    fields = read(tmp_path).schema["Thing__c"].fields
    assert fields["on__c"].default is True
    assert (fields["many__c"].default, fields["many__c"].precision, fields["many__c"].scale) == (3.0, 6, 2)
    assert fields["said__c"].default == "yes"
    assert fields["worked_out__c"].default is None


def test_value_sets_are_taken_from_where_they_are(tmp_path: Path) -> None:
    custom_object(tmp_path, "Thing__c")
    field(
        tmp_path, "Thing__c", "Size__c", "<type>Picklist</type><valueSet><valueSetName>Sizes</valueSetName></valueSet>"
    )
    values = "<customValue><fullName>S</fullName><default>true</default><label>Small</label></customValue>"
    write(tmp_path, "globalValueSets/Sizes.globalValueSet-meta.xml", "GlobalValueSet", values)
    status = (
        "<standardValue><fullName>Draft</fullName><default>true</default><groupingString>Draft</groupingString></standardValue>"
        "<standardValue><fullName>Live</fullName><default>false</default><groupingString>Activated</groupingString></standardValue>"
    )
    write(tmp_path, "standardValueSets/OrderStatus.standardValueSet-meta.xml", "StandardValueSet", status)
    schema = read(tmp_path).schema
    assert schema["Thing__c"].fields["size__c"].restricted
    assert schema["Thing__c"].fields["size__c"].default == "S"
    assert [(each.value, each.group) for each in schema["Order"].fields["status"].values] == [
        ("Draft", "Draft"),
        ("Live", "Activated"),
    ]


def test_what_can_not_be_computed_is_told(tmp_path: Path) -> None:
    custom_object(tmp_path, "Thing__c")
    field(tmp_path, "Thing__c", "Double__c", "<type>Number</type><formula>Many__c * 2</formula>")
    write(tmp_path, "objects/Opportunity/fields/X__c.field-meta.xml", "CustomField", "<fullName>X__c</fullName>")
    metadata = read(tmp_path)
    assert metadata.schema["Thing__c"].fields["double__c"].calculated
    assert not metadata.schema["Thing__c"].fields["double__c"].create
    assert len(metadata.warnings) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<type>Hologram</type>", "Hologram"),
        ("<type>Text</type><length>many</length>", "not a whole number"),
        ("<type>Lookup</type><referenceTo>Nobody__c</referenceTo>", "Nobody__c"),
        ("<type>Picklist</type><valueSet><valueSetName>None</valueSetName></valueSet>", "None.globalValueSet"),
    ],
)
def test_nonsense_is_refused_with_the_place(tmp_path: Path, content: str, message: str) -> None:
    custom_object(tmp_path, "Thing__c")
    field(tmp_path, "Thing__c", "Odd__c", content)
    with pytest.raises(MetadataError, match=message):
        read(tmp_path)


def test_xml_that_is_none_is_refused_with_the_place(tmp_path: Path) -> None:
    custom_object(tmp_path, "Thing__c", "<open>")
    with pytest.raises(MetadataError, match=r"Thing__c\.object-meta\.xml"):
        read(tmp_path)


def test_channels_and_their_events(tmp_path: Path) -> None:
    custom_object(tmp_path, "Rang__e", "<eventType>HighVolume</eventType>")
    content = "<eventChannel>Bells__chn</eventChannel><selectedEntity>Rang__e</selectedEntity>"
    write(
        tmp_path,
        "platformEventChannelMembers/Bells_chn_Rang.platformEventChannelMember-meta.xml",
        "PlatformEventChannelMember",
        content,
    )
    schema = read(tmp_path).schema
    assert schema.channels == {"Bells__chn": ("Rang__e",)}
    assert schema["Rang__e"].publish_immediately
