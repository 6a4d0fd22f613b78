"""The demo's processes end, whatever they and the person at the keyboard do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from connector.demo.processes import Child, ChildFailed, stop_all

STUBBORN = """
import json, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: pathlib.Path(sys.argv[2] + ".asked").touch())
pathlib.Path(sys.argv[2]).write_text("{}")
time.sleep(600)
"""


async def stubborn(name: str, folder: Path) -> Child:
    """A process that does not end when asked to."""
    child = Child(name, ["stubborn"], folder, {"PYTHONPATH": str(folder)})
    await child.start()
    return child


async def test_who_does_not_wait_for_an_orderly_end_has_them_killed(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    children = [await stubborn(name, tmp_path) for name in ("one", "other")]
    stopping = asyncio.create_task(stop_all(children))
    while not (tmp_path / "one.ready.asked").exists():
        await asyncio.sleep(0.01)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    async with asyncio.timeout(30):
        while any(child.pid for child in children):
            await asyncio.sleep(0.01)


async def test_a_process_that_was_killed_is_told_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(f"print('all is well', flush=True)\n{STUBBORN}")
    child = await stubborn("one", tmp_path)
    await child.kill()
    with pytest.raises(ChildFailed) as told:
        child.check()
    assert "The demo's process 'one' was killed (signal 9)." in str(told.value)
    assert "all is well" in str(told.value)
    assert str(told.value).endswith("the next start goes on from there.")
