"""What people may write in options."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from connector.cli.main import app
from connector.cli.moments import point_in_time, time_to_come
from connector.cli.orders import options
from connector.errors import UsageError
from connector.model.forecast import Jeopardy
from connector.model.order import Priority
from connector.sf.record_ids import record_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("30min", NOW - timedelta(minutes=30)),
        ("2 h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("1w", NOW - timedelta(weeks=1)),
        ("2026-02-28", datetime(2026, 2, 28, tzinfo=UTC)),
        (" 2026-02-28T09:00 ", datetime(2026, 2, 28, 9, tzinfo=UTC)),
        ("2026-02-28T09:00+01:00", datetime(2026, 2, 28, 8, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_date_or_how_long_ago(text: str, at: datetime) -> None:
    assert point_in_time(text, NOW) == at


@pytest.mark.parametrize("text", ["", "yesterday", "h", "-3d", "999999w", "2026-13-01", "2026-02-28T09:00Zonk"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        point_in_time(text, NOW)


def test_a_time_to_come_is_not_over() -> None:
    assert time_to_come("2h", NOW) == NOW + timedelta(hours=2)
    assert time_to_come("2026-03-01T12:01", NOW) == NOW + timedelta(minutes=1)
    for wrong in ("2026-03-01T12:00Z", "0s", "999999w", "tomorrow"):
        with pytest.raises(UsageError, match=r"is over|is no time"):
            time_to_come(wrong, NOW)


def test_a_pause_that_ends_at_no_time_is_refused_in_one_line() -> None:
    result = CliRunner().invoke(app, ["pause", "order", "1", "--reason", "x", "--until", "never"], env={})
    assert result.exit_code == 2
    assert result.stderr.startswith("connector pause order: 'never' is no time.")


def test_priorities_and_jeopardies_have_names() -> None:
    assert options.priority("high") is Priority.HIGH
    assert options.jeopardy("at-risk") is Jeopardy.AT_RISK
    assert options.jeopardy("On Track") is Jeopardy.ON_TRACK
    for wrong in ("", "urgent", "0"):
        with pytest.raises(UsageError):
            options.priority(wrong)
        with pytest.raises(UsageError):
            options.jeopardy(wrong)


def test_how_much_of_the_history() -> None:
    assert options.number_or_all("all") is None
    assert options.number_or_all("0") == 0
    assert options.number_or_all("9" * 30) == 10**9
    for wrong in ("", "-1", "1.5", "²", "ALL"):
        with pytest.raises(UsageError):
            options.number_or_all(wrong)


def test_only_an_id_is_one() -> None:
    assert record_id("801000000000001") == "801000000000001AAA"
    assert record_id("00000101") is None
    assert record_id(None) is None
