"""The errors that this program raises, by whose move it is next.

    ConnectorError
    ├── UsageError            fix your input: a setting, a file, an argument
    │   ├── SettingsError
    │   ├── MappingError      a mapping set that can't be used; carries the diagnostics
    │   └── OrderError        an order that can't be taken; carries the problems
    ├── RemoteError           another system did not do what we asked
    │   ├── TransientError    it may do so later
    │   ├── PermanentError    it never will, as asked
    │   └── UnknownOutcome    nobody knows whether it did
    ├── RefusedError          the request is fine, the state of things forbids it
    │   └── IllegalTransition
    └── InvariantBroken       our bug: please report it

Every class has a stable `code`; an instance has a message for people and, where there is one, a `hint`.
"""

from __future__ import annotations

from typing import ClassVar


class ConnectorError(Exception):
    """Root of all errors of this program; never raised itself."""

    code: ClassVar[str] = "CONNECTOR_ERROR"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The message, and the hint after it where there is one."""
        return f"{self.message} {self.hint}" if self.hint else self.message


class UsageError(ConnectorError):
    """The input is wrong; the person who gave it can mend it."""

    code = "USAGE"


class SettingsError(UsageError):
    """A setting is missing or wrong."""

    code = "SETTINGS"


class MappingError(UsageError):
    """A mapping set can't be used."""

    code = "MAPPING"


class OrderError(UsageError):
    """An order can't be taken as it is."""

    code = "ORDER"


class RemoteError(ConnectorError):
    """Another system did not do what we asked."""

    code = "REMOTE"


class TransientError(RemoteError):
    """The other system may do it later; `retry_after` in seconds where it said when."""

    code = "REMOTE_TRANSIENT"

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class PermanentError(RemoteError):
    """The other system will never do it as asked."""

    code = "REMOTE_PERMANENT"


class UnknownOutcome(RemoteError):
    """The request was sent and its outcome is not known."""

    code = "REMOTE_UNKNOWN_OUTCOME"


class RefusedError(ConnectorError):
    """What was asked is not possible in the present state."""

    code = "REFUSED"


class IllegalTransition(RefusedError):
    """The state machine has no such transition."""

    code = "ILLEGAL_TRANSITION"

    def __init__(self, state: str, trigger: str) -> None:
        super().__init__(f"{trigger!r} is not possible in state {state}.")
        self.state = state
        self.trigger = trigger


class InvariantBroken(ConnectorError):
    """A bug of this program."""

    code = "INVARIANT_BROKEN"
