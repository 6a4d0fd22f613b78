"""Logs: one event a line, on standard error, for people (`console`) or machines (`json`).

Every line, ours and that of every library, passes the same last steps: an exception becomes fields, secrets
and personal data are removed, everything is cut to a bounded size. So a line never holds a password however
it got there, never breaks into several, and never fills a disk by itself.

Who logs gives a constant name in snake_case and fields: `log.info("callout_answered", order=…, item=…)`.
"""

from __future__ import annotations

import json
import logging
import math
import re
import sys
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog
from pydantic import BaseModel, SecretStr
from structlog.typing import EventDict, Processor, WrappedLogger

from connector.callouts.redaction import MARK, Redactor, is_sensitive
from connector.settings import Settings

MAX_TEXT = 2_000
"""Longest text in a line, in characters."""
MAX_TRACEBACK = 8_000
"""Longest traceback, in characters; only with the level `debug`."""
MAX_VALUES = 200
"""Most values in a line, nested ones included."""
MAX_DEPTH = 6
MAX_FRAMES = 4
"""Most places of our own code that an exception is told with."""

_SHORTEST_SECRET = 6
"""A known secret shorter than this is not searched for: it would blot out half of every line."""

_QUIET = (
    "aiocometd_ng",
    "aiohttp.access",
    "aiosfstream_ng",
    "asyncio",
    "httpcore",
    "httpx",
    "simple_salesforce",
    "urllib3",
    "uvicorn",
    "zeep",
)
"""Libraries that tell of every request and connection; only their warnings are kept."""

_PACKAGE = Path(__file__).parent


def configure(settings: Settings, *, stream: TextIO | None = None) -> None:
    """Set logging up for this process, anew at every call. `stream` is standard error unless given."""
    stream = stream or sys.stderr
    debug = settings.log.level == "debug"
    scrub = Scrubber(known_secrets(settings))
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _Exceptions(with_traceback=debug),
        scrub,
    ]
    level = logging.getLevelNamesMapping()[settings.log.level.upper()]
    # Our own lines don't go through `logging`: its record, its search for the caller and its second chain of
    # processors cost more than all the rest of a line.
    structlog.configure(
        processors=[*shared, *_rendering(settings, stream)],
        logger_factory=_Lines(stream),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(settings, stream)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.WARNING)
    logging.captureWarnings(capture=True)


_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")


class _Line:
    """Writes the lines of one logger."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write a line, in one piece: threads log too. That nobody can read it stops nothing."""
        try:
            self._write(line)
        except UnicodeEncodeError:
            self._write(_NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], line))
        except (OSError, ValueError):
            return

    def _write(self, line: str) -> None:
        self._stream.write(f"{line}\n")
        self._stream.flush()

    debug = info = warning = error = critical = exception = msg


class _Lines:
    """Makes a logger of the name that is given, or of the module that asks for one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._named = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])

    def __call__(self, *names: Any) -> _Line:
        return _Line(self._named(*names).name, self._stream)


def _rendering(settings: Settings, stream: TextIO) -> list[Processor]:
    if settings.log.format == "json":
        return [structlog.processors.JSONRenderer(serializer=_as_json)]
    return [_one_line, structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="time")]


_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def _as_json(event: EventDict, **_: Any) -> str:
    first = {name: event.pop(name) for name in ("time", "level", "event") if name in event}
    return _json({**first, **event})


def _one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep a line a line on a terminal; a traceback alone may be several."""
    for name, value in event.items():
        if name != "traceback" and isinstance(value, str):
            event[name] = value.replace("\n", "\\n").replace("\t", " ")
    return event


# -- secrets, personal data, size -----------------------------------------------------------------------------


def known_secrets(settings: BaseModel) -> frozenset[str]:
    """Every secret value in the settings."""
    return frozenset(_secrets_in(settings))


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets_in(inner)
    elif isinstance(value, (tuple, list)):
        for inner in value:
            yield from _secrets_in(inner)


_PERSONAL = ("msisdn", "phone", "email", "imsi", "iccid", "imei", "iban")
"""Parts of field names whose values are personal; letters and digits only, in lower case."""

_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-])[\w.+-]{0,63}@(?=[\w-]{1,63}\.[\w.-]{2,})")
_WORD = re.compile(r"[\w.:/+-]{0,80}", re.ASCII)
"""Texts that can hide nothing but a known secret: ids, names, numbers, times."""


class Scrubber:
    """The structlog processor that removes secrets and personal data, and bounds the size of a line.

    What comes out is JSON: text, numbers, lists and objects with text keys.
    """

    def __init__(self, secrets: Collection[str] = ()) -> None:
        known = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._redactor = Redactor(known)
        self._known = re.compile("|".join(map(re.escape, known)) or r"(?!)")

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        """Scrub one line."""
        left = _Budget(MAX_VALUES)
        # structlog's own fields (`_record`, `_from_structlog`) are objects that it takes out again itself.
        return {
            name: value if name.startswith("_") else self._field(name, value, 0, left) for name, value in event.items()
        }

    def _field(self, name: str, value: Any, depth: int, left: _Budget) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if _is_secret(name):
            return MARK
        if _is_personal(name) and isinstance(value, (str, int)):
            return masked(self._text(str(value)))
        if name == "traceback":
            return self._text(str(value), MAX_TRACEBACK)
        return self._value(value, depth, left)

    def _value(self, value: Any, depth: int, left: _Budget) -> Any:
        plain = _plain(value)
        if plain is not _COMPLEX:
            return self._text(plain) if isinstance(plain, str) else plain
        if depth >= MAX_DEPTH or not left.take(len(value)):
            return "…"
        if isinstance(value, Mapping):
            return {
                self._text(str(name)): self._field(str(name), inner, depth + 1, left) for name, inner in value.items()
            }
        return [self._value(inner, depth + 1, left) for inner in value]

    def _text(self, text: str, limit: int = MAX_TEXT) -> str:
        if _WORD.fullmatch(text) and not self._known.search(text):
            return text
        whole = text.encode("utf-8", "replace").decode()
        return _EMAIL.sub(r"\1***@", self._redactor.text(whole, limit))


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return is_sensitive(name)


@lru_cache(maxsize=1024)
def _is_personal(name: str) -> bool:
    bare = re.sub(r"[^a-z0-9]", "", name.lower())
    return any(part in bare for part in _PERSONAL)


class _Budget:
    """How many values may still go into a line."""

    __slots__ = ("_left",)

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, count: int) -> bool:
        self._left -= count
        return self._left >= 0


_COMPLEX = object()
_AS_IT_IS = (str, bool, type(None))


def _plain(value: Any) -> Any:  # noqa: PLR0911 - a table of types
    """A value as text, number or None; `_COMPLEX` for objects and lists."""
    if type(value) in _AS_IT_IS:
        return value
    match value:
        case Enum():
            return _plain(value.value)
        case str():
            return str(value)
        case int():
            return int(value) if abs(value) < 2**63 else str(value)
        case float():
            return float(value) if math.isfinite(value) else str(value)
        case SecretStr() | bytes() | bytearray() | memoryview():
            return MARK
        case datetime() | date():
            return value.isoformat()
        case Mapping() | list() | tuple() | set() | frozenset():
            return _COMPLEX
        case BaseException():
            return f"{type(value).__name__}: {_printed(value)}"
        case _:
            return _printed(value)


def _printed(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - to log something must never be what fails
        return f"<{type(value).__name__} that can't be printed>"


def masked(text: str) -> str:
    """Personal data, still recognisable to whoever knows it: `***67` for a number, `a***@example.com`."""
    name, at, domain = text.partition("@")
    if at and name and domain:
        return text if name.endswith(MARK) else f"{name[0]}{MARK}@{domain}"
    digits = re.sub(r"\D", "", text)
    return f"{MARK}{digits[-2:]}" if len(digits) >= 6 else MARK  # noqa: PLR2004 - fewer digits would be half shown


# -- exceptions -----------------------------------------------------------------------------------------------


class _Exceptions:
    """An exception as fields: `error` says what, `at` where in our code, `cause` what lay behind it."""

    def __init__(self, *, with_traceback: bool) -> None:
        self._with_traceback = with_traceback

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        error = _exception(event.pop("exc_info", None))
        event.pop("stack_info", None)
        event.pop("color_message", None)  # uvicorn's message once more, coloured
        if error is not None:
            event["error"] = _plain(error)
            if places := list(_own_places(error.__traceback__)):
                event["at"] = " < ".join(places[-MAX_FRAMES:][::-1])
            cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
            if cause is not None:
                event["cause"] = _plain(cause)
            if self._with_traceback:
                event["traceback"] = "".join(traceback.format_exception(error))
        return event


def _exception(told: Any) -> BaseException | None:
    """What `exc_info` stands for: an exception, the one being handled, or the triple of older days."""
    if isinstance(told, BaseException):
        return told
    if isinstance(told, tuple):
        return next((part for part in told if isinstance(part, BaseException)), None)
    return sys.exc_info()[1] if told else None


def _own_places(trace: TracebackType | None) -> Iterable[str]:
    for frame in traceback.extract_tb(trace):
        file = Path(frame.filename)
        if file.is_relative_to(_PACKAGE):
            yield f"{file.relative_to(_PACKAGE).as_posix()}:{frame.lineno} in {frame.name}"
