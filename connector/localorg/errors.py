"""What the org answers when something is wrong: the code, the sentence, the fields, and the HTTP status.

Codes and sentences follow the REST API Developer Guide ("Status Codes and Error Responses") and, where the
guide gives none, what clients report having seen. A client should branch on the code, never on the sentence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_STATUS = {
    "INVALID_SESSION_ID": 401,
    "INVALID_AUTH_HEADER": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "INSUFFICIENT_ACCESS": 403,
    "INSUFFICIENT_ACCESS_OR_READONLY": 403,
    "NOT_FOUND": 404,
    "ENTITY_IS_DELETED": 404,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "SERVER_UNAVAILABLE": 503,
    "UNKNOWN_EXCEPTION": 500,
}

_CUSTOM_FIELD_HINT = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_CUSTOM_ENTITY_HINT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_CUSTOM_RELATIONSHIP_HINT = (
    "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom "
    "relationship name. Please reference your WSDL or the describe call for the appropriate names."
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of an error answer. `fields` is None where Salesforce leaves the key out."""

    code: str
    message: str
    fields: tuple[str, ...] | None = None


class SalesforceError(Exception):
    """The request, or one row of it, is refused. Carries everything that the answer says."""

    def __init__(self, *problems: Problem, status: int | None = None) -> None:
        super().__init__("; ".join(f"{problem.code}: {problem.message}" for problem in problems))
        self.problems = problems
        self.status = status or _STATUS.get(problems[0].code, 400)

    @property
    def code(self) -> str:
        """The first error code."""
        return self.problems[0].code

    def body(self) -> list[dict[str, Any]]:
        """The body of the HTTP answer."""
        return [
            {"message": problem.message, "errorCode": problem.code}
            | ({} if problem.fields is None else {"fields": list(problem.fields)})
            for problem in self.problems
        ]

    def row(self) -> list[dict[str, Any]]:
        """The `errors` of one row in the answer to a collection."""
        return [
            {"statusCode": problem.code, "message": problem.message, "fields": list(problem.fields or ())}
            for problem in self.problems
        ]


def refused(code: str, message: str, fields: Iterable[str] | None = None, status: int | None = None) -> SalesforceError:
    """An error with one entry."""
    return SalesforceError(Problem(code, message, None if fields is None else tuple(fields)), status=status)


def not_found() -> SalesforceError:
    """No such resource or record."""
    return refused("NOT_FOUND", "The requested resource does not exist")


def unknown_entity(name: str) -> SalesforceError:
    """A query names an object that is not there, or that this user can't see."""
    return refused("INVALID_TYPE", f"sObject type '{name}' is not supported. {_CUSTOM_ENTITY_HINT}")


def unknown_column(name: str, entity: str) -> SalesforceError:
    """A query names a field that is not there, or that this user can't see."""
    return refused("INVALID_FIELD", f"No such column '{name}' on entity '{entity}'. {_CUSTOM_FIELD_HINT}")


def unknown_written_column(name: str, entity: str) -> SalesforceError:
    """A write names a field that is not there, or that this user can't see."""
    return refused("INVALID_FIELD", f"No such column '{name}' on sobject of type {entity}")


def unknown_relationship(name: str, where: str = "field path") -> SalesforceError:
    """A query follows a relationship that is not there."""
    part = "field path" if where == "field path" else "FROM part of query call"
    return refused("INVALID_FIELD", f"Didn't understand relationship '{name}' in {part}. {_CUSTOM_RELATIONSHIP_HINT}")


def cannot_deserialize(kind: str, token: str, value: object) -> SalesforceError:
    """A JSON value of the wrong kind for its field. Salesforce fails the whole request for it."""
    return refused(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {kind} from {token} value {value} or request may be missing a required "
        "field at [line:1, column:2]",
    )


def session_expired() -> SalesforceError:
    """The access token is unknown, expired or revoked."""
    return refused("INVALID_SESSION_ID", "Session expired or invalid")
