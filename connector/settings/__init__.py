"""Settings: read once, explained on demand, immutable.

- `variables`: the places where they come from.
- `model`: what there is to set.
- `load`: reading, checking, and which names are known.
- `report`: where each value came from, what is missing, what is unwise.
"""

from __future__ import annotations

from connector.settings.load import load
from connector.settings.model import Credential, Settings
from connector.settings.report import Missing, Row, explain, missing, warnings

__all__ = ["Credential", "Missing", "Row", "Settings", "explain", "load", "missing", "warnings"]
