"""Diagnostics for people: the line of the file, a caret under the place, the hint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from connector.mappings.compile import CheckResult
from connector.mappings.diagnostics import Diagnostic, Severity
from connector.mappings.set import MappingSet
from connector.mappings.text import FileText
from connector.text import printable

_STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow"}
_WIDEST = 200
"""Most columns of a line that are shown."""


def explained(diagnostics: Iterable[Diagnostic], files: Mapping[str, str]) -> Iterable[Text]:
    """Each diagnostic as a block of lines."""
    texts: dict[str, FileText] = {}
    for diagnostic in diagnostics:
        if diagnostic.file not in texts:
            texts[diagnostic.file] = FileText(path=diagnostic.file, text=files.get(diagnostic.file, ""))
        yield _block(diagnostic, texts[diagnostic.file])


def _block(found: Diagnostic, file: FileText) -> Text:
    style = _STYLE[found.severity]
    text = Text()
    text.append(f"{found.severity} {found.code}", style).append(f": {printable(found.message)}\n", "bold")
    text.append("  --> ", "dim").append(f"{printable(found.file)}:{found.line}:{found.column}\n")
    line = file.line(found.line)
    if line.strip():
        gutter = " " * len(str(found.line))
        start = max(0, found.column - 1 - _WIDEST // 2)
        shown = line[start : start + _WIDEST]
        before = printable(shown[: found.column - 1 - start])
        marked = printable(shown[found.column - 1 - start : found.column - 1 - start + found.length])
        text.append(f"   {found.line} | ", "dim").append(f"{printable(shown)}\n")
        text.append(f"   {gutter} | ", "dim")
        text.append(" " * cell_len(before)).append("^" * max(1, cell_len(marked)), style).append("\n")
    text.append("   = ", "dim").append(f"{printable(found.advice)}\n")
    return text


def summary(result: CheckResult, name: str = "") -> str:
    """One line: what the set holds, how many errors and warnings."""
    errors, warnings = len(result.errors), len(result.warnings)
    counts = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    made = result.mapping_set
    if made is None:
        return f"{name}: {counts}" if name else counts
    held = ", ".join(_count(number, noun) for noun, number in contents(made).items() if number)
    return f"{made.name} {made.version} ({made.hash}): {held}; {counts}"


def contents(made: MappingSet) -> dict[str, int]:
    """How much of what a set holds."""
    return {
        "product": len(made.products),
        "rule": len({rule.id for rules in made.rules.values() for rule in rules}),
        "scenario": len({scenario.id for scenarios in made.scenarios.values() for scenario in scenarios}),
        "plan": len(made.plans),
        "item": sum(len(plan.items) for plan in made.plans.values()),
        "system": len(made.systems),
        "interface": sum(len(system.interfaces) for system in made.systems.values()),
        "list": len(made.lists),
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def to_json(result: CheckResult, folder: str) -> dict[str, Any]:
    """The result for other programs."""
    made = result.mapping_set
    described = None
    if made is not None:
        described = {"name": made.name, "version": made.version, "hash": made.hash, **contents(made)}
    return {
        "folder": folder,
        "ok": made is not None,
        "errors": len(result.errors),
        "warnings": len(result.warnings),
        "set": described,
        "diagnostics": [found.to_json() for found in result.diagnostics],
    }
