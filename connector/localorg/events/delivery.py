"""What one subscriber gets next: the events after its positions, through the faults that are switched on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from connector.localorg.events.bus import Bus
from connector.localorg.faults import Fault, Faults
from connector.localorg.store.database import Event

MOST = 200
"""Events in one answer."""


@dataclass(slots=True)
class Subscription:
    """One channel: the events that it carries, the position, and an event held back by a fault."""

    channel: str
    topics: tuple[str, ...]
    position: int
    held: list[Event] = field(default_factory=list)


def collect(bus: Bus, faults: Faults, subscriptions: list[Subscription]) -> list[tuple[str, Event]]:
    """The next events with their channels, in order of publication; the positions move past them."""
    found: list[tuple[str, Event]] = []
    for subscription in subscriptions:
        events = bus.after(subscription.position, subscription.topics, MOST)
        if events:
            subscription.position = events[-1].replay_id
            found.extend((subscription.channel, each) for each in _through_faults(faults, subscription, events))
    if len(subscriptions) > 1:
        found.sort(key=lambda each: each[1].replay_id)
    return found


def message(channel: str, event: Event) -> dict[str, Any]:
    """The event as CometD delivers it."""
    return {
        "channel": channel,
        "data": {
            "schema": f"localorg-{event.object}",
            "payload": event.payload,
            "event": {"EventApiName": event.object, "EventUuid": event.uuid, "replayId": event.replay_id},
        },
    }


def _through_faults(faults: Faults, subscription: Subscription, events: list[Event]) -> Iterator[Event]:
    for event in events:
        if faults.take(Fault.EVENT_MISSED, event.object):
            continue
        if faults.take(Fault.EVENT_OUT_OF_ORDER, event.object):
            subscription.held.append(event)
            continue
        yield event
        if faults.take(Fault.EVENT_DUPLICATE, event.object):
            yield event
        yield from subscription.held
        subscription.held.clear()
