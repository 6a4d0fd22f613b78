"""What people have paused: a system, one of its interfaces, a plan definition, an order."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

import msgspec


class PauseKind(StrEnum):
    """What is paused."""

    SYSTEM = "system"
    """Nothing new is sent to it."""
    INTERFACE = "interface"
    """No request of this kind is sent."""
    PLAN = "plan"
    """No item of this plan definition starts, in whichever order."""
    ORDER = "order"
    """Nothing of the order starts; what runs finishes."""


class Pause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One pause: who paused what, since when, why, and until when (None: until somebody resumes it)."""

    kind: PauseKind
    name: str
    """The system, `system.interface`, the plan definition, or the order's number."""
    reason: str = ""
    by: str = ""
    since: datetime
    until: datetime | None = None

    def __str__(self) -> str:
        """For people: `system network is paused by Eva since 2026-03-01 12:00 UTC: they move house`."""
        by = f" by {self.by}" if self.by else ""
        until = f" until {_moment(self.until)}" if self.until else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.kind} {self.name} is paused{by} since {_moment(self.since)}{until}{reason}"

    @property
    def sentence(self) -> str:
        """The same, as a sentence."""
        text = str(self)
        return f"{text[0].upper()}{text[1:]}."

    @property
    def end(self) -> str:
        """What is waited for by whoever waits for it."""
        return f"the end of a pause: {self}"


class Pauses:
    """The pauses of one moment, for those who are about to start something. Orders keep theirs in their plans."""

    def __init__(self, pauses: Iterable[Pause] = ()) -> None:
        self.all = tuple(pauses)
        self._systems = {one.name: one for one in self.all if one.kind is PauseKind.SYSTEM}
        self._interfaces = {one.name: one for one in self.all if one.kind is PauseKind.INTERFACE}
        self._plans = {one.name: one for one in self.all if one.kind is PauseKind.PLAN}

    def __bool__(self) -> bool:
        """Something is paused."""
        return bool(self.all)

    def of_callout(self, interface: str) -> Pause | None:
        """What keeps requests of `system.interface` from being sent."""
        if not self.all:
            return None
        return self._systems.get(interface.partition(".")[0]) or self._interfaces.get(interface)

    def of_plan(self, definition: str) -> Pause | None:
        """What keeps items of a plan definition from starting."""
        return self._plans.get(definition)

    @property
    def systems(self) -> list[str]:
        """The systems that are paused."""
        return list(self._systems)

    @property
    def interfaces(self) -> list[str]:
        """The interfaces that are paused one by one."""
        return list(self._interfaces)


NO_PAUSES = Pauses()


def _moment(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
