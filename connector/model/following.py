"""Orders that wait for other orders: who waits for whom, and how the other one is doing."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from connector.model.ids import OrderId


class Standing(StrEnum):
    """How an order is doing, as far as those care that follow it."""

    UNHEARD = "unheard of"
    """It has not come: nobody knows whether it ever will."""
    OPEN = "open"
    REJECTED = "rejected"
    """It can't be fulfilled as it is. It may be mended, or those that follow it told to follow it no more."""
    ENDED = "ended"
    """It was completed or canceled; what it did to the inventory is done."""


class Follower(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order that waits for this one. It has `named` it: by the id of one of its versions."""

    order: OrderId
    named: OrderId


class Followed(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An order that is waited for. Its number is known when it has been heard of."""

    order: OrderId
    number: str = ""
    standing: Standing = Standing.UNHEARD

    def __str__(self) -> str:
        """What people call it."""
        return self.number or self.order
