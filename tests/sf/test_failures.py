"""What Salesforce's errors mean for us."""

from __future__ import annotations

from typing import Any

import pytest

from connector.errors import ConnectorError
from connector.sf.failures import (
    BadAnswer,
    LimitReached,
    Locked,
    MissingParent,
    Refused,
    RowClass,
    SessionRefused,
    Unavailable,
    call_error,
    row_failure,
)


def body(code: str, message: str = "no") -> list[dict[str, str]]:
    return [{"errorCode": code, "message": message}]


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (401, body("INVALID_SESSION_ID", "Session expired or invalid"), SessionRefused),
        (401, "", SessionRefused),
        (403, body("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), LimitReached),
        (500, body("UNABLE_TO_LOCK_ROW"), Locked),
        (400, body("UNABLE_TO_LOCK_ROW"), Locked),
        (500, body("UNKNOWN_EXCEPTION"), Unavailable),
        (503, "<html>Down for maintenance</html>", Unavailable),
        (503, body("SERVER_UNAVAILABLE"), Unavailable),
        (400, body("QUERY_TIMEOUT"), Unavailable),
        (400, body("INVALID_FIELD", "No such column 'X__c' on entity 'Order'."), Refused),
        (403, body("INSUFFICIENT_ACCESS"), Refused),
        (404, body("NOT_FOUND"), Refused),
        (410, body("UNSUPPORTED_API_VERSION"), Refused),
        (302, "<html>Please sign in to the hotel's network</html>", BadAnswer),
        (404, None, BadAnswer),
        (400, [], BadAnswer),
        (400, {"error": "invalid_grant", "error_description": "x"}, Refused),
    ],
)
def test_a_call_that_failed(status: int, content: Any, expected: type[ConnectorError]) -> None:
    assert type(call_error(status, content)) is expected


def test_the_two_limits_are_told_apart() -> None:
    daily = call_error(403, body("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."))
    concurrent = call_error(
        403, body("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
    )

    assert isinstance(daily, LimitReached)
    assert daily.limit == "daily"
    assert isinstance(concurrent, LimitReached)
    assert concurrent.limit == "concurrent"


def test_a_long_page_is_not_repeated_in_full() -> None:
    assert len(str(call_error(502, "x" * 100_000))) < 1_000


def test_what_a_person_can_do_is_said() -> None:
    error = call_error(400, body("INVALID_TYPE", "sObject type 'Orchestration_Plan__c' is not supported."))

    assert "permission set" in error.hint
    assert "Orchestration_Plan__c" in str(error)


def errors(code: str, message: str = "no", fields: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [{"statusCode": code, "message": message, "fields": list(fields)}]


@pytest.mark.parametrize(
    ("given", "by_id", "expected"),
    [
        (errors("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"), False, RowClass.LOCK),
        (errors("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"), True, RowClass.GONE),
        (errors("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"), False, RowClass.REJECTED),
        (errors("INVALID_CROSS_REFERENCE_KEY", "bad owner", ("OwnerId",)), True, RowClass.REJECTED),
        (errors("ENTITY_IS_DELETED", "entity is deleted"), True, RowClass.GONE),
        (errors("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Only on Mondays"), False, RowClass.REJECTED),
        (errors("STRING_TOO_LONG", "data value too large", ("Name",)), False, RowClass.REJECTED),
        (errors("STORAGE_LIMIT_EXCEEDED"), False, RowClass.LIMIT),
        (errors("QUERY_TIMEOUT"), False, RowClass.TRANSIENT),
        (errors("A_CODE_OF_NEXT_YEAR"), False, RowClass.REJECTED),
        ([], False, RowClass.REJECTED),
        (None, False, RowClass.REJECTED),
    ],
)
def test_a_row_that_failed(given: Any, *, by_id: bool, expected: RowClass) -> None:
    assert row_failure(given, by_id=by_id).row_class is expected


def test_a_lookup_that_found_nothing_names_the_parent() -> None:
    failure = row_failure(
        errors(
            "INVALID_FIELD",
            "Foreign key external ID: 801AAA-network not found for field External_Id__c in entity Fulfillment_Request__c",
        ),
        by_id=False,
    )

    assert failure.row_class is RowClass.PARENT_MISSING
    assert failure.parent == MissingParent(
        object="Fulfillment_Request__c", field="External_Id__c", value="801AAA-network"
    )
