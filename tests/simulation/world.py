"""What every part of the simulated world shares: the loop, the dice, the faults, the trace, the checker's findings."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from tests.simulation.loop import RUNNING, Loop, Process

EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """How likely each fault is, each time that it could happen."""

    database_refuses: float = 0.0
    """A statement or commit fails, without effect."""
    commit_unheard: float = 0.0
    """A statement or commit has its effect, and an error comes back."""
    crash_before_commit: float = 0.0
    crash_after_commit: float = 0.0
    crash: float = 0.0
    """Per second and worker: killed wherever it is."""
    stop: float = 0.0
    """Per second and worker: asked to stop, and started again."""
    signal_lost: float = 0.0
    event_lost: float = 0.0
    event_twice: float = 0.0
    event_late: float = 0.0
    stream_broken: float = 0.0
    request_lost: float = 0.0
    """A callout does not reach its system."""
    answer_lost: float = 0.0
    """A callout has its effect, and no answer comes."""
    answer_slow: float = 0.0
    busy: float = 0.0
    """The system answers 503."""
    locked_out: float = 0.0
    """The system answers 401: somebody has mixed up the credentials."""
    refused: float = 0.0
    """The system answers with a definite no."""
    message_lost: float = 0.0
    message_twice: float = 0.0
    message_anew: float = 0.0
    """A message that comes twice has another delivery id the second time."""
    message_first: float = 0.0
    """A call-back overtakes the answer to the request."""
    salesforce_away: float = 0.0
    salesforce_unheard: float = 0.0
    salesforce_slow: float = 0.0
    row_locked: float = 0.0
    clock_jump: float = 0.0
    """Per second and worker."""
    pauses: float = 0.5
    """How likely it is that people of this world pause things, and that they pause orders: no fault, hence not drawn."""

    @classmethod
    def drawn(cls, rng: random.Random) -> Faults:
        """Faults of one world: some kinds often, some seldom, some not at all."""
        high = {"crash": 0.06, "stop": 0.06, "clock_jump": 0.1, "crash_before_commit": 0.004}
        high |= {"crash_after_commit": 0.004, "database_refuses": 0.01, "commit_unheard": 0.03}
        drawn = {
            kind.name: rng.choice((0.0, 0.0, 0.3, 1.0)) * high.get(kind.name, 0.3)
            for kind in fields(cls)
            if kind.name != "pauses"
        }
        return cls(**drawn)


class World:
    """One simulated world. Everything in it follows from the seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(f"world {seed}")  # noqa: S311
        self.loop = Loop(random.Random(f"loop {seed}"))  # noqa: S311
        self.faults = Faults.drawn(self.rng)
        self.calm = False
        self.violations: list[str] = []
        self.counts: dict[str, int] = {}
        self.on_kill: list[Callable[[Process], None]] = []
        self.keeps_trace = False
        self.trace: list[str] = []
        self._digest = hashlib.blake2b(digest_size=8)

    # -- time ---------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The world's time, which is the database's and Salesforce's."""
        return EPOCH + timedelta(seconds=self.loop.time())

    def clock(self) -> datetime:
        """The time as the running process believes it to be."""
        return self.now() + timedelta(seconds=RUNNING.get().skew)

    async def delay(self, least: float, most: float) -> None:
        """Some time passes."""
        await asyncio.sleep(self.rng.uniform(least, most))

    # -- luck ---------------------------------------------------------------------------------------------

    def strikes(self, fault: str) -> bool:
        """Whether this fault happens now."""
        chance: float = getattr(self.faults, fault)
        if self.calm or not chance or self.rng.random() >= chance:
            return False
        self.note("fault", fault)
        return True

    async def die(self) -> NoReturn:
        """The running process is killed here and now."""
        self.kill(RUNNING.get())
        await self.loop.create_future()
        raise AssertionError("the dead don't go on")

    def kill(self, process: Process) -> None:
        """Kill a process."""
        if process.alive:
            self.note("killed", process.name)
            self.loop.kill(process)
            for told in self.on_kill:
                told(process)

    # -- what happened ------------------------------------------------------------------------------------

    def note(self, what: str, *about: object) -> None:
        """Something happened: it belongs to the trace, by which two runs are compared."""
        self.counts[what] = self.counts.get(what, 0) + 1
        line = f"{self.loop.time():.6f} {RUNNING.get().name} {what} {' '.join(map(str, about))}"
        self._digest.update(line.encode())
        if self.keeps_trace:
            self.trace.append(line)

    def violated(self, invariant: str, detail: str) -> None:
        """An invariant does not hold: the run is over."""
        self.note("VIOLATION", invariant, detail)
        self.violations.append(f"{invariant}: {detail}")
        raise Violation(f"{invariant}: {detail}")

    @property
    def digest(self) -> str:
        """The same for two runs in which the same happened at the same times."""
        return self._digest.hexdigest()
