"""Why something failed, in a form that a person can act on and that a policy table can match."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureClass(StrEnum):
    """What kind of failure it is; decides whether trying again can help."""

    TRANSIENT = "transient"
    """The system was busy or unreachable and the request had no effect: try again."""
    BUSINESS = "business"
    """The system understood and said no: a person has to decide."""
    CONFIGURATION = "configuration"
    """Our mapping, destination or credentials are wrong: somebody has to mend them."""
    UNKNOWN_OUTCOME = "unknown_outcome"
    """The request may or may not have had its effect (time-out after sending, worker died)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure. Holds no secret: whoever makes it has removed them.

    `code` is stable and short (`NUMBER_TAKEN`, `HTTP_503`, `NOT_JSON`, `TIMEOUT`), `message` is one
    plain sentence, `detail` may quote the request and the start of the answer.
    """

    failure_class: FailureClass
    code: str
    message: str
    system: str | None = None
    interface: str | None = None
    http_status: int | None = None
    retry_after: float | None = None
    """Seconds that the system asked us to wait, where it did."""
    detail: str | None = None

    @property
    def leaves_doubt(self) -> bool:
        """Whether the request may have had its effect all the same: under another key it could have it twice.

        A configuration failure leaves none when nothing was sent, or when the system did not let us in
        (3xx, 4xx); an answer that was ok and can't be read does.
        """
        match self.failure_class:
            case FailureClass.BUSINESS:
                return False
            case FailureClass.CONFIGURATION:
                return self.http_status is not None and self.http_status not in _TURNED_AWAY
            case FailureClass.TRANSIENT | FailureClass.UNKNOWN_OUTCOME:
                return True


_TURNED_AWAY = range(300, 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong with an order that a person has to mend: what, where, what to do.

    `where` names the line or field (`line 2 (MOBILE-PLAN)`), `source` the mapping file and line where
    there is one, `near_misses` the rules that almost took the line, each with the condition that failed.
    """

    code: str
    message: str
    where: str = ""
    hint: str = ""
    source: str = ""
    near_misses: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line for a terminal, a Case or an order's message field."""
        place = f"{self.where}: " if self.where else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{place}{self.message}{hint}"
