"""One callout to make: the request as it will be sent, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connector.model.ids import ItemNo, OrderId, idempotency_key
from connector.model.json import Json
from connector.model.order import Priority


class RenderedRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A request to a fulfillment system, complete but for address and credentials.

    Rendered once per epoch and stored before it is sent, so that every resend under the same
    idempotency key carries the same content.
    """

    method: str
    path: str
    """Begins with `/`; already percent-encoded."""
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: Json = None


class Work(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One attempt of one callout item."""

    order: OrderId
    item: ItemNo
    epoch: int
    attempt: int
    interface: str
    """`system.interface`."""
    set_hash: str
    request: RenderedRequest
    awaits_event: bool = False
    """The item is asynchronous: an ok answer means accepted, not completed."""
    priority: Priority = Priority.DEFAULT
    poll: tuple[str, str] | None = None
    """It only asks how far the item is: its plan definition and key, whose completion judges the answer. `attempt`
    is then the number of the question."""

    @property
    def system(self) -> str:
        """The system's name."""
        return self.interface.partition(".")[0]

    @property
    def idempotency_key(self) -> str:
        """The key that every sending of this epoch carries."""
        return idempotency_key(self.order, self.item, self.epoch)
