"""The names in mapping sets that people may pause."""

from __future__ import annotations

from collections.abc import Iterable

from connector.mappings.set import MappingSet
from connector.model.pauses import PauseKind


def known(kind: PauseKind, sets: Iterable[MappingSet]) -> set[str]:
    """The names of this kind of thing in any of the sets."""
    found: set[str] = set()
    for mappings in sets:
        match kind:
            case PauseKind.SYSTEM:
                found.update(mappings.systems)
            case PauseKind.INTERFACE:
                found.update(
                    f"{system.name}.{name}" for system in mappings.systems.values() for name in system.interfaces
                )
            case PauseKind.PLAN:
                found.update(mappings.plans)
            case PauseKind.ORDER:
                pass
    return found
