"""Child processes of the demo: started with a file to say when they are ready, stopped by their handle."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from connector.errors import ConnectorError

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
_POLL = 0.02


class ChildFailed(ConnectorError):
    """A process of the demo ended by itself, or never became ready; the message has what it said last."""

    code = "DEMO_PROCESS"


class Child:
    """One process. Its output goes to `folder/<name>.log`; a ready file tells what others need of it."""

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._ready = folder / f"{name}.ready"
        self._log = folder / f"{name}.log"
        self._arguments = [sys.executable, "-m", *arguments, "--ready-file", str(self._ready)]
        self._environment = {**os.environ, **environment}
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> dict[str, Any]:
        """Start it and wait until it is ready; gives what it says of itself.

        Raises:
            ChildFailed: it ended, or was not ready in time.
        """
        self._ready.unlink(missing_ok=True)
        with self._log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for the demo; it stops its children in order
                preexec_fn=_die_with_parent(),
            )
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not self._ready.exists():
                    self.check()
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise ChildFailed(
                f"The demo's process '{self.name}' was not ready after {READY_SECONDS:.0f} s.{self._last_words()}"
            ) from None
        told: dict[str, Any] = json.loads(self._ready.read_text())
        return told

    def check(self) -> None:
        """See that it still runs.

        Raises:
            ChildFailed: it does not.
        """
        if self._process is None or self._process.returncode is not None:
            raise ChildFailed(
                f"The demo's process '{self.name}' {self._end()}.{self._last_words()}",
                hint="What was done is kept: the next start goes on from there.",
            )

    @property
    def pid(self) -> int | None:
        """Its number while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def strike(self) -> None:
        """End it without any warning, and without waiting for its end."""
        if self._process and self._process.returncode is None:
            self._process.kill()

    async def kill(self) -> None:
        """End it without any warning, as a power failure would."""
        self.strike()
        if self._process:
            await self._process.wait()

    async def stop(self) -> None:
        """End it in order; kill it when that takes too long."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            await self.kill()

    def _end(self) -> str:
        code = self._process.returncode if self._process else None
        return f"was killed (signal {-code})" if code is not None and code < 0 else f"ended (exit code {code})"

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        said = "\n  ".join(lines[-8:])
        return f" It said last (more in {self._log}):\n  {said}\n" if said else ""


async def stop_all(children: Sequence[Child]) -> None:
    """End them in order, one after the other. Who does not wait for that (a second Ctrl-C) has them killed."""
    try:
        for child in children:
            await child.stop()
    finally:
        for child in children:
            child.strike()


def _die_with_parent() -> Callable[[], None] | None:
    """Make the kernel stop the child when the demo itself is killed (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    on_parents_death = 1

    def ask() -> None:
        prctl(on_parents_death, signal.SIGTERM)

    return ask
