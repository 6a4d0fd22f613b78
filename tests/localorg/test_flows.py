"""Flows: those that are deployed, and what the org makes of flow metadata in general."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from connector.localorg import Fault, LocalOrg
from connector.localorg.errors import SalesforceError
from connector.localorg.records.flows import holds
from tests.localorg.test_schema import custom_object, field, write
from tests.localorg.world import METADATA, Catalog


def events(org: LocalOrg) -> list[dict[str, object]]:
    """The custom fields of all events that were published."""
    bus = org.org.bus
    names = [sobject.name for sobject in org.org.schema if sobject.name.endswith("__e")]
    return [
        {name: value for name, value in event.payload.items() if name.endswith("__c")}
        for event in bus.after(0, names, 1_000)
    ]


# -- deployed -------------------------------------------------------------------------------------------------


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    org = LocalOrg(metadata=METADATA)
    yield org
    org.stop()


def test_activation_is_told_once(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.draft()
    org.update(order, Description="still a draft")
    assert events(org) == []
    org.update(order, Status="Activated")
    org.update(order, Fulfillment_Status__c="In Progress")
    assert events(org) == [{"Order_Id__c": order, "Reason__c": "Activated"}]
    org.update(order, Status="Draft")
    org.update(order, Status="Activated")
    assert len(events(org)) == 2


def test_nothing_is_told_of_what_did_not_happen(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.draft()

    def activate_and_fail() -> None:
        with org.org.store.transaction():
            org.update(order, Status="Activated")
            org.create("Account")

    with pytest.raises(SalesforceError):
        activate_and_fail()
    assert events(org) == []
    assert org.query("SELECT Status FROM Order")[0]["Status"] == "Draft"


def test_a_command_is_told(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.activated()
    command = org.create("Fulfillment_Command__c", Action__c="Retry", Order__c=order)
    assert events(org)[-1] == {"Command_Id__c": command, "Order_Id__c": order, "Action__c": "Retry"}
    org.update(command, Status__c="Done")
    assert len(events(org)) == 2


def test_a_flow_runs_for_users_who_may_not_publish(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.activated()
    operator = org.org.security.actor(org.add_user("op@localorg.example", permission_sets=["Fulfillment_Operator"]))
    commands = org.org.schema["Fulfillment_Command__c"]
    org.org.records.create(operator, commands, {"Action__c": "Retry", "Order__c": order})
    assert len(events(org)) == 2


def test_the_fault_path_leaves_a_note(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.draft()
    org.fault(Fault.ROW_ERROR, object="Order_Submitted__e", code="LIMIT_EXCEEDED", message="no more events")
    org.update(order, Status="Activated")
    assert events(org) == []
    (row,) = org.query("SELECT StatusCode, Fulfillment_Message__c FROM Order")
    assert row["StatusCode"] == "Activated"
    assert "LIMIT_EXCEEDED: no more events" in row["Fulfillment_Message__c"]


def test_the_owner_of_an_order_in_jeopardy_gets_a_task_each_time(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.activated()

    def tasks() -> list[tuple[str, str]]:
        return [(row["Subject"], row["Priority"]) for row in org.query("SELECT Subject, Priority FROM Task")]

    org.update(order, Jeopardy__c="On Track")
    assert tasks() == []
    org.update(order, Jeopardy__c="At Risk", Estimated_Completion__c="2026-03-01T12:00:00.000+0000")
    org.update(order, Fulfillment_Progress__c=50)
    (owner,) = org.query("SELECT OwnerId, OrderNumber FROM Order")
    (task,) = org.query("SELECT OwnerId, WhatId, Subject, Description, Status FROM Task")
    assert (task["OwnerId"], task["WhatId"], task["Status"]) == (owner["OwnerId"], order, "Not Started")
    assert task["Subject"] == f"Order {owner['OrderNumber']}: At Risk"
    assert "2026-03-01T12:00:00" in task["Description"]
    org.update(order, Jeopardy__c="Late")
    assert tasks()[1:] == [(f"Order {owner['OrderNumber']}: Late", "High")]


def test_a_task_that_can_not_be_given_lets_the_order_be_saved(org: LocalOrg, catalog: Catalog) -> None:
    order = catalog.activated()
    org.fault(Fault.ROW_ERROR, object="Task", code="FIELD_INTEGRITY_EXCEPTION", message="no such owner")
    org.update(order, Jeopardy__c="Late")
    assert org.query("SELECT Jeopardy__c FROM Order")[0]["Jeopardy__c"] == "Late"
    assert org.query("SELECT Id FROM Task") == []


# -- in general -----------------------------------------------------------------------------------------------

CREATE = """<recordCreates><name>Tell</name>{connector}
  <inputAssignments><field>Text__c</field><value>{value}</value></inputAssignments><object>Told__e</object>
</recordCreates>"""
START = """<start><connector><targetReference>{first}</targetReference></connector>{criteria}
  <object>Thing__c</object><recordTriggerType>{when}</recordTriggerType><triggerType>RecordAfterSave</triggerType>
</start><status>Active</status><label>Tell</label>"""
NAME = "<elementReference>$Record.Name</elementReference>"


def org_with(
    folder: Path, elements: str, criteria: str = "", when: str = "CreateAndUpdate", first: str = "Tell"
) -> LocalOrg:
    """An org with a thing, an event, and one flow."""
    custom_object(folder, "Thing__c")
    field(folder, "Thing__c", "Count__c", "<type>Number</type><precision>5</precision><scale>0</scale>")
    field(folder, "Thing__c", "Account__c", "<type>Lookup</type><referenceTo>Account</referenceTo>")
    custom_object(folder, "Told__e", "<publishBehavior>PublishAfterCommit</publishBehavior>")
    field(folder, "Told__e", "Text__c", "<type>Text</type><length>40</length>")
    start = START.format(first=first, criteria=criteria, when=when)
    write(folder, "flows/Tell.flow-meta.xml", "Flow", elements + start)
    return LocalOrg(metadata=folder)


def told(org: LocalOrg) -> list[object]:
    org.stop()
    return [event["Text__c"] for event in events(org)]


def filtered(name: str, operator: str, value: str) -> str:
    return f"<filters><field>{name}</field><operator>{operator}</operator><value>{value}</value></filters>"


@pytest.mark.parametrize(("when", "expected"), [("Create", ["a"]), ("Update", ["b"]), ("CreateAndUpdate", ["a", "b"])])
def test_when_a_flow_starts(tmp_path: Path, when: str, expected: list[str]) -> None:
    org = org_with(tmp_path, CREATE.format(connector="", value=NAME), when=when)
    org.update(org.create("Thing__c", Name="a"), Name="b")
    assert told(org) == expected


@pytest.mark.parametrize(
    ("operator", "value", "matching"),
    [
        ("EqualTo", "<numberValue>2.0</numberValue>", "2"),
        ("NotEqualTo", "<numberValue>2</numberValue>", "13none"),
        ("GreaterThan", "<numberValue>2</numberValue>", "3"),
        ("GreaterThanOrEqualTo", "<numberValue>2</numberValue>", "23"),
        ("LessThan", "<numberValue>2</numberValue>", "1"),
        ("LessThanOrEqualTo", "<numberValue>2</numberValue>", "12"),
        ("IsNull", "<booleanValue>true</booleanValue>", "none"),
        ("IsNull", "<booleanValue>false</booleanValue>", "123"),
    ],
)
def test_filters_on_numbers(tmp_path: Path, operator: str, value: str, matching: str) -> None:
    org = org_with(tmp_path, CREATE.format(connector="", value=NAME), filtered("Count__c", operator, value))
    for count in (1, 2, 3, None):
        org.create("Thing__c", Name=str(count or "none"), Count__c=count)
    assert "".join(map(str, told(org))) == matching


@pytest.mark.parametrize(
    ("operator", "text", "matching"),
    [
        ("Contains", "b", ["abc", "b"]),
        ("StartsWith", "a", ["abc"]),
        ("EndsWith", "c", ["abc"]),
        ("EqualTo", "b", ["b"]),
    ],
)
def test_filters_on_text(tmp_path: Path, operator: str, text: str, matching: list[str]) -> None:
    criteria = filtered("Name", operator, f"<stringValue>{text}</stringValue>")
    org = org_with(tmp_path, CREATE.format(connector="", value=NAME), criteria)
    for name in ("abc", "b", "x"):
        org.create("Thing__c", Name=name)
    assert told(org) == matching


def test_only_when_a_field_changed(tmp_path: Path) -> None:
    criteria = filtered("Count__c", "IsChanged", "<booleanValue>true</booleanValue>")
    org = org_with(tmp_path, CREATE.format(connector="", value=NAME), criteria, when="Update")
    thing = org.create("Thing__c", Name="a", Count__c=1)
    org.update(thing, Name="b")
    org.update(thing, Name="c", Count__c=2)
    assert told(org) == ["c"]


def test_logic_of_filters(tmp_path: Path) -> None:
    criteria = (
        "<filterLogic>1 AND (2 OR 3)</filterLogic>"
        + filtered("Count__c", "GreaterThan", "<numberValue>1</numberValue>")
        + filtered("Name", "EqualTo", "<stringValue>a</stringValue>")
        + filtered("Name", "EqualTo", "<stringValue>b</stringValue>")
    )
    org = org_with(tmp_path, CREATE.format(connector="", value=NAME), criteria)
    for name, count in (("a", 1), ("a", 2), ("b", 2), ("c", 2)):
        org.create("Thing__c", Name=name, Count__c=count)
    assert told(org) == ["a", "b"]


@pytest.mark.parametrize(
    ("logic", "meaning"),
    [
        ("1 AND 2 OR 3", lambda a, b, c: (a and b) or c),
        ("1 AND (2 OR 3)", lambda a, b, c: a and (b or c)),
        ("NOT 1 OR (2 AND NOT 3)", lambda a, b, c: not a or (b and not c)),
        ("not (1 or 2) and 3", lambda a, b, c: not (a or b) and c),
    ],
)
def test_logic(logic: str, meaning: object) -> None:
    assert callable(meaning)
    for values in product((True, False), repeat=3):
        assert holds(logic, list(values)) == meaning(*values)


def test_decisions_assignments_parents_and_prior_values(tmp_path: Path) -> None:
    elements = (
        "<decisions><name>Big</name><defaultConnector><targetReference>Say_Prior</targetReference></defaultConnector>"
        "<rules><name>Yes</name><conditionLogic>and</conditionLogic><conditions>"
        "<leftValueReference>$Record.Count__c</leftValueReference><operator>GreaterThan</operator>"
        "<rightValue><elementReference>limit</elementReference></rightValue></conditions>"
        "<connector><targetReference>Say_Account</targetReference></connector></rules></decisions>"
        "<constants><name>limit</name><dataType>Number</dataType><value><numberValue>5</numberValue></value></constants>"
        "<assignments><name>Say_Account</name><assignmentItems><assignToReference>text</assignToReference>"
        "<operator>Assign</operator><value><elementReference>$Record.Account__r.Name</elementReference></value></assignmentItems>"
        "<assignmentItems><assignToReference>text</assignToReference><operator>Add</operator>"
        "<value><stringValue>!</stringValue></value></assignmentItems>"
        "<connector><targetReference>Tell</targetReference></connector></assignments>"
        "<assignments><name>Say_Prior</name><assignmentItems><assignToReference>text</assignToReference>"
        "<operator>Assign</operator><value><elementReference>$Record__Prior.Name</elementReference></value></assignmentItems>"
        "<connector><targetReference>Tell</targetReference></connector></assignments>"
        "<variables><name>text</name><dataType>String</dataType></variables>"
    )
    value = "<elementReference>text</elementReference>"
    org = org_with(tmp_path, elements + CREATE.format(connector="", value=value), first="Big")
    account = org.create("Account", Name="Acme")
    thing = org.create("Thing__c", Name="a", Count__c=9, Account__c=account)
    org.update(thing, Name="b", Count__c=1)
    assert told(org) == ["Acme!", "a"]


def test_a_flow_that_fails_takes_the_record_along(tmp_path: Path) -> None:
    org = org_with(tmp_path, CREATE.format(connector="", value=f"<stringValue>{'x' * 41}</stringValue>"))
    with pytest.raises(SalesforceError, match=r"CANNOT_EXECUTE_FLOW_TRIGGER.*STRING_TOO_LONG"):
        org.create("Thing__c", Name="a")
    assert org.query("SELECT Id FROM Thing__c") == []
    org.stop()


def test_flows_that_trigger_each_other_are_stopped(tmp_path: Path) -> None:
    update = (
        "<recordUpdates><name>Tell</name><inputAssignments><field>Count__c</field><value><numberValue>1</numberValue>"
        "</value></inputAssignments><inputReference>$Record</inputReference></recordUpdates>"
    )
    org = org_with(tmp_path, update)
    with pytest.raises(SalesforceError, match="trigger each other without end"):
        org.create("Thing__c", Name="a")
    org.stop()


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ("<loops><name>L</name></loops>", "<loops> is not supported"),
        ("<recordUpdates><name>U</name><object>Account</object></recordUpdates>", "changing other records"),
        ("<recordCreates><name>C</name><inputReference>v</inputReference></recordCreates>", "from a record variable"),
    ],
)
def test_half_a_flow_is_no_flow(tmp_path: Path, elements: str, reason: str) -> None:
    org = org_with(tmp_path, CREATE.format(connector="", value=NAME) + elements)
    (warning,) = org.org.metadata.warnings
    assert reason in warning
    org.create("Thing__c", Name="a")
    assert told(org) == []
