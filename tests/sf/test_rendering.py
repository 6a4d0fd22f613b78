"""From variables to the fields of a record."""

from __future__ import annotations

import gc
import sys
from datetime import UTC, datetime
from typing import Any

from connector.model.ids import OrderId
from connector.model.mark import RecordKind
from connector.sf.ports import Mark, Present
from connector.sf.rendering import Renderer, Row, Unrenderable
from connector.sf.schema import object_info
from tests.sf.mapping import WRITES, record

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ORDER = OrderId("801000000000001AAA")

ITEM_OBJECT = object_info(
    {
        "name": "Orchestration_Item__c",
        "fields": [
            {"name": "Name", "type": "string", "length": 10, "nameField": True, "updateable": True},
            {"name": "External_Id__c", "type": "string", "length": 8, "externalId": True},
            {"name": "Item_Key__c", "type": "string", "length": 5},
            {"name": "Error_Message__c", "type": "textarea", "length": 12},
            {"name": "Outputs__c", "type": "textarea", "length": 4},
        ],
    }
)


def item(**values: Any) -> dict[str, Any]:
    return {"name": "Ship", "key": "ship", "state": "Running", "outputs": {}, **values}


def rendered(kind: RecordKind, variables: dict[str, Any], key: str = f"{ORDER}-7") -> Row | Unrenderable:
    mark = Mark(lane=ORDER, order=ORDER, kind=kind, key=key, seq=3)
    present = Present(mark=mark, set_hash="h", variables={"order": {"id": ORDER}, **variables})
    return Renderer(WRITES[kind], ITEM_OBJECT).render(present, NOW)


def row_of(kind: RecordKind, variables: dict[str, Any]) -> Row:
    row = rendered(kind, variables)
    assert isinstance(row, Row)
    return row


def test_a_record_is_named_by_its_external_id_and_points_by_those_of_others() -> None:
    row = row_of("item", {"item": item(line=2, outputs={"number": "7"})})

    assert row.body == {
        "attributes": {"type": "Orchestration_Item__c"},
        "External_Id__c": f"{ORDER}-7",
        "Name": "Ship",
        "Order__c": ORDER,
        "Plan__r": {"External_Id__c": ORDER},
        "Fulfillment_Line__r": {"External_Id__c": f"{ORDER}-T2"},
        "Item_Key__c": "ship",
        "State__c": "Running",
        "Outputs__c": '{"number":"7"}',
        "Error_Message__c": None,
    }


def test_a_lookup_to_nobody_is_cleared_by_its_own_field() -> None:
    row = row_of("item", {"item": item()})

    assert row.fields["Fulfillment_Line__c"] is None
    assert "Fulfillment_Line__r" not in row.fields


def test_null_clears_a_field_unless_it_is_to_be_left_alone() -> None:
    row = row_of("item", {"item": item()})

    assert row.fields["Error_Message__c"] is None
    assert "Waiting_For__c" not in row.fields


def test_the_owner_is_a_queue_to_be_found() -> None:
    row = row_of("item", {"item": item(queue="Credit_Check")})

    assert row.queue == "Credit_Check"
    assert "OwnerId" not in row.fields


def test_a_record_without_external_id_is_updated_by_its_id() -> None:
    row = row_of("command", {"command": {"answer": "Done", "message": "ok"}})

    assert row.body == {
        "attributes": {"type": "Fulfillment_Command__c"},
        "id": f"{ORDER}-7",
        "Status__c": "Done",
        "Answer__c": "ok",
        "Answered_At__c": "2026-11-22T12:00:00Z",
    }


def test_prose_is_cut_in_long_text_and_in_names_and_says_so() -> None:
    row = row_of("item", {"item": item(name="Ship the handset", message="The warehouse is on fire")})

    assert row.fields["Name"] == "Ship the …"
    assert row.fields["Error_Message__c"] == "The warehou…"
    assert row.cut == ("Name", "Error_Message__c")


def test_keys_and_json_are_never_cut() -> None:
    row = row_of("item", {"item": item(key="ship-handset", outputs={"tracking": "1Z999"})})

    assert row.fields["Item_Key__c"] == "ship-handset"
    assert row.fields["Outputs__c"] == '{"tracking":"1Z999"}'
    assert row.cut == ()


def test_a_value_that_is_not_there_names_the_field() -> None:
    failed = rendered("item", {"item": {"name": "x"}})

    assert isinstance(failed, Unrenderable)
    assert failed.field == "Item_Key__c"
    assert "'key' is absent" in failed.message


def test_standard_lookups_are_cleared_by_their_id_field() -> None:
    mapping = record("fallout", "Case", {"Account.Key__c": "null"}, external_id="Fulfillment_Key__c")
    mark = Mark(lane=ORDER, order=ORDER, kind="fallout", key="k", seq=1)
    row = Renderer(mapping, ITEM_OBJECT).render(Present(mark=mark, set_hash="h", variables={}), NOW)

    assert isinstance(row, Row)
    assert row.fields == {"AccountId": None}


def test_writing_null_often_does_not_wear_the_interpreter_out() -> None:
    """Each null that is converted by `value()` takes a reference from None; what else comes and goes is far less."""
    row = row_of("item", {"item": item()})
    assert isinstance(row, Row)
    nulls = sum(value is None for value in row.fields.values())
    assert nulls > 0
    gc.collect()
    before = sys.getrefcount(None)
    for _ in range(4_000):
        row_of("item", {"item": item()})

    assert sys.getrefcount(None) > before - 2_000 * nulls
