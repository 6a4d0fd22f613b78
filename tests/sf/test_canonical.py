"""Salesforce records become canonical orders; what is wrong with them is told, never raised."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.mappings.salesforce import Intake, IntakeField
from connector.model.order import Action, Priority
from connector.sf.canonical import Reading, product_codes, read_inventory, read_order
from tests.sf.mapping import INTAKE

ORDER: dict[str, Any] = {
    "attributes": {"type": "Order", "url": "/services/data/v66.0/sobjects/Order/801000000000001AAA"},
    "Id": "801000000000001AAA",
    "StatusCode": "Activated",
    "OrderNumber": "00000104",
    "AccountId": "001000000000001AAA",
    "Account": {"attributes": {"type": "Account"}, "Name": "Ada Lovelace", "Type": "Consumer"},
    "Fulfillment_Priority__c": "High",
    "Requested_Completion__c": "2026-12-01T09:30:00.000+0000",
    "Supersedes__c": None,
    "Supplemental_Action__c": None,
    "Follows__c": None,
    "Penalty_Approved__c": False,
    "Attributes__c": '{"channel": "web"}',
}

PHONE: dict[str, Any] = {
    "Id": "802000000000001AAA",
    "OrderItemNumber": "0000000201",
    "Product2": {"ProductCode": "MOBILE-PLAN"},
    "Action__c": "Add",
    "Quantity": 2.0,
    "Parent_Line__c": None,
    "Supersedes_Line__c": None,
    "Supplemental_Action__c": None,
    "Attributes__c": '{"tier": "L", "roaming": true}',
}
SIM: dict[str, Any] = {
    **PHONE,
    "Id": "802000000000002AAA",
    "OrderItemNumber": "0000000202",
    "Parent_Line__c": PHONE["Id"],
}


def read(order: dict[str, Any] | None = None, *lines: dict[str, Any], intake: Intake = INTAKE) -> Reading:
    return read_order({**ORDER, **(order or {})}, lines or (PHONE,), intake)


def codes(reading: Reading) -> list[str]:
    return [problem.code for problem in reading.problems]


def test_an_order_with_its_lines() -> None:
    reading = read({}, PHONE, SIM)
    order = reading.order

    assert reading.problems == ()
    assert (order.id, order.number, order.priority) == ("801000000000001AAA", "00000104", Priority.HIGH)
    assert order.requested_at == datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    assert (order.account.id, order.account.name, order.account.type) == (
        "001000000000001AAA",
        "Ada Lovelace",
        "Consumer",
    )
    assert order.attributes == {"channel": "web"}
    first, second = order.lines
    assert (first.product, first.action, first.quantity) == ("MOBILE-PLAN", Action.ADD, 2)
    assert first.attributes == {"tier": "L", "roaming": True}
    assert second.parent == first.id


def test_ids_of_fifteen_characters_become_eighteen() -> None:
    reading = read(
        {"Id": "801000000000001", "AccountId": "001A0000006Vm9r"}, {**PHONE, "Parent_Line__c": "802000000000009"}
    )

    assert reading.order.id == "801000000000001AAA"
    assert reading.order.account.id == "001A0000006Vm9rIAC"
    assert reading.order.lines[0].parent == "802000000000009AAA"


def test_what_is_absent_gets_its_default() -> None:
    reading = read(
        {"Fulfillment_Priority__c": None, "Attributes__c": None, "Requested_Completion__c": None, "Account": None},
        {**PHONE, "Action__c": None, "Quantity": None, "Attributes__c": ""},
    )

    assert reading.problems == ()
    assert reading.order.priority is Priority.DEFAULT
    assert reading.order.requested_at is None
    assert reading.order.account.name == ""
    assert (reading.order.lines[0].action, reading.order.lines[0].quantity) == (Action.ADD, 1)
    assert reading.order.lines[0].attributes == {}


def test_values_are_translated_and_single_fields_fill_attributes() -> None:
    intake = Intake(
        order={**INTAKE.order, "priority": IntakeField(path="Rush__c", values={"true": "High"}, default="Bulk")},
        lines={
            **INTAKE.lines,
            "action": IntakeField(path="Type__c", values={"Neu": "Add", "Weg": "Disconnect"}),
            "attributes.msisdn": IntakeField(path="Phone__c"),
            "attributes.tier": IntakeField(path="Tier__c"),
        },
        inventory={},
    )
    reading = read(
        {"Rush__c": True}, {**PHONE, "Type__c": "Weg", "Phone__c": "+49 30 1", "Tier__c": None}, intake=intake
    )

    assert reading.problems == ()
    assert reading.order.priority is Priority.HIGH
    assert reading.order.lines[0].action is Action.DISCONNECT
    assert reading.order.lines[0].attributes == {"tier": "L", "roaming": True, "msisdn": "+49 30 1"}


def test_an_order_names_what_it_supersedes_and_follows() -> None:
    reading = read(
        {
            "Supersedes__c": "801000000000007",
            "Supplemental_Action__c": "Amend",
            "Follows__c": "801000000000008AAA",
            "Penalty_Approved__c": True,
        },
        {**PHONE, "Supersedes_Line__c": "802000000000007AAA", "Supplemental_Action__c": "NoChange"},
        SIM,
    )

    assert reading.problems == ()
    order = reading.order
    assert (order.supersedes, order.supplemental_action) == ("801000000000007AAA", "Amend")
    assert (order.follows, order.approved_by) == ("801000000000008AAA", "Penalty_Approved__c")
    first, second = order.lines
    assert (first.supersedes, first.supplemental_action) == ("802000000000007AAA", "NoChange")
    assert (second.supersedes, second.supplemental_action, second.origin) == (None, None, None)


@pytest.mark.parametrize(
    ("is_approved", "person", "approved_by"),
    [(True, "Mia Rep", "Mia Rep"), (False, "Mia Rep", None), (None, "Mia Rep", None), (True, None, "Approved__c")],
)
def test_who_approved_the_penalties(*, is_approved: bool | None, person: str | None, approved_by: str | None) -> None:
    mapped = {"penalty_approved": IntakeField(path="Approved__c"), "approved_by": IntakeField(path="Approver__r.Name")}
    intake = replace(INTAKE, order={**INTAKE.order, **mapped})

    assert read({"Approved__c": is_approved, "Approver__r": {"Name": person}}, intake=intake).order.approved_by == (
        approved_by
    )


def test_a_field_with_a_person_may_be_all_there_is_about_the_approval() -> None:
    fields = {name: field for name, field in INTAKE.order.items() if name != "penalty_approved"}
    intake = replace(INTAKE, order={**fields, "approved_by": IntakeField(path="Approver__c")})

    assert read({"Approver__c": "Mia Rep"}, intake=intake).order.approved_by == "Mia Rep"
    assert read({"Approver__c": None}, intake=intake).order.approved_by is None


def test_an_order_that_cancels_another_needs_no_lines() -> None:
    cancel = {"Supersedes__c": "801000000000007AAA", "Supplemental_Action__c": "Cancel"}

    assert read_order({**ORDER, **cancel}, [], INTAKE).problems == ()
    assert codes(read_order({**ORDER, **cancel, "Supplemental_Action__c": "Amend"}, [], INTAKE)) == ["NO_LINES"]


def test_a_date_without_time_is_midnight_where_the_set_is() -> None:
    reading = read_order({**ORDER, "Requested_Completion__c": "2026-07-01"}, [PHONE], INTAKE, "Europe/Berlin")

    assert reading.order.requested_at == datetime(2026, 6, 30, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("order", "line", "code", "where", "told"),
    [
        ({"StatusCode": "Draft"}, {}, "ORDER_NOT_ACTIVATED", "", "Draft"),
        ({"AccountId": None}, {}, "NO_ACCOUNT", "", "account"),
        ({"AccountId": "nonsense"}, {}, "WRONG_TYPE", "", "AccountId"),
        ({"Fulfillment_Priority__c": "Urgent"}, {}, "UNKNOWN_PRIORITY", "", "Urgent"),
        ({"Requested_Completion__c": "soon"}, {}, "WRONG_TYPE", "", "soon"),
        ({"Attributes__c": '{"a": 1,}'}, {}, "BAD_JSON", "", "line 1, column 8"),
        ({"Supplemental_Action__c": "Undo"}, {}, "UNKNOWN_SUPPLEMENTAL_ACTION", "", "Amend or Cancel"),
        ({"Follows__c": "soon"}, {}, "WRONG_TYPE", "", "Follows__c"),
        ({"Penalty_Approved__c": "maybe"}, {}, "WRONG_TYPE", "", "Penalty_Approved__c"),
        ({}, {"Supersedes_Line__c": "x"}, "WRONG_TYPE", "line 0000000201 (MOBILE-PLAN)", "Supersedes_Line__c"),
        (
            {},
            {"Supplemental_Action__c": "Undo"},
            "UNKNOWN_SUPPLEMENTAL_ACTION",
            "line 0000000201 (MOBILE-PLAN)",
            "Undo",
        ),
        ({}, {"Action__c": "Upgrade"}, "UNKNOWN_ACTION", "line 0000000201 (MOBILE-PLAN)", "Add, Change, Disconnect"),
        ({}, {"Product2": {"ProductCode": None}}, "NO_PRODUCT_CODE", "line 0000000201", "product code"),
        ({}, {"Product2": None}, "NO_PRODUCT_CODE", "line 0000000201", "product code"),
        ({}, {"Quantity": "many"}, "WRONG_TYPE", "line 0000000201 (MOBILE-PLAN)", "Quantity"),
        ({}, {"Quantity": float("nan")}, "WRONG_TYPE", "line 0000000201 (MOBILE-PLAN)", "Quantity"),
        ({}, {"Attributes__c": "{\n  'tier': 1}"}, "BAD_JSON", "line 0000000201 (MOBILE-PLAN)", "line 2, column 3"),
        ({}, {"Attributes__c": "[1, 2]"}, "WRONG_TYPE", "line 0000000201 (MOBILE-PLAN)", "JSON object"),
        ({}, {"Parent_Line__c": "x"}, "WRONG_TYPE", "line 0000000201 (MOBILE-PLAN)", "Parent_Line__c"),
    ],
)
def test_a_problem_names_its_place(
    order: dict[str, Any], line: dict[str, Any], code: str, where: str, told: str
) -> None:
    reading = read(order, {**PHONE, **line})

    assert codes(reading) == [code]
    assert reading.problems[0].where == where
    assert told in str(reading.problems[0])


def test_an_order_without_lines_is_a_problem() -> None:
    assert codes(read_order(ORDER, [], INTAKE)) == ["NO_LINES"]


def test_all_problems_come_at_once() -> None:
    reading = read(
        {"StatusCode": "Draft"}, {**PHONE, "Action__c": "x", "Product2": None}, {**SIM, "Attributes__c": "{"}
    )

    assert codes(reading) == ["ORDER_NOT_ACTIVATED", "NO_PRODUCT_CODE", "UNKNOWN_ACTION", "BAD_JSON"]
    assert len(reading.order.lines) == 2


def test_without_a_default_an_action_has_to_be_there() -> None:
    intake = Intake(order=INTAKE.order, lines={**INTAKE.lines, "action": IntakeField(path="Action__c")}, inventory={})

    assert codes(read({}, {**PHONE, "Action__c": None}, intake=intake)) == ["NO_ACTION"]


def test_inventory() -> None:
    item, problems = read_inventory(
        {
            "Id": "a05000000000001AAA",
            "Account__c": "001000000000001",
            "Product__c": "MOBILE-SVC",
            "Scope_Key__c": "B1",
            "Status__c": "Inactive",
            "Attributes__c": '{"msisdn": "1"}',
        },
        INTAKE,
    )

    assert problems == ()
    assert (item.account, item.product, item.scope_key, item.status) == (
        "001000000000001AAA",
        "MOBILE-SVC",
        "B1",
        "Inactive",
    )
    assert item.attributes == {"msisdn": "1"}


def test_product_codes_are_what_there_is() -> None:
    assert product_codes([PHONE, {}, {"Product2": {"ProductCode": 7}}, SIM], INTAKE) == ["MOBILE-PLAN", "MOBILE-PLAN"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def records(example: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={name: ANYTHING | st.just(value) for name, value in example.items()})


@given(records(ORDER), st.lists(records(PHONE), max_size=3))
def test_whatever_comes_becomes_an_order_or_a_problem(order: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    reading = read_order(order, lines, INTAKE)

    assert len(reading.order.lines) == len(lines)
    assert all(problem.code and problem.message for problem in reading.problems)


@given(records({"Id": "x", "Account__c": "x", "Product__c": "x", "Attributes__c": "{}", "Status__c": "x"}))
def test_and_so_does_inventory(record: dict[str, Any]) -> None:
    item, problems = read_inventory(record, INTAKE)

    assert item.product or problems
