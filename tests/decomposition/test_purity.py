"""Decomposition and the nouns touch nothing but their arguments."""

from __future__ import annotations

import ast
import asyncio
import builtins
import io
import logging
import os
import random
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from connector.decomposition import decompose
from connector.mappings.load import load
from connector.mappings.orderfile import read
from tests.decomposition.builder import NOW
from tests.decomposition.golden_text import CASES, REPOSITORY

FORBIDDEN = frozenset(
    {"asyncio", "asyncpg", "getpass", "glob", "http", "httpx", "io", "logging", "multiprocessing", "os", "pathlib"}
    | {"random", "requests", "secrets", "shutil", "signal", "socket", "sqlite3", "ssl", "structlog", "subprocess"}
    | {"sys", "tempfile", "threading", "time", "urllib", "uuid"}
)
"""Modules by which a program reaches a file, a network, a clock, chance, the environment or a log."""

ALLOWED_ROOMS = (
    "connector.model",
    "connector.errors",
    "connector.decomposition",
    "connector.mappings.set",
    "connector.mappings.expression",
    "connector.mappings.views",
)


def modules(room: str) -> Iterator[tuple[Path, set[str]]]:
    """Every module of a room with what it imports."""
    for path in sorted((REPOSITORY / "connector" / room).rglob("*.py")):
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: say where you import from"
                imported.add(node.module or "")
        yield path, imported


@pytest.mark.parametrize("room", ["model", "decomposition"])
def test_a_pure_room_imports_no_way_out(room: str) -> None:
    for path, imported in modules(room):
        assert not {name.partition(".")[0] for name in imported} & FORBIDDEN, path
        ours = {name for name in imported if name.partition(".")[0] == "connector"}
        assert {name for name in ours if not name.startswith(ALLOWED_ROOMS)} == set(), path


def test_a_pure_room_asks_no_clock() -> None:
    for path, _ in (*modules("model"), *modules("decomposition")):
        for clock in ("datetime.now", "datetime.utcnow", "datetime.today", "date.today"):
            assert clock not in path.read_text(), path


WAYS_OUT: tuple[tuple[ModuleType | type, str], ...] = (
    (builtins, "open"),
    (builtins, "print"),
    (io, "open"),
    (os, "open"),
    (os, "getenv"),
    (os, "urandom"),
    (socket, "socket"),
    (socket, "getaddrinfo"),
    (subprocess, "Popen"),
    (threading.Thread, "start"),
    (asyncio, "run"),
    (time, "time"),
    (time, "monotonic"),
    (time, "perf_counter"),
    (time, "sleep"),
    (random, "random"),
    (random.Random, "random"),
    (uuid, "uuid4"),
    (logging.Logger, "handle"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_decomposition_runs_with_every_way_out_shut(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, mapping_set = read(case.read_text()), load(case.parents[1])
    free = decompose(given.order, given.inventory, mapping_set, NOW)

    def shut(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a pure function looked outside")

    with monkeypatch.context() as patch:
        for owner, name in WAYS_OUT:
            patch.setattr(owner, name, shut)
        enclosed = decompose(given.order, given.inventory, mapping_set, NOW)

    assert enclosed == free
