"""Events from Salesforce: the port, and its adapters.

`cometd` speaks the Streaming API by long polling. A second adapter, for the Pub/Sub API (gRPC), has its
place here: positions are bytes and topics are names without a protocol, so nothing else would change.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

ORDER_SUBMITTED = "/event/Order_Submitted__e"
FULFILLMENT_COMMAND = "/event/Fulfillment_Command__e"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedEvent:
    """One event as it came. `position` is where to go on after it; `uuid` is what it is known by.

    Positions are opaque: they are stored and given back, never compared or computed. An empty position or
    uuid was not given. The payload is what the org sent, unchecked.
    """

    topic: str
    position: bytes
    uuid: str
    payload: Mapping[str, Any]
    received_at: datetime


class EventSource(Protocol):
    """Where events come from."""

    def subscribe(
        self, topics: Sequence[str], positions: Mapping[str, bytes], gap: Callable[[str], None]
    ) -> AsyncGenerator[ReceivedEvent, None]:
        """Events of these topics, without end, in the order of each topic.

        Starts after the given position of each topic; at the oldest event that Salesforce still has where
        none is given. Reconnects by itself, for ever, and then goes on after the last event that was
        taken from the generator: the same event may come again. Calls `gap` with the topic when events
        may have been lost: then the truth has to be found by query. An event is asked for only when the
        consumer takes them: a slow consumer slows the stream.
        """
        ...
