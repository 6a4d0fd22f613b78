"""An order management connector for Salesforce: decompose, orchestrate, call out, write back."""

from __future__ import annotations

__version__ = "0.1.0"
