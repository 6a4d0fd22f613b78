"""The demo when what it stands on breaks: it says so, and goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from connector.demo.runner import Demo
from connector.demo.stage import prepare
from connector.demo.state import DemoState
from connector.localdb import LocalDatabase, local_database

LIMIT = 240.0
"""Seconds that a run may take on a machine with other things to do."""

CALLS = 30
"""So many API calls the org refuses: some of the connector's, some of the demo's own."""


@dataclass(slots=True)
class Saboteur:
    """Breaks one thing, and when the demo has told of it and got over it, the other."""

    data: Path
    database: LocalDatabase
    told: list[str] = field(default_factory=list)
    is_quiet: bool = True

    def __call__(self, state: DemoState) -> None:
        if state.trouble:
            if self.is_quiet or state.trouble != self.told[-1]:
                self.told.append(state.trouble)
            self.is_quiet = False
            return
        if not self.told and any(order.plan for order in state.orders):
            self.database.kill()
        elif self.told and not self.is_quiet and not self._told_of("503"):
            self._close_the_org()
        self.is_quiet = True

    def _told_of(self, what: str) -> bool:
        return any(what in trouble for trouble in self.told)

    def _close_the_org(self) -> None:
        org = json.loads((self.data / "private" / "org.ready").read_text())
        httpx.post(
            f"{org['url']}/localorg/faults",
            json={"kind": "unavailable", "count": CALLS},
            headers={"Authorization": f"Bearer {org['admin_token']}"},
            trust_env=False,
        ).raise_for_status()


async def test_a_database_that_dies_and_an_org_that_refuses(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    with local_database(prepare(data, fresh=False)) as database:
        saboteur = Saboteur(data, database)
        course = Demo(data=data, database=database, speed=10, show=saboteur)
        state = await course.run(until_over=True, limit=LIMIT)
    assert state.is_over
    assert "PostgreSQL has died. It is started again" in saboteur.told[0]
    assert "The local org does not answer as it should; the demo looks again." in saboteur.told[-1]
    assert "503" in saboteur.told[-1]
