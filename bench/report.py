"""Results on paper: one JSON file and one Markdown file for a run, with the machine that they were measured on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import facts, load_average

RESULTS = Path(__file__).parent / "results"


def write(name: str, parts: Mapping[str, Any]) -> Path:
    """Write `results/<date>-<name>.json` and `.md`; gives the latter. Other parts of the day stay in it."""
    RESULTS.mkdir(exist_ok=True)
    moment = datetime.now(UTC)
    head = {"measured_at": moment.isoformat(timespec="minutes"), **facts(), "load_at_end": f"{load_average():.2f}"}
    file = RESULTS / f"{moment.date()}-{name}"
    document = file.with_suffix(".json")
    if document.exists():
        parts = {**json.loads(document.read_text())["results"], **parts}
    document.write_text(json.dumps({"machine": head, "results": parts}, indent=1) + "\n")
    lines = [f"# {name.capitalize()}, {moment.date()}", "", *table([{"": key, "value": head[key]} for key in head])]
    for title, found in parts.items():
        lines += ["", f"## {title}", "", *_rendered(found)]
    page = file.with_suffix(".md")
    page.write_text("\n".join(lines) + "\n")
    return page


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A Markdown table of rows with the same keys."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = [f"| {' | '.join(_words(name) for name in names)} |", f"|{'---|' * len(names)}"]
    return head + [f"| {' | '.join(_value(row.get(name, '')) for name in names)} |" for row in rows]


def _rendered(found: Any) -> list[str]:
    if isinstance(found, list):
        return table(found)
    if found and all(isinstance(each, dict) for each in found.values()):
        return table([{"": name, **each} for name, each in found.items()])
    simple = {name: each for name, each in found.items() if not isinstance(each, dict)}
    lines = table([{"": _words(name), "value": each} for name, each in simple.items()])
    for name, each in found.items():
        if isinstance(each, dict):
            lines += ["", f"{_words(name).capitalize()}:", "", *table([{"": key, "value": each[key]} for key in each])]
    return lines


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value)
    return f"{value:,}" if isinstance(value, int) else str(value)
