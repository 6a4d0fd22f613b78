"""A process of the connector's, as it is during a measurement."""

from __future__ import annotations

import logging
import sys

import structlog

from connector.garbage import collect_gently


def quiet() -> None:
    """Log warnings only, a line each, and collect garbage as `connector run` does."""
    collect_gently()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        processors=[structlog.processors.add_log_level, _brief, structlog.processors.JSONRenderer()],
    )


def _brief(_logger: object, _name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if event.pop("exc_info", None):
        event["error"] = str(sys.exc_info()[1])[:500]
    return event
