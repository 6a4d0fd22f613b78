"""How the states of items look in pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connector.model.states import ItemState


@dataclass(frozen=True, slots=True)
class Look:
    """Colours as `#rrggbb`; what stands in `stroke` on `fill` can be read (contrast of 4.5 and more)."""

    fill: str
    stroke: str
    dashed: bool = False
    struck: bool = False


LOOKS: Mapping[ItemState, Look] = {
    ItemState.PENDING: Look("#f6f8fa", "#57606a"),
    ItemState.SCHEDULED: Look("#fff8c5", "#9a6700"),
    ItemState.READY: Look("#eaf3ff", "#0969da"),
    ItemState.RUNNING: Look("#cfe4ff", "#0550ae"),
    ItemState.ON_HOLD: Look("#fff1b8", "#7d4e00"),
    ItemState.COMPLETED: Look("#dafbe1", "#116329"),
    ItemState.SKIPPED: Look("#ffffff", "#57606a", dashed=True),
    ItemState.FAILED: Look("#ffebe9", "#a40e26"),
    ItemState.FATALLY_FAILED: Look("#ffcecb", "#82071e"),
    ItemState.FROZEN: Look("#e0f7fa", "#005f6b"),
    ItemState.AMENDED: Look("#f5e6ff", "#6639ba"),
    ItemState.CANCELED: Look("#f5e6ff", "#6639ba", struck=True),
    ItemState.DISCARDED: Look("#ffffff", "#57606a", dashed=True, struck=True),
    ItemState.FAILED_DISCARDED: Look("#ffffff", "#a40e26", dashed=True, struck=True),
}
