"""An event loop without a clock: time jumps to the next timer, and one random generator decides who goes next.

Callbacks of one process keep their order, as asyncio promises; which process goes next is drawn. A process
that was killed runs nothing any more, not even its `finally` blocks, exactly like one that got `kill -9`.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, cast


@dataclass(eq=False, slots=True)
class Process:
    """Whoever runs callbacks. `skew`: how many seconds its wall clock is ahead of the world's."""

    name: str
    number: int
    alive: bool = True
    skew: float = 0.0
    context: Context = field(default_factory=copy_context)

    def __hash__(self) -> int:
        return self.number


OUTSIDE = Process("outside", 0)
"""Everything that is not the connector: other systems, people, the network."""

RUNNING: ContextVar[Process] = ContextVar("simulated_process", default=OUTSIDE)


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on its address."""

    made = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        _Task.made += 1
        self._number = _Task.made
        super().__init__(*arguments, **named)

    def __hash__(self) -> int:
        return self._number


class Loop(asyncio.BaseEventLoop):
    """The loop of one simulated world."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._moment = 0.0
        self._rng = rng
        self._queues: dict[Process, deque[asyncio.Handle]] = {}
        self._buried: list[asyncio.Handle] = []
        self._every_task: list[asyncio.Task[Any]] = []
        self._ending = False
        self.steps = 0
        self.errors: list[str] = []
        _Task.made = 0
        self.set_task_factory(cast("Any", self._new_task))
        self.set_exception_handler(self._note_error)

    def _new_task(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **named: Any) -> Any:
        task = _Task(work, loop=loop, **named)
        self._every_task.append(task)
        return task

    def _note_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self._ending:
            self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    def time(self) -> float:
        """Seconds since the world began."""
        return self._moment

    def _process_events(self, _event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _run_once(self) -> None:
        inner: Any = self
        ready: deque[asyncio.Handle] = inner._ready
        while ready:
            self._queue(ready.popleft())
        if not self._queues:
            self._jump(inner._scheduled)
        if not self._queues:
            return
        waiting = list(self._queues)
        process = waiting[0] if len(waiting) == 1 else waiting[self._rng.randrange(len(waiting))]
        queue = self._queues[process]
        handle: Any = queue.popleft()
        if not queue:
            del self._queues[process]
        if not handle._cancelled:
            self.steps += 1
            handle._run()

    def _jump(self, scheduled: list[Any]) -> None:
        while scheduled and scheduled[0]._cancelled:
            heapq.heappop(scheduled)._scheduled = False
        if not scheduled:
            if not self._ending:
                raise RuntimeError("nothing will ever happen in this world again")
            self.stop()
            return
        self._moment = max(self._moment, scheduled[0]._when)
        while scheduled and scheduled[0]._when <= self._moment:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            self._queue(handle)

    def _queue(self, handle: Any) -> None:
        if handle._cancelled:
            return
        process = handle._context.get(RUNNING, OUTSIDE)
        if process.alive or self._ending:
            self._queues.setdefault(process, deque()).append(handle)
        else:
            self._buried.append(handle)

    def kill(self, process: Process) -> None:
        """From here on nothing of this process happens."""
        process.alive = False
        self._buried.extend(self._queues.pop(process, ()))

    def outside(self, delay: float, what: Callable[[], object]) -> None:
        """Do something in the world outside, after a while."""
        self.call_later(delay, what, context=OUTSIDE.context)

    def spawn(self, process: Process, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something as a part of a process."""
        task: asyncio.Task[Any] = process.context.run(self.create_task, work)
        return task

    def end_world(self) -> None:
        """Let every coroutine end in good order, those of the dead too, so that nothing is left behind."""
        self._ending = True
        inner: Any = self
        inner._ready.extend(self._buried)
        self._buried.clear()
        for _ in range(50):
            left = [task for task in self._every_task if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                self.run_until_complete(_some_steps())
        for task in self._every_task:
            if task.done() and not task.cancelled():
                task.exception()
        with contextlib.suppress(Exception):
            self.run_until_complete(self.shutdown_asyncgens())
        self.close()


async def _some_steps() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


def new_process(name: str, number: int) -> Process:
    """A process with a context of its own."""
    process = Process(name, number)
    process.context.run(RUNNING.set, process)
    return process
