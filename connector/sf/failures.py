"""What goes wrong between us and Salesforce, in classes that say what to do next.

Two levels: a call as a whole fails with one of the errors below; in a call that succeeded, single rows may
fail, each with a `RowFailure`. The codes are those of
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm and
https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Literal

from connector.errors import PermanentError, TransientError

# -- a call as a whole ----------------------------------------------------------------------------------


class SignInFailed(PermanentError):
    """Salesforce doesn't let us in: app, user, certificate or clock have to be mended by a person."""

    code = "SF_SIGN_IN"


class SignInUnavailable(TransientError):
    """Signing in failed in a way that may pass: the host is unreachable or busy."""

    code = "SF_SIGN_IN_UNAVAILABLE"


class SessionRefused(TransientError):
    """The access token was refused: it is renewed once, and the call repeated."""

    code = "SF_SESSION"


class Unavailable(TransientError):
    """Salesforce was unreachable, too slow, or not in service. Our writes may be repeated without harm."""

    code = "SF_UNAVAILABLE"


class Locked(TransientError):
    """Somebody else holds a lock on a record that we need."""

    code = "SF_LOCKED"


class LimitReached(TransientError):
    """The org's allowance is used up: `daily` calls, or `concurrent` long ones."""

    code = "SF_LIMIT"

    def __init__(self, message: str, *, limit: Literal["daily", "concurrent"], hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.limit = limit


class Refused(PermanentError):
    """Salesforce will never do this as asked: a wrong name, a missing permission, a retired version.

    `sf_code` is Salesforce's own (`INVALID_FIELD`).
    """

    code = "SF_REFUSED"

    def __init__(self, message: str, *, sf_code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sf_code = sf_code


class BadAnswer(TransientError):
    """An answer that is not what the API promises: cut off, too long, not JSON, a page of a proxy."""

    code = "SF_BAD_ANSWER"


_UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _GONE = 401, 403, 404, 410
_SERVER_ERROR = 500
_TRANSIENT_CODES = frozenset({"SERVER_UNAVAILABLE", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION", "INTERNAL_ERROR"})
_LIMIT_CODES = frozenset({"REQUEST_LIMIT_EXCEEDED", "LIMIT_EXCEEDED", "STORAGE_LIMIT_EXCEEDED"})

CallError = SessionRefused | Unavailable | Locked | LimitReached | Refused | BadAnswer


def call_error(status: int, content: Any) -> CallError:
    """The error for an answer with this status and body (parsed JSON, or text)."""
    code, message = _first_error(content)
    told = (
        f"Salesforce answered {status}{f' {code}' if code else ''}: {message}"
        if message
        else (f"Salesforce answered {status}.")
    )
    if status == _UNAUTHORIZED or code in ("INVALID_SESSION_ID", "INVALID_AUTH_HEADER"):
        return SessionRefused(told)
    if code == "UNABLE_TO_LOCK_ROW":
        return Locked(told)
    if code in _LIMIT_CODES:
        return LimitReached(told, limit=_which_limit(message), hint=_LIMIT_HINT)
    if status >= _SERVER_ERROR or code in _TRANSIENT_CODES:
        return Unavailable(told)
    if not code:
        return BadAnswer(told, hint="Is this really the org's address? A proxy may have answered in its place.")
    return Refused(told, sf_code=code, hint=_HINTS.get(code, ""))


_LIMIT_HINT = "Nothing is lost; it goes on when Salesforce allows. Setup > Company Information shows the allowance."
_HINTS = {
    "INVALID_FIELD": "A field that a mapping names doesn't exist there, or the integration user may not see it.",
    "INVALID_TYPE": "The object doesn't exist, or the integration user may not see it: is the metadata deployed, "
    "and the permission set assigned?",
    "API_DISABLED_FOR_ORG": "This edition of Salesforce has no API access.",
    "API_CURRENTLY_DISABLED": "The integration user may not use the API: give it the API permission.",
    "INSUFFICIENT_ACCESS": "The integration user lacks a permission: assign the permission set.",
    "UNSUPPORTED_API_VERSION": "Set the API version to one that Salesforce still serves.",
}


def _which_limit(message: str) -> Literal["daily", "concurrent"]:
    return "concurrent" if "concurrent" in message.lower() else "daily"


def _first_error(content: Any) -> tuple[str, str]:
    """Code and message of an error body: `[{"errorCode", "message"}]`; a text has no code."""
    first = content[0] if isinstance(content, list) and content else content
    if isinstance(first, dict):
        code = first.get("errorCode") or first.get("statusCode") or first.get("error") or ""
        return str(code), _short(str(first.get("message") or first.get("error_description") or ""))
    return "", _short(str(first)) if first else ""


_MAX_MESSAGE = 500


def _short(text: str) -> str:
    return text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…"


# -- single rows ----------------------------------------------------------------------------------------


class RowClass(Enum):
    """What to do with a row that failed."""

    LOCK = auto()
    """Again soon."""
    PARENT_MISSING = auto()
    """Again after the record that it points to."""
    TRANSIENT = auto()
    """Again later."""
    LIMIT = auto()
    """Again when the allowance is there."""
    GONE = auto()
    """Never: the record was deleted."""
    REJECTED = auto()
    """Never as it is: a value, a rule or a permission is in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingParent:
    """The record that a lookup by external id points to: its object, field and value."""

    object: str
    field: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFailure:
    """Why one row was not written, in Salesforce's words."""

    row_class: RowClass
    code: str
    message: str
    fields: tuple[str, ...] = ()
    parent: MissingParent | None = None


_MISSING = re.compile(
    r"Foreign key external ID: (?P<value>.*) not found for field (?P<field>\w+) in entity (?P<entity>\w+)"
)
_ROW_CLASSES = {
    "UNABLE_TO_LOCK_ROW": RowClass.LOCK,
    "SERVER_UNAVAILABLE": RowClass.TRANSIENT,
    "QUERY_TIMEOUT": RowClass.TRANSIENT,
    "UNKNOWN_EXCEPTION": RowClass.TRANSIENT,
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": RowClass.TRANSIENT,
    "PROCESSING_HALTED": RowClass.TRANSIENT,
    "REQUEST_LIMIT_EXCEEDED": RowClass.LIMIT,
    "LIMIT_EXCEEDED": RowClass.LIMIT,
    "STORAGE_LIMIT_EXCEEDED": RowClass.LIMIT,
    "ENTITY_IS_DELETED": RowClass.GONE,
}


def row_failure(errors: Any, *, by_id: bool) -> RowFailure:
    """Classify the `errors` of one row of a collections answer: `[{"statusCode", "message", "fields"}]`.

    `by_id`: the row was an update by Id, so that an unknown cross reference without a field is the record itself.
    """
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    code = str(first.get("statusCode") or first.get("errorCode") or "UNKNOWN")
    message = _short(str(first.get("message") or "Salesforce gave no reason."))
    told = first.get("fields")
    fields = tuple(str(field) for field in told) if isinstance(told, list) else ()
    missing = _MISSING.search(message)
    if missing:
        parent = MissingParent(object=missing["entity"], field=missing["field"], value=missing["value"])
        return RowFailure(row_class=RowClass.PARENT_MISSING, code=code, message=message, fields=fields, parent=parent)
    row_class = _ROW_CLASSES.get(code, RowClass.REJECTED)
    if code in ("INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND") and by_id and not fields:
        row_class = RowClass.GONE
    return RowFailure(row_class=row_class, code=code, message=message, fields=fields)
