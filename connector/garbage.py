"""Python's cycle collector, set for a process that must not pause."""

from __future__ import annotations

import gc

YOUNG = 2_000
"""Containers made, and not given back, before the young ones are looked through: two milliseconds."""


def collect_gently() -> None:
    """Leave what was loaded until now out of every collection, and look through the rest in small parts.

    What the service works with (plans, rows, requests) has no cycles and goes when its last user lets go of it; the
    collector is for what libraries leave. Its pauses would otherwise be most of what stalls the event loop.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 3, 150)
