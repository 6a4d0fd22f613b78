"""Decomposition. (In the making.)"""

from __future__ import annotations

from connector.decomposition.engine import decompose
from connector.decomposition.result import Decomposition

__all__ = ["Decomposition", "decompose"]
