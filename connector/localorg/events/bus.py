"""The event bus: what was published, in order, kept for 72 hours, with a bell for those who wait.

Source: Platform Events Developer Guide, "High-Volume Platform Event Persistence". Positions are replay ids.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import timedelta

from connector.localorg.schema.model import Kind, Schema
from connector.localorg.store.database import Event
from connector.localorg.store.store import Store
from connector.localorg.times import Clock

RETENTION = timedelta(hours=72)

NEWEST = -1
"""Position: only what comes after the subscription."""

OLDEST = -2
"""Position: everything that is kept."""

Bell = Callable[[], None]


class PositionRefused(Exception):
    """The replay id is not one of the events that are kept."""


class Bus:
    """All kept events. `on_events` of the store leads here; reading is by position."""

    def __init__(self, schema: Schema, store: Store, clock: Clock) -> None:
        self._schema = schema
        self._store = store
        self._clock = clock
        self._log: list[Event] = list(store.database.events())
        self._bells: list[Bell] = []
        self.published = 0
        store.on_events = self._append

    def topics(self, channel: str) -> tuple[str, ...]:
        """The events of a channel such as `/event/Order_Submitted__e` or `/event/Custom__chn`; none if unknown."""
        head, _, name = channel.removeprefix("/").partition("/")
        if head != "event":
            return ()
        if name in self._schema.channels:
            return self._schema.channels[name]
        sobject = self._schema.find(name)
        return (sobject.name,) if sobject and sobject.kind is Kind.EVENT and sobject.name == name else ()

    def position(self, replay_id: int) -> int:
        """The replay id after which a new subscription starts.

        Raises:
            PositionRefused: it names no event that is kept.
        """
        with self._store.lock:
            self._purge()
            if replay_id == OLDEST:
                return self._log[0].replay_id - 1 if self._log else 0
            if replay_id == NEWEST:
                return self._log[-1].replay_id if self._log else 0
            place = self._place(replay_id)
            if place == 0 or self._log[place - 1].replay_id != replay_id:
                raise PositionRefused
            return replay_id

    def after(self, position: int, topics: Iterable[str], most: int) -> list[Event]:
        """The next events of these topics after a position, at most so many."""
        wanted = frozenset(topics)
        found: list[Event] = []
        with self._store.lock:
            for place in range(self._place(position), len(self._log)):
                event = self._log[place]
                if event.object in wanted:
                    found.append(event)
                    if len(found) == most:
                        break
        return found

    def ring_for(self, bell: Bell) -> None:
        """Have something called whenever events were published; from whichever thread published them."""
        self._bells.append(bell)

    def __len__(self) -> int:
        return len(self._log)

    def _append(self, events: list[Event]) -> None:
        self._log.extend(events)
        self.published += len(events)
        self._purge()
        for bell in self._bells:
            bell()

    def _place(self, replay_id: int) -> int:
        return bisect_right(self._log, replay_id, key=lambda event: event.replay_id)

    def _purge(self) -> None:
        horizon = (self._clock() - RETENTION).timestamp()
        if self._log and self._log[0].at < horizon:
            keep = next((place for place, event in enumerate(self._log) if event.at >= horizon), len(self._log))
            self._store.database.forget_events(event.replay_id for event in self._log[:keep])
            del self._log[:keep]
