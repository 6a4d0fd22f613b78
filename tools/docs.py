"""Write the parts of docs/ that are made from the program: `make docs`. A test says when they are stale.

A page holds such a part between `<!-- made: NAME -->` and `<!-- end: NAME -->`; all else of it is by hand.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connector.display.graph.model import graph
from connector.display.graph.svg import svg
from connector.display.lines import plain
from connector.display.sheet import Sections, sheet
from connector.model.states import FINAL_ITEM_STATES, ITEM_TRANSITIONS, PLAN_TRANSITIONS, ItemState, PlanState
from connector.settings import Settings
from connector.settings.load import variable_name
from connector.settings.model import NEEDED_BY_KIND
from tools.example_order import example
from tools.stories.example import FOLDER
from tools.stories.matrix import revision_matrix
from tools.stories.page import worked_example

REPOSITORY = Path(__file__).resolve().parent.parent
_PART = re.compile(r"(<!-- made: ([\w-]+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def renewed(text: str) -> str:
    """A page with its made parts as the program has them now.

    Raises:
        KeyError: the page names a part that nobody makes.
    """
    return _PART.sub(lambda match: match[1] + "\n" + PARTS[match[2]]().strip() + "\n\n" + match[3], text)


def pages() -> list[Path]:
    """Every page that may have made parts."""
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def main() -> None:
    """Bring every page up to date."""
    for page in pages():
        before = page.read_text(encoding="utf-8")
        after = renewed(before)
        if after != before:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"docs: {page.relative_to(REPOSITORY)}\n")
    for name, make in PICTURES.items():
        picture = REPOSITORY / name
        picture.parent.mkdir(exist_ok=True)
        picture.write_text(make(), encoding="utf-8")


# -- settings ---------------------------------------------------------------------------------------------


def settings_tables() -> str:
    """One table a section, in the order of the model."""
    loose: list[str] = []
    sections: list[str] = []
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section is None:
            loose += _rows(name, field)
        else:
            rows = [row for inner, found in section.model_fields.items() for row in _rows(f"{name} {inner}", found)]
            sections.append(f"### {name}\n\n{_text(section.__doc__)}\n\n{_table(rows)}")
    return "\n\n".join([*sections, f"### mapping sets and fulfillment systems\n\n{_table(loose)}"])


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _rows(path: str, field: FieldInfo) -> Iterator[str]:
    inner = get_args(field.annotation)[-1] if get_origin(field.annotation) is dict else None
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        for name, found in inner.model_fields.items():
            yield from _rows(f"{path} <name> {name}", found)
    else:
        name = variable_name(*path.split(), *(["<name>"] if inner is not None else []))
        yield f"| `{name}` | {_default(field)} | {_text(field.description)}{_allowed(field)} |"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value in (None, PydanticUndefined, (), {}):
        return ""
    return f"`{value}`"


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal and "`" not in (field.description or ""):
        return " One of " + ", ".join(f"`{value}`" for value in get_args(field.annotation)) + "."
    low = next((bound.ge for bound in field.metadata if isinstance(bound, Ge)), None)
    high = next((bound.le for bound in field.metadata if isinstance(bound, Le)), None)
    return f" From {low} to {high}." if low is not None else ""


def _text(doc: str | None) -> str:
    return " ".join((doc or "").split()).replace("|", "\\|")


def _table(rows: list[str]) -> str:
    return "\n".join(["| variable | default | what it is |", "|---|---|---|", *rows])


def credential_kinds() -> str:
    """Which fields a credential of each kind needs."""
    rows = [
        f"| `{kind}` | {', '.join(f'`{name.upper()}`' for name in names)} |" for kind, names in NEEDED_BY_KIND.items()
    ]
    return "\n".join(["| kind | needs |", "|---|---|", *rows])


# -- states -----------------------------------------------------------------------------------------------

_START = ItemState.PENDING
REACHED = {_START, *ITEM_TRANSITIONS.values()}
"""Item states that this release can come to."""


def item_diagram() -> str:
    """The transitions of items as a Mermaid diagram: one arrow for all triggers between two states."""
    arrows: dict[tuple[ItemState, ItemState], list[str]] = {}
    for (state, trigger), following in ITEM_TRANSITIONS.items():
        arrows.setdefault((state, following), []).append(trigger.value)
    lines = [f"    [*] --> {_START.value}"]
    lines += [f"    {a.value} --> {b.value}: {' / '.join(why)}" for (a, b), why in arrows.items()]
    lines += [f"    {state.value} --> [*]" for state in ItemState if state in FINAL_ITEM_STATES & REACHED]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def item_table() -> str:
    """The same as a table, by state."""
    rows = []
    for state in ItemState:
        if state not in REACHED:
            continue
        steps = [f"{why.value} → {then.value}" for (before, why), then in ITEM_TRANSITIONS.items() if before is state]
        rows.append(f"| `{state.value}` | {'yes' if state in FINAL_ITEM_STATES else ''} | {'<br>'.join(steps)} |")
    return "\n".join(["| state | final | what can happen → next state |", "|---|---|---|", *rows])


_FINAL_PLAN_STATES = (PlanState.COMPLETED, PlanState.CANCELED)


def plan_diagram() -> str:
    """The transitions of plans as a Mermaid diagram."""
    lines = [f"    [*] --> {PlanState.NOT_STARTED}"]
    lines += [f"    {before} --> {then}: {why}" for (before, why), then in PLAN_TRANSITIONS.items()]
    lines += [f"    {state} --> [*]" for state in _FINAL_PLAN_STATES]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def plan_table() -> str:
    """The same as a table, by state."""
    rows = []
    for state in PlanState:
        steps = [f"{why} → {then}" for (before, why), then in PLAN_TRANSITIONS.items() if before is state]
        rows.append(f"| `{state}` | {'<br>'.join(steps)} |")
    return "\n".join(["| state | what can happen → next state |", "|---|---|", *rows])


# -- the example of the README ----------------------------------------------------------------------------

_EXAMPLE = ("mappings", "try", "mappings/infiwave/cases/mobile-esim.json", "--set", "mappings/infiwave")


def try_example() -> str:
    """What `connector mappings try` prints of the example, as far as the requests."""
    program = [str(Path(sys.executable).parent / "connector"), *_EXAMPLE]
    told = subprocess.run(  # noqa: S603 - our own command line
        program, cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout
    told = re.sub(r"\([0-9a-f]{16}\)", "(…)", told.partition("\nRequests")[0])  # the hash of the set's files
    lines = [line.rstrip() for line in told.strip().splitlines()]
    return "\n".join(["```console", f"$ connector {' '.join(_EXAMPLE)}", *lines, "```"])


# -- worked examples of changing orders ----------------------------------------------------------------------


def changes() -> Mapping[str, Callable[[], str]]:
    """One part for each example: `change-upgrade-before-activation`."""
    return {f"change-{file.stem}": partial(worked_example, file.stem) for file in sorted(FOLDER.glob("*.yaml"))}


# -- the order of the page about looking at orders ----------------------------------------------------------

_EXAMPLE_WIDTH = 100


def order_sheet() -> str:
    """What `connector orders show` prints of the example, as far as the plan."""
    return _shown(Sections(history=False))


def order_gantt() -> str:
    """Its plan along the time."""
    return _shown(Sections(form="gantt", history=False), only="Plan (", options=" --gantt")


def _shown(sections: Sections, *, only: str = "", options: str = "") -> str:
    told = plain(sheet(example(), sections, _EXAMPLE_WIDTH), _EXAMPLE_WIDTH)
    told = re.sub(r"[0-9a-f]{16}\n", "…\n", told)  # the hash of the set's files
    told = told[told.index(f"\n{only}") + 1 :] if only else told
    return f"```console\n$ connector orders show DEMO-MOBILE{options}\n{told}\n```"


def order_picture() -> str:
    """Its plan as an SVG."""
    return svg(graph(example()))


PICTURES: Mapping[str, Callable[[], str]] = {"docs/images/order-plan.svg": order_picture}
"""Files that are made as a whole."""

PARTS: Mapping[str, Callable[[], str]] = {
    **changes(),
    "revision-matrix": revision_matrix,
    "settings": settings_tables,
    "credential-kinds": credential_kinds,
    "item-diagram": item_diagram,
    "item-table": item_table,
    "plan-diagram": plan_diagram,
    "plan-table": plan_table,
    "try-example": try_example,
    "order-sheet": order_sheet,
    "order-gantt": order_gantt,
}

if __name__ == "__main__":
    main()
