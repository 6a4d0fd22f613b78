"""The connector's log during a measurement: warnings only, a line each."""

from __future__ import annotations

import logging
import sys

import structlog


def quiet() -> None:
    """Make it so in this process."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        processors=[structlog.processors.add_log_level, _brief, structlog.processors.JSONRenderer()],
    )


def _brief(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if event.pop("exc_info", None):
        event["error"] = str(sys.exc_info()[1])[:500]
    return event
