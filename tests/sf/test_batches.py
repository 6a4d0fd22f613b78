"""Which rows travel together, and what the answers say of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.model.ids import OrderId
from connector.model.mark import RecordKind
from connector.sf.batches import (
    CALL_GROUPS,
    GROUP_RECORDS,
    Group,
    group_result,
    to_calls,
    to_groups,
)
from connector.sf.failures import RowClass
from connector.sf.org import Subanswer
from connector.sf.ports import Mark
from connector.sf.rendering import Row
from tests.sf.mapping import WRITES

KINDS = tuple(WRITES)


def row(kind: RecordKind, key: str, lane: str = "801000000000001AAA", set_hash: str = "h") -> Row:
    mapping = WRITES[kind]
    mark = Mark(lane=lane, order=OrderId(lane), kind=kind, key=key, seq=1)
    return Row(
        mark=mark, object=mapping.object, external_id=mapping.external_id, fields={"Name": key}, set_hash=set_hash
    )


def an_order(number: int) -> list[Row]:
    """The records of a small order, as the outbox might give them."""
    order = f"801{number:012}AAA"
    rows = [row("order", order, order), row("plan", order, order), row("order_line", f"802{number:012}AAA", order)]
    rows += [row("item", f"{order}-{no}", order) for no in (1, 2, 3)]
    rows += [row("line", f"{order}-T1", order), row("request", f"{order}-network", order)]
    return rows


def kinds(groups: list[Group]) -> list[tuple[RecordKind, ...]]:
    return [tuple(dict.fromkeys(row.mark.kind for row in group.rows)) for group in groups]


def test_a_new_order_fits_one_call_with_parents_first() -> None:
    groups = to_groups(an_order(1))

    assert kinds(groups) == [("request",), ("plan",), ("line",), ("item",), ("order_line", "order")]
    assert len(to_calls(groups)) == 1


def test_many_orders_share_the_call() -> None:
    groups = to_groups([row for number in range(40) for row in an_order(number)])

    assert [len(group.rows) for group in groups] == [40, 40, 40, 120, 80]
    assert len(to_calls(groups)) == 1


def test_a_request_takes_two_hundred_records() -> None:
    groups = to_groups([row("item", f"i{number}") for number in range(450)])

    assert [len(group.rows) for group in groups] == [200, 200, 50]


def test_long_records_make_smaller_requests() -> None:
    rows = [replace(row("item", f"i{number}"), fields={"Outputs__c": "x" * 32_000}) for number in range(60)]
    huge = replace(row("item", "huge"), fields={"Outputs__c": "x" * 2_000_000})

    assert [len(group.rows) for group in to_groups([*rows, huge])] == [24, 24, 12, 1]


def test_records_of_one_object_by_different_ids_never_share_a_request() -> None:
    groups = to_groups([row("fallout", "F1"), row("inventory", "I1"), row("command", "C1")])

    assert kinds(groups) == [("command",), ("inventory",), ("fallout",)]


def test_one_record_is_never_twice_in_a_request() -> None:
    groups = to_groups([row("order", "801000000000001AAA"), row("order", "801000000000001AAA")])

    assert [len(group.rows) for group in groups] == [1, 1]


def test_a_request_names_object_and_external_id_and_lets_rows_fail_alone() -> None:
    upsert, update = to_groups([row("plan", "P1"), row("order", "801000000000001AAA")])

    part = upsert.subrequest("group0")
    assert (part.method, part.path) == ("PATCH", "composite/sobjects/Orchestration_Plan__c/External_Id__c")
    assert part.body == {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Orchestration_Plan__c"}, "External_Id__c": "P1", "Name": "P1"}],
    }
    assert update.subrequest("group1").path == "composite/sobjects"


ROWS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 400)), unique=True, max_size=600)


@given(ROWS)
def test_every_row_travels_once_in_the_right_order(picked: list[tuple[RecordKind, int]]) -> None:
    rows = [row(kind, f"k{number}") for kind, number in picked]
    calls = to_calls(to_groups(rows))
    sent = [one for call in calls for group in call for one in group.rows]

    assert sorted(map(id, sent)) == sorted(map(id, rows))
    assert all(len(call) <= CALL_GROUPS for call in calls)
    assert all(0 < len(group.rows) <= GROUP_RECORDS for call in calls for group in call)
    places = {kind: [at for at, one in enumerate(sent) if one.mark.kind == kind] for kind in KINDS}
    families: list[tuple[RecordKind, RecordKind]] = [
        ("request", "line"),
        ("plan", "item"),
        ("line", "item"),
        ("item", "fallout"),
    ]
    for parent, child in families:
        if places[parent] and places[child]:
            assert max(places[parent]) < min(places[child])


def group_of(*keys: str) -> Group:
    (group,) = to_groups([row("item", key) for key in keys])
    return group


def answer(body: Any, status: int = 200) -> Subanswer:
    return Subanswer(reference="group0", status=status, body=body)


def failed(code: str, message: str = "no") -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": []}]}


def test_results_belong_to_rows_by_their_place() -> None:
    result = group_result(
        group_of("a", "b", "c"),
        answer(
            [
                {"id": "a01", "success": True, "errors": [], "created": True},
                failed("UNABLE_TO_LOCK_ROW"),
                {"id": "a03", "success": True, "errors": []},
            ]
        ),
    )

    assert [(one.row.mark.key, one.failure.row_class if one.failure else None) for one in result.rows] == [
        ("a", None),
        ("b", RowClass.LOCK),
        ("c", None),
    ]
    assert not result.refused


def test_a_refused_request_says_nothing_of_its_rows() -> None:
    body = [{"errorCode": "INVALID_FIELD", "message": "No such column 'X__c' on sobject of type Orchestration_Item__c"}]
    result = group_result(group_of("a", "b"), answer(body, 400))

    assert result.refused
    assert [one.failure.code for one in result.rows if one.failure] == ["INVALID_FIELD", "INVALID_FIELD"]


def test_a_lock_on_the_whole_request_is_no_refusal() -> None:
    result = group_result(group_of("a"), answer([{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "x"}], 500))

    assert not result.refused
    assert [one.failure.row_class for one in result.rows if one.failure] == [RowClass.LOCK]


def test_an_answer_with_rows_missing_is_no_success() -> None:
    result = group_result(group_of("a", "b"), answer([{"id": "a01", "success": True, "errors": []}]))

    assert all(one.failure for one in result.rows)


def test_a_refused_request_is_looked_at_by_what_made_its_rows_and_then_by_halves() -> None:
    (mixed,) = to_groups(
        [row("item", "a", set_hash="1"), row("item", "b", set_hash="2"), row("item", "c", set_hash="1")]
    )

    assert [[one.mark.key for one in part.rows] for part in mixed.parts()] == [["a", "c"], ["b"]]
    assert [[one.mark.key for one in part.rows] for part in group_of("a", "b", "c").parts()] == [["a"], ["b", "c"]]
