"""A request that is not sent because it, or the configuration for it, is wrong."""

from __future__ import annotations

from connector.errors import UsageError


class RequestRefused(UsageError):
    """The request can't be sent as it is. `reason` is the code of the failure that it becomes."""

    code = "REQUEST_REFUSED"

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
