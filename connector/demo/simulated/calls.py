"""A call to a simulated system, what it answers, and the description of a system as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connector.demo.simulated.guard import AuthKind
from connector.demo.simulated.memory import Memory


class Refused(Exception):
    """The system understands the call and says no."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call is answered with."""

    status: int = 200
    body: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that has been let in. `memory` is inside the call's transaction."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    memory: Memory
    speed: float = 1.0

    def want(self, *names: str) -> tuple[Any, ...]:
        """These values of the body.

        Raises:
            Refused: some are missing; all of them are named.
        """
        missing = [name for name in names if self.body.get(name) is None]
        if missing:
            raise Refused(422, "FIELDS_MISSING", f"The body lacks {', '.join(missing)}.")
        return tuple(self.body[name] for name in names)

    def tell(self, message: Mapping[str, Any], *, after: float) -> None:
        """Tell the connector something, `after` seconds from now (divided by the demo's speed)."""
        self.memory.tell(message, delay=after / self.speed)

    def time(self, after: float = 0.0) -> str:
        """The time `after` seconds from now (divided by the demo's speed), as systems write it."""
        return iso(datetime.fromtimestamp(self.memory.now() + after / self.speed, UTC))


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that a system can do. `path` is a template of Starlette: `/v1/numbers/{number}`."""

    method: str
    path: str
    handler: Handler


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemDefinition:
    """A simulated system. `controls` are operations for the people behind it: below `/_sim`, without a password."""

    name: str
    auth: AuthKind
    operations: tuple[Operation, ...]
    controls: tuple[Operation, ...] = ()
    latency: float = 0.15
    """Seconds that every answer takes."""
    first_failures: int = 0
    """How many of the very first calls are answered with 503."""


@dataclass(slots=True, kw_only=True)
class Behaviour:
    """How a system misbehaves at present; changed by `POST /_sim/behaviour`, kept across restarts."""

    fail_next: int = 0
    """The next so many calls get `fail_status` and have no effect."""
    fail_status: int = 503
    latency: float | None = None
    """Seconds that every answer takes, instead of the usual."""
    deliver_twice: bool = False
    """Every message is sent to the connector two times."""
    hold_messages: bool = False
    """No message is sent until this is false again."""


def iso(moment: datetime) -> str:
    """A time as systems write it: ISO 8601, in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
