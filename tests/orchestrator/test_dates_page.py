"""The worked example of docs/dates.md is what the connector says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from connector.decomposition import decompose
from connector.mappings.load import load
from connector.mappings.orderfile import read
from connector.model.plan import Plan
from connector.model.states import PlanState
from connector.orchestrator.estimate import Estimate, estimate

REPOSITORY = Path(__file__).resolve().parents[2]
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 12, 18, 10, 0, tzinfo=BERLIN).astimezone(UTC)


def example() -> tuple[Plan, Estimate]:
    """A workshop switches its supplier, a week before Christmas."""
    folder = REPOSITORY / "mappings" / "voltara"
    mappings = load(folder)
    case = folder / "cases" / "supplier-switch.json"
    content = json.loads(case.read_text(encoding="utf-8"))
    content["order"]["requested_at"] = "2027-01-20T12:00:00+01:00"
    content["order"]["lines"][0]["attributes"] |= {"annualKwh": 26000, "coolingOff": "336h"}
    order = read(json.dumps(content)).order
    made = decompose(order, (), mappings, NOW)
    assert not made.problems
    plan = Plan(order=made.order, state=PlanState.IN_PROGRESS, set_hash=mappings.hash, created_at=NOW)
    plan.add(made.items, made.lines)
    return plan, estimate(plan, NOW, mappings)


def table() -> str:
    plan, found = example()
    rows = ["| item | start | finish | slack |", "|---|---|---|---|"]
    for no in found.finishes:
        dates = found.item(no)
        assert dates is not None
        item = plan.items[no]
        name = f"**{item.key}**" if dates.critical else item.key
        seconds = dates.slack.total_seconds()
        slack = f"{seconds:.0f} s" if seconds < 3600 else f"{seconds / 86400:.1f} days"
        slack = "" if dates.critical else slack
        rows.append(f"| {no} {name} | {_day(dates.start)} | {_day(dates.finish)} | {slack} |")
    return "\n".join(rows)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(BERLIN):%a %d %b %H:%M}"


def test_the_page_tells_the_truth() -> None:
    page = (REPOSITORY / "docs" / "dates.md").read_text(encoding="utf-8")
    _, found = example()
    assert table() in page
    assert found.completion is not None
    assert found.p90 is not None
    assert f"expected to be done on {_day(found.completion)}" in page
    assert f"in nine cases of ten by {_day(found.p90)}" in page
    assert found.jeopardy.value == "On Track"
