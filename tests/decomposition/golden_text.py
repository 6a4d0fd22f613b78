"""A decomposition as text that a person can check: what the golden files hold.

`python -m tests.decomposition.golden_text` writes them anew; look at the difference before you keep it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from connector.decomposition import Decomposition, decompose
from connector.mappings.load import load
from connector.mappings.orderfile import read
from connector.model.ids import LineId
from tests.decomposition.builder import NOW

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"
CASES = tuple(sorted(REPOSITORY.glob("mappings/*/cases/*.json")))


def golden_file(case: Path) -> Path:
    """Where the text of a case is kept: `golden/infiwave/mobile-esim.txt`."""
    return GOLDEN / case.parents[1].name / f"{case.stem}.txt"


def outcome(case: Path) -> str:
    """What becomes of a case of a mapping set."""
    given = read(case.read_text())
    made = decompose(given.order, given.inventory, load(case.parents[1]), NOW)
    return "\n".join(_described(made)) + "\n"


def _described(made: Decomposition) -> Iterator[str]:
    numbers = {line.id: line.number for line in made.order.lines}
    for line in made.order.lines:
        yield f"line {line.number}: {line.action} {line.product} {_values(line.attributes)}".rstrip()
    yield ""
    for problem in made.problems:
        yield f"{problem.code}: {problem}"
        yield from (f"  {miss}" for miss in problem.near_misses)
    if made.problems:
        return
    yield f"requests: {', '.join(made.requests)}"
    yield ""
    for technical in made.lines:
        origin = f"line {_sources(technical.sources, numbers)}"
        if technical.parents:
            origin += f" by way of {', '.join(f'T{no}' for no in technical.parents)}"
        times = f" x{technical.quantity:g}" if technical.quantity != 1 else ""
        yield f"T{technical.no}: {technical.action} {technical.product} {technical.scope_key}{times}, from {origin}"
        for name in sorted(technical.attributes.keys() | technical.changes.keys()):
            change = technical.changes.get(name)
            was = f"   (was {_json(change.old)})" if change else ""
            yield f"  {name} = {_json(technical.attributes.get(name))}{was}"
    yield ""
    for item in made.items:
        owner = f"T{item.line}" if item.line is not None else f"line {_sources(item.sources, numbers)}"
        after = f", after {', '.join(map(str, item.after))}" if item.after else ""
        if item.after_start:
            after += f", after the start of {', '.join(map(str, item.after_start))}"
        queue = f" for {item.queue}" if item.queue else ""
        yield f"{item.no}. {item.key} ({item.definition}, {item.type}{queue}) on {owner}{after}"
    if made.parked:
        yield ""
        yield from (f"{parked} → {parked.target}" for parked in made.parked)


def _sources(sources: tuple[LineId, ...], numbers: Mapping[LineId, str]) -> str:
    return ", ".join(numbers[source] for source in sources)


def _values(values: Mapping[str, object]) -> str:
    return " ".join(f"{name}={_json(value)}" for name, value in sorted(values.items()))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    for each in CASES:
        golden_file(each).parent.mkdir(exist_ok=True)
        golden_file(each).write_text(outcome(each))
