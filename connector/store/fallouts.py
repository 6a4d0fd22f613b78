"""Episodes of fallout out of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.model.dossier import FalloutEpisode
from connector.model.ids import ItemNo
from connector.store import codec


def episode_of(row: Mapping[str, Any]) -> FalloutEpisode:
    """An episode from its row."""
    return FalloutEpisode(
        item=ItemNo(row["item_no"]),
        episode=row["episode"],
        failure=codec.failure(row["failure"]),
        queue=row["queue"],
        severity=row["severity"],
        suggestions=tuple(row["suggestions"]),
        attempts=row["attempts"],
        raised_at=row["raised_at"],
        resolved_at=row["resolved_at"],
        resolution=row["resolution"],
        resolved_by=row["resolved_by"],
    )
