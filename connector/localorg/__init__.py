"""A Salesforce org on this machine: for trying, testing and showing, without an account.

It knows Salesforce and nothing of the connector. See `README.md` in this folder.
"""

from __future__ import annotations

from connector.localorg.faults import Fault
from connector.localorg.server import LocalOrg

__all__ = ["Fault", "LocalOrg"]
