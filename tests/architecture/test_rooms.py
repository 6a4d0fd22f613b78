"""The import rules hold, and would be seen to be broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.rooms import PACKAGE, ROOMS, room_of, violations
from tests.conftest import REPOSITORY


def test_every_module_keeps_to_its_room() -> None:
    assert violations(REPOSITORY) == []


def test_the_table_names_rooms_that_exist() -> None:
    for name, room in ROOMS.items():
        assert room.imports <= set(ROOMS), name


def test_the_table_names_modules_that_exist() -> None:
    for room in ROOMS.values():
        for module in room.modules:
            place = REPOSITORY / PACKAGE / module.replace(".", "/")
            assert place.is_dir() or place.with_suffix(".py").is_file(), module


def test_nothing_imports_the_local_org_but_the_demo() -> None:
    assert [name for name, room in ROOMS.items() if "localorg" in room.imports] == ["demo"]


def test_salesforce_and_callouts_do_not_know_each_other() -> None:
    assert "callouts" not in ROOMS["sf"].imports
    assert "sf" not in ROOMS["callouts"].imports


@pytest.mark.parametrize(
    ("module", "room"),
    [
        ("connector", "version"),
        ("connector.model.ids", "model"),
        ("connector.mappings", "mappings"),
        ("connector.mappings.set", "compiled"),
        ("connector.orchestrator.machine", "core"),
        ("connector.orchestrator.turn", "shell"),
        ("connector.attic", None),
    ],
)
def test_a_module_is_in_the_room_of_its_longest_path(module: str, room: str | None) -> None:
    assert room_of(module) == room


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("model/ids.py", "import os", "model is pure and may not import os"),
        ("model/ids.py", "from pathlib import Path", "model is pure and may not import pathlib"),
        ("model/ids.py", "import orjson", "model may not import the package orjson"),
        ("model/ids.py", "from connector.store import turns", "model may not import connector.store.turns"),
        ("model/ids.py", "from ..store import turns", "model may not import connector.store.turns"),
        ("model/ids.py", "from .. import store", "model may not import connector.store"),
        ("model/ids.py", "import connector.store as s", "model may not import connector.store"),
        ("model/__init__.py", "from .ids import x", None),
        ("decomposition/rules.py", "from connector.mappings.load import load", "decomposition may not import"),
        ("decomposition/rules.py", "from connector.mappings.set import Rule", None),
        ("decomposition/rules.py", "from uuid import uuid4", "decomposition is pure and may not import uuid"),
        ("decomposition/rules.py", "import random", "decomposition is pure and may not import random"),
        ("decomposition/rules.py", "import urllib.request", "decomposition is pure and may not import urllib.request"),
        ("decomposition/rules.py", "from urllib import request", "decomposition is pure and may not import urllib"),
        ("decomposition/rules.py", "from urllib.parse import quote", None),
        ("decomposition/rules.py", "import structlog", "decomposition may not import the package structlog"),
        ("orchestrator/machine.py", "import time", "core is pure and may not import time"),
        ("orchestrator/machine.py", "def f():\n    import logging", "core is pure and may not import logging"),
        ("orchestrator/machine.py", "from connector.orchestrator.turn import x", "core may not import"),
        (
            "orchestrator/machine.py",
            "from datetime import datetime\nx = datetime.now()",
            "reads no clock: datetime.now",
        ),
        ("orchestrator/machine.py", "from datetime import date as d\nx = d.today", "reads no clock: d.today"),
        ("orchestrator/machine.py", "import datetime\nx = datetime.datetime.utcnow()", "reads no clock"),
        ("orchestrator/machine.py", "def f(now): return now.date()", None),
        ("orchestrator/machine.py", "print('x')", "a pure room does not use print"),
        ("orchestrator/machine.py", "open('x')", "a pure room does not use open"),
        ("orchestrator/turn.py", "import time, structlog\nfrom connector.store import turns", None),
        ("sf/writeback.py", "from connector.callouts import sender", "sf may not import connector.callouts"),
        ("callouts/sender.py", "import connector.sf.org", "callouts may not import connector.sf.org"),
        ("api/orders.py", "from connector.localorg import server", "api may not import connector.localorg"),
        ("bootstrap.py", "from connector.localorg import server", "bootstrap may not import connector.localorg"),
        ("demo/story.py", "from connector.localorg import server", None),
        ("localorg/server.py", "from connector.model import ids", "localorg may not import connector.model"),
        ("localorg/server.py", "from connector import errors", "localorg may not import connector.errors"),
        ("attic.py", "import os", "connector.attic is in no room"),
    ],
)
def test_what_is_planted_is_found(tmp_path: Path, file: str, line: str, complaint: str | None) -> None:
    planted = tmp_path / "connector" / file
    planted.parent.mkdir(parents=True, exist_ok=True)
    for other in ("store/__init__.py", "store/turns.py", "model/__init__.py", "errors.py"):
        (tmp_path / "connector" / other).parent.mkdir(exist_ok=True)
        (tmp_path / "connector" / other).touch()
    planted.write_text(f"from __future__ import annotations\n{line}\n")
    found = violations(tmp_path)
    if complaint is None:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith(f"connector/{file}:")
        assert complaint in found[0]
