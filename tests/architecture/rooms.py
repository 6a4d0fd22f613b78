"""Who may import whom, and what the pure rooms may not touch. The table is the architecture page's, as data."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = "connector"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A set of modules that share what they may import.

    `modules` are paths below the package (a package stands for all inside it); the longest path that fits a
    module decides its room. `imports` names rooms, `packages` third-party packages (None: any).
    A pure room has no clock, no randomness, no environment, no files, no network and no log.
    """

    modules: tuple[str, ...]
    imports: frozenset[str]
    pure: bool = False
    packages: frozenset[str] | None = None


def _room(modules: str, imports: str = "", *, pure: bool = False, packages: str | None = None) -> Room:
    named = frozenset(packages.split()) if packages is not None else frozenset() if pure else None
    return Room(modules=tuple(modules.split()), imports=frozenset(imports.split()), pure=pure, packages=named)


_WITHOUT_DEMO = "version errors model compiled mappings decomposition core shell store callouts sf api settings log"

ROOMS: Mapping[str, Room] = {
    "version": _room("__init__"),
    "errors": _room("errors", pure=True),
    "model": _room("model", "errors", pure=True, packages="msgspec"),
    "compiled": _room(
        """mappings.set mappings.salesforce mappings.expression mappings.reads mappings.views mappings.functions mappings.syntax mappings.tree
        mappings.direct mappings.calendar mappings.timing mappings.policies""",
        "errors model",
        pure=True,
        packages="cel_expr_python",
    ),
    "mappings": _room("mappings", "errors model compiled", pure=True, packages="ruamel cel_expr_python holidays"),
    "reading": _room("mappings.load mappings.orderfile mappings.report", "errors model compiled mappings text"),
    "decomposition": _room("decomposition", "errors model compiled", pure=True, packages="msgspec"),
    "core": _room("orchestrator", "errors model compiled decomposition", pure=True, packages="msgspec"),
    "shell": _room(
        """orchestrator.turn orchestrator.worker orchestrator.observing orchestrator.sets orchestrator.holding orchestrator.pauseboard
        orchestrator.beginning orchestrator.ending""",
        "errors model compiled mappings reading decomposition core store",
    ),
    "store": _room("store", "errors model"),
    "callouts": _room("callouts", "version errors model compiled mappings store"),
    "sf": _room("sf", "version errors model compiled mappings store"),
    "api": _room("api", "version errors model compiled mappings reading decomposition core shell store callouts sf"),
    "bridges": _room("bridges", "errors model compiled mappings core shell store sf api"),
    "text": _room("text", pure=True),
    "display": _room("display", "errors model compiled core text", pure=True, packages="rich msgspec"),
    "settings": _room("settings", "errors model compiled callouts sf"),
    "log": _room("log", "errors callouts settings"),
    "garbage": _room("garbage"),
    "localdb": _room("localdb", "errors"),
    "localorg": _room("localorg"),
    "bootstrap": _room("bootstrap", f"{_WITHOUT_DEMO} bridges reading"),
    "cli": _room("cli __main__", f"{_WITHOUT_DEMO} reading bootstrap garbage demo localdb display text"),
    "demo": _room("demo", f"{_WITHOUT_DEMO} reading bootstrap localdb localorg"),
}

HARMLESS = frozenset(
    """__future__ abc base64 bisect collections contextlib copy dataclasses datetime decimal difflib enum fractions
    functools graphlib hashlib heapq itertools json keyword math operator re string struct textwrap types typing
    unicodedata urllib.parse zlib zoneinfo""".split()  # noqa: SIM905 - reads better than forty quoted names
)
"""What pure rooms may take from the standard library."""

_CLOCK_CALLS = frozenset({"now", "utcnow", "today"})
_FORBIDDEN_NAMES = frozenset({"print", "open", "input", "eval", "exec", "compile", "breakpoint", "__import__"})


def violations(root: Path) -> list[str]:
    """Everything that breaks the rules in the package below `root`, as `file:line: what`, sorted."""
    modules = {_module_name(root, file): file for file in sorted((root / PACKAGE).rglob("*.py"))}
    names = frozenset(modules)
    return sorted(
        {
            f"{file.relative_to(root)}:{line}: {what}"
            for name, file in modules.items()
            for line, what in _violations_in(
                _Module(name=name, is_package=file.name == "__init__.py", everything=names),
                ast.parse(file.read_text(encoding="utf-8")),
            )
        }
    )


def room_of(module: str) -> str | None:
    """The room of a module (`connector.model.ids`); None: it stands in no row of the table."""
    path = module.removeprefix(PACKAGE).removeprefix(".") or "__init__"
    fits = [
        (len(prefix), name)
        for name, room in ROOMS.items()
        for prefix in room.modules
        if path == prefix or path.startswith(f"{prefix}.")
    ]
    return max(fits)[1] if fits else None


def _module_name(root: Path, file: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(slots=True, kw_only=True)
class _Module:
    """One module while it is looked at."""

    name: str
    is_package: bool
    everything: frozenset[str]
    clocks: set[str] = field(default_factory=lambda: {"datetime", "date"})
    """Local names of the classes that can read the clock."""


def _violations_in(module: _Module, tree: ast.Module) -> Iterator[tuple[int, str]]:
    own = room_of(module.name)
    if own is None:
        yield 1, f"{module.name} is in no room: give it a place in the table"
        return
    room = ROOMS[own]
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for target in _targets(node, module):
                if problem := _import_problem(own, room, target):
                    yield node.lineno, problem
        elif room.pure and (problem := _impurity(node, module.clocks)):
            yield getattr(node, "lineno", 1), problem


def _targets(node: ast.Import | ast.ImportFrom, module: _Module) -> Iterator[str]:
    """The modules that an import names, as full as they are known."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        parts = module.name.split(".")
        above = parts if module.is_package else parts[:-1]
        base = ".".join([*above[: len(above) - node.level + 1], *filter(None, [node.module])])
    for alias in node.names:
        if base == "datetime" and alias.name in {"datetime", "date"}:
            module.clocks.add(alias.asname or alias.name)
        full = f"{base}.{alias.name}"
        yield full if full in module.everything or full in HARMLESS else base


def _import_problem(own: str, room: Room, target: str) -> str | None:
    top = target.partition(".")[0]
    if top == PACKAGE:
        other = room_of(target)
        if other in {own, *room.imports}:
            return None
        return f"{own} may not import {target}" + (f" (room {other})" if other else "")
    if top in sys.stdlib_module_names:
        harmless = target in HARMLESS or (top in HARMLESS and top != "urllib")
        return f"{own} is pure and may not import {target}" if room.pure and not harmless else None
    if room.packages is not None and top not in room.packages:
        return f"{own} may not import the package {top}"
    return None


def _impurity(node: ast.AST, clocks: set[str]) -> str | None:
    """What a pure room may not do, wherever it could get it from."""
    if isinstance(node, ast.Attribute) and node.attr in _CLOCK_CALLS:
        owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", None)
        if owner in clocks:
            return f"a pure room reads no clock: {owner}.{node.attr}"
    if isinstance(node, ast.Name) and node.id in _FORBIDDEN_NAMES and isinstance(node.ctx, ast.Load):
        return f"a pure room does not use {node.id}"
    return None
