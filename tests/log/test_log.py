"""What a log line looks like, whoever logs it, and what never stands in one."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from connector.errors import InvariantBroken, SettingsError
from connector.log import MAX_TEXT, Scrubber, configure, known_secrets, masked
from connector.settings import Settings, load

SECRET = "hunter2-and-more"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave logging as it was: the tests of this file set it up for real."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level


def settings_with(**log: str) -> Settings:
    return load(
        {"log": log, "salesforce": {"client_secret": SECRET}, "inbound_secrets": {"x": [SECRET + "2"]}},
        environ={},
        env_file=None,
    )


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream() -> io.StringIO:
    """Where JSON lines go."""
    stream = io.StringIO()
    configure(settings_with(format="json"), stream=stream)
    return stream


def test_an_event_is_one_json_object(stream: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(order="801")
    structlog.get_logger("sf").info("order_read", items=3, when=datetime(2026, 1, 2, tzinfo=UTC))
    (line,) = lines(stream)
    assert list(line)[:3] == ["time", "level", "event"]
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "event": "order_read",
        "logger": "sf",
        "order": "801",
        "items": 3,
        "when": "2026-01-02T00:00:00+00:00",
    }


def test_libraries_log_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("library").warning("it took %d s with token=%s", 3, SECRET, extra={"password": "x", "tries": 2})
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == (
        "it took 3 s with token=***",
        "warning",
        "library",
    )
    assert (line["password"], line["tries"]) == ("***", 2)


def test_warnings_of_python_are_logged(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("soon gone", stacklevel=1)
    assert "soon gone" in lines(stream)[0]["event"]


def test_the_level_is_that_of_the_settings(stream: io.StringIO) -> None:
    structlog.get_logger().debug("too_much")
    logging.getLogger("httpx").info("GET https://example.com")
    logging.getLogger("httpx").warning("slow")
    assert [line["event"] for line in lines(stream)] == ["slow"]


def fail() -> None:
    try:
        _ = dict[str, str]()["inner"]
    except KeyError as error:
        raise InvariantBroken(f"two plans, password={SECRET}") from error


def test_an_exception_is_told_in_fields(stream: io.StringIO) -> None:
    log = structlog.get_logger()
    try:
        load({"api": {"port": "x"}}, environ={}, env_file=None)
    except SettingsError:
        log.exception("turn_failed")
    try:
        fail()
    except InvariantBroken as error:
        problem = error
    log.error("turn_failed", exc_info=problem)
    first, second = lines(stream)
    assert first["error"].startswith("SettingsError: CONNECTOR_API__PORT: input should be")
    assert first["at"].startswith("settings/load.py:")
    assert "cause" not in first
    assert second["error"] == "InvariantBroken: two plans, password=***"
    assert second["cause"] == "KeyError: 'inner'"
    assert "traceback" not in first


def test_tracebacks_are_for_debugging() -> None:
    stream = io.StringIO()
    configure(settings_with(format="json", level="debug"), stream=stream)
    try:
        fail()
    except InvariantBroken:
        structlog.get_logger().exception("turn_failed")
    (line,) = lines(stream)
    assert "Traceback (most recent call last)" in line["traceback"]
    assert SECRET not in stream.getvalue()


def test_people_read_one_line_an_event() -> None:
    stream = io.StringIO()
    configure(settings_with(), stream=stream)
    structlog.get_logger().info("order_read", message="first\nsecond", email="jane@example.com")
    (line,) = stream.getvalue().splitlines()
    assert "order_read" in line
    assert "first\\nsecond" in line
    assert "\x1b" not in line
    assert "jane" not in line


def test_a_terminal_without_unicode_gets_escapes() -> None:
    written = io.BytesIO()
    configure(settings_with(format="json"), stream=io.TextIOWrapper(written, encoding="ascii"))

    structlog.get_logger().info("read", name="Jürgen")

    assert json.loads(written.getvalue())["name"] == "Jürgen"


def test_a_stream_that_nobody_reads_stops_nothing() -> None:
    stream = io.StringIO()
    configure(settings_with(format="json"), stream=stream)
    stream.close()

    structlog.get_logger().info("read")


def test_a_logger_without_a_name_has_its_modules(stream: io.StringIO) -> None:
    structlog.get_logger().info("read")

    assert lines(stream)[0]["logger"] == __name__


def test_setting_up_again_replaces(stream: io.StringIO) -> None:
    other = io.StringIO()
    configure(settings_with(format="json"), stream=other)
    logging.getLogger().warning("once")
    assert stream.getvalue() == ""
    assert len(lines(other)) == 1


# -- what never stands in a line --------------------------------------------------------------------------


class Colour(StrEnum):
    RED = "red"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


def scrubbed(**fields: Any) -> dict[str, Any]:
    return dict(Scrubber([SECRET])(None, "info", fields))


def test_secrets_are_removed_by_value_and_by_name() -> None:
    line = scrubbed(
        reason=f"refused {SECRET}",
        plain=SECRET,
        authorization="Basic x",
        detail={"access_token": "t", "list": [{"Private-Key": "k", "id": 7}]},
        held=SecretStr("x"),
        raw=b"x",
        quoted='{"password": "other"}',
    )
    assert line["reason"] == "refused ***"
    assert line["plain"] == "***"
    assert line["authorization"] == "***"
    assert line["detail"] == {"access_token": "***", "list": [{"Private-Key": "***", "id": 7}]}
    assert line["held"] == line["raw"] == "***"
    assert "other" not in line["quoted"]


def test_personal_data_is_masked() -> None:
    line = scrubbed(
        msisdn="+49 151 23456789",
        phoneNumber=15123456789,
        contact={"E-Mail": "jane.doe@example.com", "phone": None},
        message="told jane.doe@example.com, see order 801xx0000000001AAA",
    )
    assert line["msisdn"] == line["phoneNumber"] == "***89"
    assert line["contact"] == {"E-Mail": "j***@example.com", "phone": None}
    assert line["message"] == "told j***@example.com, see order 801xx0000000001AAA"


@pytest.mark.parametrize(("text", "shown"), [("", "***"), ("12345", "***"), ("123456", "***56"), ("@x", "***")])
def test_short_personal_data_is_hidden_wholly(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_everything_is_bounded_and_json() -> None:
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(50):
        inner["x"] = {}
        inner = inner["x"]
    ring: list[Any] = []
    ring.append(ring)
    line = scrubbed(
        long="x y " * 5_000,
        many=list(range(10_000)),
        deep=deep,
        ring=ring,
        big=2**80,
        nan=float("nan"),
        colour=Colour.RED,
        odd=Unprintable(),
        half="\ud800",
        group={1, 2},
        error=ValueError("no"),
    )
    assert len(line["long"]) <= MAX_TEXT
    assert line["many"] == "…"
    assert line["colour"] == "red"
    assert line["odd"] == "<Unprintable that can't be printed>"
    assert line["error"] == "ValueError: no"
    assert len(json.dumps(line, allow_nan=False).encode()) < 5_000


def test_every_secret_of_the_settings_is_known() -> None:
    assert known_secrets(settings_with()) == {SECRET, SECRET + "2"}


_NAMES = st.sampled_from(["order", "note", "token", "api_key", "Authorization", "client-secret", "email", "x"])
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.builds(lambda before, after: before + SECRET + after, st.text(), st.text())
    | st.just(SecretStr(SECRET))
)
_NESTED = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(_NAMES | st.text(), inner) | st.tuples(inner, inner),
    max_leaves=30,
)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,12}", fullmatch=True) | _NAMES, _NESTED))
def test_no_secret_survives_anywhere(fields: dict[str, Any]) -> None:
    line = dict(Scrubber([SECRET])(None, "info", dict(fields)))
    told = json.dumps(line, allow_nan=False, ensure_ascii=False)
    assert SECRET not in told
    told.encode()
    for name, value in line.items():
        if name in {"token", "api_key", "Authorization", "client-secret"}:
            assert value in (None, True, False, "***")
